use std::time::{Duration, Instant};

use rtwire_server::{EventLog, Limits};

use crate::peer::{endpoints, get, start, status};

/// A request whose head has exactly `length` bytes.
fn head_of(length: usize) -> String {
    let empty = get("/livez", "X: \r\n").len();
    get("/livez", &format!("X: {}\r\n", "x".repeat(length - empty)))
}

#[tokio::test]
async fn a_head_over_its_bytes_is_431() {
    for limit in [1024, 16 * 1024, 40_000] {
        let limits = Limits::default().max_head(limit);
        let server = start(endpoints(&EventLog::new(1)).limits(limits)).await;
        for (length, expected) in [(limit - 1, 200), (limit, 200), (limit + 1, 431)] {
            let answer = server.ask(&head_of(length)).await;
            assert_eq!(status(&answer), expected, "{length} of {limit}");
        }
    }
}

#[tokio::test]
async fn a_head_of_20_kib_is_431_and_the_answer_is_not_lost_in_a_reset() {
    let server = start(endpoints(&EventLog::new(1))).await;
    let answer = server.ask(&head_of(20 * 1024)).await;
    assert_eq!(status(&answer), 431);
}

#[tokio::test]
async fn a_head_over_its_fields_is_431() {
    for limit in [8, Limits::default().max_head_fields] {
        let limits = Limits::default().max_head_fields(limit);
        let server = start(endpoints(&EventLog::new(1)).limits(limits)).await;
        for (fields, expected) in [(limit - 1, 200), (limit, 200), (limit + 1, 431)] {
            // `Host` and `Connection` are fields too.
            let answer = server.ask(&get("/livez", &"X: x\r\n".repeat(fields - 2))).await;
            assert_eq!(status(&answer), expected, "{fields} of {limit}");
        }
    }
}

#[tokio::test]
async fn no_limit_of_fields_is_over_what_a_table_holds() {
    const MOST: usize = 24_576;
    let limits = Limits::default().max_head(1 << 20).max_head_fields(usize::MAX);
    let server = start(endpoints(&EventLog::new(1)).limits(limits)).await;
    for (fields, expected) in [(MOST, 200), (MOST + 1, 431)] {
        let answer = server.ask(&get("/livez", &"X: x\r\n".repeat(fields - 2))).await;
        assert_eq!(status(&answer), expected, "{fields}");
    }
}

const DEADLINE: Duration = Duration::from_millis(300);

async fn impatient() -> crate::peer::Running {
    start(endpoints(&EventLog::new(1)).limits(Limits::default().head_deadline(DEADLINE))).await
}

#[tokio::test]
async fn a_silent_peer_is_closed_by_the_deadline() {
    let server = impatient().await;
    let before = Instant::now();
    let mut peer = server.peer().await;
    assert_eq!(peer.rest().await, "");
    assert!(before.elapsed() >= DEADLINE);
}

#[tokio::test]
async fn a_peer_that_sends_a_byte_at_a_time_is_closed_by_the_deadline() {
    let server = impatient().await;
    let before = Instant::now();
    let mut peer = server.peer().await;
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    // It would take over a second, and each byte comes well within the deadline.
    for byte in head_of(128).bytes() {
        pace.tick().await;
        if peer.offer([byte]).await.is_err() {
            break;
        }
    }
    assert!(before.elapsed() >= DEADLINE);
    assert_eq!(peer.closed().await, "");
}

#[tokio::test]
async fn a_head_that_never_ends_is_closed_by_the_deadline() {
    let server = impatient().await;
    let mut peer = server.peer().await;
    peer.send("GET /livez HTTP/1.1\r\nHost: localhost\r\nX: never").await;
    assert_eq!(peer.rest().await, "");
}

#[tokio::test]
async fn an_idle_persistent_connection_is_closed_by_the_deadline() {
    let server = impatient().await;
    let mut peer = server.peer().await;
    for _ in 0..2 {
        peer.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        peer.until("ok\n").await;
    }
    let before = Instant::now();
    assert_eq!(peer.rest().await, "");
    assert!(before.elapsed() >= DEADLINE / 2);
}

#[tokio::test]
async fn a_slow_handler_is_not_under_the_head_deadline() {
    let slow = async |_, _| {
        tokio::time::sleep(DEADLINE * 2).await;
        http::StatusCode::OK
    };
    let limits = Limits::default().head_deadline(DEADLINE);
    let server = start(rtwire_server::Endpoints::new().post("/", slow).limits(limits)).await;
    assert_eq!(status(&server.ask(&crate::peer::post("/", "", "x")).await), 200);
}
