//! The real binary as its users meet it: a process with sockets, files and signals, in front of simulated providers.
//!
//! Every test has folders and ports of its own and waits for events, never for time to pass. The modules `patience`,
//! `process`, `http`, `policy`, `by_hand`, `endpoint`, `repository`, `home` and `replay` are the tools; every other one is a subject.
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
    mod endpoint;
    mod home;
    mod http;
    mod joint;
    mod patience;
    mod policy;
    mod process;
    mod replay;
    mod repository;

    mod asking;
    mod branch;
    mod canary;
    mod canary_trouble;
    mod chat;
    mod clouds;
    mod commands;
    mod compared;
    mod coverage;
    mod disconnect;
    mod disk;
    mod early_headers;
    mod embeddings;
    mod failover;
    mod foretold;
    mod formats;
    mod identities;
    mod layers;
    mod layout;
    mod life;
    mod lsp;
    mod messages;
    mod neighbours;
    mod plugin_trust;
    mod plugins;
    mod pressure;
    mod prices;
    mod provider;
    mod pull_requests;
    mod questions;
    mod queue;
    mod quirks;
    mod records;
    mod refusals;
    mod reload;
    mod replaying;
    mod responses;
    mod resumed;
    mod spend;
    mod start;
    mod strategies;
    mod swaps;
    mod traffic;
    mod upkeep;
    mod versions;
    mod walk;
}
