//! The proxy itself: accept, decide, send, stream, reload, record. All effects of mux live here.
//!
//! It may not know what a policy says, only what routing tells it to do about a request. Reading order: [`gateway`]
//! (the whole, and its life), [`exchange`] (one request), [`drive`] (a flight carried out), [`bundle`] and [`reload`]
//! (what is served, and how a save becomes it).

pub mod admin;
mod allowance;
pub mod answer;
pub mod arrival;
pub mod asked;
pub mod attempt;
pub mod branch;
pub mod bundle;
pub mod canary;
pub mod clock;
pub mod command;
pub mod commit;
mod complaint;
pub mod credential;
mod departures;
pub mod drive;
pub mod events;
pub mod exchange;
pub mod gateway;
pub mod gauge;
mod hearing;
mod lane;
mod latest;
pub mod live;
pub mod models;
pub mod network;
pub mod places;
pub mod plugins;
pub mod policies;
pub mod pressure;
pub mod prices;
pub mod recorder;
pub mod reload;
pub mod source;
pub mod status;
mod surface;
mod upkeep;
pub mod upstream;
pub mod watch;
