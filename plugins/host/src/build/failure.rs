//! Why there is no component, and what to do about it.

use std::fmt;
use std::path::PathBuf;

/// Why there is no component.
#[derive(Debug)]
pub enum BuildError {
    /// Nothing on this machine compiles to WebAssembly.
    NoTarget,
    /// There is no node or npm to build JavaScript with.
    NoNode,
    /// The JavaScript does not build.
    Script(PathBuf),
    /// There is no clang or wasm-ld to build C with.
    NoClang,
    /// The C does not build; the compiler has said why.
    Source(PathBuf),
    /// A file could not be read, written or run.
    Io(PathBuf, std::io::Error),
    /// Cargo failed; it has said why.
    Cargo(PathBuf),
    /// The crate makes no WebAssembly module.
    NoModule(PathBuf),
    /// The module is no adapter.
    NotAnAdapter(String),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTarget => f.write_str(
                "nothing here compiles to WebAssembly; run `rustup target add wasm32-unknown-unknown`, or on Debian \
                 `apt install rustc-web rust-web-src lld-22`",
            ),
            Self::NoNode => f.write_str("JavaScript takes `node` and `npm`: install Node.js 20 or newer"),
            Self::NoClang => f.write_str(
                "C takes a `clang` that knows WebAssembly and `wasm-ld`: on Debian `apt install clang lld`",
            ),
            Self::Source(dir) => write!(f, "the C in `{}` does not build", dir.display()),
            Self::Script(dir) => write!(f, "the JavaScript in `{}` does not build", dir.display()),
            Self::Io(path, error) => write!(f, "`{}`: {error}", path.display()),
            Self::Cargo(dir) => write!(f, "the crate in `{}` does not build", dir.display()),
            Self::NoModule(dir) => write!(
                f,
                "the crate in `{}` makes no module; its manifest needs `crate-type = [\"cdylib\"]` under `[lib]`",
                dir.display()
            ),
            Self::NotAnAdapter(why) => write!(
                f,
                "the module is no adapter: {why}; is `mux_plugin_sdk::export!` there, or in C all of `mux/sdk-c`?"
            ),
        }
    }
}

impl std::error::Error for BuildError {}
