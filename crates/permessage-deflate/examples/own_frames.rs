//! permessage-deflate under frames of one's own: no WebSocket library, a page of code.
//!
//! A client sends a text in three fragments and the server answers; both ends are here, and what
//! would be a socket is a buffer. `cargo run -p rtwire-permessage-deflate --example own_frames`
//! prints what went over it.

use bytes::{Buf as _, BufMut as _, BytesMut};
use rtwire_permessage_deflate::negotiation::{Offer, Params, Role};
use rtwire_permessage_deflate::{Compressor, Config, Decompressor, Error};

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const TEXT: u8 = 1;

/// A frame of up to 125 bytes, unmasked to keep it short.
fn write_frame(first_byte: u8, payload: &[u8], wire: &mut BytesMut) {
    let len = u8::try_from(payload.len()).ok().filter(|len| *len < 126);
    wire.put_u8(first_byte);
    wire.put_u8(len.expect("a short frame"));
    wire.put_slice(payload);
}

/// The first byte of the next frame, and its payload.
fn read_frame(wire: &mut BytesMut) -> Option<(u8, BytesMut)> {
    let &[first_byte, len, ..] = &wire[..] else { return None };
    wire.advance(2);
    Some((first_byte, wire.split_to(usize::from(len).min(wire.len()))))
}

/// Sends a text, its payload cut into frames of up to `most` bytes. RSV1 says that the message is
/// compressed, on its first frame only.
fn send(text: &str, most: usize, compressor: &mut Compressor, wire: &mut BytesMut) {
    let mut payload = BytesMut::new();
    compressor.compress(text.as_bytes(), true, &mut payload);
    let mut first_byte = RSV1 | TEXT;
    let mut fragments = payload.chunks(most).peekable();
    while let Some(fragment) = fragments.next() {
        let fin = if fragments.peek().is_none() { FIN } else { 0 };
        write_frame(first_byte | fin, fragment, wire);
        first_byte = 0;
    }
}

fn receive(wire: &mut BytesMut, decompressor: &mut Decompressor) -> Result<String, Error> {
    let mut message = BytesMut::new();
    while let Some((first_byte, payload)) = read_frame(wire) {
        let fin = first_byte & FIN != 0;
        decompressor.decompress(&payload, fin, &mut message)?;
        if fin {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&message).into_owned())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::default().server_no_context_takeover(false);

    // In the opening handshake.
    let offers = [Offer::default()];
    let request = Offer::encode(&offers);
    println!("> Sec-WebSocket-Extensions: {request}");
    let server = Params::negotiate([request.as_bytes()], &config)?.ok_or("no common ground")?;
    let response = server.encode();
    println!("< Sec-WebSocket-Extensions: {response}");
    let client = Params::from_response([response.as_bytes()], &offers)?.ok_or("declined")?;

    // Client to server.
    let text = "It was the best of times, it was the worst of times";
    let mut wire = BytesMut::new();
    let mut compressor = Compressor::new(client.window(Role::Client), &config);
    send(text, 16, &mut compressor, &mut wire);
    println!("> {} bytes of text in {} bytes of frames: {wire:02x}", text.len(), wire.len());
    let mut decompressor = Decompressor::new(server.window(Role::Client), 1 << 20);
    assert_eq!(receive(&mut wire, &mut decompressor)?, text);

    // Server to client, with its context taken over: the second time is cheap.
    let mut compressor = Compressor::new(server.window(Role::Server), &config);
    let mut decompressor = Decompressor::new(client.window(Role::Server), 1 << 20);
    for _ in 0..2 {
        send(text, 125, &mut compressor, &mut wire);
        println!("< {} bytes of text in {} bytes of frames", text.len(), wire.len());
        assert_eq!(receive(&mut wire, &mut decompressor)?, text);
    }
    Ok(())
}
