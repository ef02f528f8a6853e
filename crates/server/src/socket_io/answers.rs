use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytestring::ByteString;
use futures_core::Stream;
use futures_util::StreamExt;
use rtwire_socketio::Data;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::socket_io::adapter::{
    AdapterError, Asked, BoxFuture, BoxStream, Flags, Members, Query, Replies, Reply, Selection,
};
use crate::socket_io::error::AckError;
use crate::socket_io::space::Space;

/// Who has not answered a broadcast.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missing {
    /// The sockets of this node that have not, by their ids.
    pub sockets: Vec<ByteString>,
    /// How many clients of other nodes have not. Which ones they do not tell.
    pub clients: usize,
    /// How many other nodes have not even said how many clients they asked.
    pub nodes: usize,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (here, Self { clients, nodes, .. }) = (self.sockets.len(), self);
        write!(f, "{here} clients here, {clients} elsewhere, and {nodes} nodes")
    }
}

/// The answers of clients to a broadcast, a stream. In the end, if somebody has not answered, it has
/// [`AckError::Missing`]; in between [`AckError::Payload`] for an answer that is not a `T`, and
/// [`AckError::Adapter`] if the other nodes could not be asked. Dropped, nobody waits any more.
#[must_use = "other nodes are not asked before it is polled"]
pub struct Answers<T> {
    failed: Option<AckError>,
    here: Asked,
    elsewhere: Elsewhere,
    /// Who has not answered yet.
    missing: Missing,
    /// Sockets here among them.
    waiting: BTreeSet<ByteString>,
    /// Answers of other nodes that have come before the number of those to come.
    ahead: usize,
    deadline: Deadline,
    is_over: bool,
    answer: PhantomData<fn() -> T>,
}

/// The other nodes.
enum Elsewhere {
    Asking(BoxFuture<'static, Result<Replies, AdapterError>>),
    Replying(BoxStream<Reply>),
    Silent,
}

/// 30 years: what is longer would be past the end of the clock.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// A timer is made when somebody waits, who has a runtime.
enum Deadline {
    At(Instant),
    Running(Pin<Box<Sleep>>),
}

impl<T: DeserializeOwned> Answers<T> {
    /// Of nobody.
    pub(crate) fn none() -> Self {
        Self {
            failed: None,
            here: Asked::default(),
            elsewhere: Elsewhere::Silent,
            missing: Missing::default(),
            waiting: BTreeSet::new(),
            ahead: 0,
            deadline: Deadline::At(Instant::now()),
            is_over: false,
            answer: PhantomData,
        }
    }

    pub(crate) fn failed(error: AckError) -> Self {
        Self { failed: Some(error), ..Self::none() }
    }

    pub(crate) fn ask(
        space: &Arc<Space>,
        data: Data,
        to: Selection,
        flags: Flags,
        timeout: Duration,
    ) -> Self {
        let members = Members::of(space);
        let asked = members.broadcast_with_ack(data.clone(), &to, flags, timeout);
        let (waiting, here) = match asked {
            Ok(asked) => asked,
            Err(error) => return Self::failed(error.into()),
        };
        let elsewhere = if flags.local {
            Elsewhere::Silent
        } else {
            let adapter = Arc::clone(&space.adapter);
            let query = Query::Broadcast { data, to, flags, timeout };
            Elsewhere::Asking(Box::pin(async move { adapter.ask(query, &members).await }))
        };
        let deadline = Deadline::At(Instant::now() + timeout.min(FOR_EVER));
        Self { here, elsewhere, waiting, deadline, ..Self::none() }
    }

    /// An answer of a client here. Ready without one: nobody here will answer any more.
    fn poll_here(&mut self, cx: &mut Context<'_>) -> Poll<Option<Data>> {
        while let Some((id, answer)) = std::task::ready!(self.here.poll_next_unpin(cx)) {
            // Who did not answer stays among the missing.
            if let Ok(data) = answer {
                self.waiting.remove(&id);
                return Poll::Ready(Some(data));
            }
        }
        Poll::Ready(None)
    }

    /// The same of another node.
    fn poll_elsewhere(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Data>, AckError>> {
        loop {
            match &mut self.elsewhere {
                Elsewhere::Silent => return Poll::Ready(Ok(None)),
                Elsewhere::Asking(asking) => {
                    let asked = std::task::ready!(asking.as_mut().poll(cx));
                    self.elsewhere = Elsewhere::Silent;
                    let Replies { nodes, replies } = asked?;
                    self.missing.nodes = nodes;
                    self.elsewhere = Elsewhere::Replying(replies);
                }
                Elsewhere::Replying(_) if self.missing.nodes == 0 && self.missing.clients == 0 => {
                    self.elsewhere = Elsewhere::Silent;
                }
                Elsewhere::Replying(replies) => {
                    match std::task::ready!(replies.as_mut().poll_next(cx)) {
                        None => self.elsewhere = Elsewhere::Silent,
                        Some(Reply::ClientCount(clients)) => {
                            self.missing.nodes = self.missing.nodes.saturating_sub(1);
                            let clients = self.missing.clients.saturating_add(clients);
                            let ahead = self.ahead.min(clients);
                            self.missing.clients = clients - ahead;
                            self.ahead -= ahead;
                        }
                        Some(Reply::Ack(data)) => {
                            match self.missing.clients.checked_sub(1) {
                                Some(clients) => self.missing.clients = clients,
                                None => self.ahead += 1,
                            }
                            return Poll::Ready(Ok(Some(data)));
                        }
                        Some(_) => {}
                    }
                }
            }
        }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Deadline::At(instant) = self.deadline {
            self.deadline = Deadline::Running(Box::pin(sleep_until(instant)));
        }
        match &mut self.deadline {
            Deadline::Running(sleep) => sleep.as_mut().poll(cx),
            Deadline::At(_) => Poll::Ready(()),
        }
    }

    fn end(&mut self) -> Option<Result<T, AckError>> {
        self.is_over = true;
        self.here = Asked::default();
        self.elsewhere = Elsewhere::Silent;
        let mut missing = std::mem::take(&mut self.missing);
        missing.sockets = std::mem::take(&mut self.waiting).into_iter().collect();
        (missing != Missing::default()).then_some(Err(AckError::Missing(missing)))
    }
}

impl<T: DeserializeOwned> Stream for Answers<T> {
    type Item = Result<T, AckError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let answers = &mut *self;
        if let Some(error) = answers.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        if answers.is_over {
            return Poll::Ready(None);
        }
        let read = |data: Data| Poll::Ready(Some(data.into_ack_args().map_err(AckError::from)));
        let here = answers.poll_here(cx);
        if let Poll::Ready(Some(data)) = here {
            return read(data);
        }
        let elsewhere = answers.poll_elsewhere(cx);
        match elsewhere {
            Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
            Poll::Ready(Ok(Some(data))) => return read(data),
            Poll::Ready(Ok(None)) | Poll::Pending => {}
        }
        let is_complete = here.is_ready() && elsewhere.is_ready();
        if is_complete || answers.poll_deadline(cx).is_ready() {
            return Poll::Ready(answers.end());
        }
        Poll::Pending
    }
}

impl<T> Unpin for Answers<T> {}

impl<T> fmt::Debug for Answers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("missing", &self.missing).finish_non_exhaustive()
    }
}
