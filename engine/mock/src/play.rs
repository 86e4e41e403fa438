//! A response body that sends its pieces in time.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::visit::Visit;

/// What happens at one moment of a body.
#[derive(Debug)]
pub(crate) enum Act {
    /// Some bytes go out, which hold so many tokens.
    Send(Bytes, u64),
    /// Waits until what was sent before is on its way: a connection broken off at once loses it.
    Flush,
    /// The connection is broken off.
    Cut,
    /// Nothing happens any more.
    Hang,
}

/// A body as a list of moments, counted from the request's arrival.
#[derive(Debug)]
pub(crate) struct Play {
    start: Instant,
    acts: VecDeque<(Duration, Act)>,
    alarm: Pin<Box<Sleep>>,
    visit: Option<Visit>,
}

impl Play {
    pub(crate) fn new(
        start: Instant,
        acts: impl IntoIterator<Item = (Duration, Act)>,
        visit: Visit,
    ) -> Self {
        let acts: VecDeque<_> = acts.into_iter().collect();
        let mut play = Self {
            start,
            acts,
            alarm: Box::pin(sleep_until(start)),
            visit: Some(visit),
        };
        play.prepare();
        play
    }

    /// A body that is there at once and belongs to no chat request.
    pub(crate) fn aside(body: Bytes) -> Self {
        let start = Instant::now();
        let acts = VecDeque::from([(Duration::ZERO, Act::Send(body, 0))]);
        Self {
            start,
            acts,
            alarm: Box::pin(sleep_until(start)),
            visit: None,
        }
    }

    /// Sets the alarm for the next act; after the last one the request is over.
    fn prepare(&mut self) {
        match self.acts.front() {
            Some((at, _)) => {
                let far = self.start + Duration::from_hours(24);
                self.alarm
                    .as_mut()
                    .reset(self.start.checked_add(*at).unwrap_or(far));
            }
            None => self.visit.iter_mut().for_each(Visit::end),
        }
    }
}

impl Body for Play {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if matches!(self.acts.front(), Some((_, Act::Hang))) {
            return Poll::Pending;
        }
        // A timer that is due already would only fire at the next tick, a millisecond late.
        if !self.acts.is_empty() && self.alarm.deadline() > Instant::now() {
            ready!(self.alarm.as_mut().poll(cx));
        }
        match self.acts.pop_front() {
            Some((_, Act::Send(bytes, tokens))) => {
                self.visit
                    .iter()
                    .for_each(|visit| visit.bill_output(tokens));
                self.prepare();
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Some((_, Act::Flush)) => {
                self.prepare();
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some((_, Act::Cut)) => {
                self.visit.iter_mut().for_each(Visit::cut);
                Poll::Ready(Some(Err(io::Error::other("cut by a fault"))))
            }
            Some((_, Act::Hang)) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.acts.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
