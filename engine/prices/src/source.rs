//! Tables of prices as their sources publish them, whichever it is.

use crate::form::checked;
use crate::taken::{Refused, Taken};
use crate::{genai, models_dev};
use serde_json::Value;

/// Reads either source's own form. `version` and `date` are told of it later; the day is `2026-11-27`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(text: &str, version: &str, date: &str) -> Result<Taken, Refused> {
    let value: Value = serde_json::from_str(text)
        .map_err(|why| Refused(vec![format!("it is not JSON: {why}")]))?;
    let taken = match value {
        Value::Array(providers) => genai::read(&providers, version, date),
        Value::Object(providers) => models_dev::read(&providers, version, date),
        _ => Err(Refused(vec![
            "it is neither the list of genai-prices nor the object of models.dev".to_owned(),
        ])),
    }?;
    let troubles = checked(&taken.edition);
    if troubles.is_empty() {
        Ok(taken)
    } else {
        Err(Refused(troubles))
    }
}
