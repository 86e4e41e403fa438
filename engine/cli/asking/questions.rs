//! What is asked of a recorded request, and the most that each question can cost; or why it is not asked again.

use super::bounded::bounded;
use super::cap::Most;
use super::form::Form;
use super::side::Side;
use mux_traffic::Record;
use serde_json::Value;

/// How requests are asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'t> {
    /// Most tokens of an answer.
    pub(crate) tokens: u32,
    /// What every request asks for, where that is not what it asked for.
    pub(crate) asks: Option<&'t str>,
    /// The target that judges.
    pub(crate) judge: Option<&'t str>,
}

/// What is put to a model, and the most that it can cost.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) body: Vec<u8>,
    pub(crate) most: Most,
}

/// A request that can be asked again.
#[derive(Debug)]
pub(crate) struct Questions {
    pub(crate) form: Form,
    /// Most tokens of each answer.
    pub(crate) output: u32,
    pub(crate) was: Question,
    pub(crate) now: Question,
}

impl Questions {
    /// Those that a recorded request makes: to whoever served it, or to a version before, and to the policies as they are; else
    /// why there are none.
    pub(crate) fn of(
        record: &Record,
        body: &Value,
        terms: Terms<'_>,
        (now, before): (&Side, Option<&Side>),
    ) -> Result<Self, String> {
        let form = Form::of(&record.request)?;
        let served = record.outcome.served.as_deref().ok_or("not served")?;
        bounded(form, body)?;
        let output = form.limit(body, terms.tokens)?;
        let put = |side: &Side, model: &str| {
            let mut why = String::new();
            for name in form.names(body) {
                let body = form.asked(body, model, (name, output));
                match side.most(model, (body.len(), output), name) {
                    Ok(most) => return Ok(Question { body, most }),
                    Err(unknown) => why = unknown,
                }
            }
            Err(why)
        };
        let model = terms.asks.unwrap_or(&record.request.model);
        Ok(Self {
            form,
            output,
            was: match before {
                Some(before) => put(before, model)?,
                None => put(now, served)?,
            },
            now: put(now, model)?,
        })
    }
}
