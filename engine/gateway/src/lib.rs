//! The proxy itself: accept, decide, send, stream, reload, record. All effects of mux live here.
//!
//! It may not know what a policy says, only what routing tells it to do about a request. Reading order: [`gateway`]
//! (the whole, and its life), `exchange` (one request), `drive` (a flight carried out), `bundle` and `reload` (what is
//! served, and how a save becomes it).

mod admin;
mod allowance;
mod answer;
mod arrival;
mod asked;
mod attempt;
pub mod branch;
mod bundle;
mod canary;
pub mod clock;
pub mod command;
mod commit;
mod complaint;
pub mod credential;
mod departures;
mod drive;
mod events;
mod exchange;
pub mod gateway;
mod gauge;
mod hearing;
mod lane;
mod late;
mod latest;
mod live;
mod metrics;
mod models;
pub mod network;
mod places;
pub mod plugins;
mod policies;
mod pressure;
pub mod prices;
pub mod recorder;
mod rejected;
mod reload;
pub mod source;
pub mod status;
mod surface;
pub mod tending;
mod upkeep;
mod upstream;
pub mod watch;
