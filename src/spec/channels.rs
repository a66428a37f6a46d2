//! Where conda packages come from, in the order of their priority.

use std::path::{Path, PathBuf};

use rattler_conda_types::{Channel, ChannelConfig};
use url::Url;

use super::error::SpecError;
use crate::net::{Redacted, redact};

/// Where channel names lead unless `--channel-alias` says otherwise.
const DEFAULT_ALIAS: &str = "https://conda.anaconda.org";

/// What is searched where neither spec nor command line names a channel.
const DEFAULT_CHANNEL: &str = "conda-forge";

/// What conda means by `defaults` on Linux and macOS (its `default_channels`);
/// the alias doesn't change it.
const DEFAULTS: [&str; 2] = ["https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r"];

/// What the command line says about channels.
#[derive(Clone, Debug, Default)]
pub struct ChannelOptions {
    /// `--channel`, in order: they come before those of the spec, as with
    /// `conda install -c`. Paths are relative to the working directory.
    pub extra: Vec<String>,
    /// `--override-channels`: those of the spec don't count.
    pub override_spec: bool,
    /// `--channel-alias`: the URL below which names lie.
    pub alias: Option<String>,
}

impl ChannelOptions {
    /// The channels to search, highest priority first, each once.
    ///
    /// `listed` are those of a spec, with paths relative to `folder`.
    /// `nodefaults` is dropped: nothing is added that was not asked for, but
    /// for conda-forge where nobody names any channel.
    pub(super) fn resolve(&self, listed: &[String], folder: &Path) -> Result<Vec<Channel>, SpecError> {
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        let mut channels = Vec::new();
        self.append(&self.extra, &here, &mut channels)?;
        if !self.override_spec {
            self.append(listed, folder, &mut channels)?;
            if channels.is_empty() {
                self.append(&[DEFAULT_CHANNEL.to_owned()], folder, &mut channels)?;
            }
        }
        if channels.is_empty() { Err(SpecError::NoChannels) } else { Ok(channels) }
    }

    fn append(&self, names: &[String], folder: &Path, channels: &mut Vec<Channel>) -> Result<(), SpecError> {
        let config = self.config(folder)?;
        for name in names {
            let expanded: Vec<&str> = match name.trim() {
                "nodefaults" => continue,
                "defaults" => DEFAULTS.to_vec(),
                name => vec![name],
            };
            for name in expanded {
                let channel = Channel::from_str(name, &config).map_err(|error| SpecError::Channel {
                    channel: redact(name),
                    source: Redacted::new(&error),
                })?;
                if !channels.iter().any(|known| known.base_url == channel.base_url) {
                    channels.push(channel);
                }
            }
        }
        Ok(())
    }

    /// How names and paths become URLs.
    pub(super) fn config(&self, folder: &Path) -> Result<ChannelConfig, SpecError> {
        let alias = self.alias.as_deref().unwrap_or(DEFAULT_ALIAS);
        // Names are joined to the alias, which would drop its last segment.
        let url = Url::parse(&format!("{}/", alias.trim_end_matches('/')))
            .map_err(|source| SpecError::ChannelAlias { alias: redact(alias), source })?;
        Ok(ChannelConfig { channel_alias: url, root_dir: folder.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(options: &ChannelOptions, listed: &[&str]) -> Vec<String> {
        let listed: Vec<_> = listed.iter().map(ToString::to_string).collect();
        let channels = options.resolve(&listed, Path::new("/project")).unwrap();
        channels.iter().map(|channel| channel.base_url.to_string()).collect()
    }

    #[test]
    fn names_urls_and_paths_keep_their_order_and_count_once() {
        assert_eq!(
            urls(
                &ChannelOptions::default(),
                &[
                    "bioconda",
                    "./local",
                    "file:///srv/channel",
                    "nodefaults",
                    "https://example.org/t/tk/a",
                    "bioconda"
                ]
            ),
            [
                "https://conda.anaconda.org/bioconda/",
                "file:///project/local/",
                "file:///srv/channel/",
                "https://example.org/t/tk/a/",
            ]
        );
    }

    #[test]
    fn channels_of_the_command_line_come_first_and_can_replace_the_specs() {
        let mut options = ChannelOptions { extra: vec!["mine".into()], ..ChannelOptions::default() };
        assert_eq!(urls(&options, &["theirs"]).len(), 2);
        assert_eq!(urls(&options, &["theirs"])[0], "https://conda.anaconda.org/mine/");
        options.override_spec = true;
        assert_eq!(urls(&options, &["theirs"]), ["https://conda.anaconda.org/mine/"]);
    }

    #[test]
    fn an_alias_moves_names_but_not_urls() {
        let options =
            ChannelOptions { alias: Some("http://mirror/conda".into()), ..ChannelOptions::default() };
        assert_eq!(
            urls(&options, &["conda-forge", "https://x/y"]),
            ["http://mirror/conda/conda-forge/", "https://x/y/"]
        );
    }

    #[test]
    fn conda_forge_is_searched_where_nobody_names_a_channel() {
        assert_eq!(
            urls(&ChannelOptions::default(), &["nodefaults"]),
            ["https://conda.anaconda.org/conda-forge/"]
        );
    }

    #[test]
    fn overriding_without_a_channel_is_refused() {
        let options = ChannelOptions { override_spec: true, ..ChannelOptions::default() };
        assert!(matches!(options.resolve(&["a".into()], Path::new("/")), Err(SpecError::NoChannels)));
    }

    #[test]
    fn a_bad_channel_is_named_without_its_password() {
        let error = ChannelOptions::default()
            .resolve(&["https://me:hunter2@[bad/".into()], Path::new("/"))
            .map(|_| ())
            .unwrap_err();
        let plain = format!("{error:?}");
        assert!(!format!("{plain} {:?}", crate::error::Error::from(error)).contains("hunter2"));
    }
}
