//! `mux plugin play`: a provider that answers what was recorded.

use super::door::Door;
use super::recorded;
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::Out;
use crate::runtime::{self, Stop};
use clap::Args;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::{Request, Response, StatusCode};
use mux_plugins::Exchange;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Play a provider: answer requests as exchanges were recorded
#[derive(Debug, Args)]
pub(crate) struct Play {
    /// Files of exchanges, or folders of them
    #[arg(value_name = "DIR|FILE.json", required = true)]
    exchanges: Vec<PathBuf>,
    /// The address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:4300")]
    listen: SocketAddr,
}

/// What was asked once, and what was answered.
struct Memory {
    name: String,
    asked: Option<Value>,
    exchange: Exchange,
}

impl Play {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let mut memories = Vec::new();
        for path in &self.exchanges {
            let files = if path.is_dir() {
                recorded::folder(path)?
            } else {
                vec![(path.clone(), recorded::json(path)?)]
            };
            for (file, json) in files {
                memories.push(Memory {
                    name: file.display().to_string(),
                    asked: json.pointer("/request/body").cloned(),
                    exchange: recorded::exchange(&file, &json)?,
                });
            }
        }
        if memories.is_empty() {
            return Err(Trouble::usage(
                "there are no exchanges: their files end in `.json`",
            ));
        }
        runtime::start()?.block_on(async {
            let mut stop = Stop::listen()?;
            let door = Door::open(self.listen).await?;
            let address = door.address()?;
            out.line(&format!(
                "a provider that answers {} recorded exchanges listens on http://{address}",
                memories.len()
            ));
            let play = move |request: Request<Bytes>| {
                let answer = answer(&memories, &request);
                async move { answer }
            };
            tokio::select! {
                never = door.serve(play) => match never {},
                () = stop.asked() => {}
            }
            Ok(Exit::Good)
        })
    }
}

fn answer(memories: &[Memory], request: &Request<Bytes>) -> Response<Bytes> {
    let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let Some(memory) = recalled(memories, &asked) else {
        let body = json!({"error": {"message": "nothing recorded was asked like this"}});
        return reply(StatusCode::NOT_FOUND, Bytes::from(body.to_string()));
    };
    tracing::debug!(answer = memory.name, "recalled");
    let exchange = &memory.exchange;
    let status = StatusCode::from_u16(exchange.status).unwrap_or(StatusCode::OK);
    let mut answer = reply(status, exchange.body.clone());
    for (name, value) in &exchange.headers {
        if ![CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION].contains(name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

fn reply(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply
}

/// What was asked the same, or else what was answered well in the same manner, streamed or whole.
fn recalled<'a>(memories: &'a [Memory], asked: &Value) -> Option<&'a Memory> {
    let same = |memory: &&Memory| memory.asked.as_ref() == Some(asked);
    let streams = asked.get("stream").and_then(Value::as_bool) == Some(true);
    let alike = |memory: &&Memory| {
        let exchange = &memory.exchange;
        exchange.status < 400 && exchange.stream == streams
    };
    let mut all = memories.iter();
    all.find(same).or_else(|| memories.iter().find(alike))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(name: &str, asked: Value, response: &Value) -> Memory {
        let exchange = Exchange::read(json!({ "response": response }).to_string().as_bytes());
        Memory {
            name: name.to_owned(),
            asked: Some(asked),
            exchange: exchange.expect("an exchange"),
        }
    }

    #[test]
    fn what_was_asked_the_same_is_answered_the_same_and_the_rest_in_its_manner() {
        let memories = [
            memory("busy", json!({"n": 1}), &json!({"status": 503, "body": {}})),
            memory(
                "whole",
                json!({"n": 2}),
                &json!({"status": 200, "body": {}}),
            ),
            memory(
                "stream",
                json!({"n": 3}),
                &json!({"status": 200, "events": []}),
            ),
        ];
        let name = |asked: Value| recalled(&memories, &asked).map(|memory| memory.name.as_str());
        assert_eq!(name(json!({"n": 1})), Some("busy"));
        assert_eq!(name(json!({"n": 9})), Some("whole"));
        assert_eq!(name(json!({"n": 9, "stream": true})), Some("stream"));
        assert!(recalled(&memories[..1], &json!({})).is_none());
    }
}
