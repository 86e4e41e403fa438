//! Reads the error bodies providers send into one form, whatever their shape.
//!
//! Known shapes: OpenAI's and Anthropic's `{"error":{…}}`, Google's with `status` and `details` (also inside a
//! one-element array), xAI's `{"code","error":"text"}`, the flat `{"message","type","code"}` of Mistral, Cerebras,
//! Cohere and Bedrock, and `{"detail":…}` of Python servers.

use serde_json::Value;

/// The longest message kept, in bytes.
const MESSAGE_LIMIT: usize = 2_000;

/// What an error body says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) code: Option<String>,
    pub(crate) param: Option<String>,
    /// Code, type, status and reason, all in lower case, first the most telling.
    pub(crate) labels: Vec<String>,
    /// A code that is an HTTP status.
    pub(crate) status: Option<u16>,
    pub(crate) retry_after_ms: Option<u64>,
}

impl Refusal {
    /// What the body says, if it is JSON.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        Self::from_value(&value)
    }

    /// What an already parsed body says, if it is an object or an array with one.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let root = match value {
            Value::Array(items) => items.first()?,
            other => other,
        };
        if !root.is_object() {
            return None;
        }
        let inner = ["/response/error", "/error", "/message"]
            .into_iter()
            .find_map(|path| root.pointer(path).filter(|found| found.is_object()))
            .unwrap_or(root);
        let mut refusal = Self {
            message: clip(&message(inner, root)),
            ..Self::default()
        };
        refusal.read_labels(inner);
        if !std::ptr::eq(inner, root) {
            refusal.read_labels(root);
        }
        Some(refusal)
    }

    /// Whether any label is one of `names`.
    pub(crate) fn labelled(&self, names: &[&str]) -> bool {
        self.labels
            .iter()
            .any(|label| names.contains(&label.as_str()))
    }

    fn read_labels(&mut self, part: &Value) {
        for key in ["code", "type", "status", "error_type"] {
            match part.get(key) {
                Some(Value::String(text)) => self.add_label(key, text),
                Some(Value::Number(number)) => self.add_number(number.as_u64()),
                _ => {}
            }
        }
        self.add_number(part.get("status_code").and_then(Value::as_u64));
        if self.param.is_none() {
            self.param = part.get("param").and_then(Value::as_str).map(str::to_owned);
        }
        for text in ["/innererror/code", "/details/error_code"]
            .iter()
            .filter_map(|path| part.pointer(path)?.as_str())
        {
            self.labels.push(text.to_ascii_lowercase());
        }
        for detail in part
            .get("details")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            self.read_detail(detail);
        }
    }

    fn add_label(&mut self, key: &str, text: &str) {
        if let Ok(number) = text.parse() {
            self.add_number(Some(number));
        }
        if self.code.is_none() && (key == "code" || key == "status") {
            self.code = Some(clip(text));
        }
        self.labels.push(text.to_ascii_lowercase());
    }

    fn add_number(&mut self, number: Option<u64>) {
        let Some(number) = number else { return };
        let status = u16::try_from(number)
            .ok()
            .filter(|status| (400..600).contains(status));
        self.status = self.status.or(status);
    }

    fn read_detail(&mut self, detail: &Value) {
        if let Some(reason) = detail.get("reason").and_then(Value::as_str) {
            self.labels.push(reason.to_ascii_lowercase());
        }
        if let Some(delay) = detail.get("retryDelay").and_then(Value::as_str) {
            self.retry_after_ms = seconds_to_ms(delay.trim_end_matches('s'));
        }
    }
}

fn message(inner: &Value, root: &Value) -> String {
    let candidates = [
        inner.get("message"),
        root.get("message"),
        root.get("error"),
        inner.get("detail"),
        root.get("detail"),
        inner.get("status"),
    ];
    let text = candidates
        .iter()
        .flatten()
        .find_map(|value| value.as_str().filter(|text| !text.is_empty()));
    if let Some(text) = text {
        return text.to_owned();
    }
    let details = inner.get("detail").or_else(|| root.get("detail"));
    let complaints = details.and_then(Value::as_array).into_iter();
    complaints
        .flatten()
        .filter_map(|complaint| complaint.get("msg")?.as_str())
        .collect::<Vec<_>>()
        .join("; ")
}

/// Seconds written as a decimal number, as milliseconds, at most five minutes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a small positive range"
)]
fn seconds_to_ms(text: &str) -> Option<u64> {
    let seconds: f64 = text.parse().ok()?;
    seconds
        .is_finite()
        .then(|| (seconds.clamp(0.0, 300.0) * 1000.0) as u64)
}

/// At most [`MESSAGE_LIMIT`] bytes of a text, cut between characters.
pub(crate) fn clip(text: &str) -> String {
    let end = text.floor_char_boundary(MESSAGE_LIMIT);
    text.get(..end).unwrap_or_default().to_owned()
}
