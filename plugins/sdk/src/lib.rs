//! Write a provider adapter: one trait, plain types, and the component face.
//!
//! An adapter is an ordinary crate: implement [`Adapter`], test it natively, and name it in [`export!`]. On
//! `wasm32` that adds the exports of `mux:provider`; everywhere else the same calls are answered line by line, see
//! [`native`]. An adapter is a set of pure functions. It may not know sockets, clocks, random numbers, secrets or the host.

pub mod adapter;
pub mod chat;
#[cfg(target_arch = "wasm32")]
pub mod component;
pub mod embeddings;
pub mod error;
pub mod header;
pub mod manifest;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
pub mod reply;
pub mod request;

pub use adapter::Adapter;
pub use error::{BadParam, ErrorKind, Fault, LimitScope, RetryAdvice, UpstreamError};
pub use header::Header;
pub use manifest::{
    AuthScheme, AwsSigV4, BodyNeed, FixedPlan, LimitHeader, LimitUnit, Manifest, OAuth2, Operation,
    ResetFormat, Upstream,
};
pub use reply::{Batch, Decoded, Finish, Frame, ResponseHead, Usage};
pub use request::{
    Blob, BodyPlan, DecodeMode, Framing, Method, ReplyPlan, RequestCtx, RequestPlan, Splice,
};

/// Makes the named [`Adapter`] the component's export. Natively it gives the crate a function `native`, for programs
/// that stand in for the component.
#[macro_export]
macro_rules! export {
    ($adapter:ty) => {
        /// Answers the calls of a component's exports, one a line of standard input: for comparisons and debuggers.
        ///
        /// # Errors
        /// When it cannot be heard, or not be understood.
        #[cfg(not(target_arch = "wasm32"))]
        pub fn native() -> std::io::Result<()> {
            $crate::native::serve::<$adapter>(std::io::stdin().lock(), std::io::stdout().lock())
        }

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Face;

            static CONFIGURED: std::sync::OnceLock<$adapter> = std::sync::OnceLock::new();

            impl $crate::component::Exported for Face {
                type Adapter = $adapter;

                fn slot() -> &'static std::sync::OnceLock<$adapter> {
                    &CONFIGURED
                }
            }

    $crate::component::wit::export!(Face with_types_in $crate::component::wit);
        };
    };
}
