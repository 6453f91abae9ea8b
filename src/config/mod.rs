//! The configuration: what can be set, what holds when nothing is, and where things lie.
//!
//! One TOML file; every key has a default, so that an empty file and no file mean the same. [`types`](self) are plain data that every
//! room reads; [`load`] finds and reads the file and says of a mistake where it stands; [`check`] knows which values make sense;
//! [`paths`] knows the folders. `config/modelscand.toml` lists every key with its default, and a test proves that it equals them.

mod check;
mod document;
pub mod load;
pub mod paths;
mod policy_rule;
mod types;

pub(crate) use load::nearest;
pub use load::{Error, Loaded, Problem, load, parse};
pub use paths::{NoHome, Paths};
pub use policy_rule::{Owner, PolicyRule};
pub use types::*;

/// The configuration file with every key, its default and one line of why, as `modelscand config init` writes it.
pub const EXAMPLE: &str = include_str!("../../config/modelscand.toml");
