//! A server with a replay ring, whose connections are cut off anywhere: each event arrives once, in
//! order.

use crate::driver::{Driver, Output};
use proptest::collection::vec;
use proptest::prelude::*;
use rtwire_sse::Fields;
use rtwire_sse::event_source::{Event, Options, Request};

const EVENTS: usize = 60;

/// The stream behind `last`: each event has an id, and there are comments, bare ids and retries between.
fn stream_after(last: usize) -> Vec<u8> {
    let mut stream = b"\xEF\xBB\xBF: hello\n\n".to_vec();
    if last > 0 {
        // The id that came with the request stands until another comes.
        stream.extend_from_slice(b"retry: 10\n\n");
    }
    for number in last + 1..=EVENTS {
        let (id, data) =
            (number.to_string(), format!("event {number}\nof é{}", "x".repeat(number)));
        let mut fields = Fields::new().id(&id).data(&data);
        if number.is_multiple_of(3) {
            fields = fields.event("third").comment("é");
        }
        stream.extend_from_slice(&fields.to_bytes().expect("no line breaks"));
        if number.is_multiple_of(7) {
            stream.extend_from_slice(b":\n\nretry: 20\r\n\r\n");
        }
        if number.is_multiple_of(11) {
            // An id without data, for the same place: what is behind it is the same.
            stream.extend_from_slice(format!("id: {number}\r\r").as_bytes());
        }
    }
    stream
}

fn last_event_id(request: &Request) -> usize {
    let mut ids = request.headers.iter().filter(|(name, _)| *name == "Last-Event-ID");
    let id = ids.next().map_or(0, |(_, id)| id.parse().expect("one of ours"));
    assert_eq!(ids.next(), None);
    id
}

/// Drives until the next request, collecting the numbers of the events.
fn collect(driver: &mut Driver, input: &[u8], numbers: &mut Vec<usize>) -> Option<Request> {
    let mut request = None;
    for output in driver.settle(input) {
        match output {
            Output::Event(Event::Message(event)) => {
                let number: usize = event.last_event_id.parse().expect("a number");
                assert!(event.data.starts_with(&format!("event {number}\nof é")));
                assert_eq!(event.data.len(), format!("event {number}\nof é").len() + number);
                assert_eq!(event.event_type == "third", number.is_multiple_of(3));
                numbers.push(number);
            }
            Output::Event(_) => {}
            Output::Request(next) => request = Some(next),
        }
    }
    request
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn each_event_arrives_once_in_order(
        cuts in vec((0..400usize, 1..50usize, 0..5u8), 100),
    ) {
        let mut driver = Driver::new("http://a/", Options::get(), || 1 << 62);
        let mut numbers = Vec::new();
        let mut request = Some(driver.request());
        for (length, size, way) in cuts {
            let last = last_event_id(&request.take().expect("it has waited"));
            prop_assert_eq!(last, numbers.last().copied().unwrap_or(0));
            if way == 0 {
                // No connection.
                driver.source.handle_error();
            } else {
                if way == 1 {
                    driver.source.handle_response(307, [("Location", "elsewhere")]);
                    prop_assert_eq!(last_event_id(&driver.request()), last);
                }
                driver.open();
                let stream = stream_after(last);
                for chunk in stream[..length.min(stream.len())].chunks(size) {
                    prop_assert_eq!(collect(&mut driver, chunk, &mut numbers), None);
                }
                if way == 2 { driver.source.handle_end() } else { driver.source.handle_error() }
            }
            prop_assert_eq!(collect(&mut driver, b"", &mut numbers), None);
            driver.wait();
            request = collect(&mut driver, b"", &mut numbers);
        }
        // What is left comes without a cut.
        let last = last_event_id(&request.expect("it has waited"));
        driver.open();
        collect(&mut driver, &stream_after(last), &mut numbers);
        prop_assert_eq!(numbers, (1..=EVENTS).collect::<Vec<_>>());
    }
}
