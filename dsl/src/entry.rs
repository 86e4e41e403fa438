//! A policy as clients enter it: its rules and, where one says `go`, those of the policy it asks, as one ordered list.

use crate::clause::{Clause, Then};
use crate::image::{PolicyId, RuleId};
use crate::program::listed;
use crate::region::{Region, Terms};

/// Most regions of one list.
const REGIONS: usize = 60_000;

/// All that can become of a request that enters a policy: the first region that holds decides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// In order; the number is an index into [`Entry::leaves`].
    pub(crate) list: Vec<(Region, u32)>,
    pub(crate) leaves: Vec<Leaf>,
}

/// One way a request can end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// Policies passed through; the last one decides.
    pub(crate) policies: Vec<PolicyId>,
    /// The rule of the last policy.
    pub(crate) rule: RuleId,
}

/// The list of a policy. `None` where it would be too long. Policies must be free of loops.
pub(crate) fn entry(policy: PolicyId, clauses: &[Vec<Clause>], terms: &Terms<'_>) -> Option<Entry> {
    let lists: Vec<Option<Vec<(Region, u32)>>> = vec![None; clauses.len()];
    let mut writer = Writer {
        clauses,
        terms,
        lists,
        entry: Entry::default(),
    };
    writer.write(&Region::all(), &mut vec![policy])?;
    Some(writer.entry)
}

struct Writer<'a> {
    clauses: &'a [Vec<Clause>],
    terms: &'a Terms<'a>,
    /// By policy, once it was needed.
    lists: Vec<Option<Vec<(Region, u32)>>>,
    entry: Entry,
}

impl Writer<'_> {
    fn write(&mut self, outer: &Region, policies: &mut Vec<PolicyId>) -> Option<()> {
        let policy = *policies.last()?;
        let clauses = self.clauses.get(policy.index())?;
        let known = self.lists.get_mut(policy.index())?;
        if known.is_none() {
            *known = Some(listed(clauses, self.terms)?);
        }
        let list = known.clone()?;
        let mut leaves: Vec<Option<u32>> = vec![None; clauses.len()];
        for (region, rule) in list {
            let Some(region) = region.and(outer, self.terms.space) else {
                continue;
            };
            match &clauses.get(rule as usize)?.then {
                Then::Decide(_) => {
                    let known = leaves.get_mut(rule as usize)?;
                    let leaf = *known.get_or_insert_with(|| {
                        self.entry.leaves.push(Leaf {
                            policies: policies.clone(),
                            rule: RuleId(rule),
                        });
                        u32::try_from(self.entry.leaves.len() - 1).unwrap_or(u32::MAX)
                    });
                    self.entry.list.push((region, leaf));
                }
                Then::Go(next) => {
                    policies.push(*next);
                    self.write(&region, policies)?;
                    policies.pop();
                }
            }
            (self.entry.list.len() <= REGIONS).then_some(())?;
        }
        Some(())
    }
}
