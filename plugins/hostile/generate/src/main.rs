//! Draws a thousand modules from fixed seeds, for the host's tests: `cargo run --manifest-path
//! plugins/hostile/generate/Cargo.toml` writes `plugins/hostile/generated.bin`, and `--check` compares.
//!
//! Half of them are whole adapters, of which every function is drawn. The other half are the calls alone, for an adapter
//! that introduces itself properly: so they are really called.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

/// Modules of each half.
const COUNT: u64 = 500;
/// Bytes of chance for one module.
const CHANCE: usize = 900;

/// What a whole adapter has to have, by the canonical ABI.
const ADAPTER: &str = r#"(module
  (memory (export "memory") 1 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "mux:provider/adapter@0.2.0#describe") (result i32) unreachable)
  (func (export "mux:provider/adapter@0.2.0#configure") (param i32 i32) (result i32) unreachable)
  (func (export "mux:provider/adapter@0.2.0#prepare")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
  (func (export "mux:provider/adapter@0.2.0#decode")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
  (func (export "mux:provider/adapter@0.2.0#map-error") (param i32 i32 i32 i32 i32) (result i32) unreachable))"#;

/// The calls alone, in the memory of an adapter that has the rest.
const CALLS: &str = r#"(module
  (import "env" "memory" (memory 0))
  (func (export "prepare") (param i32) (result i32) unreachable)
  (func (export "decode") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable))"#;

fn main() -> ExitCode {
    match run() {
        Ok(good) => ExitCode::from(u8::from(!good)),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../generated.bin");
    let mut drawn = Vec::new();
    for seed in 0..COUNT {
        put(&mut drawn, &draw(seed, &whole()?)?)?;
    }
    for seed in 0..COUNT {
        put(&mut drawn, &draw(COUNT + seed, &calls()?)?)?;
    }
    println!("{} modules, {} bytes", 2 * COUNT, drawn.len());
    if std::env::args().any(|argument| argument == "--check") {
        return Ok(std::fs::read(file)? == drawn);
    }
    std::fs::write(file, drawn)?;
    Ok(true)
}

/// A module behind its length, as four bytes with the lowest first.
fn put(drawn: &mut Vec<u8>, module: &[u8]) -> Result<(), Box<dyn Error>> {
    drawn.extend(u32::try_from(module.len())?.to_le_bytes());
    drawn.extend_from_slice(module);
    Ok(())
}

/// What the host's engine and the canonical ABI have in common.
fn common() -> Config {
    Config {
        exceptions_enabled: false,
        gc_enabled: false,
        relaxed_simd_enabled: false,
        threads_enabled: false,
        memory64_enabled: false,
        tail_call_enabled: false,
        extended_const_enabled: false,
        reference_types_enabled: false,
        max_memories: 1,
        min_funcs: 4,
        max_funcs: 8,
        max_types: 12,
        max_instructions: 50,
        ..Config::default()
    }
}

fn whole() -> Result<Config, Box<dyn Error>> {
    Ok(Config {
        exports: Some(wat::parse_str(ADAPTER)?),
        max_imports: 0,
        max_tables: 1,
        max_data_segments: 4,
        max_element_segments: 3,
        ..common()
    })
}

/// What may share a memory that is another's: no tables, no segments, no beginning of its own.
fn calls() -> Result<Config, Box<dyn Error>> {
    Ok(Config {
        module_shape: Some(wat::parse_str(CALLS)?),
        allow_start_export: false,
        bulk_memory_enabled: false,
        simd_enabled: false,
        multi_value_enabled: false,
        max_tables: 0,
        max_data_segments: 0,
        max_element_segments: 0,
        max_globals: 3,
        ..common()
    })
}

fn draw(seed: u64, config: &Config) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut chance = Vec::with_capacity(CHANCE);
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x006d_7578;
    while chance.len() < CHANCE {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chance.extend((mixed ^ (mixed >> 31)).to_le_bytes());
    }
    let module = Module::new(config.clone(), &mut Unstructured::new(&chance))?;
    let bytes = module.to_bytes();
    wasmparser::validate(&bytes)?;
    Ok(bytes)
}
