//! RFC 6455 §4, the opening handshake: vectors, limits, and the two roles against each other.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod handshake_vectors;

use std::collections::BTreeSet;
use std::fmt::Debug;

use handshake_vectors::{Chosen, Role, Seen, Status, name};
use proptest::prelude::*;
use rtwire_websocket::handshake::{
    Answer, BuildError, Error, HeadSearch, Limits, Request, Response, Rule, accept_key,
};
use serde::Deserialize;

/// The example of §1.3: its key is the base64 of this.
const NONCE: [u8; 16] = *b"the sample nonce";
const ACCEPT: [u8; 28] = *b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const FRAME: &[u8] = b"\x81\x05Hello\r\n\r\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    section: String,
    role: Role,
    #[serde(default)]
    offers: Vec<String>,
    #[serde(flatten)]
    head: Head,
    expect: Expect,
}

/// `lines` are each followed by CRLF, and all by an empty line.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Head {
    Lines(Vec<String>),
    Text(String),
    Hex(String),
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Expect {
    Ok {
        ok: Seen,
    },
    Accepted {
        accepted: Chosen,
    },
    Refused {
        refused: Status,
    },
    /// `at` is the text at the offset of the error, or `end`.
    Error {
        error: String,
        status: Option<u16>,
        at: Option<String>,
    },
}

impl Head {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Lines(lines) => format!("{}\r\n\r\n", lines.join("\r\n")).into(),
            Self::Text(text) => text.clone().into(),
            Self::Hex(hex) => hex
                .as_bytes()
                .chunks(2)
                .map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap())
                .collect(),
        }
    }
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors/handshake.json")).unwrap()
}

type Outcome<T> = Result<Option<(T, usize)>, Error>;

/// Decodes after each of the lengths that the input grows through, until there is an outcome.
fn grow<T>(
    input: &[u8],
    lengths: impl IntoIterator<Item = usize>,
    decode: impl Fn(&[u8], &mut HeadSearch) -> Outcome<T>,
) -> Outcome<T> {
    let mut search = HeadSearch::default();
    lengths
        .into_iter()
        .map(|length| decode(&input[..length], &mut search))
        .find(|outcome| !matches!(outcome, Ok(None)))
        .unwrap_or(Ok(None))
}

/// The outcome, which is the same whole, byte by byte, cut in two everywhere, and with a frame
/// behind the head. A head that is accepted is not accepted before its last byte.
fn assert_split_invariant<T: Clone + Debug + PartialEq>(
    head: &[u8],
    decode: impl Fn(&[u8], &mut HeadSearch) -> Outcome<T>,
) -> Outcome<T> {
    let whole = grow(head, [head.len()], &decode);
    for rest in [b"", FRAME, b"\n", b"\0"] {
        let input = [head, rest].concat();
        let all = input.len();
        // What is behind a head makes no difference, unless there was no head yet.
        let whole = match &whole {
            Ok(None) => grow(&input, [all], &decode),
            decided => decided.clone(),
        };
        assert_eq!(grow(&input, [all], &decode), whole, "followed by {rest:?}");
        assert_eq!(grow(&input, 0..=all, &decode), whole, "byte by byte");
        for cut in 0..=all {
            assert_eq!(grow(&input, [cut, all], &decode), whole, "cut at {cut}");
        }
    }
    if let Ok(Some((_, used))) = whole {
        assert_eq!(used, head.len());
        for length in 0..used {
            assert_eq!(grow(head, [length], &decode), Ok(None), "{length} bytes");
        }
    }
    whole
}

fn offering(protocols: &[String]) -> Request {
    let request = Request::new("example.com", "/chat", NONCE).unwrap();
    protocols.iter().try_fold(request, |request, one| request.with_protocol(one)).unwrap()
}

fn assert_error(error: Error, vector: &Vector, head: &[u8]) {
    let Expect::Error { error: rule, status, at } = &vector.expect else {
        panic!("refused with {error:?}");
    };
    assert_eq!(&name(error.rule()), rule);
    if let Some(status) = status {
        assert_eq!(error.rule().http_status(), *status);
        assert_eq!(error.response().status(), *status);
    }
    let offset = usize::try_from(error.offset()).unwrap();
    match at.as_deref() {
        Some("end") => assert_eq!(offset, head.len()),
        Some(at) => assert!(head[offset..].starts_with(at.as_bytes()), "at byte {offset}"),
        None => assert!(offset <= head.len()),
    }
}

#[test]
fn s4_2_1_requests_of_the_vectors() {
    for vector in vectors().iter().filter(|vector| vector.role == Role::Server) {
        println!("{} ({})", vector.name, vector.section);
        let head = vector.head.bytes();
        match assert_split_invariant(&head, Request::decode) {
            Err(error) => assert_error(error, vector, &head),
            Ok(None) => panic!("not complete"),
            Ok(Some((request, _))) => {
                let Expect::Ok { ok } = &vector.expect else { panic!("accepted {request:?}") };
                assert_eq!(&Seen::from(&request), ok);
                assert_eq!(request.accept().header("sec-websocket-accept"), Some(&ACCEPT[..]));
            }
        }
    }
}

#[test]
fn s4_1_answers_of_the_vectors() {
    for vector in vectors().iter().filter(|vector| vector.role == Role::Client) {
        println!("{} ({})", vector.name, vector.section);
        let request = offering(&vector.offers);
        let head = vector.head.bytes();
        let decode =
            |input: &[u8], search: &mut HeadSearch| Answer::decode(input, &request, search);
        match (assert_split_invariant(&head, decode), &vector.expect) {
            (Err(error), _) => assert_error(error, vector, &head),
            (Ok(Some((Answer::Accepted(response), _))), Expect::Accepted { accepted }) => {
                assert_eq!(response.status(), 101);
                assert_eq!(response.protocol(), accepted.protocol.as_deref());
            }
            (Ok(Some((Answer::Refused(response), _))), Expect::Refused { refused }) => {
                assert_eq!(response.status(), refused.status);
                assert_eq!(response.protocol(), None);
            }
            (outcome, _) => panic!("{outcome:?}"),
        }
    }
}

/// What another implementation has parsed meets the same rules as the raw bytes.
#[test]
fn s4_vectors_from_parts() {
    let syntax = ["RequestLine", "StatusLine", "HeaderField"];
    let mut checked = 0;
    for vector in &vectors() {
        let Head::Lines(lines) = &vector.head else { continue };
        if matches!(&vector.expect, Expect::Error { error, .. } if syntax.contains(&&**error)) {
            continue;
        }
        println!("{} ({})", vector.name, vector.section);
        checked += 1;
        let (start_line, fields) = lines.split_first().unwrap();
        let start_line: Vec<_> = start_line.split(' ').collect();
        // Values are given as they are, with the white space around them.
        let headers = fields.iter().map(|field| {
            let (name, value) = field.split_once(':').unwrap();
            (name, value.as_bytes())
        });
        let version = |text| match text {
            "HTTP/1.0" => (1, 0),
            "HTTP/1.1" => (1, 1),
            "HTTP/2" => (2, 0),
            other => panic!("{other}"),
        };
        let head = vector.head.bytes();
        if vector.role == Role::Server {
            let [method, target, http] = start_line[..] else { panic!("{start_line:?}") };
            let raw = Request::decode(&head, &mut HeadSearch::default());
            assert_same(raw, Request::from_parts(method, target, version(http), headers));
        } else {
            let request = offering(&vector.offers);
            let raw = Answer::decode(&head, &request, &mut HeadSearch::default());
            let (http, status) = (version(start_line[0]), start_line[1].parse().unwrap());
            assert_same(raw, Answer::from_parts(status, http, headers, &request));
        }
    }
    assert!(checked > 100, "only {checked}");
}

fn assert_same<T: Debug + PartialEq>(raw: Outcome<T>, parts: Result<T, Error>) {
    if let Err(error) = &parts {
        assert_eq!(error.offset(), 0);
    }
    let raw = raw.map(|decoded| decoded.unwrap().0);
    assert_eq!(raw.map_err(|error| error.rule()), parts.map_err(|error| error.rule()));
}

/// No rule without a vector. The limits have tests of their own.
#[test]
fn s4_every_rule_has_a_vector() {
    let named = |vector: Vector| match vector.expect {
        Expect::Error { error, .. } => Some(error),
        _ => None,
    };
    let broken: BTreeSet<_> = vectors().into_iter().filter_map(named).collect();
    for rule in [
        Rule::LineTerminator,
        Rule::RequestLine,
        Rule::StatusLine,
        Rule::HeaderField,
        Rule::HttpVersion,
        Rule::Method,
        Rule::Target,
        Rule::MissingHost,
        Rule::RepeatedHost,
        Rule::InvalidHost,
        Rule::HostMismatch,
        Rule::Upgrade,
        Rule::Connection,
        Rule::Version,
        Rule::RepeatedVersion,
        Rule::MissingKey,
        Rule::RepeatedKey,
        Rule::InvalidKey,
        Rule::RepeatedOrigin,
        Rule::InvalidOrigin,
        Rule::InvalidProtocol,
        Rule::RepeatedProtocol,
        Rule::Body,
        Rule::MissingAccept,
        Rule::RepeatedAccept,
        Rule::WrongAccept,
        Rule::UnofferedExtension,
        Rule::UnofferedProtocol,
    ] {
        assert!(broken.contains(&name(rule)), "{rule:?}");
        assert!(rule.section().starts_with("RFC "), "{rule:?}");
    }
}

#[test]
fn s4_2_2_accept_key_of_the_example() {
    assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ==").as_bytes()[..], ACCEPT);
}

/// A request of exactly `length` bytes.
fn request_of(length: usize) -> Vec<u8> {
    let padded = |padding: usize| {
        let request = Request::new("example.com", "/", NONCE).unwrap();
        request.with_header("X-Padding", &"x".repeat(padding)).unwrap().encode().to_vec()
    };
    let request = padded(length - padded(0).len());
    assert_eq!(request.len(), length);
    request
}

#[test]
fn limit_of_the_head() {
    assert_eq!(Limits::default().max_head, 16 * 1024);
    for limit in [400, Limits::default().max_head] {
        let limits = Limits::default().max_head(limit);
        for length in [limit - 1, limit] {
            let input = [&request_of(length), FRAME].concat();
            let outcome = Request::decode(&input, &mut HeadSearch::new(limits));
            assert_eq!(outcome.unwrap().unwrap().1, length, "bytes behind the head do not count");
        }
        let over = request_of(limit + 1);
        let expected = Request::decode(&over, &mut HeadSearch::new(limits)).unwrap_err();
        assert_eq!(expected.rule(), Rule::HeadTooLarge { limit });
        assert_eq!(expected.offset(), limit as u64);
        assert_eq!(expected.response().status(), 431);

        // A head that never ends fails at the same byte, however it comes.
        let endless = b"GET / HTTP/1.1\r\nX: ".iter().copied().chain(std::iter::repeat(b'x'));
        let endless: Vec<u8> = endless.take(limit + 1).collect();
        let mut search = HeadSearch::new(limits);
        for length in 0..=limit {
            assert_eq!(Request::decode(&endless[..length], &mut search), Ok(None));
        }
        assert_eq!(Request::decode(&endless, &mut search), Err(expected));
    }
}

#[test]
fn limit_of_the_headers() {
    assert_eq!(Limits::default().max_headers, 100);
    for limit in [10, Limits::default().max_headers] {
        let limits = Limits::default().max_headers(limit);
        let with_headers = |count: usize| {
            let request = Request::new("example.com", "/", NONCE).unwrap();
            let own = request.headers().count();
            let add = |request: Request, _| request.with_header("X", "y").unwrap();
            (own..count).fold(request, add).encode()
        };
        for count in [limit - 1, limit] {
            let input = with_headers(count);
            let outcome = Request::decode(&input, &mut HeadSearch::new(limits));
            assert_eq!(outcome.unwrap().unwrap().0.headers().count(), count);
        }
        // Refused at the line's end already, and named by the line's start.
        let over = with_headers(limit + 1);
        let over = over.strip_suffix(b"\r\n").unwrap();
        let error = Request::decode(over, &mut HeadSearch::new(limits)).unwrap_err();
        assert_eq!(error.rule(), Rule::TooManyHeaders { limit });
        assert_eq!(error.offset(), over.len() as u64 - 6);
        assert_eq!(error.response().status(), 431);
    }
}

/// RFC 9110 §15.2: any number of interim answers may come, and the limit stands for all.
#[test]
fn limit_of_interim_answers() {
    let request = offering(&[]);
    let endless = b"HTTP/1.1 102 \r\n\r\n".repeat(2000);
    let decode = |input: &[u8], search: &mut HeadSearch| Answer::decode(input, &request, search);
    let limit = Limits::default().max_head;
    for lengths in [(0..=endless.len()).collect::<Vec<_>>(), vec![endless.len()]] {
        let error = grow(&endless, lengths, decode).unwrap_err();
        assert_eq!(error.rule(), Rule::HeadTooLarge { limit });
        assert_eq!(error.offset(), limit as u64);
    }
}

/// CVE-2023-43669: the work is linear in the bytes received. What has been looked at is not looked
/// at again, which shows when it is replaced by what would be refused.
#[test]
fn s4_the_search_does_not_go_back() {
    let head = request_of(2000);
    let mut search = HeadSearch::default();
    for length in 0..head.len() {
        let mut input = vec![b'\n'; length];
        let news = length.saturating_sub(1);
        input[news..].copy_from_slice(&head[news..length]);
        assert_eq!(Request::decode(&input, &mut search), Ok(None), "{length} bytes");
    }
    let (request, used) = Request::decode(&head, &mut search).unwrap().unwrap();
    assert_eq!((request.host(), used), ("example.com", head.len()));
}

/// Thousands of subprotocols fit in a head; the check that each is unique must not compare all
/// with all. (Quadratic, this takes minutes.)
#[test]
fn s4_1_many_subprotocols() {
    let protocols = (0..100_000).map(|number| format!("{number}")).collect::<Vec<_>>().join(",");
    let request = offering(&[]);
    let headers = request.headers().chain([("Sec-WebSocket-Protocol", protocols.as_bytes())]);
    let request = Request::from_parts("GET", "/", (1, 1), headers).unwrap();
    assert_eq!(request.protocols().count(), 100_000);
}

/// One search decodes a second head when the first has been taken off the input.
#[test]
fn s4_the_search_is_as_new_after_a_head() {
    let request = offering(&[]);
    let wire = request.encode();
    let reply = [b"HTTP/1.1 100 \r\n\r\n", &request.accept().encode()[..]].concat();
    let mut search = HeadSearch::default();
    for _ in 0..2 {
        assert_eq!(Request::decode(&wire[..30], &mut search), Ok(None));
        assert_eq!(Request::decode(&wire, &mut search).unwrap().unwrap().1, wire.len());
        assert_eq!(Answer::decode(&reply[..30], &request, &mut search), Ok(None));
        let (_, used) = Answer::decode(&reply, &request, &mut search).unwrap().unwrap();
        assert_eq!(used, reply.len());
    }
}

#[test]
fn s4_1_request_as_in_the_example() {
    let request = Request::new("server.example.com", "/chat", NONCE)
        .and_then(|request| request.with_origin("http://example.com"))
        .and_then(|request| request.with_protocol("chat"))
        .and_then(|request| request.with_protocol("superchat"))
        .and_then(|request| request.with_header("Cookie", "a=1"))
        .unwrap();
    let expected = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\nOrigin: http://example.com\r\n\
        Sec-WebSocket-Protocol: chat, superchat\r\nCookie: a=1\r\n\r\n";
    assert_eq!(str::from_utf8(&request.encode()).unwrap(), expected);
}

#[test]
fn s4_2_2_answer_as_in_the_example() {
    let request = offering(&["chat".into(), "superchat".into()]);
    let answer = request.accept_protocol("chat").unwrap().with_header("Set-Cookie", "a=1").unwrap();
    let expected = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Protocol: chat\r\nSet-Cookie: a=1\r\n\r\n";
    assert_eq!(str::from_utf8(&answer.encode()).unwrap(), expected);
    assert_eq!(request.accept().header("Sec-WebSocket-Protocol"), None);
    for other in ["soap", "Chat", "chat, superchat", ""] {
        assert_eq!(request.accept_protocol(other), Err(BuildError::UnofferedProtocol));
    }
}

#[test]
fn s4_2_2_refusals() {
    let refusal = |lines: &str, change: (&str, &str)| {
        let wire = String::from_utf8(offering(&[]).encode().to_vec()).unwrap();
        let wire = wire.replacen(change.0, change.1, 1);
        let error = Request::decode(wire.as_bytes(), &mut HeadSearch::default()).unwrap_err();
        let end = "Connection: close\r\nContent-Length: 0\r\n\r\n";
        let expected = format!("{}\r\n{end}", lines.replace('\n', "\r\n"));
        assert_eq!(str::from_utf8(&error.response().encode()).unwrap(), expected);
    };
    let upgrade = "HTTP/1.1 426 Upgrade Required\nUpgrade: websocket\nConnection: Upgrade\n\
        Sec-WebSocket-Version: 13";
    refusal(upgrade, ("Version: 13", "Version: 8"));
    refusal(upgrade, ("websocket", "h2c"));
    refusal("HTTP/1.1 405 Method Not Allowed\nAllow: GET", ("GET", "PUT"));
    refusal("HTTP/1.1 505 HTTP Version Not Supported", ("HTTP/1.1", "HTTP/1.0"));
    refusal("HTTP/1.1 400 Bad Request", ("Host:", "Most:"));

    let refusal = Response::refuse(403).unwrap().with_header("X-Why", "origin").unwrap();
    let expected = "HTTP/1.1 403 Forbidden\r\nX-Why: origin\r\n\
        Connection: close\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(str::from_utf8(&refusal.encode()).unwrap(), expected);
    for (status, valid) in [(101, false), (199, false), (200, true), (599, true), (600, false)] {
        assert_eq!(Response::refuse(status).err(), (!valid).then_some(BuildError::Status));
    }
}

/// A line break or a space of the caller's must not become another header or request.
#[test]
fn s4_1_injection_is_refused() {
    let request = offering(&["chat".into()]);
    for text in [
        "", "a b", "a/b", "a@b", ":80", "a:b", "a:1:2", "[::1", "[]", "[::1]x", "::1", "é",
        "a\r\nb", "a\0", "a#b", "a?b",
    ] {
        assert_eq!(Request::new(text, "/", NONCE), Err(BuildError::Host), "{text:?}");
    }
    for text in ["", "a", "/a b", "/#", "/é", "/\r\n", "/\t", "http://a/", "*", "/ HTTP/1.1\r\nX: "]
    {
        assert_eq!(Request::new("a", text, NONCE), Err(BuildError::Target), "{text:?}");
    }
    for text in ["\r\n", "a\r", "a\nb", "\0", "\x7f", "a\r\nX: y", " a", "a\t", " "] {
        let expected = BuildError::HeaderValue;
        assert_eq!(request.clone().with_header("X", text), Err(expected), "{text:?}");
        assert_eq!(request.accept().with_header("X", text), Err(expected), "{text:?}");
    }
    let set = request.clone().with_origin("null").unwrap();
    assert_eq!(set.with_origin("null"), Err(BuildError::HandshakeHeader));
    for text in ["", " ", "a ", "é", "a\r\nb", "a  b"] {
        assert_eq!(request.clone().with_origin(text), Err(BuildError::Origin), "{text:?}");
    }
    for text in ["", "a b", "a,b", "a/b", "é", "a\r\n", "\""] {
        assert_eq!(request.clone().with_protocol(text), Err(BuildError::Protocol), "{text:?}");
        assert_eq!(request.clone().with_header(text, ""), Err(BuildError::HeaderName), "{text:?}");
    }
    assert_eq!(request.clone().with_protocol("chat"), Err(BuildError::RepeatedProtocol));
    for name in [
        "host",
        "Origin",
        "UPGRADE",
        "connection",
        "content-length",
        "Transfer-Encoding",
        "sec-websocket-Key",
        "Sec-WebSocket-Anything",
    ] {
        let expected = BuildError::HandshakeHeader;
        assert_eq!(request.clone().with_header(name, "x"), Err(expected), "{name}");
        assert_eq!(request.accept().with_header(name, "x"), Err(expected), "{name}");
    }
}

/// Headers hold cookies and credentials, and the key is a proof: no log is the place for them.
#[test]
fn s4_debug_tells_no_secrets() {
    let request = offering(&[]).with_header("Cookie", "secret").unwrap();
    let response = request.accept().with_header("Set-Cookie", "secret").unwrap();
    let text = format!("{request:?} {response:?} {:?}", Answer::Accepted(response.clone()));
    assert!(text.contains("Cookie") && !text.contains("secret") && !text.contains("dGhl"));
}

prop_compose! {
    fn any_request()(
        host in "[a-z0-9.-]{1,20}(:[0-9]{1,5})?",
        target in "/[!-\"$-~]{0,40}",
        key in any::<[u8; 16]>(),
        origin in proptest::option::of("https?://[a-z.]{1,20}"),
        protocols in proptest::collection::btree_set("[!#$%&'*+.^_`|~0-9a-zA-Z-]{1,8}", 0..5),
        headers in proptest::collection::vec(("X-[a-zA-Z0-9]{0,8}", "([!-~é]([ -~\té]{0,20}[!-~])?)?"), 0..5),
    ) -> Request {
        let mut request = Request::new(&host, &target, key).unwrap();
        if let Some(origin) = origin {
            request = request.with_origin(&origin).unwrap();
        }
        for protocol in protocols {
            request = request.with_protocol(&protocol).unwrap();
        }
        for (name, value) in headers {
            request = request.with_header(&name, &value).unwrap();
        }
        request
    }
}

proptest! {
    #[test]
    fn s4_the_roles_understand_each_other(request in any_request(), choice in 0usize..6) {
        let wire = request.encode();
        let (seen, used) =
            Request::decode(&wire, &mut HeadSearch::default()).unwrap().unwrap();
        prop_assert_eq!(used, wire.len());
        prop_assert_eq!(&seen, &request);

        let response = match seen.protocols().nth(choice) {
            Some(protocol) => seen.accept_protocol(protocol).unwrap(),
            None => seen.accept(),
        };
        let wire = response.encode();
        let (answer, used) =
            Answer::decode(&wire, &request, &mut HeadSearch::default()).unwrap().unwrap();
        prop_assert_eq!(used, wire.len());
        prop_assert_eq!(&answer, &Answer::Accepted(response));

        let refusal = Response::refuse(401).unwrap().with_header("X", "y").unwrap().encode();
        let answer = Answer::decode(&refusal, &request, &mut HeadSearch::default());
        let (answer, used) = answer.unwrap().unwrap();
        prop_assert_eq!(used, refusal.len());
        prop_assert_eq!(answer.response().encode(), refusal);
    }

    /// The answer to one key answers no other.
    #[test]
    fn s4_1_the_answer_is_to_our_key(ours in any::<[u8; 16]>(), theirs in any::<[u8; 16]>()) {
        prop_assume!(ours != theirs);
        let request = |key| Request::new("a", "/", key).unwrap();
        let wire = request(theirs).accept().encode();
        let outcome = Answer::decode(&wire, &request(ours), &mut HeadSearch::default());
        prop_assert_eq!(outcome.unwrap_err().rule(), Rule::WrongAccept);
    }

    #[test]
    fn s4_anything_is_split_invariant(
        start_line in "(GET / HTTP/1.1\r\n|HTTP/1.1 1?03 \r\n)?",
        rest in "([A-Za-z:, \r\n\\x00-\\xff]|\r\n|: ){0,40}",
    ) {
        let (request, input) = (offering(&[]), start_line + &rest);
        let answer =
            |input: &[u8], search: &mut HeadSearch| Answer::decode(input, &request, search);
        // Whatever it is: all ways to cut it agree.
        let _ = assert_split_invariant(input.as_bytes(), Request::decode);
        let _ = assert_split_invariant(input.as_bytes(), answer);
    }
}
