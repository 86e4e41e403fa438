//! The command `mux`.
fn main() {}
