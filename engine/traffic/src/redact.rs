//! Taking out of a text what must not be kept: keys, tokens, addresses, numbers of cards and accounts.
//!
//! It finds what has a form. What has none, such as a name, it cannot find: whoever records prompts keeps what people
//! wrote.

use regex::Regex;
use serde_json::Value;

/// What is replaced, by what stands in its place, in this order: a key in an address is a key.
const FORMS: [(&str, &str); 11] = [
    (
        "private-key",
        // Without its end, all that follows may be of it.
        r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
    ),
    // What the names of keys of providers, clouds, forges and chats begin with.
    (
        "secret",
        r"\b(?:sk|pk|rk|gsk|xai|pplx|hf|glpat|npm|pypi|xox[abposr]|ghp|gho|ghu|ghs|ghr|github_pat|shpat|dop_v1|r8)[-_][A-Za-z0-9_\-]{16,}",
    ),
    ("secret", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("secret", r"\bAIza[A-Za-z0-9_\-]{30,}"),
    (
        "token",
        r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*",
    ),
    (
        "secret",
        r#"(?i)\bauthorization["']?\s*[:=]\s*["']?(?:(?:bearer|basic)\s+)?[^\s"',;]{8,}|\bbearer\s+[A-Za-z0-9._~+/\-]{20,}=*"#,
    ),
    (
        "secret",
        r#"(?i)\b(?:password|passwd|pwd|secret|api[_\-]?key|access[_\-]?token|auth[_\-]?token)["']?\s*[:=]\s*["']?[^\s"',;]{4,}"#,
    ),
    // With the name and password that an address may hold.
    ("secret", r"\b[a-z][a-z0-9+.\-]*://[^\s/:@]+:[^\s/@]+@"),
    (
        "e-mail",
        r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}",
    ),
    (
        "iban",
        r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b",
    ),
    (
        "phone",
        r"(?:\+|\b00)[1-9][0-9]{0,2}[ \-./]?(?:\(?[0-9]{1,5}\)?[ \-./]?){2,5}[0-9]{2,}",
    ),
];
/// Names of fields whose value is a secret, whatever it looks like.
const NAMES: &str = r"(?i)^(?:authorization|password|passwd|pwd|secret|api[_\-]?key|access[_\-]?token|auth[_\-]?token)$";
/// Numbers that may be those of cards; whether they are is reckoned.
const CARD: &str = r"\b[2-6](?:[ \-]?[0-9]){12,18}\b";
/// Longer text without a blank is data, such as a picture: of no use in a recording, and too much of it.
const DATA: usize = 4_096;

/// Finds what must not be kept.
#[derive(Debug)]
pub struct Redaction {
    forms: Vec<(String, Regex)>,
    names: Regex,
    card: Regex,
}

impl Redaction {
    /// What mux knows, and further regular expressions.
    ///
    /// # Errors
    /// One of them is none; the text says why.
    pub fn new(further: &[String]) -> Result<Self, String> {
        let compiled = |text: &str| Regex::new(text).map_err(|error| error.to_string());
        let mut forms = Vec::new();
        for (name, form) in FORMS {
            forms.push((format!("[{name}]"), compiled(form)?));
        }
        for form in further {
            let found = compiled(form)
                .map_err(|why| format!("`{form}` is no regular expression: {why}"))?;
            forms.push(("[redacted]".to_owned(), found));
        }
        Ok(Self {
            forms,
            names: compiled(NAMES)?,
            card: compiled(CARD)?,
        })
    }

    /// A text without it.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        // Many scripts have no blanks, and none of them is ASCII.
        if text.len() > DATA && text.is_ascii() && !text.contains(char::is_whitespace) {
            return format!("[data of {} bytes]", text.len());
        }
        let mut kept = text.to_owned();
        for (instead, form) in &self.forms {
            kept = form
                .replace_all(&kept, regex::NoExpand(instead))
                .into_owned();
        }
        let card = |found: &regex::Captures<'_>| {
            let number = found.get(0).map_or("", |whole| whole.as_str());
            if is_card(number) {
                "[card]".to_owned()
            } else {
                number.to_owned()
            }
        };
        self.card.replace_all(&kept, card).into_owned()
    }

    /// A value without it, in every text in it, names of fields included.
    #[must_use]
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, field)| (self.text(&name), self.field(&name, field)))
                .collect(),
            // A card number may be written as a number.
            Value::Number(number) => {
                let text = number.to_string();
                let kept = self.text(&text);
                if kept == text {
                    Value::Number(number)
                } else {
                    Value::String(kept)
                }
            }
            other => other,
        }
    }

    /// What a field holds, without it. Fields of such a name in a schema hold what describes a secret, and stay.
    fn field(&self, name: &str, value: Value) -> Value {
        match value {
            Value::String(text) if !text.is_empty() && self.names.is_match(name) => {
                "[secret]".into()
            }
            Value::Number(_) if self.names.is_match(name) => "[secret]".into(),
            other => self.value(other),
        }
    }
}

/// Whether the last digit of a number is what the others demand (ISO/IEC 7812-1).
fn is_card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let weighed = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match place % 2 {
            0 => *digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        });
    weighed.sum::<u32>().is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kept(text: &str) -> String {
        Redaction::new(&[]).unwrap().text(text)
    }

    #[test]
    fn what_has_the_form_of_a_secret_or_of_somebodys_address_is_not_kept() {
        let key = format!("sk-{}", "aB3".repeat(10));
        for (text, expected) in [
            (format!("use {key}, please"), "use [secret], please"),
            (format!("sk-ant-api03-{}", "x_Y".repeat(9)), "[secret]"),
            ("AKIAIOSFODNN7EXAMPLE".to_owned(), "[secret]"),
            (format!("ghp_{}", "a1".repeat(18)), "[secret]"),
            (
                format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{}", "a".repeat(40)),
                "[token]",
            ),
            (
                "authorization: Bearer abcdef0123456789==".to_owned(),
                "[secret]",
            ),
            ("password = \"hunter22\"".to_owned(), "[secret]\""),
            ("postgres://ann:pw12@db/x".to_owned(), "[secret]db/x"),
            (
                "write to ann.o'b+x@mail.example.co.uk!".to_owned(),
                "write to ann.o'[e-mail]!",
            ),
            ("card 4111 1111 1111 1111 ok".to_owned(), "card [card] ok"),
            ("DE89 3704 0044 0532 0130 00".to_owned(), "[iban]"),
            ("call +49 (30) 1234-5678 now".to_owned(), "call [phone] now"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----".to_owned(),
                "[private-key]",
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: AES-256-CBC,0F\n\nMIIE\n-----END RSA PRIVATE KEY----- ok"
                    .to_owned(),
                "[private-key] ok",
            ),
            (
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: a-b\n\nlQOY\n-----END PGP PRIVATE KEY BLOCK-----"
                    .to_owned(),
                "[private-key]",
            ),
            (
                "mine: -----BEGIN PRIVATE KEY-----\nMIIE-cut".to_owned(),
                "mine: [private-key]",
            ),
        ] {
            assert_eq!(kept(&text), expected);
        }
        assert_eq!(kept(&"QUJD".repeat(2_000)), "[data of 8000 bytes]");
    }

    #[test]
    fn what_has_no_such_form_stays_as_it_was() {
        for text in [
            "What is 4111 1111 1111 1112 divided by 7?",
            "sk-8 is a screw; 12:30, 2026-11-01, 1.234.567,89 and v1.2.3",
            "the password is not written here",
            "a @mention and an expression a@b",
            "fn main() { let x = a[0] + b[1]; }",
            &"\u{8acb}\u{7e3d}\u{7d50}\u{9019}\u{4efd}\u{5408}\u{7d04}\u{3002}".repeat(300),
            "a basic understanding of 1700158623979 and of 0x7fffffffffffffff",
        ] {
            assert_eq!(kept(text), text);
        }
    }

    #[test]
    fn a_field_named_as_a_secret_is_not_kept_and_a_schema_of_one_is() {
        let redaction = Redaction::new(&[]).unwrap();
        let schema =
            json!({"properties": {"password": {"type": "string"}}, "required": ["password"]});
        assert_eq!(
            redaction.value(json!({
                "input": {"user": "ann", "password": "hunter22", "API-Key": "a b", "pwd": 1234, "secret": ""},
                "input_schema": schema,
            })),
            json!({
                "input": {"user": "ann", "password": "[secret]", "API-Key": "[secret]", "pwd": "[secret]", "secret": ""},
                "input_schema": schema,
            })
        );
    }

    #[test]
    fn all_of_a_body_is_looked_through_and_it_stays_a_body() {
        let redaction = Redaction::new(&["(?i)project \\w+".to_owned()]).unwrap();
        let body = json!({
            "model": "@chat", "max_tokens": 300,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Project Falcon: ann@example.com"}]}],
            "metadata": {"ann@example.com": 4_111_111_111_111_111_u64},
        });
        assert_eq!(
            redaction.value(body),
            json!({
                "model": "@chat", "max_tokens": 300,
                "messages": [{"role": "user", "content": [{"type": "text", "text": "[redacted]: [e-mail]"}]}],
                "metadata": {"[e-mail]": "[card]"},
            })
        );
        assert!(
            Redaction::new(&["(".to_owned()])
                .unwrap_err()
                .contains("`(`")
        );
    }
}
