//! The real binary as its users meet it: a process with sockets, files and signals, in front of simulated providers.
//!
//! Every test has folders and ports of its own and waits for events, never for time to pass. The modules `patience`,
//! `process`, `http`, `policy`, `by_hand` and `home` are the tools; every other one is a subject.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops with a message"
)]

mod e2e {
    mod by_hand;
    mod home;
    mod http;
    mod patience;
    mod policy;
    mod process;

    mod chat;
    mod commands;
    mod compared;
    mod coverage;
    mod disconnect;
    mod failover;
    mod formats;
    mod layout;
    mod life;
    mod lsp;
    mod plugins;
    mod questions;
    mod records;
    mod refusals;
    mod reload;
    mod spend;
    mod start;
    mod strategies;
    mod versions;
}
