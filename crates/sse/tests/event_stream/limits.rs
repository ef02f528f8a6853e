//! Limits: one below, at, and one above; failing and skipping.

use crate::feed::{self, every_way};
use rtwire_sse::{Decoder, Event, Limits, Oversize, Rule};

fn data(events: &[Event<'_>]) -> Vec<String> {
    events.iter().map(|event| event.data.to_string()).collect()
}

fn decoder(limits: Limits) -> impl Fn() -> Decoder {
    move || Decoder::with_limits(limits)
}

#[test]
fn the_defaults() {
    let limits = Limits::default();
    assert_eq!((limits.max_line, limits.max_event), (1_048_576, 16_777_216));
    assert_eq!(limits.oversize, Oversize::Fail);
}

#[test]
fn max_line() {
    let limits = Limits::default().max_line(20);
    for name in ["data: ", "event: ", "id: ", "retry: 1", ": ", "foo: ", "foo", "\u{FEFF}data: "] {
        for (length, fits) in [(19, true), (20, true), (21, false)] {
            let line = name.to_owned() + &"1".repeat(length - name.len());
            let stream = format!("data: a\n\n{line}\n\ndata: b\n\n").replace("\n", "\r\n");
            let start = "data: a\r\n\r\n".len() as u64;
            let (events, error, ..) = every_way(&decoder(limits), stream.as_bytes());
            if fits {
                assert_eq!(error, None, "{line:?}");
                assert_eq!(data(&events).last().unwrap(), "b");
            } else {
                let error = error.unwrap();
                assert_eq!(error.rule(), Rule::LineTooLong { limit: 20 }, "{line:?}");
                assert_eq!(error.offset(), start + 20);
                assert_eq!(data(&events), ["a"]);
            }
        }
    }
}

#[test]
fn max_line_without_the_byte_order_mark() {
    for (value, fits) in [("a", true), ("ab", true), ("abc", false)] {
        let stream = format!("\u{FEFF}data: {value}\n\n");
        let (events, error, ..) =
            every_way(&decoder(Limits::default().max_line(8)), stream.as_bytes());
        assert_eq!(
            (events.len(), error.map(|error| error.offset())),
            if fits { (1, None) } else { (0, Some(11)) }
        );
    }
    // The beginning of one is a part of the line.
    let error = every_way(&decoder(Limits::default().max_line(1)), b"\xEF\xBB\n").1.unwrap();
    assert_eq!(error.offset(), 1);
}

#[test]
fn max_line_fails_before_the_line_ends() {
    let mut decoder = Decoder::with_limits(Limits::default().max_line(8));
    assert_eq!(feed::chunk(&mut decoder, b"data: ab"), Ok(vec![]));
    let error = feed::chunk(&mut decoder, b"c").unwrap_err();
    assert_eq!((error.rule(), error.offset()), (Rule::LineTooLong { limit: 8 }, 8));
}

#[test]
fn max_line_at_its_default() {
    for (length, fits) in [((1 << 20) - 1, true), (1 << 20, true), ((1 << 20) + 1, false)] {
        let stream = format!("data:{}\n\n", "x".repeat(length - 5));
        for size in [4096, stream.len()] {
            let mut decoder = Decoder::new();
            let (events, error) = feed::chunks(&mut decoder, stream.as_bytes().chunks(size));
            assert_eq!((events.len(), error.is_none()), (usize::from(fits), fits));
        }
    }
}

#[test]
fn max_event() {
    let limits = Limits::default().max_event(12);
    for (length, fits) in [(11, true), (12, true), (13, false)] {
        let one = format!("data: {}\n", "x".repeat(length));
        let two = format!("data: {}\ndata: abcd\n", "x".repeat(length - 5));
        let many =
            format!("data\ndata\ndata:{}\n", "é".repeat(length / 2 - 1) + &"x".repeat(length % 2));
        let replaced = [&b"data:"[..], &vec![b'x'; length - 3], b"\xFF\n"].concat();
        for event in [one.into_bytes(), two.into_bytes(), many.into_bytes(), replaced] {
            let stream = [b"data: a\n\n", &event[..], b"\ndata: b\n\n"].concat();
            let (events, error, ..) = every_way(&decoder(limits), &stream);
            if fits {
                assert_eq!(error, None, "{event:?}");
                assert_eq!(events[1].data.len(), length);
                assert_eq!(events[2].data, "b");
            } else {
                let error = error.unwrap();
                assert_eq!(error.rule(), Rule::EventTooLong { limit: 12 });
                assert_eq!(error.offset(), 9 + event.len() as u64 - 1);
                assert_eq!(data(&events), ["a"]);
            }
        }
    }
}

#[test]
fn max_event_says_where_before_any_line_end() {
    for line_end in ["\n", "\r", "\r\n"] {
        let stream = format!("data: a{line_end}data: bc{line_end}{line_end}");
        let error =
            every_way(&decoder(Limits::default().max_event(3)), stream.as_bytes()).1.unwrap();
        assert_eq!(error.offset(), "data: adata: bc".len() as u64 + line_end.len() as u64);
    }
}

#[test]
fn max_event_at_its_default() {
    for (length, fits) in [((16 << 20) - 1, true), (16 << 20, true), ((16 << 20) + 1, false)] {
        let mut decoder = Decoder::new();
        let line = format!("data:{}\n", "x".repeat((1 << 19) - 1));
        let last = format!("data:{}\n\n", "x".repeat(length - 31 * (1 << 19)));
        let lines = std::iter::repeat_n(line.as_bytes(), 31).chain([last.as_bytes()]);
        let (events, error) = feed::chunks(&mut decoder, lines);
        assert_eq!((events.len(), error.is_none()), (usize::from(fits), fits));
    }
}

#[test]
fn limits_of_zero() {
    let limits = Limits::default().max_line(0);
    assert_eq!(every_way(&decoder(limits), b"\n\r\n\r").1, None);
    let error = every_way(&decoder(limits), b"\n:\n").1.unwrap();
    assert_eq!((error.rule(), error.offset()), (Rule::LineTooLong { limit: 0 }, 1));

    let limits = Limits::default().max_event(0);
    assert_eq!(data(&every_way(&decoder(limits), b"data\n\nid: 1\n\ndata:\n\n").0), ["", ""]);
    assert!(every_way(&decoder(limits), b"data: a\n\n").1.is_some());
}

#[test]
fn an_error_is_final_until_reset() {
    let mut decoder = Decoder::with_limits(Limits::default().max_line(8));
    let error = feed::chunk(&mut decoder, b"id: 1\n\nid: 23456789\n").unwrap_err();
    assert_eq!(feed::chunk(&mut decoder, b"data: a\n\n"), Err(error));
    assert_eq!(error.to_string(), "line over 8 bytes at byte 15 of the stream");
    assert_eq!(error.rule().section(), "HTML #parsing-an-event-stream");
    decoder.reset();
    let events = feed::chunk(&mut decoder, b"data: a\n\n").unwrap();
    assert_eq!((&*events[0].data, &*events[0].last_event_id), ("a", "1"));
}

fn skipping() -> Limits {
    Limits::default().max_line(16).max_event(20).oversize(Oversize::Skip)
}

#[test]
fn skip_drops_the_event_and_goes_on() {
    let long_line = "data: 012345678901234567890";
    let too_much = "data: 0123456789\ndata: 0123456789";
    for (event, line_end) in
        [long_line, too_much].iter().flat_map(|e| [(e, "\n"), (e, "\r"), (e, "\r\n")])
    {
        for before in ["", "data: x\n", "data: x\ndata: y\n", ": x\n", "event: x\n"] {
            let stream = format!("data: a\n\n{before}{event}\ndata: z\n\ndata: b\n\n");
            let stream = stream.replace('\n', line_end);
            let (events, error, _, _, skipped) = every_way(&decoder(skipping()), stream.as_bytes());
            assert_eq!((data(&events), error, skipped), (vec!["a".into(), "b".into()], None, 1));
            assert_eq!(events[1].event_type, "message");
        }
    }
}

#[test]
fn skip_keeps_the_id_and_the_reconnection_time() {
    let stream = b"id: 1\ndata: 012345678901234567890\nretry: 5\n\nid: 2\ndata: b\n\n\
                   data: 012345678901234567890\nid: 3\n\nid: 45678901234567890\ndata: c\n\ndata: d\n\n";
    let (events, error, last_event_id, retry, skipped) = every_way(&decoder(skipping()), stream);
    assert_eq!((data(&events), error), (vec!["b".into(), "d".into()], None));
    assert_eq!((last_event_id.as_str(), retry, skipped), ("3", Some(5), 3));
}

#[test]
fn skip_counts_long_comments_as_part_of_the_event() {
    let stream = b"data: a\n: 0123456789012345\n\n: 0123456789012345\n\ndata: b\n\n";
    let (events, .., skipped) = every_way(&decoder(skipping()), stream);
    assert_eq!((data(&events), skipped), (vec!["b".into()], 2));
}

#[test]
fn skip_is_left_at_reset() {
    let mut decoder = Decoder::with_limits(skipping());
    assert_eq!(feed::chunk(&mut decoder, b"data: 012345678901234567890"), Ok(vec![]));
    decoder.reset();
    assert_eq!(data(&feed::chunk(&mut decoder, b"data: a\n\n").unwrap()), ["a"]);
    assert_eq!(decoder.skipped(), 0);
}
