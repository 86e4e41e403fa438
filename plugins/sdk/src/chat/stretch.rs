//! A stretch of a stream in which nothing comes but more text, as in most frames. It takes what chunks begin with, which choices
//! may go on, and the counts: these stand at the beginning of a state, and nobody reads the rest.
//!
//! An adapter tries each batch as a stretch. Where something else is in it, the whole batch is read as all others are.

use crate::chat::chunk::{self, Head, Text};
use crate::chat::shape::More;
use crate::reply::{Batch, Decoded, Usage};

/// The first byte of a state that begins with a [`Lead`], and of one that does not.
const WITH: u8 = 1;
const WITHOUT: u8 = 0;
/// Where the counts stand, and how many bytes they have: whether there are any, and five numbers; whether characters are
/// counted, and how many there are.
const COUNTS: usize = 1 + 4;
const USAGE_LENGTH: usize = 1 + 5 * 8;
const COUNTS_LENGTH: usize = USAGE_LENGTH + 1 + 8;
/// The length of an empty string of JSON, in its quotes.
const EMPTY: usize = 2;
/// A chunk has about so many bytes beside its head and its text.
const AROUND: usize = 64;

/// What stands at the beginning of a state while text comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead<'a> {
    /// What chunks begin with.
    pub head: Head<'a>,
    /// Choices that more text changes nothing of, a bit for each.
    pub open: u32,
    /// The counts so far; their `other` is not kept.
    pub usage: Option<Usage>,
    /// How many characters the first choice has said, where they are counted.
    pub characters: Option<u64>,
}

impl<'a> Lead<'a> {
    /// One that fits a state: nothing where names are so long that chunks begin with more than 64 KiB.
    #[must_use]
    pub fn new(head: Head<'a>, open: u32) -> Option<Self> {
        u16::try_from(head.bytes().len()).ok()?;
        Some(Self {
            head,
            open,
            usage: None,
            characters: None,
        })
    }

    /// A state of such a beginning, and the rest.
    #[must_use]
    pub fn before(lead: Option<&Self>, rest: &[u8]) -> Vec<u8> {
        let head = lead.map_or(&[][..], |lead| lead.head.bytes());
        let mut state = Vec::with_capacity(COUNTS + COUNTS_LENGTH + 2 + head.len() + rest.len());
        match (lead, u16::try_from(head.len())) {
            (Some(lead), Ok(length)) => {
                state.push(WITH);
                state.extend_from_slice(&lead.open.to_le_bytes());
                state.extend_from_slice(&packed(lead));
                state.extend_from_slice(&length.to_le_bytes());
                state.extend_from_slice(head);
            }
            _ => state.push(WITHOUT),
        }
        state.extend_from_slice(rest);
        state
    }

    /// The beginning of a state where it has one, and the rest. Of what is no state the rest is nothing.
    #[must_use]
    pub fn split(state: &'a [u8]) -> (Option<Self>, &'a [u8]) {
        match state.split_first() {
            Some((&WITHOUT, rest)) => (None, rest),
            Some((&WITH, rest)) => match Self::read(rest) {
                Some((lead, rest)) => (Some(lead), rest),
                None => (None, &[]),
            },
            _ => (None, &[]),
        }
    }

    fn read(state: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (open, rest) = state.split_first_chunk()?;
        let (counts, rest) = rest.split_first_chunk::<COUNTS_LENGTH>()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (head, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        let (usage, characters) = counts.split_first_chunk()?;
        let lead = Self {
            head: Head::from(head),
            open: u32::from_le_bytes(*open),
            usage: unpacked(usage),
            characters: match characters.split_first_chunk()? {
                ([1], characters) => Some(u64::from_le_bytes(*characters.first_chunk()?)),
                _ => None,
            },
        };
        Some((lead, rest))
    }
}

fn packed(lead: &Lead<'_>) -> [u8; COUNTS_LENGTH] {
    let mut packed = [0; COUNTS_LENGTH];
    let (usage, characters) = packed.split_at_mut(USAGE_LENGTH);
    if let (Some(usage), Some((is_there, numbers))) = (&lead.usage, usage.split_first_mut()) {
        *is_there = 1;
        let given = [
            usage.input,
            usage.output,
            usage.cache_read,
            usage.cache_write,
            usage.reasoning,
        ];
        for (place, number) in numbers.as_chunks_mut().0.iter_mut().zip(given) {
            *place = number.to_le_bytes();
        }
    }
    if let (Some(count), Some((is_there, number))) = (lead.characters, characters.split_first_mut())
    {
        *is_there = 1;
        number.copy_from_slice(&count.to_le_bytes());
    }
    packed
}

fn unpacked(packed: &[u8; USAGE_LENGTH]) -> Option<Usage> {
    let (_, numbers) = packed
        .split_first()
        .filter(|(is_there, _)| **is_there == 1)?;
    let mut numbers = numbers
        .as_chunks()
        .0
        .iter()
        .copied()
        .map(u64::from_le_bytes);
    Some(Usage {
        input: numbers.next()?,
        output: numbers.next()?,
        cache_read: numbers.next()?,
        cache_write: numbers.next()?,
        reasoning: numbers.next()?,
        other: Vec::new(),
    })
}

/// Such a stretch, as it is written.
#[derive(Debug)]
pub struct Stretch<'a> {
    state: &'a [u8],
    lead: Lead<'a>,
    /// Whether the state changes, and whether the counts do.
    counted: bool,
    billed: bool,
    chunks: Vec<u8>,
}

impl<'a> Stretch<'a> {
    /// The beginning of what a batch may be; nothing where something else is sure to be in it.
    #[must_use]
    pub fn begin(state: &'a [u8], batch: &Batch) -> Option<Self> {
        if batch.is_last() {
            return None;
        }
        let lead = Lead::split(state).0?;
        let each = lead.head.bytes().len() + AROUND;
        Some(Self {
            state,
            chunks: Vec::with_capacity(batch.len() * each + batch.bytes()),
            counted: false,
            billed: false,
            lead,
        })
    }

    /// What an event adds; nothing where that is more than text to a choice of this answer by this model.
    pub fn add(&mut self, more: &More<'_>) -> Option<()> {
        self.is_named(more.id, more.model).then_some(())?;
        self.text(more.choice, more.text)
    }

    /// The same, where the text is written as it would be here: for adapters that read it where anything else comes with it.
    pub fn add_plain(&mut self, more: &More<'_>) -> Option<()> {
        more.is_plain().then_some(())?;
        self.add(more)
    }

    /// Whether an answer has the name it had before, and the same model; each a JSON string, where it is told. The empty name
    /// tells nothing.
    fn is_named(&self, id: Option<&[u8]>, model: Option<&[u8]>) -> bool {
        let head = &self.lead.head;
        id.is_none_or(|id| id.len() == EMPTY || head.is_of(id))
            && model.is_none_or(|model| model.len() == EMPTY || head.is_by(model))
    }

    /// More text, a JSON string in its quotes; nothing where that is more than text to this choice.
    fn text(&mut self, choice: u32, json: &[u8]) -> Option<()> {
        let open = 1_u32.checked_shl(choice)? & self.lead.open != 0;
        if let Some(characters) = &mut self.lead.characters {
            *characters += chunk::characters(json);
            self.counted = true;
        }
        if json.len() > EMPTY {
            let head = &self.lead.head;
            head.content(&mut self.chunks, choice, Text::Json(json));
        }
        open.then_some(())
    }

    /// Counts so far; they replace those before.
    pub fn count(&mut self, usage: Usage) {
        self.lead.usage = Some(usage);
        self.counted = true;
        self.billed = true;
    }

    /// What came of the batch.
    #[must_use]
    pub fn finish(self) -> Decoded {
        let state = self.counted.then(|| {
            let mut state = self.state.to_vec();
            if let Some(place) = state.get_mut(COUNTS..COUNTS + COUNTS_LENGTH) {
                place.copy_from_slice(&packed(&self.lead));
            }
            state
        });
        Decoded {
            state,
            chunks: self.chunks,
            usage: self.lead.usage.filter(|_| self.billed),
            ..Decoded::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead() -> Lead<'static> {
        Lead {
            head: Head::new("msg_\"1\"", 7, "m"),
            open: 0b101,
            usage: None,
            characters: None,
        }
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let counted = Lead {
            usage: Some(Usage {
                input: 1,
                output: u64::MAX,
                cache_read: 3,
                cache_write: 4,
                reasoning: 5,
                other: Vec::new(),
            }),
            ..lead()
        };
        let said = Lead {
            characters: Some(u64::MAX - 1),
            ..lead()
        };
        for lead in [None, Some(lead()), Some(counted), Some(said)] {
            let state = Lead::before(lead.as_ref(), b"rest");
            assert_eq!(Lead::split(&state), (lead, &b"rest"[..]));
            for end in 0..state.len().saturating_sub(4) {
                assert_eq!(Lead::split(&state[..end]), (None, &[][..]), "to {end}");
            }
        }
    }

    #[test]
    fn text_goes_on_and_counts_replace_those_before() {
        let state = Lead::before(Some(&lead()), b"rest");
        let batch = Batch::pack([("", &b"{}"[..])], false);
        let mut stretch = Stretch::begin(&state, &batch).expect("a stretch");
        assert!(stretch.is_named(Some(br#""msg_\"1\"""#), Some(b"\"m\"")));
        assert!(stretch.is_named(None, Some(b"\"\"")));
        assert!(!stretch.is_named(Some(b"\"msg_\""), None));
        assert!(!stretch.is_named(None, Some(b"\"n\"")));
        assert!(stretch.text(2, b"\"\"").is_some());
        assert!(stretch.text(2, br#""a\n""#).is_some());
        let usage = Usage {
            output: 9,
            ..Usage::default()
        };
        stretch.count(usage.clone());
        let decoded = stretch.finish();
        assert_eq!(
            String::from_utf8_lossy(&decoded.chunks),
            "{\"id\":\"msg_\\\"1\\\"\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":\"m\",\
             \"choices\":[{\"index\":2,\"delta\":{\"content\":\"a\\n\"},\"finish_reason\":null}]}\n"
        );
        assert_eq!(decoded.usage, Some(usage.clone()));
        let state = decoded.state.expect("counts are kept");
        let (after, rest) = Lead::split(&state);
        assert_eq!(after.and_then(|lead| lead.usage), Some(usage));
        assert_eq!(rest, b"rest");
    }

    #[test]
    fn characters_are_counted_on() {
        let said = Lead {
            characters: Some(40),
            ..lead()
        };
        let state = Lead::before(Some(&said), b"rest");
        let batch = Batch::pack([("", &b"{}"[..])], false);
        let mut stretch = Stretch::begin(&state, &batch).expect("a stretch");
        for text in ["\"a\\n\"", "\"é\"", "\"\""] {
            assert!(stretch.text(0, text.as_bytes()).is_some());
        }
        let decoded = stretch.finish();
        assert_eq!(decoded.usage, None);
        let state = decoded.state.expect("characters are kept");
        let (after, rest) = Lead::split(&state);
        assert_eq!(after.and_then(|lead| lead.characters), Some(43));
        assert_eq!(rest, b"rest");
    }

    #[test]
    fn what_is_not_open_is_no_stretch() {
        let state = Lead::before(Some(&lead()), b"");
        let batch = |end| Batch::pack([("", &b"{}"[..])], end);
        let open = batch(false);
        let begin = || Stretch::begin(&state, &open).expect("a stretch");
        for choice in [1, 3, 31, 32, u32::MAX] {
            assert!(begin().text(choice, b"\"a\"").is_none(), "{choice}");
        }
        assert!(Stretch::begin(&state, &batch(true)).is_none());
        assert!(Stretch::begin(&Lead::before(None, b"rest"), &open).is_none());
    }
}
