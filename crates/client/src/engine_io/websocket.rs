//! A session's WebSocket: the one that it begins on, or moves to.
//!
//! ```text
//!  Absent ──▶ Opening ──────▶ Open ──────▶ Closing ──────▶ Absent
//!             TCP, handshake  frames       Close frames
//! ```

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rtwire_engineio::{ClientSession, Frame, client};
use rtwire_tokio::HandshakeError;
use rtwire_websocket::{CloseCode, CloseReason, Limits, Message, SendError};
use tokio::net::TcpStream;

use super::Error;
use super::endpoint::Endpoint;
use crate::connect::connect;

type Socket = rtwire_tokio::WebSocket<TcpStream>;

pub(super) enum WebSocket {
    Absent,
    Opening(Pin<Box<dyn Future<Output = Result<Socket, Error>> + Send>>),
    Open(Box<Socket>),
    Closing(Box<Socket>),
}

/// Of a WebSocket in a session with these: the heartbeat is the session's, and so is the queue.
pub(super) fn limits(session: &client::Limits) -> Limits {
    /// As much as is written at once, about; what waits behind it the session counts.
    const MAX_OUTPUT: usize = 64 << 10;
    let max_payload = u64::try_from(session.max_payload).unwrap_or(u64::MAX);
    let limits = Limits::default();
    limits
        .max_frame(max_payload)
        .max_message(max_payload)
        .max_output(MAX_OUTPUT)
        .ping_interval(None)
        .close_timeout(session.close_timeout.min(limits.close_timeout))
}

impl WebSocket {
    pub(super) fn open(endpoint: &Endpoint, query: String, limits: &Arc<Limits>) -> Self {
        Self::Opening(Box::pin(open(endpoint.clone(), query, Arc::clone(limits))))
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Moves frames between it and the session. Ready when that has changed something, or failed.
    pub(super) fn poll(
        &mut self,
        session: &mut ClientSession,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        match self {
            Self::Absent => Poll::Pending,
            Self::Opening(opening) => {
                // Nothing can be written yet, so that this is the session giving it up.
                if session.next_frame() == Some(Frame::Close) {
                    *self = Self::Absent;
                    return Poll::Ready(Ok(()));
                }
                match ready!(opening.as_mut().poll(cx)) {
                    Ok(socket) => {
                        *self = Self::Open(Box::new(socket));
                        session.websocket_opened();
                        Poll::Ready(Ok(()))
                    }
                    Err(error) => {
                        *self = Self::Absent;
                        session.websocket_failed();
                        Poll::Ready(Err(error))
                    }
                }
            }
            Self::Open(socket) => match ready!(poll_open(socket, session, cx)) {
                Ok(Moved::Some) => Poll::Ready(Ok(())),
                Ok(Moved::Refused(error)) => Poll::Ready(Err(error.into())),
                Ok(Moved::Close) => {
                    let closing = socket.start_close(&CloseReason::new(CloseCode::NORMAL));
                    self.finish();
                    Poll::Ready(closing.map_err(Error::WebSocket))
                }
                Ok(Moved::End) => {
                    *self = Self::Absent;
                    Poll::Ready(session.receive(Frame::Close).map_err(Error::Protocol))
                }
                Err(error) => {
                    session.websocket_failed();
                    self.finish();
                    Poll::Ready(Err(error.into()))
                }
            },
            Self::Closing(socket) => {
                // How its end goes is nobody's any more.
                let _ = ready!(socket.poll_closed(cx));
                *self = Self::Absent;
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Writes what it was given. Ready if there is nothing to be written.
    pub(super) fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            // What is wrong comes from reading.
            Self::Open(socket) => socket.poll_output(cx).map(drop),
            Self::Absent | Self::Opening(_) | Self::Closing(_) => Poll::Ready(()),
        }
    }

    /// The session has nothing more to do with it, but for its closing handshake.
    fn finish(&mut self) {
        *self = match std::mem::replace(self, Self::Absent) {
            Self::Open(socket) | Self::Closing(socket) => Self::Closing(socket),
            Self::Absent | Self::Opening(_) => Self::Absent,
        };
    }
}

/// What has been moved.
enum Moved {
    Some,
    /// And what came last, the session has refused. It has a Close frame for that.
    Refused(rtwire_engineio::Error),
    /// And the session wants it closed.
    Close,
    /// The server has closed it.
    End,
}

fn poll_open(
    socket: &mut Socket,
    session: &mut ClientSession,
    cx: &mut Context<'_>,
) -> Poll<Result<Moved, rtwire_tokio::Error>> {
    let mut moved = false;
    loop {
        match socket.ready() {
            Ok(()) => {}
            Err(SendError::Full) => match socket.poll_output(cx) {
                Poll::Ready(written) => {
                    written?;
                    continue;
                }
                // Of a session that has ended nothing is left but the Close frame, which finds room.
                Poll::Pending if session.is_closed() && session.queued() == 0 => {}
                Poll::Pending => break,
            },
            // The server is closing; its end comes from reading.
            Err(_) => break,
        }
        match session.next_frame() {
            Some(Frame::Text(text)) => socket.queue(Message::Text(text))?,
            Some(Frame::Binary(bytes)) => socket.queue(Message::Binary(bytes))?,
            Some(Frame::Close) => return Poll::Ready(Ok(Moved::Close)),
            None => break,
        }
        moved = true;
    }
    if session.can_receive() {
        let frame = match socket.poll_message(cx) {
            Poll::Pending if moved => return Poll::Ready(Ok(Moved::Some)),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(Ok(Moved::End)),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
            Poll::Ready(Some(Ok(Message::Text(text)))) => Frame::Text(text),
            Poll::Ready(Some(Ok(Message::Binary(bytes)))) => Frame::Binary(bytes),
        };
        return Poll::Ready(Ok(match session.receive(frame) {
            Ok(()) => Moved::Some,
            Err(error) => Moved::Refused(error),
        }));
    }
    if let Poll::Ready(written) = socket.poll_output(cx) {
        written?;
    }
    if moved { Poll::Ready(Ok(Moved::Some)) } else { Poll::Pending }
}

async fn open(endpoint: Endpoint, query: String, limits: Arc<Limits>) -> Result<Socket, Error> {
    let tcp = connect(&endpoint.url, endpoint.limits.connect_timeout).await?;
    let key = rtwire_tokio::random_key().map_err(HandshakeError::Io)?;
    let request = endpoint.websocket(&query, key);
    let request = request
        .map_err(|error| HandshakeError::Io(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    let (socket, _) = rtwire_tokio::connect(tcp, &request, limits).await?;
    Ok(socket)
}
