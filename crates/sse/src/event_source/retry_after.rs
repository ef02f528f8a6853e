//! `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
//!
//! A date is read against the `Date` of the same response (§6.6.1), so that no clock is needed and none
//! can be wrong. Without one it says nothing here.

use core::time::Duration;

/// How long to wait, as the fields of a response say.
pub(super) fn retry_after(value: &[u8], date: Option<&[u8]>) -> Option<Duration> {
    if let Some(seconds) = number(value) {
        return Some(Duration::from_secs(seconds));
    }
    Some(Duration::from_secs(timestamp(value)?.saturating_sub(timestamp(date?)?)))
}

/// A number, which saturates.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |number: u64, digit| {
        number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    }))
}

/// Seconds since 1970 (§5.6.7). "A recipient that parses a timestamp value in an HTTP field MUST
/// accept all three HTTP-date formats":
///
/// ```text
/// Sun, 06 Nov 1994 08:49:37 GMT
/// Sunday, 06-Nov-94 08:49:37 GMT
/// Sun Nov  6 08:49:37 1994
/// ```
fn timestamp(value: &[u8]) -> Option<u64> {
    let mut words = value.split(|byte| b" ,-".contains(byte)).filter(|word| !word.is_empty());
    let mut word = || words.next();
    let (_, second, third, fourth, fifth) = (word()?, word()?, word()?, word()?, word()?);
    let (day, month, year, time) = match number(second) {
        Some(day) => (day, third, fourth, fifth),
        None => (number(third)?, second, fifth, fourth),
    };
    let year = match (year.len(), number(year)?) {
        // Of a year of two digits the nearest is meant: "more than 50 years in the future" is past.
        // The difference of two dates is looked for, and dates before 1970 are no answer's.
        (2, year) => year + if year < 70 { 2000 } else { 1900 },
        (4, year) if year >= 1970 => year,
        _ => return None,
    };
    let months = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let month = 1 + u64::try_from(months.iter().position(|name| *name == month)?).ok()?;
    let mut time = time.split(|&byte| byte == b':').map(number);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    if !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 || time.next().is_some()
    {
        return None;
    }
    // Days since 1 March of the year 0, as years begin in March: then the leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some((days - 719_468) * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::{retry_after, timestamp};

    #[test]
    fn s5_6_7_three_formats_of_a_date() {
        for (date, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
            ("Fri, 31 Dec 9999 23:59:60 GMT", 253_402_300_800),
        ] {
            assert_eq!(timestamp(date.as_bytes()), Some(seconds), "{date}");
        }
        for date in [
            "",
            "Sun",
            "Sun, 06 Nov 1994",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:1 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
        ] {
            assert_eq!(timestamp(date.as_bytes()), None, "{date}");
        }
    }

    #[test]
    fn s10_2_3_seconds_or_a_date_after_that_of_the_response() {
        let date = Some(&b"Sun, 06 Nov 1994 08:49:37 GMT"[..]);
        let seconds =
            |value: &str, date| retry_after(value.as_bytes(), date).map(|it| it.as_secs());
        assert_eq!(seconds("120", None), Some(120));
        assert_eq!(seconds("0", date), Some(0));
        assert_eq!(seconds("99999999999999999999", None), Some(u64::MAX));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:07 GMT", date), Some(30));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:07 GMT", date), Some(0));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:07 GMT", None), None);
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:07 GMT", Some(b"?")), None);
        for value in ["", "-1", "+1", "1.5", "soon"] {
            assert_eq!(seconds(value, date), None, "{value:?}");
        }
    }
}
