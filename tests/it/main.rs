//! `envship` as its users meet it: real specs, channels, stores and engines.

#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    clippy::format_push_string,
    clippy::needless_pass_by_value,
    reason = "tests name their own files, are in no hurry, and read better without ceremony"
)]

mod activation;
mod architecture;
mod bad_input;
mod bytecode;
mod cache;
mod cli;
mod engines;
mod environments;
mod formats;
mod inspect;
mod landed;
mod outside;
mod peers;
mod promises;
mod publish_store;
mod settings;
mod shared;
mod ship;
mod sources;
mod util;
mod verify;
mod web;
