//! One request out of a region, in words: what must be given so that it is there, and nothing else.

use crate::fact::Fact;
use crate::image::Features;
use crate::possible::{possible, rises};
use crate::region::Region;
use crate::space::{Field, Space, amount};

/// What must be given; every other fact is as tests take it when nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Witness {
    /// Without the word `given`, in the order of facts.
    pub(crate) givens: Vec<String>,
}

impl Witness {
    /// A request of a region. The model is left out: whoever shows the request knows which policy it enters.
    pub(crate) fn of(region: &Region, space: &Space) -> Self {
        let point = possible(region, space);
        let region = point.as_ref().unwrap_or(region);
        let mut figures: Vec<(&Fact, u64)> = Vec::new();
        let mut givens = Vec::new();
        for (at, cells) in region.iter() {
            let field = space.field(at);
            let usual = field.usual();
            let cell = Some(usual).filter(|usual| cells.contains(*usual));
            let Some(cell) = cell.or_else(|| cells.first()) else {
                continue;
            };
            if cell == usual || field.fact == Fact::Model {
                continue;
            }
            // Fields come with lower percentiles first, and a higher one is not lower.
            let lower = figures.iter().filter(|(fact, _)| rises(fact, &field.fact));
            let least = lower.map(|(_, number)| *number).max().unwrap_or(0);
            let number = field.lowest(cell).map(|lowest| lowest.max(least));
            figures.extend(number.map(|number| (&field.fact, number)));
            givens.extend(given(field, cell, number));
        }
        Self { givens }
    }

    /// Gives a fact this value, whatever it had.
    pub(crate) fn give(&mut self, fact: &str, value: &str) {
        let given = format!("{fact} {value}");
        let own = |line: &&mut String| line.split(' ').next() == Some(fact);
        match self.givens.iter_mut().find(own) {
            Some(line) => *line = given,
            None => self.givens.push(given),
        }
    }

    /// The lines of a test, each behind two blanks.
    pub(crate) fn lines(&self) -> String {
        self.givens
            .iter()
            .map(|g| format!("  given {g}\n"))
            .collect::<Vec<_>>()
            .concat()
    }

    /// For a message.
    pub(crate) fn sentence(&self, policy: &str) -> String {
        let mut parts = vec![format!("model `@{policy}`")];
        parts.extend(self.givens.iter().cloned());
        parts.join(", ")
    }
}

/// A fact and its value, as a `given` line says them; `None` where nothing needs to be given.
fn given(field: &Field, cell: u32, number: Option<u64>) -> Option<String> {
    if field.is_absent(cell) {
        return None;
    }
    let name = field.fact.words();
    Some(match &field.fact {
        Fact::Streaming => name,
        Fact::Need(bit) => format!("has {}", Features(*bit).words().next()?),
        Fact::Time => {
            let moment = jiff::Timestamp::from_millisecond(field.moment(cell)?).ok()?;
            format!("now {}", moment.strftime("%Y-%m-%dT%H:%MZ"))
        }
        Fact::Health(_) => {
            let state = ["ok", "degraded", "down"].get(cell as usize)?;
            format!("{name} {state}")
        }
        Fact::BreakerOpen(_) => format!("{name} open"),
        fact => match (field.text(cell), number) {
            (Some(text), _) => format!("{name} {text:?}"),
            (None, Some(number)) => format!("{name} {}", amount(fact, number)),
            // A pattern by itself has no value to show.
            (None, None) => return None,
        },
    })
}
