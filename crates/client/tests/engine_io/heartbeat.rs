//! Pings are answered, and their absence is noticed.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use rtwire_client::engine_io::{Message, Transport};

use crate::peer::{Peer, open};
use crate::server::{WAYS, Way, echo, line, message, soon, start};

#[tokio::test]
async fn a_session_in_which_nothing_is_said_goes_on() {
    let server = start(echo()).await;
    for way in WAYS {
        let mut socket = server.socket(way);
        soon(socket.send("first")).await.unwrap();
        assert_eq!(message(&mut socket).await, Message::from("first"));
        if way == Way::Upgrade {
            assert_eq!(line(&soon(socket.next()).await.unwrap()), "upgraded");
        }
        // Many times a pingInterval of 25 s and a pingTimeout of 20 s.
        tokio::time::pause();
        let quiet = tokio::time::timeout(Duration::from_secs(600), socket.next()).await;
        assert!(quiet.is_err(), "{way:?}: {quiet:?}");
        tokio::time::resume();
        soon(socket.send("last")).await.unwrap();
        assert_eq!(message(&mut socket).await, Message::from("last"));
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left_after_interval_and_timeout() {
    for transport in [Transport::Polling, Transport::WebSocket] {
        let peer = Peer::start().await;
        let (mut socket, _opened) = open(&peer, transport).await;
        tokio::time::pause();
        let start = tokio::time::Instant::now();
        assert_eq!(line(&soon(socket.next()).await.unwrap()), "ping timeout");
        let waited = start.elapsed();
        tokio::time::resume();
        // 25 s and 20 s, as the open packet has it; some of them may be over.
        assert!((40_000..=45_005).contains(&waited.as_millis()), "{waited:?}");
        assert!(socket.error().is_none(), "{socket:?}");
    }
}

#[tokio::test]
async fn it_sleeps_while_nothing_happens() {
    let server = start(echo()).await;
    for way in WAYS {
        let mut socket = server.socket(way);
        soon(socket.send("first")).await.unwrap();
        assert_eq!(message(&mut socket).await, Message::from("first"));
        if way == Way::Upgrade {
            assert_eq!(line(&soon(socket.next()).await.unwrap()), "upgraded");
        }
        let mut polls = 0;
        let quiet = poll_fn(|cx| {
            polls += 1;
            assert!(polls < 50, "{way:?}: it is polled again and again");
            pin!(socket.next()).poll(cx)
        });
        let quiet = tokio::time::timeout(Duration::from_millis(300), quiet).await;
        assert!(quiet.is_err(), "{way:?}: {quiet:?}");
    }
}
