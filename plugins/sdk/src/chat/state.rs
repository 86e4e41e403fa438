//! What an answer remembers, as bytes: they are written and read with every frame, so the form is small and quick and
//! names no field. Only the component that wrote a state ever reads it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::chat::stretch::Lead;
use crate::error::Fault;

/// Reads a state, and what stands at its beginning where only text is to come.
///
/// # Errors
/// When it is none of this type.
pub fn read<T: DeserializeOwned>(state: &[u8]) -> Result<(Option<Lead<'_>>, T), Fault> {
    let (lead, rest) = Lead::split(state);
    let read = postcard::from_bytes(rest)
        .map_err(|error| Fault::Internal(format!("the stream's state is damaged: {error}")))?;
    Ok((lead, read))
}

/// Writes a state. Every field is written, in order: a type with `skip_serializing_if`, `flatten` or `untagged` in it
/// cannot be read again.
///
/// # Errors
/// When it has something this form cannot hold.
pub fn write<T: Serialize>(lead: Option<&Lead<'_>>, state: &T) -> Result<Vec<u8>, Fault> {
    // Most states fit, and growing step by step is what takes time.
    let mut room = [0; 512];
    match postcard::to_slice(state, &mut room) {
        Ok(written) => Ok(Lead::before(lead, written)),
        Err(_) => postcard::to_allocvec(state)
            .map(|written| Lead::before(lead, &written))
            .map_err(|error| Fault::Internal(error.to_string())),
    }
}
