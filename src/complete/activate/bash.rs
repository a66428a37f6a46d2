//! `bin/activate`, for bash and zsh.

use super::super::activation::certificates::BUNDLES;
use super::super::activation::{Activation, Effect, List, Origin};
use super::also_named;

const SCRIPT: &str = include_str!("activate.sh");

/// What a Python does about certificates, for a shell.
const CERTIFICATES: &str = r#"_envship_certificates() {
    for _envship_folder in @FOLDERS@; do
        if [ ! -e "$_envship_folder/cert.pem" ] && [ ! -e "$_envship_folder/certs" ]; then
            for _envship_bundle in @BUNDLES@; do
                if [ -e "$_envship_bundle" ]; then
                    _envship_put SSL_CERT_FILE "$_envship_bundle"
                    break 2
                fi
            done
        fi
    done
    unset _envship_folder _envship_bundle
}
if [ -z "${SSL_CERT_FILE+x}" ] && [ -z "${SSL_CERT_DIR+x}" ]; then
    _envship_certificates
fi
unset -f _envship_certificates
"#;

pub(super) fn activate(activation: &Activation) -> String {
    let prefix = activation.activate_as.variable();
    let also = also_named(activation.activate_as).iter();
    let also = also.map(|name| format!("_envship_put {name} \"${prefix}\"\n"));
    let declared = activation.declared.iter();
    let declared = declared.map(|(name, value)| format!("_envship_put {name} {}\n", value.shell(prefix)));
    SCRIPT
        .replace("@PREFIX@", prefix)
        .replace("@PATH@", &activation.path.shell(prefix))
        .replace("@PUT@", &also.chain(declared).collect::<String>())
        .replace("@FILL@", &fill(activation, prefix))
}

/// What scripts don't set, and the mark.
fn fill(activation: &Activation, prefix: &str) -> String {
    let mut lines = Vec::new();
    let mut marks = vec![prefix.to_owned(), "CONDA_DEFAULT_ENV".to_owned(), "SSL_CERT_FILE".to_owned()];
    for (name, (effect, origin)) in &activation.variables {
        // Its first folders are there already, and scripts add theirs.
        let ours = *origin == Origin::DataPath && name != "PATH";
        match effect {
            Effect::Set(value) => {
                if ours {
                    lines.push(format!("_envship_fill {name} {}\n", value.shell(prefix)));
                }
                if name != "SSL_CERT_FILE" {
                    marks.push(name.clone());
                }
            }
            Effect::Join(list @ List { separator, alone, before, after }) => {
                if ours {
                    let words = [alone, before, after].map(|value| value.shell(prefix));
                    lines.push(format!("_envship_join {name} {}\n", words.join(" ")));
                }
                if *separator == ':' {
                    marks.push(format!("'{name}+='{}", list.items().shell(prefix)));
                }
            }
        }
    }
    let words = |texts: &[&str]| -> String {
        texts.iter().map(|text| format!("'{text}'")).collect::<Vec<_>>().join(" ")
    };
    let folders: Vec<&str> = activation.certificates.folders.iter().map(String::as_str).collect();
    if !folders.is_empty() {
        lines
            .push(CERTIFICATES.replace("@FOLDERS@", &words(&folders)).replace("@BUNDLES@", &words(&BUNDLES)));
    }
    lines.push(format!("_envship_mark {}\n", marks.join(" ")));
    lines.concat()
}
