//! `bin/activate.fish`.

use super::super::activation::certificates::BUNDLES;
use super::super::activation::{Activation, List};
use super::{Step, also_named, steps};

const SCRIPT: &str = include_str!("activate.fish");

/// What a Python does about certificates.
const CERTIFICATES: &str = "if not set -q SSL_CERT_FILE; and not set -q SSL_CERT_DIR
    for _envship_folder in @FOLDERS@
        if not test -e $_envship_folder/cert.pem -o -e $_envship_folder/certs
            for _envship_bundle in @BUNDLES@
                if test -e $_envship_bundle
                    _envship_put SSL_CERT_FILE $_envship_bundle
                    break
                end
            end
            break
        end
    end
end
";

pub(super) fn activate(activation: &Activation) -> String {
    let prefix = activation.activate_as.variable();
    let names = also_named(activation.activate_as);
    let mut lines: Vec<String> =
        names.iter().map(|name| format!("_envship_put {name} ${prefix}\n")).collect();
    let mut marks: Vec<String> =
        [prefix].iter().chain(names).chain(&["SSL_CERT_FILE"]).map(|name| (*name).to_owned()).collect();
    for (name, step) in steps(activation) {
        match step {
            Step::Put(value) => lines.push(format!("_envship_put {name} {}\n", value.fish(prefix))),
            Step::Fill(value) => lines.push(format!("_envship_fill {name} {}\n", value.fish(prefix))),
            Step::Join(List { separator, alone, before, after }) => {
                let words = [alone, before, after].map(|value| value.fish(prefix)).join(" ");
                lines.push(format!("_envship_join {name} '{separator}' {words}\n"));
            }
        }
        match step {
            Step::Put(_) | Step::Fill(_) if name != "SSL_CERT_FILE" => marks.push(name.to_owned()),
            Step::Join(list @ List { separator: ':', .. }) => {
                marks.push(format!("'{name}+='{}", list.items().fish(prefix)));
            }
            _ => {}
        }
    }
    let folders = &activation.certificates.folders;
    if !folders.is_empty() {
        let words = |texts: &mut dyn Iterator<Item = &str>| -> String {
            texts.map(|text| format!("'{text}'")).collect::<Vec<_>>().join(" ")
        };
        lines.push(
            CERTIFICATES
                .replace("@FOLDERS@", &words(&mut folders.iter().map(String::as_str)))
                .replace("@BUNDLES@", &words(&mut BUNDLES.into_iter())),
        );
    }
    SCRIPT
        .replace("@PREFIX@", prefix)
        .replace("@STEPS@", &lines.concat())
        .replace("@MARK@", &format!("_envship_mark {}", marks.join(" ")))
}
