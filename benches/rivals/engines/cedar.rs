//! Cedar: one `permit` for each rule, the team as its principal. Every policy is evaluated, and those that permit are
//! named in the answer.

use crate::engine::Engine;
use crate::rules::{Ask, TOKENS, team};
use cedar_policy::{
    Authorizer, Context, Entities, EntityUid, Policy, PolicyId, PolicySet, Request,
    RestrictedExpression,
};

pub(crate) struct Cedar {
    authorizer: Authorizer,
    rules: PolicySet,
    entities: Entities,
    asks: Vec<Request>,
}

impl Cedar {
    pub(crate) fn new(rules: usize, asks: &[Ask]) -> Self {
        let policies = (0..rules).map(policy);
        Self {
            authorizer: Authorizer::new(),
            rules: PolicySet::from_policies(policies).expect("each has a name of its own"),
            entities: Entities::empty(),
            asks: asks.iter().map(request).collect(),
        }
    }
}

fn policy(rule: usize) -> Policy {
    let team = team(rule);
    let text = format!(
        "permit(principal == Team::\"{team}\", action == Action::\"route\", resource)
         when {{ context.tokens > {TOKENS} }};"
    );
    Policy::parse(Some(PolicyId::new(rule.to_string())), text).expect("a good policy")
}

fn request(ask: &Ask) -> Request {
    let tokens = RestrictedExpression::new_long(ask.tokens.into());
    let context = Context::from_pairs([("tokens".to_owned(), tokens)]).expect("one name");
    Request::new(
        entity("Team", &ask.team),
        entity("Action", "route"),
        entity("Alias", "rivals"),
        context,
        None,
    )
    .expect("no schema to break")
}

fn entity(kind: &str, name: &str) -> EntityUid {
    format!("{kind}::\"{name}\"").parse().expect("a good name")
}

impl Engine for Cedar {
    fn name(&self) -> &'static str {
        "cedar-policy"
    }

    fn decide(&mut self, request: usize) -> Option<usize> {
        let response =
            self.authorizer
                .is_authorized(&self.asks[request], &self.rules, &self.entities);
        let policy = response.diagnostics().reason().next()?;
        let id: &str = policy.as_ref();
        id.parse().ok()
    }
}
