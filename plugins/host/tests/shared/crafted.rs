//! Components written in WebAssembly text: the interface is kept, and in each place stands what a test needs.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

pub(crate) const INTERFACE: &str = include_str!("../../../wit/provider.wit");
/// Where the constant part of the memory begins.
const BASE: usize = 1024;
/// Bytes that are nought: a good answer of `configure`, and of `map-error`.
const NOUGHT: usize = 512;

/// What a component does where a harmless one would do nothing. Each is text in the middle of a function; `prepare` finds
/// the first letter of the model's name in `$model`.
#[derive(Debug, Clone)]
pub(crate) struct Crafted<'a> {
    pub(crate) id: &'a str,
    pub(crate) version: &'a str,
    /// Imports of the world, and packages they are from.
    pub(crate) world: (&'a str, &'a str),
    /// Imports, globals and functions of the module.
    pub(crate) imports: &'a str,
    pub(crate) parts: &'a str,
    pub(crate) realloc: &'a str,
    pub(crate) prepare: &'a str,
    pub(crate) decode: &'a str,
    /// The path of every plan.
    pub(crate) path: &'a str,
    /// The text of the interface, where it is another one.
    pub(crate) interface: &'a str,
    /// A module that shares the memory, and the name it is imported by.
    pub(crate) beside: Option<(&'a str, &'a [u8])>,
}

impl Default for Crafted<'_> {
    fn default() -> Self {
        Self {
            id: "crafted",
            version: "1.0.0",
            world: ("", ""),
            imports: "",
            parts: "",
            realloc: "",
            prepare: "",
            decode: "",
            path: "/chat",
            interface: INTERFACE,
            beside: None,
        }
    }
}

/// What lies in the memory from its beginning, as words and texts.
#[derive(Debug, Default)]
struct Data(Vec<u8>);

impl Data {
    fn put(&mut self, bytes: &[u8]) -> u32 {
        let at = BASE + self.0.len();
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        u32::try_from(at).expect("little")
    }

    fn words(&mut self, words: &[u32]) -> u32 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.put(&bytes)
    }

    fn text(&mut self, text: &str) -> [u32; 2] {
        [
            self.put(text.as_bytes()),
            u32::try_from(text.len()).expect("little"),
        ]
    }

    /// A list of one text.
    fn texts(&mut self, text: &str) -> [u32; 2] {
        let text = self.text(text);
        [self.words(&text), 1]
    }
}

/// The words of a record, field by field.
macro_rules! record {
    ($($field:expr),* $(,)?) => {{
        let mut words: Vec<u32> = Vec::new();
        $(words.extend($field);)*
        words
    }};
}

/// The component of a module, in a world with further imports, and with a module beside it.
pub(crate) fn encoded(
    interface: &str,
    mut module: Vec<u8>,
    (imports, packages): (&str, &str),
    beside: Option<(&str, &[u8])>,
) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve
        .push_source("provider.wit", interface)
        .expect("the interface");
    let world = format!(
        "package mux:crafted;\nworld crafted {{ include mux:provider/provider@0.2.0; {imports} }}\n{packages}"
    );
    let package = resolve.push_source("crafted.wit", &world).expect("a world");
    let world = resolve
        .select_world(&[package], Some("crafted"))
        .expect("a world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("a module");
    let encoder = ComponentEncoder::default().validate(true).module(&module);
    let encoder = encoder.and_then(|encoder| match beside {
        Some((name, module)) => encoder.adapter(name, module),
        None => Ok(encoder),
    });
    encoder
        .and_then(|mut encoder| encoder.encode())
        .expect("a component")
}

impl Crafted<'_> {
    /// The component.
    pub(crate) fn component(&self) -> Vec<u8> {
        let module = wat::parse_str(self.text()).expect("good text");
        encoded(self.interface, module, self.world, self.beside)
    }

    /// The module, whose constants are laid out as the canonical ABI says.
    fn text(&self) -> String {
        let mut data = Data::default();
        let nought = data.put(&[0; NOUGHT]);
        let dialects = data.texts("openai-chat");
        // `fixed` is none, and `body` full.
        let operation = record!(data.text("chat"), dialects, [0; 8], [1]);
        let operations = [data.words(&operation), 1];
        let paths = data.texts("/chat");
        let upstream = record!(
            data.text("api"),
            data.text("https://crafted.example"),
            paths
        );
        let upstreams = [data.words(&upstream), 1];
        let auth = [data.words(&[0; 5]), 1];
        let manifest = record!(
            data.text(self.id),
            data.text(self.version),
            [0; 2],
            operations,
            upstreams,
            auth,
            data.text("{}"),
            [0; 4],
            [0],
            [0; 2],
        );
        let manifest = data.words(&manifest);
        // Ok, `api`, post, `/chat`, no headers, passthrough, sse and frames, a state, no warnings.
        let plan = record!(
            [0],
            data.text("api"),
            [1],
            data.text(self.path),
            [0; 2],
            [1, 0, 0],
            [0x0101],
            data.text("state"),
            [0; 2],
        );
        let plan = data.words(&plan);
        let chunk = "{\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n";
        // Ok, no state, one chunk, no usage, the end.
        let mut decoded = record!([0, 0], [0; 3], data.text(chunk), [0; 15], [1]);
        decoded.extend([0; 64]);
        let decoded = data.words(&decoded);
        let heap = BASE + data.0.len();
        let bytes: Vec<String> = data.0.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let bytes = bytes.concat();
        let Self {
            imports,
            parts,
            realloc,
            prepare,
            decode,
            ..
        } = self;
        format!(
            r#"(module
  {imports}
  (memory (export "memory") 2)
  (data (i32.const {BASE}) "{bytes}")
  (global $top (mut i32) (i32.const {heap}))
  {parts}
  (func (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    {realloc}
    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.set $top (i32.add (local.get $at) (local.get $size)))
    (block $roomy (loop $grow
      (br_if $roomy (i32.le_u (global.get $top) (i32.shl (memory.size) (i32.const 16))))
      (br_if $grow (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))
      unreachable))
    (local.get $at))
  (func $rest (param i32) (global.set $top (i32.const {heap})))
  (func (export "mux:provider/adapter@0.2.0#describe") (result i32) (i32.const {manifest}))
  (func (export "mux:provider/adapter@0.2.0#configure") (param i32 i32) (result i32) (i32.const {nought}))
  (func (export "mux:provider/adapter@0.2.0#prepare")
    (param i32 i32 i32 i32) (param $name i32) (param i32 i32 i32 i64 i32 i32 i32 i32 i32) (param $body i32) (param i32)
    (result i32)
    (local $model i32) (local $a i32) (local $b i32)
    (local.set $model (i32.load8_u (local.get $name)))
    {prepare}
    (i32.const {plan}))
  (func (export "mux:provider/adapter@0.2.0#decode") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    {decode}
    (i32.const {decoded}))
  (func (export "mux:provider/adapter@0.2.0#map-error") (param i32 i32 i32 i32 i32) (result i32) (i32.const {nought}))
  (export "cabi_post_mux:provider/adapter@0.2.0#prepare" (func $rest))
  (export "cabi_post_mux:provider/adapter@0.2.0#decode" (func $rest))
  (export "cabi_post_mux:provider/adapter@0.2.0#map-error" (func $rest)))"#
        )
    }
}
