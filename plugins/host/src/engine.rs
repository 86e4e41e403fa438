//! The wasmtime engine: what guests may do, where their memory lies, and the clock that stops them.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use wasmtime::{
    Config, Enabled, Engine, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig,
};

use crate::fault::HostError;
use crate::limits::Limits;

/// The length of an epoch. Deadlines are counted in it.
const TICK: Duration = Duration::from_millis(1);
/// The whole range of a 32-bit memory: with it reserved, loads and stores need no bounds check.
const WHOLE_RANGE: u64 = 4 << 30;
/// Stack of a guest, in bytes.
const STACK: usize = 512 << 10;

/// Where instances get their memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Memory {
    /// A pool of slots with the whole range reserved for each.
    Roomy,
    /// A pool of slots no larger than an instance may grow: for machines with little address space.
    Tight,
    /// Mapped for each instance.
    Mapped,
}

/// Starts an engine and its clock.
pub(crate) fn start(limits: &Limits) -> Result<Engine, HostError> {
    let mut problem = String::new();
    for memory in [Memory::Roomy, Memory::Tight, Memory::Mapped] {
        match Engine::new(&config(limits, memory)) {
            Ok(engine) => {
                tick(engine.weak())?;
                return Ok(engine);
            }
            Err(error) => {
                tracing::warn!("no engine with {memory:?} memory: {error:#}");
                problem = format!("{error:#}");
            }
        }
    }
    Err(HostError(problem))
}

/// Advances the epoch for as long as the engine lives.
fn tick(engine: EngineWeak) -> Result<(), HostError> {
    thread::Builder::new()
        .name(String::from("mux-epoch"))
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        })
        .map(drop)
        .map_err(|error| HostError(format!("the thread that keeps deadlines: {error}")))
}

fn config(limits: &Limits, memory: Memory) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        // The same bytes on every machine.
        .cranelift_nan_canonicalization(true)
        .max_wasm_stack(STACK)
        .memory_init_cow(true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(16))
        // For debuggers and for offsets in backtraces, which nobody is shown. It would be read at every start.
        .generate_address_map(false)
        .native_unwind_info(false);
    match memory {
        Memory::Roomy => {
            config
                .memory_reservation(WHOLE_RANGE)
                .memory_guard_size(32 << 20)
                .allocation_strategy(pool(limits));
        }
        Memory::Tight => {
            config
                .memory_reservation(u64::try_from(limits.memory).unwrap_or(WHOLE_RANGE))
                .memory_guard_size(64 << 10)
                .allocation_strategy(pool(limits));
        }
        Memory::Mapped => {}
    }
    config
}

fn pool(limits: &Limits) -> InstanceAllocationStrategy {
    let count = limits.instances.max(1);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(count)
        .total_core_instances(count.saturating_mul(4))
        .total_memories(count.saturating_mul(2))
        .total_tables(count.saturating_mul(2))
        .max_memory_size(limits.memory)
        .max_unused_warm_slots(count / 2)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    InstanceAllocationStrategy::Pooling(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_larger_than_the_address_space_falls_back_to_less() {
        let limits = Limits {
            instances: 40_000,
            ..Limits::default()
        };
        assert!(Engine::new(&config(&limits, Memory::Roomy)).is_err());
        assert!(start(&limits).is_ok());
    }
}
