//! The extension negotiation (RFC 7692 §5, §7.1; RFC 6455 §9.1), from `vectors/negotiation.json`.

use rtwire_permessage_deflate::negotiation::{Error, Offer, Params, Role, Rule};
use rtwire_permessage_deflate::{Config, Window, WindowBits};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    requests: Vec<Request>,
    responses: Vec<Response>,
}

#[derive(Deserialize)]
struct Request {
    name: String,
    fields: Vec<String>,
    #[serde(default)]
    config: Wanted,
    response: Option<String>,
    error: Option<Expected>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    client_max_window_bits: Option<u8>,
}

#[derive(Deserialize)]
struct Response {
    name: String,
    offers: String,
    fields: Vec<String>,
    client: Option<(u8, bool)>,
    server: Option<(u8, bool)>,
    error: Option<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    rule: String,
    offset: u64,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("vectors/negotiation.json")).expect("vectors")
}

fn bits(bits: u8) -> WindowBits {
    WindowBits::new(bits).expect("from 8 to 15")
}

/// A server or client that leaves everything open.
fn open() -> Config {
    Config::default().server_no_context_takeover(false).client_no_context_takeover(false)
}

fn as_bytes(fields: &[String]) -> impl Iterator<Item = &[u8]> {
    fields.iter().map(String::as_bytes)
}

fn assert_error(name: &str, error: Error, expected: &Expected) {
    let seen = (format!("{:?}", error.rule()), error.offset());
    assert_eq!(seen, (expected.rule.clone(), expected.offset), "{name}");
}

#[test]
fn s7_1_requests() {
    for case in vectors().requests {
        let wanted = case.config;
        let config = open()
            .server_no_context_takeover(wanted.server_no_context_takeover)
            .client_no_context_takeover(wanted.client_no_context_takeover)
            .server_max_window_bits(bits(wanted.server_max_window_bits.unwrap_or(15)))
            .client_max_window_bits(bits(wanted.client_max_window_bits.unwrap_or(15)));
        match (Params::negotiate(as_bytes(&case.fields), &config), &case.error) {
            (Ok(agreed), None) => {
                assert_eq!(agreed.map(|params| params.encode()), case.response, "{}", case.name);
            }
            (Err(error), Some(expected)) => {
                assert_error(&case.name, error, expected);
                assert_eq!(error.rule().http_status(), 400);
            }
            (seen, _) => panic!("{}: {seen:?}", case.name),
        }
    }
}

/// What one field says, its elements say in fields of their own.
#[test]
fn s9_1_a_list_may_be_split_over_fields() {
    for case in vectors().requests.iter().filter(|case| case.error.is_none()) {
        let [field] = &case.fields[..] else { continue };
        if field.contains('"') {
            continue;
        }
        let split: Vec<String> = field
            .split(',')
            .filter(|element| !element.trim_matches([' ', '\t']).is_empty())
            .map(str::to_owned)
            .collect();
        assert_eq!(Offer::decode(as_bytes(&split)), Offer::decode([field.as_bytes()]), "{field}");
    }
}

#[test]
fn s7_1_responses() {
    for case in vectors().responses {
        let offers = Offer::decode([case.offers.as_bytes()]).unwrap();
        assert_eq!(Offer::encode(&offers), case.offers, "{}", case.name);
        match (Params::from_response(as_bytes(&case.fields), &offers), &case.error) {
            (Ok(params), None) => {
                let window = |role| {
                    let Window { bits, context_takeover } = params?.window(role);
                    Some((bits.get(), context_takeover))
                };
                let seen = (window(Role::Client), window(Role::Server));
                assert_eq!(seen, (case.client, case.server), "{}", case.name);
            }
            (Err(error), Some(expected)) => {
                assert_error(&case.name, error, expected);
                let status = if error.rule() == Rule::Malformed { 400 } else { 502 };
                assert_eq!(error.rule().http_status(), status);
            }
            (seen, _) => panic!("{}: {seen:?}", case.name),
        }
    }
}

#[test]
fn s5_1_an_answer_to_no_offer() {
    let error = Params::from_response([&b"permessage-deflate"[..]], &[]).unwrap_err();
    assert_eq!(error.rule(), Rule::UnofferedExtension);
}

/// §7.1.3: offers in order of preference, from a configuration.
#[test]
fn s7_1_3_offers_of_a_configuration() {
    let config =
        Config::default().server_max_window_bits(bits(10)).client_max_window_bits(bits(11));
    let offers = [Offer::from(&config), Offer::from(&open())];
    assert_eq!(
        Offer::encode(&offers),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         server_max_window_bits=10; client_max_window_bits=11, \
         permessage-deflate; client_max_window_bits"
    );
    assert_eq!(Offer::from(&open()), Offer::default());
    assert_eq!(Offer::encode(&[]), "");
}

/// Bytes of any kind are an error, not a panic; none of them is looked at twice.
#[test]
fn s9_1_any_byte_anywhere() {
    let field = b"foo; a=\"b\\c\", permessage-deflate; server_max_window_bits=10";
    for index in 0..=field.len() {
        for byte in 0..=u8::MAX {
            let mut changed = field.to_vec();
            changed.insert(index, byte);
            let result = Params::negotiate([&changed[..]], &Config::default());
            if let Err(error) = result {
                assert!(error.offset() <= changed.len() as u64);
            }
        }
    }
}

#[test]
fn s7_1_2_window_bits() {
    let valid: Vec<u8> = (0..=u8::MAX).filter(|bits| WindowBits::new(*bits).is_some()).collect();
    assert_eq!(valid, [8, 9, 10, 11, 12, 13, 14, 15]);
    assert!(WindowBits::MIN < WindowBits::MAX);
    assert_eq!(bits(9).to_string(), "9");
}

#[test]
fn s6_the_threshold_is_advice() {
    let config = Config::default();
    assert_eq!([1023, 1024, 1025].map(|len| config.should_compress(len)), [false, true, true]);
    assert!(config.threshold(0).should_compress(0));
    assert_eq!((config.level(200).level, config.memory_level(0).memory_level), (9, 1));
}

#[test]
fn s7_1_each_rule_has_its_section() {
    for (rule, section) in [
        (Rule::Malformed, "RFC 6455 §9.1"),
        (Rule::UnofferedExtension, "RFC 6455 §4.1"),
        (Rule::RepeatedExtension, "RFC 7692 §5.1"),
        (Rule::UnknownParameter, "RFC 7692 §7.1"),
        (Rule::RepeatedParameter, "RFC 7692 §7.1"),
        (Rule::InvalidValue, "RFC 7692 §7.1"),
        (Rule::UnofferedClientMaxWindowBits, "RFC 7692 §7.1.2.2"),
        (Rule::ClientMaxWindowBitsTooLarge, "RFC 7692 §7.1.2.2"),
        (Rule::ServerMaxWindowBits, "RFC 7692 §7.1.2.1"),
        (Rule::ServerNoContextTakeover, "RFC 7692 §7.1.1.1"),
    ] {
        assert_eq!(rule.section(), section);
    }
}
