//! What a client offers (RFC 7692 §7.1), and how a server reads it.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use super::error::{Error, Rule};
use super::extension::{Extensions, Param, Value};
use super::params::Params;
use crate::config::Config;
use crate::window::WindowBits;

pub(super) const NAME: &str = "permessage-deflate";

/// One offer of a client. The default is that of browsers: any window, contexts taken over.
///
/// ```
/// use rtwire_permessage_deflate::negotiation::Offer;
///
/// assert_eq!(Offer::default().to_string(), "permessage-deflate; client_max_window_bits");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Offer {
    /// The server is to start each message with an empty window (§7.1.1.1).
    pub server_no_context_takeover: bool,
    /// A hint: the client will, whatever the server answers (§7.1.1.2).
    pub client_no_context_takeover: bool,
    /// The largest window that the server is to use (§7.1.2.1).
    pub server_max_window_bits: Option<WindowBits>,
    /// Whether the server may limit the client's window (§7.1.2.2), and within that, as a hint, the
    /// largest that the client will use, whatever the server answers.
    pub client_max_window_bits: Option<Option<WindowBits>>,
}

impl Default for Offer {
    fn default() -> Self {
        Self { client_max_window_bits: Some(None), ..Self::BARE }
    }
}

/// What a client's configuration asks for.
impl From<&Config> for Offer {
    fn from(config: &Config) -> Self {
        let below_max = |bits| Some(bits).filter(|bits| *bits < WindowBits::MAX);
        Self {
            server_no_context_takeover: config.server_no_context_takeover,
            client_no_context_takeover: config.client_no_context_takeover,
            server_max_window_bits: below_max(config.server_max_window_bits),
            client_max_window_bits: Some(below_max(config.client_max_window_bits)),
        }
    }
}

impl Offer {
    /// Without any parameter.
    const BARE: Self = Self {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: None,
        client_max_window_bits: None,
    };

    /// Sets [`server_no_context_takeover`](#structfield.server_no_context_takeover).
    #[must_use]
    pub fn server_no_context_takeover(mut self, yes: bool) -> Self {
        self.server_no_context_takeover = yes;
        self
    }

    /// Sets [`client_no_context_takeover`](#structfield.client_no_context_takeover).
    #[must_use]
    pub fn client_no_context_takeover(mut self, yes: bool) -> Self {
        self.client_no_context_takeover = yes;
        self
    }

    /// Sets [`server_max_window_bits`](#structfield.server_max_window_bits).
    #[must_use]
    pub fn server_max_window_bits(mut self, bits: Option<WindowBits>) -> Self {
        self.server_max_window_bits = bits;
        self
    }

    /// Sets [`client_max_window_bits`](#structfield.client_max_window_bits): `None` leaves it out,
    /// `Some(None)` names no size.
    #[must_use]
    pub fn client_max_window_bits(mut self, bits: Option<Option<WindowBits>>) -> Self {
        self.client_max_window_bits = bits;
        self
    }

    /// The value of `Sec-WebSocket-Extensions` in a request: the offers in order of preference.
    #[must_use]
    pub fn encode(offers: &[Self]) -> String {
        let offers: Vec<String> = offers.iter().map(Self::to_string).collect();
        offers.join(", ")
    }

    /// The offers in a request that can be agreed to, in their order. Other extensions are ignored,
    /// and so are offers that §7 has a server decline: with an unknown parameter, one that is there
    /// twice, or an invalid value.
    ///
    /// # Errors
    /// [`Rule::Malformed`].
    pub fn decode<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Self>, Error> {
        let mut extensions = Extensions::new(fields);
        let mut offers = Vec::new();
        while let Some((name, _)) = extensions.next_extension()? {
            let offer = Self::read(&mut extensions)?;
            if name == NAME {
                offers.extend(offer.ok());
            }
        }
        Ok(offers)
    }

    /// What a server with this configuration agrees to; `None` declines the offer.
    #[must_use]
    pub fn accept(&self, config: &Config) -> Option<Params> {
        let server_max_window_bits = match (self.server_max_window_bits, config.server_max()) {
            // "A server accepts an extension negotiation offer with this parameter by including
            // [it] with the same or smaller value as the offer."
            (Some(offered), wanted) => Some(offered.min(wanted)),
            // "A server MAY include [it] even if the offer [...] didn't."
            (None, WindowBits::MAX) => None,
            (None, wanted) => Some(wanted),
        };
        if server_max_window_bits == Some(WindowBits::MIN) {
            return None;
        }
        let client_max_window_bits = match (self.client_max_window_bits, config.client_max()) {
            (None | Some(None), WindowBits::MAX) => None,
            // §7.1.2.2: "the response [...] MUST NOT include" it.
            (None, _) => return None,
            (Some(None), wanted) => Some(wanted),
            (Some(Some(hint)), wanted) => Some(hint.min(wanted)),
        };
        Some(Params {
            server_no_context_takeover: self.server_no_context_takeover
                || config.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover
                || config.client_no_context_takeover,
            server_max_window_bits,
            client_max_window_bits,
        })
    }

    /// Reads the parameters of an extension, all of them, whatever they are. Inside, the first
    /// fault that is not one of syntax.
    pub(super) fn read<'a>(
        extensions: &mut Extensions<'a, impl Iterator<Item = &'a [u8]>>,
    ) -> Result<Result<Self, Error>, Error> {
        let mut offer = Ok(Self::BARE);
        while let Some(param) = extensions.next_param()? {
            offer = offer.and_then(|offer| {
                offer.with(&param).map_err(|rule| Error::new(rule, param.offset))
            });
        }
        Ok(offer)
    }

    fn with(mut self, param: &Param<'_>) -> Result<Self, Rule> {
        let bits = || match &param.value {
            Value::Missing => Ok(None),
            Value::Token(value) => WindowBits::decode(value).map(Some).ok_or(Rule::InvalidValue),
            Value::NoToken => Err(Rule::InvalidValue),
        };
        let flag = || (param.value == Value::Missing).then_some(true).ok_or(Rule::InvalidValue);
        let is_repeated = match param.name {
            "server_no_context_takeover" => {
                core::mem::replace(&mut self.server_no_context_takeover, flag()?)
            }
            "client_no_context_takeover" => {
                core::mem::replace(&mut self.client_no_context_takeover, flag()?)
            }
            // §7.1.2.1: it "has a value", other than the client's.
            "server_max_window_bits" => {
                let bits = bits()?.ok_or(Rule::InvalidValue)?;
                self.server_max_window_bits.replace(bits).is_some()
            }
            "client_max_window_bits" => self.client_max_window_bits.replace(bits()?).is_some(),
            _ => return Err(Rule::UnknownParameter),
        };
        if is_repeated { Err(Rule::RepeatedParameter) } else { Ok(self) }
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.server_no_context_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        if self.client_no_context_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; server_max_window_bits={bits}")?;
        }
        match self.client_max_window_bits {
            None => Ok(()),
            Some(None) => f.write_str("; client_max_window_bits"),
            Some(Some(bits)) => write!(f, "; client_max_window_bits={bits}"),
        }
    }
}
