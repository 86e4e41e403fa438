//! How alike two answers are, by their words alone: no model is asked.
//!
//! Words are what letters and digits make, in small letters. What is compared are the runs of three words of both answers
//! (w-shingling: Broder 1997), each as often as it occurs: those in common are divided by all. Answers of fewer words are
//! compared word by word. Two answers that say the same in other words are not alike; whether they are as good is for a
//! judge to say.

use std::collections::HashMap;

/// Words of a run.
const RUN: usize = 3;

/// How alike, basis points: 10,000 where words and their order are the same.
#[must_use]
pub fn alike(one: &str, other: &str) -> u32 {
    let [one, other] = [one, other].map(words);
    if one == other {
        return 10_000;
    }
    let run = RUN.min(one.len()).min(other.len()).max(1);
    let (ours, theirs) = (runs(&one, run), runs(&other, run));
    let both: usize = ours
        .iter()
        .map(|(run, count)| (*count).min(theirs.get(run).copied().unwrap_or(0)))
        .sum();
    let all = ours.values().sum::<usize>() + theirs.values().sum::<usize>() - both;
    u32::try_from(both * 10_000 / all.max(1)).unwrap_or(10_000)
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// How often every run of so many words occurs.
fn runs(words: &[String], run: usize) -> HashMap<&[String], usize> {
    let mut runs = HashMap::new();
    for run in words.windows(run) {
        *runs.entry(run).or_default() += 1;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::alike;
    use proptest::prelude::*;

    #[test]
    fn answers_are_as_alike_as_their_runs_of_words() {
        for (one, other, told) in [
            ("The cat sat.", "the cat sat", 10_000),
            ("", "", 10_000),
            ("", "something", 0),
            ("yes", "no", 0),
            ("yes", "yes, of course", 3_333),
            // Of the runs abc bcd cde and abc bcd cdx two are in common, and four there are.
            ("a b c d e", "a b c d x", 5_000),
            ("a b c d", "d c b a", 0),
        ] {
            assert_eq!(alike(one, other), told, "{one:?} {other:?}");
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_which_comes_first(one in "[ab ]{0,20}", other in "[ab ]{0,20}") {
            let told = alike(&one, &other);
            prop_assert_eq!(told, alike(&other, &one));
            prop_assert!(told <= 10_000);
            prop_assert_eq!(alike(&one, &one), 10_000);
        }
    }
}
