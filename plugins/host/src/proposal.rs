//! A plan as the plugin made it becomes one that may be sent: nothing in it is trusted.

use bytes::Bytes;
use http::Method;
use mux_wire::frame::Framing;

use crate::answer;
use crate::bindings::mux::provider::types as wit;
use crate::body::{Edit, spliced, with_model};
use crate::call::Call;
use crate::fault::Fault;
use crate::header;
use crate::limits::Limits;
use crate::manifest::Upstream;
use crate::place;
use crate::plan::{Plan, Reader};

/// Most warnings of one plan.
const WARNING_COUNT: usize = 32;
/// Longest warning, in characters.
const WARNING_LENGTH: usize = 200;

/// Checks a plan against the upstream it names.
pub(crate) fn checked(
    planned: wit::RequestPlan,
    upstream: &Upstream,
    call: &Call<'_>,
    limits: &Limits,
) -> Result<Plan, Fault> {
    place::path(&planned.path, &upstream.paths)
        .map_err(|why| Fault::Plan(format!("its path {why}")))?;
    if planned.state.len() > limits.state {
        return Err(Fault::Plan(format!(
            "a state of more than {} bytes",
            limits.state
        )));
    }
    let headers = planned.headers.into_iter();
    let headers: Vec<_> = headers.map(|header| (header.name, header.value)).collect();
    Ok(Plan {
        url: format!("{}{}", upstream.base_url, planned.path),
        method: method(planned.method),
        headers: header::map(&headers).map_err(Fault::Plan)?,
        body: body(planned.body, call).map_err(Fault::Plan)?,
        warnings: warnings(planned.warnings),
        operation: call.operation.to_owned(),
        reader: reader(planned.reply, planned.state, call).map_err(Fault::Plan)?,
    })
}

/// Warnings as they may stand in a log line or a response header: few, short, and on one line.
fn warnings(said: Vec<String>) -> Vec<String> {
    let plain = |said: String| {
        let mut clean = String::with_capacity(said.len());
        for c in said.chars().take(WARNING_LENGTH) {
            match c {
                _ if c.is_control() => clean.push(' '),
                _ if c.is_ascii() => clean.push(c),
                // No header holds other letters: one name of theirs would cost all that is said.
                _ => clean.extend(c.escape_unicode()),
            }
        }
        clean.truncate(WARNING_LENGTH);
        clean
    };
    said.into_iter().take(WARNING_COUNT).map(plain).collect()
}

fn method(method: wit::Method) -> Method {
    match method {
        wit::Method::Get => Method::GET,
        wit::Method::Post => Method::POST,
        wit::Method::Put => Method::PUT,
        wit::Method::Delete => Method::DELETE,
    }
}

fn body(planned: wit::BodyPlan, call: &Call<'_>) -> Result<Vec<Bytes>, String> {
    match planned {
        wit::BodyPlan::Empty => Ok(Vec::new()),
        wit::BodyPlan::Passthrough => with_model(call.body, call.model_span.clone(), call.model),
        wit::BodyPlan::Replace(bytes) => Ok(vec![Bytes::from(bytes)]),
        wit::BodyPlan::Splices(splices) => {
            let edit = |splice: wit::Splice| Edit {
                at: splice.at as usize,
                remove: splice.remove as usize,
                insert: Bytes::from(splice.insert),
            };
            spliced(call.body, splices.into_iter().map(edit).collect())
        }
    }
}

fn reader(planned: wit::ReplyPlan, state: Vec<u8>, call: &Call<'_>) -> Result<Reader, String> {
    let framing = answer::framing(planned.framing);
    let stream = call.stream;
    match planned.mode {
        wit::DecodeMode::Verbatim if framing == Framing::Amazon => Err(String::from(
            "the framing `aws-event-stream` is no client's: its frames have to be decoded",
        )),
        wit::DecodeMode::Verbatim => Ok(Reader::Verbatim {
            dialect: call.spoken(),
            stream,
            framing,
        }),
        wit::DecodeMode::Frames if framing == Framing::Raw => Err(String::from(
            "the framing `raw` cannot be decoded: its frames depend on the network",
        )),
        wit::DecodeMode::Frames => Ok(Reader::Frames {
            dialect: call.spoken(),
            stream,
            framing,
            state,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_of_characters_that_a_header_holds() {
        let said = ["`größe` was\ndropped", &"é".repeat(WARNING_LENGTH)];
        let warned = warnings(said.map(str::to_owned).to_vec());
        assert_eq!(warned[0], r"`gr\u{f6}\u{df}e` was dropped");
        assert_eq!(warned[1].len(), WARNING_LENGTH);
        assert!(warned.iter().all(|said| said.is_ascii()));
    }
}
