//! What a misspelt word probably meant.

/// What other tools call things, and what they are called here; the first that fits the place is meant.
const MEANT: &[(&str, &[&str])] = &[
    // statements of a file
    ("route", &["policy", "use"]),
    ("router", &["policy"]),
    ("alias", &["policy", "define"]),
    ("pool", &["plan"]),
    ("group", &["plan", "set"]),
    ("chain", &["plan", "fallback"]),
    ("list", &["set"]),
    ("let", &["define"]),
    ("var", &["define"]),
    ("const", &["define"]),
    ("def", &["define"]),
    ("condition", &["define", "when"]),
    ("import", &["include"]),
    ("require", &["include"]),
    ("source", &["include"]),
    ("circuit_breaker", &["breaker"]),
    ("rate_limit", &["limit"]),
    ("throttle", &["limit"]),
    ("quota", &["limit", "budget"]),
    ("upstream", &["provider"]),
    ("backend", &["provider"]),
    ("vendor", &["provider", "kind"]),
    // providers and models
    ("type", &["kind"]),
    ("dialect", &["kind"]),
    ("adapter", &["kind"]),
    ("api", &["kind"]),
    ("api_key", &["key"]),
    ("token", &["key"]),
    ("secret", &["key"]),
    ("auth", &["key"]),
    ("credential", &["key"]),
    ("credentials", &["key"]),
    ("base_url", &["url"]),
    ("api_base", &["url"]),
    ("endpoint", &["url"]),
    ("address", &["url"]),
    ("host", &["url"]),
    ("location", &["regions"]),
    ("deployment", &["model"]),
    ("context_window", &["context"]),
    ("context_length", &["context"]),
    ("max_context", &["context"]),
    ("max_tokens", &["output", "output_limit"]),
    ("max_output", &["output"]),
    ("max_output_tokens", &["output", "output_limit"]),
    ("pricing", &["price"]),
    ("cost", &["price", "cap"]),
    ("capabilities", &["can"]),
    ("supports", &["can"]),
    ("features", &["can"]),
    ("class", &["tier"]),
    ("extends", &["like"]),
    ("inherits", &["like"]),
    ("base", &["like"]),
    ("name", &["id"]),
    ("prompt", &["input"]),
    ("completion", &["output"]),
    // capabilities
    ("vision", &["images"]),
    ("image", &["images"]),
    ("functions", &["tools"]),
    ("function_calling", &["tools"]),
    ("tool_use", &["tools"]),
    ("json", &["json-schema"]),
    ("json_mode", &["json-schema"]),
    ("stream", &["streaming"]),
    ("thinking", &["reasoning"]),
    // budgets and breakers
    ("max", &["cap"]),
    ("limit", &["cap"]),
    ("amount", &["cap"]),
    ("alert", &["warn"]),
    ("threshold", &["warn", "trip"]),
    ("open", &["trip"]),
    ("cooldown", &["cool"]),
    ("user", &["end_user"]),
    ("username", &["end_user"]),
    ("user_id", &["end_user"]),
    ("customer", &["end_user"]),
    // rules and plans
    ("if", &["when"]),
    ("case", &["when"]),
    ("match", &["when"]),
    ("default", &["else"]),
    ("otherwise", &["else"]),
    ("send", &["use"]),
    ("forward", &["use"]),
    ("return", &["use"]),
    ("reject", &["deny"]),
    ("block", &["deny"]),
    ("refuse", &["deny"]),
    ("forbid", &["deny"]),
    ("goto", &["go"]),
    ("delegate", &["go"]),
    ("mirror", &["shadow"]),
    ("then", &["try"]),
    ("attempt", &["try"]),
    ("target", &["try", "served"]),
    ("model", &["served"]),
    ("failover", &["fallback"]),
    ("load_balance", &["balance"]),
    ("weighted", &["balance"]),
    ("as", &["name"]),
    ("retries", &["retry"]),
    ("max_retries", &["retry"]),
    ("timeout_ms", &["timeout"]),
    ("deadline", &["within", "total", "timeout"]),
    ("first_token", &["timeout"]),
    // facts
    ("prompt_tokens", &["tokens"]),
    ("input_tokens", &["tokens"]),
    ("length", &["tokens"]),
    ("hour", &["time"]),
    ("day", &["time"]),
    ("weekday", &["time"]),
    ("weekend", &["time"]),
    ("clock", &["time"]),
    ("now", &["time"]),
    ("session", &["conversation"]),
    ("thread", &["conversation"]),
    // tests
    ("assert", &["expect"]),
    ("should", &["expect"]),
    ("input", &["given"]),
    ("mock", &["upstream"]),
    ("stub", &["upstream"]),
];

/// The one of `known` that is probably meant: the same in other letters, what other tools call it, or what is close,
/// with at most a third of the letters different.
#[must_use]
pub fn closest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let known: Vec<&str> = known.into_iter().collect();
    let same = known.iter().copied().find(|k| alike(word, k));
    same.or_else(|| other_word(word, &known))
        .or_else(|| near(word, &known))
}

/// The fact that a word of a condition probably means, as it is written here.
pub(crate) fn fact<'k>(
    word: &str,
    facts: impl IntoIterator<Item = &'k str>,
    features: impl IntoIterator<Item = &'k str>,
) -> Option<String> {
    const TAGGED: [&str; 12] = [
        "tag", "tags", "label", "labels", "metadata", "meta", "user", "customer", "client",
        "account", "tenant", "org",
    ];
    let parts = word.split_once('.').filter(|(_, name)| !name.is_empty());
    if let Some((kind, name)) = parts
        && TAGGED.iter().any(|t| kind.eq_ignore_ascii_case(t))
    {
        return Some(format!("tag.{name}"));
    }
    let outer = ["request.", "req.", "input.", "ctx."];
    let word = outer
        .iter()
        .find_map(|o| word.strip_prefix(o))
        .unwrap_or(word);
    let fact = closest(word, facts).map(str::to_owned);
    fact.or_else(|| closest(word, features).map(|feature| format!("has {feature}")))
}

/// Whether two words differ in nothing but capitals and the sign between their parts.
fn alike(a: &str, b: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = u8> {
        let parts = text.bytes().filter(|b| !matches!(b, b'_' | b'-'));
        parts.map(|b| b.to_ascii_lowercase())
    }
    a.len().abs_diff(b.len()) <= 4 && letters(a).eq(letters(b))
}

/// What this is called here, where other tools call it by a word that means something else here.
pub(crate) fn renamed<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    other_word(word, &known.into_iter().collect::<Vec<_>>())
}

fn other_word<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let (_, ours) = MEANT.iter().find(|(theirs, _)| alike(word, theirs))?;
    let mut fits = ours
        .iter()
        .filter_map(|o| known.iter().copied().find(|k| k == o));
    fits.next()
}

fn near<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let limit = word.chars().count() / 3;
    known
        .iter()
        .map(|k| (distance(word, k, limit), *k))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, k)| k)
}

/// `did you mean …`, or what exists.
pub(crate) fn advice<'k>(
    word: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Result<&'k str, String> {
    let known: Vec<&str> = known.into_iter().collect();
    match closest(word, known.iter().copied()) {
        Some(close) => Ok(close),
        None => Err(listed(&known)),
    }
}

/// The first few of a list, in backticks.
pub(crate) fn listed(known: &[&str]) -> String {
    const SHOWN: usize = 16;
    let mut text = known
        .iter()
        .take(SHOWN)
        .map(|k| format!("`{k}`"))
        .collect::<Vec<_>>()
        .join(", ");
    if known.len() > SHOWN {
        text = format!("{text} and {} more", known.len() - SHOWN);
    }
    text
}

/// Edits (insert, delete, replace, swap neighbours) from `a` to `b`; more than `limit` need not be exact.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let get = |r: &[usize], at: usize| r.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut best = (get(&row, j) + usize::from(x != y))
                .min(get(&row, j + 1) + 1)
                .min(get(&next, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(get(&before, j - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(usize::MAX)
}
