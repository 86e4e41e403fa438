//! Policies and requests made from bytes: the compiled form decides as the rules read, and its path leads back.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use mux_dsl::compile;
use mux_dsl::image::{BasisPoints, BudgetId, Features, Millis, PolicyId, TargetId};
use mux_dsl::request::{HealthState, Live, Request};

const FLEET: &str = "provider p {\n  kind k\n  model a\n  model b\n}\nset some { \"ana\" \"ben\" \"abel\" }\nbudget spend { cap $5/day }\n";
const WORDS: [&str; 8] = ["ana", "ben", "abel", "zoe", "b", "azure", "xen", ""];
const FACTS: [&str; 6] = ["tag.t", "end_user", "key", "header.x-h", "team", "conversation"];

/// One condition, as text.
fn condition(bytes: &mut Unstructured<'_>, depth: u8) -> Result<String> {
    let pick = if depth == 0 { bytes.int_in_range(0..=9)? } else { bytes.int_in_range(0..=12)? };
    let fact = *bytes.choose(&FACTS)?;
    let word = *bytes.choose(&WORDS)?;
    let sign = *bytes.choose(&[">", ">=", "<", "<=", "is", "is not"])?;
    let number: u8 = bytes.int_in_range(0..=5)?;
    Ok(match pick {
        0 => format!("{fact} is \"{word}\""),
        1 => format!("{fact} is not \"{word}\""),
        2 => format!("{fact} in some \"{word}\""),
        3 => format!("{fact} matches \"{}\"", bytes.choose(&["a*", "*e*", "?en", "*", "*b"])?),
        4 => format!("has {fact}"),
        5 => format!("{} {sign} {number}", bytes.choose(&["tokens", "output_limit"])?),
        6 => format!("{} of p/a {sign} {number}s", bytes.choose(&["p50", "p95"])?),
        7 => format!("used of budget spend {sign} {number}%"),
        8 => format!("health of {} is {}", bytes.choose(&["p", "p/a"])?, bytes.choose(&["ok", "degraded", "down"])?),
        9 => (*bytes.choose(&["streaming", "has tools", "has output_limit", "time in mon-fri 08:00-18:00 Europe/Berlin", "time in sat 22:00-04:00 UTC"])?).to_owned(),
        10 => format!("not ({})", condition(bytes, depth - 1)?),
        _ => {
            let word = if pick == 11 { " and " } else { " or " };
            let count = bytes.int_in_range(2..=3)?;
            let parts: Result<Vec<String>> = (0..count).map(|_| condition(bytes, depth - 1)).collect();
            format!("({})", parts?.join(word))
        }
    })
}

#[derive(Arbitrary, Debug)]
struct Asks {
    words: [Option<u8>; 6],
    tokens: u8,
    output: Option<u8>,
    streaming: bool,
    tools: bool,
    minutes: u32,
    p: Option<u16>,
    used: u16,
    health: [u8; 2],
}

struct Moment<'a>(&'a Asks);

impl Live for Moment<'_> {
    fn p50(&self, _: TargetId) -> Option<Millis> {
        self.0.p.map(Millis::from)
    }
    fn p95(&self, _: TargetId) -> Option<Millis> {
        self.0.p.map(|p| Millis::from(p) * 2)
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
    fn health(&self, target: TargetId) -> HealthState {
        match self.0.health[target.index()] % 3 {
            0 => HealthState::Ok,
            1 => HealthState::Degraded,
            _ => HealthState::Down,
        }
    }
    fn used(&self, _: BudgetId, _: &Request<'_>) -> BasisPoints {
        u32::from(self.0.used)
    }
}

fn run(bytes: &[u8]) -> Result<()> {
    let mut bytes = Unstructured::new(bytes);
    let rules: u16 = bytes.int_in_range(1..=6)?;
    let mut text = format!("{FLEET}policy @p {{\n");
    for rule in 0..rules {
        text.push_str(&format!("  when {} deny {} \"x\"\n", condition(&mut bytes, 2)?, 400 + rule));
    }
    text.push_str("  else deny 499 \"x\"\n}\n");
    let compiled = compile(&["p.mux"], &mut |_| Ok(text.clone().into_bytes()), &|_| true);
    let Some(image) = compiled.image else {
        // The only mistakes such a policy can hold.
        assert!(compiled.diagnostics.iter().any(|d| d.code == "mux::rule::unreachable"), "{text}\n{:?}", compiled.diagnostics);
        return Ok(());
    };
    while !bytes.is_empty() {
        let asks = Asks::arbitrary(&mut bytes)?;
        let word = |at: usize| asks.words[at].map(|w| WORDS[usize::from(w) % WORDS.len()]);
        let tags: Vec<_> = word(0).map(|t| ("t", t)).into_iter().collect();
        let headers: Vec<_> = word(3).map(|h| ("x-h", h)).into_iter().collect();
        let request = Request {
            model: "@p",
            key: word(2),
            team: word(4),
            end_user: word(1),
            conversation: word(5),
            tags: &tags,
            headers: &headers,
            operation: "chat",
            dialect: "openai-chat",
            tokens: asks.tokens.into(),
            output_limit: asks.output.map(u32::from),
            streaming: asks.streaming,
            needs: if asks.tools { Features::TOOLS } else { Features::default() },
            now: 1_767_000_000_000 + i64::from(asks.minutes % 1_000_000) * 60_000,
        };
        let moment = Moment(&asks);
        let decision = image.decide(PolicyId(0), &request, &moment);
        let naive = image.decide_naively(PolicyId(0), &request, &moment);
        assert_eq!(decision.rule, naive.rule, "{text}\n{asks:?}");
        assert!(image.asked(PolicyId(0), &decision.path).is_some(), "{text}\n{asks:?}");
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    // Bytes that end too soon make no policy.
    let _ = run(bytes);
});
