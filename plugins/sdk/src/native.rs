//! The same calls as a component's exports, answered natively: a JSON object a line in, a JSON object a line out. It is
//! for `mux plugin test`, which compares, and for whoever wants a debugger.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::adapter::Adapter;
use crate::error::Fault;
use crate::reply::{Batch, ResponseHead};
use crate::request::RequestCtx;

/// One call.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Call {
    Configure { settings: Vec<u8> },
    Prepare { ctx: RequestCtx, body: Vec<u8> },
    Decode { operation: String, frames: Batch },
    MapError { head: ResponseHead, body: Vec<u8> },
}

/// Answers calls until there are no more: `{"Ok": …}` with the result, or `{"Err": …}` with the refusal.
///
/// # Errors
/// When a line cannot be read or written, or is no call.
pub fn serve<A: Adapter>(calls: impl BufRead, mut answers: impl Write) -> io::Result<()> {
    let mut adapter = None;
    for line in calls.lines() {
        let call = serde_json::from_str(&line?)?;
        answer::<A>(&mut adapter, &call, &mut answers)?;
        answers.write_all(b"\n")?;
        answers.flush()?;
    }
    Ok(())
}

fn answer<A: Adapter>(
    adapter: &mut Option<A>,
    call: &Call,
    answers: &mut impl Write,
) -> io::Result<()> {
    if let Call::Configure { settings } = call {
        let configured = A::configure(settings).map(|made| *adapter = Some(made));
        return write(answers, &configured);
    }
    let Some(adapter) = adapter else {
        let fault: Result<(), _> = Err(Fault::Internal(String::from("configure was not called")));
        return write(answers, &fault);
    };
    match call {
        Call::Configure { .. } => Ok(()),
        Call::Prepare { ctx, body } => write(answers, &adapter.prepare(ctx, body)),
        Call::Decode { operation, frames } => {
            write(answers, &adapter.decode(operation, frames.state(), frames))
        }
        Call::MapError { head, body } => {
            let error: Result<_, Fault> = Ok(adapter.map_error(head, body));
            write(answers, &error)
        }
    }
}

fn write(answers: &mut impl Write, answer: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(answers, answer).map_err(io::Error::from)
}
