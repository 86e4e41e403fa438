//! CEL: one program for each rule, run in order until one is true, as gateways do that have conditions in CEL.

use crate::engine::Engine;
use crate::rules::{Ask, TOKENS, team};
use cel::{Context, Env, Program, Value};
use std::sync::Arc;

pub(crate) struct Cel {
    rules: Vec<Program>,
    asks: Vec<Context<'static, 'static>>,
}

impl Cel {
    pub(crate) fn new(rules: usize, asks: &[Ask]) -> Self {
        let env = Arc::new(Env::stdlib());
        let rule = |rule| {
            let text = format!("team == '{}' && tokens > {TOKENS}", team(rule));
            env.compile(&text).expect("a good expression")
        };
        let context = |ask: &Ask| {
            let mut context = Context::with_env(Arc::clone(&env));
            context.add_variable_from_value("team", ask.team.as_str());
            context.add_variable_from_value("tokens", i64::from(ask.tokens));
            context
        };
        Self {
            rules: (0..rules).map(rule).collect(),
            asks: asks.iter().map(context).collect(),
        }
    }
}

impl Engine for Cel {
    fn name(&self) -> &'static str {
        "cel"
    }

    fn decide(&mut self, request: usize) -> Option<usize> {
        let context = &self.asks[request];
        let takes = |rule: &Program| matches!(rule.execute(context), Ok(Value::Bool(true)));
        self.rules.iter().position(takes)
    }
}
