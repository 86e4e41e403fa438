//! The component does what the same crate does natively: every call of every exchange gives the same result.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use mux_wire::chat::scan;
use mux_wire::frame::{Frame, Framer};
use serde_json::{Value, json};

use super::report::Check;
use super::trial::{Case, Trial, clip};
use crate::answer;
use crate::batch::Batch;
use crate::bindings::mux::provider::types as wit;
use crate::fault::Fault;
use crate::limits::Budget;

/// Component and program side by side.
pub(super) fn check(trial: &Trial, program: Option<&Path>) -> Check {
    let mut check = Check::new("native");
    let Some(program) = program else {
        return check.skipped("there is no crate with an `examples/native.rs` to compare with");
    };
    if trial.made_up() {
        return check.skipped("there are no exchanges to compare on");
    }
    for case in trial.cases() {
        let compared = compare(case, program);
        let compared = compared.unwrap_or_else(|error| Some(format!("the program: {error}")));
        check.tried(&case.name, compared);
    }
    check
}

/// A program that answers calls, a line each.
struct Program {
    child: Child,
    calls: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Program {
    fn start(program: &Path) -> io::Result<Self> {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let missing = || io::Error::other("it has no standard input or output");
        let calls = child.stdin.take().ok_or_else(missing)?;
        let answers = child.stdout.take().ok_or_else(missing)?;
        Ok(Self {
            child,
            calls,
            answers: BufReader::new(answers),
        })
    }

    fn ask(&mut self, call: &Value) -> io::Result<Value> {
        writeln!(self.calls, "{call}")?;
        self.calls.flush()?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(io::Error::other("it ended in the middle"));
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It is gone already, or goes now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first call with two answers.
fn compare(case: &Case, program: &Path) -> io::Result<Option<String>> {
    let mut program = Program::start(program)?;
    let guest = case.warm.guest();
    program.ask(&json!({"configure": {"settings": guest.settings()}}))?;
    let exchange = &case.exchange;
    if case.is_error() {
        return error(case, &mut program);
    }
    let chat = exchange.client();
    let facts = scan(&chat).map_err(io::Error::other)?;
    let ctx = exchange.call(&chat, facts.model_span).context();
    let native = program.ask(&json!({"prepare": {"ctx": context(&ctx), "body": chat.as_ref()}}))?;
    let budget = Budget::new(guest.limits().prepare, chat.len());
    let planned = guest.call(budget, chat.len(), |face, store| {
        face.prepare(store, &ctx, &chat)
    });
    let planned = planned.map_err(faulty)?;
    let inside = result(planned.as_ref().map(plan));
    if let Some(apart) = apart("prepare", &native, &inside) {
        return Ok(Some(apart));
    }
    match planned {
        Ok(plan) => frames(case, plan, &mut program),
        Err(_) => Ok(None),
    }
}

fn error(case: &Case, program: &mut Program) -> io::Result<Option<String>> {
    let (guest, exchange) = (case.warm.guest(), &case.exchange);
    let shown = &case.warm.plugin().manifest().response_headers;
    let headers = crate::header::shown(&exchange.headers, shown).into_iter();
    let head = wit::ResponseHead {
        status: exchange.status,
        headers: headers
            .map(|(name, value)| wit::Header { name, value })
            .collect(),
    };
    let body = exchange.body.as_ref();
    let native = program.ask(&json!({"map-error": {
        "head": {"status": head.status, "headers": headers_of(&head.headers)}, "body": body,
    }}))?;
    let budget = Budget::new(guest.limits().map_error, body.len());
    let meant = guest.call(budget, body.len(), |face, store| {
        face.map_error(store, &head, body)
    });
    let inside = json!({"Ok": upstream_error(&meant.map_err(faulty)?)});
    Ok(apart("map-error", &native, &inside))
}

/// The answer, a frame a call.
fn frames(
    case: &Case,
    plan: wit::RequestPlan,
    program: &mut Program,
) -> io::Result<Option<String>> {
    let guest = case.warm.guest();
    let framing = answer::framing(plan.reply.framing);
    if plan.reply.mode == wit::DecodeMode::Verbatim {
        return Ok(None);
    }
    let mut framer = Framer::new(framing);
    framer
        .push(case.exchange.framed(framing))
        .and_then(|()| framer.finish())
        .map_err(io::Error::other)?;
    let mut state = plan.state;
    let all: Vec<Frame> = framer.collect();
    let count = all.len();
    for (at, frame) in all.into_iter().enumerate() {
        let mut batch = Batch::of(&frame, at + 1 == count);
        let batch = batch.with(&state);
        let native = program.ask(&json!({"decode": {
            "operation": "chat",
            "frames": {
                "block": batch.block, "ends": [batch.names], "names": batch.names, "state": batch.state,
                "end_of_stream": batch.end_of_stream,
            },
        }}))?;
        let input = batch.block.len();
        let budget = Budget::new(guest.limits().decode, input);
        let heard = guest.call(budget, input, |face, store| face.decode(store, None, batch));
        let heard = heard.map_err(faulty)?;
        let inside = result(heard.as_ref().map(decoded));
        if let Some(apart) = apart("decode", &native, &inside) {
            return Ok(Some(apart));
        }
        match heard {
            Ok(heard) if heard.finish.is_none() && heard.error.is_none() => {
                state = heard.state.unwrap_or(state);
            }
            _ => break,
        }
    }
    Ok(None)
}

fn faulty(fault: Fault) -> io::Error {
    io::Error::other(fault)
}

fn apart(call: &str, native: &Value, inside: &Value) -> Option<String> {
    let differ = native != inside;
    differ.then(|| {
        format!(
            "`{call}` gives `{}` as a component and `{}` natively",
            clip(&inside.to_string()),
            clip(&native.to_string())
        )
    })
}

fn result(result: Result<Value, &wit::Fault>) -> Value {
    match result {
        Ok(value) => json!({ "Ok": value }),
        Err(refused) => json!({ "Err": fault(refused) }),
    }
}

fn context(ctx: &wit::RequestCtx) -> Value {
    json!({
        "operation": ctx.operation, "dialect": ctx.dialect, "model": ctx.model, "stream": ctx.stream,
        "attempt": ctx.attempt, "now_unix_ms": ctx.now_unix_ms, "request_id": ctx.request_id,
    })
}

fn headers_of(headers: &[wit::Header]) -> Value {
    let header = |header: &wit::Header| json!({"name": header.name, "value": header.value});
    headers.iter().map(header).collect()
}

fn plan(plan: &wit::RequestPlan) -> Value {
    let splice = |splice: &wit::Splice| json!({"at": splice.at, "remove": splice.remove, "insert": splice.insert});
    json!({
        "upstream": plan.upstream,
        "method": match plan.method {
            wit::Method::Get => "get",
            wit::Method::Post => "post",
            wit::Method::Put => "put",
            wit::Method::Delete => "delete",
        },
        "path": plan.path,
        "headers": headers_of(&plan.headers),
        "body": match &plan.body {
            wit::BodyPlan::Empty => json!("empty"),
            wit::BodyPlan::Passthrough => json!("passthrough"),
            wit::BodyPlan::Splices(splices) => json!({"splices": splices.iter().map(splice).collect::<Value>()}),
            wit::BodyPlan::Replace(bytes) => json!({"replace": bytes}),
        },
        "reply": {
            "framing": match plan.reply.framing {
                wit::Framing::Buffered => "buffered",
                wit::Framing::Sse => "sse",
                wit::Framing::Ndjson => "ndjson",
                wit::Framing::JsonArray => "json-array",
                wit::Framing::AwsEventStream => "aws-event-stream",
                wit::Framing::Raw => "raw",
            },
            "mode": match plan.reply.mode {
                wit::DecodeMode::Verbatim => "verbatim",
                wit::DecodeMode::Frames => "frames",
            },
        },
        "state": plan.state,
        "warnings": plan.warnings,
    })
}

fn decoded(decoded: &wit::Decoded) -> Value {
    let usage = |usage: &wit::Usage| {
        json!({
            "input": usage.input, "output": usage.output, "cache_read": usage.cache_read,
            "cache_write": usage.cache_write, "reasoning": usage.reasoning, "other": usage.other,
        })
    };
    let finish = |finish: &wit::Finish| match finish {
        wit::Finish::Stop => json!("stop"),
        wit::Finish::Length => json!("length"),
        wit::Finish::ToolCalls => json!("tool-calls"),
        wit::Finish::ContentFilter => json!("content-filter"),
        wit::Finish::Refusal => json!("refusal"),
        wit::Finish::Other(name) => json!({ "other": name }),
    };
    json!({
        "state": decoded.state,
        "chunks": decoded.chunks,
        "usage": decoded.usage.as_ref().map(usage),
        "finish": decoded.finish.as_ref().map(finish),
        "error": decoded.error.as_ref().map(upstream_error),
    })
}

fn upstream_error(error: &wit::UpstreamError) -> Value {
    json!({
        "kind": kind(&error.kind),
        "message": error.message,
        "provider_code": error.provider_code,
        "param": error.param,
        "retry_after_ms": error.retry_after_ms,
        "retry": match error.retry {
            wit::RetryAdvice::Never => "never",
            wit::RetryAdvice::SameKey => "same-key",
            wit::RetryAdvice::OtherKey => "other-key",
            wit::RetryAdvice::OtherModel => "other-model",
            wit::RetryAdvice::OtherProvider => "other-provider",
        },
    })
}

fn kind(kind: &wit::ErrorKind) -> Value {
    let scope = |scope: &wit::LimitScope| match scope {
        wit::LimitScope::Unknown => "unknown",
        wit::LimitScope::Key => "key",
        wit::LimitScope::Model => "model",
        wit::LimitScope::Organization => "organization",
        wit::LimitScope::Address => "address",
    };
    match kind {
        wit::ErrorKind::RateLimited(of) => json!({ "rate-limited": scope(of) }),
        wit::ErrorKind::QuotaExhausted => json!("quota-exhausted"),
        wit::ErrorKind::Overloaded => json!("overloaded"),
        wit::ErrorKind::Authentication => json!("authentication"),
        wit::ErrorKind::Permission => json!("permission"),
        wit::ErrorKind::InvalidRequest => json!("invalid-request"),
        wit::ErrorKind::ContextLength(limit) => json!({ "context-length": limit }),
        wit::ErrorKind::ContentFilter => json!("content-filter"),
        wit::ErrorKind::ModelNotFound => json!("model-not-found"),
        wit::ErrorKind::PayloadTooLarge => json!("payload-too-large"),
        wit::ErrorKind::Server => json!("server"),
        wit::ErrorKind::Timeout => json!("timeout"),
        wit::ErrorKind::BadResponse => json!("bad-response"),
        wit::ErrorKind::Other(name) => json!({ "other": name }),
    }
}

fn fault(fault: &wit::Fault) -> Value {
    let bad = |bad: &wit::BadParam| json!({"message": bad.message, "param": bad.param});
    match fault {
        wit::Fault::InvalidRequest(param) => json!({ "invalid-request": bad(param) }),
        wit::Fault::Unsupported(param) => json!({ "unsupported": bad(param) }),
        wit::Fault::BadResponse(message) => json!({ "bad-response": message }),
        wit::Fault::Internal(message) => json!({ "internal": message }),
    }
}
