//! `pyvenv.cfg` (PEP 405): what a virtual environment says of its base.

/// The keys of a `pyvenv.cfg`, lower case, as CPython's `site` reads them:
/// lines with a `=`, blanks trimmed, the last one wins.
#[derive(Clone, Debug, Default)]
pub(super) struct PyvenvCfg(Vec<(String, String)>);

impl PyvenvCfg {
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        PyvenvCfg(pairs.map(|(key, value)| (key.trim().to_lowercase(), value.trim().to_owned())).collect())
    }

    /// The value of a key, unless it is empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let (_, value) = self.0.iter().rev().find(|(known, _)| known == key)?;
        (!value.is_empty()).then_some(value)
    }

    /// Whether packages of the base are visible.
    pub(super) fn sees_system_site_packages(&self) -> bool {
        self.get("include-system-site-packages").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// `3.11.7`: venv and uv write `version`, virtualenv and uv
    /// `version_info`, with `.final.0` behind it.
    pub(super) fn version(&self) -> Option<String> {
        let version = self.get("version").or_else(|| self.get("version_info"))?;
        let numbers: Vec<&str> = version.splitn(4, '.').take(3).collect();
        Some(numbers.join("."))
    }

    /// What made it, with its version where it says so.
    pub(super) fn maker(&self) -> (&'static str, Option<String>) {
        for maker in ["uv", "virtualenv"] {
            if let Some(version) = self.get(maker) {
                return (maker, Some(version.to_owned()));
            }
        }
        ("venv", None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_venv_virtualenv_and_uv_is_read() {
        for text in ["version = 3.11.7", "version_info = 3.11.7.final.0", "uv = 0.9\nversion_info=3.11.7"] {
            assert_eq!(PyvenvCfg::parse(text).version().as_deref(), Some("3.11.7"), "{text}");
        }
    }

    #[test]
    fn the_maker_is_known() {
        assert_eq!(PyvenvCfg::parse("uv = 0.9.1").maker(), ("uv", Some("0.9.1".to_owned())));
        assert_eq!(PyvenvCfg::parse("home = /usr/bin").maker(), ("venv", None));
    }

    #[test]
    fn a_base_path_may_hold_an_equals_sign() {
        assert_eq!(PyvenvCfg::parse("HOME = /opt/a=b/bin").get("home"), Some("/opt/a=b/bin"));
    }
}
