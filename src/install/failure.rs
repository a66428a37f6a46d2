//! What a failed uv or pip was unhappy about, by what it printed.
//!
//! Neither tells in its exit code whether trying again may help. The marks
//! below are phrases that they print (most seen with uv 0.13 and pip 23 and
//! 24); what none of them fits is passed on as it is.

use super::asked::Request;
use super::error::InstallError;
use crate::net::Redacted;

const HASH: &[&str] = &["Hash mismatch for", "DO NOT MATCH THE HASHES"];

/// One hash in a file makes both installers want all.
const UNHASHED: &[&str] = &["require-hashes"];

const FORBIDDEN: &[&str] = &[
    "401 Unauthorized",
    "403 Forbidden",
    "401 Error",
    "403 Error",
    "401 Client Error",
    "403 Client Error",
    "valid authentication credentials",
];

const UNREACHABLE: &[&str] = &[
    "client error (Connect)",
    "tcp connect error",
    "dns error",
    "operation timed out",
    "HTTP status server error",
    "429 Too Many Requests",
    "connection closed before message completed",
    "after connection broken by",
    "Max retries exceeded",
    "error responses",
    "Server Error",
    "Read timed out",
    "NewConnectionError",
];

const BUILD: &[&str] = &[
    "Failed to build",
    "subprocess-exited-with-error",
    "Failed building wheel",
    "metadata-generation-failed",
    "Could not build wheels",
    "The build backend returned an error",
];

const REQUIREMENT: &[&str] = &[
    "No solution found",
    "No matching distribution",
    "Could not find a version",
    "ResolutionImpossible",
    "conflicting dependencies",
    "not found in the package registry",
    "404 Not Found",
    "404 Client Error",
    "HTTP status client error (404",
    "Distribution not found",
    "is not a supported wheel",
];

const SYNTAX: &[&str] = &["Couldn't parse requirement", "Invalid requirement"];

/// How much of the output is shown: a build tells why at its end.
const LINES_SHOWN: usize = 30;

/// How the lines begin that report progress.
const NOISE: &[&str] = &[
    "Using Python ",
    "Looking in ",
    "Resolved ",
    "Prepared ",
    "Building ",
    "Built ",
    "Audited ",
    "Collecting ",
    "Processing ",
    "Downloading ",
    "Using cached ",
    "Preparing metadata ",
    "Getting requirements to ",
    "Installing build dependencies",
];

/// Judges the output of a failed installer; `log` is what it wrote besides and
/// is not shown.
pub(super) fn of_output(tool: &'static str, output: &str, log: &str, request: &Request<'_>) -> InstallError {
    let source = Redacted::text(&request.translated(&tail(output)));
    let says = |marks: &[&str]| marks.iter().any(|mark| output.contains(mark) || log.contains(mark));
    let asked = request.asked(&telling(output).collect::<Vec<_>>().join("\n"), output);
    match () {
        () if says(HASH) => InstallError::Hash { asked, source },
        () if says(UNHASHED) => InstallError::Unhashed { asked, source },
        // A build may fail because what it needs can't be fetched.
        () if says(FORBIDDEN) => InstallError::IndexForbidden { asked, source },
        () if says(UNREACHABLE) => InstallError::IndexUnreachable { asked, source },
        () if says(BUILD) => InstallError::Build { asked: request.asked(&of_build(output), output), source },
        () if says(SYNTAX) => InstallError::Syntax { asked, source },
        () if says(REQUIREMENT) => InstallError::Requirement { asked, source },
        () => InstallError::Tool { tool, source },
    }
}

/// What says which package was built, among what the build itself printed: the
/// verdict, or the package that pip took up last.
fn of_build(output: &str) -> String {
    let verdicts = output.lines().filter(|line| BUILD.iter().any(|mark| line.contains(mark)));
    let taken_up = |line: &&str| line.starts_with("Collecting ") || line.starts_with("Processing ");
    verdicts.chain(output.lines().rfind(taken_up)).collect::<Vec<_>>().join("\n")
}

/// The lines that report no progress.
fn telling(output: &str) -> impl Iterator<Item = &str> {
    output.lines().filter(|line| {
        !line.trim().is_empty() && !NOISE.iter().any(|noise| line.trim_start().starts_with(noise))
    })
}

/// The last lines that tell something.
fn tail(output: &str) -> String {
    let lines: Vec<_> = telling(output)
        .map(|line| line.strip_prefix("error: ").or_else(|| line.strip_prefix("ERROR: ")).unwrap_or(line))
        .collect();
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Explain, Kind};
    use crate::install::Tool;
    use crate::spec::PipSpec;

    /// With nothing of the user's to name.
    fn of(output: &str, log: &str) -> InstallError {
        let spec = PipSpec { no_index: true, ..PipSpec::default() };
        let (requirements, constraints) = ("/r.txt".into(), "/c.txt".into());
        of_output("uv", output, log, &Request { spec: &spec, tool: &Tool::Pip, requirements, constraints })
    }

    fn judged(output: &str) -> (String, Kind) {
        let error = of(output, "");
        let kind = error.kind();
        (error.to_string(), kind)
    }

    #[test]
    fn a_requirement_that_does_not_exist_is_the_users_to_mend() {
        for output in [
            "error: No solution found when resolving dependencies\n  cause: Because x was not found in the package registry and you require x, we can conclude that your requirements are unsatisfiable.",
            "ERROR: Could not find a version that satisfies the requirement x (from versions: none)\nERROR: No matching distribution found for x",
        ] {
            let (message, kind) = judged(output);
            assert_eq!(
                (message.as_str(), kind),
                ("a requirement can't be found or its versions don't fit together", Kind::Input)
            );
        }
    }

    #[test]
    fn an_index_that_can_not_be_reached_is_worth_another_try() {
        for output in [
            "error: Failed to fetch: http://127.0.0.1:9/simple/six/\n  cause: client error (Connect)\n  cause: tcp connect error",
            "error: Failed to fetch: http://h/\n  cause: HTTP status server error (503 Service Unavailable) for url (http://h/)",
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('x')': /simple/six/\nERROR: No matching distribution found for six",
        ] {
            assert_eq!(judged(output).1, Kind::Retry, "{output}");
        }
    }

    #[test]
    fn pips_log_tells_a_broken_index_from_a_missing_package() {
        let output = "ERROR: No matching distribution found for six";
        let log = "Could not fetch URL http://h/six/: connection error: (Caused by ResponseError('too many 503 error responses')) - skipping";
        assert_eq!(of(output, log).kind(), Kind::Retry);
    }

    #[test]
    fn hashes_builds_and_credentials_have_messages_of_their_own() {
        for (output, message) in [
            (
                "error: Failed to download `six==1`\n  cause: Hash mismatch for `six==1`",
                "a downloaded package does not have the hash that is required",
            ),
            (
                "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
                "a downloaded package does not have the hash that is required",
            ),
            (
                "error: In `--require-hashes` mode, all requirements must have their versions pinned with `==`, but found: six",
                "a requirement has no hash, but others have",
            ),
            (
                "error: Failed to build `p @ file:///p`\n  cause: The build backend returned an error",
                "a package can't be built",
            ),
            (
                "error: subprocess-exited-with-error\n  × Getting requirements to build wheel did not run successfully.",
                "a package can't be built",
            ),
            (
                "hint: An index URL could not be queried due to a lack of valid authentication credentials (401 Unauthorized)",
                "a package index refuses access",
            ),
            (
                "WARNING: 401 Error, Credentials not correct for http://h/\nERROR: No matching distribution found for six",
                "a package index refuses access",
            ),
            ("something new", "uv failed"),
        ] {
            assert_eq!(judged(output), (message.to_owned(), Kind::Input));
        }
    }

    #[test]
    fn what_a_build_prints_names_no_package() {
        let output =
            "Collecting a==1\nProcessing /src/b\n  you require c==1\nerror: subprocess-exited-with-error\n";
        assert_eq!(of_build(output), "error: subprocess-exited-with-error\nProcessing /src/b");
    }

    #[test]
    fn the_end_of_a_long_output_is_shown_without_secrets() {
        let output = format!("{}\nerror: https://me:secret@h/ is broken", "line\n".repeat(100));
        let error = of(&output, "");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause.lines().count(), LINES_SHOWN);
        assert!(cause.ends_with("https://****@h/ is broken"), "{cause}");
    }
}
