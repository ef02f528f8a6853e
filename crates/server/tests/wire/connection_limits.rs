use rtwire_server::{EventLog, Limits};

use crate::peer::{Peer, Running, endpoints, get, soon, start, status};

/// An open event stream: a connection that stays.
async fn streaming(server: &Running) -> Peer {
    let mut peer = server.peer().await;
    peer.send(get("/events", "")).await;
    assert_eq!(status(&peer.head().await), 200);
    peer
}

#[tokio::test]
async fn connections_over_a_limit_are_503_and_closed() {
    let limits = Limits::default();
    for limits in [limits.clone().max_connections(2), limits.max_connections_per_address(2)] {
        let log = EventLog::new(1);
        let server = start(endpoints(&log).limits(limits)).await;
        let mut first = streaming(&server).await;
        let second = streaming(&server).await;

        let answer = server.ask(&get("/livez", "")).await;
        assert_eq!(status(&answer), 503);

        log.publish(rtwire_server::Fields::new().data("still here")).unwrap();
        first.until("data: still here\n\n").await;

        drop(second);
        soon(async {
            // The server learns of the closed connection in its own time.
            while status(&server.ask(&get("/livez", "")).await) != 200 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}
