//! The life of one request as a state machine, and what mux knows of the targets it may call.
//!
//! Sans-IO: a [`flight::Flight`] is told what happened and when, and answers with what to do. It may not know sockets,
//! tokio, the wall clock, or any source of chance but the seed it is given; the gateway, `mux policy test` and the
//! simulator therefore run the same code. Time is nanoseconds since an epoch of the caller's choosing ([`Nanos`]).
//!
//! Reading order: [`router`] (what one bundle needs), [`admission`] (what is decided before
//! anything is called), [`order`] (in which order targets are tried), [`itinerary`] (a plan laid flat), [`flight`] (one
//! request), [`target`] (what is known of a target), [`ledger`] and [`rate`] (money and limits), [`class`] (what an outcome means).

mod acceptance;
pub mod admission;
pub mod answer;
pub mod arrival;
mod atomics;
pub mod attempt;
pub mod breaker;
pub mod bucket;
pub mod candidate;
pub mod chance;
pub mod class;
pub mod concurrency;
mod condition;
pub mod counters;
mod course;
mod deadlines;
pub mod event;
mod excess;
pub mod figure;
mod filter;
pub mod flight;
pub mod hand;
pub mod hedge_budget;
pub mod histogram;
pub mod history;
pub mod itinerary;
pub mod latency;
pub mod ledger;
pub mod live;
mod logarithm;
pub mod look;
mod odds;
pub mod order;
pub mod price;
mod priority;
pub mod quantiles;
pub mod ramp;
mod ranking;
pub mod rate;
pub mod refusal;
mod retry;
pub mod retry_budget;
pub mod review;
pub mod router;
pub mod score;
pub mod served;
pub mod sparing;
mod sticky;
pub mod target;
pub mod trace;
pub mod trial;
pub mod unsupported;
pub mod upkeep;
pub mod window;

/// Nanoseconds since the caller's epoch; never the wall clock.
pub type Nanos = u64;

/// One millisecond.
pub const MILLI: Nanos = 1_000_000;
/// One second.
pub const SECOND: Nanos = 1_000_000_000;
