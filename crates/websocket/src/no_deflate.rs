//! In place of `deflate.rs` without that feature: there is no [`Codec`].

use bytes::{Bytes, BytesMut};

use crate::{error::Rule, prepared::PreparedMessage};

#[derive(Debug)]
pub(crate) enum Codec {}

impl Codec {
    pub(crate) fn should_compress(&self, _len: usize, _fin: bool) -> bool {
        match *self {}
    }

    pub(crate) fn compress(&mut self, _message: &[u8]) -> Option<BytesMut> {
        match *self {}
    }

    pub(crate) fn compress_fragment(&mut self, _piece: &[u8], _fin: bool, _payload: &mut BytesMut) {
        match *self {}
    }

    pub(crate) fn inflate(
        &mut self,
        _piece: &[u8],
        _fin: bool,
        _max_message: u64,
        _message: &mut BytesMut,
    ) -> Result<(), Rule> {
        match *self {}
    }

    pub(crate) fn prepared<'p>(&mut self, _message: &'p PreparedMessage) -> &'p Bytes {
        match *self {}
    }
}
