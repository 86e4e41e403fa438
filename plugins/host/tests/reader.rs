//! What adapters in C read JSON with reads what JSON is and nothing else, whatever comes.
#![expect(clippy::expect_used, clippy::panic, reason = "a test")]

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use http::HeaderMap;
use mux_plugins::{Adapter, build};
use proptest::prelude::*;
use serde_json::Value;

#[path = "shared/stage.rs"]
#[expect(dead_code, reason = "other tests ask more")]
mod stage;

/// What the message of an error holds at most, written anew, with room to spare: in bytes.
const LONGEST: usize = 300;

/// The adapter that tells, built once; none where there is nothing to build it with.
fn reader() -> Option<&'static Adapter> {
    static BUILT: OnceLock<Option<Adapter>> = OnceLock::new();
    BUILT
        .get_or_init(|| build::c_compiler().map(|_| built()))
        .as_ref()
}

fn built() -> Adapter {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let made = tempfile::tempdir().expect("a folder");
    let place = |name: &str| made.path().join(name);
    for folder in ["sdk-c", "wit"] {
        fs::create_dir_all(place("mux").join(folder)).expect("a folder");
        for entry in fs::read_dir(plugins.join(folder)).expect("a folder of the project") {
            let from = entry.expect("an entry").path();
            let to = place("mux")
                .join(folder)
                .join(from.file_name().expect("a name"));
            fs::copy(from, to).expect("a copy");
        }
    }
    fs::write(place("adapter.c"), include_str!("shared/reader.c")).expect("a save");
    let component = place("reader.wasm");
    build::build(made.path(), &component, &mut |_| {}).expect("it builds");
    let bytes = fs::read(component).expect("a component");
    let plugin = stage::host().load("reader", &bytes).expect("it loads");
    plugin.adapter("{}", None).expect("no settings")
}

/// What it makes of bytes: what it read, written anew, or why it did not.
fn told(adapter: &Adapter, bytes: &[u8]) -> Result<String, String> {
    let error = adapter.map_error(400, &HeaderMap::new(), bytes);
    match error.code.as_deref() {
        Some("read") => Ok(error.message),
        Some("refused") => Err(error.message),
        other => panic!("it fell over: {other:?}"),
    }
}

/// Whether the two readers may differ: halves of characters become U+FFFD here, and numbers are not made of digits.
fn excused(why: &serde_json::Error) -> bool {
    let why = why.to_string();
    [
        "surrogate",
        "unexpected end of hex escape",
        "number out of range",
    ]
    .iter()
    .any(|excuse| why.contains(excuse))
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop::collection::vec(any::<char>(), 0..6).prop_map(String::from_iter);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
        "[ -~]{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 12, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// What is put into a text: pieces of JSON, and bytes that are none.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known: &[&[u8]] = &[
        b"\"",
        b"\\",
        b"\\u00e4",
        b"\\ud83d",
        b"\\ude00",
        b"\\ud83d\\ude00",
        b"\\uD8",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"-",
        b"0",
        b"1.",
        b"e",
        b"E+9",
        b"nul",
        b"true",
        b" ",
        b"\n",
        b"\x0b",
        b"\x00",
        b"\x7f",
        b"\xff",
        b"\xc0\x80",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\xf0\x9f",
        b"\xf0\x9f\x98\x80",
        b"\xf4\x90\x80\x80",
    ];
    prop::sample::select(known).prop_map(<[u8]>::to_vec)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn c_reads_what_is_json_and_refuses_what_is_none(
        value in value(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..3_usize, piece()), 0..3),
    ) {
        let Some(reader) = reader() else { return Ok(()) };
        let mut bytes = value.to_string().into_bytes();
        prop_assume!(bytes.len() <= LONGEST);
        for (at, cut, piece) in changes {
            let at = at.index(bytes.len() + 1);
            let end = bytes.len().min(at + cut);
            bytes.splice(at..end, piece);
        }
        match (serde_json::from_slice::<Value>(&bytes), told(reader, &bytes)) {
            (Ok(expected), Ok(read)) => {
                prop_assert_eq!(serde_json::from_str::<Value>(&read).expect("JSON"), expected);
            }
            (Err(why), Ok(_)) => prop_assert!(excused(&why), "{:?}: {}", bytes, why),
            (Ok(_), Err(why)) => prop_assert!(false, "{:?}: {}", bytes, why),
            (Err(_), Err(_)) => {}
        }
    }
}

#[test]
fn c_refuses_what_is_nested_too_deep_and_half_a_character_is_none() {
    let Some(reader) = reader() else {
        eprintln!("skipped: there is no clang and wasm-ld on this machine");
        return;
    };
    let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    assert!(told(reader, &nested(100)).is_ok());
    assert_eq!(
        told(reader, &nested(201)),
        Err(String::from("it is nested too deep"))
    );
    assert_eq!(
        told(reader, &vec![b'['; 60_000]),
        Err(String::from("it is nested too deep"))
    );
    assert_eq!(told(reader, b""), Err(String::from("it ends too soon")));
    assert_eq!(
        told(reader, br#""\ud83d \ude00 \ud83d\ude00""#),
        Ok(String::from("\"\u{fffd} \u{fffd} \u{1f600}\""))
    );
}
