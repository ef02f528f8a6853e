use alloc::{string::String, vec::Vec};
use core::{fmt::Write, time::Duration};

use bytestring::ByteString;
use serde_json::Value;

use crate::rule::Rule;

/// The handshake ("Handshake"): what the server's open packet says.
///
/// ```
/// use std::time::Duration;
/// use rtwire_engineio::OpenPacket;
///
/// let open = OpenPacket {
///     sid: "lv_VI97HAXpY6yYWAAAC".into(),
///     upgrades: vec!["websocket".into()],
///     ping_interval: Duration::from_secs(25),
///     ping_timeout: Duration::from_secs(20),
///     max_payload: 1_000_000,
/// };
/// let json = open.encode();
/// assert_eq!(
///     json,
///     r#"{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
/// );
/// assert_eq!(OpenPacket::decode(&json), Ok(open));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPacket {
    /// Names the session. Who knows it can speak for the peer: 20 characters of base64url from a
    /// cryptographic random source, never logged.
    pub sid: ByteString,
    /// The transports that the client may move to.
    pub upgrades: Vec<ByteString>,
    /// Between a pong and the next ping; on the wire in whole milliseconds.
    pub ping_interval: Duration,
    /// How long a pong may take; on the wire in whole milliseconds.
    pub ping_timeout: Duration,
    /// The longest payload that the server takes, in bytes.
    pub max_payload: u64,
}

impl OpenPacket {
    /// The longest JSON of one, in bytes: it has 120 or so, and what is read of others' may take a hundred times
    /// its length.
    const MAX_LEN: usize = 16 << 10;

    /// What a server means that does not name its `maxPayload`, as those before Engine.IO 6.1:
    /// 1 000 000 bytes, the default of them all.
    pub const DEFAULT_MAX_PAYLOAD: u64 = 1_000_000;

    /// The JSON: exactly these five keys, in this order.
    pub fn encode(&self) -> String {
        let mut json = String::with_capacity(128 + self.sid.len());
        json.push_str(r#"{"sid":"#);
        push_string(&mut json, &self.sid);
        json.push_str(r#","upgrades":["#);
        for (index, upgrade) in self.upgrades.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            push_string(&mut json, upgrade);
        }
        // Writing to a String does not fail.
        let _ = write!(
            json,
            r#"],"pingInterval":{},"pingTimeout":{},"maxPayload":{}}}"#,
            millis(self.ping_interval),
            millis(self.ping_timeout),
            self.max_payload
        );
        json
    }

    /// Decodes the JSON, of 16 KiB at most. Keys that are not known are let pass; `maxPayload` may be missing
    /// ([`DEFAULT_MAX_PAYLOAD`](Self::DEFAULT_MAX_PAYLOAD)).
    ///
    /// # Errors
    /// [`Rule::InvalidOpen`].
    pub fn decode(json: &str) -> Result<Self, Rule> {
        if json.len() > Self::MAX_LEN {
            return Err(Rule::InvalidOpen);
        }
        let value: Value = serde_json::from_str(json).map_err(|_| Rule::InvalidOpen)?;
        let number = |key: &str| value.get(key).and_then(Value::as_u64).ok_or(Rule::InvalidOpen);
        let sid = value.get("sid").and_then(Value::as_str).unwrap_or_default();
        if sid.is_empty() {
            return Err(Rule::InvalidOpen);
        }
        let upgrades = value.get("upgrades").and_then(Value::as_array).ok_or(Rule::InvalidOpen)?;
        let upgrades = upgrades.iter().map(|upgrade| upgrade.as_str().map(ByteString::from));
        Ok(Self {
            sid: sid.into(),
            upgrades: upgrades.collect::<Option<_>>().ok_or(Rule::InvalidOpen)?,
            ping_interval: Duration::from_millis(number("pingInterval")?),
            ping_timeout: Duration::from_millis(number("pingTimeout")?),
            max_payload: match value.get("maxPayload") {
                Some(_) => number("maxPayload")?,
                None => Self::DEFAULT_MAX_PAYLOAD,
            },
        })
    }
}

fn push_string(json: &mut String, text: &str) {
    // Writing to a String does not fail.
    let _ = write!(json, "{}", Value::from(text));
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
