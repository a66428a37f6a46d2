//! What an S3 client is made from: environment variables first, then the profile.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey as Key, AwsCredentialProvider};
use object_store::{Certificate, ClientConfigKey, ClientOptions, RetryConfig};

use super::profile::{self, Files, Profile};
use crate::publish::error::Error;
use crate::publish::store::Variables;

/// Where credentials come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Environment or profile, or none are wanted.
    Given,
    /// A web identity or a container's role.
    Server,
    /// The metadata server that a cloud instance has.
    Instance,
    /// The metadata server is switched off, and there is nothing else.
    Nowhere,
}

/// All that a client is made from.
#[derive(Debug)]
pub struct Settings {
    options: HashMap<Key, String>,
    certificates: Vec<Certificate>,
    pub origin: Origin,
}

impl Settings {
    /// Reads variables and files.
    pub fn gather(variables: &Variables, files: &Files) -> Result<Self, Error> {
        let mut options = HashMap::new();
        for (name, value) in variables {
            // Set but empty is how shells unset.
            if name.starts_with("AWS_")
                && !value.trim().is_empty()
                && let Ok(key) = Key::from_str(&name.to_ascii_lowercase())
            {
                check_value(name, value)?;
                options.insert(key, value.trim().to_owned());
            }
        }
        let mut settings =
            Settings { options, certificates: certificates(variables)?, origin: Origin::Given };
        settings.add_profile(variables, files)?;
        settings.origin = settings.find_origin(variables);
        settings.check_endpoint()?;
        Ok(settings)
    }

    fn has(&self, key: Key) -> bool {
        self.options.contains_key(&key)
    }

    fn fill(&mut self, key: Key, value: Option<&String>) -> Result<(), Error> {
        if let Some(value) = value
            && !self.has(key)
        {
            check_value(key.as_ref(), value)?;
            self.options.insert(key, value.clone());
        }
        Ok(())
    }

    fn add_profile(&mut self, variables: &Variables, files: &Files) -> Result<(), Error> {
        let blame = |(profile, source)| Error::Profile { profile, source };
        let profile = files.profile(variables).map_err(blame)?;
        if !self.has(Key::DefaultRegion) {
            self.fill(Key::Region, profile.get("region"))?;
        }
        if !self.has(Key::Endpoint) && !is_true(variables.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) {
            self.fill(
                Key::S3Endpoint,
                profile.get("s3.endpoint_url").or_else(|| profile.get("endpoint_url")),
            )?;
        }
        if profile.get("s3.addressing_style").is_some_and(|style| style == "virtual") {
            self.fill(Key::VirtualHostedStyleRequest, Some(&"true".to_owned()))?;
        }
        if self.has_credentials() {
            return Ok(());
        }
        profile::check_credentials(&profile).map_err(|source| {
            let name = variables.get("AWS_PROFILE").or_else(|| variables.get("AWS_DEFAULT_PROFILE"));
            blame((name.map_or("default", String::as_str).to_owned(), source))
        })?;
        self.add_credentials(&profile)
    }

    fn add_credentials(&mut self, profile: &Profile) -> Result<(), Error> {
        // A lone token of the environment belongs to no key of the profile.
        self.options.remove(&Key::Token);
        for (key, name) in [
            (Key::AccessKeyId, "aws_access_key_id"),
            (Key::SecretAccessKey, "aws_secret_access_key"),
            (Key::Token, "aws_session_token"),
            (Key::WebIdentityTokenFile, "web_identity_token_file"),
            (Key::RoleArn, "role_arn"),
            (Key::RoleSessionName, "role_session_name"),
        ] {
            self.fill(key, profile.get(name))?;
        }
        Ok(())
    }

    fn has_credentials(&self) -> bool {
        self.has(Key::AccessKeyId)
            || self.has(Key::SecretAccessKey)
            || self.is_anonymous()
            || (self.has(Key::WebIdentityTokenFile) && self.has(Key::RoleArn))
    }

    fn is_anonymous(&self) -> bool {
        is_true(self.options.get(&Key::SkipSignature))
    }

    fn find_origin(&self, variables: &Variables) -> Origin {
        let is_given = self.has(Key::AccessKeyId) || self.has(Key::SecretAccessKey) || self.is_anonymous();
        let is_served = self.has_credentials()
            || self.has(Key::ContainerCredentialsRelativeUri)
            || self.has(Key::ContainerCredentialsFullUri);
        match () {
            () if is_given => Origin::Given,
            () if is_served => Origin::Server,
            () if is_true(variables.get("AWS_EC2_METADATA_DISABLED")) => Origin::Nowhere,
            () => Origin::Instance,
        }
    }

    /// The server, if it is not Amazon's own.
    pub fn endpoint(&self) -> Option<&str> {
        [Key::S3Endpoint, Key::Endpoint].iter().find_map(|key| self.options.get(key)).map(String::as_str)
    }

    fn check_endpoint(&self) -> Result<(), Error> {
        let Some(endpoint) = self.endpoint() else { return Ok(()) };
        let problem = match url::Url::parse(endpoint) {
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                "holds a user name or password"
            }
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => return Ok(()),
            _ => "is not an http:// or https:// URL",
        };
        Err(Error::Setting { name: "AWS_ENDPOINT_URL".to_owned(), problem: problem.to_owned() })
    }

    /// A client for a bucket; asks for credentials as the settings say, unless given.
    pub fn client(
        &self,
        bucket: &str,
        retry: RetryConfig,
        credentials: Option<AwsCredentialProvider>,
    ) -> Result<AmazonS3, Error> {
        let mut client = ClientOptions::new()
            // Of a whole part on a slow line.
            .with_timeout(retry.retry_timeout.min(Duration::from_mins(2)))
            .with_connect_timeout(Duration::from_secs(5))
            .with_config(ClientConfigKey::UserAgent, concat!("envship/", env!("CARGO_PKG_VERSION")));
        for certificate in &self.certificates {
            client = client.with_root_certificate(certificate.clone());
        }
        let mut builder = AmazonS3Builder::new().with_client_options(client);
        if self.endpoint().is_some_and(|endpoint| endpoint.starts_with("http://")) {
            builder = builder.with_allow_http(true);
        }
        for (key, value) in &self.options {
            builder = builder.with_config(*key, value);
        }
        if let Some(credentials) = credentials {
            builder = builder.with_credentials(credentials);
        }
        builder.with_bucket_name(bucket).with_retry(retry).build().map_err(|error| self.unusable(&error))
    }

    /// A switch or duration that the client can't read; its text quotes the
    /// value, never that of a secret.
    fn unusable(&self, error: &object_store::Error) -> Error {
        let text = error.to_string();
        let culprit = self.options.iter().find(|(_, value)| text.contains(&format!("\"{value}\"")));
        match culprit {
            Some((key, value)) => Error::Setting {
                name: key.as_ref().to_ascii_uppercase(),
                problem: format!("can't be `{value}`"),
            },
            None => {
                Error::Setting { name: "of an AWS_ variable".to_owned(), problem: "can't be used".to_owned() }
            }
        }
    }
}

/// Certificates of an authority of one's own, as the AWS tools take them.
fn certificates(variables: &Variables) -> Result<Vec<Certificate>, Error> {
    let Some(path) = variables.get("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) else {
        return Ok(Vec::new());
    };
    let pem = fs_err::read(path).map_err(|source| Error::Local {
        action: "read the certificates of AWS_CA_BUNDLE from",
        path: path.into(),
        source,
    })?;
    Certificate::from_pem_bundle(&pem).map_err(|_| Error::Setting {
        name: "AWS_CA_BUNDLE".to_owned(),
        problem: "names a file that holds no PEM certificates".to_owned(),
    })
}

/// Values go into headers, where a line break would make a panic of them.
fn check_value(name: &str, value: &str) -> Result<(), Error> {
    if value.trim().bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Ok(());
    }
    Err(Error::Setting {
        name: name.to_ascii_uppercase(),
        problem: "holds line breaks or characters outside ASCII".to_owned(),
    })
}

fn is_true(value: Option<&String>) -> bool {
    value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Explain, Kind};

    struct Machine {
        home: tempfile::TempDir,
        variables: Variables,
    }

    impl Machine {
        fn new(variables: &[(&str, &str)]) -> Self {
            let home = tempfile::tempdir().unwrap();
            let mut all = Variables::from([("HOME".to_owned(), home.path().display().to_string())]);
            all.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            Machine { home, variables: all }
        }

        fn file(self, name: &str, text: &str) -> Self {
            fs_err::create_dir_all(self.home.path().join(".aws")).unwrap();
            fs_err::write(self.home.path().join(".aws").join(name), text).unwrap();
            self
        }

        fn settings(&self) -> Result<Settings, Error> {
            Settings::gather(&self.variables, &Files::locate(&self.variables))
        }
    }

    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "s3cret")];

    #[test]
    fn the_environment_wins_over_the_profile() {
        let settings = Machine::new(&[KEYS[0], KEYS[1], ("AWS_DEFAULT_REGION", "eu-north-1")])
            .file("config", "[default]\nregion = us-west-2\nendpoint_url = http://h:1\n")
            .file("credentials", "[default]\naws_access_key_id = other\naws_secret_access_key = x\n")
            .settings()
            .unwrap();
        assert_eq!(settings.options[&Key::AccessKeyId], "AKIA");
        assert!(!settings.has(Key::Region));
        assert_eq!(settings.endpoint(), Some("http://h:1"));
        assert_eq!(settings.origin, Origin::Given);
    }

    #[test]
    fn a_profile_gives_what_the_environment_lacks() {
        let settings = Machine::new(&[("AWS_PROFILE", "lab"), ("AWS_REGION", "")])
            .file("config", "[profile lab]\nregion = us-west-2\n")
            .file(
                "credentials",
                "[lab]\naws_access_key_id = k\naws_secret_access_key = x\naws_session_token = t\n",
            )
            .settings()
            .unwrap();
        assert_eq!(settings.options[&Key::SecretAccessKey], "x");
        assert_eq!(settings.options[&Key::Token], "t");
        assert_eq!(settings.options[&Key::Region], "us-west-2");
    }

    #[test]
    fn the_endpoint_for_s3_wins_over_the_general_one() {
        let machine =
            Machine::new(&[("AWS_ENDPOINT_URL", "http://all:1"), ("AWS_ENDPOINT_URL_S3", "http://s3:1")]);
        assert_eq!(machine.settings().unwrap().endpoint(), Some("http://s3:1"));
    }

    #[test]
    fn credentials_are_sought_where_aws_tools_seek_them() {
        let origin = |variables: &[(&str, &str)]| Machine::new(variables).settings().unwrap().origin;
        assert_eq!(origin(&[]), Origin::Instance);
        assert_eq!(origin(&[("AWS_EC2_METADATA_DISABLED", "true")]), Origin::Nowhere);
        assert_eq!(
            origin(&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "arn:x")]),
            Origin::Server
        );
        assert_eq!(origin(&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x")]), Origin::Server);
        assert_eq!(origin(&[("AWS_SKIP_SIGNATURE", "true")]), Origin::Given);
        assert_eq!(origin(&KEYS), Origin::Given);
    }

    #[test]
    fn settings_that_cannot_be_used_are_named_without_secrets() {
        for (variables, said) in [
            (
                vec![("AWS_ENDPOINT_URL", "localhost:9000")],
                "the setting AWS_ENDPOINT_URL is not an http:// or https:// URL",
            ),
            (
                vec![("AWS_ENDPOINT_URL", "http://u:s3cret@h/")],
                "the setting AWS_ENDPOINT_URL holds a user name or password",
            ),
            (
                vec![("AWS_SESSION_TOKEN", "s3cret\nx")],
                "the setting AWS_SESSION_TOKEN holds line breaks or characters outside ASCII",
            ),
        ] {
            let error = Machine::new(&variables).settings().unwrap_err();
            assert_eq!((error.to_string().as_str(), error.kind()), (said, Kind::Input));
        }
        let settings =
            Machine::new(&[KEYS[0], KEYS[1], ("AWS_UNSIGNED_PAYLOAD", "perhaps")]).settings().unwrap();
        let error = settings.client("b", RetryConfig::default(), None).unwrap_err();
        assert_eq!(error.to_string(), "the setting AWS_UNSIGNED_PAYLOAD can't be `perhaps`");
    }

    #[test]
    fn a_secret_alone_is_not_enough() {
        let settings = Machine::new(&[KEYS[1]]).settings().unwrap();
        let error = settings.client("b", RetryConfig::default(), None).unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}
