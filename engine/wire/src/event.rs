//! Events of a stream as mux writes them.

use bytes::{BufMut as _, BytesMut};
use serde::Serialize;

/// Writes an event with a name and one line of JSON.
pub(crate) fn event(name: &str, data: &impl Serialize, out: &mut BytesMut) {
    let start = out.len();
    out.put_slice(b"event: ");
    out.put_slice(name.as_bytes());
    out.put_slice(b"\ndata: ");
    if serde_json::to_writer(out.writer(), data).is_ok() {
        out.put_slice(b"\n\n");
    } else {
        // What is written here always can be; half an event must never go out.
        out.truncate(start);
    }
}
