//! Amazon S3 and the many servers that speak its protocol.
//!
//! Settings and credentials come from where the AWS tools take them: the
//! environment, then the profile, then a web identity, a container's or an
//! instance's role. A variable wins over the profile.

mod profile;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3;
use object_store::{BackoffConfig, RetryConfig};

use crate::error::Kind;
use crate::publish::answer::{Answer, Fault};
use crate::publish::backend::Backend;
use crate::publish::error::Error;
use crate::publish::location::{Location, Place};
use crate::publish::network::Network;
use crate::publish::object::ObjectDirectory;
use crate::publish::scheme::Scheme;
use crate::publish::store::Variables;
use profile::Files;
use settings::{Origin, Settings};

pub use profile::ProfileError;

/// `s3a` and `s3n` are Hadoop's names for the same buckets.
pub(in crate::publish) const SCHEME: Scheme = Scheme { names: &["s3", "s3a", "s3n"], open };

/// How long to wait for an instance's metadata server, which is near or absent.
const METADATA: Duration = Duration::from_secs(3);

/// How long to wait for any other server that hands out credentials.
const TOKEN: Duration = Duration::from_secs(20);

fn open(directory: &Location, variables: &Variables) -> Result<Arc<dyn Backend>, Error> {
    let Place::Bucket { bucket, .. } = &directory.place else { unreachable!("made for buckets") };
    let settings = Settings::gather(variables, &Files::locate(variables))?;
    let network = Network::start().map_err(|source| Error::Local {
        action: "start threads in",
        path: ".".into(),
        source,
    })?;
    let hasty = settings.client(bucket, hasty(), None)?;
    fetch_credentials(&network, &settings, &hasty, directory)?;
    let patient = settings.client(bucket, patient(), Some(Arc::clone(hasty.credentials())))?;
    Ok(Arc::new(ObjectDirectory {
        network,
        hasty: Arc::new(hasty),
        patient: Arc::new(patient),
        directory: directory.clone(),
        endpoint: settings.endpoint().map(str::to_owned),
    }))
}

/// Gets the credentials once, so that a machine with none is told so at once.
fn fetch_credentials(
    network: &Network,
    settings: &Settings,
    store: &AmazonS3,
    directory: &Location,
) -> Result<(), Error> {
    let none = |source| Error::NoCredentials { url: directory.to_string(), source };
    let limit = match settings.origin {
        Origin::Given => return Ok(()),
        Origin::Nowhere => return Err(none(None)),
        Origin::Instance => METADATA,
        Origin::Server => TOKEN,
    };
    let fetched =
        network.wait(async { tokio::time::timeout(limit, store.credentials().get_credential()).await })?;
    match fetched {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            let source = Answer::of(&error);
            // Who is told of a credentials server by the environment has one that is down.
            if settings.origin == Origin::Server && source.fault.kind() == Kind::Retry {
                let (url, action) = (directory.to_string(), "get credentials for");
                return Err(Error::Remote { action, url, endpoint: None, source });
            }
            Err(none(Some(source)))
        }
        Err(_) => {
            Err(none(Some(Answer::new(Fault::Unreachable, "the credentials server gave no answer in time"))))
        }
    }
}

/// Gives up after a few seconds.
fn hasty() -> RetryConfig {
    let pause = Duration::from_millis(500);
    RetryConfig {
        backoff: BackoffConfig { init_backoff: pause, max_backoff: pause, base: 2.0 },
        max_retries: 5,
        retry_timeout: Duration::from_secs(8),
    }
}

/// Outlasts a server that restarts: waits at least five seconds in all.
fn patient() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(8),
            base: 2.0,
        },
        max_retries: 10,
        retry_timeout: Duration::from_mins(3),
    }
}
