//! Arguments that come value by value, each with its path: JSON text again, written in the order they come.

use std::fmt::Write as _;

use mux_plugin_sdk::Fault;
use serde::{Deserialize, Serialize};

use crate::provider::PartialArg;

/// A call whose arguments are still coming.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Open {
    pub(crate) call: u32,
    pub(crate) choice: u32,
    /// Where the last value stands.
    path: Vec<Step>,
    /// Whether that value is a string that goes on.
    text: bool,
    begun: bool,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Step {
    Item(u64),
    Field(String),
}

impl Open {
    pub(crate) fn new(choice: u32, call: u32) -> Self {
        Self {
            call,
            choice,
            path: Vec::new(),
            text: false,
            begun: false,
        }
    }

    /// The text that this value adds.
    pub(crate) fn add(&mut self, arg: &PartialArg<'_>) -> Result<String, Fault> {
        let path = steps(&arg.json_path)?;
        let mut out = String::new();
        let goes_on = self.text && path == self.path;
        if !goes_on {
            self.move_to(&path, &mut out);
        }
        match (&arg.string_value, arg.number_value, arg.bool_value) {
            (Some(piece), ..) => {
                if !goes_on {
                    out.push('"');
                }
                let quoted = serde_json::to_string(piece)
                    .map_err(|error| Fault::Internal(error.to_string()))?;
                let inner = quoted
                    .strip_prefix('"')
                    .and_then(|text| text.strip_suffix('"'));
                out.push_str(inner.unwrap_or_default());
                self.text = arg.will_continue;
                if !self.text {
                    out.push('"');
                }
            }
            (None, Some(number), _) => out.push_str(number.get()),
            (None, None, Some(truth)) => out.push_str(if truth { "true" } else { "false" }),
            (None, None, None) if goes_on => {}
            (None, None, None) => out.push_str("null"),
        }
        Ok(out)
    }

    /// The text that ends the arguments.
    pub(crate) fn close(mut self) -> String {
        let mut out = String::new();
        if self.begun {
            self.leave(0, &mut out);
            out.push('}');
        }
        out
    }

    /// Closes what ends before `path` and opens what begins there.
    fn move_to(&mut self, path: &[Step], out: &mut String) {
        let same = self
            .path
            .iter()
            .zip(path)
            .take_while(|(a, b)| a == b)
            .count();
        let first = !self.begun;
        if first {
            out.push('{');
            self.begun = true;
        } else {
            self.leave(same, out);
            out.push(',');
        }
        for (depth, step) in path.iter().enumerate().skip(same) {
            if let Step::Field(name) = step {
                let quoted = serde_json::to_string(name).unwrap_or_default();
                // Writing to a string cannot fail.
                let _ = write!(out, "{quoted}:");
            }
            match path.get(depth + 1) {
                Some(Step::Field(_)) => out.push('{'),
                Some(Step::Item(_)) => out.push('['),
                None => {}
            }
        }
        self.path = path.to_vec();
    }

    /// Closes the value and everything below the container it shares with the next one.
    fn leave(&mut self, same: usize, out: &mut String) {
        if std::mem::take(&mut self.text) {
            out.push('"');
        }
        while self.path.len() > same + 1 {
            match self.path.pop() {
                Some(Step::Item(_)) => out.push(']'),
                Some(Step::Field(_)) => out.push('}'),
                None => {}
            }
        }
    }
}

/// The steps of `$.a.b[0]['c d']`.
fn steps(path: &str) -> Result<Vec<Step>, Fault> {
    let wrong = || Fault::BadResponse(format!("gemini sent the path `{path}`"));
    let mut rest = path.strip_prefix('$').ok_or_else(wrong)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, left) = after.split_at_checked(end).ok_or_else(wrong)?;
            steps.push(Step::Field(name.to_owned()));
            rest = left;
        } else {
            let after = rest.strip_prefix('[').ok_or_else(wrong)?;
            let quote = after.chars().next().filter(|c| matches!(c, '\'' | '"'));
            if let Some(quote) = quote {
                let inner = after.strip_prefix(quote).ok_or_else(wrong)?;
                let (name, left) = inner.split_once(quote).ok_or_else(wrong)?;
                steps.push(Step::Field(name.to_owned()));
                rest = left.strip_prefix(']').ok_or_else(wrong)?;
            } else {
                let (number, left) = after.split_once(']').ok_or_else(wrong)?;
                steps.push(Step::Item(number.parse().map_err(|_| wrong())?));
                rest = left;
            }
        }
    }
    if steps.is_empty() {
        return Err(wrong());
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(args: &[&str]) -> String {
        let mut open = Open::new(0, 0);
        let mut text = String::new();
        for arg in args {
            let arg: PartialArg<'_> = serde_json::from_str(arg).expect("an argument");
            text.push_str(&open.add(&arg).expect("added"));
        }
        text + &open.close()
    }

    #[test]
    fn values_that_come_one_by_one_make_the_same_object() {
        let text = folded(&[
            r#"{"jsonPath":"$.a[0].x","stringValue":"be\"","willContinue":true}"#,
            r#"{"jsonPath":"$.a[0].x","stringValue":"gun","willContinue":true}"#,
            r#"{"jsonPath":"$.a[0].x","stringValue":""}"#,
            r#"{"jsonPath":"$.a[0].y","numberValue":0.5}"#,
            r#"{"jsonPath":"$.a[1].x","boolValue":true}"#,
            r#"{"jsonPath":"$['b c']","stringValue":"d"}"#,
            r#"{"jsonPath":"$.l[0]","stringValue":"e"}"#,
            r#"{"jsonPath":"$.l[1]","stringValue":"f"}"#,
        ]);
        let value: serde_json::Value = serde_json::from_str(&text).expect(&text);
        let meant = serde_json::json!({
            "a": [{"x": "be\"gun", "y": 0.5}, {"x": true}], "b c": "d", "l": ["e", "f"]
        });
        assert_eq!(value, meant);
    }

    #[test]
    fn a_call_without_any_value_leaves_the_arguments_empty() {
        assert_eq!(folded(&[]), "");
    }
}
