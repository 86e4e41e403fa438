//! The policies that `README.md` shows.

use crate::architecture::fault::Fault;
use crate::architecture::files::Files;

const README: &str = "README.md";

/// Policies that do not compile clean.
pub(crate) fn broken(files: &Files) -> Vec<Fault> {
    let Some(text) = files.text(README) else {
        return vec![Fault::new(
            README,
            1,
            "there is no such file; a newcomer starts there",
        )];
    };
    let mut faults = Vec::new();
    let blocks = blocks(text);
    if blocks.is_empty() {
        faults.push(Fault::new(
            README,
            1,
            "it shows no policy; a block ```mux has one",
        ));
    }
    for (line, policy) in blocks {
        faults.extend(problems(&policy).map(|report| Fault::new(README, line, report)));
    }
    faults
}

/// The text of each block fenced as `mux`, with the line of the fence.
fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (&mut open, line.trim_end()) {
            (None, "```mux") => open = Some((number, String::new())),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some((_, policy)), line) => {
                policy.push_str(line);
                policy.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}

/// The compiler's report, if it has anything to say.
fn problems(policy: &str) -> Option<String> {
    let mut read = |_: &str| Ok(policy.as_bytes().to_vec());
    let compiled = mux_dsl::compile(&["README.mux"], &mut read, &|_| true);
    let clean = compiled.image.is_some() && compiled.diagnostics.is_empty();
    (!clean).then(|| {
        let report = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
        format!("this policy does not compile clean; mend it:\n{report}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "provider p {\n  kind openai\n  key  env KEY\n  model m {\n    context 10k\n    price input $1/Mtok output $2/Mtok\n    can tools images json-schema streaming\n  }\n}\npolicy @x { else use p/m }\n";

    #[test]
    fn a_policy_that_compiles_passes_and_a_planted_mistake_is_found() {
        let readme = |policy: &str| format!("# mux\n\n```sh\nmux\n```\n\n```mux\n{policy}```\n");
        let told = |text: &str| -> Vec<String> {
            let files = Files::planted(&[(README, text)]);
            broken(&files).iter().map(Fault::to_string).collect()
        };
        assert_eq!(told(&readme(GOOD)), Vec::<String>::new());
        let faults = told(&readme(&GOOD.replace("use p/m", "use p/n")));
        assert_eq!(faults.len(), 1);
        assert!(faults[0].starts_with("README.md:7: this policy does not compile clean"));
        assert_eq!(told("# mux\n").len(), 1, "a readme without a policy");
    }
}
