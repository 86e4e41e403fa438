//! The rules of a policy as a chain, each with the way to what it does.

use super::picture::{Arrow, Kind, Node, Picture, VERSION};
use crate::clause::{Clause, Then};
use crate::coverage::Coverage;
use crate::image::{PolicyId, Rule, Verdict};

/// Most nodes that stand for rules, and for what they do; with the entry they are thirty.
const RULES: usize = 18;
const ENDS: usize = 11;

/// Neighbouring rules that are drawn as one.
struct Group {
    first: usize,
    many: usize,
}

/// Something that rules do.
struct End {
    label: String,
    kind: Kind,
    rules: usize,
}

struct Drawer<'a> {
    coverage: &'a Coverage<'a>,
    policy: PolicyId,
    clauses: &'a [Clause],
    rules: &'a [Rule],
    ends: Vec<End>,
    /// By rule: its end.
    leads: Vec<usize>,
    picture: Picture,
}

pub(super) fn picture(coverage: &Coverage<'_>, policy: PolicyId) -> Picture {
    let image = coverage.image();
    let own = image.policies.get(policy.index());
    let clauses = image.code.clauses.get(policy.index());
    let name = own.map_or("", |p| &p.name);
    let mut drawer = Drawer {
        coverage,
        policy,
        clauses: clauses.map_or(&[], Vec::as_slice),
        rules: own.map_or(&[], |p| &p.rules),
        ends: Vec::new(),
        leads: Vec::new(),
        picture: Picture {
            version: VERSION,
            policy: format!("@{name}"),
            view: "rules",
            requests: coverage.requests(),
            nodes: vec![Node {
                id: "entry".into(),
                kind: Kind::Policy,
                label: format!("@{name}"),
                file: String::new(),
                line: 0,
                rules: 0,
            }],
            arrows: Vec::new(),
        },
    };
    drawer.ends();
    drawer.draw();
    drawer.picture
}

impl Drawer<'_> {
    /// What the rules do, each once; the rarest together where there are many.
    fn ends(&mut self) {
        for clause in self.clauses {
            let label = crate::story::does(self.coverage.image(), &clause.then);
            let known = self.ends.iter().position(|e| e.label == label);
            self.leads.push(known.unwrap_or(self.ends.len()));
            match known.and_then(|at| self.ends.get_mut(at)) {
                Some(end) => end.rules += 1,
                None => self.ends.push(End {
                    label,
                    kind: kind(&clause.then),
                    rules: 1,
                }),
            }
        }
        if self.ends.len() <= ENDS {
            return;
        }
        let mut order: Vec<usize> = (0..self.ends.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(self.ends.get(*at).map_or(0, |e| e.rules)));
        let kept: Vec<usize> = order.into_iter().take(ENDS - 1).collect();
        let others = self.ends.len() - kept.len();
        let mut ends = Vec::new();
        let mut moved = vec![kept.len(); self.ends.len()];
        for (at, end) in std::mem::take(&mut self.ends).into_iter().enumerate() {
            if kept.contains(&at) {
                if let Some(to) = moved.get_mut(at) {
                    *to = ends.len();
                }
                ends.push(end);
            }
        }
        ends.push(End {
            label: format!("{others} others"),
            kind: Kind::Use,
            rules: others,
        });
        self.ends = ends;
        for lead in &mut self.leads {
            *lead = moved.get(*lead).copied().unwrap_or(0);
        }
    }

    /// Rules that are drawn as one: those that lead to the same, and more where that is not enough.
    fn groups(&self) -> Vec<Group> {
        let rules = self.clauses.len();
        let single = (0..rules).map(|first| Group { first, many: 1 });
        if rules <= RULES {
            return single.collect();
        }
        let mut groups: Vec<Group> = Vec::new();
        for group in single {
            let same = |last: &&mut Group| {
                self.leads.get(last.first) == self.leads.get(group.first)
                    && self
                        .clauses
                        .get(group.first)
                        .is_some_and(|c| c.cond.is_some())
            };
            match groups.last_mut().filter(same) {
                Some(last) => last.many += 1,
                None => groups.push(group),
            }
        }
        let size = groups.len().div_ceil(RULES);
        let merged = groups.chunks(size).map(|some| Group {
            first: some.first().map_or(0, |g| g.first),
            many: some.iter().map(|g| g.many).sum(),
        });
        merged.collect()
    }

    fn draw(&mut self) {
        let ends: Vec<Node> = (0..)
            .zip(&self.ends)
            .map(|(at, end)| end.node(at))
            .collect();
        let mut before = ("entry".to_owned(), String::new());
        let mut left = self.entered();
        for group in self.groups() {
            let rules = group.first..group.first + group.many;
            let last = self
                .clauses
                .get(group.first)
                .is_some_and(|c| c.cond.is_none());
            let mut arrows: Vec<(usize, u64)> = Vec::new();
            for rule in rules {
                let lead = self.leads.get(rule).copied().unwrap_or(0);
                let taken = self.coverage.taken(self.policy, rule);
                match arrows.iter_mut().find(|(to, _)| *to == lead) {
                    Some((_, weight)) => *weight += taken,
                    None => arrows.push((lead, taken)),
                }
            }
            if last && group.first == 0 {
                self.arrow(&before.0, arrows, "always");
                continue;
            }
            let node = self.rule(&group);
            self.picture.arrows.push(Arrow {
                from: before.0,
                to: node.id.clone(),
                label: before.1,
                weight: left,
            });
            let taken: u64 = arrows.iter().map(|(_, weight)| weight).sum();
            left = left.saturating_sub(taken);
            self.arrow(&node.id, arrows, if last { "" } else { "yes" });
            before = (node.id.clone(), "no".to_owned());
            self.picture.nodes.push(node);
        }
        self.picture.nodes.extend(ends);
    }

    fn arrow(&mut self, from: &str, to: Vec<(usize, u64)>, label: &str) {
        for (end, weight) in to {
            self.picture.arrows.push(Arrow {
                from: from.to_owned(),
                to: format!("end{end}"),
                label: label.to_owned(),
                weight,
            });
        }
    }

    /// Requests that entered.
    fn entered(&self) -> u64 {
        (0..self.clauses.len())
            .map(|rule| self.coverage.taken(self.policy, rule))
            .sum()
    }

    fn rule(&self, group: &Group) -> Node {
        let rule = self.rules.get(group.first);
        let (file, line) = rule.map_or_else(Default::default, |r| (r.file.to_string(), r.line));
        let cond = self.clauses.get(group.first).and_then(|c| c.cond.as_ref());
        let asks = cond.map_or_else(
            || "else".to_owned(),
            |c| format!("when {}", crate::story::condition(c)),
        );
        let label = match (group.many, rule.and_then(|r| r.name.as_ref())) {
            (1, Some(name)) => format!("{name}: {asks}"),
            (1, None) => asks,
            (many, _) => {
                let last = self
                    .rules
                    .get(group.first + many - 1)
                    .map_or(line, |r| r.line);
                format!("{many} rules, lines {line} to {last}")
            }
        };
        Node {
            id: format!("rule{}", group.first + 1),
            kind: Kind::Rule,
            label,
            file,
            line,
            rules: group.many,
        }
    }
}

impl End {
    fn node(&self, at: usize) -> Node {
        Node {
            id: format!("end{at}"),
            kind: self.kind,
            label: self.label.clone(),
            file: String::new(),
            line: 0,
            rules: self.rules,
        }
    }
}

pub(super) fn kind(then: &Then) -> Kind {
    match then {
        Then::Go(_) => Kind::Go,
        Then::Decide(Verdict::Use(_)) => Kind::Use,
        Then::Decide(Verdict::Deny { .. }) => Kind::Deny,
    }
}
