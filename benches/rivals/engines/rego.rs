//! Rego, by regorus: one definition of `rule` for each rule. Every definition is evaluated, since two that hold must agree.
//! Timed are its interpreter and its virtual machine.

use crate::engine::Engine;
use crate::rules::{Ask, TOKENS, team};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine as Rego, Rc, Value};
use std::fmt::Write as _;

const RULE: &str = "data.rivals.rule";

pub(crate) struct Interpreter {
    rego: Rego,
    asks: Vec<Value>,
}

pub(crate) struct Machine {
    machine: RegoVM,
    asks: Vec<Value>,
}

impl Interpreter {
    pub(crate) fn new(rules: usize, asks: &[Ask]) -> Self {
        Self {
            rego: rego(rules),
            asks: asks.iter().map(input).collect(),
        }
    }
}

impl Machine {
    pub(crate) fn new(rules: usize, asks: &[Ask]) -> Self {
        let rule: Rc<str> = RULE.into();
        let compiled = rego(rules)
            .compile_with_entrypoint(&rule)
            .expect("a good policy");
        let program = Compiler::compile_from_policy(&compiled, &[RULE]).expect("a good policy");
        let mut machine = RegoVM::new_with_policy(compiled);
        machine.load_program(program);
        Self {
            machine,
            asks: asks.iter().map(input).collect(),
        }
    }
}

fn rego(rules: usize) -> Rego {
    let mut text = "package rivals\nimport rego.v1\n".to_owned();
    for rule in 0..rules {
        let team = team(rule);
        writeln!(
            text,
            "rule := {rule} if {{ input.team == \"{team}\"; input.tokens > {TOKENS} }}"
        )
        .expect("text grows");
    }
    let mut rego = Rego::new();
    rego.add_policy("rivals.rego".to_owned(), text)
        .expect("a good policy");
    rego
}

fn input(ask: &Ask) -> Value {
    let text = format!("{{\"team\": \"{}\", \"tokens\": {}}}", ask.team, ask.tokens);
    Value::from_json_str(&text).expect("good JSON")
}

/// No rule is the value `undefined`, which is no number.
fn number(value: &Value) -> Option<usize> {
    value.as_u64().ok()?.try_into().ok()
}

impl Engine for Interpreter {
    fn name(&self) -> &'static str {
        "regorus interpreter"
    }

    fn decide(&mut self, request: usize) -> Option<usize> {
        self.rego.set_input(self.asks[request].clone());
        let value = self.rego.eval_rule(RULE.to_owned());
        number(&value.expect("the rule is there"))
    }
}

impl Engine for Machine {
    fn name(&self) -> &'static str {
        "regorus machine"
    }

    fn decide(&mut self, request: usize) -> Option<usize> {
        self.machine.set_input(self.asks[request].clone());
        let value = self.machine.execute_entry_point_by_index(0);
        number(&value.expect("the rule is there"))
    }
}
