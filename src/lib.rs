//! Packs a Python environment into a relocatable archive, publishes it, and
//! prints the configuration that makes an engine use it.
//!
//! Data flows one way, and each stage is a module:
//!
//! | stage | from | to |
//! |---|---|---|
//! | [`spec`] | what the user points at | a specification, or a prefix |
//! | [`solve`] | a specification | exact packages |
//! | [`install`] | exact packages | a prefix: the directory of an environment |
//! | [`prefix`] | a prefix | an inventory of its entries |
//! | [`complete`] | an inventory | one that stands alone: interpreter, bytecode, metadata |
//! | [`relocate`] | the bytes of a file | edits that make it run anywhere |
//! | [`archive`] | entries and edits | an archive; and back |
//! | [`publish`] | an archive | a URL |
//! | [`conf`] | the URL and an engine | configuration to paste |
//! | [`mod@inspect`] | files | sizes, and what they ask of a node |
//! | [`verify`] | an unpacked environment | whether it runs |
//!
//! A stage knows only value types ([`entry`], [`artifact`]) and the base
//! ([`baseline`], [`cache`], [`error`], [`fs`], [`interrupt`], [`net`],
//! [`process`], [`progress`]); [`ops`] composes the stages into verbs, [`cli`] reads the command line, [`memory`] sees
//! that memory goes back to the system, and [`term`] is the one module that prints.

pub mod archive;
pub mod artifact;
pub mod baseline;
pub mod cache;
pub mod cli;
pub mod complete;
pub mod conf;
pub mod entry;
pub mod error;
pub mod fs;
pub mod inspect;
pub mod install;
pub mod interrupt;
pub mod memory;
pub mod net;
pub mod ops;
mod parallel;
pub mod prefix;
pub mod process;
pub mod progress;
pub mod publish;
pub mod relocate;
pub mod solve;
pub mod spec;
pub mod term;
pub mod verify;
