//! `envship` as its users meet it: real specs, channels, stores and engines.

mod architecture;
mod bad_input;
mod environments;
mod formats;
mod landed;
mod peers;
mod promises;
mod publish_store;
mod ship;
mod spark;
mod util;
