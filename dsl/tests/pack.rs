//! Bundles in one file: what was packed comes back, and nothing else does.
#![expect(clippy::panic, reason = "tests fail loudly")]

use mux_dsl::pack::{Damage, Pack};
use mux_dsl::{Compiled, compile};

const FILES: [(&str, &str); 3] = [
    (
        "main.mux",
        "include \"more/fleet.mux\"\npolicy @main { else use p/m }\n",
    ),
    (
        "more/fleet.mux",
        "provider p {\n  kind openai\n  key env KEY\n  model m {\n    can tools images json-schema audio\n  }\n}\n\
         set some from \"list.txt\"\npolicy @other {\n  when end_user in some deny 403 \"no\"\n  else use p/m\n}\n",
    ),
    ("more/list.txt", "ana\nben\n"),
];

fn compiled() -> Compiled {
    let mut read = |path: &str| {
        let found = FILES.iter().find(|(p, _)| *p == path);
        found
            .map(|(_, text)| text.as_bytes().to_vec())
            .ok_or_else(|| "no such file".to_owned())
    };
    compile(&["main.mux"], &mut read, &|_| true)
}

fn packed() -> Pack {
    compiled()
        .packed(&["main.mux"])
        .unwrap_or_else(|| panic!("{:?}", compiled().diagnostics))
}

#[test]
fn what_was_packed_comes_back_and_does_the_same() {
    let pack = packed();
    let back = Pack::read(&pack.to_bytes()).unwrap_or_else(|damage| panic!("{damage}"));
    assert_eq!(back, pack);
    let files: Vec<_> = back.files().collect();
    assert_eq!(
        files,
        [
            ("main.mux", true),
            ("more/fleet.mux", false),
            ("more/list.txt", false)
        ]
    );
    let again = Compiled::unpacked(&back, &|_| true).unwrap_or_else(|damage| panic!("{damage}"));
    assert_eq!(again.sources, compiled().sources);
    let semantic = again.image.map(|image| image.semantic().hash);
    assert_eq!(semantic, Some(pack.semantic));
    assert_eq!(again.diagnostics, compiled().diagnostics);
}

#[test]
fn no_byte_can_be_changed_unseen() {
    let bytes = packed().to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(Pack::read(&changed).is_err(), "byte {at}");
    }
    for end in 0..bytes.len() {
        assert!(Pack::read(&bytes[..end]).is_err(), "{end} bytes");
    }
    assert!(Pack::read(&[bytes, vec![0]].concat()).is_err());
    assert_eq!(Pack::read(b"policy @main"), Err(Damage::Foreign));
}

#[test]
fn a_bundle_with_errors_cannot_be_packed() {
    let broken = compile(&["a.mux"], &mut |_| Ok(b"policy @p { }".to_vec()), &|_| {
        true
    });
    assert!(broken.packed(&["a.mux"]).is_none());
}

#[test]
fn sources_that_do_something_else_than_the_hashes_say_are_not_taken() {
    let mut pack = packed();
    pack.semantic = pack.source;
    let back = Pack::read(&pack.to_bytes()).unwrap_or_else(|damage| panic!("{damage}"));
    assert_eq!(
        Compiled::unpacked(&back, &|_| true).map(|_| ()).err(),
        Some(Damage::Other)
    );
}
