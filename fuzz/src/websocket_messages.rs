use bytes::Buf;
use rtwire_permessage_deflate::{Config, negotiation::Offer};
use rtwire_websocket::{
    CloseCode, CloseReason, Connection, Deflate, Event, Limits, Message, PreparedMessage, Role,
};

/// Compression of all messages, with or without context takeover.
pub(crate) fn deflate(takeover: bool) -> Deflate {
    let config = Config::default()
        .server_no_context_takeover(!takeover)
        .client_no_context_takeover(!takeover)
        .threshold(0);
    let params = Offer::from(&config).accept(&config).expect("what it offers itself");
    Deflate { params, config }
}

/// Two ends of a connection. The input is a script: what is said, and how it is cut on the way.
///
/// - What one end sends the other receives, in order, whichever way it is sent and cut.
/// - The echo of it comes back, and each Ping is answered with its payload.
/// - The closing handshake ends both, with the reason that was given.
///
/// All that also with compression (RFC 7692), with and without context takeover.
pub fn websocket_messages(input: &[u8]) {
    for deflate in [None, Some(deflate(false)), Some(deflate(true))] {
        exchange(input, deflate);
    }
}

fn exchange(input: &[u8], deflate: Option<Deflate>) {
    let mut script = input;
    let limits = Limits::default().max_output(usize::MAX);
    let client = Role::Client { masking_key: || [0x37, 0xFA, 0x21, 0x3D] };
    let mut client = Connection::new(client, limits).with_deflate(deflate);
    let mut server = Connection::new(Role::Server, limits).with_deflate(deflate);

    let reason = CloseReason { code: CloseCode::new(4000), reason: "done".into() };
    let mut received = Vec::new();
    let mut echo = |server: &mut Connection, event: Event<'_>| match event {
        Event::Ping(payload) => received.push(('p', payload.to_vec())),
        Event::Close(closed) => assert_eq!(closed, reason),
        event => {
            let message = event.into_message().expect("no Pong was sent");
            received.push((kind(&message), message.as_bytes().to_vec()));
            server.send(message).expect("the Close frame comes last");
        }
    };

    let mut sent = Vec::new();
    while let Some(said) = Said::next(&mut script)
        && sent.len() < 32
    {
        said.send(&mut client);
        sent.push(said.kind_and_bytes());
        // Now and then what was said goes on its way before the rest.
        if sent.len() % 3 == 0 {
            deliver(&mut client, &mut server, input, &mut echo);
        }
    }
    client.close(&reason).expect("it may be sent");
    deliver(&mut client, &mut server, input, &mut echo);
    assert_eq!(received, sent);
    assert_eq!(server.close_reason(), Some(&reason));

    let mut echoed = Vec::new();
    deliver(&mut server, &mut client, input, &mut |_, event| match event {
        Event::Pong(payload) => echoed.push(('p', payload.to_vec())),
        Event::Ping(_) => panic!("the server sends none"),
        Event::Close(closed) => assert_eq!(closed.code, reason.code),
        event => {
            let message = event.into_message().expect("text or binary");
            echoed.push((kind(&message), message.as_bytes().to_vec()));
        }
    });
    assert_eq!(echoed, sent);
    assert_eq!(client.close_reason().map(|closed| closed.code), Some(reason.code));
}

/// One step of the script: a byte for the way to send, two for a length, and the payload.
enum Said {
    Message { way: u8, message: Message },
    Ping(Vec<u8>),
}

impl Said {
    fn next(script: &mut &[u8]) -> Option<Self> {
        let (&[way, high, low], rest) = script.split_first_chunk()?;
        let len = usize::from(u16::from_be_bytes([high, low]));
        let (seed, rest) = rest.split_at(len.min(rest.len()));
        *script = rest;
        if way & 0x0C == 0x0C {
            return Some(Self::Ping(seed[..seed.len().min(125)].to_vec()));
        }
        // A short script may say much: the payload is repeated up to the length.
        let bytes: Vec<u8> = match way & 0x10 {
            0 => seed.to_vec(),
            _ => seed.iter().copied().cycle().take(len).collect(),
        };
        let message = match way & 1 {
            0 => Message::from(bytes),
            _ => Message::from(String::from_utf8_lossy(&bytes).into_owned()),
        };
        Some(Self::Message { way: way >> 1 & 3, message })
    }

    fn send(&self, end: &mut Connection) {
        let sent = match self {
            Self::Ping(payload) => end.send_ping(payload),
            Self::Message { way: 1, message } => end.send(message.clone()),
            Self::Message { way: 2, message } => {
                end.send_prepared(&PreparedMessage::new(message.clone()))
            }
            Self::Message { message: Message::Text(text), .. } => end.send_text(text),
            Self::Message { message: Message::Binary(bytes), .. } => end.send_binary(bytes),
        };
        sent.expect("an open connection with room");
    }

    fn kind_and_bytes(&self) -> (char, Vec<u8>) {
        match self {
            Self::Ping(payload) => ('p', payload.clone()),
            Self::Message { message, .. } => (kind(message), message.as_bytes().to_vec()),
        }
    }
}

fn kind(message: &Message) -> char {
    match message {
        Message::Text(_) => 't',
        Message::Binary(_) => 'b',
    }
}

/// Moves the output of one end to the other, in writes and reads of the script's choice.
fn deliver(
    from: &mut Connection,
    to: &mut Connection,
    script: &[u8],
    heard: &mut dyn FnMut(&mut Connection, Event<'_>),
) {
    let mut lengths = script.iter().rev().map(|&byte| usize::from(byte)).cycle();
    while from.output().has_remaining() {
        // Squared, so that also large payloads are cut into few.
        let len = lengths.next().map_or(1, |byte| byte * byte + 1);
        let output = from.output();
        let chunk = output.chunk();
        let mut wire = chunk[..chunk.len().min(len)].to_vec();
        output.advance(wire.len());
        let mut input = &mut wire[..];
        while let Some(event) = to.next_event(&mut input).expect("our own frames") {
            heard(to, event);
        }
    }
}
