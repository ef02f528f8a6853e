use allocation_counter::measure;
use futures_util::{FutureExt, StreamExt};
use rtwire_server::{EncodeError, EventLog, Fields, PublishError, Subscription};

/// The events that are there, each as its data, `gap` before that of a gap.
fn ready(subscription: &mut Subscription) -> Vec<String> {
    let mut events = Vec::new();
    while let Some(Some(event)) = subscription.next().now_or_never() {
        let bytes = event.into_bytes();
        let text = str::from_utf8(&bytes).unwrap().trim_end();
        let is_gap = text.starts_with("event: gap\n");
        let data = text.split_once("data:").unwrap().1.trim_start();
        events.push(if is_gap { format!("gap {data}") } else { data.to_owned() });
    }
    events
}

fn publish(log: &EventLog, data: impl ToString) -> u64 {
    log.publish(Fields::new().data(&data.to_string())).unwrap()
}

#[test]
fn ids_grow_by_one() {
    let log = EventLog::new(2);
    let first = publish(&log, "a");
    assert_eq!(publish(&log, "b"), first + 1);
    assert_eq!(publish(&log, "c"), first + 2);
}

#[test]
fn without_an_id_only_what_comes_is_delivered() {
    let log = EventLog::new(10);
    publish(&log, "before");
    let mut subscription = log.subscribe(None);
    assert_eq!(ready(&mut subscription), [""; 0]);
    publish(&log, "after");
    assert_eq!(ready(&mut subscription), ["after"]);
}

#[test]
fn resumption_at_the_edges_of_the_log() {
    let log = EventLog::new(3);
    let ids: Vec<u64> = (0..5).map(|number| publish(&log, number)).collect();
    // Events 2, 3 and 4 are held.
    for (after, expected) in [
        (4, vec![]),
        (3, vec!["4"]),
        (2, vec!["3", "4"]),
        (1, vec!["2", "3", "4"]),
        (0, vec!["gap 1", "2", "3", "4"]),
    ] {
        let mut subscription = log.subscribe(Some(&ids[after].to_string()));
        assert_eq!(ready(&mut subscription), expected, "after {after}");
    }
}

#[test]
fn an_unknown_id_is_a_gap_of_unknown_size() {
    let log = EventLog::new(3);
    let first = publish(&log, "only");
    let [before, after] = [(first - 1).to_string(), (first + 1).to_string()];
    for id in [&*before, &*after, "", "0", "-1", "abc", "99999999999999999999"] {
        assert_eq!(ready(&mut log.subscribe(Some(id))), ["gap ", "only"], "{id:?}");
    }
}

#[test]
fn a_slow_subscriber_is_told_what_it_lost() {
    let log = EventLog::new(3);
    let mut slow = log.subscribe(None);
    let mut fast = log.subscribe(None);
    for number in 0..3 {
        publish(&log, number);
        assert_eq!(ready(&mut fast), [number.to_string()]);
    }
    publish(&log, 3);
    publish(&log, 4);
    assert_eq!(ready(&mut fast), ["3", "4"]);
    assert_eq!(ready(&mut slow), ["gap 2", "2", "3", "4"]);
    publish(&log, 5);
    assert_eq!(ready(&mut slow), ["5"]);
}

#[test]
fn slow_subscribers_cost_no_memory() {
    /// What a log that overflows takes while so many wait and do not come back.
    fn bytes(subscribers: usize) -> i64 {
        let log = EventLog::new(16);
        let mut slow: Vec<_> = (0..subscribers).map(|_| log.subscribe(None)).collect();
        slow.iter_mut().for_each(|subscription| assert_eq!(ready(subscription), [""; 0]));
        let published = measure(|| {
            for number in 0..10_000 {
                publish(&log, format_args!("{number:0100}"));
            }
        });
        slow.iter_mut().for_each(|subscription| assert_eq!(ready(subscription)[0], "gap 9984"));
        published.bytes_current
    }
    let alone = bytes(0);
    assert!((16 * 100..16 * 300).contains(&alone), "{alone} bytes for the events held");
    assert_eq!(bytes(100), alone);
}

#[test]
fn bytes_are_bounded_as_much_as_events() {
    let encoded = |log: &EventLog| {
        let id = publish(log, "12345");
        format!("id: {id}\ndata: 12345\n\n").len()
    };
    let length = encoded(&EventLog::new(10));
    for (bytes, held) in [(2 * length - 1, 1), (2 * length, 2), (2 * length + 1, 2)] {
        let log = EventLog::with_max_bytes(10, bytes);
        for _ in 0..3 {
            encoded(&log);
        }
        let mut subscription = log.subscribe(Some("unknown"));
        assert_eq!(ready(&mut subscription).len() - 1, held, "{bytes} bytes");
    }
    for (bytes, fits) in [(length - 1, false), (length, true), (length + 1, true)] {
        let log = EventLog::with_max_bytes(10, bytes);
        let outcome = log.publish(Fields::new().data("12345"));
        assert_eq!(outcome.is_ok(), fits);
        if !fits {
            let expected = PublishError::TooLarge { bytes: length, limit: bytes };
            assert_eq!(outcome, Err(expected));
        }
    }
}

#[test]
fn what_cannot_be_encoded_is_not_published() {
    let log = EventLog::new(3);
    let mut subscription = log.subscribe(None);
    let outcome = log.publish(Fields::new().event("tick\ndata: injected").data("x"));
    assert_eq!(outcome, Err(PublishError::Encode(EncodeError::LineBreakInEvent)));
    assert_eq!(ready(&mut subscription), [""; 0]);
}

#[tokio::test]
async fn a_waiting_subscriber_is_woken() {
    let log = EventLog::new(3);
    let mut subscriptions: Vec<_> = (0..100).map(|_| log.subscribe(None)).collect();
    drop(subscriptions.split_off(50));
    let waiting: Vec<_> = subscriptions
        .into_iter()
        .map(|mut subscription| tokio::spawn(async move { subscription.next().await }))
        .collect();
    tokio::task::yield_now().await;
    publish(&log, "wake");
    for task in waiting {
        assert!(crate::peer::soon(task).await.unwrap().is_some());
    }
}
