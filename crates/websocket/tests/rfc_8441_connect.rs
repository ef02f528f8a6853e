//! The opening handshake in HTTP/2 (RFC 8441) and HTTP/3 (RFC 9220): vectors, and the two roles against
//! each other.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod handshake_vectors;

use std::collections::BTreeSet;

use handshake_vectors::{Chosen, Role, Seen, Status, name};
use proptest::prelude::*;
use rtwire_websocket::handshake::{Answer, BuildError, Error, HeadSearch, Request, Response, Rule};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    section: String,
    role: Role,
    #[serde(default)]
    offers: Vec<String>,
    fields: Vec<(String, String)>,
    expect: Expect,
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
    /// A server's `answer` is complete, with its `:status`.
    Error {
        error: String,
        answer: Option<Vec<(String, String)>>,
    },
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors/connect.json")).unwrap()
}

fn bytes(fields: &[(String, String)]) -> impl Iterator<Item = (&str, &[u8])> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

fn offering(protocols: &[&str]) -> Request {
    let request = Request::connect("https", "example.com", "/chat").unwrap();
    protocols.iter().try_fold(request, |request, one| request.with_protocol(one)).unwrap()
}

fn sent(request: &Request) -> Result<Request, Error> {
    Request::from_connect(request.pseudo_headers().chain(request.headers()))
}

fn answered(response: &Response, request: &Request) -> Result<Answer, Error> {
    Answer::from_parts(response.status(), (2, 0), response.headers(), request)
}

/// The answer as fields, which are such that HTTP/2 has.
fn as_fields(response: &Response) -> Vec<(String, String)> {
    let status = (":status".to_owned(), response.status().to_string());
    let field = |(name, value): (&str, &[u8])| {
        assert_eq!(name, name.to_ascii_lowercase(), "RFC 9113 §8.2.1");
        assert!(!["connection", "upgrade"].contains(&name), "RFC 9113 §8.2.2");
        (name.to_owned(), str::from_utf8(value).unwrap().to_owned())
    };
    [status].into_iter().chain(response.headers().map(field)).collect()
}

#[test]
fn s5_requests_of_the_vectors() {
    for vector in vectors().iter().filter(|vector| vector.role == Role::Server) {
        println!("{} ({})", vector.name, vector.section);
        match (Request::from_connect(bytes(&vector.fields)), &vector.expect) {
            (Ok(request), Expect::Ok { ok }) => {
                assert_eq!(&Seen::from(&request), ok);
                assert_eq!(as_fields(&request.accept()), [(":status".into(), "200".into())]);
            }
            (Err(error), Expect::Error { error: rule, answer: Some(answer) }) => {
                assert_eq!((&name(error.rule()), error.offset()), (rule, 0));
                assert_eq!(&as_fields(&error.response()), answer);
            }
            (outcome, _) => panic!("{outcome:?}"),
        }
    }
}

#[test]
fn s5_answers_of_the_vectors() {
    for vector in vectors().iter().filter(|vector| vector.role == Role::Client) {
        println!("{} ({})", vector.name, vector.section);
        let offers: Vec<_> = vector.offers.iter().map(String::as_str).collect();
        let [(_, status), fields @ ..] = &vector.fields[..] else { panic!("no status") };
        let status = status.parse().unwrap();
        for version in [(2, 0), (3, 0)] {
            let request = offering(&offers);
            let answer = Answer::from_parts(status, version, bytes(fields), &request);
            match (answer, &vector.expect) {
                (Ok(Answer::Accepted(response)), Expect::Accepted { accepted }) => {
                    assert_eq!(response.status(), status);
                    assert_eq!(response.protocol(), accepted.protocol.as_deref());
                }
                (Ok(Answer::Refused(response)), Expect::Refused { refused }) => {
                    assert_eq!(response.status(), refused.status);
                    assert_eq!(response.protocol(), None);
                }
                (Err(error), Expect::Error { error: rule, .. }) => {
                    assert_eq!(&name(error.rule()), rule);
                }
                (outcome, _) => panic!("{outcome:?}"),
            }
        }
    }
}

/// No rule of HTTP/2 without a vector.
#[test]
fn every_rule_has_a_vector() {
    let named = |vector: Vector| match vector.expect {
        Expect::Error { error, .. } => Some(error),
        _ => None,
    };
    let broken: BTreeSet<_> = vectors().into_iter().filter_map(named).collect();
    for rule in [
        Rule::PseudoHeader,
        Rule::ConnectMethod,
        Rule::ConnectProtocol,
        Rule::Scheme,
        Rule::Authority,
        Rule::Target,
        Rule::ConnectionSpecific,
        Rule::RepeatedHost,
        Rule::HostMismatch,
        Rule::Version,
        Rule::RepeatedVersion,
        Rule::RepeatedOrigin,
        Rule::InvalidOrigin,
        Rule::InvalidProtocol,
        Rule::RepeatedProtocol,
        Rule::Body,
        Rule::HttpVersion,
        Rule::UnofferedExtension,
        Rule::UnofferedProtocol,
    ] {
        assert!(broken.contains(&name(rule)), "{rule:?}");
        assert!(rule.section().starts_with("RFC "), "{rule:?}");
    }
}

#[test]
fn s5_1_the_servers_answer_of_the_example() {
    let request = offering(&["chat", "superchat"]);
    let response = request.accept_protocol("chat").unwrap().with_header("Set-Cookie", "a=1");
    let expected = [(":status", "200"), ("sec-websocket-protocol", "chat"), ("set-cookie", "a=1")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(as_fields(&response.unwrap()), expected);
    assert_eq!(request.accept_protocol("soap"), Err(BuildError::UnofferedProtocol));
}

/// HTTP/2 "requires they be encoded as lowercase".
#[test]
fn s5_names_are_in_lower_case() {
    let request = offering(&["chat"]).with_origin("null").unwrap();
    let request = request.with_header("X-Any", "Any").unwrap();
    let names: Vec<_> = request.headers().map(|(name, _)| name).collect();
    assert_eq!(names, ["sec-websocket-version", "sec-websocket-protocol", "origin", "x-any"]);
    assert_eq!(request.header("X-ANY"), Some(&b"Any"[..]));

    let refusal = request.refuse(401).unwrap().with_header("WWW-Authenticate", "Basic").unwrap();
    assert_eq!(as_fields(&refusal)[1], ("www-authenticate".into(), "Basic".into()));
    let error = Request::from_connect([]).unwrap_err();
    let refusal = error.response().with_header("X-Why", "").unwrap();
    assert_eq!(as_fields(&refusal)[1].0, "x-why");
}

/// RFC 9110 §9.3.6: what the server means as a refusal must not be a 2xx.
#[test]
fn s5_refusals() {
    let request = offering(&[]);
    for (status, valid) in [
        (101, false),
        (199, false),
        (200, false),
        (299, false),
        (300, true),
        (599, true),
        (600, false),
    ] {
        let refusal = request.refuse(status);
        assert_eq!(refusal.as_ref().err(), (!valid).then_some(&BuildError::Status), "{status}");
        if let Ok(refusal) = refusal {
            assert_eq!(answered(&refusal, &request), Ok(Answer::Refused(refusal)));
        }
    }
    let upgrade = Request::new("example.com", "/", [7; 16]).unwrap();
    assert_eq!(upgrade.refuse(200), Response::refuse(200));
    assert_eq!(upgrade.refuse(101), Err(BuildError::Status));
}

#[test]
fn s5_what_has_no_place_in_http_2_is_refused() {
    for scheme in ["", "ws", "wss", "ftp", "https:"] {
        assert_eq!(Request::connect(scheme, "a", "/"), Err(BuildError::Scheme), "{scheme}");
    }
    assert_eq!(Request::connect("https", "a/b", "/"), Err(BuildError::Host));
    assert_eq!(Request::connect("https", "a", "b"), Err(BuildError::Target));

    let request = offering(&[]);
    for (name, value) in [
        ("Host", "a"),
        ("Connection", "close"),
        ("Keep-Alive", "timeout=5"),
        ("proxy-connection", "close"),
        ("Upgrade", "h2c"),
        ("Transfer-Encoding", "chunked"),
        ("TE", "gzip"),
        ("Sec-WebSocket-Key", "x"),
    ] {
        let expected = BuildError::HandshakeHeader;
        assert_eq!(request.clone().with_header(name, value), Err(expected), "{name}");
        assert_eq!(request.accept().with_header(name, value), Err(expected), "{name}");
    }
    assert_eq!(request.clone().with_header(":path", "/"), Err(BuildError::HeaderName));
    assert!(request.with_header("TE", "trailers").is_ok());
}

/// A request of one HTTP is none of the other's.
#[test]
fn s5_the_forms_of_http_are_apart() {
    let (connect, upgrade) =
        (offering(&[]), Request::new("example.com", "/chat", [7; 16]).unwrap());
    assert!(connect.encode().is_empty());
    assert_eq!(upgrade.pseudo_headers().count(), 0);
    assert_eq!(sent(&upgrade).unwrap_err().rule(), Rule::PseudoHeader);

    // An answer of HTTP/1.1 to an extended CONNECT, and the other way round.
    let wire = upgrade.accept().encode();
    let error = Answer::decode(&wire, &connect, &mut HeadSearch::default()).unwrap_err();
    assert_eq!(error.rule(), Rule::HttpVersion);
    let error = Answer::from_parts(200, (1, 1), [], &connect).unwrap_err();
    assert_eq!(error.rule(), Rule::HttpVersion);
    let answer = answered(&connect.accept(), &upgrade).unwrap();
    assert!(matches!(answer, Answer::Refused(_)), "a 200 switches nothing in HTTP/1.1");
}

#[test]
fn debug_tells_no_secrets() {
    let request = Request::connect("https", "example.com", "/secret").unwrap();
    let request = request.with_header("Cookie", "secret").unwrap();
    let text = format!("{request:?}");
    assert!(text.contains("cookie") && !text.contains("secret"), "{text}");
}

/// RFC 8441 §5: extensions are used "in the same way".
#[cfg(feature = "deflate")]
mod deflate {
    use rtwire_permessage_deflate::{Config, negotiation};

    use super::*;

    #[test]
    fn s5_compression_is_agreed_to() {
        let request = offering(&[]).with_deflate(Config::default());
        let seen = sent(&request).unwrap();
        let response = seen.accept().with_deflate(&seen, Config::default()).unwrap();
        assert!(response.deflate().is_some());
        assert_eq!(as_fields(&response)[1].0, "sec-websocket-extensions");
        let Ok(Answer::Accepted(answer)) = answered(&response, &request) else { panic!() };
        assert_eq!(answer.deflate(), response.deflate());

        // Who did not offer it does not get it; and a refusal agrees to nothing.
        let error = answered(&response, &offering(&[])).unwrap_err();
        assert_eq!(error.rule(), Rule::UnofferedExtension);
        let refusal = seen.refuse(403).unwrap().with_deflate(&seen, Config::default()).unwrap();
        assert_eq!((refusal.deflate(), refusal.headers().count()), (None, 0));
    }

    #[test]
    fn s5_malformed_offers_are_answered_in_http_2() {
        let request = offering(&[]);
        let offers = [("sec-websocket-extensions", &b"permessage-deflate; ="[..])];
        let fields = request.pseudo_headers().chain(request.headers()).chain(offers);
        let seen = Request::from_connect(fields).unwrap();
        let error = seen.accept().with_deflate(&seen, Config::default()).unwrap_err();
        assert!(matches!(error.rule(), Rule::Deflate(negotiation::Rule::Malformed)), "{error:?}");
        let response = error.response().with_header("X-Why", "").unwrap();
        assert_eq!(as_fields(&response)[0].1, "400");
    }
}

prop_compose! {
    fn any_request()(
        scheme in "https?",
        host in "[a-z0-9.-]{1,20}(:[0-9]{1,5})?",
        target in "/[!-\"$-~]{0,40}",
        origin in proptest::option::of("https?://[a-z.]{1,20}"),
        protocols in proptest::collection::btree_set("[!#$%&'*+.^_`|~0-9a-zA-Z-]{1,8}", 0..5),
        headers in proptest::collection::vec(("X-[a-zA-Z0-9]{0,8}", "([!-~é]([ -~\té]{0,20}[!-~])?)?"), 0..5),
    ) -> Request {
        let mut request = Request::connect(&scheme, &host, &target).unwrap();
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

/// Names and values that come near to being a request.
fn any_fields() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = "(:method|:protocol|:scheme|:authority|:path|host|origin|connection|te|\
        sec-websocket-(version|protocol|key)|:?[a-zA-Z]{0,3})";
    let value = "(CONNECT|websocket|https|example.com|/|13|trailers|[ -~]{0,5})";
    proptest::collection::vec((name, value), 0..4)
}

proptest! {
    #[test]
    fn s5_the_roles_understand_each_other(request in any_request(), choice in 0usize..6) {
        let seen = sent(&request).unwrap();
        prop_assert_eq!(&seen, &request);
        let response = match seen.protocols().nth(choice) {
            Some(protocol) => seen.accept_protocol(protocol).unwrap(),
            None => seen.accept(),
        };
        prop_assert_eq!(answered(&response, &request), Ok(Answer::Accepted(response)));
        let refusal = seen.refuse(401).unwrap().with_header("X", "y").unwrap();
        prop_assert_eq!(answered(&refusal, &request), Ok(Answer::Refused(refusal)));
    }

    /// One field more, less or in the place of another: what is taken can be passed on, and is then
    /// taken for the same; what is refused has an answer that HTTP/2 can carry.
    #[test]
    fn s5_what_is_taken_is_the_same_when_passed_on(
        request in any_request(), fields in any_fields(), at in 0usize..9, removed in 0usize..3,
    ) {
        let own = |(name, value): (&str, &[u8])| {
            (name.to_owned(), String::from_utf8(value.to_vec()).unwrap())
        };
        let mut all: Vec<_> =
            request.pseudo_headers().chain(request.headers()).map(own).collect();
        let at = at.min(all.len());
        all.splice(at..(at + removed).min(all.len()), fields);
        match Request::from_connect(bytes(&all)) {
            Ok(seen) => prop_assert_eq!(sent(&seen), Ok(seen)),
            Err(error) => {
                let answer = as_fields(&error.response());
                prop_assert!(answer[0].1.as_str() >= "400", "{:?}", answer);
            }
        }
    }
}
