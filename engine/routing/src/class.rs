//! What an outcome means: one table from the words adapters use to what routing does about them.

use mux_dsl::image::Outcomes;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Served.
    Ok,
    /// Too many requests for now.
    RateLimited,
    /// No money or quota left on the account.
    QuotaExhausted,
    /// The provider sheds load.
    Overloaded,
    /// Our credential was refused.
    Authentication,
    /// Our credential may not do this.
    Permission,
    /// The request itself is at fault.
    InvalidRequest,
    /// The prompt does not fit.
    ContextLength,
    /// Refused for what it says.
    ContentFilter,
    /// The provider does not know the model.
    ModelNotFound,
    /// The body is too large.
    PayloadTooLarge,
    /// The provider failed.
    Server,
    /// The provider says that it timed out.
    Timeout,
    /// The answer was no answer: HTML, broken JSON, an empty stream.
    BadResponse,
    /// Something an adapter has no word for.
    Other,
    /// No connection.
    Connect,
    /// No content before our deadline.
    TimedOut,
    /// Silence in the middle of an answer.
    Idle,
    /// The answer broke off.
    Cut,
    /// The adapter cannot express the request in its provider's dialect; another one may.
    Unsupported,
    /// The adapter itself failed.
    Plugin,
    /// The request's own time was up before the target had a fair chance.
    Deadline,
    /// The client hung up.
    ClientGone,
    /// Another attempt of the same request was quicker, or enough.
    Superseded,
}

/// The word and the meaning of every class, in the order of the classes.
const TABLE: [(Class, &str, Meaning); 24] = {
    use Class as C;
    [
        (C::Ok, "ok", Meaning::Good),
        (C::RateLimited, "rate-limited", Meaning::Throttled),
        (C::QuotaExhausted, "quota-exhausted", Meaning::Credential),
        (C::Overloaded, "overloaded", Meaning::Failing),
        (C::Authentication, "authentication", Meaning::Credential),
        (C::Permission, "permission", Meaning::Credential),
        (C::InvalidRequest, "invalid-request", Meaning::Client),
        (C::ContextLength, "context-length", Meaning::Client),
        (C::ContentFilter, "content-filter", Meaning::Client),
        (C::ModelNotFound, "model-not-found", Meaning::Credential),
        (C::PayloadTooLarge, "payload-too-large", Meaning::Client),
        (C::Server, "server", Meaning::Failing),
        (C::Timeout, "timeout", Meaning::Failing),
        (C::BadResponse, "bad-response", Meaning::Failing),
        (C::Other, "other", Meaning::Client),
        (C::Connect, "connect", Meaning::Failing),
        (C::TimedOut, "timed-out", Meaning::Failing),
        (C::Idle, "idle", Meaning::Failing),
        (C::Cut, "cut", Meaning::Failing),
        (C::Unsupported, "unsupported", Meaning::Local),
        (C::Plugin, "plugin", Meaning::Local),
        (C::Deadline, "deadline", Meaning::Silent),
        (C::ClientGone, "client-gone", Meaning::Silent),
        (C::Superseded, "superseded", Meaning::Silent),
    ]
};

/// What a class says about whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The target is well.
    Good,
    /// The target is well, but wants no more for now.
    Throttled,
    /// The target fails.
    Failing,
    /// The credential, or what it may reach, is at fault: the target is of no use until somebody acts.
    Credential,
    /// The request is at fault: says nothing about the target, and another one would refuse it too.
    Client,
    /// Our own part failed: says nothing about the target, but another one may serve.
    Local,
    /// Says nothing at all.
    Silent,
}

impl Class {
    /// The word records and adapters use.
    #[must_use]
    pub fn word(self) -> &'static str {
        TABLE.get(self as usize).map_or("other", |(_, w, _)| w)
    }

    /// The class of a word; [`Class::Other`] where it is unknown.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        TABLE
            .iter()
            .find(|(_, w, _)| *w == word)
            .map_or(Self::Other, |(c, ..)| *c)
    }

    /// What it says about whom.
    #[must_use]
    pub fn meaning(self) -> Meaning {
        TABLE
            .get(self as usize)
            .map_or(Meaning::Client, |(_, _, m)| *m)
    }

    /// Whether a list written after `on` names it.
    #[must_use]
    pub fn within(self, list: &Outcomes, status: Option<u16>) -> bool {
        if status.is_some_and(|s| list.statuses.contains(&s)) {
            return true;
        }
        match self {
            Self::Overloaded if list.overloaded => true,
            Self::BadResponse if list.malformed => true,
            Self::Overloaded | Self::Server | Self::BadResponse => {
                list.server_errors && status.is_none_or(|s| !(300..500).contains(&s))
            }
            Self::Timeout => list.timed_out || list.server_errors,
            Self::Connect => list.network,
            Self::Cut => list.network || list.cut,
            Self::ContextLength => list.context_length,
            Self::ContentFilter => list.content_filter,
            Self::TimedOut | Self::Idle => list.timed_out,
            Self::RateLimited => list.statuses.contains(&429),
            Self::Authentication
            | Self::Permission
            | Self::QuotaExhausted
            | Self::ModelNotFound => list.auth,
            _ => false,
        }
    }

    /// Whether it moves on to the next target where no list is written: everything but what the client did.
    #[must_use]
    pub fn moves_on(self) -> bool {
        !matches!(
            self.meaning(),
            Meaning::Good | Meaning::Client | Meaning::Silent
        )
    }

    /// Whether `retry N` without a list retries it.
    #[must_use]
    pub fn retries(self) -> bool {
        matches!(self.meaning(), Meaning::Failing | Meaning::Throttled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_comes_back_as_its_class() {
        for (class, word, meaning) in TABLE {
            assert_eq!(Class::parse(word), class);
            assert_eq!(class.word(), word);
            assert_eq!(class.meaning(), meaning);
        }
    }

    #[test]
    fn a_529_is_a_5xx_and_a_429_is_only_a_429() {
        let server = Outcomes {
            server_errors: true,
            ..Outcomes::default()
        };
        let throttle = Outcomes {
            statuses: vec![429],
            ..Outcomes::default()
        };
        assert!(Class::Overloaded.within(&server, Some(529)));
        assert!(!Class::RateLimited.within(&server, Some(429)));
        assert!(Class::RateLimited.within(&throttle, Some(429)));
        assert!(!Class::Overloaded.within(&throttle, Some(529)));
    }

    #[test]
    fn a_written_word_names_its_class_and_no_other() {
        let words = |set: fn(&mut Outcomes)| {
            let mut list = Outcomes::default();
            set(&mut list);
            let named = TABLE.iter().map(|(c, ..)| *c);
            named.filter(|c| c.within(&list, None)).collect::<Vec<_>>()
        };
        assert_eq!(words(|l| l.overloaded = true), [Class::Overloaded]);
        assert_eq!(words(|l| l.context_length = true), [Class::ContextLength]);
        assert_eq!(words(|l| l.content_filter = true), [Class::ContentFilter]);
        assert_eq!(words(|l| l.cut = true), [Class::Cut]);
        assert_eq!(words(|l| l.malformed = true), [Class::BadResponse]);
        assert_eq!(words(|l| l.network = true), [Class::Connect, Class::Cut]);
    }

    #[test]
    fn what_the_client_did_never_moves_on() {
        for class in [
            Class::InvalidRequest,
            Class::ContextLength,
            Class::ContentFilter,
            Class::PayloadTooLarge,
        ] {
            assert!(!class.moves_on());
        }
    }
}
