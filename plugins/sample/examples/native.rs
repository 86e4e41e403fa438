//! The adapter as an ordinary program, for `mux plugin test`, which compares it with the component, and for debuggers.

fn main() -> std::io::Result<()> {
    mux_plugin_sample::native()
}
