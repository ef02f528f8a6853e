//! Peers that read slowly, send slowly, or fall silent: what waits, what is answered, and by when.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod scripted;

use std::time::Duration;

use rtwire_tokio::{Error, WebSocket};
use rtwire_websocket::{CloseCode, CloseReason, Connection, Limits, Message, Role, Rule};
use scripted::{CLIENT, Read, Scripted, drain, events, poll_times, quiet, to_end, wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::Instant;

#[test]
fn a_peer_that_stops_reading_makes_feed_and_send_wait_at_max_output() {
    let text = "x".repeat(98);
    for (max_output, fit) in [(999, 10), (1000, 10), (1001, 11)] {
        let io = Scripted::new([]);
        io.state().window = 0;
        let mut server = WebSocket::server(io.clone(), quiet().max_output(max_output));
        for _ in 0..fit {
            poll_times(server.feed(&*text), 1).unwrap().unwrap();
        }
        assert!(poll_times(server.feed(&*text), 3).is_none());
        assert!(poll_times(server.send(&*text), 3).is_none());
        io.state().window = usize::MAX;
        poll_times(server.send("last"), 1).unwrap().unwrap();
        assert_eq!(io.state().written.len(), fit * 100 + 6, "what waited was not queued");
    }
}

#[test]
fn s5_5_3_a_peer_that_pings_and_does_not_read_costs_no_memory_and_gets_the_last_pong() {
    let io = Scripted::new([]);
    io.state().window = 0;
    let mut server = WebSocket::server(io.clone(), quiet().max_output(1000));
    while poll_times(server.feed("data"), 1).is_some() {}
    let mut peer = Connection::new(CLIENT, quiet());
    for number in 0..10_000 {
        peer.send_ping(format!("{number}").as_bytes()).unwrap();
    }
    io.state().reads.push_back(Read::Bytes(drain(&mut peer)));
    assert!(poll_times(server.next(), 3).is_none());
    assert!(io.state().reads.is_empty(), "they are read all the same");

    io.state().window = usize::MAX;
    assert!(poll_times(server.next(), 1).is_none());
    let written = events(CLIENT, io.state().written.clone());
    let (last, data) = written.split_last().unwrap();
    assert_eq!(last, "pong 9999");
    assert!(data.iter().all(|event| event == "text data"), "one Pong answers them all");
    assert!(io.state().written.len() <= 1000 + 2 * 127);
}

#[tokio::test(start_paused = true)]
async fn s5_5_2_pings_keep_a_silent_peer_that_answers() {
    let interval = Duration::from_secs(20);
    let (ours, theirs) = duplex(1024);
    let mut server = WebSocket::server(ours, Limits::default().ping_interval(Some(interval)));
    let mut client = WebSocket::client(theirs, quiet());
    let start = Instant::now();
    let listen = async { assert_eq!(to_end(&mut server).await.0, ["after ten minutes".into()]) };
    let answer = async {
        let silence = tokio::time::timeout(Duration::from_secs(600), client.next()).await;
        assert!(silence.is_err(), "the connection is still there");
        client.send("after ten minutes").await.unwrap();
        drop(client);
    };
    tokio::join!(listen, answer);
    assert_eq!(start.elapsed(), Duration::from_secs(600));
}

#[tokio::test(start_paused = true)]
async fn s5_5_2_a_peer_that_stops_in_the_middle_of_a_frame_is_given_up() {
    let whole = wire(CLIENT, &[vec![0; 60 << 20].into()]);
    for sent in [0, 1, 5, 13, 14, 1000, 200_000] {
        let (ours, mut theirs) = duplex(1 << 20);
        let limits = Limits::default()
            .max_frame(64 << 20)
            .ping_interval(Some(Duration::from_secs(20)))
            .pong_timeout(Duration::from_secs(7))
            .close_timeout(Duration::from_secs(5));
        let mut server = WebSocket::server(ours, limits);
        theirs.write_all(&whole[..sent]).await.unwrap();

        let start = Instant::now();
        let error = server.next().await.unwrap().unwrap_err();
        assert_eq!(start.elapsed(), Duration::from_secs(27), "after {sent} bytes");
        assert!(matches!(error, Error::Protocol(e) if e.rule() == Rule::PongTimeout
            && e.offset() == sent as u64));
        // The Close frame has left, also if the connection is dropped instead of asked again.
        if sent % 2 == 0 {
            assert!(server.next().await.is_none());
            assert_eq!(start.elapsed(), Duration::from_secs(32), "after {sent} bytes");
        }
        drop(server);
        let mut written = Vec::new();
        theirs.read_to_end(&mut written).await.unwrap();
        assert_eq!(events(CLIENT, written), ["ping ", "close 1011"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_never_strikes_is_no_fault() {
    let limits = Limits::default()
        .ping_interval(Some(Duration::MAX))
        .pong_timeout(Duration::MAX)
        .close_timeout(Duration::MAX);
    let io = Scripted::new([Read::Later]);
    let mut server = WebSocket::server(io, limits);
    assert!(poll_times(server.next(), 5).is_none());
    server.start_close(&CloseReason::new(CloseCode::new(4000))).unwrap();
    assert!(poll_times(server.next(), 5).is_none());
}

#[tokio::test]
async fn a_large_binary_payload_is_read_into_its_own_buffer() {
    let large = Message::from((0..=255).cycle().take(60_000).collect::<Vec<u8>>());
    let bytes = wire(CLIENT, std::slice::from_ref(&large));
    let (start, rest) = bytes.split_at(1000);
    let io = Scripted::new([Read::Bytes(start.to_vec()), Read::Bytes(rest.to_vec())]);
    let mut server = WebSocket::server(io.clone(), quiet());
    let Message::Binary(received) = server.next().await.unwrap().unwrap() else { panic!("text") };
    assert_eq!(&received[..], large.as_bytes());

    let own = received.as_ptr_range();
    let own = own.start as usize..own.end as usize;
    let [scratch, direct] = io.state().offered[..] else { panic!("more than two reads") };
    assert!(!own.contains(&scratch.address));
    assert!(own.contains(&direct.address));
    assert_eq!(direct.address + direct.len, own.end, "and not a byte more is asked for");
}

#[tokio::test]
async fn a_claimed_length_takes_no_memory() {
    let start = wire(CLIENT, &[vec![0; 15 << 20].into()])[..1000].to_vec();
    let io = Scripted::new([Read::Bytes(start)]);
    let mut server = WebSocket::server(io.clone(), quiet());
    assert!(poll_times(server.next(), 1).is_none());
    let direct = io.state().offered[1];
    assert!(direct.len <= 64 << 10, "{} bytes for the 1000 that came", direct.len);
}

#[test]
fn a_large_payload_leaves_without_a_copy() {
    for len in [4097, 100_000] {
        let payload = bytes::Bytes::from(vec![7; len]);
        let io = Scripted::new([]);
        let mut server = WebSocket::server(io.clone(), quiet());
        poll_times(server.feed("before"), 1).unwrap().unwrap();
        poll_times(server.feed(payload.clone()), 1).unwrap().unwrap();
        poll_times(server.send("after"), 1).unwrap().unwrap();
        let state = io.state();
        let [write] = &state.writes[..] else { panic!("{} writes", state.writes.len()) };
        let shown = write.iter().find(|span| span.len == len).unwrap();
        assert_eq!(shown.address, payload.as_ptr() as usize);
        let messages = ["before".into(), payload.into(), "after".into()];
        assert_eq!(state.written, wire(Role::Server, &messages));
    }
}

#[test]
fn s5_3_a_client_masks_a_payload_that_nobody_else_holds_where_it_lies() {
    let payload = bytes::Bytes::from(vec![7; 100_000]);
    let address = payload.as_ptr() as usize;
    let shared = bytes::Bytes::from(vec![8; 100_000]);
    let io = Scripted::new([]);
    let mut client = WebSocket::client(io.clone(), quiet());
    poll_times(client.send(payload), 1).unwrap().unwrap();
    poll_times(client.send(shared.clone()), 1).unwrap().unwrap();
    let state = io.state();
    let large = |write: usize| state.writes[write].iter().find(|s| s.len == 100_000).unwrap();
    assert_eq!(large(0).address, address);
    assert_ne!(large(1).address, shared.as_ptr() as usize);
    assert!(shared.iter().all(|&byte| byte == 8));
}

#[tokio::test]
async fn all_replies_to_one_read_leave_in_one_write() {
    let messages: Vec<Message> = (0..50).map(|number| format!("{number}").into()).collect();
    let mut input = wire(CLIENT, &messages);
    input.extend(b"\x89\x80\x00\x00\x00\x00");
    let io = Scripted::new([Read::Bytes(input), Read::Later, Read::Eof]);
    let mut server = WebSocket::server(io.clone(), quiet());
    while let Some(message) = server.next().await {
        server.feed(message.unwrap()).await.unwrap();
    }
    let state = io.state();
    assert_eq!(state.writes.len(), 1);
    assert_eq!(state.flushes, 1);
    let echoed = wire(Role::Server, &messages);
    assert_eq!(state.written, [&echoed[..], b"\x8A\x00"].concat());
}

#[tokio::test]
async fn idle_connections_share_one_read_buffer() {
    let [(first, mut one), (second, mut other)] = [(); 2].map(|()| {
        let io = Scripted::in_pieces(&wire(CLIENT, &["a".into(), "b".into()]), &[usize::MAX]);
        (io.clone(), WebSocket::server(io, quiet()))
    });
    for _ in 0..2 {
        assert!(one.next().await.unwrap().is_ok());
        assert!(other.next().await.unwrap().is_ok());
    }
    assert!(poll_times(one.next(), 1).is_none());
    assert!(poll_times(other.next(), 1).is_none());
    let offered = [first.state().offered.clone(), second.state().offered.clone()].concat();
    assert!(offered.len() >= 4);
    assert!(offered.windows(2).all(|pair| pair[0] == pair[1]), "{offered:?}");
}

#[tokio::test]
async fn nested_use_on_one_thread_gets_a_buffer_of_its_own() {
    /// Reads from a connection while it is read from itself.
    struct Nested(WebSocket<Scripted>, Option<Message>);
    impl tokio::io::AsyncRead for Nested {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
            buffer: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            buffer.put_slice(&wire(CLIENT, &["outer".into()]));
            let inner = self.0.poll_message(cx).map(|message| message.unwrap().unwrap());
            self.1 = match inner {
                std::task::Poll::Ready(message) => Some(message),
                std::task::Poll::Pending => None,
            };
            std::task::Poll::Ready(Ok(()))
        }
    }
    impl tokio::io::AsyncWrite for Nested {
        fn poll_write(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            bytes: &[u8],
        ) -> std::task::Poll<std::io::Result<usize>> {
            std::task::Poll::Ready(Ok(bytes.len()))
        }
        fn poll_flush(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            std::task::Poll::Ready(Ok(()))
        }
        fn poll_shutdown(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            std::task::Poll::Ready(Ok(()))
        }
    }
    let inner = Scripted::new([Read::Bytes(wire(CLIENT, &["inner".into()]))]);
    let nested = Nested(WebSocket::server(inner, quiet()), None);
    let mut outer = WebSocket::server(nested, quiet());
    assert_eq!(outer.next().await.unwrap().unwrap(), "outer".into());
    assert_eq!(outer.get_ref().1, Some("inner".into()));
}

#[tokio::test]
async fn of_two_tasks_on_one_socket_each_is_woken() {
    use futures_util::{SinkExt, StreamExt};

    let (ours, theirs) = tokio::io::duplex(64);
    let socket = WebSocket::server(ours, Limits::default());
    let (mut sink, mut stream) = StreamExt::split(socket);
    let writer = tokio::spawn(async move { sink.send(Message::from(vec![7; 10_000])).await });
    let reader = tokio::spawn(async move { stream.next().await });
    let mut peer = WebSocket::client(theirs, Limits::default());
    // The reader wakes up while the writer waits for room, and tries to write in its place.
    peer.send("ping").await.unwrap();
    let echoed = tokio::time::timeout(std::time::Duration::from_secs(10), async {
        let message = peer.next().await.unwrap().unwrap();
        writer.await.unwrap().unwrap();
        (message.len(), reader.await.unwrap().unwrap().unwrap())
    });
    assert_eq!(echoed.await.unwrap(), (10_000, Message::from("ping")));
}
