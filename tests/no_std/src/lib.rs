//! Links rtwire's protocol crates without the standard library.
//!
//! That it builds is the proof, on any target: the panic handler below is a language item, and so
//! is std's, so that std anywhere among the dependencies ends the build with E0152. It is never
//! run; the heap stays empty.

#![no_std]

use core::panic::PanicInfo;
use core::time::Duration;

use bytestring::ByteString;
use linked_list_allocator::LockedHeap;
use rtwire_permessage_deflate::negotiation::Params;
use rtwire_websocket::handshake::{self, HeadSearch, Request};
use rtwire_websocket::{Connection, Event, Limits, Role};

#[global_allocator]
static HEAP: LockedHeap = LockedHeap::empty();

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// Decodes an event stream; the bytes of its events' data.
pub fn event_stream(mut input: &[u8]) -> Option<usize> {
    let mut decoder = rtwire_sse::Decoder::new();
    let mut bytes = 0;
    while let Some(event) = decoder.next_event(&mut input).ok()? {
        bytes += event.data.len();
    }
    Some(bytes)
}

/// Reads an event stream behind a redirect; the bytes of its events' data.
pub fn event_source(mut input: &[u8]) -> Option<usize> {
    use rtwire_sse::event_source::{Event, EventSource, Options};
    let mut source = EventSource::new("http://a.example/", Options::get(), || 0).ok()?;
    source.next_request()?;
    source.handle_response(307, [("Location", "../b")]);
    source.next_request()?;
    source.handle_response(200, [("Content-Type", "text/event-stream")]);
    let mut bytes = 0;
    while let Some(event) = source.next_event(&mut input) {
        if let Event::Message(event) = event {
            bytes += event.data.len();
        }
    }
    source.handle_timeout(Duration::from_secs(1));
    Some(bytes)
}

/// Decodes the frames of a client; the bytes of the text among them.
pub fn frames(mut input: &mut [u8]) -> Option<usize> {
    let mut connection = Connection::new(Role::Server, Limits::default());
    let mut bytes = 0;
    while let Some(event) = connection.next_event(&mut input).ok()? {
        if let Event::Text(text) = event {
            bytes += text.len();
            connection.send_text(&text).ok()?;
        }
    }
    connection.handle_timeout(Duration::from_secs(1)).ok()?;
    Some(bytes)
}

/// Answers an opening handshake; the bytes of the answer.
pub fn handshake(head: &[u8]) -> Option<usize> {
    let mut search = HeadSearch::new(handshake::Limits::default());
    let (request, _) = Request::decode(head, &mut search).ok()??;
    Some(request.accept().encode().len())
}

/// Answers an offer of compression; the bytes of the answer.
pub fn negotiation(field: &[u8]) -> Option<usize> {
    let config = rtwire_permessage_deflate::Config::default();
    Some(Params::negotiate([field], &config).ok()??.encode().len())
}

/// Decodes the packets of a polling payload; their number.
pub fn payload(body: ByteString) -> Option<usize> {
    let limits = rtwire_engineio::Limits::default();
    let packets = rtwire_engineio::Payload::decode(body.into_bytes(), limits.max_packets);
    packets.into_iter().try_fold(0, |count, packet| packet.ok().map(|_| count + 1))
}

/// Decodes a Socket.IO packet and encodes it again; the bytes of that.
pub fn packet(text: ByteString) -> Option<usize> {
    let limits = rtwire_socketio::Limits::default();
    Some(rtwire_socketio::Packet::decode(text, &limits).ok()?.encode().len())
}
