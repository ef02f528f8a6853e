//! Content codings of HTTP (RFC 9110 §8.4.1): which one a client wants, and how it is made.

use http::{HeaderMap, HeaderValue, header};
use zlib_rs::{DeflateConfig, ReturnCode};

/// A coding that this server makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentCoding {
    /// §8.4.1.3.
    Gzip,
    /// §8.4.1.2: DEFLATE, in the format of zlib.
    Deflate,
}

impl ContentCoding {
    /// §12.5.3: the coding of the highest weight, if it has more than nothing, and no less than `identity`;
    /// gzip if there are two. A client that says nothing would take any, and gets none.
    pub(crate) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let fields = headers.get_all(header::ACCEPT_ENCODING).iter();
        let fields = fields.filter_map(|value| value.to_str().ok());
        let [mut gzip, mut deflate, mut identity, mut others] = [None; 4];
        for element in fields.flat_map(|field| field.split(',')) {
            let (coding, weight) = match element.split_once(';') {
                Some((coding, weight)) => (coding, parse_weight(weight)),
                None => (element, 1000),
            };
            let known = match &*coding.trim().to_ascii_lowercase() {
                // "A recipient SHOULD consider 'x-gzip' to be equivalent to 'gzip'."
                "gzip" | "x-gzip" => &mut gzip,
                "deflate" => &mut deflate,
                "identity" => &mut identity,
                // "Any available content coding not explicitly listed in the field."
                "*" => &mut others,
                _ => continue,
            };
            *known = Some(weight);
        }
        let [gzip, deflate] = [gzip, deflate].map(|weight| weight.or(others).unwrap_or(0));
        let (coding, weight) =
            if deflate > gzip { (Self::Deflate, deflate) } else { (Self::Gzip, gzip) };
        (weight > 0 && weight >= identity.unwrap_or(0)).then_some(coding)
    }

    /// The value of `Content-Encoding`.
    pub(crate) fn name(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        })
    }

    /// `body` in this coding, if it is shorter so.
    pub(crate) fn encode(self, body: &[u8]) -> Option<Vec<u8>> {
        /// Added to the bits of the window, it is how zlib asks for the format of gzip.
        const GZIP: i32 = 16;
        let mut config = DeflateConfig::default();
        if self == Self::Gzip {
            config.window_bits += GZIP;
        }
        // No room for what is as long as it was.
        let mut encoded = vec![0; body.len().saturating_sub(1)];
        let length = match zlib_rs::compress_slice(&mut encoded, body, config) {
            (written, ReturnCode::Ok) => written.len(),
            _ => return None,
        };
        encoded.truncate(length);
        Some(encoded)
    }
}

/// §12.4.2, in thousandths. What is no weight excludes its coding.
fn parse_weight(parameter: &str) -> u16 {
    let digits = parameter.trim().strip_prefix("q=").or(parameter.trim().strip_prefix("Q="));
    let (whole, decimals) = match digits {
        Some(digits) => digits.split_once('.').unwrap_or((digits, "")),
        None => return 0,
    };
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    match whole {
        "1" => 1000,
        "0" => format!("{decimals:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use zlib_rs::{InflateConfig, decompress_slice};

    use super::*;

    #[test]
    fn rfc9110_12_5_3_accept_encoding() {
        use ContentCoding::{Deflate, Gzip};
        for (fields, expected) in [
            (&[][..], None),
            (&[""], None),
            (&["gzip"], Some(Gzip)),
            (&["X-GZip"], Some(Gzip)),
            (&["deflate"], Some(Deflate)),
            (&["deflate, gzip, br"], Some(Gzip)),
            (&["gzip, deflate, br, zstd"], Some(Gzip)),
            (&["br"], None),
            (&["compress, gzip"], Some(Gzip)),
            (&["gzip;q=0.5, deflate"], Some(Deflate)),
            (&["gzip;q=0.5", "deflate;q=0.501"], Some(Deflate)),
            (&["gzip;q=0.5, deflate;q=0.50"], Some(Gzip)),
            (&["gzip;q=0"], None),
            (&["gzip;q=0.000, deflate;q=0.001"], Some(Deflate)),
            (&["gzip;q=1.0, identity; q=0.5, *;q=0"], Some(Gzip)),
            (&["*"], Some(Gzip)),
            (&["*;q=0"], None),
            (&["gzip;q=0, *"], Some(Deflate)),
            (&["identity"], None),
            (&["identity, gzip;q=0.9"], None),
            (&["identity;q=0.5, gzip ; Q=0.5"], Some(Gzip)),
            (&["identity;q=0, gzip"], Some(Gzip)),
            (&["gzip;q=2"], None),
            (&["gzip;q=0.1234"], None),
            (&["gzip;q=-1"], None),
            (&["gzip;level=9"], None),
            (&["gzip;q="], None),
        ] {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(field));
            }
            assert_eq!(ContentCoding::accepted(&headers), expected, "{fields:?}");
        }
    }

    #[test]
    fn rfc9110_8_4_1_codings() {
        let body = "shorter, shorter, ".repeat(1000).into_bytes();
        for (coding, window_bits, magic) in
            [(ContentCoding::Gzip, 31, [0x1f, 0x8b]), (ContentCoding::Deflate, 15, [0x78, 0x9c])]
        {
            let encoded = coding.encode(&body).unwrap();
            assert!(encoded.len() < 200, "{} bytes", encoded.len());
            assert_eq!(encoded[..2], magic);
            let mut decoded = vec![0; body.len()];
            let config = InflateConfig { window_bits };
            let (decoded, outcome) = decompress_slice(&mut decoded, &encoded, config);
            assert_eq!(outcome, ReturnCode::Ok);
            assert_eq!(decoded, body);
            for incompressible in [&b""[..], b"a", b"abcdefgh"] {
                assert_eq!(coding.encode(incompressible), None);
            }
        }
    }
}
