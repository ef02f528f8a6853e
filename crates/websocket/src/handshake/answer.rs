//! The client's reading of the server's answer (RFC 6455 §4.1, after "Once the client's opening
//! handshake has been sent"; RFC 8441 §5).

use bytestring::ByteString;

use super::fields::Fields;
use super::head::StatusLine;
use super::headers::Headers;
use super::request::Bootstrap;
use super::{Error, HeadSearch, Request, Response, Rule, accept_key, connect};

/// What the server made of the client's opening handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Status 101, or 2xx to an extended CONNECT, and all that goes with it: what follows the head
    /// are frames.
    Accepted(Response),
    /// Any other final status, HTTP's business and not an error (§4.1, item 1): a redirect, a
    /// 401, a proxy's excuse. A body may follow the head, which the caller may read, to a limit.
    Refused(Response),
}

impl Answer {
    /// Decodes the answer to `request` from the front of `input`, which is everything received so
    /// far; the `usize` is how many bytes the answer took. What follows them is the first frame, or
    /// the body of a refusal. `None`: the answer is not complete. Interim answers, such as
    /// `103 Early Hints`, are passed over (RFC 9110 §15.2); the limits are for all together.
    ///
    /// # Errors
    /// The first rule that the answer breaks. It is final: the client closes the connection.
    pub fn decode(
        input: &[u8],
        request: &Request,
        search: &mut HeadSearch,
    ) -> Result<Option<(Self, usize)>, Error> {
        while let Some(head) = search.find(input)? {
            let (line, fields) = head.response()?;
            if matches!(line.status, 100 | 102..=199) {
                continue;
            }
            search.restart();
            return Ok(Some((Self::check(&line, &fields, request, head.offset())?, head.end())));
        }
        Ok(None)
    }

    /// Checks the final answer to `request` that an HTTP implementation has parsed. The version is
    /// `(1, 1)` for HTTP/1.1, and `(2, 0)` or higher for the answer to a request of
    /// [`Request::connect`]; the headers are in their order, repeated ones included.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), at offset 0.
    pub fn from_parts<'a>(
        status: u16,
        version: (u8, u8),
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        request: &Request,
    ) -> Result<Self, Error> {
        let line = StatusLine { status, version };
        Self::check(&line, &Fields::from_parts(headers), request, 0)
    }

    /// The answer, whatever it is.
    #[must_use]
    pub fn response(&self) -> &Response {
        match self {
            Self::Accepted(response) | Self::Refused(response) => response,
        }
    }

    fn check(
        line: &StatusLine,
        fields: &Fields<'_>,
        request: &Request,
        start: usize,
    ) -> Result<Self, Error> {
        let received = |protocol| {
            let headers = Headers::received(fields.as_slice(), request.is_connect());
            Response::new(line.status, protocol, headers)
        };
        if request.is_connect() {
            // There is no 101 in HTTP/2 (RFC 9113 §8.6), and no extended CONNECT before it.
            if line.version < (2, 0) || line.status == 101 {
                return Err(Error::new(Rule::HttpVersion, start));
            }
            connect::refuse_connection_specific(fields)?;
        }
        if !request.is_accepted_by(line.status) {
            return Ok(Self::Refused(received(None)));
        }
        if let Bootstrap::Upgrade { key } = &request.bootstrap {
            check_upgrade(line, fields, key, start)?;
        }
        // Item 5.
        #[cfg(feature = "deflate")]
        let deflate = match request.deflate {
            Some(config) => super::deflate::agreed(fields, config)?,
            None => refuse_extensions(fields).map(|()| None)?,
        };
        #[cfg(not(feature = "deflate"))]
        refuse_extensions(fields)?;
        // Item 6. The value is a token, so that a list of offered ones is not an offered one.
        let protocol = fields.only("Sec-WebSocket-Protocol", Rule::RepeatedProtocol)?;
        let protocol = protocol.map(|field| {
            let offered = str::from_utf8(field.value).ok().filter(|name| request.offers(name));
            offered.map(ByteString::from).ok_or_else(|| field.breaks(Rule::UnofferedProtocol))
        });
        let response = received(protocol.transpose()?);
        #[cfg(feature = "deflate")]
        let response = Response { deflate, ..response };
        Ok(Self::Accepted(response))
    }
}

/// What only HTTP/1.1 has to say.
fn check_upgrade(
    line: &StatusLine,
    fields: &Fields<'_>,
    key: &str,
    start: usize,
) -> Result<(), Error> {
    // There is no 101 in HTTP/1.0 (RFC 9110 §15.2), nor in HTTP/2 (RFC 9113 §8.6).
    if !matches!(line.version, (1, 1..)) {
        return Err(Error::new(Rule::HttpVersion, start));
    }
    // Item 2: "a value that is not an ASCII case-insensitive match for the value "websocket"",
    // which, unlike a request's, is one value and no choice.
    let mut upgrades = fields.all("Upgrade");
    let is_websocket = |value: &[u8]| value.eq_ignore_ascii_case(b"websocket");
    if !upgrades.next().is_some_and(|field| is_websocket(field.value)) || upgrades.next().is_some()
    {
        return Err(fields.breaks("Upgrade", Rule::Upgrade));
    }
    // Item 3.
    if !fields.contains("Connection", "Upgrade") {
        return Err(fields.breaks("Connection", Rule::Connection));
    }
    // Item 4.
    let accept = fields.only("Sec-WebSocket-Accept", Rule::RepeatedAccept)?;
    let accept =
        accept.ok_or_else(|| fields.breaks("Sec-WebSocket-Accept", Rule::MissingAccept))?;
    if accept.value != accept_key(key).as_bytes() {
        return Err(accept.breaks(Rule::WrongAccept));
    }
    Ok(())
}

/// A request that offered no extension: any is one too many.
fn refuse_extensions(fields: &Fields<'_>) -> Result<(), Error> {
    let extension = fields.all("Sec-WebSocket-Extensions").next();
    extension.map_or(Ok(()), |field| Err(field.breaks(Rule::UnofferedExtension)))
}
