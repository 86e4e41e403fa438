//! The simulator: the real routing code against modelled providers that fail in every known way, in virtual time.
//!
//! A run is a function of its scenario and its seed. [`scenario`] says what is sent to whom and what breaks, [`provider`]
//! models one upstream and [`fault`] what can be wrong with it, [`run`] carries a scenario out and [`baseline`] does the
//! same with the rules other gateways use, [`promise`] holds the results against what mux promises, [`swarm`] looks for
//! what nobody thought of. [`agreement`] holds the simulator against runs of the whole gateway, which others carry out.

pub mod agreement;
pub mod arrivals;
pub mod baseline;
pub mod chart;
pub mod draw;
pub mod fault;
pub mod promise;
pub mod provider;
pub mod recorded;
pub mod run;
pub mod scenario;
pub mod swarm;
pub mod tally;
