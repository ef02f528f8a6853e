//! What the vectors of the handshake's two forms have in common.

use rtwire_websocket::handshake::{Request, Rule};
use serde::Deserialize;

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Server,
    Client,
}

#[derive(Deserialize, Debug, PartialEq)]
pub(crate) struct Seen {
    target: String,
    host: String,
    origin: Option<String>,
    protocols: Vec<String>,
}

impl From<&Request> for Seen {
    fn from(request: &Request) -> Self {
        Self {
            target: request.target().into(),
            host: request.host().into(),
            origin: request.origin().map(String::from),
            protocols: request.protocols().map(String::from).collect(),
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Chosen {
    pub(crate) protocol: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Status {
    pub(crate) status: u16,
}

/// The name of the variant, without its fields.
pub(crate) fn name(rule: Rule) -> String {
    format!("{rule:?}").split(' ').next().unwrap_or_default().into()
}
