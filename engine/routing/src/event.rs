//! The words between a flight and whoever carries it out: what happened, what to do, how it ended.

use crate::Nanos;
use crate::answer::Told;
use crate::class::Class;
use crate::refusal::Refusal;
use mux_dsl::image::TargetId;
use mux_traffic::record::Usage;
use smallvec::SmallVec;

/// What happened. Events of an attempt that is over are ignored.
#[derive(Clone, Debug)]
pub enum Event {
    /// The credential of an attempt is being fetched: its request is sent once that is there.
    Waits(usize),
    /// The request of an attempt was handed to the connection.
    Sent(usize),
    /// Its connection stands.
    Connected(usize),
    /// The head of a good reply is there.
    Head(usize, u16),
    /// The provider says that this share of its tightest rate limit is left, basis points.
    Allowance(usize, u32),
    /// What the provider calls the model that answers. It may be another one than was asked for.
    Model(usize, Box<str>),
    /// The first content of a streamed reply is there.
    Content(usize),
    /// Bytes came; so many of them were text.
    Progress(usize, u64),
    /// What was asked about an answer, just before it is complete; see [`crate::flight::Flight::asks`].
    Told(usize, Box<Told>),
    /// The reply is complete.
    Done(usize, Option<Usage>),
    /// It failed.
    Failed(usize, Failure),
    /// The moment of the flight's `wake_at` has come.
    Wake,
    /// The client hung up.
    ClientGone,
}

/// How an attempt failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What happened.
    pub class: Class,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// The wait the provider asked for.
    pub retry_after: Option<Nanos>,
    /// The provider's words, shortened and without secrets.
    pub message: Option<String>,
    /// Tokens it says it used.
    pub usage: Option<Usage>,
    /// What the client has got of it so far could be carried on by somebody else: plain text, and some of it.
    pub resumable: bool,
}

impl Failure {
    /// A failure without words.
    #[must_use]
    pub fn of(class: Class) -> Self {
        Self {
            class,
            status: None,
            retry_after: None,
            message: None,
            usage: None,
            resumable: false,
        }
    }
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a request to the target: the client's, or what [`crate::flight::Flight::errand`] says.
    Start {
        /// Number of the attempt, from 0.
        attempt: usize,
        /// Whom to call.
        target: TargetId,
    },
    /// Drop the attempt, closing its connection.
    Cancel(usize),
    /// From now on the client gets what this attempt brings, and what it has brought. Comes once, and may be about an
    /// attempt that is over.
    Commit(usize),
    /// The answer that the client is committed to broke off: from now on it gets what this attempt brings.
    Resume(usize),
    /// Nothing more will happen: see the flight's `end`.
    Finish,
}

/// The answer to one event.
pub type Actions = SmallVec<[Action; 4]>;

/// How a flight ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The attempt of this number served.
    Served(usize),
    /// Nothing was sent to the client but this.
    Refused(Refusal),
    /// The answer broke after the client was committed.
    Broken(Class),
    /// The client hung up.
    ClientGone,
}
