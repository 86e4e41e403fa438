//! What tokens cost: as a policy says it, or as a catalogue lists it.

use super::Pico;

/// Pico-dollars for one token of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// A token of the prompt.
    pub input: Pico,
    /// A token of the answer, reasoning included.
    pub output: Pico,
    /// A prompt token read from the provider's cache; `input` where absent.
    pub cached: Option<Pico>,
    /// A prompt token written to the provider's cache; `input` where absent.
    pub cache_write: Option<Pico>,
    /// A prompt token written to the provider's cache for an hour; `cache_write` where absent.
    pub cache_write_1h: Option<Pico>,
    /// A token of reasoning; `output` where absent.
    pub reasoning: Option<Pico>,
    /// A token of audio in the prompt; `input` where absent.
    pub audio_input: Option<Pico>,
    /// A token of audio in the answer; `output` where absent.
    pub audio_output: Option<Pico>,
}

impl Price {
    /// Tokens of an answer nobody has seen yet: what a healthy upstream of a `test` gives.
    pub const ANSWER: u32 = 256;

    /// What a request is expected to cost: its prompt, and an answer of [`Self::ANSWER`] tokens or of its limit where that is
    /// less. A limit says how much a client would stand, not how much it expects.
    #[must_use]
    pub fn expected(&self, tokens: u32, output_limit: Option<u32>) -> Pico {
        let output = output_limit.map_or(Self::ANSWER, |limit| limit.min(Self::ANSWER));
        let prompt = self.input.saturating_mul(tokens.into());
        prompt.saturating_add(self.output.saturating_mul(output.into()))
    }

    /// The most that a token of the prompt can cost, whatever becomes of it.
    #[must_use]
    pub fn dearest_input(&self) -> Pico {
        let others = [self.cached, self.cache_write, self.cache_write_1h];
        let others = others.into_iter().chain([self.audio_input]).flatten();
        others.fold(self.input, Pico::max)
    }

    /// The most that a token of the answer can cost, whatever it says.
    #[must_use]
    pub fn dearest_output(&self) -> Pico {
        let others = [self.reasoning, self.audio_output].into_iter().flatten();
        others.fold(self.output, Pico::max)
    }
}

/// The prices of a model as a catalogue lists them. An operator's own stand before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceList {
    /// The catalogue it is from, for people.
    pub source: Box<str>,
    rates: Box<[Rates]>,
    /// The day of the lookup, unix milliseconds.
    today: i64,
    /// What an answer costs is not listed: a model that gives none, such as one for embeddings.
    prompt_only: bool,
}

/// Prices that hold under a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// From this moment on, unix milliseconds.
    pub from: Option<i64>,
    /// Only within these times of day (UTC), milliseconds since midnight; from the first, and up to the second.
    pub daily: Option<(u32, u32)>,
    /// For prompts of any length …
    pub price: Price,
    /// … but where a prompt has more tokens than this, every token of its request costs this. Ascending.
    pub steps: Box<[(u32, Price)]>,
}

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

impl Rates {
    /// Whether they hold at a moment, unix milliseconds.
    fn hold(&self, at: i64) -> bool {
        let time = at.rem_euclid(DAY);
        let daily = self.daily.is_none_or(|(from, to)| {
            let (from, to) = (i64::from(from), i64::from(to));
            if to < from {
                time >= from || time < to
            } else {
                from <= time && time < to
            }
        });
        daily && self.begun(at)
    }

    fn begun(&self, at: i64) -> bool {
        self.from.is_none_or(|from| at >= from)
    }

    /// For a prompt of so many tokens.
    #[must_use]
    pub fn of(&self, prompt: u64) -> Price {
        let mut reached = self.reached(prompt);
        reached.next_back().unwrap_or(self.price)
    }

    /// The prices of the steps that a prompt of so many tokens takes.
    fn reached(&self, prompt: u64) -> impl DoubleEndedIterator<Item = Price> {
        let steps = self.steps.iter();
        let reached = steps.filter(move |(above, _)| prompt > u64::from(*above));
        reached.map(|(_, price)| *price)
    }
}

impl PriceList {
    /// As it was looked up today, a moment in unix milliseconds. Of several rates that hold the last one counts, and the first one
    /// where none does. `None` without rates.
    #[must_use]
    pub fn new(source: &str, rates: Vec<Rates>, prompt_only: bool, today: i64) -> Option<Self> {
        (!rates.is_empty()).then(|| Self {
            source: source.into(),
            rates: rates.into(),
            today,
            prompt_only,
        })
    }

    /// All of them.
    #[must_use]
    pub fn rates(&self) -> &[Rates] {
        &self.rates
    }

    /// Whether it says nothing of answers.
    #[must_use]
    pub fn is_for_prompts_only(&self) -> bool {
        self.prompt_only
    }

    /// For a prompt of so many tokens at a moment, unix milliseconds; `None` where an answer is to be paid and nobody knows for
    /// how much.
    #[must_use]
    pub fn at(&self, at: i64, prompt: u64, answered: bool) -> Option<Price> {
        if self.prompt_only && answered {
            return None;
        }
        let held = self.rates.iter().rev().find(|rates| rates.hold(at));
        held.or(self.rates.first()).map(|rates| rates.of(prompt))
    }

    /// Of a short prompt with an answer, at the moment of the lookup.
    #[must_use]
    pub fn today(&self) -> Option<Price> {
        self.at(self.today, 0, true)
    }

    /// Of every class the most that it costs at any time of the day of the lookup, for prompts of up to so many tokens.
    #[must_use]
    pub fn dearest(&self, prompt: u64) -> Option<Price> {
        if self.prompt_only {
            return None;
        }
        let mut dearest: Option<Price> = None;
        for rates in self.rates.iter().filter(|rates| rates.begun(self.today)) {
            let own = rates.reached(prompt).fold(rates.price, dearer);
            // What holds all day long puts an end to what was before it.
            let before = dearest.filter(|_| rates.daily.is_some());
            dearest = Some(before.map_or(own, |before| dearer(before, own)));
        }
        // The first one holds where no other does: at the hours that no rate names.
        let first = self.rates.first().map(|rates| rates.of(prompt));
        dearest.or(first)
    }
}

/// Of every class the dearer price; where one of two says nothing of a class, what stands for it there counts.
fn dearer(a: Price, b: Price) -> Price {
    let either = |of: fn(&Price) -> Option<Pico>, fallback: fn(&Price) -> Pico| {
        let one = |price: &Price| of(price).unwrap_or_else(|| fallback(price));
        (of(&a).is_some() || of(&b).is_some()).then(|| one(&a).max(one(&b)))
    };
    Price {
        input: a.input.max(b.input),
        output: a.output.max(b.output),
        cached: either(|p| p.cached, |p| p.input),
        cache_write: either(|p| p.cache_write, |p| p.input),
        cache_write_1h: either(|p| p.cache_write_1h, |p| p.cache_write.unwrap_or(p.input)),
        reasoning: either(|p| p.reasoning, |p| p.output),
        audio_input: either(|p| p.audio_input, |p| p.input),
        audio_output: either(|p| p.audio_output, |p| p.output),
    }
}
