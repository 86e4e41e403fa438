//! What may be spent, and the most that a request can cost. Bounds count a token of the prompt for each byte of what is sent:
//! no tokeniser makes more of text, and requests with more than text are not asked again. Providers add words of their own.

use super::bounded::harmless;
use super::form::{NEWEST, limits};
use mux_dsl::Image;
use mux_dsl::image::{
    Attempt, Fleet, Plan, Policy, PolicyId, Provider, Quirk, Route, RuleId, Timeouts, Verdict,
};
use mux_dsl::worst::worst_up_to;

/// Tokens of a prompt that nobody sent: how tools and forms of answers are explained to a model takes some hundreds.
const UNSENT: usize = 1_024;

/// What may be spent, pico-dollars.
#[derive(Debug)]
pub(crate) struct Cap {
    cap: i64,
    spent: i64,
}

impl Cap {
    pub(crate) fn new(cap: i64) -> Self {
        Self { cap, spent: 0 }
    }

    /// Whether so much is left.
    pub(crate) fn holds(&self, most: i64) -> bool {
        self.spent.saturating_add(most) <= self.cap
    }

    pub(crate) fn spend(&mut self, amount: i64) {
        self.spent = self.spent.saturating_add(amount);
    }

    pub(crate) fn spent(&self) -> i64 {
        self.spent
    }
}

/// The most that a request can cost, pico-dollars.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Most {
    /// Itself.
    pub(crate) own: i64,
    /// Copies that are sent besides.
    pub(crate) copies: i64,
}

impl Most {
    pub(crate) fn all(self) -> i64 {
        self.own.saturating_add(self.copies)
    }
}

/// The bytes of what is sent, and the most tokens of the answer.
pub(crate) type Sizes = (usize, u32);

/// The most that a request for a policy or a target can cost at the prices of a fleet; `None` where some price is not known.
pub(crate) fn most(image: &Image, fleet: &Fleet, model: &str, sizes: Sizes) -> Option<Most> {
    let Some(first) = image.policy(model.strip_prefix('@').unwrap_or(model)) else {
        return most_at(image, fleet, model, sizes).map(|own| Most { own, copies: 0 });
    };
    let cost = |route: &Route| cost((&image.plans, fleet), route, sizes);
    let mut most = Most::default();
    let policies = (0..).map(PolicyId).zip(&image.policies);
    let entered = image.policies.get(first.index());
    // Where one goes on to another, any of them may decide.
    let goes_on =
        entered.is_none_or(|policy| verdicts(image, (first, policy)).any(|v| v.is_none()));
    for (id, policy) in policies.filter(|(id, _)| goes_on || *id == first) {
        for verdict in verdicts(image, (id, policy)).flatten() {
            if let Verdict::Use(plan) = verdict {
                let plan = image.plans.get(plan.index())?;
                most.own = most.own.max(cost(&plan.route)?);
            }
        }
        for rule in &policy.rules {
            let mut copies = 0_i64;
            for shadow in &rule.shadows {
                let route = Route::Attempt(shadow.attempt.clone());
                copies = copies.saturating_add(cost(&route)?);
            }
            most.copies = most.copies.max(copies);
        }
    }
    Some(most)
}

fn verdicts<'i>(
    image: &'i Image,
    (id, policy): (PolicyId, &'i Policy),
) -> impl Iterator<Item = Option<&'i Verdict>> {
    let rules = (0..).map(RuleId).zip(&policy.rules);
    rules.map(move |(rule, _)| image.verdict(id, rule))
}

/// The most that a request straight to a target can cost.
pub(crate) fn most_at(image: &Image, fleet: &Fleet, target: &str, sizes: Sizes) -> Option<i64> {
    let route = Route::Attempt(Attempt {
        target: image.target(target)?,
        timeouts: Timeouts::default(),
        retry: None,
    });
    cost((&image.plans, fleet), &route, sizes)
}

fn cost((plans, fleet): (&[Plan], &Fleet), route: &Route, (bytes, output): Sizes) -> Option<i64> {
    // Who judges or merges reads answers as well, which have at most four bytes a token and are at most four.
    let answers = usize::try_from(output).ok()?.saturating_mul(16);
    let prompt = bytes.saturating_add(UNSENT).saturating_add(answers);
    let prompt = u32::try_from(prompt).unwrap_or(u32::MAX);
    let worst = worst_up_to(route, plans, fleet, prompt.into());
    Some(worst.cost?.of(prompt, output))
}

/// Kinds whose providers take the newer name of the most tokens, or whose adapters do.
const NEWER: [&str; 18] = [
    "anthropic",
    "azure",
    "bedrock",
    "cerebras",
    "cohere",
    "deepseek",
    "fireworks",
    "gemini",
    "groq",
    "mistral",
    "ollama",
    "openai",
    "openrouter",
    "sglang",
    "together",
    "vertex",
    "vllm",
    "xai",
];
/// What the names of models hold that look things up by themselves, for fees that no price of tokens tells.
const SEARCHING: [&str; 5] = [":online", "compound", "deep-research", "search", "sonar"];

/// A fleet without the prices of targets that can cost more than was counted: whose providers are sent something else, do not
/// take the `limit` that is given, or look things up.
pub(crate) fn distrusted(fleet: &Fleet, limit: &str) -> Fleet {
    let mut fleet = fleet.clone();
    for target in &mut fleet.targets {
        let provider = fleet.providers.get(target.provider.index());
        let searches = SEARCHING.iter().any(|word| target.model.contains(word));
        let bound = |provider: &Provider| {
            let renamed =
                |quirk: &Quirk| matches!(quirk, Quirk::Rename(from, _) if **from == *limit);
            let taken = limit != NEWEST
                || NEWER.contains(&&*provider.kind)
                || provider.quirks.iter().any(renamed);
            taken && &*provider.kind != "perplexity" && trusted(provider)
        };
        if searches || !provider.is_some_and(bound) {
            (target.price, target.listed) = (None, None);
        }
    }
    fleet
}

/// Whether the `quirks` of a provider leave what bounds a request.
fn trusted(provider: &Provider) -> bool {
    let bounds = |name: &str| limits().any(|limit| limit == name);
    provider.quirks.iter().all(|quirk| match quirk {
        Quirk::Rename(from, to) => bounds(to) || !bounds(from) && harmless(to, "0"),
        Quirk::Drop(name) => !bounds(name),
        Quirk::Force(name, value) => !bounds(name) && harmless(name, value),
        _ => true,
    })
}

/// `5usd`, `$5`, `0.05`, as pico-dollars.
pub(crate) fn money(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is no amount of money; write `5usd` or `$0.50`");
    let number = text.trim().to_lowercase();
    let number = number
        .trim_end_matches("usd")
        .trim()
        .trim_start_matches('$');
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 12 || (whole.is_empty() && part.is_empty()) {
        return Err(wrong());
    }
    let whole: i64 = format!("0{whole}").parse().map_err(|_| wrong())?;
    let part: i64 = format!("{part:0<12}").parse().map_err(|_| wrong())?;
    whole
        .checked_mul(1_000_000_000_000)
        .and_then(|whole| whole.checked_add(part))
        .filter(|amount| *amount > 0)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_exactly() {
        for (text, told) in [
            ("5usd", Some(5_000_000_000_000)),
            ("5 USD", Some(5_000_000_000_000)),
            ("$0.50", Some(500_000_000_000)),
            (".000000000001", Some(1)),
            ("0", None),
            ("-1", None),
            ("1.0000000000001", None),
            ("five", None),
            ("9999999999", None),
        ] {
            assert_eq!(money(text).ok(), told, "{text}");
        }
    }

    #[test]
    fn providers_that_are_sent_something_else_have_no_price_that_counts() {
        for (quirk, trusted) in [
            (r#"rename "max_completion_tokens" to "max_tokens""#, true),
            (r#"rename "max_tokens" to "most""#, false),
            (r#"rename "user" to "plugins""#, false),
            (r#"drop "seed""#, true),
            (r#"drop "max_tokens""#, false),
            (r#"force "temperature" 1"#, true),
            (r#"force "max_tokens" 100000"#, false),
            (r#"force "n" 8"#, false),
            (r#"force "service_tier" "priority""#, false),
            (r#"force "search_parameters" "on""#, false),
            (r#"header "x-team" "red""#, true),
        ] {
            let text = format!(
                "mux 1\nprovider p {{\n  kind openai\n  key env KEY\n  quirks {{\n    {quirk}\n  }}\n  model a {{ price input $1/Mtok output $1/Mtok }}\n}}\npolicy @plain {{ else use p/a }}\n"
            );
            let mut read = |_: &str| Ok(text.as_bytes().to_vec());
            let compiled = mux_dsl::compile(&["m.mux"], &mut read, &|_| true);
            let Some(image) = compiled.image else {
                panic!("{quirk}: {:?}", compiled.diagnostics);
            };
            let fleet = distrusted(&image.fleet, "max_tokens");
            let most = most(&image, &fleet, "@plain", (1_000, 10));
            assert_eq!(most.is_some(), trusted, "{quirk}");
        }
    }

    #[test]
    fn who_looks_things_up_or_may_not_know_the_limit_has_no_price_that_counts() {
        for (kind, model, quirk, older, newer) in [
            ("openai", "gpt-5", "", true, true),
            ("openai", "gpt-4o-search-preview", "", false, false),
            ("groq", "compound-beta", "", false, false),
            ("perplexity", "anything", "", false, false),
            ("openai-compatible", "m", "", true, false),
            (
                "openai-compatible",
                "m",
                "quirks {\n    rename \"max_completion_tokens\" to \"max_tokens\"\n  }",
                true,
                true,
            ),
        ] {
            let url = match kind {
                "openai-compatible" => "url \"https://a.example/v1\"",
                _ => "",
            };
            let text = format!(
                "mux 1\nprovider p {{\n  kind {kind}\n  key env KEY\n  {url}\n  {quirk}\n  model a {{\n    id \"{model}\"\n    price input $1/Mtok output $1/Mtok\n  }}\n}}\npolicy @plain {{ else use p/a }}\n"
            );
            let mut read = |_: &str| Ok(text.as_bytes().to_vec());
            let compiled = mux_dsl::compile(&["m.mux"], &mut read, &|_| true);
            let Some(image) = compiled.image else {
                panic!("{model}: {:?}", compiled.diagnostics);
            };
            for (limit, counts) in [("max_tokens", older), (NEWEST, newer)] {
                let fleet = distrusted(&image.fleet, limit);
                let most = most(&image, &fleet, "@plain", (1_000, 10));
                assert_eq!(most.is_some(), counts, "{kind} {model} {limit}");
            }
        }
    }

    #[test]
    fn the_most_that_a_request_costs_is_that_of_its_dearest_rule() {
        let text = "
provider p {
  kind openai
  key env KEY
  model a { price input $1/Mtok output $1/Mtok }
  model b { price input $2/Mtok output $2/Mtok }
  model c
}
policy @plain { else use p/a }
policy @both {
  when streaming use p/b
  else use p/a
}
policy @unknown { else use p/c }
";
        let mut read = |_: &str| Ok(text.as_bytes().to_vec());
        let image = mux_dsl::compile(&["m.mux"], &mut read, &|_| true)
            .image
            .unwrap();
        let most = |model| most(&image, &image.fleet, model, (1_000, 10)).map(Most::all);
        let own = |model| most_at(&image, &image.fleet, model, (1_000, 10));
        assert!(own("p/a").unwrap() >= 1_000 * 1_000_000);
        assert_eq!(own("p/b"), own("p/a").map(|m| 2 * m));
        assert_eq!(most("@plain"), own("p/a"));
        assert_eq!(most("@both"), own("p/b"));
        assert_eq!(most("both"), own("p/b"), "by its bare name");
        assert_eq!(
            (most("@unknown"), most("p/c"), most("nobody")),
            (None, None, None)
        );
    }
}
