//! What the two ends agree on (RFC 7692 §7.1): made by the server, checked by the client.

use alloc::string::{String, ToString as _};

use super::error::{Error, Rule};
use super::extension::Extensions;
use super::offer::{NAME, Offer};
use crate::config::Config;
use crate::window::{Window, WindowBits};

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The end that offered.
    Client,
    /// The end that answered.
    Server,
}

/// The agreed parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Params {
    /// The server starts each message with an empty window (§7.1.1.1).
    pub server_no_context_takeover: bool,
    /// The client does (§7.1.1.2).
    pub client_no_context_takeover: bool,
    /// The largest window of the server (§7.1.2.1); `None` is 15 bits.
    pub server_max_window_bits: Option<WindowBits>,
    /// The largest window of the client (§7.1.2.2); `None` is 15 bits.
    pub client_max_window_bits: Option<WindowBits>,
}

/// The server's side.
impl Params {
    /// Reads the `Sec-WebSocket-Extensions` fields of a request, and takes the first offer that can
    /// be [accepted](Offer::accept). `None`: there is no such offer, and nothing to answer.
    ///
    /// # Errors
    /// [`Rule::Malformed`]: the request is answered with 400.
    pub fn negotiate<'a>(
        fields: impl IntoIterator<Item = &'a [u8]>,
        config: &Config,
    ) -> Result<Option<Self>, Error> {
        let offers = Offer::decode(fields)?;
        Ok(offers.iter().find_map(|offer| offer.accept(config)))
    }

    /// The value of `Sec-WebSocket-Extensions` in the response.
    #[must_use]
    pub fn encode(&self) -> String {
        // Its parameters are among those of an offer, with the same syntax.
        let Self {
            server_no_context_takeover,
            client_no_context_takeover,
            server_max_window_bits,
            client_max_window_bits,
        } = *self;
        Offer::default()
            .server_no_context_takeover(server_no_context_takeover)
            .client_no_context_takeover(client_no_context_takeover)
            .server_max_window_bits(server_max_window_bits)
            .client_max_window_bits(client_max_window_bits.map(Some))
            .to_string()
    }
}

/// The client's side.
impl Params {
    /// Reads the `Sec-WebSocket-Extensions` fields of a response, and checks them against what was
    /// offered: one of the offers must have been accepted. `None`: none was, and the connection is
    /// not compressed.
    ///
    /// What the client promised in that offer holds as well, even if the server does not repeat
    /// it (§7.1.1.2, §7.1.2.2).
    ///
    /// # Errors
    /// The rule that the response breaks: the connection is closed. If it answers no offer, the
    /// rule is that of the first. No extension but permessage-deflate must have been offered.
    pub fn from_response<'a>(
        fields: impl IntoIterator<Item = &'a [u8]>,
        offers: &[Offer],
    ) -> Result<Option<Self>, Error> {
        let mut extensions = Extensions::new(fields);
        let mut answer = None;
        while let Some((name, offset)) = extensions.next_extension()? {
            let params = Offer::read(&mut extensions)?;
            if name != NAME {
                return Err(Error::new(Rule::UnofferedExtension, offset));
            }
            if answer.replace((params?, offset)).is_some() {
                return Err(Error::new(Rule::RepeatedExtension, offset));
            }
        }
        let Some((params, offset)) = answer else { return Ok(None) };
        let mut first_fault = None;
        for offer in offers {
            match Self::answer_to(offer, &params) {
                Ok(params) => return Ok(Some(params)),
                Err(rule) => _ = first_fault.get_or_insert(rule),
            }
        }
        Err(Error::new(first_fault.unwrap_or(Rule::UnofferedExtension), offset))
    }

    /// `response` has the syntax of an offer.
    fn answer_to(offer: &Offer, response: &Offer) -> Result<Self, Rule> {
        if offer.server_no_context_takeover && !response.server_no_context_takeover {
            return Err(Rule::ServerNoContextTakeover);
        }
        let server_max_window_bits = response.server_max_window_bits;
        if let Some(offered) = offer.server_max_window_bits
            && server_max_window_bits.is_none_or(|bits| bits > offered)
        {
            return Err(Rule::ServerMaxWindowBits);
        }
        let client_max_window_bits =
            match (offer.client_max_window_bits, response.client_max_window_bits) {
                (_, Some(None)) => return Err(Rule::InvalidValue),
                (None, Some(_)) => return Err(Rule::UnofferedClientMaxWindowBits),
                (Some(Some(hint)), Some(Some(bits))) if bits > hint => {
                    return Err(Rule::ClientMaxWindowBitsTooLarge);
                }
                (_, Some(bits)) => bits,
                (hint, None) => hint.flatten(),
            };
        Ok(Self {
            server_no_context_takeover: response.server_no_context_takeover,
            client_no_context_takeover: response.client_no_context_takeover
                || offer.client_no_context_takeover,
            server_max_window_bits,
            client_max_window_bits,
        })
    }
}

impl Params {
    /// The window of the messages that `sender` sends: its [`Compressor`](crate::Compressor)'s, and
    /// the other end's [`Decompressor`](crate::Decompressor)'s.
    #[must_use]
    pub fn window(&self, sender: Role) -> Window {
        let (no_context_takeover, bits) = match sender {
            Role::Client => (self.client_no_context_takeover, self.client_max_window_bits),
            Role::Server => (self.server_no_context_takeover, self.server_max_window_bits),
        };
        Window { bits: bits.unwrap_or_default(), context_takeover: !no_context_takeover }
    }
}
