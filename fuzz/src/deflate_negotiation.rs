use rtwire_permessage_deflate::negotiation::{Offer, Params, Role, Rule};
use rtwire_permessage_deflate::{Config, WindowBits};

/// The negotiation (RFC 7692 §7.1): the input is the fields of a message, with LF between them,
/// and at its end a server's configuration.
///
/// - Offers that were understood mean the same when they are written by us, and in one field.
/// - What a server agrees to keeps to the offer and to its configuration; its response is taken by
///   the client that offered, who reads the same windows or keeps to less.
/// - As a response, the input is an error or keeps to what was offered.
/// - An error is within the input.
pub fn deflate_negotiation(input: &[u8]) {
    let config = config(input);
    let fields = || input.split(|byte| *byte == b'\n');
    request(&fields().collect::<Vec<_>>(), &config, input.len());
    response(&fields().collect::<Vec<_>>(), input.len());
}

fn config(input: &[u8]) -> Config {
    let last = input.last().copied().unwrap_or(0);
    let bits = |byte: u8| WindowBits::new(8 + byte % 8).expect("from 8 to 15");
    Config::default()
        .server_no_context_takeover(last & 0x40 != 0)
        .client_no_context_takeover(last & 0x80 != 0)
        .server_max_window_bits(bits(last))
        .client_max_window_bits(bits(last >> 3))
}

fn request(fields: &[&[u8]], config: &Config, len: usize) {
    let offers = match Offer::decode(fields.iter().copied()) {
        Ok(offers) => offers,
        Err(error) => {
            assert_eq!(error.rule(), Rule::Malformed);
            assert!(error.offset() <= len as u64);
            assert_eq!(Params::negotiate(fields.iter().copied(), config), Err(error));
            return;
        }
    };
    if !offers.is_empty() {
        let request = Offer::encode(&offers);
        assert_eq!(Offer::decode([request.as_bytes()]).as_ref(), Ok(&offers));
    }
    let agreed = Params::negotiate(fields.iter().copied(), config).expect("it was decoded");
    let accepted = offers.iter().find(|offer| offer.accept(config).is_some());
    assert_eq!(agreed, accepted.and_then(|offer| offer.accept(config)));
    let (Some(agreed), Some(offer)) = (agreed, accepted) else { return };
    assert!(is_within(&agreed, offer), "{agreed:?} of {offer:?}");
    let (server, client) = (agreed.window(Role::Server), agreed.window(Role::Client));
    assert!(server.bits > WindowBits::MIN && server.bits <= config.server_max_window_bits);
    assert!(client.bits <= config.client_max_window_bits);
    assert!(!(config.server_no_context_takeover && server.context_takeover));
    assert!(!(config.client_no_context_takeover && client.context_takeover));

    let response = agreed.encode();
    let of_this = Params::from_response([response.as_bytes()], &[*offer]);
    assert_eq!(of_this, Ok(Some(agreed)), "{response}");
    let of_any = Params::from_response([response.as_bytes()], &offers);
    let of_any = of_any.expect("it was accepted").expect("it was answered");
    assert_eq!(of_any.window(Role::Server), server);
    assert!(of_any.window(Role::Client).bits <= client.bits);
}

fn response(fields: &[&[u8]], len: usize) {
    let bits = |bits| WindowBits::new(bits).expect("from 8 to 15");
    let offers = [
        Offer::default().server_max_window_bits(Some(bits(10))).server_no_context_takeover(true),
        Offer::default().client_max_window_bits(Some(Some(bits(12)))),
        Offer::default().client_max_window_bits(None),
    ];
    match Params::from_response(fields.iter().copied(), &offers) {
        Ok(None) => {}
        Ok(Some(params)) => assert!(offers.iter().any(|offer| is_within(&params, offer))),
        Err(error) => assert!(error.offset() <= len as u64),
    }
}

/// Whether what was agreed is what was offered, or less.
fn is_within(agreed: &Params, offer: &Offer) -> bool {
    let (server, client) = (agreed.window(Role::Server), agreed.window(Role::Client));
    offer.server_max_window_bits.is_none_or(|offered| server.bits <= offered)
        && !(offer.server_no_context_takeover && server.context_takeover)
        && !(offer.client_no_context_takeover && client.context_takeover)
        && match offer.client_max_window_bits {
            None => agreed.client_max_window_bits.is_none(),
            Some(hint) => hint.is_none_or(|hint| client.bits <= hint),
        }
}
