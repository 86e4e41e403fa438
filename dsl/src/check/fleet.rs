//! Models: what they can do, what they cost, and whom they are like.

use super::ability::{feature, tier};
use super::{cycle, provider};
use crate::cursor::Cursor;
use crate::image::{Features, Price, PriceList, Provider, ProviderId, Target, Tier};
use crate::lines::Line;
use crate::names::{Decl, Names};
use crate::outside::Outside;
use crate::quantity;
use crate::report::Report;
use crate::tree::{Kind, Word};
use crate::words::PRICES;
use std::sync::Arc;

/// Every model as a target, and every provider.
pub(super) fn read(
    names: &Names<'_>,
    outside: Outside<'_>,
    report: &mut Report,
) -> (Vec<Target>, Vec<Provider>) {
    let providers: Vec<Provider> = names
        .providers
        .iter()
        .map(|decl| provider::provider(decl, outside.kinds, report))
        .collect();
    let own: Vec<Facts> = names
        .models
        .iter()
        .map(|decl| facts(decl, names, report))
        .collect();
    let next = |at: usize| own.get(at).and_then(|f| f.like).into_iter().collect();
    let looped = cycle::report_loops(
        &names.models,
        own.len(),
        &next,
        ("mux::cycle::like", "these models are like each other"),
        report,
    );
    let targets = names.models.iter().enumerate().map(|(at, decl)| {
        let facts = if looped {
            Facts::default()
        } else {
            inherited(at, &own)
        };
        let mut target = target(decl, facts);
        let provider = providers.get(target.provider.index());
        if let Some(provider) = provider.filter(|_| target.price.is_none()) {
            priced(&mut target, &provider.kind, outside);
        }
        target
    });
    (targets.collect(), providers)
}

/// What a model block says; absent is not said.
#[derive(Clone, Default)]
struct Facts {
    like: Option<usize>,
    id: Option<Box<str>>,
    context: Option<u32>,
    output: Option<u32>,
    price: Option<Price>,
    tier: Option<Tier>,
    can: Option<Features>,
    concurrency: Option<u32>,
}

/// The facts of a model with those of the models it is like behind them; the id is its own.
fn inherited(at: usize, own: &[Facts]) -> Facts {
    let Some(facts) = own.get(at) else {
        return Facts::default();
    };
    let base = facts
        .like
        .map(|like| inherited(like, own))
        .unwrap_or_default();
    Facts {
        like: None,
        id: facts.id.clone(),
        context: facts.context.or(base.context),
        output: facts.output.or(base.output),
        price: facts.price.or(base.price),
        tier: facts.tier.or(base.tier),
        can: facts.can.or(base.can),
        concurrency: facts.concurrency.or(base.concurrency),
    }
}

/// What a catalogue lists, where the policy says nothing.
fn priced(target: &mut Target, kind: &str, outside: Outside<'_>) {
    let listed = (outside.prices)(kind, &target.model);
    target.price = listed.as_ref().and_then(PriceList::today);
    target.listed = listed.map(Arc::new);
}

fn target(decl: &Decl<'_>, facts: Facts) -> Target {
    let model = decl
        .name
        .split_once('/')
        .map_or(decl.name.as_ref(), |(_, model)| model);
    Target {
        name: decl.name.clone(),
        provider: ProviderId(u32::try_from(decl.owner).unwrap_or(u32::MAX)),
        model: facts.id.unwrap_or_else(|| model.into()),
        context: facts.context,
        output: facts.output,
        price: facts.price,
        listed: None,
        tier: facts.tier,
        // Without a `can` line nothing is known to be missing.
        can: facts
            .can
            .unwrap_or(Features::NEEDS.with(Features::STREAMING)),
        concurrency: facts.concurrency,
    }
}

fn facts(decl: &Decl<'_>, names: &Names<'_>, report: &mut Report) -> Facts {
    let mut facts = Facts::default();
    for line in &decl.body {
        let Some(word) = line.word() else { continue };
        match line.entry.word {
            "like" => facts.like = like(word, decl, names, report),
            "id" => facts.id = Some(word.text.clone()),
            "context" => facts.context = quantity::tokens(word, "context", report),
            "output" => facts.output = quantity::tokens(word, "output", report),
            "price" => facts.price = price(line, report),
            "tier" => facts.tier = tier(word, report),
            "can" => facts.can = Some(features(line, report)),
            "concurrency" => facts.concurrency = quantity::several(word, "concurrency", report),
            _ => {}
        }
    }
    facts
}

fn like(word: &Word, decl: &Decl<'_>, names: &Names<'_>, report: &mut Report) -> Option<usize> {
    let provider = decl
        .name
        .split_once('/')
        .map_or("", |(provider, _)| provider);
    let full = if word.text.contains('/') {
        word.text.to_string()
    } else {
        format!("{provider}/{}", word.text)
    };
    let known = names.models.index(&full);
    if known.is_none() {
        names.models.resolve(&full, word, report);
    }
    known.map(|k| k as usize)
}

fn price(line: &Line<'_>, report: &mut Report) -> Option<Price> {
    let mut cursor = Cursor::of(line);
    let mut price = Price::default();
    let mut seen: Vec<&Word> = Vec::new();
    while let Some(word) = cursor.kind(Kind::Name) {
        let amount = cursor.need(Kind::Quantity, "a price such as `$3/Mtok`", report);
        let amount = amount.and_then(|a| quantity::price(a, &word.text, report));
        if let Some(earlier) = seen.iter().find(|w| w.text == word.text) {
            report
                .error(
                    "mux::statement::repeated",
                    word.span,
                    format!("`{}` stands twice", word.text),
                )
                .also(earlier.span, "the first");
        }
        seen.push(word);
        match word.text.as_ref() {
            "input" => price.input = amount?,
            "output" => price.output = amount?,
            "cached" => price.cached = Some(amount?),
            "cache-write" => price.cache_write = Some(amount?),
            "cache-write-1h" => price.cache_write_1h = Some(amount?),
            "reasoning" => price.reasoning = Some(amount?),
            "audio-input" => price.audio_input = Some(amount?),
            "audio-output" => price.audio_output = Some(amount?),
            other => {
                report
                    .error(
                        "mux::name::price",
                        word.span,
                        format!("there is no price class `{other}`"),
                    )
                    .advise(other, PRICES.iter().map(|p| p.word), "the classes are");
                return None;
            }
        }
    }
    cursor.end(report);
    let says = |class: &str| seen.iter().any(|w| w.says(class));
    if !says("input") || !says("output") {
        report
            .error(
                "mux::statement::missing",
                line.stmt.span,
                "a price needs both `input` and `output`",
            )
            .help(format!("write `{}`", line.entry.form));
        return None;
    }
    Some(price)
}

fn features(line: &Line<'_>, report: &mut Report) -> Features {
    let words = line.args.iter().filter_map(|i| i.word());
    words
        .filter_map(|word| feature(word, report))
        .fold(Features::default(), Features::with)
}
