//! Which archives an engine unpacks so that they still run.

use super::error::Error;
use super::request::{Engine, Request, SparkVersion};
use crate::artifact::Format;

/// Refuses an archive that the engine would unpack wrongly, or not at all.
///
/// YARN's node manager sets all modes, so a zip without them is fine there.
/// Spark's own `Utils.unpack` serves every other master: it keeps the modes of a
/// tar.gz, loses those of a tar since 3.3, and of a zip before 4.0.
pub(super) fn check(request: &Request, notes: &mut Vec<String>) -> Result<(), Error> {
    let Request { format, spark_version, .. } = request;
    let engine = request.master.engine;
    let refuse = |reason| Err(Error::Format { engine, format: *format, reason });
    match (format, engine) {
        (Format::TarGz, _) | (Format::Tar, Engine::Yarn) => Ok(()),
        (Format::Tar, _) => refuse("Spark 3.3 and later lose the executable bits of a tar"),
        (Format::TarZst, _) => refuse("it would be left packed"),
        (Format::Directory, _) => refuse("only archives are shipped"),
        (Format::Zip, Engine::Yarn) => check_links(request, notes),
        (Format::Zip, _) if spark_version.is_some_and(|version| version >= FIRST_WITH_ZIP_MODES) => {
            check_links(request, notes)
        }
        (Format::Zip, _) => refuse("Spark before 4.0 loses the executable bits of a zip"),
    }
}

/// The first that comes with a Hadoop that keeps a zip's modes (HADOOP-18145).
const FIRST_WITH_ZIP_MODES: SparkVersion = SparkVersion { major: 4, minor: 0 };

fn check_links(request: &Request, notes: &mut Vec<String>) -> Result<(), Error> {
    match request.has_links {
        Some(true) => return Err(Error::ZipLinks { uri: request.uri.clone() }),
        Some(false) => {}
        None => notes.push(
            "engines turn the symbolic links of a zip into text files: pack it without --zip-symlinks"
                .to_owned(),
        ),
    }
    Ok(())
}
