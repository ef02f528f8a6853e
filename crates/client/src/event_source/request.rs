use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http_body_util::Full;
use rtwire_sse::event_source;

use crate::exchange::Request;

/// What the machine asks for, as HTTP says it.
pub(super) fn http_request(request: &event_source::Request) -> Result<Request, http::Error> {
    let body = Full::new(request.body.clone().unwrap_or_default());
    let mut builder = http::Request::builder().method(request.method).uri(request.url.target());
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        builder = builder.header(HOST, request.url.authority());
    }
    for (name, value) in &request.headers {
        builder = builder.header(&**name, &value.as_bytes()[..]);
    }
    let length = request.body.as_ref().map(Bytes::len);
    let mut request = builder.body(body)?;
    // Where the body ends is not the caller's to say. RFC 9110 §8.6: of a POST it is said "even when the
    // value is 0", which hyper leaves out.
    let headers = request.headers_mut();
    headers.remove(TRANSFER_ENCODING);
    headers.remove(CONTENT_LENGTH);
    if let Some(length) = length {
        headers.try_insert(CONTENT_LENGTH, length.into())?;
    }
    Ok(request)
}
