//! Any bytes as a policy file: the compiler answers with an image or with errors, and every answer can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mux_dsl::{Severity, compile, render};

fuzz_target!(|bytes: &[u8]| {
    let mut read = |path: &str| if path == "p.mux" { Ok(bytes.to_vec()) } else { Err("there is one file only".to_owned()) };
    let compiled = compile(&["p.mux"], &mut read, &|_| true);
    let failed = compiled.diagnostics.iter().any(|d| d.severity == Severity::Error);
    assert_eq!(compiled.image.is_none(), failed);
    let shown = render(&compiled.diagnostics, &compiled.sources, true);
    assert_eq!(shown.is_empty(), compiled.diagnostics.is_empty());
});
