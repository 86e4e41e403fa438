//! Request bodies made of slices of the client's bytes: nothing is copied but what changes.

use std::ops::Range;

use bytes::Bytes;

/// One edit of the client's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) at: usize,
    pub(crate) remove: usize,
    pub(crate) insert: Bytes,
}

/// Most edits of one body.
const EDIT_LIMIT: usize = 4_096;

/// The client's bytes with the JSON string at `span` replaced by `model`.
///
/// # Errors
/// When `span` is not within the body.
pub(crate) fn with_model(
    body: &Bytes,
    span: Range<usize>,
    model: &str,
) -> Result<Vec<Bytes>, String> {
    let name = serde_json::to_vec(model).map_err(|error| error.to_string())?;
    let remove = span
        .end
        .checked_sub(span.start)
        .ok_or("a span that ends before it starts")?;
    spliced(
        body,
        vec![Edit {
            at: span.start,
            remove,
            insert: Bytes::from(name),
        }],
    )
}

/// The client's bytes with edits made, which are in order and do not overlap.
///
/// # Errors
/// When they are not, reach beyond the body, or cut a character.
pub(crate) fn spliced(body: &Bytes, edits: Vec<Edit>) -> Result<Vec<Bytes>, String> {
    if edits.len() > EDIT_LIMIT {
        return Err(format!("more than {EDIT_LIMIT} splices"));
    }
    let mut slices = Vec::with_capacity(edits.len() * 2 + 1);
    let mut done = 0;
    for edit in edits {
        let end = edit
            .at
            .checked_add(edit.remove)
            .filter(|end| edit.at >= done && *end <= body.len())
            .ok_or("splices out of order, overlapping or beyond the body")?;
        let whole = border(body, edit.at) && border(body, end);
        if !whole || std::str::from_utf8(&edit.insert).is_err() {
            return Err(String::from("a splice that cuts a character in two"));
        }
        slices.push(body.slice(done..edit.at));
        slices.push(edit.insert);
        done = end;
    }
    slices.push(body.slice(done..));
    slices.retain(|slice| !slice.is_empty());
    Ok(slices)
}

/// Whether a character starts at `at`, or the body ends there.
fn border(body: &[u8], at: usize) -> bool {
    body.get(at)
        .is_none_or(|byte| byte & 0b1100_0000 != 0b1000_0000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn joined(slices: &[Bytes]) -> Vec<u8> {
        slices.concat()
    }

    #[test]
    fn the_model_is_replaced_and_the_rest_is_the_clients_own_memory() {
        let body = Bytes::from_static(br#"{"model":"@fast","n":1}"#);
        let slices = with_model(&body, 9..16, "gpt-\"5\"").expect("replaced");
        assert_eq!(joined(&slices), br#"{"model":"gpt-\"5\"","n":1}"#);
        assert_eq!(slices[0].as_ptr(), body.as_ptr());
    }

    #[test]
    fn edits_out_of_order_or_out_of_range_are_refused() {
        let body = Bytes::from("grün".to_owned());
        let edit = |at, remove| Edit {
            at,
            remove,
            insert: Bytes::new(),
        };
        assert!(spliced(&body, vec![edit(2, 1), edit(0, 1)]).is_err());
        assert!(spliced(&body, vec![edit(0, 2), edit(1, 1)]).is_err());
        assert!(spliced(&body, vec![edit(5, 1)]).is_err());
        assert!(spliced(&body, vec![edit(usize::MAX, 2)]).is_err());
        assert!(spliced(&body, vec![edit(3, 1)]).is_err(), "cuts the ü");
        assert!(spliced(&body, vec![edit(5, 0)]).is_ok());
    }

    proptest! {
        #[test]
        fn splicing_equals_replacing_in_a_copy(text in "[a-z]{0,40}", cuts in prop::collection::vec((0_usize..40, 0_usize..8, "[A-Z]{0,4}"), 0..5)) {
            let body = Bytes::from(text.clone());
            let mut edits = Vec::new();
            let mut copy = String::new();
            let mut done = 0;
            let mut cuts = cuts;
            cuts.sort();
            for (at, remove, insert) in cuts {
                if at < done || at + remove > text.len() { continue; }
                copy.push_str(text.get(done..at).expect("ascii"));
                copy.push_str(&insert);
                done = at + remove;
                edits.push(Edit { at, remove, insert: Bytes::from(insert) });
            }
            copy.push_str(text.get(done..).expect("ascii"));
            prop_assert_eq!(joined(&spliced(&body, edits).expect("in order")), copy.into_bytes());
        }
    }
}
