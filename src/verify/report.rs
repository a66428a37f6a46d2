//! What was tried and how it went.

use std::collections::BTreeSet;

use serde::Serialize;

/// All checks, area by area.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub checks: Vec<Check>,
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub area: Area,
    /// The module, script or file.
    pub name: String,
    /// The distribution that it belongs to, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<String>,
    pub outcome: Outcome,
    /// Why it failed, or why that doesn't count.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// Files, links and modes are as they were packed.
    Files,
    /// The interpreter starts and finds itself.
    Interpreter,
    /// Modules are imported in an empty environment.
    Import,
    /// Modules are imported although the surroundings are against it.
    HostileImport,
    /// Console scripts start.
    Script,
    /// The requirements of all distributions are met.
    Requirements,
}

impl Area {
    pub const ALL: [Area; 6] =
        [Area::Files, Area::Interpreter, Area::Import, Area::HostileImport, Area::Script, Area::Requirements];

    /// Its heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Area::Files => "files",
            Area::Interpreter => "interpreter",
            Area::Import => "imports",
            Area::HostileImport => "imports, hostile environment",
            Area::Script => "console scripts",
            Area::Requirements => "requirements",
        }
    }
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Passed,
    Failed,
    /// It failed in a way that packing has no part in.
    Tolerated,
}

impl Check {
    #[must_use]
    pub fn passed(area: Area, name: impl Into<String>) -> Self {
        Check { area, name: name.into(), distribution: None, outcome: Outcome::Passed, reason: String::new() }
    }

    #[must_use]
    pub fn failed(area: Area, name: impl Into<String>, reason: impl Into<String>) -> Self {
        Check { outcome: Outcome::Failed, reason: reason.into(), ..Check::passed(area, name) }
    }

    #[must_use]
    pub fn tolerated(area: Area, name: impl Into<String>, reason: impl Into<String>) -> Self {
        Check { outcome: Outcome::Tolerated, reason: reason.into(), ..Check::passed(area, name) }
    }

    pub(super) fn of(self, distribution: Option<&str>) -> Self {
        Check { distribution: distribution.map(str::to_owned), ..self }
    }
}

impl Report {
    pub(super) fn push(&mut self, check: Check) {
        self.checks.push(check);
    }

    pub(super) fn extend(&mut self, checks: impl IntoIterator<Item = Check>) {
        self.checks.extend(checks);
    }

    /// Adds what was found before the environment was unpacked.
    #[must_use]
    pub fn with(mut self, checks: impl IntoIterator<Item = Check>) -> Self {
        self.checks.splice(0..0, checks);
        self
    }

    /// How many checks of an area went so.
    #[must_use]
    pub fn count(&self, area: Area, outcome: Outcome) -> usize {
        self.checks.iter().filter(|check| check.area == area && check.outcome == outcome).count()
    }

    /// Those that went so.
    pub fn with_outcome(&self, outcome: Outcome) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(move |check| check.outcome == outcome)
    }

    /// What fails everywhere need not be told twice, and a module that can't be
    /// imported at all says nothing about hostile surroundings.
    pub(super) fn tell_apart(&mut self) {
        let bad = |area: Area| {
            let checks = self.checks.iter().filter(move |check| check.area == area);
            checks.filter(|check| check.outcome != Outcome::Passed).map(|check| check.name.clone())
        };
        let broken: BTreeSet<String> = bad(Area::Import).collect();
        self.checks.retain(|check| check.area != Area::HostileImport || !broken.contains(&check.name));
        self.checks.sort_by(|a, b| (a.area, &a.name).cmp(&(b.area, &b.name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_everywhere_is_told_once() {
        let mut report = Report::default();
        report.push(Check::failed(Area::HostileImport, "a", "no"));
        report.push(Check::failed(Area::Import, "a", "no"));
        report.push(Check::failed(Area::HostileImport, "b", "shadowed"));
        report.push(Check::passed(Area::Import, "b"));
        report.tell_apart();
        let told: Vec<_> =
            report.with_outcome(Outcome::Failed).map(|check| (check.area, check.name.as_str())).collect();
        assert_eq!(told, [(Area::Import, "a"), (Area::HostileImport, "b")]);
    }
}
