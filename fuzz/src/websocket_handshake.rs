use bytes::Bytes;
use rtwire_websocket::handshake::{Answer, Error, HeadSearch, Limits, Request};

type Outcome<T> = Result<Option<(T, usize)>, Error>;

/// The opening handshake (RFC 6455 §4): the input is read as a request and as an answer.
///
/// - Any way to cut the input gives the same outcome.
/// - A head is complete at its last byte, not before, and what follows it is left alone.
/// - Encode inverts decode, and parts mean what the bytes mean.
/// - A request is as good in HTTP/2, without the fields of its connection.
/// - What a server answers to a request it accepts, the client that sent it accepts; the answer to
///   a faulty one is a refusal with the status of the rule.
/// - Limits hold.
pub fn websocket_handshake(input: &[u8]) {
    request(input);
    answer(input);
}

fn request(input: &[u8]) {
    let (request, used) = match any_cut(input, Request::decode) {
        Ok(None) => return,
        Ok(Some(decoded)) => decoded,
        Err(error) => return refusal(input, error),
    };
    within_limits(used, request.headers().count());

    let wire = request.encode();
    assert_eq!(own(&wire, Request::decode), Ok(Some((request.clone(), wire.len()))));
    let parts = Request::from_parts("GET", request.target(), (1, 1), request.headers());
    assert_eq!(parts.as_ref(), Ok(&request));

    in_http2(&request);

    let accept = match request.protocols().last() {
        Some(protocol) => request.accept_protocol(protocol).expect("it was offered"),
        None => request.accept(),
    };
    let wire = accept.encode();
    let answer = own(&wire, |input, search| Answer::decode(input, &request, search));
    assert_eq!(answer, Ok(Some((Answer::Accepted(accept), wire.len()))));
}

fn in_http2(request: &Request) {
    let pseudo =
        Request::connect("https", request.host(), request.target()).expect("both are fine");
    let about_the_connection =
        ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "te"];
    let stays =
        |(name, _): &(&str, &[u8])| !about_the_connection.contains(&&*name.to_ascii_lowercase());
    let headers = request.headers().filter(stays);
    let seen = Request::from_connect(pseudo.pseudo_headers().chain(headers)).expect("as good");
    assert_eq!((seen.host(), seen.target()), (request.host(), request.target()));
    assert_eq!(seen.origin(), request.origin());
    assert!(seen.protocols().eq(request.protocols()));
}

fn refusal(input: &[u8], error: Error) {
    assert!(usize::try_from(error.offset()).is_ok_and(|offset| offset <= input.len()));
    let wire = error.response().encode();
    let request = own_request();
    let answer = own(&wire, |input, search| Answer::decode(input, &request, search));
    let Ok(Some((Answer::Refused(response), used))) = answer else {
        panic!("{error:?} is answered by {wire:?}")
    };
    assert_eq!((response.status(), used), (error.rule().http_status(), wire.len()));
}

fn answer(input: &[u8]) {
    let request = own_request();
    let decode = |input: &[u8], search: &mut HeadSearch| Answer::decode(input, &request, search);
    let Ok(Some((answer, used))) = any_cut(input, decode) else { return };
    let response = answer.response();
    within_limits(used, response.headers().count());
    assert_eq!(matches!(answer, Answer::Accepted(_)), response.status() == 101);
    assert!(response.protocol().is_none_or(|protocol| protocol == "chat"));

    let parts = Answer::from_parts(response.status(), (1, 1), response.headers(), &request);
    assert_eq!(parts.as_ref(), Ok(&answer));
    // What encoding adds to a refusal, it adds once.
    let wire = response.encode();
    let (again, used) = own(&wire, decode).expect("it was encoded").expect("all of it");
    assert_eq!((again.response().encode(), used), (Bytes::clone(&wire), wire.len()));
    if response.status() == 101 {
        assert_eq!(again, answer);
    }
}

/// A request with the key of the RFC's example, whose answer the dictionary has.
fn own_request() -> Request {
    let request = Request::new("a", "/", *b"the sample nonce").expect("a host and a target");
    request.with_protocol("chat").expect("a token")
}

/// Decodes what was encoded here, which may be longer than what it was decoded from: there is a
/// space before each value, and a refusal says that it has no body.
fn own<T>(wire: &[u8], decode: impl Fn(&[u8], &mut HeadSearch) -> Outcome<T>) -> Outcome<T> {
    let limits = Limits::default();
    let limits = limits.max_head(2 * limits.max_head).max_headers(limits.max_headers + 2);
    decode(wire, &mut HeadSearch::new(limits))
}

fn any_cut<T: PartialEq + std::fmt::Debug>(
    input: &[u8],
    decode: impl Fn(&[u8], &mut HeadSearch) -> Outcome<T>,
) -> Outcome<T> {
    let outcome = decode(input, &mut HeadSearch::default());
    let mut search = HeadSearch::default();
    let mut lengths = 0..=input.len();
    let decided = lengths.find_map(|length| match decode(&input[..length], &mut search) {
        Ok(None) => None,
        decided => Some((decided, length)),
    });
    match decided {
        None => assert_eq!(outcome, Ok(None)),
        Some((decided, length)) => {
            assert_eq!(decided, outcome);
            if let Ok(Some((_, used))) = decided {
                assert_eq!(used, length);
            }
        }
    }
    // The cut is in the input, so that the fuzzer finds one that matters.
    let cut = input.len().min(input.last().copied().unwrap_or(0).into());
    let mut search = HeadSearch::default();
    let first = decode(&input[..cut], &mut search);
    let second = if first == Ok(None) { decode(input, &mut search) } else { first };
    assert_eq!(second, outcome, "cut at {cut}");
    outcome
}

fn within_limits(used: usize, headers: usize) {
    let limits = Limits::default();
    assert!(used <= limits.max_head && headers <= limits.max_headers);
}
