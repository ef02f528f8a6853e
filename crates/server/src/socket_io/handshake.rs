use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::request::Request;

/// How a socket connected, in the form that Node's servers tell each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Handshake {
    /// The header fields of the request that opened the session; of several with one name, joined by
    /// `, `, and of cookies by `; `.
    pub headers: BTreeMap<String, String>,
    /// When it connected, as JavaScript's `Date` says it, in UTC.
    pub time: String,
    /// The client's IP address, or nothing if another server accepted the connection.
    pub address: String,
    /// Whether it came from a page, whose origin is in the headers.
    pub xdomain: bool,
    /// Whether the connection was encrypted up to this server: not by its own means, which have no TLS.
    pub secure: bool,
    /// When it connected, in milliseconds since 1970.
    pub issued: u64,
    /// The target of the request.
    pub url: String,
    /// The parameters of the request's query.
    pub query: BTreeMap<String, String>,
    /// What the client gave as `auth`; an empty object if it gave nothing.
    pub auth: Value,
}

impl Handshake {
    pub(crate) fn new(request: &Request, auth: Value, connected: SystemTime) -> Self {
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in request.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            let between = if name == http::header::COOKIE { "; " } else { ", " };
            headers
                .entry(name.to_string())
                .and_modify(|values| *values = format!("{values}{between}{value}"))
                .or_insert_with(|| value.into_owned());
        }
        let since = connected.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            xdomain: headers.contains_key("origin"),
            headers,
            time: date(since),
            address: request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default(),
            secure: false,
            issued: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            url: request.uri.to_string(),
            query: query(request.uri.query().unwrap_or_default()),
            auth,
        }
    }
}

/// `Thu Nov 26 2026 03:57:51 GMT+0000 (Coordinated Universal Time)`.
fn date(since_1970: Duration) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, seconds) = (since_1970.as_secs() / 86_400, since_1970.as_secs() % 86_400);
    let (mut year, mut day) = (1970, days);
    let length = |year: u64| {
        if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) {
            366
        } else {
            365
        }
    };
    while day >= length(year) {
        day -= length(year);
        year += 1;
    }
    let lengths = [31, length(year) - 337, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut months = MONTHS.iter().zip(lengths);
    let mut month = "Dec";
    for (name, length) in &mut months {
        if day < length {
            month = name;
            break;
        }
        day -= length;
    }
    let weekday = usize::try_from(days % 7).map_or("", |day| WEEKDAYS[day]);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!(
        "{weekday} {month} {:02} {year} {hours:02}:{minutes:02}:{seconds:02} GMT+0000 (Coordinated Universal Time)",
        day + 1
    )
}

/// The parameters of a query, of several with one name the last.
fn query(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(decoded_pair).collect()
}

fn decoded_pair((name, value): (&str, &str)) -> (String, String) {
    (decoded(name), decoded(value))
}

/// URL standard, application/x-www-form-urlencoded parsing: `+` is a space, `%` and two digits a byte,
/// and what is not UTF-8 then is replaced.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => match behind {
                [high, low, behind @ ..] => match (digit(*high), digit(*low)) {
                    (Some(high), Some(low)) => {
                        rest = behind;
                        high << 4 | low
                    }
                    _ => b'%',
                },
                _ => b'%',
            },
            byte => *byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Node 20 says of `new Date(n * 1000).toString()` in UTC.
    #[test]
    fn dates_are_those_of_javascript() {
        for (seconds, expected) in [
            (0, "Thu Jan 01 1970 00:00:00"),
            (951_782_400, "Tue Feb 29 2000 00:00:00"),
            (951_868_799, "Tue Feb 29 2000 23:59:59"),
            (951_868_800, "Wed Mar 01 2000 00:00:00"),
            (1_798_761_599, "Thu Dec 31 2026 23:59:59"),
            (4_107_542_400, "Mon Mar 01 2100 00:00:00"),
        ] {
            let date = date(Duration::from_secs(seconds));
            assert_eq!(date, format!("{expected} GMT+0000 (Coordinated Universal Time)"));
        }
    }

    /// RFC 9113 §8.2.3: the cookies of one request may come in several fields over HTTP/2.
    #[test]
    fn fields_of_one_name_are_joined_as_in_node() {
        let request = http::Request::get("/")
            .header("cookie", "a=1")
            .header("x-forwarded-for", "a")
            .header("cookie", "b=2")
            .header("x-forwarded-for", "b");
        let request = Request::of(request.body(()).unwrap().into_parts().0, None);
        let handshake = Handshake::new(&request, Value::Null, UNIX_EPOCH);
        let expected = [("cookie", "a=1; b=2"), ("x-forwarded-for", "a, b")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(handshake.headers, expected.into());
    }

    #[test]
    fn query_parameters_are_decoded() {
        let expected = [("a", "1 2"), ("b", "é%"), ("c", ""), ("d", "2"), ("é", "=%z1")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(query("a=1+2&b=%C3%a9%&c&&d=1&d=2&%c3%a9==%z1"), expected.into());
    }
}
