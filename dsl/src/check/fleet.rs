//! Models: what they can do, what they cost, and whom they are like.

use super::ability::{feature, tier};
use super::{cycle, provider};
use crate::cursor::Cursor;
use crate::image::{Features, Pico, Price, Provider, ProviderId, Target, Tier};
use crate::lines::Line;
use crate::names::{Decl, Names};
use crate::quantity;
use crate::report::Report;
use crate::suggest;
use crate::tree::{Kind, Word};

/// Every model as a target, and every provider.
pub(super) fn read(
    names: &Names<'_>,
    kinds: &dyn Fn(&str) -> bool,
    report: &mut Report,
) -> (Vec<Target>, Vec<Provider>) {
    let providers = names
        .providers
        .iter()
        .map(|decl| provider::provider(decl, kinds, report))
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
        target(decl, facts)
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
    }
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
        tier: facts.tier,
        // Without a `can` line nothing is known to be missing.
        can: facts
            .can
            .unwrap_or(Features::NEEDS.with(Features::STREAMING)),
        concurrency: None,
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
    let mut classes: [Option<Pico>; 4] = [None; 4];
    while let Some(word) = cursor.kind(Kind::Name) {
        let known = ["input", "output", "cached", "cache-write"];
        let Some(slot) = known
            .iter()
            .position(|k| word.says(k))
            .and_then(|at| classes.get_mut(at))
        else {
            let finding = report.error(
                "mux::name::price",
                word.span,
                format!("there is no price class `{}`", word.text),
            );
            match suggest::advice(&word.text, known) {
                Ok(close) => finding.meant(close),
                Err(list) => finding.help(format!("the classes are {list}")),
            };
            return None;
        };
        let amount = cursor.need(Kind::Quantity, "a price such as `$3/Mtok`", report)?;
        *slot = quantity::price(amount, &word.text, report);
        slot.as_ref()?;
    }
    cursor.end(report);
    let [input, output, cached, cache_write] = classes;
    let Some((input, output)) = input.zip(output) else {
        report
            .error(
                "mux::statement::missing",
                line.stmt.span,
                "a price needs both `input` and `output`",
            )
            .help(format!("write `{}`", line.entry.form));
        return None;
    };
    Some(Price {
        input,
        output,
        cached,
        cache_write,
        ..Price::default()
    })
}

fn features(line: &Line<'_>, report: &mut Report) -> Features {
    let words = line.args.iter().filter_map(|i| i.word());
    words
        .filter_map(|word| feature(word, report))
        .fold(Features::default(), Features::with)
}
