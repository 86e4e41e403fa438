//! Tests and recorded traffic, carried out by the real routing code in virtual time.
//!
//! It may not know sockets or tokio. [`world`] is the clock and the queue of events; [`play`] is what an upstream does in
//! it; [`case`] runs the `test` blocks of a bundle and [`verdict`] judges them, [`cover`] counts what they cover, [`moment`] is
//! one request that can be decided again.
//!
//! Of recorded traffic, [`sample`] learns how targets behave and [`outage`] what is to go wrong, [`traffic`] carries the requests
//! out in their [`order`], each version of the policies in a `lane` of its own, [`decisions`] only decides them, [`fate`] is what is counted of each, [`report`] compares, [`bounds`]
//! say how sure that is, and [`expectation`] judges it. [`likeness`] compares answers where providers were really asked again.

mod arriving;
pub mod bounds;
pub mod by;
pub mod case;
pub mod cover;
pub mod decisions;
pub mod expectation;
pub mod fate;
mod interval;
mod lane;
pub mod likeness;
pub mod moment;
pub mod order;
pub mod outage;
pub mod part;
pub mod play;
pub mod report;
mod run;
pub mod said;
pub mod sample;
pub mod side;
pub mod sim;
mod terms;
pub mod traffic;
pub mod verdict;
pub mod world;
