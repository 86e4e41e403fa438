//! What a component that was built for WASI meets: a machine with nothing on it.
//!
//! Other toolchains import WASI for the sake of their runtimes, whether the adapter needs it or not. Nothing of it is
//! granted: no variables, arguments or files, one moment for ever, the same random numbers in every call. What is
//! asked for beyond that is refused in the words the interface has for it; where it has none, the call traps.

use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{
    Component, Linker, LinkerInstance, Resource, ResourceAny, ResourceType, Type, Val,
};
use wasmtime::{Engine, Result, StoreContextMut, bail};

use crate::bindings::mux::provider::host::{Host as _, Level};
use crate::ceiling::Ceiling;

/// What every name of WASI begins with.
const STEM: &str = "wasi:";
/// The moment it always is, in seconds: the clocks of some runtimes must not be at nought.
const MOMENT: u64 = 1_000_000_000;
/// Most random bytes handed out at once.
const RANDOM_LIMIT: u64 = 64 << 10;
/// How much a stream says it takes at once, in bytes.
const STREAM_ROOM: u64 = 64 << 10;
/// How a refusal is called, best first.
const REFUSALS: [&str; 6] = [
    "closed",
    "not-permitted",
    "access-denied",
    "access",
    "not-supported",
    "unsupported",
];

/// Stands for every stream, clock and file.
#[derive(Debug)]
struct Nothing;

/// What a function of WASI answers.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// No, or nothing, or nought.
    Empty,
    /// In the interface's words for it.
    Refused,
    /// Yes, and what was written goes where the plugin's log goes.
    Written,
    /// So many bytes may be written.
    Room,
    /// The moment, in nanoseconds.
    Nanoseconds,
    /// The moment, as seconds and nanoseconds.
    Seconds,
    /// Numbers or bytes that are the same in every call.
    Random,
    /// All that were asked about.
    All,
    /// Yes.
    Yes,
}

/// The answer of a function, by its interface and name.
fn answer(interface: &str, function: &str) -> Answer {
    let method = function.rsplit_once('.').map_or(function, |(_, name)| name);
    match (interface, method) {
        ("wasi:io/streams", "write" | "blocking-write-and-flush") => Answer::Written,
        ("wasi:io/streams", "check-write") => Answer::Room,
        ("wasi:io/poll", "poll") => Answer::All,
        ("wasi:io/poll", "ready") => Answer::Yes,
        ("wasi:clocks/monotonic-clock", "now") => Answer::Nanoseconds,
        ("wasi:clocks/wall-clock" | "wasi:clocks/system-clock", "now") => Answer::Seconds,
        ("wasi:random/random" | "wasi:random/insecure" | "wasi:random/insecure-seed", _) => {
            Answer::Random
        }
        (
            "wasi:io/streams",
            "flush"
            | "blocking-flush"
            | "write-zeroes"
            | "blocking-write-zeroes-and-flush"
            | "subscribe",
        )
        | ("wasi:filesystem/types", "filesystem-error-code")
        | (
            "wasi:cli/environment"
            | "wasi:cli/stdin"
            | "wasi:cli/stdout"
            | "wasi:cli/stderr"
            | "wasi:cli/terminal-stdin"
            | "wasi:cli/terminal-stdout"
            | "wasi:cli/terminal-stderr"
            | "wasi:clocks/monotonic-clock"
            | "wasi:clocks/wall-clock"
            | "wasi:clocks/system-clock"
            | "wasi:filesystem/preopens"
            | "wasi:io/error"
            | "wasi:io/poll"
            | "wasi:sockets/instance-network",
            _,
        ) => Answer::Empty,
        _ => Answer::Refused,
    }
}

/// Gives a component the WASI it imports, whichever release of it.
pub(crate) fn define(
    linker: &mut Linker<Ceiling>,
    engine: &Engine,
    component: &Component,
) -> Result<()> {
    for (name, import) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = import.ty else {
            continue;
        };
        if !name.starts_with(STEM) {
            continue;
        }
        let interface = name
            .split_once('@')
            .map_or(name, |(interface, _)| interface);
        let mut place = linker.instance(name)?;
        for (item, export) in instance.exports(engine) {
            match export.ty {
                ComponentItem::ComponentFunc(function) if !function.async_() => {
                    define_function(&mut place, interface, item)?;
                }
                ComponentItem::Resource(_) => {
                    place.resource(item, ResourceType::host::<Nothing>(), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn define_function(
    place: &mut LinkerInstance<'_, Ceiling>,
    interface: &str,
    function: &str,
) -> Result<()> {
    let answer = answer(interface, function);
    let words = format!("it asked for `{interface}` `{function}`, which no plugin gets");
    place.func_new(function, move |mut store, kind, given, results| {
        let said = say(answer, &mut store, &kind, given)?;
        // Lent handles have to be given back, and what was handed over is the host's to drop.
        release(&mut store, given)?;
        match (said, results) {
            (Some(value), [result]) => *result = value,
            (_, []) if !matches!(answer, Answer::Refused) => {}
            _ => bail!("{words}"),
        }
        Ok(())
    })
}

/// The value of an answer in the function's own type; `None` where that type has no such value.
fn say(
    answer: Answer,
    store: &mut StoreContextMut<'_, Ceiling>,
    kind: &ComponentFunc,
    given: &[Val],
) -> Result<Option<Val>> {
    let result = kind.results().next();
    let Some(result) = result.as_ref() else {
        return Ok(None);
    };
    Ok(match answer {
        Answer::Empty => empty(result, store)?,
        Answer::Refused => refused(result, store)?,
        Answer::Written => {
            log(store, given);
            empty(result, store)?
        }
        Answer::Room => Some(Val::Result(Ok(Some(Box::new(Val::U64(STREAM_ROOM)))))),
        Answer::Nanoseconds => Some(Val::U64(MOMENT * 1_000_000_000)),
        Answer::Seconds => empty(result, store)?.map(at_the_moment),
        Answer::Random => random(result, store, given)?,
        Answer::All => match given {
            [Val::List(asked)] => Some(Val::List((0..).map(Val::U32).take(asked.len()).collect())),
            _ => None,
        },
        Answer::Yes => Some(Val::Bool(true)),
    })
}

/// The value of a type that says least.
fn empty(kind: &Type, store: &mut StoreContextMut<'_, Ceiling>) -> Result<Option<Val>> {
    let boxed = |kind: Option<Type>, store: &mut StoreContextMut<'_, Ceiling>| {
        let Some(kind) = kind else {
            return Ok::<_, wasmtime::Error>(Some(None));
        };
        Ok(empty(&kind, store)?.map(|value| Some(Box::new(value))))
    };
    Ok(match kind {
        Type::Bool => Some(Val::Bool(false)),
        Type::U8 => Some(Val::U8(0)),
        Type::U16 => Some(Val::U16(0)),
        Type::U32 => Some(Val::U32(0)),
        Type::U64 => Some(Val::U64(0)),
        Type::S32 => Some(Val::S32(0)),
        Type::S64 => Some(Val::S64(0)),
        Type::String => Some(Val::String(String::new())),
        Type::List(_) => Some(Val::List(Vec::new())),
        Type::Option(_) => Some(Val::Option(None)),
        Type::Flags(_) => Some(Val::Flags(Vec::new())),
        Type::Result(result) => boxed(result.ok(), store)?.map(|value| Val::Result(Ok(value))),
        Type::Tuple(tuple) => {
            let values = tuple.types().map(|kind| empty(&kind, store));
            let values: Result<Option<Vec<Val>>> = values.collect();
            values?.map(Val::Tuple)
        }
        Type::Record(record) => {
            let fields = record.fields().map(|field| {
                Ok::<_, wasmtime::Error>(
                    empty(&field.ty, store)?.map(|value| (field.name.to_owned(), value)),
                )
            });
            let fields: Result<Option<Vec<(String, Val)>>> = fields.collect();
            fields?.map(Val::Record)
        }
        Type::Own(_) => {
            let handle = ResourceAny::try_from_resource(Resource::<Nothing>::new_own(0), store)?;
            Some(Val::Resource(handle))
        }
        _ => None,
    })
}

/// The error of a type that comes nearest to "no".
fn refused(kind: &Type, store: &mut StoreContextMut<'_, Ceiling>) -> Result<Option<Val>> {
    let Type::Result(result) = kind else {
        return Ok(None);
    };
    let best = |names: &[&str]| {
        let known = REFUSALS.into_iter().find(|word| names.contains(word));
        known.or_else(|| names.first().copied()).map(str::to_owned)
    };
    let error = match result.err() {
        None => return Ok(Some(Val::Result(Err(None)))),
        Some(Type::Enum(kind)) => best(&kind.names().collect::<Vec<_>>()).map(Val::Enum),
        Some(Type::Variant(kind)) => {
            let cases: Vec<_> = kind.cases().collect();
            let names: Vec<&str> = cases.iter().map(|case| case.name).collect();
            let Some(name) = best(&names) else {
                return Ok(None);
            };
            let payload = cases.into_iter().find(|case| case.name == name);
            match payload.and_then(|case| case.ty) {
                None => Some(Val::Variant(name, None)),
                Some(kind) => {
                    empty(&kind, store)?.map(|value| Val::Variant(name, Some(Box::new(value))))
                }
            }
        }
        Some(other) => empty(&other, store)?,
    };
    Ok(error.map(|error| Val::Result(Err(Some(Box::new(error))))))
}

/// Sets the seconds of a moment.
fn at_the_moment(mut value: Val) -> Val {
    if let Val::Record(fields) = &mut value {
        for (name, field) in fields {
            match field {
                Val::U64(seconds) if name == "seconds" => *seconds = MOMENT,
                Val::S64(seconds) if name == "seconds" => *seconds = MOMENT.cast_signed(),
                _ => {}
            }
        }
    }
    value
}

fn random(
    kind: &Type,
    store: &mut StoreContextMut<'_, Ceiling>,
    given: &[Val],
) -> Result<Option<Val>> {
    Ok(match (kind, given) {
        (Type::U64, _) => Some(Val::U64(store.data_mut().draw())),
        (Type::Tuple(tuple), _) => {
            let values = tuple.types().map(|kind| random(&kind, store, &[]));
            let values: Result<Option<Vec<Val>>> = values.collect();
            values?.map(Val::Tuple)
        }
        (Type::List(_), [Val::U64(count)]) => {
            if *count > RANDOM_LIMIT {
                bail!("it asked for {count} random bytes, and gets {RANDOM_LIMIT} at most");
            }
            let mut bytes = Vec::new();
            while (bytes.len() as u64) < *count {
                bytes.extend(store.data_mut().draw().to_le_bytes().map(Val::U8));
            }
            bytes.truncate(usize::try_from(*count).unwrap_or(usize::MAX));
            Some(Val::List(bytes))
        }
        _ => None,
    })
}

/// Passes on what was written, within the limits of the log.
fn log(store: &mut StoreContextMut<'_, Ceiling>, given: &[Val]) {
    let Some(Val::List(written)) = given.last() else {
        return;
    };
    let bytes = written.iter().filter_map(|value| match value {
        Val::U8(byte) => Some(*byte),
        _ => None,
    });
    let text = String::from_utf8_lossy(&bytes.collect::<Vec<_>>())
        .trim_end()
        .to_owned();
    store.data_mut().log(Level::Info, text);
}

/// Drops the handles among what a function was given.
fn release(store: &mut StoreContextMut<'_, Ceiling>, given: &[Val]) -> Result<()> {
    for value in given {
        match value {
            Val::Resource(handle) => handle.resource_drop(&mut *store)?,
            Val::List(values) | Val::Tuple(values) => release(store, values)?,
            Val::Option(Some(value)) => release(store, std::slice::from_ref(value))?,
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_answer_of_its_own_is_refused() {
        for (interface, function) in [
            ("wasi:filesystem/types", "[method]descriptor.open-at"),
            ("wasi:sockets/tcp", "[method]tcp-socket.start-connect"),
            ("wasi:http/outgoing-handler", "handle"),
            ("wasi:io/streams", "[method]input-stream.read"),
            ("wasi:cli/exit", "exit"),
        ] {
            assert!(
                matches!(answer(interface, function), Answer::Refused),
                "{interface}"
            );
        }
    }
}
