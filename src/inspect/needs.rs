//! What the ELF files of an environment ask of a node.

use std::collections::{BTreeMap, BTreeSet};

use super::file_name;
use super::report::{Cuda, Floor, Library, Unloadable};
use crate::baseline::{self, Family};
use crate::prefix::elf::{Dynamic, Flaw, Machine};

/// Libraries of graphics cards' drivers and of what is built upon them.
const CUDA: [&str; 12] = [
    "libcuda.",
    "libcudart",
    "libcublas",
    "libcudnn",
    "libcufft",
    "libcurand",
    "libcusolver",
    "libcusparse",
    "libnccl",
    "libnvrtc",
    "libnvidia-",
    "libnvJitLink",
];

/// What was found so far.
#[derive(Default)]
pub(super) struct Needs {
    /// The highest versions, by their kinds, and the files that need them.
    floors: BTreeMap<&'static str, (Vec<u32>, BTreeSet<String>)>,
    /// Needed libraries → who needs them.
    needed: BTreeMap<String, BTreeSet<String>>,
    /// The names by which libraries of the environment are found.
    names: BTreeSet<String>,
    /// The highest level of x86-64, and the files that need it.
    level: Option<(u8, BTreeSet<String>)>,
    /// The files that are for a machine.
    machines: BTreeMap<Machine, BTreeSet<String>>,
    broken: BTreeMap<String, Flaw>,
    /// All that is needed by all, for a target to be compared with.
    versions: Vec<(String, String)>,
}

impl Needs {
    /// Takes an ELF file into account.
    pub(super) fn library(&mut self, path: &str, dynamic: &Dynamic) {
        self.name(path);
        self.names.extend(dynamic.soname.clone());
        self.machines.entry(dynamic.machine).or_default().insert(path.to_owned());
        for name in &dynamic.needed {
            self.needed.entry(name.clone()).or_default().insert(path.to_owned());
        }
        for version in &dynamic.versions {
            self.version(path, version);
        }
        if let Some(level) = dynamic.level.filter(|level| *level > 1) {
            let (highest, files) = self.level.get_or_insert((level, BTreeSet::new()));
            if level > *highest {
                (*highest, *files) = (level, BTreeSet::new());
            }
            if level == *highest {
                files.insert(path.to_owned());
            }
        }
    }

    /// Takes one that is damaged into account.
    pub(super) fn broken(&mut self, path: &str, flaw: Flaw) {
        // What holds nothing but debugging information is not loaded.
        if !path.ends_with(".debug") {
            self.broken.insert(path.to_owned(), flaw);
        }
    }

    /// A library can be found by this path's last part.
    pub(super) fn name(&mut self, path: &str) {
        self.names.insert(file_name(path).to_owned());
    }

    fn version(&mut self, path: &str, version: &str) {
        let Some((kind, numbers)) = ["GLIBC", "GLIBCXX"]
            .into_iter()
            .find_map(|kind| Some((kind, parse(version.strip_prefix(kind)?.strip_prefix('_')?)?)))
        else {
            return;
        };
        self.versions.push((version.to_owned(), path.to_owned()));
        let (highest, files) = self.floors.entry(kind).or_default();
        if numbers > *highest {
            (*highest, *files) = (numbers.clone(), BTreeSet::new());
        }
        if numbers == *highest {
            files.insert(path.to_owned());
        }
    }

    /// The highest version of `GLIBC` or `GLIBCXX`. A libstdc++ inside the
    /// environment serves its own files.
    pub(super) fn floor(&self, kind: &str) -> Option<Floor> {
        if kind == "GLIBCXX" && self.names.contains("libstdc++.so.6") {
            return None;
        }
        let (numbers, files) = self.floors.get(kind)?;
        Some(Floor { version: show(numbers), files: files.iter().cloned().collect() })
    }

    pub(super) fn level(&self) -> Option<Floor> {
        let (level, files) = self.level.as_ref()?;
        Some(Floor { version: format!("x86-64-v{level}"), files: files.iter().cloned().collect() })
    }

    /// Libraries that are neither in the environment nor the node's by nature.
    pub(super) fn outside(&self) -> Vec<Library> {
        let missing = self.needed.iter().filter(|(name, _)| {
            let node = !matches!(baseline::family(name), None | Some(Family::Desktop));
            !self.names.contains(*name) && !node && !is_cuda(name)
        });
        missing
            .map(|(name, files)| Library { name: name.clone(), needed_by: files.iter().cloned().collect() })
            .collect()
    }

    /// Libraries for graphics cards: in the environment, or expected on the node.
    pub(super) fn cuda(&self) -> Vec<Cuda> {
        let names: BTreeSet<&String> = self
            .needed
            .keys()
            .chain(&self.names)
            .filter(|name| is_cuda(name) && name.contains(".so"))
            .collect();
        names.into_iter().map(|name| Cuda { name: name.clone(), inside: self.names.contains(name) }).collect()
    }

    /// `GLIBC_2.28` with the file that needs it, for all files.
    pub(super) fn versions(&self) -> &[(String, String)] {
        &self.versions
    }

    /// The platform of most files, as conda names it.
    pub(super) fn platform(&self) -> Option<&'static str> {
        let (machine, _) = self.machines.iter().max_by_key(|(_, files)| files.len())?;
        machine.platform()
    }

    /// What is damaged, or for other processors than this platform's.
    pub(super) fn unloadable(&self, platform: Option<&str>) -> Vec<Unloadable> {
        let foreign = |machine: &Machine| platform.is_some() && machine.platform() != platform;
        let foreign = self.machines.iter().filter(|(machine, _)| foreign(machine));
        let foreign = foreign.flat_map(|(machine, files)| {
            files.iter().map(move |path| (path, format!("it is for another processor: {machine}")))
        });
        let broken = self.broken.iter().map(|(path, flaw)| (path, flaw.to_string()));
        let mut all: Vec<Unloadable> =
            foreign.chain(broken).map(|(path, reason)| Unloadable { path: path.clone(), reason }).collect();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all
    }
}

fn is_cuda(name: &str) -> bool {
    CUDA.iter().any(|start| name.starts_with(start))
}

/// `2.17` → [2, 17]; names such as `PRIVATE` are no versions.
pub(super) fn parse(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|number| number.parse().ok()).collect()
}

/// [2, 17] → `2.17`
pub(super) fn show(numbers: &[u32]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(needed: &[&str], versions: &[&str]) -> Dynamic {
        Dynamic {
            needed: needed.iter().map(ToString::to_string).collect(),
            versions: versions.iter().map(ToString::to_string).collect(),
            ..Dynamic::default()
        }
    }

    #[test]
    fn the_highest_version_decides_and_names_its_files() {
        let mut needs = Needs::default();
        needs.library("a.so", &library(&["libc.so.6"], &["GLIBC_2.4", "GLIBC_PRIVATE", "GLIBCXX_3.4.9"]));
        needs.library("b.so", &library(&["libc.so.6"], &["GLIBC_2.17", "GLIBC_2.2.5"]));
        let floor = needs.floor("GLIBC").unwrap();
        assert_eq!((floor.version.as_str(), floor.files), ("2.17", vec!["b.so".to_owned()]));
        assert_eq!(needs.floor("GLIBCXX").unwrap().version, "3.4.9");
        needs.name("lib/libstdc++.so.6");
        assert_eq!(needs.floor("GLIBCXX"), None, "the environment has its own");
    }

    #[test]
    fn only_libraries_that_nobody_brings_are_outside() {
        let mut needs = Needs::default();
        let wanted = ["libc.so.6", "libz.so.1", "libfoo.so.2", "libcuda.so.1", "libstdc++.so.6"];
        needs.library("lib/x.so", &library(&wanted, &[]));
        needs.name("lib/libz.so.1");
        let outside: Vec<_> = needs.outside().into_iter().map(|library| library.name).collect();
        assert_eq!(outside, ["libfoo.so.2"]);
        assert_eq!(needs.cuda(), [Cuda { name: "libcuda.so.1".to_owned(), inside: false }]);
    }
}
