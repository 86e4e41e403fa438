//! What an answer remembers, as bytes: they are written and read with every frame, so the form is small and quick and
//! names no field. Only the component that wrote a state ever reads it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Fault;

/// Reads a state.
///
/// # Errors
/// When it is none of this type.
pub fn read<T: DeserializeOwned>(state: &[u8]) -> Result<T, Fault> {
    postcard::from_bytes(state)
        .map_err(|error| Fault::Internal(format!("the stream's state is damaged: {error}")))
}

/// Writes a state. Every field is written, in order: a type with `skip_serializing_if`, `flatten` or `untagged` in it
/// cannot be read again.
///
/// # Errors
/// When it has something this form cannot hold.
pub fn write<T: Serialize>(state: &T) -> Result<Vec<u8>, Fault> {
    // Most states fit, and growing step by step is what takes time.
    let mut room = [0; 512];
    match postcard::to_slice(state, &mut room) {
        Ok(written) => Ok(written.to_vec()),
        Err(_) => postcard::to_allocvec(state).map_err(|error| Fault::Internal(error.to_string())),
    }
}
