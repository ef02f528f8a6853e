//! permessage-deflate in the opening handshake (RFC 6455 §9.1, RFC 7692 §5).

use rtwire_permessage_deflate::{
    Config,
    negotiation::{Offer, Params},
};

use super::fields::{Field, Fields};
use super::{Error, Request, Response, Rule};
use crate::deflate::Deflate;

pub(super) const HEADER: &str = "Sec-WebSocket-Extensions";

impl Request {
    /// Offers compression, as the configuration asks for it. Whether the server agrees is in
    /// [`Response::deflate`].
    #[must_use]
    pub fn with_deflate(mut self, config: Config) -> Self {
        self.headers.set(HEADER, Offer::encode(&[Offer::from(&config)]));
        self.deflate = Some(config);
        self
    }
}

impl Response {
    /// Agrees to the first of the request's offers of compression that the configuration allows. If
    /// there is none, the response stays as it is.
    ///
    /// ```
    /// use rtwire_permessage_deflate::Config;
    /// use rtwire_websocket::handshake::{Answer, HeadSearch, Request};
    /// use rtwire_websocket::{Connection, Limits, Role};
    ///
    /// let request = Request::new("example.com", "/", [7; 16])?.with_deflate(Config::default());
    ///
    /// let (seen, _) = Request::decode(&request.encode(), &mut HeadSearch::default())?.unwrap();
    /// let response = seen.accept().with_deflate(&seen, Config::default())?;
    /// let server = Connection::new(Role::Server, Limits::default()).with_deflate(response.deflate());
    ///
    /// let answer = Answer::decode(&response.encode(), &request, &mut HeadSearch::default())?;
    /// let Some((Answer::Accepted(seen), _)) = answer else { panic!("refused") };
    /// assert_eq!(seen.deflate(), response.deflate());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Rule::Deflate`] if the request's field is malformed, at offset 0: the head was read before.
    pub fn with_deflate(mut self, request: &Request, config: Config) -> Result<Self, Error> {
        let is_ours = |(name, _): &(&str, &[u8])| name.eq_ignore_ascii_case(HEADER);
        let values = request.headers.iter().filter(is_ours).map(|(_, value)| value);
        let params = Params::negotiate(values, &config)
            .map_err(|error| Error::new(Rule::Deflate(error.rule()), 0))
            .map_err(|error| error.in_http2(request.is_connect()))?;
        if let Some(params) = params.filter(|_| request.is_accepted_by(self.status())) {
            self.headers.set(HEADER, params.encode());
            self.deflate = Some(Deflate { params, config });
        }
        Ok(self)
    }

    /// Compression, if both ends agree to it, for
    /// [`Connection::with_deflate`](crate::Connection::with_deflate).
    #[must_use]
    pub fn deflate(&self) -> Option<Deflate> {
        self.deflate
    }
}

/// What the answer makes of the offer of `config`.
pub(super) fn agreed(fields: &Fields<'_>, config: Config) -> Result<Option<Deflate>, Error> {
    let values = fields.all(HEADER).map(|field| field.value);
    let params = Params::from_response(values, &[Offer::from(&config)]).map_err(|error| {
        let rule = Rule::Deflate(error.rule());
        // The offset counts through all values, to their end if something is missing there.
        let mut end = 0;
        let mut reaches = |field: &&Field<'_>| {
            end += field.value.len() as u64;
            error.offset() < end
        };
        let field = fields.all(HEADER).find(&mut reaches).or(fields.all(HEADER).last());
        field.map_or_else(|| fields.breaks(HEADER, rule), |field| field.breaks(rule))
    })?;
    Ok(params.map(|params| Deflate { params, config }))
}
