//! Laws: nothing panics, nothing leaks, and conditions mean what their text says.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    clippy::format_collect,
    reason = "test helpers fail loudly and build texts plainly"
)]

use mux_dsl::image::{BasisPoints, BudgetId, Features, Millis, TargetId, Verdict};
use mux_dsl::request::{HealthState, Live, Request};
use mux_dsl::{Compiled, compile, render};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "shared/shapes.rs"]
#[expect(dead_code, reason = "only the rules are wanted, not their requests")]
mod shapes;

fn compiled(text: &str) -> Compiled {
    let mut read = |path: &str| {
        if path == "p.mux" {
            Ok(text.as_bytes().to_vec())
        } else {
            Err("no".to_owned())
        }
    };
    compile(&["p.mux"], &mut read, &|_| true)
}

/// Every case that the diagnostics are tested with: a corpus that touches every statement.
fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let files = |sub: &str| fs::read_dir(folder.join(sub)).expect("the folder of cases is there");
    let entries = files("cases")
        .chain(files("cases/parts"))
        .chain(files("newcomer"))
        .map(|e| e.expect("an entry").path());
    let policy = |p: &PathBuf| p.extension().is_some_and(|e| e == "mux");
    let mut paths: Vec<_> = entries.filter(policy).collect();
    paths.sort();
    paths
        .iter()
        .map(|p| fs::read_to_string(p).expect("cases are text"))
        .collect()
}

/// A text with some of its bytes replaced, removed or doubled, at character boundaries.
fn mutated(text: &str, edits: &[(prop::sample::Index, u8, char)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, kind, c) in edits {
        if chars.is_empty() {
            break;
        }
        let at = at.index(chars.len());
        match kind % 4 {
            0 => chars[at] = *c,
            1 => {
                chars.remove(at);
            }
            2 => chars.insert(at, *c),
            _ => chars.truncate(at),
        }
    }
    chars.into_iter().collect()
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, char)>> {
    let chars = prop::sample::select(vec![
        '{', '}', '"', '(', ')', '\n', ' ', '#', '|', '$', '%', '@', '>', '!', '&', '\\', '-', '9',
        'x', 'é', '\u{1b}',
    ]);
    prop::collection::vec((any::<prop::sample::Index>(), 0..16_u8, chars), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn no_text_makes_the_compiler_panic(text in "[ -~\n\u{e9}]{0,300}") {
        let compiled = compiled(&text);
        prop_assert_eq!(compiled.diagnostics.is_empty(), render(&compiled.diagnostics, &compiled.sources, true).is_empty());
    }

    #[test]
    fn no_damage_to_a_real_file_makes_the_compiler_panic(pick in any::<prop::sample::Index>(), edits in edits()) {
        let corpus = corpus();
        let text = mutated(pick.get::<String>(&corpus), &edits);
        let compiled = compiled(&text);
        let failed = compiled.diagnostics.iter().any(|d| d.severity == mux_dsl::Severity::Error);
        prop_assert_eq!(compiled.image.is_none(), failed);
        for label in compiled.diagnostics.iter().flat_map(|d| &d.labels) {
            let shown = compiled.sources.shown(&label.file).expect("a file that was read");
            prop_assert!(shown.get(label.span.0..label.span.1).is_some(), "{:?}", label);
        }
        prop_assert_eq!(compiled.diagnostics.is_empty(), render(&compiled.diagnostics, &compiled.sources, false).is_empty());
    }

    #[test]
    fn a_key_is_never_shown_wherever_it_was_put(
        pick in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        tail in "[A-Za-z0-9]{24}",
        quoted in any::<bool>(),
    ) {
        let corpus = corpus();
        let text = pick.get::<String>(&corpus);
        let spaces: Vec<usize> = text.match_indices([' ', '\n']).map(|(at, _)| at).collect();
        prop_assume!(!spaces.is_empty());
        let at = spaces[at.index(spaces.len())];
        let key = if quoted { format!(" \"sk-{tail}\" ") } else { format!(" sk-{tail} ") };
        let (before, after) = text.split_at(at);
        let compiled = compiled(&format!("{before}{key}{after}"));
        let mut shown = render(&compiled.diagnostics, &compiled.sources, true);
        shown.push_str(&serde_json::to_string(&compiled.diagnostics).expect("diagnostics are plain data"));
        shown.push_str(&format!("{:?}", compiled.sources));
        prop_assert!(!shown.contains(&tail), "{}", shown);
        prop_assert!(compiled.image.is_none());
    }
}

/// A condition as it is written, with what it means.
#[derive(Clone, Debug)]
enum Said {
    Streaming,
    Tools,
    Tokens(u32),
    Tier(String),
    NotTier(String),
    Not(Box<Said>),
    All(Vec<Said>),
    Any(Vec<Said>),
}

impl Said {
    fn text(&self) -> String {
        let joined = |parts: &[Self], word: &str| {
            parts.iter().map(Self::text).collect::<Vec<_>>().join(word)
        };
        match self {
            Self::Streaming => "streaming".into(),
            Self::Tools => "has tools".into(),
            Self::Tokens(n) => format!("tokens > {n}"),
            Self::Tier(tier) => format!("tag.tier is \"{tier}\""),
            Self::NotTier(tier) => format!("tag.tier is not \"{tier}\""),
            Self::Not(inner) => format!("not ({})", inner.text()),
            Self::All(parts) => format!("({})", joined(parts, " and ")),
            Self::Any(parts) => format!("({})", joined(parts, "\n    or ")),
        }
    }

    fn holds(&self, request: &Request<'_>) -> bool {
        match self {
            Self::Streaming => request.streaming,
            Self::Tools => request.needs == Features::TOOLS,
            Self::Tokens(n) => request.tokens > *n,
            Self::Tier(tier) => request.tag("tier") == Some(tier),
            Self::NotTier(tier) => request.tag("tier").is_some_and(|t| t != tier),
            Self::Not(inner) => !inner.holds(request),
            Self::All(parts) => parts.iter().all(|p| p.holds(request)),
            Self::Any(parts) => parts.iter().any(|p| p.holds(request)),
        }
    }
}

fn said() -> impl Strategy<Value = Said> {
    let leaf = prop_oneof![
        Just(Said::Streaming),
        Just(Said::Tools),
        (0..4_u32).prop_map(Said::Tokens),
        "[ab]".prop_map(Said::Tier),
        "[ab]".prop_map(Said::NotTier),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|s| Said::Not(Box::new(s))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Said::All),
            prop::collection::vec(inner, 1..4).prop_map(Said::Any),
        ]
    })
}

struct Unknown;

impl Live for Unknown {
    fn p50(&self, _: TargetId) -> Option<Millis> {
        None
    }
    fn p95(&self, _: TargetId) -> Option<Millis> {
        None
    }
    fn p99(&self, _: TargetId) -> Option<Millis> {
        None
    }
    fn error_rate(&self, _: TargetId) -> Option<BasisPoints> {
        None
    }
    fn inflight(&self, _: TargetId) -> u32 {
        0
    }
    fn breaker_open(&self, _: TargetId) -> bool {
        false
    }

    fn headroom(&self, _: TargetId) -> Option<BasisPoints> {
        None
    }
    fn health(&self, _: TargetId) -> HealthState {
        HealthState::Ok
    }
    fn used(&self, _: BudgetId, _: &Request<'_>) -> BasisPoints {
        0
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_policy_decides_as_its_text_reads(
        rules in prop::collection::vec(said(), 1..6),
        tier in prop::option::of("[abc]"),
        tokens in 0..5_u32,
        streaming in any::<bool>(),
        tools in any::<bool>(),
    ) {
        let lines: String = rules.iter().zip(400..).map(|(rule, status)| format!("  when {} deny {status} \"x\"\n", rule.text())).collect();
        let compiled = compiled(&format!("policy @p {{\n{lines}  else deny 599 \"x\"\n}}\n"));
        let dead = compiled.diagnostics.iter().any(|d| d.code == "mux::rule::unreachable");
        let tags: Vec<(&str, &str)> = tier.iter().map(|t| ("tier", t.as_str())).collect();
        let needs = if tools { Features::TOOLS } else { Features::default() };
        let request = Request { model: "p", key: None, team: None, end_user: None, conversation: None, tags: &tags, headers: &[], operation: "chat", dialect: "openai-chat", tokens, output_limit: None, streaming, needs, now: 0 };
        let first = rules.iter().position(|r| r.holds(&request));
        let Some(image) = compiled.image else {
            // The only mistake such a policy can hold; the rule that was named must indeed not be the one that decides.
            prop_assert!(dead, "{:?}", compiled.diagnostics);
            let named = compiled.diagnostics.iter().filter(|d| d.code == "mux::rule::unreachable");
            let lines: Vec<_> = named.filter_map(|d| d.labels.first()).map(|l| l.line).collect();
            let starts: Vec<u32> = rules.iter().scan(2_u32, |line, r| {
                let start = *line;
                *line += 1 + u32::try_from(r.text().matches('\n').count()).expect("small");
                Some(start)
            }).collect();
            if let Some(first) = first {
                prop_assert!(!lines.contains(&starts[first]), "rule {first} was called unreachable");
            }
            return Ok(());
        };
        let policy = image.policy("p").expect("it is declared");
        let decision = image.decide(policy, &request, &Unknown);
        let status = match decision.verdict {
            Verdict::Deny { status, .. } => usize::from(*status),
            Verdict::Use(_) => 0,
        };
        prop_assert_eq!(status, first.map_or(599, |at| 400 + at));
    }
}

#[test]
fn files_that_are_no_policies_are_refused_with_a_reason() {
    let codes = |bytes: Vec<u8>| {
        let mut read = |_: &str| Ok(bytes.clone());
        let compiled = compile(&["p.mux"], &mut read, &|_| true);
        assert!(compiled.image.is_none());
        compiled
            .diagnostics
            .iter()
            .map(|d| d.code)
            .collect::<Vec<_>>()
    };
    assert_eq!(codes(vec![b'#'; (1 << 20) + 1]), ["mux::file::size"]);
    assert_eq!(codes(b"\0asm\x01\0\0\0".to_vec()), ["mux::file::binary"]);
    assert_eq!(codes(vec![0xff, 0xfe, 0x41]), ["mux::file::binary"]);
    assert_eq!(codes(Vec::new()), ["mux::file::empty"]);
    assert_eq!(
        codes("plan p {\n".repeat(40).into_bytes()),
        ["mux::file::depth"]
    );
    assert_eq!(
        codes(format!("policy @p {{ when {} streaming", "(".repeat(40)).into_bytes()),
        ["mux::file::depth"]
    );
}

#[test]
fn a_file_of_the_largest_size_is_read() {
    let rule =
        "  when tag.team is \"somebody\" and tokens > 3k and not has images deny 403 \"no\"\n";
    let mut text = "policy @p {\n".to_owned();
    // Different teams, so that no rule covers another.
    for n in 0..8_000 {
        text.push_str(&rule.replace("somebody", &format!("t{n}")));
    }
    text.push_str("  else deny 402 \"no\"\n}\n");
    assert!(text.len() > 600_000 && text.len() < 1 << 20);
    let compiled = compiled(&text);
    assert_eq!(compiled.diagnostics, []);
}

#[test]
fn an_unreadable_root_is_named_with_the_reason() {
    let mut read = |_: &str| Err("permission denied".to_owned());
    let compiled = compile(&["a.mux"], &mut read, &|_| true);
    assert_eq!(compiled.diagnostics[0].code, "mux::file::unreadable");
    assert!(
        compiled.diagnostics[0]
            .message
            .contains("permission denied")
    );
}

#[test]
fn each_file_loads_once_and_is_listed_once() {
    let mut reads = Vec::new();
    let mut read = |path: &str| {
        reads.push(path.to_owned());
        Ok(match path {
            "dir/a.mux" => b"include \"b.mux\"\ninclude \"../dir/./b.mux\"\npolicy @p { when end_user in s deny 401 \"x\"\n else deny 402 \"x\" }".to_vec(),
            "dir/b.mux" => b"set s from \"../lists/s.txt\"\n".to_vec(),
            _ => b"ana\n".to_vec(),
        })
    };
    let compiled = compile(&["dir/a.mux", "dir/b.mux"], &mut read, &|_| true);
    assert!(compiled.image.is_some(), "{:?}", compiled.diagnostics);
    assert_eq!(reads, ["dir/a.mux", "dir/b.mux", "lists/s.txt"]);
    let listed: Vec<_> = compiled
        .sources
        .iter()
        .map(|(path, _)| path.to_owned())
        .collect();
    assert_eq!(listed, reads);
}

#[test]
fn conditions_that_name_each_other_cannot_grow_without_bound() {
    let mut text = "define d0 when streaming and has tools\n".to_owned();
    for n in 1..40 {
        text.push_str(&format!(
            "define d{n} when d{} and (d{} or streaming)\n",
            n - 1,
            n - 1
        ));
    }
    text.push_str("policy @p { when d39 deny 401 \"x\"\n else deny 402 \"x\" }\n");
    let compiled = compiled(&text);
    assert!(
        compiled
            .diagnostics
            .iter()
            .any(|d| d.code == "mux::define::size"),
        "{:?}",
        compiled.diagnostics
    );
}

#[test]
fn long_chains_are_refused_and_never_overflow_the_stack() {
    let tail = "policy @p { when d0 use plan p0\n else deny 402 \"x\" }\n";
    let rising = |n: usize| n;
    let falling = |n: usize| 2_999 - n;
    for order in [rising, falling] as [fn(usize) -> usize; 2] {
        let mut text = "define d3000 when streaming\nplan p3000 { m/m3000 }\nprovider m {\n kind openai\n model m3000\n".to_owned();
        let numbers: Vec<usize> = (0..3_000).map(order).collect();
        for n in &numbers {
            text.push_str(&format!(" model m{n} {{ like m{} }}\n", n + 1));
        }
        text.push_str("}\n");
        for n in &numbers {
            text.push_str(&format!(
                "define d{n} when not d{}\nplan p{n} {{ plan p{} }}\n",
                n + 1,
                n + 1
            ));
        }
        let compiled = compiled(&format!("{text}{tail}"));
        let codes: Vec<_> = compiled.diagnostics.iter().map(|d| d.code).collect();
        for code in ["mux::define::size", "mux::cycle::plan", "mux::cycle::like"] {
            assert!(codes.contains(&code), "{codes:?}");
        }
    }
    let policies: String = (0..2_000)
        .map(|n| format!("policy @p{n} {{ else go @p{} }}\n", n + 1))
        .collect();
    let compiled = compiled(&format!(
        "{policies}policy @p2000 {{ else deny 402 \"x\" }}\n"
    ));
    assert!(compiled.image.is_none());
    let mut read = |path: &str| Ok(format!("include \"{path}x\"\n").into_bytes());
    assert!(compile(&["p"], &mut read, &|_| true).image.is_none());
}

#[test]
fn a_dead_rule_behind_thousands_is_found() {
    let dead = "  when tag.team is \"team-7\" and tag.task is \"code\" deny 403 \"none\"\n  else";
    let text = shapes::equalities(6_000).replace("  else", dead);
    let found = compiled(&text).diagnostics;
    let codes: Vec<_> = found.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["mux::rule::unreachable"]);
}
