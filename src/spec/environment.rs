//! `environment.yml`: conda packages, channels, variables and a `pip:` section.
//!
//! The format is conda's (`conda env create`); what conda ignores, such as
//! `prefix:`, is ignored here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rattler_conda_types::{
    Channel, ChannelConfig, MatchSpec, PackageName, PackageNameMatcher, ParseMatchSpecOptions,
};
use serde::Deserialize;
use serde::de::{self, IgnoredAny, MapAccess, Visitor};

use super::channels::ChannelOptions;
use super::error::SpecError;
use super::file::{SpecFile, folder_of};
use super::pip::PipSpec;
use super::{Source, SpecKind};
use crate::net::Redacted;

pub(super) const KIND: SpecKind =
    SpecKind { shown: "environment.yml (YAML with `dependencies:`)", recognises, parse };

/// What an environment is made of.
#[derive(Clone, Debug)]
pub struct EnvSpec {
    /// The file, where there is one.
    pub path: PathBuf,
    /// `name:`
    pub name: Option<String>,
    /// Highest priority first; never empty.
    pub channels: Vec<Channel>,
    /// What has to be there.
    pub specs: Vec<MatchSpec>,
    /// Set when the environment is activated.
    pub variables: BTreeMap<String, String>,
    /// The `pip:` section.
    pub pip: Option<PipSpec>,
}

impl EnvSpec {
    /// An environment that holds Python and nothing else, for `--python conda:3.11`;
    /// an empty version stands for the newest.
    ///
    /// # Errors
    /// If the version or a channel is not valid.
    pub fn python(version: &str, options: &ChannelOptions) -> Result<EnvSpec, SpecError> {
        let text = if version.is_empty() { "python".to_owned() } else { format!("python={version}") };
        let path = PathBuf::from(format!("conda:{version}"));
        let folder = folder_of(&path);
        let config = options.config(&folder)?;
        Ok(EnvSpec {
            specs: vec![match_spec(&text, &path, &config)?],
            channels: options.resolve(&[], &folder)?,
            path,
            name: None,
            variables: BTreeMap::new(),
            pip: None,
        })
    }

    /// Asks for conda's `pip` too, unless it is asked for already: conda does
    /// so for every `pip:` section, we only where no uv is there to install it.
    pub fn require_pip(&mut self) {
        if !self.names("pip") {
            self.specs.push(MatchSpec::from(PackageName::new_unchecked("pip")));
        }
    }

    /// Whether a package is asked for by name.
    fn names(&self, name: &str) -> bool {
        self.specs.iter().any(|spec| match &spec.name {
            PackageNameMatcher::Exact(exact) => exact.as_normalized() == name,
            _ => false,
        })
    }
}

/// By its `dependencies:`, or because its name says so: then a missing key is
/// a fault worth telling.
fn recognises(file: &SpecFile) -> bool {
    let yaml = matches!(file.extension().as_str(), "yml" | "yaml");
    file.has_key("dependencies") || yaml
}

fn parse(file: &SpecFile, options: &ChannelOptions) -> Result<Source, SpecError> {
    let path = &file.path;
    let yaml = |error: serde_yaml::Error| SpecError::Yaml {
        path: path.clone(),
        source: Redacted::text(&error.to_string()),
    };
    let raw: Raw = serde_yaml::from_str(&file.text).map_err(yaml)?;
    let Some(dependencies) = raw.dependencies else {
        return Err(SpecError::NoDependencies { path: path.clone() });
    };
    let folder = file.folder();
    let config = options.config(&folder)?;
    let mut channels = options.resolve(&raw.channels.unwrap_or_default(), &folder)?;
    let mut specs = Vec::new();
    let mut pip = None::<Vec<String>>;
    for dependency in dependencies {
        match dependency {
            Dependency::Conda(text) => specs.push(match_spec(&text, path, &config)?),
            Dependency::Section(name, lines) if name == "pip" => pip.get_or_insert_default().extend(lines),
            Dependency::Section(section, _) => {
                return Err(SpecError::Section { path: path.clone(), section });
            }
        }
    }
    // A channel that is named only in `channel::package` is searched last.
    for channel in specs.iter().filter_map(|spec| spec.channel.as_deref()) {
        if !channels.iter().any(|known| known.base_url == channel.base_url) {
            channels.push(channel.clone());
        }
    }
    let pip = pip.map(|lines| PipSpec::of_section(&lines, path, &file.text)).transpose()?;
    let pip = pip.filter(|pip| !pip.requirements.is_empty() || !pip.included.is_empty());
    let variables =
        raw.variables.unwrap_or_default().into_iter().map(|(key, Scalar(value))| (key, value)).collect();
    let name = raw.name.map(|Scalar(name)| name).filter(|name| !name.trim().is_empty());
    let spec = EnvSpec { path: path.clone(), name, channels, specs, variables, pip };
    if spec.pip.is_some() && !spec.names("python") && !spec.names("pip") {
        return Err(SpecError::PipWithoutPython { path: path.clone() });
    }
    Ok(Source::Environment(spec))
}

/// A match spec in any of conda's forms, its channel made absolute.
fn match_spec(text: &str, path: &Path, config: &ChannelConfig) -> Result<MatchSpec, SpecError> {
    let wrong =
        |source| SpecError::MatchSpec { path: path.to_owned(), spec: crate::net::redact(text), source };
    let options = ParseMatchSpecOptions::lenient().with_exact_names_only(true);
    let mut spec = MatchSpec::from_str(text.trim(), options).map_err(|error| wrong(Redacted::new(&error)))?;
    // rattler takes names of channels for those of its own default alias, and
    // paths for those below the working directory.
    if let Some(name) = channel_of(text) {
        let (name, subdir) = split_subdir(name);
        let channel = Channel::from_str(name, config).map_err(|error| wrong(Redacted::new(&error)))?;
        spec.channel = Some(Arc::new(channel));
        spec.subdir = subdir.map(str::to_owned).or(spec.subdir);
    }
    Ok(spec)
}

/// What stands before `::`.
fn channel_of(text: &str) -> Option<&str> {
    let before_brackets = text.split('[').next().unwrap_or_default();
    let (channel, _) = before_brackets.rsplit_once("::")?;
    // `channel:namespace:name` is conda's long form, whose namespace is empty.
    Some(channel.trim()).filter(|channel| !channel.is_empty())
}

/// `conda-forge/linux-64` names a channel and one of its folders.
fn split_subdir(channel: &str) -> (&str, Option<&str>) {
    match channel.rsplit_once('/') {
        Some((channel, subdir)) if subdir.parse::<rattler_conda_types::Subdir>().is_ok() => {
            (channel, Some(subdir))
        }
        _ => (channel, None),
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(expecting = "keys such as `dependencies:`")]
struct Raw {
    name: Option<Scalar>,
    channels: Option<Vec<String>>,
    dependencies: Option<Vec<Dependency>>,
    variables: Option<BTreeMap<String, Scalar>>,
    #[serde(rename = "prefix")]
    _prefix: Option<IgnoredAny>,
}

/// A line of `dependencies:`.
enum Dependency {
    Conda(String),
    Section(String, Vec<String>),
}

impl<'de> Deserialize<'de> for Dependency {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Line;
        impl<'de> Visitor<'de> for Line {
            type Value = Dependency;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a match spec such as `numpy >=1.26`, or a `pip:` list")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Dependency, E> {
                Ok(Dependency::Conda(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Dependency, A::Error> {
                let Some(name) = map.next_key::<String>()? else {
                    return Err(de::Error::invalid_length(0, &self));
                };
                if name != "pip" {
                    map.next_value::<IgnoredAny>()?;
                    return Ok(Dependency::Section(name, Vec::new()));
                }
                let lines = map.next_value::<Option<Vec<String>>>()?.unwrap_or_default();
                match map.next_key::<String>()? {
                    None => Ok(Dependency::Section(name, lines)),
                    Some(other) => Err(de::Error::custom(format!("`{other}` needs a `-` of its own"))),
                }
            }
        }
        deserializer.deserialize_any(Line)
    }
}

/// A text, or what YAML takes for something else: conda makes it text again,
/// as Python writes it.
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Scalar;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(text.to_owned()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(if value { "True" } else { "False" }.to_owned()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
                // `{:?}` keeps the `.0` of a whole number, as Python does.
                Ok(Scalar(format!("{number:?}")))
            }
        }
        deserializer.deserialize_any(Text)
    }
}
