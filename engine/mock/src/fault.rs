//! What is wrong with a simulated provider.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// A provider's fault. The default is none. Several may be set; the first that applies in the order of the fields wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Fault {
    /// Closes connections at once, without a word.
    pub refuse: bool,
    /// Takes the request and never answers.
    pub hang: bool,
    /// Answers with this status and an error in the dialect's shape.
    pub status: Option<u16>,
    /// Sent as `retry-after` with an error status, word for word.
    #[serde(deserialize_with = "text_or_number")]
    pub retry_after: Option<String>,
    /// Answers 200 with nothing in it.
    pub empty_200: bool,
    /// Answers 200 with a web page.
    pub html_200: bool,
    /// Sends the response's head and nothing after.
    pub hang_after_head: bool,
    /// Closes the connection after this many pieces of content; a whole answer is cut in half.
    pub cut_after: Option<u32>,
    /// Closes the connection after this many bytes of an answer's body.
    pub cut_at_byte: Option<u32>,
    /// Sends an error inside the stream after this many pieces of content, and ends.
    pub error_in_stream_after: Option<u32>,
    /// Tokens come this many times slower.
    #[serde(alias = "slow_tokens")]
    pub slow: f64,
    /// The share of requests that meet the fault, from 0 to 1, chosen by the seed.
    #[serde(alias = "error_rate")]
    pub rate: f64,
    /// How many requests meet the fault before it is over; no number means all.
    pub times: Option<u32>,
}

impl Default for Fault {
    fn default() -> Self {
        Self {
            refuse: false,
            hang: false,
            status: None,
            retry_after: None,
            empty_200: false,
            html_200: false,
            hang_after_head: false,
            cut_after: None,
            cut_at_byte: None,
            error_in_stream_after: None,
            slow: 1.0,
            rate: 1.0,
            times: None,
        }
    }
}

impl Fault {
    /// An error status for every request.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status: Some(status),
            ..Self::default()
        }
    }

    /// Whether anything is wrong at all.
    #[must_use]
    pub fn is_none(&self) -> bool {
        Self {
            rate: 1.0,
            times: None,
            ..self.clone()
        } == Self::default()
    }

    /// Reads a flag such as `status=503,rate=0.5`. Switches stand alone: `hang`. Dashes and underscores are the same.
    ///
    /// # Errors
    /// When a name is unknown, a value is missing, or a value makes no sense.
    pub fn parse(text: &str) -> Result<Self, BadFault> {
        let mut fault = Self::default();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (name, value) = part
                .split_once('=')
                .map_or((part, None), |(name, value)| (name, Some(value.trim())));
            fault.set(name.trim(), value)?;
        }
        fault.settle()
    }

    /// Checks the values. A rate or a wait without a fault means server errors.
    ///
    /// # Errors
    /// When a value makes no sense.
    pub fn settle(mut self) -> Result<Self, BadFault> {
        if !(0.0..=1.0).contains(&self.rate) {
            return Err(BadFault::new("`rate` must lie between 0 and 1"));
        }
        if !(self.slow.is_finite() && self.slow > 0.0) {
            return Err(BadFault::new(
                "`slow` must be a number above 0, such as 10 for ten times slower",
            ));
        }
        if self
            .status
            .is_some_and(|status| !(300..=599).contains(&status))
        {
            return Err(BadFault::new("`status` must lie between 300 and 599"));
        }
        if self
            .retry_after
            .as_ref()
            .is_some_and(|text| text.chars().any(char::is_control))
        {
            return Err(BadFault::new("`retry_after` must be a header value"));
        }
        let unnamed = Self {
            retry_after: None,
            ..self.clone()
        }
        .is_none();
        if unnamed && self.retry_after.is_some() {
            self.status = Some(429);
        } else if unnamed && (self.rate < 1.0 || self.times.is_some()) {
            self.status = Some(500);
        }
        Ok(self)
    }

    fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), BadFault> {
        match name.replace('-', "_").as_str() {
            "refuse" => self.refuse = switch(name, value)?,
            "hang" => self.hang = switch(name, value)?,
            "hang_after_head" => self.hang_after_head = switch(name, value)?,
            "empty_200" => self.empty_200 = switch(name, value)?,
            "html_200" => self.html_200 = switch(name, value)?,
            "status" => self.status = Some(number(name, value)?),
            "retry_after" => self.retry_after = Some(number::<String>(name, value)?),
            "cut_at_byte" => self.cut_at_byte = Some(number(name, value)?),
            "cut_after" => self.cut_after = Some(number(name, value)?),
            "error_in_stream_after" => self.error_in_stream_after = Some(number(name, value)?),
            "slow" | "slow_tokens" => self.slow = number(name, value)?,
            "rate" | "error_rate" => self.rate = number(name, value)?,
            "times" => self.times = Some(number(name, value)?),
            _ => {
                return Err(BadFault(format!(
                    "`{name}` is no fault; choose from {NAMES}"
                )));
            }
        }
        Ok(())
    }
}

const NAMES: &str = "status, retry-after, rate, times, hang, hang-after-head, slow, cut-after, cut-at-byte, error-in-stream-after, refuse, empty-200, html-200";

fn switch(name: &str, value: Option<&str>) -> Result<bool, BadFault> {
    match value {
        None | Some("true" | "on") => Ok(true),
        Some("false" | "off") => Ok(false),
        Some(other) => Err(BadFault(format!("`{name}` is on or off, not `{other}`"))),
    }
}

fn number<N: std::str::FromStr>(name: &str, value: Option<&str>) -> Result<N, BadFault> {
    let value =
        value.ok_or_else(|| BadFault(format!("`{name}` needs a value, such as `{name}=2`")))?;
    value.parse().map_err(|_| {
        BadFault(format!(
            "`{value}` is no value for `{name}`; a number is wanted"
        ))
    })
}

fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    match value {
        serde_json::Value::Null => Ok(None),
        serde_json::Value::String(text) => Ok(Some(text)),
        serde_json::Value::Number(number) => Ok(Some(number.to_string())),
        _ => Err(serde::de::Error::custom(
            "`retry_after` must be a text or a number",
        )),
    }
}

/// Why a fault could not be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFault(String);

impl BadFault {
    fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for BadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_names_faults_with_dashes_or_underscores() {
        let fault = Fault::parse("status=503, rate=0.5,retry-after=2,cut_after=3,hang").unwrap();
        let expected = Fault {
            status: Some(503),
            rate: 0.5,
            retry_after: Some("2".into()),
            cut_after: Some(3),
            hang: true,
            ..Fault::default()
        };
        assert_eq!(fault, expected);
        assert!(Fault::parse("").unwrap().is_none());
    }

    #[test]
    fn a_rate_alone_means_server_errors_and_a_wait_alone_means_429() {
        assert_eq!(Fault::parse("rate=0.1").unwrap().status, Some(500));
        assert_eq!(Fault::parse("retry-after=1").unwrap().status, Some(429));
        assert_eq!(Fault::parse("times=2").unwrap().status, Some(500));
        assert_eq!(Fault::parse("hang,rate=0.1").unwrap().status, None);
    }

    #[test]
    fn a_flag_that_makes_no_sense_says_what_would() {
        for (flag, words) in [
            ("sttus=500", "`sttus` is no fault; choose from status"),
            ("status", "`status` needs a value"),
            ("status=no", "`no` is no value for `status`"),
            ("status=200", "between 300 and 599"),
            ("rate=2", "between 0 and 1"),
            ("rate=NaN", "between 0 and 1"),
            ("slow=0", "above 0"),
            ("hang=7", "on or off"),
        ] {
            let error = Fault::parse(flag).unwrap_err().to_string();
            assert!(error.contains(words), "{flag}: {error}");
        }
    }

    #[test]
    fn a_fault_survives_json() {
        let fault = Fault::parse("status=429,retry-after=7,rate=0.25,times=3").unwrap();
        let json = serde_json::to_string(&fault).unwrap();
        assert_eq!(serde_json::from_str::<Fault>(&json).unwrap(), fault);
        assert_eq!(
            serde_json::from_str::<Fault>(r#"{"status":429,"retry_after":7}"#)
                .unwrap()
                .retry_after
                .as_deref(),
            Some("7")
        );
        assert!(serde_json::from_str::<Fault>(r#"{"sttus":1}"#).is_err());
    }
}
