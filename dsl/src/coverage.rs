//! What decided requests covered: rules taken, conditions seen true, false and deciding, edges of graphs, arms of plans.
//!
//! Everything is counted by equivalence class: requests in the same cell of every field cover the same, so recorded
//! traffic costs as much as the classes in it. What no request can cover is found out by the same search that finds
//! requests for what is missing, and is not counted.

mod arms;
mod classes;
mod counted;
mod question;
mod report;
mod search;
mod telling;

pub use classes::Classes;
pub use counted::Coverage;
pub use report::{Count, Gap, Line, Report, VERSION};
pub use search::Suggestion;
