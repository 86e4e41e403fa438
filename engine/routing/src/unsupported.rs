//! What the language can say and this version does not carry out yet. The one place that knows; whoever makes a part
//! work deletes its lines here.

/// Code of the refusal of a request whose plan cannot be carried out. The gateway loads no such plan, so only tests meet it.
pub const CODE: &str = "strategy_unsupported";

/// What is told about a strategy.
#[must_use]
pub fn words(strategy: &str) -> String {
    format!("this version cannot carry out `{strategy}` yet")
}
