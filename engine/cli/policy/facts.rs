//! Facts as people type them: the words of `given` lines, without quotes where a shell took them away.

use crate::ending::Trouble;
use mux_dsl::case::Given;
use mux_dsl::image::Features;
use mux_wire::chat::ChatRequest;

/// Facts by what they are about; giving one again replaces it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts(Vec<(String, String)>);

/// Facts whose values are text.
const TEXTS: [&str; 6] = [
    "key",
    "team",
    "end_user",
    "conversation",
    "operation",
    "dialect",
];

/// What heads a fact that is a figure of something: `p95 of PROVIDER/MODEL 4s`.
const OF: &str = "of";

impl Facts {
    /// Reads facts one after the other.
    pub(crate) fn read(words: &[String]) -> Result<Self, Trouble> {
        let mut facts = Self::default();
        facts.add(words)?;
        Ok(facts)
    }

    /// Reads more of them.
    pub(crate) fn add(&mut self, words: &[String]) -> Result<(), Trouble> {
        let words = spread(words);
        let mut rest = words.as_slice();
        while !rest.is_empty() {
            let (subject, value, behind) = next(rest)?;
            self.set(subject, value);
            rest = behind;
        }
        Ok(())
    }

    /// Forgets a fact; whether there was one.
    pub(crate) fn unset(&mut self, words: &[String]) -> bool {
        let subject = whole(words.join(" "));
        let before = self.0.len();
        self.0.retain(|(known, _)| *known != subject);
        before != self.0.len()
    }

    /// Gives a fact.
    pub(crate) fn set(&mut self, subject: String, value: String) {
        let subject = whole(subject);
        match self.0.iter_mut().find(|(known, _)| *known == subject) {
            Some((_, old)) => *old = value,
            None => self.0.push((subject, value)),
        }
    }

    /// Whether a fact is given.
    pub(crate) fn has(&self, subject: &str) -> bool {
        self.0.iter().any(|(known, _)| known == subject)
    }

    /// As `given` lines say them.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |(subject, value): &(String, String)| {
            format!("{subject} {value}").trim_end().to_owned()
        };
        self.0.iter().map(line).collect()
    }

    /// The facts of a chat request, and the tags whose names no policy can write.
    pub(crate) fn of_chat(chat: &ChatRequest) -> Self {
        let mut facts = Self::default();
        let mut set = |subject: &str, value: String| facts.set(subject.to_owned(), value);
        set("model", quoted(&chat.model));
        set("tokens", chat.tokens.to_string());
        if let Some(limit) = chat.output_limit {
            set("output_limit", limit.to_string());
        }
        if chat.stream {
            set("streaming", String::new());
        }
        let needs = [
            (chat.tools, Features::TOOLS),
            (chat.images, Features::IMAGES),
            (chat.audio, Features::AUDIO),
            (chat.json_schema, Features::JSON_SCHEMA),
        ];
        for word in needs
            .iter()
            .filter(|(needed, _)| *needed)
            .flat_map(|(_, f)| f.words())
        {
            set(&format!("has {word}"), String::new());
        }
        if let Some(user) = &chat.user {
            set("end_user", literal(user));
        }
        for (name, value) in chat.metadata.iter().filter(|(name, _)| plain(name)) {
            set(&format!("tag.{name}"), literal(value));
        }
        facts
    }
}

/// Puts back the characters that the lines of [`Facts::lines`] hold others for.
pub(crate) fn unveil(given: &mut Given) {
    let texts = [
        &mut given.end_user,
        &mut given.key,
        &mut given.team,
        &mut given.conversation,
        &mut given.operation,
        &mut given.dialect,
    ];
    let pairs = given.tags.iter_mut().chain(&mut given.headers);
    let texts = texts.into_iter().flatten().chain(pairs.map(|(_, v)| v));
    for text in texts.chain([&mut given.model]) {
        *text = text.chars().map(unveiled).collect();
    }
}

/// A budget by the longer of its two names, so that it is one fact.
fn whole(subject: String) -> String {
    match subject.strip_prefix("budget.") {
        Some(name) => format!("used of budget {name}"),
        None => subject,
    }
}

/// Whether a tag can be named in a policy.
fn plain(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':');
    !name.is_empty() && name.chars().all(word)
}

/// Splits what a shell left together, `tokens 3k` or `tokens=3k`, but not the values of text.
fn spread(words: &[String]) -> Vec<String> {
    let mut spread: Vec<String> = Vec::new();
    for word in words {
        let value = spread.last().is_some_and(|before| text(before));
        match word.split_once([' ', '=']) {
            Some((subject, value)) if text(subject) => {
                spread.extend([subject.to_owned(), value.trim().to_owned()]);
            }
            _ if value => spread.push(word.clone()),
            _ => spread.extend(
                word.split([' ', '='])
                    .filter(|w| !w.is_empty())
                    .map(str::to_owned),
            ),
        }
    }
    spread
}

fn text(subject: &str) -> bool {
    TEXTS.contains(&subject) || subject.starts_with("tag.") || subject.starts_with("header.")
}

/// The first fact: what it is about, its value, and the words behind it.
fn next(words: &[String]) -> Result<(String, String, &[String]), Trouble> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let (subject, value) = match (word(0), word(1)) {
        ("given", _) => return next(words.get(1..).unwrap_or_default()),
        ("streaming", "yes" | "no") => (1, 1),
        ("streaming", _) => (1, 0),
        ("has", _) => (2, 0),
        ("now", moment) => (1, if moment.ends_with('Z') { 1 } else { 2 }),
        ("used", OF) => (4, 1),
        (_, OF) => (3, 1),
        _ => (1, 1),
    };
    if words.len() < subject + value {
        return Err(Trouble::usage(format!(
            "`{}` has no value; facts are written as `given` lines write them: `tokens 3k tag.tier free has images`",
            words.join(" ")
        )));
    }
    let (subject, rest) = words.split_at(subject);
    let (values, rest) = rest.split_at(value);
    let name = subject.first().map_or("", String::as_str);
    let value = match values {
        [one] if text(name) => quoted(one),
        more => more.join(" "),
    };
    // Conditions say `is`, and so may facts.
    let (value, rest) = match (value.as_str(), rest) {
        ("is" | "\"is\"", [real, rest @ ..]) => (
            if text(name) {
                quoted(real)
            } else {
                real.clone()
            },
            rest,
        ),
        _ => (value, rest),
    };
    Ok((subject.join(" "), value, rest))
}

/// In quotes, if it is not.
fn quoted(value: &str) -> String {
    let quoted = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
    let bare = value.starts_with('@') && plain(value.trim_start_matches('@'));
    if quoted || bare {
        return value.chars().map(veiled).collect();
    }
    literal(value)
}

/// A text in quotes, whatever is in it.
fn literal(value: &str) -> String {
    let value: String = value.chars().map(veiled).collect();
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Requests may hold characters that no string of a policy can; others, of the last planes, stand for them in lines.
const VEIL: u32 = 0x000F_FF00;

fn veiled(c: char) -> char {
    let other = c.is_ascii_control().then(|| VEIL + u32::from(c));
    other.and_then(char::from_u32).unwrap_or(c)
}

fn unveiled(c: char) -> char {
    let own = u32::from(c).checked_sub(VEIL).and_then(char::from_u32);
    own.filter(char::is_ascii_control).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::Facts;

    fn lines(words: &str) -> Vec<String> {
        let words: Vec<String> = words.split('|').map(str::to_owned).collect();
        Facts::read(&words).map_or_else(|trouble| vec![trouble.to_string()], |f| f.lines())
    }

    #[test]
    fn facts_are_read_as_a_shell_hands_them_over() {
        assert_eq!(
            lines("model|@production|tokens|3k|tag.tier|free|has|images|streaming|end_user|a b"),
            [
                "model @production",
                "tokens 3k",
                "tag.tier \"free\"",
                "has images",
                "streaming",
                "end_user \"a b\""
            ]
        );
        assert_eq!(
            lines(
                "p95 of vllm/llama 4s|used of budget team 10%|tag.tier=pro plus|now|2026-03-29T02:30|Europe/Berlin|streaming|no"
            ),
            [
                "p95 of vllm/llama 4s",
                "used of budget team 10%",
                "tag.tier \"pro plus\"",
                "now 2026-03-29T02:30 Europe/Berlin",
                "streaming no"
            ]
        );
        assert_eq!(lines("tag.a|is|b|tokens|is|3"), ["tag.a \"b\"", "tokens 3"]);
    }

    #[test]
    fn the_last_word_on_a_fact_counts() {
        assert_eq!(lines("tokens|3|tokens|4"), ["tokens 4"]);
        assert_eq!(
            lines("budget.b 20%|used of budget b 30%"),
            ["used of budget b 30%"]
        );
    }

    #[test]
    fn a_fact_without_a_value_is_told_so() {
        assert!(lines("tokens").concat().contains("`tokens` has no value"));
    }
}
