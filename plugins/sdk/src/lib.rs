//! Write a provider adapter: one trait, plain types, and the component face.
//!
//! An adapter is an ordinary crate: implement [`Adapter`], test it natively, and name it in [`export!`]. On
//! `wasm32` that adds the exports of `mux:provider`; everywhere else it adds nothing. An adapter is a set of
//! pure functions. It may not know sockets, clocks, random numbers, secrets or the host.

pub mod adapter;
#[cfg(target_arch = "wasm32")]
pub mod component;
pub mod error;
pub mod header;
pub mod manifest;
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

/// Makes the named [`Adapter`] the component's export. Natively it expands to nothing.
#[macro_export]
macro_rules! export {
    ($adapter:ty) => {
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
