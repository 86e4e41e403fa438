//! The rest of a committed stream, as the body of a response; or all of a promised one.

use super::Drive;
use crate::complaint;
use crate::lane::Form;
use bytes::{Bytes, BytesMut};
use mux_routing::flight::End;
use mux_wire::voice::{self, Voice};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// How long a client hears nothing before it is told that it is still waited for.
const SILENCE: Duration = Duration::from_secs(5);
/// What it is told: a comment, which clients skip.
const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// The rest of a committed stream, as a body; or all of a promised one.
#[derive(Debug)]
pub(crate) struct Relay {
    drive: Drive,
    fate: Fate,
    /// Says it in the client's dialect, from the first part on that is not in it.
    voice: Option<Voice>,
    /// When a client that was promised an answer is told that it is still waited for.
    silence: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    /// The last of the answer is written.
    Complete,
    /// The error event is written; let it reach the socket before the connection is aborted.
    Flushing,
    Aborting,
}

impl Relay {
    /// Of a flight that is committed.
    #[must_use]
    pub(crate) fn new(drive: Drive) -> Self {
        Self {
            drive,
            fate: Fate::Open,
            voice: None,
            silence: None,
        }
    }

    /// Of a flight whose client has its status already.
    #[must_use]
    pub(crate) fn promised(drive: Drive) -> Self {
        Self {
            silence: Some(Box::pin(tokio::time::sleep(SILENCE))),
            ..Self::new(drive)
        }
    }

    /// The next bytes; an error aborts the connection, so that no client takes a broken answer for a whole one.
    pub(crate) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match self.fate {
            Fate::Open => {}
            Fate::Complete => return Poll::Ready(None),
            Fate::Flushing => {
                self.fate = Fate::Aborting;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Fate::Aborting => {
                return Poll::Ready(Some(Err(io::Error::other("the answer broke off"))));
            }
        }
        loop {
            if let Some(part) = self.drive.chosen().and_then(|lane| lane.parts.pop_front()) {
                match self.said(part) {
                    Some(part) => return Poll::Ready(Some(Ok(part))),
                    None => continue,
                }
            }
            if self.drive.over {
                return Poll::Ready(self.end());
            }
            if self.drive.poll_turn(cx).is_pending() {
                return self.poll_silence(cx);
            }
        }
    }

    /// A part in the client's dialect; `None` where it says nothing yet.
    fn said(&mut self, part: Bytes) -> Option<Bytes> {
        if self.voice.is_none() {
            let chosen = self.drive.chosen();
            if chosen.is_none_or(|lane| matches!(lane.form, Form::Client)) {
                return Some(part);
            }
            let speaker = self.drive.speaker(self.drive.committed);
            self.voice = Voice::new(self.drive.asked.dialect, speaker);
        }
        let Some(voice) = &mut self.voice else {
            return Some(part);
        };
        let mut out = BytesMut::new();
        voice.push(&part, &mut out);
        (!out.is_empty()).then(|| out.freeze())
    }

    /// A comment when it has been silent for long, until there is an answer.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let waits = self.drive.committed.is_none();
        let Some(silence) = self.silence.as_mut().filter(|_| waits) else {
            return Poll::Pending;
        };
        ready!(silence.as_mut().poll(cx));
        silence.as_mut().reset(Instant::now() + SILENCE);
        Poll::Ready(Some(Ok(Bytes::from_static(KEEP_ALIVE))))
    }

    fn end(&mut self) -> Option<io::Result<Bytes>> {
        let flight = self.drive.flight.as_ref()?;
        let error = match flight.end()? {
            End::Broken(class) => complaint::broken(flight, class.word()),
            End::Refused(refusal) => complaint::late(refusal, flight),
            End::Served(_) => {
                let counted = self.drive.counted();
                let mut out = BytesMut::new();
                self.voice.as_mut()?.finish(counted, &mut out);
                self.fate = Fate::Complete;
                return Some(Ok(out.freeze()));
            }
            End::ClientGone => return None,
        };
        self.fate = Fate::Flushing;
        let Some(voice) = &mut self.voice else {
            return Some(Ok(voice::stream_error(self.drive.asked.dialect, &error)));
        };
        let mut out = BytesMut::new();
        voice.fail(&error, &mut out);
        Some(Ok(out.freeze()))
    }
}
