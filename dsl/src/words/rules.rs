//! Policies: which plan a request gets.

use super::entry::Args::{One, Own, Some as Several};
use super::entry::Body::{May, Must, Strategy};
use super::entry::Entry;
use super::entry::Place::{self, Plan, Policy, When};
use super::entry::Slot::{Alias, Name, Quantity};
use super::options::TARGET;

const FILE: &[Place] = &[Place::File];
const RULES: &[Place] = &[Policy, When];

pub(super) static TABLE: &[Entry] = &[
    Entry::new(
        "plan",
        FILE,
        "plan NAME { … }",
        One(Name),
        "how requests are carried out: one target or one strategy",
    )
    .repeats()
    .holds(Must(Plan)),
    Entry::new(
        "policy",
        FILE,
        "policy @NAME { … }",
        One(Alias),
        "which plan a request gets",
    )
    .repeats()
    .holds(Must(Policy)),
    Entry::new(
        "limit",
        &[Policy],
        "limit NAME …",
        Several(Name),
        "limits its requests obey",
    )
    .repeats(),
    Entry::new(
        "charge",
        &[Policy],
        "charge BUDGET …",
        Several(Name),
        "budgets its requests are charged to; one that is spent refuses with 429, unless a rule of the policy asks about it",
    )
    .repeats(),
    Entry::new(
        "priority",
        &[Policy],
        "priority N",
        One(Quantity),
        "what is shed first under overload: 0 first, 9 last, 5 where absent",
    ),
    Entry::new(
        "within",
        &[Policy],
        "within TIME",
        One(Quantity),
        "most time one of its requests may take",
    ),
    Entry::new(
        "rule",
        RULES,
        "rule NAME when CONDITION use …",
        Own,
        "a rule with a name",
    )
    .repeats()
    .holds(May(When)),
    Entry::new(
        "when",
        RULES,
        "when CONDITION use … | deny STATUS \"…\" | go @POLICY",
        Own,
        "a rule",
    )
    .repeats()
    .holds(May(When)),
    Entry::new(
        "else",
        RULES,
        "else use … | deny STATUS \"…\" | go @POLICY",
        Own,
        "what happens to all other requests",
    )
    .holds(May(When)),
    Entry::new(
        "use",
        &[When],
        "use plan NAME | PROVIDER/MODEL | fallback { … }",
        Own,
        "carries it out",
    )
    .with(&[TARGET])
    .holds(Strategy),
    Entry::new(
        "deny",
        &[When],
        "deny STATUS \"MESSAGE\"",
        Own,
        "refuses it",
    ),
    Entry::new("go", &[When], "go @POLICY", Own, "asks another policy"),
    Entry::new(
        "shadow",
        &[When],
        "shadow SHARE PROVIDER/MODEL [timeout TIME]",
        Own,
        "a copy whose answer is dropped; of every rule of the block",
    )
    .with(&[TARGET])
    .repeats(),
];
