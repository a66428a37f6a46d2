//! The AWS configuration files, which `object_store` doesn't read: profiles
//! with keys, a region, an endpoint or a web identity.
//!
//! The rules are those of the AWS SDKs:
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use crate::publish::store::Variables;

/// What a profile says, nested settings as `s3.endpoint_url`.
pub(super) type Profile = BTreeMap<String, String>;

/// Why a profile can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// It was asked for and is in neither file.
    #[error("neither `{}` nor `{}` has it", config.display(), credentials.display())]
    Missing { config: PathBuf, credentials: PathBuf },
    /// One of the files can't be read.
    #[error("its file can't be read")]
    Unreadable(#[from] io::Error),
    /// One of the two keys is missing.
    #[error("it has no `{0}`")]
    Incomplete(&'static str),
    /// It gets its credentials by a way that only AWS' own tools know.
    #[error("it gets its credentials by `{0}`, which needs the AWS command line")]
    NeedsTool(&'static str),
}

impl ProfileError {
    pub(in crate::publish) fn hint(&self) -> String {
        match self {
            ProfileError::Missing { .. } => "correct AWS_PROFILE, or add the profile with `aws configure`",
            ProfileError::Unreadable(_) => "make the file readable, or unset AWS_PROFILE",
            ProfileError::Incomplete(_) => "add it, or run `aws configure`",
            ProfileError::NeedsTool(_) => {
                "run eval \"$(aws configure export-credentials --format env)\" first, which puts them into the environment"
            }
        }
        .to_owned()
    }
}

/// Ways to credentials that need a tool: a key that gives them away.
const TOOLS: [&str; 5] =
    ["credential_process", "sso_session", "sso_start_url", "source_profile", "credential_source"];

/// Where the profile is looked for.
pub(super) struct Files {
    config: PathBuf,
    credentials: PathBuf,
}

impl Files {
    pub fn locate(variables: &Variables) -> Self {
        let home = PathBuf::from(variables.get("HOME").map_or("/", String::as_str));
        let file = |variable: &str, usual: &str| {
            variables.get(variable).map_or_else(|| home.join(usual), |path| expand(path, &home))
        };
        Files {
            config: file("AWS_CONFIG_FILE", ".aws/config"),
            credentials: file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
        }
    }

    /// Reads the profile that `AWS_PROFILE` names, else the default one, which
    /// may be missing.
    pub fn profile(&self, variables: &Variables) -> Result<Profile, (String, ProfileError)> {
        let asked = variables.get("AWS_PROFILE").or_else(|| variables.get("AWS_DEFAULT_PROFILE"));
        let name = asked.map_or("default", String::as_str);
        let blame = |error| (name.to_owned(), error);
        let read = |path: &PathBuf| match fs_err::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            other => other.map_err(|error| blame(error.into())),
        };
        let (config, credentials) = (read(&self.config)?, read(&self.credentials)?);
        match merge(&config, &credentials, name) {
            Some(profile) => Ok(profile),
            None if asked.is_none() => Ok(Profile::new()),
            None => Err(blame(ProfileError::Missing {
                config: self.config.clone(),
                credentials: self.credentials.clone(),
            })),
        }
    }
}

/// Checks that the profile's credentials, if it has any, can be used here.
pub(super) fn check_credentials(profile: &Profile) -> Result<(), ProfileError> {
    match (profile.contains_key("aws_access_key_id"), profile.contains_key("aws_secret_access_key")) {
        (true, true) => Ok(()),
        (true, false) => Err(ProfileError::Incomplete("aws_secret_access_key")),
        (false, true) => Err(ProfileError::Incomplete("aws_access_key_id")),
        (false, false) => match TOOLS.into_iter().find(|key| profile.contains_key(*key)) {
            Some(key) => Err(ProfileError::NeedsTool(key)),
            None => Ok(()),
        },
    }
}

/// The profile from both files; credentials win. The settings of the `services`
/// section that it names are merged in.
fn merge(config: &str, credentials: &str, name: &str) -> Option<Profile> {
    let config = sections(config);
    let section = if name == "default" && config.contains_key("default") {
        "default".to_owned()
    } else {
        format!("profile {name}")
    };
    let from_config = config.get(&section);
    let credentials = sections(credentials);
    let from_credentials = credentials.get(name);
    if from_config.is_none() && from_credentials.is_none() {
        return None;
    }
    let mut profile = Profile::new();
    for part in [from_config, from_credentials].into_iter().flatten() {
        profile.extend(part.clone());
    }
    if let Some(services) = profile.get("services").and_then(|name| config.get(&format!("services {name}"))) {
        profile.extend(services.clone());
    }
    Some(profile)
}

/// The sections of a file by their names. Values are never quoted.
fn sections(text: &str) -> BTreeMap<String, Profile> {
    let mut sections: BTreeMap<String, Profile> = BTreeMap::new();
    let mut section = None;
    let mut outer = String::new();
    for line in text.lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = content.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let name = header.split_whitespace().collect::<Vec<_>>().join(" ");
            section = Some(sections.entry(name.replace('"', "")).or_default());
            continue;
        }
        let (Some(section), Some((key, value))) = (section.as_mut(), content.split_once('=')) else {
            continue;
        };
        let key = key.trim().to_ascii_lowercase();
        if line.starts_with([' ', '\t']) && !outer.is_empty() {
            section.insert(format!("{outer}.{key}"), value.trim().to_owned());
        } else {
            section.insert(key.clone(), value.trim().to_owned());
            outer = if value.trim().is_empty() { key } else { String::new() };
        }
    }
    sections
}

fn expand(path: &str, home: &std::path::Path) -> PathBuf {
    path.strip_prefix("~/").map_or_else(|| PathBuf::from(path), |rest| home.join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "\
# comment
[default]
region = eu-west-1
s3 =
  addressing_style = virtual
output = json

[profile lab]
region=us-west-2
aws_access_key_id = from-config
services = local

[services local]
s3 =
    endpoint_url = http://127.0.0.1:9000
";

    #[test]
    fn credentials_win_over_config() {
        let credentials = "[lab]\naws_access_key_id = AKIA\naws_secret_access_key = a+b/c=\n";
        let profile = merge(CONFIG, credentials, "lab").unwrap();
        assert_eq!(profile["aws_access_key_id"], "AKIA");
        assert_eq!(profile["aws_secret_access_key"], "a+b/c=");
        assert_eq!(profile["region"], "us-west-2");
    }

    #[test]
    fn nested_settings_and_services_are_found() {
        assert_eq!(merge(CONFIG, "", "default").unwrap()["s3.addressing_style"], "virtual");
        assert_eq!(merge(CONFIG, "", "default").unwrap()["output"], "json");
        assert_eq!(merge(CONFIG, "", "lab").unwrap()["s3.endpoint_url"], "http://127.0.0.1:9000");
        assert_eq!(merge(CONFIG, "", "other"), None);
    }

    #[test]
    fn a_profile_that_needs_a_tool_is_refused() {
        let profile = merge("[profile p]\nsso_session = x\nregion = y", "", "p").unwrap();
        assert!(matches!(check_credentials(&profile), Err(ProfileError::NeedsTool("sso_session"))));
        let profile = merge("", "[p]\naws_access_key_id = x", "p").unwrap();
        assert!(matches!(
            check_credentials(&profile),
            Err(ProfileError::Incomplete("aws_secret_access_key"))
        ));
    }

    #[test]
    fn only_a_profile_that_was_asked_for_must_exist() {
        let home = tempfile::tempdir().unwrap();
        let mut variables = Variables::from([("HOME".to_owned(), home.path().display().to_string())]);
        assert_eq!(Files::locate(&variables).profile(&variables).unwrap(), Profile::new());
        variables.insert("AWS_PROFILE".to_owned(), "lab".to_owned());
        let (name, error) = Files::locate(&variables).profile(&variables).unwrap_err();
        assert_eq!(name, "lab");
        assert!(matches!(error, ProfileError::Missing { .. }));
    }
}
