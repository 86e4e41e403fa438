//! Any bytes through the formatter: what it lays out it lays out again as it is, and it never says that it failed itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mux_dsl::{Unformatted, formatted};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match formatted("p.mux", text) {
        Ok(once) => assert_eq!(formatted("p.mux", &once).expect("what was laid out can be read"), once),
        Err(Unformatted::Wrong { .. }) => {}
        Err(other) => panic!("{other:?}"),
    }
});
