//! The opening handshake (RFC 6455 §4) over a plain transport. Put a deadline around these
//! functions: they wait for the peer as long as it likes.

use std::{io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use rtwire_websocket::{
    Connection, Limits, Role,
    handshake::{self, Answer, HeadSearch, Request, Response},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{masking_key::masking_key, websocket::WebSocket};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The peer broke a rule; a client was told so.
    #[error("the opening handshake broke the protocol: {0}")]
    Protocol(#[from] handshake::Error),
    /// The server answered something else than 101, or the caller of [`accept`] did.
    #[error("the opening handshake was refused with status {}", .response.status())]
    Refused {
        /// Status and header fields.
        response: Response,
        /// What arrived together with them: usually all of a short body.
        body_start: Bytes,
    },
    /// The transport failed, or ended inside the handshake.
    #[error("the transport failed: {0}")]
    Io(#[from] io::Error),
}

/// Answers a client's opening handshake. `respond` sees the request and chooses: usually
/// [`Request::accept`] after a look at the origin, or [`Response::refuse`]. Messages are compressed if the
/// response [agrees](Response::with_deflate) to it.
///
/// A refused client gets its answer, and [`close_timeout`](Limits::close_timeout) to read it and to
/// end the connection.
///
/// # Errors
/// [`HandshakeError`].
pub async fn accept<IO>(
    mut io: IO,
    limits: impl Into<Arc<Limits>>,
    respond: impl FnOnce(&Request) -> Response,
) -> Result<WebSocket<IO>, HandshakeError>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let limits = limits.into();
    let mut search = HeadSearch::new(handshake::Limits::default());
    let request = read_head(&mut io, |input| Request::decode(input, &mut search)).await;
    let (request, frames) = match request {
        Ok(request) => request,
        Err(error) => {
            if let HandshakeError::Protocol(error) = &error {
                refuse(io, &error.response(), limits.close_timeout).await?;
            }
            return Err(error);
        }
    };
    let response = respond(&request);
    if response.status() != 101 {
        refuse(io, &response, limits.close_timeout).await?;
        return Err(HandshakeError::Refused { response, body_start: Bytes::new() });
    }
    io.write_all(&response.encode()).await?;
    io.flush().await?;
    let connection = Connection::new(Role::Server, limits).with_deflate(response.deflate());
    Ok(WebSocket::from_connection(io, connection, &frames))
}

/// Opens a connection as a client. [`random_key`] makes the key that a [`Request`] needs. Messages are
/// compressed if the request [offers](Request::with_deflate) it and the server agrees.
///
/// # Errors
/// [`HandshakeError`]. One of its `Io` is [`InvalidInput`](io::ErrorKind::InvalidInput), for a request of
/// [`Request::connect`]: a stream of HTTP/2 is opened by an HTTP/2 implementation.
pub async fn connect<IO>(
    mut io: IO,
    request: &Request,
    limits: impl Into<Arc<Limits>>,
) -> Result<(WebSocket<IO>, Response), HandshakeError>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    if request.pseudo_headers().next().is_some() {
        let error = "an extended CONNECT is for HTTP/2 and HTTP/3";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, error).into());
    }
    io.write_all(&request.encode()).await?;
    io.flush().await?;
    let mut search = HeadSearch::new(handshake::Limits::default());
    let (answer, rest) =
        read_head(&mut io, |input| Answer::decode(input, request, &mut search)).await?;
    match answer {
        Answer::Accepted(response) => {
            let connection = Connection::new(Role::Client { masking_key }, limits)
                .with_deflate(response.deflate());
            Ok((WebSocket::from_connection(io, connection, &rest), response))
        }
        Answer::Refused(response) => {
            Err(HandshakeError::Refused { response, body_start: rest.freeze() })
        }
    }
}

/// The random bytes of a client's `Sec-WebSocket-Key` (§4.1), fresh for each connection.
///
/// # Errors
/// If the system has no random source.
pub fn random_key() -> io::Result<[u8; 16]> {
    let mut key = [0; 16];
    getrandom::fill(&mut key)?;
    Ok(key)
}

/// Answers a request for the last time, and reads what the client still sends: closing a transport
/// with unread input would reset it, and the client might lose the answer.
async fn refuse(
    mut io: impl AsyncRead + AsyncWrite + Unpin,
    response: &Response,
    timeout: Duration,
) -> io::Result<()> {
    io.write_all(&response.encode()).await?;
    io.shutdown().await?;
    // However that goes, the answer has been given.
    let _ = tokio::time::timeout(timeout, tokio::io::copy(&mut io, &mut tokio::io::sink())).await;
    Ok(())
}

/// Reads until `decode` has a head; returns it with the bytes after it, which are frames.
async fn read_head<T>(
    io: &mut (impl AsyncRead + Unpin),
    mut decode: impl FnMut(&[u8]) -> Result<Option<(T, usize)>, handshake::Error>,
) -> Result<(T, BytesMut), HandshakeError> {
    let mut head = BytesMut::with_capacity(1024);
    loop {
        if io.read_buf(&mut head).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if let Some((value, used)) = decode(&head)? {
            return Ok((value, head.split_off(used)));
        }
    }
}
