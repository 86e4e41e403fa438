//! OpenAI's Responses as a client dialect: requests to the chat form, chat answers back, and a watch over what passes
//! between a client and a provider that both speak it.

mod answer;
mod form;
mod items;
mod native;
mod request;
pub(crate) mod stream;
mod tap;

pub use crate::responses::native::without_foreign_thoughts;
pub use crate::responses::request::to_chat;
pub use crate::responses::tap::Tap;
