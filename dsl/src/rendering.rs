//! Diagnostics as text: for people, and in the formats that machines read. Sources are shown with their secrets struck
//! out.
//!
//! Paths are those of the sources. Where they are seen from elsewhere, a `base` is put in front of them.

mod cases;
mod github;
mod human;
mod json;
mod place;
mod sarif;

pub use cases::{Case, Failure, cases, junit, tap};
pub use github::{github, github_cases};
pub use human::{plain, render};
pub use json::{Listing, VERSION};
pub use place::joined;
pub use sarif::sarif;
