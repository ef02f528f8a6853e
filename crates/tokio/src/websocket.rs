use std::{
    borrow::Cow,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker, ready},
};

use bytes::Buf;
use futures_core::Stream;
use futures_sink::Sink;
use rtwire_websocket::{
    CloseReason, Connection, Event, Limits, Message, Part, PreparedMessage, Role, SendError, State,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

use crate::{
    clock::Clock, error::Error, masking_key::masking_key, scratch::with_scratch, unread::Unread,
};

/// A WebSocket connection over any transport, after the opening handshake.
///
/// It is a [`Stream`] of messages and a [`Sink`] for them; the methods here do the same and read
/// better. Pings are answered, and sent, while somebody waits in [`next`](Self::next).
///
/// Every future is safe to drop: a dropped [`next`](Self::next) loses nothing, a dropped
/// [`send`](Self::send) has queued its message whole or not at all.
///
/// ```
/// use rtwire_tokio::WebSocket;
/// use rtwire_websocket::{CloseCode, CloseReason, Limits, Message};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rtwire_tokio::Error> {
/// let (ours, theirs) = tokio::io::duplex(1024);
/// let mut server = WebSocket::server(ours, Limits::default());
/// let mut client = WebSocket::client(theirs, Limits::default());
///
/// client.send("Hello").await?;
/// assert_eq!(server.next().await.transpose()?, Some(Message::from("Hello")));
///
/// // Both ends take part in the closing handshake.
/// let bye = CloseReason::new(CloseCode::NORMAL);
/// let (closed, last) = tokio::join!(client.close(bye), server.next());
/// closed?;
/// assert!(last.is_none());
/// assert_eq!(server.close_reason().unwrap().code, CloseCode::NORMAL);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WebSocket<IO> {
    io: IO,
    connection: Connection,
    clock: Clock,
    unread: Unread,
    /// Bytes were handed to the transport that it may hold back until it is flushed.
    unflushed: bool,
    shut_down: bool,
    /// A transport remembers one waker for writing: that of the last one who tried. Who waits
    /// here is woken as well.
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> WebSocket<IO> {
    /// The server's end: `io` stands after the response to the opening handshake.
    pub fn server(io: IO, limits: impl Into<Arc<Limits>>) -> Self {
        Self::from_connection(io, Connection::new(Role::Server, limits), &[])
    }

    /// The client's end: `io` stands after the server's 101. Masking keys come from the system's
    /// random source.
    pub fn client(io: IO, limits: impl Into<Arc<Limits>>) -> Self {
        Self::from_connection(io, Connection::new(Role::Client { masking_key }, limits), &[])
    }

    /// Drives `connection`. `read_ahead` are bytes that were read together with the handshake and
    /// belong to the frames.
    pub fn from_connection(io: IO, connection: Connection, read_ahead: &[u8]) -> Self {
        Self {
            io,
            connection,
            clock: Clock::new(tokio::time::Instant::now()),
            unread: Unread::new(read_ahead),
            unflushed: false,
            shut_down: false,
            reader: None,
            writer: None,
        }
    }

    /// The transport.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// How far the connection has come.
    pub fn state(&self) -> State {
        self.connection.state()
    }

    /// Whether a message may be queued now.
    ///
    /// # Errors
    /// [`SendError::Closing`], [`SendError::Full`].
    pub fn ready(&self) -> Result<(), SendError> {
        self.connection.ready()
    }

    /// The limits of the connection.
    pub fn limits(&self) -> &Limits {
        self.connection.limits()
    }

    /// What the peer's Close frame said, or [`ABNORMAL`](rtwire_websocket::CloseCode::ABNORMAL)
    /// if the transport ended without one.
    pub fn close_reason(&self) -> Option<&CloseReason> {
        self.connection.close_reason()
    }

    /// The next message; `None` once the connection is closed. Writes what is queued before it
    /// waits.
    ///
    /// # Errors
    /// [`Error::Protocol`] and [`Error::Io`], each once; then `None`.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        std::future::poll_fn(|cx| self.poll_message(cx)).await
    }

    /// Handles every event where it lies in the read buffer, until the connection is closed: for
    /// who echoes, parses or forwards, and needs no message of its own. `handle` may send on the
    /// connection that it is given; while the output is full, it is not called. Its error ends
    /// this call, and leaves the connection as it is.
    ///
    /// ```
    /// use rtwire_tokio::WebSocket;
    ///
    /// # async fn echo(mut socket: WebSocket<tokio::io::DuplexStream>)
    /// #     -> Result<(), rtwire_tokio::Error> {
    /// socket.for_each(|event, connection| Ok(connection.forward(event)?)).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`next`](Self::next), and what `handle` returns.
    pub async fn for_each<E: From<Error>>(
        &mut self,
        mut handle: impl FnMut(Event<'_>, &mut Connection) -> Result<(), E>,
    ) -> Result<(), E> {
        std::future::poll_fn(|cx| self.poll_for_each(cx, &mut handle)).await
    }

    /// The next part of a message, as far as it has arrived: for messages that are not to be held in
    /// memory as a whole. Each part is what one read brought of it. Pings, Pongs and Close are dealt with
    /// as in [`next`](Self::next); `None` once the connection is closed. [`Connection::next_part`] tells of
    /// limits, and of `next` and `next_part` on one connection.
    ///
    /// ```
    /// use rtwire_tokio::WebSocket;
    /// use rtwire_websocket::Part;
    /// use tokio::io::{AsyncWrite, AsyncWriteExt};
    ///
    /// /// Receives one message into a file, however long it is.
    /// async fn receive_file(
    ///     ws: &mut WebSocket<tokio::net::TcpStream>,
    ///     mut file: impl AsyncWrite + Unpin,
    /// ) -> Result<(), rtwire_tokio::Error> {
    ///     while let Some(part) = ws.next_part().await {
    ///         let Part::Binary { bytes, fin } = part? else { continue };
    ///         file.write_all(&bytes).await?;
    ///         if fin {
    ///             break;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn next_part(&mut self) -> Option<Result<Part<'static>, Error>> {
        std::future::poll_fn(|cx| self.poll_part(cx)).await
    }

    /// Sends a message and writes everything queued.
    ///
    /// # Errors
    /// [`Error::Send`] when the connection is closing, [`Error::Io`].
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.feed(message).await?;
        self.flush().await
    }

    /// Queues a message, waiting only while the output is full
    /// ([`max_output`](Limits::max_output)). It is written by [`flush`](Self::flush),
    /// [`send`](Self::send) or [`next`](Self::next).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn feed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        std::future::poll_fn(|cx| self.poll_can_send(cx)).await?;
        Ok(self.connection.send(message)?)
    }

    /// Queues a message that was encoded once for many connections.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn feed_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        std::future::poll_fn(|cx| self.poll_can_send(cx)).await?;
        Ok(self.connection.send_prepared(message)?)
    }

    /// Queues a fragment of a message that is not to be held in memory as a whole, waiting only while
    /// the output is full. `fin` marks the last; until then no other message may be sent.
    ///
    /// ```
    /// use rtwire_tokio::WebSocket;
    /// use tokio::io::{AsyncRead, AsyncReadExt};
    ///
    /// /// Sends a file of any size as one message.
    /// async fn send_file(
    ///     ws: &mut WebSocket<tokio::net::TcpStream>,
    ///     mut file: impl AsyncRead + Unpin,
    /// ) -> Result<(), rtwire_tokio::Error> {
    ///     loop {
    ///         let mut part = bytes::BytesMut::with_capacity(64 << 10);
    ///         let fin = file.read_buf(&mut part).await? == 0;
    ///         ws.feed_fragment(part.freeze(), fin).await?;
    ///         if fin {
    ///             return ws.flush().await;
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::Send`] when the connection is closing, or for a fragment of another type than the
    /// first; [`Error::Io`].
    pub async fn feed_fragment(
        &mut self,
        fragment: impl Into<Message>,
        fin: bool,
    ) -> Result<(), Error> {
        let mut fragment = Some(fragment.into());
        std::future::poll_fn(|cx| self.poll_feed_fragment(cx, &mut fragment, fin)).await
    }

    /// Writes everything queued.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub async fn flush(&mut self) -> Result<(), Error> {
        std::future::poll_fn(|cx| self.poll_write(cx)).await
    }

    /// Queues a Ping beyond those that keepalive sends.
    ///
    /// # Errors
    /// [`Error::Send`].
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        Ok(self.connection.send_ping(payload)?)
    }

    /// Closes the connection: sends a Close frame, waits for the peer's and for the end of the
    /// transport, at most [`close_timeout`](Limits::close_timeout). Messages that arrive
    /// meanwhile are dropped. Closing what is closing already waits for its end.
    ///
    /// # Errors
    /// [`Error::Send`] for a reason that must not be sent, [`Error::Protocol`], [`Error::Io`].
    pub async fn close(&mut self, reason: CloseReason) -> Result<(), Error> {
        self.start_close(&reason)?;
        std::future::poll_fn(|cx| self.poll_closed(cx)).await
    }

    /// Queues the Close frame and returns; whoever waits in [`next`](Self::next) completes the
    /// closing handshake.
    ///
    /// # Errors
    /// [`Error::Send`] for a reason that must not be sent.
    pub fn start_close(&mut self, reason: &CloseReason) -> Result<(), Error> {
        match self.connection.close(reason) {
            Ok(()) => {
                // Whoever reads has a deadline to keep from now on.
                self.reader.take().into_iter().for_each(Waker::wake);
                Ok(())
            }
            Err(SendError::Closing) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// [`next`](Self::next) as a poll function.
    pub fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        self.poll_receive(cx, &mut next_message).map(Result::transpose)
    }

    /// [`next_part`](Self::next_part) as a poll function.
    pub fn poll_part(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Part<'static>, Error>>> {
        self.poll_receive(cx, &mut next_part).map(Result::transpose)
    }

    /// [`for_each`](Self::for_each) as a poll function.
    pub fn poll_for_each<E: From<Error>>(
        &mut self,
        cx: &mut Context<'_>,
        handle: &mut impl FnMut(Event<'_>, &mut Connection) -> Result<(), E>,
    ) -> Poll<Result<(), E>> {
        let mut decode = |connection: &mut Connection, input: &mut &mut [u8]| {
            while connection.ready() != Err(SendError::Full) {
                match connection.next_event(input)? {
                    None => return Ok(None),
                    Some(event) => {
                        if let Err(error) = handle(event, connection) {
                            return Ok(Some(Stop::Handler(error)));
                        }
                    }
                }
            }
            Ok(Some(Stop::OutputFull))
        };
        loop {
            match ready!(self.poll_receive(cx, &mut decode))? {
                None => return Poll::Ready(Ok(())),
                Some(Stop::Handler(error)) => return Poll::Ready(Err(error)),
                Some(Stop::OutputFull) => ready!(self.poll_can_send(cx))?,
            }
        }
    }

    /// Reads and decodes until `decode` has something, or until the end (`None`).
    fn poll_receive<T>(
        &mut self,
        cx: &mut Context<'_>,
        decode: &mut impl FnMut(&mut Connection, &mut &mut [u8]) -> Result<Option<T>, Error>,
    ) -> Poll<Result<Option<T>, Error>> {
        let received = self.poll_decode(cx, decode);
        if received.is_pending() {
            remember(&mut self.reader, cx);
        }
        if let Poll::Ready(Err(Error::Protocol(_))) = received {
            // The caller may drop the connection now: the Close frame goes first. Should that
            // fail, the broken rule still says more.
            let _ = self.poll_output(cx);
        }
        received
    }

    fn poll_decode<T>(
        &mut self,
        cx: &mut Context<'_>,
        decode: &mut impl FnMut(&mut Connection, &mut &mut [u8]) -> Result<Option<T>, Error>,
    ) -> Poll<Result<Option<T>, Error>> {
        loop {
            if let Some(decoded) = self.decode_unread(decode)? {
                return Poll::Ready(Ok(Some(decoded)));
            }
            if !self.connection.is_receiving() {
                ready!(self.poll_end(cx));
                return Poll::Ready(Ok(None));
            }
            // All replies to one read leave in one write, before the next read.
            if let Poll::Ready(Err(error)) = self.poll_output(cx) {
                return Poll::Ready(Err(error));
            }
            // A peer that never stops sending must not outlast the closing handshake's deadline.
            if self.connection.state() == State::Closing {
                while self.poll_clock(cx)?.is_ready() {}
                if self.connection.state() == State::Closed {
                    continue;
                }
            }
            match self.poll_read(cx, decode)? {
                Poll::Ready(Some(decoded)) => return Poll::Ready(Ok(Some(decoded))),
                Poll::Ready(None) => {}
                Poll::Pending => ready!(self.poll_clock(cx))?,
            }
        }
    }

    /// Waits until a message may be queued.
    ///
    /// # Errors
    /// [`Error::Send`] when the connection is closing or a message unfinished, [`Error::Io`].
    pub fn poll_can_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_room(cx))?;
        Poll::Ready(self.connection.ready().map_err(Error::from))
    }

    /// Waits while the output is full.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.connection.ready() == Err(SendError::Full) {
            match self.poll_write_some(cx) {
                Poll::Ready(written) => written?,
                Poll::Pending => {
                    remember(&mut self.writer, cx);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// [`feed_fragment`](Self::feed_fragment) as a poll function. `fragment` is taken when it is queued.
    pub fn poll_feed_fragment(
        &mut self,
        cx: &mut Context<'_>,
        fragment: &mut Option<Message>,
        fin: bool,
    ) -> Poll<Result<(), Error>> {
        ready!(self.poll_room(cx))?;
        Poll::Ready(match fragment.take() {
            Some(fragment) => Ok(self.connection.send_fragment(fragment, fin)?),
            None => Ok(()),
        })
    }

    /// Queues a message after [`poll_can_send`](Self::poll_can_send) was ready.
    ///
    /// # Errors
    /// [`Error::Send`].
    pub fn queue(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        Ok(self.connection.send(message)?)
    }

    /// As [`queue`](Self::queue), and never compressed
    /// ([`Connection::send_uncompressed`](rtwire_websocket::Connection::send_uncompressed)).
    ///
    /// # Errors
    /// [`Error::Send`].
    pub fn queue_uncompressed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        Ok(self.connection.send_uncompressed(message)?)
    }

    /// Queues a prepared message after [`poll_can_send`](Self::poll_can_send) was ready.
    ///
    /// # Errors
    /// [`Error::Send`].
    pub fn queue_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        Ok(self.connection.send_prepared(message)?)
    }

    /// [`flush`](Self::flush) as a poll function.
    pub fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let written = self.poll_output(cx);
        if written.is_pending() {
            remember(&mut self.writer, cx);
        }
        written
    }

    /// Writes what is queued, for who drives the connection: it does not take the place of
    /// another task that waits in [`poll_write`](Self::poll_write) or
    /// [`poll_can_send`](Self::poll_can_send).
    pub fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.connection.output().has_remaining() {
            ready!(self.poll_write_some(cx))?;
        }
        if self.unflushed {
            let flushed = ready!(Pin::new(&mut self.io).poll_flush(cx));
            self.unflushed = false;
            flushed.map_err(|error| self.transport_failed(error))?;
        }
        Poll::Ready(Ok(()))
    }

    /// While the connection is closing, waits for its deadline
    /// ([`close_timeout`](Limits::close_timeout)), for who drives a connection that nobody reads.
    /// Ready when it is closed.
    pub fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.connection.state() == State::Closing {
            // The only error of a timer is of one that an open connection has.
            let _ = ready!(self.poll_clock(cx));
        }
        if self.connection.state() == State::Closed { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits for the end of a connection that is closing, and drops messages that still arrive.
    ///
    /// # Errors
    /// As [`close`](Self::close).
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            match ready!(self.poll_message(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Decodes what was read before, also if that is only what lies in a payload's own buffer.
    fn decode_unread<T>(
        &mut self,
        decode: &mut impl FnMut(&mut Connection, &mut &mut [u8]) -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        let mut input = self.unread.get_mut();
        let decoded = decode(&mut self.connection, &mut input);
        let rest = input.len();
        self.unread.keep_last(rest);
        decoded
    }

    /// Reads once, and decodes that.
    fn poll_read<T>(
        &mut self,
        cx: &mut Context<'_>,
        decode: &mut impl FnMut(&mut Connection, &mut &mut [u8]) -> Result<Option<T>, Error>,
    ) -> Poll<Result<Option<T>, Error>> {
        if let Some(mut buffer) = self.connection.payload_buffer() {
            let read = ready!(poll_read_buf(Pin::new(&mut self.io), cx, &mut buffer));
            let count = read.map_err(|error| self.transport_failed(error))?;
            if count == 0 {
                self.connection.handle_eof();
            }
            return Poll::Ready(decode(&mut self.connection, &mut &mut [][..]));
        }
        with_scratch(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            let read = ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer));
            read.map_err(|error| self.transport_failed(error))?;
            let mut input = buffer.filled_mut();
            if input.is_empty() {
                self.connection.handle_eof();
            }
            let decoded = decode(&mut self.connection, &mut input);
            self.unread = Unread::new(input);
            Poll::Ready(decoded)
        })
    }

    /// Hands the transport what it takes in one write.
    fn poll_write_some(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let closing = self.connection.state() != State::Open;
        let others = [self.writer.as_ref(), self.reader.as_ref().filter(|_| closing)];
        let waker = wakes_all(cx.waker(), others);
        let cx = &mut Context::from_waker(&waker);
        let output = self.connection.output();
        let io = Pin::new(&mut self.io);
        let written = if output.chunk().len() == output.remaining() {
            ready!(io.poll_write(cx, output.chunk()))
        } else {
            let mut slices = [IoSlice::new(&[]); 32];
            let count = output.chunks_vectored(&mut slices);
            ready!(io.poll_write_vectored(cx, &slices[..count]))
        };
        let written = written.and_then(|count| match count {
            0 => Err(io::ErrorKind::WriteZero.into()),
            count => Ok(count),
        });
        let count = written.map_err(|error| self.transport_failed(error))?;
        self.connection.output().advance(count);
        self.unflushed = true;
        if let Some(writer) = self.writer.take_if(|waker| !waker.will_wake(cx.waker())) {
            writer.wake();
        }
        if self.connection.state() != State::Open
            && let Some(reader) = self.reader.take_if(|waker| !waker.will_wake(cx.waker()))
        {
            reader.wake();
        }
        Poll::Ready(Ok(()))
    }

    /// After the last event: writes what is queued, shuts down, and reads until the peer has ended
    /// its side too. Closing with unread input would reset the connection, and the peer might
    /// lose our Close frame.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let written = self.poll_output(cx);
            // §7.1.1: the server closes the TCP connection first. A client does so only when it
            // fails the connection: it has not seen the peer's Close frame then.
            let first = matches!(self.connection.role(), Role::Server)
                || self.connection.close_reason().is_none();
            if matches!(written, Poll::Ready(Ok(())))
                && first
                && !self.shut_down
                && let Poll::Ready(shut_down) = Pin::new(&mut self.io).poll_shutdown(cx)
            {
                self.shut_down = true;
                if shut_down.is_err() {
                    self.connection.handle_eof();
                }
            }
            while matches!(self.poll_clock(cx), Poll::Ready(Ok(()))) {}
            if self.connection.state() == State::Closed {
                // Whoever still holds this object must not keep the peer waiting for the end.
                if !self.shut_down {
                    self.shut_down = true;
                    let _ = Pin::new(&mut self.io).poll_shutdown(cx);
                }
                return Poll::Ready(());
            }
            // What still arrives is discarded. A failing read is the end as well, and noted as
            // such; the error itself tells nothing more after the last event.
            if self.poll_read(cx, &mut next_message).is_pending() {
                // After both Close frames a server need not wait for the peer to end its side.
                if self.shut_down && self.connection.close_reason().is_some() {
                    self.connection.handle_eof();
                }
                if self.connection.state() != State::Closed {
                    return Poll::Pending;
                }
            }
        }
    }

    /// Waits for the connection's timer. Ready means that something may have changed.
    fn poll_clock(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let now = ready!(self.clock.poll(self.connection.next_timeout(), cx));
        Poll::Ready(self.connection.handle_timeout(now).map_err(Error::from))
    }

    fn transport_failed(&mut self, error: io::Error) -> Error {
        self.connection.handle_eof();
        // Nobody will take it: who drives the connection must not try again and again.
        let output = self.connection.output();
        output.advance(output.remaining());
        self.unflushed = false;
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
        Error::Io(error)
    }
}

/// Why [`WebSocket::poll_for_each`] stops decoding.
enum Stop<E> {
    OutputFull,
    Handler(E),
}

/// A waker for `own` and for all others that differ from it, which are rare.
fn wakes_all<'w>(own: &'w Waker, others: [Option<&Waker>; 2]) -> Cow<'w, Waker> {
    struct WakeAll(Vec<Waker>);

    impl Wake for WakeAll {
        fn wake(self: Arc<Self>) {
            self.0.iter().for_each(Waker::wake_by_ref);
        }
    }

    let others = others.into_iter().flatten().filter(|other| !other.will_wake(own));
    let mut all: Vec<Waker> = others.cloned().collect();
    if all.is_empty() {
        return Cow::Borrowed(own);
    }
    all.push(own.clone());
    Cow::Owned(Waker::from(Arc::new(WakeAll(all))))
}

fn remember(waiting: &mut Option<Waker>, cx: &Context<'_>) {
    if !waiting.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        *waiting = Some(cx.waker().clone());
    }
}

/// The next message of `input`; what else there is has been answered by the connection.
fn next_message(
    connection: &mut Connection,
    input: &mut &mut [u8],
) -> Result<Option<Message>, Error> {
    while let Some(event) = connection.next_event(input)? {
        if let Some(message) = event.into_message() {
            return Ok(Some(message));
        }
    }
    Ok(None)
}

/// The next part of a message in `input`.
fn next_part(
    connection: &mut Connection,
    input: &mut &mut [u8],
) -> Result<Option<Part<'static>>, Error> {
    while let Some(part) = connection.next_part(input)? {
        if let Part::Text { .. } | Part::Binary { .. } = part {
            return Ok(Some(part.into_owned()));
        }
    }
    Ok(None)
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Stream for WebSocket<IO> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_message(cx)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Sink<Message> for WebSocket<IO> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_can_send(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.get_mut().queue(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_write(cx)
    }

    /// Closes with [`NORMAL`](rtwire_websocket::CloseCode::NORMAL) unless closing already.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        this.start_close(&CloseReason::new(rtwire_websocket::CloseCode::NORMAL))?;
        this.poll_closed(cx)
    }
}
