//! What the catalogue promises: it says what its sources say, finds models by every name they go by, and takes no nonsense.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should fail loudly"
)]

use mux_dsl::image::Price;
use mux_prices::{Catalogue, Class, Refused, form, shipped, source};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Noon of 27 November 2026 (UTC), unix milliseconds.
const NOON: i64 = 1_795_780_800_000;
const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;

/// What a short prompt costs at a moment.
fn at(kind: &str, model: &str, moment: i64) -> Price {
    let list = shipped().list(kind, model, NOON);
    let list = list.unwrap_or_else(|| panic_of(kind, model));
    list.at(moment, 1_000, true).unwrap()
}

fn panic_of(kind: &str, model: &str) -> ! {
    panic!("`{model}` is not known at `{kind}`")
}

fn price(input: i64, cached: i64, output: i64) -> Price {
    Price {
        input,
        output,
        cached: Some(cached),
        ..Price::default()
    }
}

fn refused(value: &Value) -> Vec<String> {
    let Err(Refused(wrong)) = source::read(&value.to_string(), "", "2026-11-27") else {
        panic!("it was taken: {value}");
    };
    wrong
}

#[test]
fn what_mux_comes_with_can_be_read() {
    let shipped = shipped();
    let editions: Vec<(&str, usize)> = shipped
        .editions()
        .iter()
        .map(|e| (e.source.as_str(), e.rows.len()))
        .collect();
    assert_eq!(editions, [("genai-prices", 1_378), ("models.dev", 793)]);
}

#[test]
fn what_mux_comes_with_is_what_its_sources_say() {
    let Some(folder) = std::env::var_os("MUX_PRICES_DIR") else {
        eprintln!("skipped: MUX_PRICES_DIR does not say where the sources are");
        return;
    };
    let folder = std::path::PathBuf::from(folder);
    for (edition, file) in shipped()
        .editions()
        .iter()
        .zip(["genai_prices.json", "models_dev.json"])
    {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let taken = source::read(&text, &edition.version, &edition.date).unwrap();
        assert_eq!(
            taken.edition, *edition,
            "`mux prices update` makes another catalogue of `{file}`"
        );
    }
}

#[test]
fn ten_well_known_models_cost_what_their_sources_say() {
    let claude = |input: i64, output: i64| Price {
        cached: Some(input / 10),
        cache_write: Some(input * 5 / 4),
        cache_write_1h: Some(input * 2),
        ..price(input, 0, output)
    };
    let flash = Price {
        audio_input: Some(1_000_000),
        ..price(300_000, 30_000, 2_500_000)
    };
    let plain = |input: i64, output: i64| Price {
        cached: None,
        ..price(input, 0, output)
    };
    for (kind, model, golden) in [
        ("openai", "gpt-4.1-mini", price(400_000, 100_000, 1_600_000)),
        ("openai", "gpt-4o", price(2_500_000, 1_250_000, 10_000_000)),
        ("openai", "gpt-5", price(1_250_000, 125_000, 10_000_000)),
        (
            "anthropic",
            "claude-haiku-4-5-20251001",
            claude(1_000_000, 5_000_000),
        ),
        (
            "anthropic",
            "claude-opus-4-5",
            claude(5_000_000, 25_000_000),
        ),
        (
            "gemini",
            "gemini-2.5-pro",
            price(1_250_000, 125_000, 10_000_000),
        ),
        ("vertex", "gemini-2.5-flash", flash),
        ("xai", "grok-4", price(3_000_000, 750_000, 15_000_000)),
        ("groq", "llama-3.3-70b-versatile", plain(590_000, 790_000)),
        (
            "bedrock",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            claude(3_300_000, 16_500_000),
        ),
    ] {
        assert_eq!(at(kind, model, NOON), golden, "{kind} {model}");
    }
}

#[test]
fn a_price_that_hangs_on_the_hour_or_the_day_is_the_one_of_that_moment() {
    let chat = |moment| at("deepseek", "deepseek-chat", moment).input;
    let midnight = NOON - 12 * HOUR;
    assert_eq!(chat(midnight), 135_000);
    assert_eq!(chat(midnight + HOUR / 2 - 1), 135_000);
    assert_eq!(chat(midnight + HOUR / 2), 270_000);
    assert_eq!(chat(NOON), 270_000);
    assert_eq!(chat(midnight + 16 * HOUR + HOUR / 2), 135_000);
    // From 21 August 2026 on it costs less.
    let since = NOON - 98 * DAY - 12 * HOUR;
    let sol = |moment| at("openai", "gpt-5.6-sol", moment).output;
    assert_eq!((sol(since - 1), sol(since)), (30_000_000, 20_000_000));
}

#[test]
fn a_price_that_hangs_on_the_prompt_changes_above_its_size_and_for_all_tokens() {
    let list = shipped().list("gemini", "gemini-2.5-pro", NOON).unwrap();
    let of = |prompt| list.at(NOON, prompt, true).unwrap();
    assert_eq!(of(200_000).input, 1_250_000);
    assert_eq!(of(200_001), price(2_500_000, 250_000, 15_000_000));
    assert_eq!(list.dearest(200_000).unwrap().input, 1_250_000);
    assert_eq!(list.dearest(200_001).unwrap().output, 15_000_000);
}

#[test]
fn the_most_that_a_model_costs_counts_every_hour_of_the_day_but_no_day_that_is_over() {
    let list = shipped().list("deepseek", "deepseek-v4-pro", NOON).unwrap();
    assert_eq!(list.dearest(0).unwrap().output, 3_960_000);
    let list = shipped().list("openai", "gpt-5.6-sol", NOON).unwrap();
    assert_eq!(list.dearest(0).unwrap().output, 20_000_000);
}

#[test]
fn models_are_found_by_every_name_they_go_by() {
    for (kind, name, row) in [
        ("openai", "GPT-4o", "gpt-4o"),
        ("openai", "gpt-5.6-sol-2026-08-01", "gpt-5.6-sol"),
        ("openai", "gpt-5.6-sol-20260801", "gpt-5.6-sol"),
        ("anthropic", "claude-opus-5-20261014", "claude-opus-5"),
        ("gemini", "gemini-2.5-pro-preview-06-05", "gemini-2.5-pro"),
        ("azure", "gpt-4.1-mini", "gpt-4.1-mini"),
        ("azure", "text-embedding-3-small", "text-embedding-3-small"),
        ("openrouter", "openai/gpt-4.1-mini", "openai/gpt-4.1-mini"),
    ] {
        let shipped = shipped();
        let found = shipped
            .find(kind, name)
            .unwrap_or_else(|| panic_of(kind, name));
        assert_eq!(found.row.model, row, "{kind} {name}");
    }
}

#[test]
fn nobody_is_taken_for_another_and_nothing_is_free_for_being_unknown() {
    for (kind, name) in [
        ("openai", "gpt-4.1-mini-of-mine"),
        ("openai", "claude-opus-4-5"),
        ("gemini", "gemini-2.5-pro-preview-tts-x"),
        ("vllm", "gpt-4o"),
        ("openai-compatible", "gpt-4o"),
        ("no-such-kind", "gpt-4o"),
        ("cohere", "north-mini-code-1-0"),
    ] {
        assert!(shipped().find(kind, name).is_none(), "{kind} {name}");
    }
    for edition in shipped().editions() {
        for row in &edition.rows {
            let free = |class| {
                row.rates
                    .iter()
                    .all(|l| l.of(class).is_some_and(|t| t.base == 0))
            };
            let nothing = free(Class::Input) && free(Class::Output);
            assert!(
                !nothing || row.model.ends_with(":free"),
                "{}/{}",
                row.provider,
                row.model
            );
        }
    }
}

#[test]
fn what_an_embedding_costs_is_known_and_what_it_would_answer_is_not() {
    let list = shipped()
        .list("openai", "text-embedding-3-small", NOON)
        .unwrap();
    assert_eq!(list.at(NOON, 10, false).unwrap().input, 20_000);
    assert_eq!(list.at(NOON, 10, true), None);
    assert_eq!((list.today(), list.dearest(10)), (None, None));
}

#[test]
fn an_edition_takes_the_place_of_an_older_one_of_its_source_and_of_no_other() {
    let table = json!([{"id": "openai", "models": [{"id": "gpt-4o", "prices": {"input_mtok": "7", "output_mtok": "9"}}]}]);
    let taken = source::read(&table.to_string(), "next", "2026-12-01").unwrap();
    let newer = Catalogue::default().with(taken.edition).over(&shipped());
    let input = |model| {
        newer
            .list("openai", model, NOON)
            .map(|l| l.today().unwrap().input)
    };
    assert_eq!(input("gpt-4o"), Some(7_000_000));
    // What the newer edition does not list any more, the other source may.
    let found = newer.find("openai", "gpt-4.1-mini").unwrap();
    assert_eq!(found.edition.source, "models.dev");
}

#[test]
fn everything_that_is_wrong_with_a_table_is_named_at_once() {
    let wrong = refused(&json!([{"id": "openai", "models": [
        {"id": "a", "prices": {"input_mtok": "-1", "output_mtok": "free"}},
        {"id": "b", "prices": {"input_mtok": "20000", "output_mtok": "1"}},
        {"id": "c", "prices": {"input_mtok": {"base": "1", "tiers": [{"price": "2"}]}, "output_mtok": "1"}},
        {"prices": {}},
        {"id": "d"},
        {"id": "e", "prices": [{"constraint": {"weekday": "monday"}, "prices": {"input_mtok": "1"}}]},
        {"id": "f", "match": {"fuzzy": "f"}, "prices": {"input_mtok": "1"}},
        {"id": "g", "prices": [{"constraint": {"start_time": "01:00:00+02:00", "end_time": "02:00:00+02:00"}, "prices": {"input_mtok": "1"}}]},
    ]}]));
    for told in [
        "openai/a: input_mtok: `-1` is less than nothing",
        "openai/a: output_mtok: `free` is no price",
        "openai/b: input_mtok: `20000` is more than $10000 for a million tokens",
        "openai/c: input_mtok: a tier has no `start` in tokens",
        "openai: has a model without `id`",
        "openai/d: has no `prices`",
        "openai/e: has a condition that is neither a `start_date` nor times of day",
        "openai/f: has a `match` of a kind that is not known",
        "openai/g: has times of day that are not in UTC",
    ] {
        assert!(
            wrong.iter().any(|w| w == told),
            "{told} is not among {wrong:#?}"
        );
    }
    assert_eq!(wrong.len(), 9, "{wrong:#?}");

    let wrong = refused(&json!([{"id": "openai", "models": [
        {"id": "a", "prices": {"input_mtok": {"base": "1", "tiers": [{"start": 9, "price": "2"}, {"start": 9, "price": "3"}]}}},
        {"id": "a", "prices": {"input_mtok": "1"}},
        {"id": "b", "prices": [{"constraint": {"start_date": "2026-02-30"}, "prices": {"input_mtok": "1"}}]},
        {"id": "c", "prices": [{"constraint": {"start_time": "25:00:00", "end_time": "01:00:00"}, "prices": {"input_mtok": "1"}}]},
    ]}]));
    assert_eq!(
        wrong,
        [
            "openai/a: input: its tiers do not ascend",
            "openai/a: it is listed twice",
            "openai/b: `2026-02-30` is no day such as `2026-08-17`",
            "openai/c: `25:00:00` is no time of day (UTC) such as `16:30:00`",
        ]
    );

    let wrong = refused(&json!({
        "openai": {"models": {
            "a": {"cost": {"input": -1, "output": "cheap"}},
            "b": {"cost": {"input": 1, "output": 2, "tiers": [{"tier": {"type": "weekday", "size": 1}, "input": 2}]}},
            "c": {"cost": 3},
        }},
        "groq": {},
    }));
    assert_eq!(
        wrong,
        [
            "groq: it has no `models`",
            "openai/a: input: `-1` is less than nothing",
            "openai/a: output: `\"cheap\"` is no price",
            "openai/b: input: a tier is not by the size of the prompt",
            "openai/c: `3` is no `cost`",
        ]
    );
    for nothing in [
        json!([]),
        json!({}),
        json!([{"id": "nobody", "models": []}]),
        json!(3),
    ] {
        assert_eq!(refused(&nothing).len(), 1, "{nothing}");
    }
    assert!(source::read("{", "", "2026-11-27").is_err());
    assert!(source::read("{}", "", "yesterday").is_err());
}

#[test]
fn a_damaged_catalogue_is_read_not_at_all() {
    let good = form::write(&shipped());
    let head = good.lines().next().unwrap();
    for (text, told) in [
        ("{}".to_owned(), "line 1"),
        (format!("{head}\n{{\"provider\":\"openai\"}}"), "line 2"),
        (
            head.replace("\"mux-prices\":1", "\"mux-prices\":2"),
            "form 2 is of another mux",
        ),
        (
            format!(
                "{head}\n{{\"provider\":\"openai\",\"model\":\"m\",\"rates\":[{{\"input\":-1}}]}}"
            ),
            "openai/m: input: a price is below nothing",
        ),
        (
            format!(
                "{head}\n{{\"provider\":\"openai\",\"model\":\"m\",\"rates\":[{{\"output\":1}}]}}"
            ),
            "openai/m: it does not say what a prompt costs",
        ),
        (
            format!(
                "{head}\n{{\"provider\":\"openai\",\"model\":\"m\",\"rates\":[{{\"input\":1,\"smell\":1}}]}}"
            ),
            "there is no class `smell`",
        ),
    ] {
        let wrong = form::read(&text).unwrap_err().to_string();
        assert!(wrong.contains(told), "{told}: {wrong}");
    }
}

#[test]
fn a_catalogue_comes_back_as_it_was_written() {
    let text = form::write(&shipped());
    let again = form::read(&text).unwrap();
    assert_eq!(again.editions(), shipped().editions());
    assert_eq!(form::write(&again), text);
}

proptest! {
    #[test]
    fn no_table_breaks_the_reader(text in "[\\[\\]{}\",:a-z0-9._-]{0,80}") {
        // Whatever it says, it does not end the process.
        let _ = source::read(&text, "", "2026-11-27");
        let _ = form::read(&text);
    }

    #[test]
    fn a_tiered_price_is_the_one_of_the_last_size_that_is_passed(
        base in 0..9_000_i64,
        tiers in prop::collection::btree_map(1..2_000_000_u32, 0..9_000_i64, 0..5),
        prompt in 0..3_000_000_u64,
    ) {
        let each: Vec<Value> = tiers.iter().map(|(start, price)| json!({"start": start, "price": price.to_string()})).collect();
        let table = json!([{"id": "openai", "models": [{"id": "m", "prices": {
            "input_mtok": {"base": base.to_string(), "tiers": each}, "output_mtok": "1",
        }}]}]);
        let taken = source::read(&table.to_string(), "", "2026-11-27").unwrap();
        let list = Catalogue::default().with(taken.edition).list("openai", "m", NOON).unwrap();
        let passed = tiers.iter().rev().find(|(start, _)| prompt > u64::from(**start));
        let wanted = passed.map_or(base, |(_, price)| *price) * 1_000_000;
        prop_assert_eq!(list.at(NOON, prompt, true).unwrap().input, wanted);
        prop_assert!(list.dearest(prompt).unwrap().input >= wanted);
    }
}
