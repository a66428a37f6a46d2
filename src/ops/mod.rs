//! The verbs: each is one short function that composes the stages.
//!
//! source → resolved → prefix → inventory → relocated entries → archive → URL → configuration

mod assemble;
mod cache;
mod conf;
mod environment;
mod inspect;
mod pack;
mod pass;
mod place;
mod publish;
mod ship;
mod stranded;
mod unpack;
mod verify;

pub use assemble::{Contents, PackOptions, Portability};
pub use cache::{CacheInfo, CacheUse, cache_clean, cache_dir, cache_info};
pub use conf::{EngineOptions, conf};
pub use environment::{Given, SourceOptions};
pub use inspect::{Inspected, TooNew, inspect, require_met};
pub use pack::{Packed, pack};
pub use publish::{Published, publish};
pub use ship::{ShipOptions, Shipped, ship};
pub use unpack::{Unpacked, unpack};
pub use verify::{Unfit, environment_at, require_fit, verify};
