//! Differences as Markdown, for the comment of a pull request.

use super::human::{headline, place, share, users};
use super::report::{Change, Diff, PolicyDiff};
use std::fmt::Write as _;

/// Most regions of one difference that are written out.
const REGIONS: usize = 10;

impl Diff {
    /// The differences as Markdown; the tests are folded away.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::from("### What the policies do differently\n\n");
        if self.same {
            text.push_str("Nothing: every request is treated as before.\n");
            return text;
        }
        if let (Some(requests), Some(differing)) = (self.requests, self.differing) {
            say(
                &mut text,
                &format!(
                    "Of {requests} recorded requests, **{differing}** ({}) are treated differently.\n",
                    share(differing, requests)
                ),
            );
        }
        for name in &self.removed {
            say(&mut text, &format!("- `@{name}` is **removed**"));
        }
        for name in &self.added {
            say(&mut text, &format!("- `@{name}` is **added**"));
        }
        if self.removed.len() + self.added.len() > 0 {
            text.push('\n');
        }
        for policy in &self.policies {
            policy_text(&mut text, policy);
        }
        self.plans_text(&mut text);
        self.fleet_text(&mut text);
        text
    }

    fn plans_text(&self, text: &mut String) {
        for plan in &self.plans {
            say(
                text,
                &format!("#### plan {} (for {})\n", escaped(&plan.plan), users(plan)),
            );
            for change in &plan.changes {
                say(text, &format!("- {}", code(change)));
            }
            text.push('\n');
        }
    }

    fn fleet_text(&self, text: &mut String) {
        if self.fleet.is_empty() {
            return;
        }
        say(text, "#### Besides policies\n");
        for parted in &self.fleet {
            let changes: Vec<String> = parted.changes.iter().map(|c| code(c)).collect();
            say(
                text,
                &format!("- **{}**: {}", parted.what, changes.join(", ")),
            );
        }
    }
}

fn policy_text(text: &mut String, policy: &PolicyDiff) {
    say(text, &format!("#### `@{}`\n", policy.policy));
    if policy.bounded {
        say(
            text,
            "> Bounded: only pairs of rules were compared, there may be more.\n",
        );
    }
    for change in &policy.changes {
        change_text(text, change);
    }
    if policy.more > 0 {
        say(
            text,
            &format!("And at least {} more regions.\n", policy.more),
        );
    }
    let tests = policy
        .changes
        .iter()
        .flat_map(|c| c.regions.iter().take(REGIONS));
    let tests: Vec<&str> = tests.map(|r| r.tests[1].as_str()).collect();
    say(
        text,
        &format!(
            "<details><summary>Tests for what holds now</summary>\n\n```mux\n{}```\n\n</details>\n",
            tests.join("\n")
        ),
    );
}

fn change_text(text: &mut String, change: &Change) {
    say(text, &format!("**{}**\n", escaped(&headline(change))));
    for inside in &change.inside {
        say(text, &format!("- {}", code(inside)));
    }
    if !change.inside.is_empty() {
        text.push('\n');
    }
    let counted = change.regions.iter().any(|r| r.requests.is_some());
    if counted {
        say(
            text,
            "| when | was | now | requests |\n| --- | --- | --- | --- |",
        );
    } else {
        say(text, "| when | was | now |\n| --- | --- | --- |");
    }
    for region in change.regions.iter().take(REGIONS) {
        let requests = region
            .requests
            .map_or_else(String::new, |n| format!(" {n} |"));
        say(
            text,
            &format!(
                "| {} | {} | {} |{requests}",
                cell(&region.when),
                place(&region.was),
                place(&region.now)
            ),
        );
    }
    text.push('\n');
    let hidden = change.regions.len().saturating_sub(REGIONS);
    if hidden > 0 {
        say(text, &format!("And {hidden} more conditions.\n"));
    }
}

/// Code in a cell of a table, where a bar would end the cell.
fn cell(words: &str) -> String {
    code(&words.replace('|', "\\|"))
}

fn code(words: &str) -> String {
    if words.contains('`') {
        format!("`` {words} ``")
    } else {
        format!("`{words}`")
    }
}

fn escaped(words: &str) -> String {
    let special = |c: char| matches!(c, '*' | '_' | '`' | '<' | '[' | '\\');
    let mut text = String::new();
    for c in words.chars() {
        if special(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

fn say(text: &mut String, words: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{words}");
}
