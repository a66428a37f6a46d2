//! What a pack makes: an archive, what it holds, and where it lies.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::entry::Placeholder;

/// How an environment is archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Format {
    #[serde(rename = "tar.gz")]
    TarGz,
    #[serde(rename = "tar")]
    Tar,
    #[serde(rename = "tar.zst")]
    TarZst,
    #[serde(rename = "zip")]
    Zip,
    #[serde(rename = "directory")]
    Directory,
}

impl Format {
    /// All of them, the default first.
    pub const ALL: [Format; 5] = [Format::TarGz, Format::Tar, Format::TarZst, Format::Zip, Format::Directory];

    /// Its name on the command line, which for files is also the extension.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::TarGz => "tar.gz",
            Format::Tar => "tar",
            Format::TarZst => "tar.zst",
            Format::Zip => "zip",
            Format::Directory => "directory",
        }
    }

    /// The format that a file name stands for: by its extension, in any case,
    /// or a trailing slash for a directory.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Format> {
        let name = name.to_ascii_lowercase();
        let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
        Some(match () {
            () if ends(&[".tar.gz", ".tgz"]) => Format::TarGz,
            () if ends(&[".tar.zst", ".tzst"]) => Format::TarZst,
            () if ends(&[".tar"]) => Format::Tar,
            () if ends(&[".zip"]) => Format::Zip,
            () if ends(&["/"]) => Format::Directory,
            () => return None,
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tgz" => Ok(Format::TarGz),
            "tzst" => Ok(Format::TarZst),
            "dir" | "no-archive" => Ok(Format::Directory),
            _ => Format::ALL
                .into_iter()
                .find(|format| format.name() == text)
                .ok_or_else(|| format!("known formats: {}", Format::ALL.map(Format::name).join(", "))),
        }
    }
}

/// Where the manifest lies below the root of every environment.
pub const MANIFEST: &str = "share/envship/manifest.json";

/// `share/envship/manifest.json`: what an archive says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this schema; 1.
    pub schema: u32,
    /// The version of envship that packed it.
    pub envship: String,
    /// What the user pointed at.
    pub source: SourceKind,
    /// As conda names it: `linux-64`, `linux-aarch64`, `osx-arm64`…
    pub platform: String,
    /// What fixes the archive's bytes.
    pub archive: Recipe,
    pub python: Option<PythonInfo>,
    /// The lowest glibc on which the interpreter and the libraries load, and
    /// why, where the environment is for Linux.
    pub glibc: Option<GlibcFloor>,
    /// Ordered by name, then kind.
    pub packages: Vec<Package>,
    pub installers: Vec<Installer>,
    /// The compiled modules of the standard library, by name: no other record
    /// lists what belongs to a virtual environment's interpreter.
    #[serde(default)]
    pub extensions: Vec<String>,
    /// Ordered by path, then offset.
    pub placeholders: Vec<Placeholder>,
    /// Why the path had to stay there, by the path of the file.
    #[serde(default)]
    pub reasons: BTreeMap<String, Reason>,
    /// Facts that a user of the archive should know.
    pub remarks: Vec<String>,
}

/// Why a file holds the path of the environment, and not a relative one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// How something was built, for what is compiled against it: sysconfig's
    /// data, `Makefile`, `python-config` and its like, `.cmake` and `.la`
    /// files, `.pc` files outside of pkg-config's folders. They are read by
    /// tools that want absolute paths.
    BuildSettings,
    /// Jupyter starts the kernel by this path: it isn't the environment's
    /// Python, for which Jupyter knows a name.
    Kernel,
    /// In a program or library, whose strings can't grow.
    Compiled,
    /// In a string of compiled Python code.
    Bytecode,
    /// In the text of a program, which would have to be understood.
    Program,
    /// In a text of no format that can say where it lies.
    Text,
}

impl Reason {
    /// For people.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Reason::BuildSettings => "build settings, for what is compiled against the environment",
            Reason::Kernel => "a Jupyter kernel that is started by its path",
            Reason::Compiled => "compiled into a program or library",
            Reason::Bytecode => "a string of compiled Python code",
            Reason::Program => "the text of a program",
            Reason::Text => "a text that can't say where it lies",
        }
    }
}

/// What fixes an archive's bytes, together with the rest of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The version of the contract between entries and bytes.
    pub layout: u32,
    pub format: Format,
    /// Of compression.
    pub level: u32,
    /// Of every entry, in seconds since 1970.
    pub time: u64,
    /// SHA-256 over the groups into which the entries fall, hexadecimal;
    /// compressed blocks are cut between them.
    pub groups: String,
    /// SHA-256 over path, kind, mode and content of all entries but the
    /// manifest, in their order, hexadecimal.
    pub contents: String,
}

/// What the user pointed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    Environment,
    Requirements,
    CondaPrefix,
    Venv,
}

/// The interpreter of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonInfo {
    /// `3.11.7`
    pub version: String,
    /// The ABI tag: `cp311`, `cp313t`.
    pub abi: String,
}

impl PythonInfo {
    /// `3.11`
    #[must_use]
    pub fn minor(&self) -> String {
        self.version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
    }
}

/// The lowest glibc that an environment runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlibcFloor {
    /// `2.17`: the highest symbol version that the interpreter needs.
    pub interpreter: Option<String>,
    /// `2.28`: the highest manylinux tag among the wheels.
    pub wheels: Option<String>,
}

/// A package of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub kind: PackageKind,
    /// The conda build string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// `sha256:…` or `md5:…` of the package file, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// Where a package comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum PackageKind {
    Conda,
    Pypi,
}

/// What installed packages into the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installer {
    /// `rattler`, `uv`, `pip`, `conda`…
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// SHA-256 of the manifest, whose [`Recipe`] covers every entry, format, level
/// and layout version: same digest, same bytes. Of an archive that envship
/// didn't pack, that of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentDigest(pub [u8; 32]);

impl ContentDigest {
    /// The first twelve hexadecimal digits, as they stand in an archive's name.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
