//! Anthropic's Messages as a client dialect: requests to the chat form, chat answers back, and a watch over what passes
//! between an Anthropic client and Anthropic itself.

mod answer;
mod citation;
pub(crate) mod error;
mod form;
mod native;
mod request;
pub(crate) mod stream;
mod tap;
mod turns;
pub(crate) mod whole;

pub use crate::messages::native::without_foreign_thoughts;
pub use crate::messages::request::to_chat;
pub use crate::messages::tap::Tap;
