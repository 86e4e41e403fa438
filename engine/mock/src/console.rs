//! The control paths under `/mock/`, for those who are not in the same process.

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::play::Play;
use crate::provider;
use crate::reply::Reply;
use crate::state::State;

const BODY_LIMIT: usize = 1 << 20;

/// Answers `GET`, `PUT` and `DELETE` of `/mock/fault` and `/mock/reply`, and `GET /mock/books`.
pub(crate) async fn answer(state: &State, request: Request<Incoming>) -> Response<Play> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return refuse(400, &format!("the body could not be read: {error}")),
    };
    let done = match (head.uri.path(), &head.method) {
        ("/mock/books", &Method::GET) => Ok(json_of(&*state.books.borrow())),
        ("/mock/fault", &Method::GET) => Ok(json_of(&state.fault())),
        ("/mock/fault", &Method::PUT) => put_fault(state, &body),
        ("/mock/fault", &Method::DELETE) => {
            state.set_fault(Fault::default());
            Ok(json_of(&state.fault()))
        }
        ("/mock/reply", &Method::GET) => Ok(json_of(&state.reply())),
        ("/mock/reply", &Method::PUT) => put_reply(state, &body),
        ("/mock/reply", &Method::DELETE) => {
            state.set_reply(None);
            Ok(Value::Null)
        }
        ("/mock/books" | "/mock/fault" | "/mock/reply", method) => {
            return refuse(405, &format!("`{method}` means nothing here"));
        }
        (path, _) => {
            return refuse(
                404,
                &format!("there is no `{path}`; try /mock/fault, /mock/reply or /mock/books"),
            );
        }
    };
    done.map_or_else(
        |complaint| refuse(400, &complaint),
        |value| provider::json(200, &value),
    )
}

fn put_fault(state: &State, body: &Bytes) -> Result<Value, String> {
    let fault: Fault = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    state.set_fault(fault.settle().map_err(|error| error.to_string())?);
    Ok(json_of(&state.fault()))
}

fn put_reply(state: &State, body: &Bytes) -> Result<Value, String> {
    let reply: Reply = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if reply == Reply::default() {
        return Err(String::from(
            "a reply needs `text` or `tool`; DELETE goes back to made-up text",
        ));
    }
    let shown = json_of(&reply);
    state.set_reply(Some(reply));
    Ok(shown)
}

fn json_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn refuse(status: u16, message: &str) -> Response<Play> {
    provider::json(status, &json!({ "error": message }))
}
