//! What to say of a name that nothing has: which one was probably meant, or which there are.

use mux_dsl::closest;

/// `NAME` is no `what`, and what to write in its place.
pub(crate) fn unknown(name: &str, what: &str, known: &[&str]) -> String {
    match closest(name, known.iter().copied()) {
        Some(close) => format!("`{name}` is no {what}; did you mean `{close}`?"),
        None => format!("`{name}` is no {what}; there is {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn a_near_miss_is_answered_with_what_was_meant_and_anything_else_with_all_there_is() {
        let faults = ["hangs", "slow"];
        assert_eq!(
            unknown("hang", "fault", &faults),
            "`hang` is no fault; did you mean `hangs`?"
        );
        assert_eq!(
            unknown("sulks", "fault", &faults),
            "`sulks` is no fault; there is hangs, slow"
        );
    }
}
