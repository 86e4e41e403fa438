//! One request out of a region, in words: what must be given so that it is there, and nothing else.

use crate::cells::Cells;
use crate::fact::Fact;
use crate::image::Features;
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
        let given = |(at, cells): (u16, &Cells)| {
            let field = space.field(at);
            let usual = field.usual();
            let cell = if cells.contains(usual) {
                usual
            } else {
                cells.first()?
            };
            (cell != usual && field.fact != Fact::Model)
                .then(|| given(field, cell))
                .flatten()
        };
        Self {
            givens: region.iter().filter_map(given).collect(),
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
fn given(field: &Field, cell: u32) -> Option<String> {
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
        fact => match (field.text(cell), field.lowest(cell)) {
            (Some(text), _) => format!("{name} {text:?}"),
            (None, Some(number)) => format!("{name} {}", amount(fact, number)),
            // A pattern by itself has no value to show.
            (None, None) => return None,
        },
    })
}
