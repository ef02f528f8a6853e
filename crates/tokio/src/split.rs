use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use futures_sink::Sink;
use rtwire_websocket::{CloseCode, CloseReason, Message, Part, PreparedMessage, SendError, State};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{error::Error, websocket::WebSocket};

/// The half of a [`WebSocket`] that receives: a [`Stream`] of messages. While somebody waits in
/// [`next`](Self::next) it also answers Pings, keeps the connection alive, and writes what the [`Writer`]
/// has queued.
#[derive(Debug)]
pub struct Reader<IO> {
    socket: Arc<Mutex<WebSocket<IO>>>,
}

/// The half of a [`WebSocket`] that sends: a [`Sink`] of messages.
///
/// Dropping it closes nothing. Once the [`Reader`] has been dropped nobody answers the peer's Pings:
/// [`close`](Self::close) is what remains to be done then.
#[derive(Debug)]
pub struct Writer<IO> {
    socket: Arc<Mutex<WebSocket<IO>>>,
    /// What the sink took when there was room that the reader, with a Pong, has taken since.
    waiting: Option<Message>,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> WebSocket<IO> {
    /// Two halves for two tasks, in the order in which futures' `split` gives them. The lock that they
    /// share is held while one of them is polled, and never while one waits. Every future of theirs is
    /// safe to drop, as those of the whole are.
    ///
    /// ```
    /// use rtwire_tokio::WebSocket;
    /// use rtwire_websocket::{CloseCode, CloseReason, Limits, Message};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rtwire_tokio::Error> {
    /// let (ours, theirs) = tokio::io::duplex(1024);
    /// let mut server = WebSocket::server(ours, Limits::default());
    /// let (mut writer, mut reader) = WebSocket::client(theirs, Limits::default()).split();
    ///
    /// let hearing = tokio::spawn(async move {
    ///     let mut heard = Vec::new();
    ///     while let Some(message) = reader.next().await {
    ///         heard.push(message?);
    ///     }
    ///     Ok::<_, rtwire_tokio::Error>(heard)
    /// });
    /// writer.send("Hello").await?;
    /// server.send("World").await?;
    /// assert_eq!(server.next().await.transpose()?, Some(Message::from("Hello")));
    /// writer.close(CloseReason::new(CloseCode::NORMAL)).await?;
    /// assert!(server.next().await.is_none());
    /// assert_eq!(hearing.await.unwrap()?, [Message::from("World")]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn split(self) -> (Writer<IO>, Reader<IO>) {
        let socket = Arc::new(Mutex::new(self));
        (Writer { socket: Arc::clone(&socket), waiting: None }, Reader { socket })
    }
}

fn lock<IO>(socket: &Mutex<WebSocket<IO>>) -> MutexGuard<'_, WebSocket<IO>> {
    // A panic comes from a transport, which may then give errors, as any other.
    socket.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Reader<IO> {
    /// As [`WebSocket::next`].
    ///
    /// # Errors
    /// As [`WebSocket::next`].
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        std::future::poll_fn(|cx| lock(&self.socket).poll_message(cx)).await
    }

    /// As [`WebSocket::next_part`].
    ///
    /// # Errors
    /// As [`WebSocket::next_part`].
    pub async fn next_part(&mut self) -> Option<Result<Part<'static>, Error>> {
        std::future::poll_fn(|cx| lock(&self.socket).poll_part(cx)).await
    }

    /// As [`WebSocket::close_reason`].
    pub fn close_reason(&self) -> Option<CloseReason> {
        lock(&self.socket).close_reason().cloned()
    }

    /// As [`WebSocket::state`].
    pub fn state(&self) -> State {
        lock(&self.socket).state()
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Writer<IO> {
    /// As [`WebSocket::send`].
    ///
    /// # Errors
    /// As [`WebSocket::send`].
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.feed(message).await?;
        self.flush().await
    }

    /// As [`WebSocket::feed`].
    ///
    /// # Errors
    /// As [`WebSocket::feed`].
    pub async fn feed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        let mut message = Some(message.into());
        std::future::poll_fn(|cx| {
            self.poll_queue(cx, |socket| match message.take() {
                Some(message) => socket.queue(message),
                None => Ok(()),
            })
        })
        .await
    }

    /// As [`WebSocket::feed_prepared`].
    ///
    /// # Errors
    /// As [`WebSocket::feed_prepared`].
    pub async fn feed_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        std::future::poll_fn(|cx| self.poll_queue(cx, |socket| socket.queue_prepared(message)))
            .await
    }

    /// As [`WebSocket::feed_fragment`].
    ///
    /// # Errors
    /// As [`WebSocket::feed_fragment`].
    pub async fn feed_fragment(
        &mut self,
        fragment: impl Into<Message>,
        fin: bool,
    ) -> Result<(), Error> {
        let mut fragment = Some(fragment.into());
        std::future::poll_fn(|cx| {
            self.poll_after_waiting(cx, |socket, cx| {
                socket.poll_feed_fragment(cx, &mut fragment, fin)
            })
        })
        .await
    }

    /// Queues under the lock under which there was room: the reader, too, queues.
    fn poll_queue(
        &mut self,
        cx: &mut Context<'_>,
        queue: impl FnOnce(&mut WebSocket<IO>) -> Result<(), Error>,
    ) -> Poll<Result<(), Error>> {
        let mut socket = lock(&self.socket);
        if self.waiting.is_some() {
            let can_send = ready!(socket.poll_can_send(cx));
            // An error is said once, and what waited goes with it.
            let waiting = self.waiting.take();
            can_send?;
            waiting.map_or(Ok(()), |message| socket.queue(message))?;
        }
        ready!(socket.poll_can_send(cx))?;
        Poll::Ready(queue(&mut socket))
    }

    /// Queues what waits, and then does what is to be done with the socket.
    fn poll_after_waiting(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut WebSocket<IO>, &mut Context<'_>) -> Poll<Result<(), Error>>,
    ) -> Poll<Result<(), Error>> {
        if self.waiting.is_some() {
            ready!(self.poll_queue(cx, |_| Ok(())))?;
        }
        poll(&mut lock(&self.socket), cx)
    }

    /// As [`WebSocket::flush`].
    ///
    /// # Errors
    /// As [`WebSocket::flush`].
    pub async fn flush(&mut self) -> Result<(), Error> {
        std::future::poll_fn(|cx| self.poll_after_waiting(cx, WebSocket::poll_write)).await
    }

    /// As [`WebSocket::ping`].
    ///
    /// # Errors
    /// As [`WebSocket::ping`].
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        lock(&self.socket).ping(payload)
    }

    /// Sends a Close frame. The closing handshake is completed by who waits in [`Reader::next`], which
    /// still gives what arrives before the peer's Close frame; if the reader has been dropped, here.
    ///
    /// # Errors
    /// As [`WebSocket::close`].
    pub async fn close(&mut self, reason: CloseReason) -> Result<(), Error> {
        std::future::poll_fn(|cx| self.poll_close_with(cx, &reason)).await
    }

    fn poll_close_with(
        &mut self,
        cx: &mut Context<'_>,
        reason: &CloseReason,
    ) -> Poll<Result<(), Error>> {
        let alone = Arc::strong_count(&self.socket) == 1;
        self.poll_after_waiting(cx, |socket, cx| {
            socket.start_close(reason)?;
            if alone { socket.poll_closed(cx) } else { socket.poll_write(cx) }
        })
    }

    /// As [`WebSocket::state`].
    pub fn state(&self) -> State {
        lock(&self.socket).state()
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Stream for Reader<IO> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        lock(&self.socket).poll_message(cx)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Sink<Message> for Writer<IO> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_queue(cx, |_| Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        let this = self.get_mut();
        let mut socket = lock(&this.socket);
        if socket.ready() == Err(SendError::Full) && this.waiting.is_none() {
            this.waiting = Some(message);
            return Ok(());
        }
        socket.queue(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_after_waiting(cx, WebSocket::poll_write)
    }

    /// Closes with [`NORMAL`](CloseCode::NORMAL) unless closing already.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_close_with(cx, &CloseReason::new(CloseCode::NORMAL))
    }
}
