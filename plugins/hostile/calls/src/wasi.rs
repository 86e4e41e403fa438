//! An import no plugin gets.

/// Asks for random bytes, which traps: there is no WASI.
#[cfg(target_arch = "wasm32")]
pub(crate) fn call() {
    std::hint::black_box(generated::wasi::random::random::get_random_u64());
}

/// Natively there is nothing to ask.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn call() {}

#[cfg(target_arch = "wasm32")]
mod generated {
    wit_bindgen::generate!({
        inline: "
            package mux:hostile;

            world wants-wasi {
                import wasi:random/random@0.2.0;
            }

            package wasi:random@0.2.0 {
                interface random {
                    get-random-u64: func() -> u64;
                }
            }
        ",
        generate_all,
    });
}
