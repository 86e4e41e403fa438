//! Where a provider departs from the dialect of its kind. One that speaks nearly as another does is a few lines, and no
//! component: fields of the request by other names, left out or set, headers, paths, and what its errors and its rate-limit
//! headers mean.

use bytes::Bytes;
use http::HeaderMap;
use mux_wire::dialect::Dialect;
use mux_wire::fault::{ErrorKind, UpstreamError};
use mux_wire::fields::{fields, object};
use serde_json::Value;

use crate::fault::Fault;
use crate::header;
use crate::manifest::LimitHeader;
use crate::place;
use crate::plan::Plan;

/// All departures of one provider. Later ones of a kind stand above earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quirks {
    /// What happens to fields of the request, in order.
    pub fields: Vec<FieldQuirk>,
    /// Headers sent with every request.
    pub headers: Vec<(String, String)>,
    /// Where operations are asked, below the provider's address.
    pub paths: Vec<(String, String)>,
    /// What errors mean, by status or by the provider's own code.
    pub errors: Vec<(String, ErrorKind)>,
    /// Its rate-limit headers; where there are any, those of its kind do not count.
    pub limits: Vec<LimitHeader>,
    /// Dialects that its kind speaks and it does not, unless a path is given for them.
    pub unspoken: Vec<Dialect>,
}

/// What happens to a field of the request. A field is named by its path, as in `messages[].name`: `[]` stands for every
/// element of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldQuirk {
    /// It goes by another name. Where it has that one already, the value under the old name counts.
    Rename(String, String),
    /// It is left out, and said so.
    Drop(String),
    /// It always has this JSON value; only at the top.
    Force(String, String),
    /// Where it is the first text, it is the second.
    Replace(String, String, String),
}

impl Quirks {
    /// These, and then `more`.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.fields.extend(more.fields);
        self.headers.extend(more.headers);
        self.paths.extend(more.paths);
        self.errors.extend(more.errors);
        self.unspoken.extend(more.unspoken);
        if !more.limits.is_empty() {
            self.limits = more.limits;
        }
        self
    }

    /// The headers that are added, where they and the paths may be sent.
    ///
    /// # Errors
    /// A header or a path that may not, in words for the operator.
    pub(crate) fn checked(&self) -> Result<HeaderMap, String> {
        for (_, path) in &self.paths {
            place::path(path, &[String::from("/")]).map_err(|why| format!("the path {why}"))?;
        }
        header::map(&self.headers)
    }

    /// Where an operation is asked.
    pub(crate) fn path(&self, operation: &str) -> Option<&str> {
        let found = self.paths.iter().rev().find(|(of, _)| of == operation);
        found.map(|(_, path)| path.as_str())
    }

    /// Changes the fields of what is sent.
    pub(crate) fn apply(&self, plan: &mut Plan) -> Result<(), Fault> {
        if self.fields.is_empty() || plan.body.is_empty() {
            return Ok(());
        }
        let body = match plan.body.as_slice() {
            [one] => one.clone(),
            slices => Bytes::from(slices.concat()),
        };
        let (body, dropped) = self.rewritten(&body)?;
        plan.body = body;
        let word = |name| format!("`{name}` is not known to this provider");
        plan.warnings.extend(dropped.iter().map(word));
        Ok(())
    }

    /// A body with these departures made, and the fields that were left out.
    fn rewritten(&self, body: &Bytes) -> Result<(Vec<Bytes>, Vec<String>), Fault> {
        let wrong = |error: serde_json::Error| Fault::Invalid {
            message: format!("the body is no JSON object: {error}"),
            param: None,
        };
        let mut fields = fields(body).map_err(wrong)?;
        let mut dropped = Vec::new();
        for quirk in &self.fields {
            match quirk {
                FieldQuirk::Force(name, value) => {
                    fields.retain(|(known, _)| known != name);
                    fields.push((name.clone(), Bytes::from(value.clone())));
                }
                FieldQuirk::Rename(path, _)
                | FieldQuirk::Drop(path)
                | FieldQuirk::Replace(path, ..) => {
                    if change(&mut fields, &Steps::of(path), quirk).map_err(wrong)?
                        && matches!(quirk, FieldQuirk::Drop(_))
                    {
                        dropped.push(path.clone());
                    }
                }
            }
        }
        Ok((object(&fields), dropped))
    }

    /// What an error means here, where that is not what it usually means.
    pub(crate) fn meant(&self, status: u16, error: UpstreamError) -> UpstreamError {
        let status = status.to_string();
        let is = |name: &str| error.code.as_deref() == Some(name);
        let known = self.errors.iter().rev();
        let by_code = known.clone().find(|(name, _)| is(name));
        let Some((_, kind)) = by_code.or_else(|| known.clone().find(|(name, _)| *name == status))
        else {
            return error;
        };
        UpstreamError {
            kind: *kind,
            retry: kind.advice(),
            ..error
        }
    }
}

/// The way to a field.
#[derive(Debug)]
struct Steps<'p> {
    /// The field at the top, and whether its elements are meant.
    top: (&'p str, bool),
    /// The fields below.
    below: Vec<(&'p str, bool)>,
}

impl<'p> Steps<'p> {
    fn of(path: &'p str) -> Self {
        let step = |part: &'p str| match part.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (part, false),
        };
        let mut parts = path.split('.').map(step);
        Self {
            top: parts.next().unwrap_or((path, false)),
            below: parts.collect(),
        }
    }
}

/// Changes a field; whether there was anything to change.
fn change(
    fields: &mut Vec<(String, Bytes)>,
    steps: &Steps<'_>,
    quirk: &FieldQuirk,
) -> Result<bool, serde_json::Error> {
    let Some(at) = fields.iter().position(|(name, _)| name == steps.top.0) else {
        return Ok(false);
    };
    if steps.below.is_empty() && !steps.top.1 {
        match quirk {
            FieldQuirk::Drop(path) => fields.retain(|(name, _)| name != path),
            FieldQuirk::Rename(_, to) => {
                fields.retain(|(name, _)| name != to);
                for (name, _) in fields.iter_mut().filter(|(name, _)| name == steps.top.0) {
                    name.clone_from(to);
                }
            }
            FieldQuirk::Replace(_, from, to) => {
                for (_, value) in fields.iter_mut().filter(|(name, _)| name == steps.top.0) {
                    if serde_json::from_slice::<Value>(value)? == from.as_str() {
                        *value = Bytes::from(Value::from(to.as_str()).to_string());
                    }
                }
            }
            FieldQuirk::Force(..) => {}
        }
        return Ok(true);
    }
    let Some((_, text)) = fields.get_mut(at).filter(|(_, text)| may_hold(text, quirk)) else {
        return Ok(false);
    };
    let mut value: Value = serde_json::from_slice(text)?;
    let changed = inside(&mut value, steps.top.1, &steps.below, quirk);
    if changed {
        *text = Bytes::from(value.to_string());
    }
    Ok(changed)
}

/// Whether it is worth to take a value apart: conversations are long, and what is looked for is seldom there.
fn may_hold(text: &[u8], quirk: &FieldQuirk) -> bool {
    let wanted = match quirk {
        FieldQuirk::Rename(path, _) | FieldQuirk::Drop(path) => path.rsplit('.').next(),
        FieldQuirk::Replace(_, from, _) => Some(from.as_str()),
        FieldQuirk::Force(..) => None,
    };
    let wanted = wanted.unwrap_or_default().trim_end_matches("[]");
    // A letter may be written as an escape.
    std::str::from_utf8(text).is_ok_and(|text| text.contains(wanted) || text.contains("\\u"))
}

fn inside(value: &mut Value, each: bool, steps: &[(&str, bool)], quirk: &FieldQuirk) -> bool {
    if each {
        let elements = value.as_array_mut().into_iter().flatten();
        return elements.fold(false, |changed, element| {
            inside(element, false, steps, quirk) | changed
        });
    }
    let (Some(((name, each), below)), Some(map)) = (steps.split_first(), value.as_object_mut())
    else {
        return false;
    };
    if !below.is_empty() || *each {
        let inner = map.get_mut(*name);
        return inner.is_some_and(|inner| inside(inner, *each, below, quirk));
    }
    match quirk {
        FieldQuirk::Drop(_) => map.remove(*name).is_some(),
        FieldQuirk::Rename(_, to) => {
            let to = to.rsplit('.').next().unwrap_or(to);
            let moved = map
                .remove(*name)
                .map(|value| map.insert(to.to_owned(), value));
            moved.is_some()
        }
        FieldQuirk::Replace(_, from, to) => match map.get_mut(*name) {
            Some(Value::String(text)) if text == from => {
                text.clone_from(to);
                true
            }
            _ => false,
        },
        FieldQuirk::Force(..) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(quirks: Vec<FieldQuirk>, body: &str) -> (String, Vec<String>) {
        let quirks = Quirks {
            fields: quirks,
            ..Quirks::default()
        };
        let (body, dropped) = quirks
            .rewritten(&Bytes::from(body.to_owned()))
            .expect("an object");
        (String::from_utf8(body.concat()).expect("text"), dropped)
    }

    fn drop_of(path: &str) -> FieldQuirk {
        FieldQuirk::Drop(path.to_owned())
    }

    #[test]
    fn a_renamed_field_keeps_its_value_as_it_was_written_and_stands_above_its_namesake() {
        let rename = || FieldQuirk::Rename("max_completion_tokens".into(), "max_tokens".into());
        let (body, dropped) = sent(
            vec![rename()],
            r#"{"max_tokens":1,"max_completion_tokens":2.50,"n":1}"#,
        );
        assert_eq!(body, r#"{"max_tokens":2.50,"n":1}"#);
        assert!(dropped.is_empty());
        assert_eq!(sent(vec![rename()], r#"{"n":1}"#).0, r#"{"n":1}"#);
    }

    #[test]
    fn what_is_left_out_is_told_and_only_what_was_there() {
        let quirks = || {
            vec![
                drop_of("logprobs"),
                drop_of("user"),
                drop_of("messages[].name"),
            ]
        };
        let (body, dropped) = sent(
            quirks(),
            r#"{"logprobs":true,"messages":[{"role":"user","name":"ana","content":"a"},{"role":"user","content":"b"}]}"#,
        );
        assert_eq!(
            body,
            r#"{"messages":[{"content":"a","role":"user"},{"content":"b","role":"user"}]}"#
        );
        assert_eq!(dropped, ["logprobs", "messages[].name"]);
        let (escaped, dropped) = sent(quirks(), r#"{"messages":[{"n\u0061me":"ana"}]}"#);
        assert_eq!(
            (escaped.as_str(), dropped.len()),
            (r#"{"messages":[{}]}"#, 1)
        );
        let same = r#"{"messages":[{"role":"user","content":"b"}]}"#;
        assert_eq!(sent(quirks(), same), (same.to_owned(), Vec::new()));
    }

    #[test]
    fn a_forced_field_has_its_value_whatever_the_client_says() {
        let force =
            || FieldQuirk::Force("stream_options".into(), r#"{"include_usage":true}"#.into());
        for body in [r#"{"stream_options":null,"n":1}"#, r#"{"n":1}"#] {
            assert_eq!(
                sent(vec![force()], body).0,
                r#"{"n":1,"stream_options":{"include_usage":true}}"#
            );
        }
    }

    #[test]
    fn a_role_that_is_not_known_there_becomes_one_that_is() {
        let replace = FieldQuirk::Replace(
            "messages[].role".into(),
            "developer".into(),
            "system".into(),
        );
        let (body, dropped) = sent(
            vec![replace],
            r#"{"messages":[{"role":"developer"},{"role":"user"}]}"#,
        );
        assert_eq!(body, r#"{"messages":[{"role":"system"},{"role":"user"}]}"#);
        assert!(dropped.is_empty(), "nothing is lost");
    }

    #[test]
    fn an_error_means_what_its_code_says_before_what_its_status_says() {
        let quirks = Quirks {
            errors: vec![
                ("498".into(), ErrorKind::Overloaded),
                ("too_big".into(), ErrorKind::ContextLength),
            ],
            ..Quirks::default()
        };
        let error = |code: Option<&str>| UpstreamError {
            code: code.map(str::to_owned),
            ..UpstreamError::new(ErrorKind::Other, "no")
        };
        assert_eq!(quirks.meant(498, error(None)).kind, ErrorKind::Overloaded);
        let meant = quirks.meant(498, error(Some("too_big")));
        assert_eq!(
            (meant.kind, meant.retry),
            (ErrorKind::ContextLength, ErrorKind::ContextLength.advice())
        );
        assert_eq!(quirks.meant(400, error(None)), error(None));
    }
}
