//! A transport that plays a script and records what it was asked to do.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Buf;
use rtwire_tokio::{Error, WebSocket};
use rtwire_websocket::{Connection, Limits, Message, Role};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What one call of `poll_read` does.
#[derive(Clone, Debug)]
pub(crate) enum Read {
    Bytes(Vec<u8>),
    /// Nothing yet, but soon: wakes at once.
    Later,
    Error(io::ErrorKind),
    Eof,
}

/// Where a buffer lay, and how long it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) address: usize,
    pub(crate) len: usize,
}

#[derive(Debug)]
pub(crate) struct State {
    /// At the end of the script the peer is silent.
    pub(crate) reads: VecDeque<Read>,
    pub(crate) offered: Vec<Span>,
    pub(crate) written: Vec<u8>,
    /// What each write showed.
    pub(crate) writes: Vec<Vec<Span>>,
    /// A write takes at most this much.
    pub(crate) max_write: usize,
    /// The peer takes this much more; then writes wait.
    pub(crate) window: usize,
    /// Every other write says that it is not ready.
    pub(crate) hesitate: bool,
    pub(crate) hesitated: bool,
    pub(crate) write_error: Option<io::ErrorKind>,
    pub(crate) flushes: usize,
    pub(crate) shutdowns: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Scripted(Rc<RefCell<State>>);

impl Scripted {
    pub(crate) fn new(reads: impl IntoIterator<Item = Read>) -> Self {
        Self(Rc::new(RefCell::new(State {
            reads: reads.into_iter().collect(),
            offered: Vec::new(),
            written: Vec::new(),
            writes: Vec::new(),
            max_write: usize::MAX,
            window: usize::MAX,
            hesitate: false,
            hesitated: false,
            write_error: None,
            flushes: 0,
            shutdowns: 0,
        })))
    }

    /// `input` in these pieces, the last one again and again, with a pause before each.
    pub(crate) fn in_pieces(input: &[u8], pieces: &[usize]) -> Self {
        let mut reads = Vec::new();
        let (mut rest, mut pieces) = (input, pieces.iter().copied().cycle());
        while !rest.is_empty() {
            let len = pieces.next().unwrap().clamp(1, rest.len());
            reads.push(Read::Later);
            reads.push(Read::Bytes(rest[..len].to_vec()));
            rest = &rest[len..];
        }
        Self::new(reads)
    }

    /// What happened, and what is to happen.
    pub(crate) fn state(&self) -> std::cell::RefMut<'_, State> {
        self.0.borrow_mut()
    }

    pub(crate) fn then(self, read: Read) -> Self {
        self.state().reads.push_back(read);
        self
    }

    fn write(&self, cx: &Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        if let Some(kind) = state.write_error {
            return Poll::Ready(Err(kind.into()));
        }
        if state.hesitate && !state.hesitated {
            state.hesitated = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        state.hesitated = false;
        let limit = state.max_write.min(state.window);
        if limit == 0 {
            return Poll::Pending;
        }
        let spans =
            slices.iter().map(|slice| Span { address: slice.as_ptr() as usize, len: slice.len() });
        state.writes.push(spans.collect());
        let mut taken = 0;
        for slice in slices {
            let part = &slice[..slice.len().min(limit - taken)];
            state.written.extend_from_slice(part);
            taken += part.len();
        }
        state.window -= taken;
        Poll::Ready(Ok(taken))
    }
}

impl AsyncRead for Scripted {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.state();
        let place = buffer.initialize_unfilled();
        let span = Span { address: place.as_ptr() as usize, len: place.len() };
        state.offered.push(span);
        match state.reads.pop_front() {
            Some(Read::Bytes(mut bytes)) => {
                let rest = bytes.split_off(bytes.len().min(buffer.remaining()));
                buffer.put_slice(&bytes);
                if !rest.is_empty() {
                    state.reads.push_front(Read::Bytes(rest));
                }
                Poll::Ready(Ok(()))
            }
            Some(Read::Later) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Read::Error(kind)) => Poll::Ready(Err(kind.into())),
            Some(Read::Eof) => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state().flushes += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state().shutdowns += 1;
        Poll::Ready(Ok(()))
    }
}

/// Polls a future up to `times` times, then drops it.
pub(crate) fn poll_times<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    (0..times).find_map(|_| match future.as_mut().poll(&mut cx) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    })
}

/// What a future comes to that waits for nothing but the script.
pub(crate) fn soon<T>(future: impl Future<Output = T>) -> T {
    poll_times(future, 1_000_000).unwrap()
}

/// Fails where it would wait for ever.
pub(crate) async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(std::time::Duration::from_secs(60), future).await.unwrap()
}

/// Without keepalive, which needs a clock.
pub(crate) fn quiet() -> Limits {
    Limits::default().ping_interval(None)
}

pub(crate) const CLIENT: Role = Role::Client { masking_key: || [0x37, 0xFA, 0x21, 0x3D] };

/// What `from` sends when it sends these.
pub(crate) fn wire(from: Role, messages: &[Message]) -> Vec<u8> {
    let mut connection = Connection::new(from, quiet().max_output(usize::MAX));
    for message in messages {
        connection.send(message.clone()).unwrap();
    }
    drain(&mut connection)
}

pub(crate) fn drain(connection: &mut Connection) -> Vec<u8> {
    let output = connection.output();
    output.copy_to_bytes(output.remaining()).to_vec()
}

/// The events of what the other end wrote, as this end reads them: `"text …"`, `"ping …"`.
pub(crate) fn events(to: Role, mut wire: Vec<u8>) -> Vec<String> {
    use rtwire_websocket::Event;
    let mut connection = Connection::new(to, quiet().max_output(usize::MAX));
    let (mut input, mut events) = (&mut wire[..], Vec::new());
    while let Some(event) = connection.next_event(&mut input).unwrap() {
        events.push(match event {
            Event::Text(text) => format!("text {}", &*text),
            Event::Binary(bytes) => format!("binary {}", bytes.len()),
            Event::Ping(payload) => format!("ping {}", String::from_utf8_lossy(&payload)),
            Event::Pong(payload) => format!("pong {}", String::from_utf8_lossy(&payload)),
            Event::Close(reason) => format!("close {}", reason.code),
        });
    }
    events
}

/// Messages until the stream ends, and its error if there was one. Nothing follows an error.
pub(crate) async fn to_end<IO>(socket: &mut WebSocket<IO>) -> (Vec<Message>, Option<Error>)
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut messages = Vec::new();
    while let Some(message) = socket.next().await {
        match message {
            Ok(message) => messages.push(message),
            Err(error) => {
                assert!(socket.next().await.is_none(), "an error is the last");
                return (messages, Some(error));
            }
        }
    }
    assert!(socket.next().await.is_none(), "the end is the end");
    (messages, None)
}
