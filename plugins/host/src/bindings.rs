//! The generated face of `mux:provider` as the host calls it.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "provider",
});
