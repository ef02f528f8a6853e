//! Network errors, and what is known of them.

use std::io::ErrorKind;
use std::time::Duration;

use rtwire_client::event_source::{Limits, Options};
use rtwire_client::{EventSource, NetworkError};
use tokio::net::TcpListener;

use crate::peer::{HEAD, Peer, at_once, next, soon};

const BROKEN: &str = "network error: Connecting";

#[tokio::test]
async fn a_refused_connection_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut source =
        EventSource::builder(&format!("http://{address}/")).options(at_once()).build().unwrap();
    for _ in 0..3 {
        assert_eq!(next(&mut source).await, BROKEN);
        let Some(NetworkError::Connect { authority, error }) = source.network_error() else {
            panic!("{source:?}")
        };
        assert_eq!((authority, error.kind()), (&address.to_string(), ErrorKind::ConnectionRefused));
    }
}

#[tokio::test]
async fn a_name_without_an_address_says_so() {
    // RFC 6761 §6.4: "invalid" names do not exist. A label of 64 bytes is not even asked for.
    let host = format!("{}.invalid", "x".repeat(64));
    let mut source =
        EventSource::builder(&format!("http://{host}/")).options(at_once()).build().unwrap();
    assert_eq!(next(&mut source).await, BROKEN);
    let error = source.network_error().unwrap();
    assert!(
        matches!(error, NetworkError::Resolve { host: named, .. } if *named == host),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_anywhere_is_made_again() {
    let response = format!("{HEAD}data: a\n\ndata: b\n\n");
    for cut in 0..response.len() {
        let peer = Peer::start().await;
        let mut source = peer.source(at_once());
        let part = response[..cut].to_owned();
        let server = tokio::spawn(async move {
            let (_, mut connection) = peer.request().await;
            connection.send(part).await;
            connection.reset();
            peer.answer("HTTP/1.1 204 No Content\r\n\r\n").await;
        });
        let mut told = Vec::new();
        // What has come before the reset may be lost with it; nothing of it is made up.
        loop {
            told.push(next(&mut source).await);
            if told.last().unwrap() == BROKEN {
                break;
            }
        }
        let all = ["open", "message  \"a\"", BROKEN];
        assert!(told[..told.len() - 1].iter().eq(&all[..told.len() - 1]), "{cut}: {told:?}");
        assert!(matches!(source.network_error(), Some(NetworkError::Http(_))), "{source:?}");
        assert_eq!(next(&mut source).await, "status 204: Closed");
        soon(server).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_http_is_a_network_error() {
    for response in ["", "HTTP/1.1 200 OK\r\nContent-", "SSH-2.0-x\r\n", "HTTP/2 200\r\n\r\n"] {
        let peer = Peer::start().await;
        let mut source = peer.source(at_once());
        let server = tokio::spawn(async move { peer.answer(response).await });
        assert_eq!(next(&mut source).await, BROKEN, "{response}");
        assert!(matches!(source.network_error(), Some(NetworkError::Http(_))), "{source:?}");
        soon(server).await.unwrap();
    }
}

#[tokio::test]
async fn a_peer_that_is_silent_is_left() {
    for beginning in ["", HEAD] {
        let peer = Peer::start().await;
        let limits = Limits::default().idle_timeout(Some(Duration::from_secs(30)));
        let mut source = peer.source(Options::get().limits(limits));
        let server = tokio::spawn(async move {
            let (_, mut connection) = peer.request().await;
            connection.send(beginning).await;
            connection.closed().await;
        });
        if beginning.is_empty() {
            // It has connected, and sent all that it has to.
            let asked = tokio::time::timeout(Duration::from_millis(200), source.next()).await;
            assert!(asked.is_err());
        } else {
            assert_eq!(next(&mut source).await, "open");
        }
        tokio::time::pause();
        assert_eq!(next(&mut source).await, "nothing came for 30s: Connecting");
        tokio::time::resume();
        assert!(source.network_error().is_none());
        soon(server).await.unwrap();
    }
}
