//! `mux prices show`: what a model costs, since when, at which size of prompt, who says so, and which policy says otherwise.

use crate::bundle::forced;
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out};
use clap::Args;
use mux_dsl::image::Price;
use mux_dsl::{Image, per_mtok};
use mux_gateway::prices;
use mux_gateway::source::Source;
use mux_prices::row::Listed;
use mux_prices::{Catalogue, Class, Found};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::path::PathBuf;

/// Tell what a model costs, since when, and who says so
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The model, as its provider calls it
    model: String,
    /// At this kind of provider only
    #[arg(long, value_name = "KIND")]
    provider: Option<String>,
    /// Policies whose own prices are told, too
    #[arg(long, default_value = "policies")]
    policies: PathBuf,
    /// The gateway's data folder, where `mux prices update` leaves prices
    #[arg(long, env = "MUX_DATA", default_value = ".mux")]
    data: PathBuf,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

/// A model at one kind of provider.
struct Told<'c> {
    kind: &'c str,
    found: Option<Found<'c>>,
    /// Targets of policies that say a price of their own.
    own: Vec<(String, Price)>,
}

impl Show {
    pub(crate) fn run(&self, out: &mut Out) -> Outcome {
        let catalogue = prices::read(&self.data).map_err(Trouble::usage)?;
        let image = self.image()?;
        let kinds = match &self.provider {
            Some(kind) => vec![kind.as_str()],
            None => kinds(image.as_ref()),
        };
        let told: Vec<Told<'_>> = kinds
            .into_iter()
            .map(|kind| Told {
                kind,
                found: catalogue.find(kind, &self.model),
                own: image
                    .as_ref()
                    .map(|i| own(i, kind, &self.model))
                    .unwrap_or_default(),
            })
            .filter(|told| told.found.is_some() || !told.own.is_empty())
            .collect();
        match self.format {
            Format::Json => out.json(&told.iter().map(|t| t.json(&self.model)).collect::<Vec<_>>()),
            Format::Human if told.is_empty() => out.line(&self.unknown()),
            Format::Human => {
                for told in &told {
                    out.text(&told.human(&self.model));
                }
            }
        }
        Ok(Exit::when(!told.is_empty()))
    }

    fn unknown(&self) -> String {
        let place = self.provider.as_deref();
        let place = place
            .map(|kind| format!(" at `{kind}`"))
            .unwrap_or_default();
        format!(
            "no price is known of `{}`{place}: what it costs is not counted, and budgets in `mode hard` refuse it; write `price …` in its `model` block",
            self.model
        )
    }

    /// The policies, where there are some that mean something.
    fn image(&self) -> Result<Option<Image>, Trouble> {
        if !self.policies.exists() {
            return Ok(None);
        }
        let source = Source::new(&self.policies).map_err(Trouble::usage)?;
        let roots = source.roots().map_err(Trouble::usage)?;
        let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
        Ok(forced(&roots, &mut |name| source.read(name), &|_| true).image)
    }
}

/// Kinds that may know the model: those with prices, and those of the policies.
fn kinds(image: Option<&Image>) -> Vec<&str> {
    let of_policies = image.into_iter().flat_map(|image| &image.fleet.providers);
    let mut kinds: Vec<&str> = Catalogue::kinds().to_vec();
    kinds.extend(of_policies.map(|provider| &*provider.kind));
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// Targets of a kind and a model whose price a policy says.
fn own(image: &Image, kind: &str, model: &str) -> Vec<(String, Price)> {
    let targets = image.fleet.targets.iter().filter(|target| {
        let provider = image.fleet.providers.get(target.provider.index());
        provider.is_some_and(|p| &*p.kind == kind) && &*target.model == model
    });
    let said = targets.filter(|target| target.listed.is_none());
    said.filter_map(|target| Some((target.name.to_string(), target.price?)))
        .collect()
}

impl Told<'_> {
    fn json(&self, model: &str) -> Value {
        let listed = self.found.map(|found| {
            json!({
                "model": found.row.model,
                "source": found.edition.source,
                "edition": found.edition.version,
                "date": found.edition.date,
                "rates": found.row.rates.iter().map(rates).collect::<Vec<_>>(),
            })
        });
        let own = self.own.iter();
        let own = own.map(|(target, price)| json!({"target": target, "price": classes(price)}));
        json!({
            "provider": self.kind,
            "model": model,
            "listed": listed,
            "overridden_by": own.collect::<Vec<_>>(),
        })
    }

    fn human(&self, model: &str) -> String {
        let mut text = format!("{} {model}\n", self.kind);
        // Writing into a text cannot fail.
        if let Some(found) = self.found {
            let _ = writeln!(
                text,
                "  listed as `{}` by {}",
                found.row.model,
                found.told()
            );
            for listed in &found.row.rates {
                let when = when(listed);
                let _ = writeln!(text, "  {when}{}", amounts(listed, 0));
                for above in listed.sizes() {
                    let blank = " ".repeat(when.chars().count());
                    let _ = writeln!(
                        text,
                        "  {blank}above {above} tokens of prompt, all of them: {}",
                        amounts(listed, u64::from(above) + 1)
                    );
                }
            }
            if found.row.is_for_prompts_only() {
                let _ = writeln!(text, "  what an answer costs is not listed");
            }
        }
        for (target, price) in &self.own {
            let classes = classes(price);
            let classes = classes
                .iter()
                .filter_map(|(class, each)| Some(format!("{class} {}", per_mtok(each.as_i64()?))));
            let classes = classes.collect::<Vec<_>>().join("  ");
            let _ = writeln!(text, "  overridden by `{target}`: {classes}");
        }
        text
    }
}

/// Under which condition prices hold, ready to be followed by them.
fn when(listed: &Listed) -> String {
    let from = listed.from.as_ref().map(|day| format!("from {day}: "));
    let daily = listed.daily.as_ref();
    let daily = daily.map(|(from, to)| format!("daily from {from} to {to} UTC: "));
    from.into_iter().chain(daily).collect()
}

fn amounts(listed: &Listed, prompt: u64) -> String {
    let each = listed.classes.iter();
    let each =
        each.map(|(class, tiers)| format!("{} {}", class.word(), per_mtok(tiers.at(prompt))));
    each.collect::<Vec<_>>().join("  ")
}

/// Pico-dollars a token, tiers as pairs of a size and an amount.
fn rates(listed: &Listed) -> Value {
    let mut map = Map::new();
    map.insert("from".to_owned(), listed.from.clone().into());
    let daily = listed
        .daily
        .as_ref()
        .map(|(from, to)| vec![from.clone(), to.clone()]);
    map.insert("daily".to_owned(), daily.into());
    let mut above: Vec<Value> = vec![prices(listed, 0, 0)];
    above.extend(
        listed
            .sizes()
            .into_iter()
            .map(|size| prices(listed, size, u64::from(size) + 1)),
    );
    map.insert("prices".to_owned(), above.into());
    map.into()
}

fn prices(listed: &Listed, above: u32, prompt: u64) -> Value {
    let mut map = Map::new();
    map.insert("above".to_owned(), above.into());
    for (class, tiers) in &listed.classes {
        map.insert(class.word().to_owned(), tiers.at(prompt).into());
    }
    map.into()
}

/// A price by the words of its classes.
fn classes(price: &Price) -> Map<String, Value> {
    let of = |class| match class {
        Class::Input => Some(price.input),
        Class::Output => Some(price.output),
        Class::Cached => price.cached,
        Class::CacheWrite => price.cache_write,
        Class::CacheWrite1h => price.cache_write_1h,
        Class::AudioInput => price.audio_input,
        Class::Reasoning => price.reasoning,
        Class::AudioOutput => price.audio_output,
    };
    let each = Class::ALL.into_iter();
    each.filter_map(|class| Some((class.word().to_owned(), of(class)?.into())))
        .collect()
}
