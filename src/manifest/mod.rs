//! Floor 3: live state → manifests.

mod emit;
mod sayable;
mod write;
mod write_users;

pub use write::{MODELINE, Unsayable, Written, write};
