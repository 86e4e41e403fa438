//! A plugin that never finishes introducing itself. For the host's tests.

use std::hint::black_box;

use mux_plugin_sdk::{Adapter, Manifest};

/// It loops as soon as it is asked what it is.
#[derive(Debug)]
pub struct Endless;

impl Adapter for Endless {
    fn describe() -> Manifest {
        let mut turns = 0_u64;
        while black_box(true) {
            turns = black_box(turns.wrapping_add(1));
        }
        Manifest::default()
    }

    fn configure(_settings: &[u8]) -> Result<Self, String> {
        Ok(Self)
    }
}

mux_plugin_sdk::export!(Endless);
