//! What adapters in C include is made of the interface: structs that lie in memory as the component model lays values out,
//! so that nothing is turned from one form into another.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use wit_parser::{Docs, InterfaceId, Resolve, SizeAlign, Type, TypeDefKind, TypeId};

const INTERFACE: &str = include_str!("../../wit/provider.wit");
const HEADER: &str = include_str!("../../sdk-c/provider.h");
const HEAD: &str = "\
// What passes between mux and an adapter in C. Made from provider.wit, which says the same.
//
// Values lie here as they lie in memory: arguments are where mux wrote them, results are read where they are left. What
// provider.wit calls a string, a JSON text or a list<u8> is `struct bytes`; `UTF-8` stands where it must be UTF-8, or the
// call fails. Of an `option`, `value` counts where `some` is true; of a variant, the member that `tag` says.

#ifndef MUX_PROVIDER_H
#define MUX_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

struct bytes {
  const char *at;
  uint32_t len;
};
";

/// The interface in the words of C.
struct Face {
    resolve: Resolve,
    sizes: SizeAlign,
    text: String,
    /// Has the compiler say so where it lays a struct out differently.
    asserted: String,
    written: BTreeSet<String>,
}

/// A name of the interface as one of C.
fn snake(name: &str) -> String {
    name.replace('-', "_")
}

impl Face {
    fn read() -> Self {
        let mut resolve = Resolve::default();
        resolve
            .push_source("provider.wit", INTERFACE)
            .expect("the interface");
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        Self {
            resolve,
            sizes,
            text: HEAD.to_owned(),
            asserted: String::new(),
            written: BTreeSet::new(),
        }
    }

    fn interface(&self, name: &str) -> InterfaceId {
        let mut all = self.resolve.interfaces.iter();
        let found = all.find(|(_, interface)| interface.name.as_deref() == Some(name));
        found.expect("an interface of that name").0
    }

    /// What a name stands for.
    fn plain(&self, ty: Type) -> Type {
        match ty {
            Type::Id(id) => match self.resolve.types[id].kind {
                TypeDefKind::Type(other) => self.plain(other),
                _ => ty,
            },
            _ => ty,
        }
    }

    /// What a type is called, as a part of other names.
    fn name(&self, ty: Type) -> String {
        let id = match self.plain(ty) {
            Type::Bool => return String::from("bool"),
            Type::U8 => return String::from("u8"),
            Type::U16 => return String::from("u16"),
            Type::U32 => return String::from("u32"),
            Type::U64 => return String::from("u64"),
            Type::String => return String::from("bytes"),
            Type::Id(id) => id,
            other => panic!("no C for {other:?}"),
        };
        let all = |types: &[Type]| {
            let names = types.iter().map(|ty| self.name(*ty));
            names.collect::<Vec<_>>().join("_")
        };
        let or_none = |ty: Option<Type>| ty.map_or_else(|| "none".to_owned(), |ty| self.name(ty));
        let definition = &self.resolve.types[id];
        match &definition.kind {
            TypeDefKind::List(Type::U8) => String::from("bytes"),
            TypeDefKind::List(item) => format!("list_{}", self.name(*item)),
            TypeDefKind::Option(value) => format!("option_{}", self.name(*value)),
            TypeDefKind::Tuple(tuple) => format!("tuple_{}", all(&tuple.types)),
            TypeDefKind::Result(result) => {
                format!("result_{}_{}", or_none(result.ok), or_none(result.err))
            }
            _ => snake(definition.name.as_deref().expect("a name")),
        }
    }

    /// A type as it stands before a member.
    fn typed(&self, ty: Type) -> String {
        match self.plain(ty) {
            Type::Bool => String::from("bool"),
            Type::String => String::from("struct bytes"),
            Type::Id(id) => match self.resolve.types[id].kind {
                TypeDefKind::Enum(_) => String::from("uint8_t"),
                _ => format!("struct {}", self.name(ty)),
            },
            _ => self.name(ty).replace('u', "uint") + "_t",
        }
    }

    /// What a member's type does not say of what may be in it.
    fn noted(&self, ty: Type) -> String {
        match self.plain(ty) {
            Type::String => String::from("UTF-8"),
            Type::Id(id) => match self.resolve.types[id].kind {
                TypeDefKind::Enum(_) => format!("enum {}", self.name(ty)),
                TypeDefKind::List(Type::String) | TypeDefKind::Option(Type::String) => {
                    String::from("UTF-8")
                }
                _ => String::new(),
            },
            _ => String::new(),
        }
    }

    fn docs(&mut self, docs: &Docs, indent: &str) {
        for line in docs
            .contents
            .iter()
            .flat_map(|text| text.trim_end().lines())
        {
            // A heading of the interface stands above what it is written down for, and here the order is another.
            if !line.starts_with("----") {
                writeln!(self.text, "{indent}// {}", line.trim()).expect("text grows");
            }
        }
    }

    fn member(&mut self, ty: Type, name: &str, indent: &str) {
        let (before, note) = (self.typed(ty), self.noted(ty));
        let note = match note.as_str() {
            "" => note,
            note => format!(" // {note}"),
        };
        writeln!(self.text, "{indent}{before} {};{note}", snake(name)).expect("text grows");
    }

    /// Writes a type after those it is made of.
    fn define(&mut self, ty: Type) {
        let Type::Id(id) = self.plain(ty) else {
            return;
        };
        let name = self.name(Type::Id(id));
        if name == "bytes" || !self.written.insert(name.clone()) {
            return;
        }
        let definition = self.resolve.types[id].clone();
        for part in parts(&definition.kind) {
            self.define(part);
        }
        let size = self.sizes.size(&Type::Id(id)).size_wasm32();
        self.text.push('\n');
        self.docs(&definition.docs, "");
        match &definition.kind {
            TypeDefKind::Enum(cases) => {
                let cases = cases.cases.iter().map(|case| (&case.name, &case.docs));
                return self.constants(&name, &format!("enum {name}"), cases);
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().map(|case| (&case.name, &case.docs));
                self.constants(&name, &format!("enum {name}_tag"), cases);
            }
            _ => {}
        }
        match &definition.kind {
            TypeDefKind::List(item) => {
                let item = self.typed(*item);
                let members = format!("const {item} *at; uint32_t len;");
                writeln!(self.text, "struct {name} {{ {members} }};").expect("text grows");
            }
            TypeDefKind::Option(value) => {
                let members = format!("bool some; {} value;", self.typed(*value));
                writeln!(self.text, "struct {name} {{ {members} }};").expect("text grows");
            }
            kind => {
                writeln!(self.text, "struct {name} {{").expect("text grows");
                self.members(kind, &name);
                self.text.push_str("};\n");
            }
        }
        let line = format!("_Static_assert(sizeof(struct {name}) == {size}, \"{name}\");");
        writeln!(self.asserted, "{line}").expect("text grows");
    }

    fn constants<'a>(
        &mut self,
        name: &str,
        head: &str,
        cases: impl Iterator<Item = (&'a String, &'a Docs)>,
    ) {
        writeln!(self.text, "{head} {{").expect("text grows");
        for (case, docs) in cases {
            self.docs(docs, "  ");
            let constant = format!("{name}_{}", snake(case)).to_ascii_uppercase();
            writeln!(self.text, "  {constant},").expect("text grows");
        }
        self.text.push_str("};\n");
    }

    fn members(&mut self, kind: &TypeDefKind, name: &str) {
        match kind {
            TypeDefKind::Record(record) => {
                for field in &record.fields {
                    self.docs(&field.docs, "  ");
                    self.member(field.ty, &field.name, "  ");
                }
            }
            TypeDefKind::Tuple(tuple) => {
                for (place, ty) in ["first", "second"].into_iter().zip(&tuple.types) {
                    self.member(*ty, place, "  ");
                }
            }
            TypeDefKind::Result(result) => {
                self.text.push_str("  bool failed;\n  union {\n");
                for (ty, name) in [(result.ok, "ok"), (result.err, "error")] {
                    if let Some(ty) = ty {
                        self.member(ty, name, "    ");
                    }
                }
                self.text.push_str("  };\n");
            }
            TypeDefKind::Variant(variant) => {
                writeln!(self.text, "  uint8_t tag; // enum {name}_tag\n  union {{")
                    .expect("text grows");
                for case in &variant.cases {
                    if let Some(ty) = case.ty {
                        self.member(ty, &case.name, "    ");
                    }
                }
                self.text.push_str("  };\n");
            }
            other => panic!("no C for {}", other.as_str()),
        }
    }

    fn functions(&mut self, interface: InterfaceId) {
        let interface = self.resolve.interfaces[interface].clone();
        for function in interface.functions.values() {
            for ty in function.params.iter().map(|param| param.ty) {
                self.define(ty);
            }
            function.result.into_iter().for_each(|ty| self.define(ty));
        }
        self.text
            .push_str("\n// What an adapter is made of: it defines these.\n");
        self.docs(&interface.docs, "");
        for function in interface.functions.values() {
            let params = function.params.iter().map(|param| {
                let before = self.typed(param.ty);
                format!("{before} {}", snake(&param.name))
            });
            let params = params.collect::<Vec<_>>().join(", ");
            let params = if params.is_empty() { "void" } else { &params };
            let result = function.result.expect("a result");
            let result = self.typed(result);
            let name = snake(&function.name);
            self.text.push('\n');
            self.docs(&function.docs, "");
            writeln!(self.text, "{result} {name}({params});").expect("text grows");
        }
    }
}

fn parts(kind: &TypeDefKind) -> Vec<Type> {
    match kind {
        TypeDefKind::Record(record) => record.fields.iter().map(|field| field.ty).collect(),
        TypeDefKind::Tuple(tuple) => tuple.types.clone(),
        TypeDefKind::List(ty) | TypeDefKind::Option(ty) => vec![*ty],
        TypeDefKind::Result(result) => result.ok.into_iter().chain(result.err).collect(),
        TypeDefKind::Variant(variant) => variant.cases.iter().filter_map(|case| case.ty).collect(),
        _ => Vec::new(),
    }
}

fn header() -> String {
    let mut face = Face::read();
    let types = face.interface("types");
    let types: Vec<TypeId> = face.resolve.interfaces[types]
        .types
        .values()
        .copied()
        .collect();
    for id in types {
        let of_limits = face.resolve.types[id].name.as_deref() == Some("limit-sample");
        if !of_limits {
            face.define(Type::Id(id));
        }
    }
    let level = face.resolve.interfaces[face.interface("host")].types["level"];
    face.define(Type::Id(level));
    let adapter = face.interface("adapter");
    face.functions(adapter);
    let Face { text, asserted, .. } = face;
    format!("{text}\n// Laid out otherwise it would be misread.\n{asserted}\n#endif\n")
}

#[test]
fn adapters_in_c_include_what_the_interface_says() {
    let made = header();
    if made != HEADER {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("provider.h");
        std::fs::write(&place, made).expect("a save");
        panic!(
            "the interface has changed: `{}` belongs at `plugins/sdk-c/provider.h`",
            place.display()
        );
    }
}
