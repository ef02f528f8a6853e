//! Receiving (RFC 6455 §5, §6.2): from the bytes of the peer to [`Event`]s, whole frames where they
//! lie in the input, and all others through an [`Incoming`].
//!
//! ```text
//! input  | frame | frame | fra     me | frame |      the first two and the last borrow the input,
//!                        └─ Incoming ─┘              the third owns its payload
//! ```

use alloc::{boxed::Box, vec::Vec};
use core::mem;

use bytes::{BufMut, BytesMut, buf::Limit};
use bytestring::ByteString;

use crate::{
    close::CloseReason,
    connection::{Connection, Role},
    error::{Error, Rule, SendError},
    event::{Event, Payload, Text},
    header::FrameHeader,
    mask::apply_mask,
    opcode::Opcode,
    parts::{Part, PartAssembly},
    utf8::{self, CutCodePoint, TextAssembly},
};

/// The frame whose payload is arriving.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) fin: bool,
    opcode: Opcode,
    pub(crate) masking_key: Option<[u8; 4]>,
    pub(crate) len: u64,
    pub(crate) received: u64,
}

/// The data message that is arriving, as far as it has.
#[derive(Debug)]
enum Assembly {
    Text(TextAssembly),
    /// The first `unmasked` bytes are accounted for; those after it were read directly.
    Binary {
        bytes: BytesMut,
        unmasked: usize,
    },
    Inflated(InflatedMessage),
    Parts(PartAssembly),
}

impl Assembly {
    /// In bytes, of a message that is not compressed: of one that is, the decompressor counts.
    fn len(&self) -> Option<u64> {
        match self {
            Self::Text(text) => Some(text.len() as u64),
            Self::Binary { unmasked, .. } => Some(*unmasked as u64),
            Self::Inflated(_) => None,
            Self::Parts(parts) => (!parts.compressed).then_some(parts.len),
        }
    }
}

/// A message that arrives compressed.
#[derive(Debug)]
struct InflatedMessage {
    is_text: bool,
    bytes: BytesMut,
    /// How much of a text is known to be one.
    validated: usize,
}

impl InflatedMessage {
    /// Fails as soon as the text cannot be one.
    fn validate(&mut self) -> Result<(), Rule> {
        if self.is_text {
            let (start, mut cut) = (self.validated, CutCodePoint::default());
            let new = self.bytes.get(start..).unwrap_or_default();
            let text = utf8::validate_start(new, &mut cut).map_err(|_| Rule::InvalidUtf8)?;
            self.validated += text.len();
        }
        Ok(())
    }

    fn finish<'i>(self) -> Result<Event<'i>, Rule> {
        let bytes = self.bytes.freeze();
        if !self.is_text {
            return Ok(Event::Binary(Payload::Owned(bytes)));
        }
        // All of it again, where it came in pieces: the price of having no unsafe code.
        let text = ByteString::try_from(bytes).map_err(|_| Rule::InvalidUtf8)?;
        Ok(Event::Text(Text::Owned(text)))
    }
}

/// What has arrived of a frame or message that is not complete. Only then does it take memory: an
/// idle connection has none of it.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    cut_header: [u8; FrameHeader::MAX_LEN],
    cut_header_len: u8,
    frame: Option<Frame>,
    assembly: Option<Assembly>,
    fragments: u32,
    /// The payload of a cut control frame: at most 125 bytes.
    control: Vec<u8>,
}

impl Incoming {
    /// A header that the end of this input cuts, or an earlier one did; and how many bytes of
    /// `input` it took.
    fn decode_header(&mut self, input: &[u8]) -> Result<(Option<FrameHeader>, usize), Error> {
        let cut = usize::from(self.cut_header_len);
        let copied = input.len().min(FrameHeader::MAX_LEN - cut);
        self.cut_header[cut..cut + copied].copy_from_slice(&input[..copied]);
        let header = FrameHeader::decode(&self.cut_header[..cut + copied])?;
        // At most 13 bytes stay: 14 are always a whole header.
        let kept = if header.is_none() { cut + copied } else { 0 };
        self.cut_header_len = u8::try_from(kept).unwrap_or_default();
        Ok(match header {
            Some((header, used)) => (Some(header), used - cut),
            None => (None, copied),
        })
    }

    fn start_payload(&mut self, header: &FrameHeader, in_parts: bool) {
        if !header.opcode.is_control() {
            self.fragments = if self.assembly.is_some() { self.fragments + 1 } else { 1 };
            self.assembly.get_or_insert_with(|| match header.opcode {
                opcode if in_parts => Assembly::Parts(PartAssembly::new(opcode, header.rsv1)),
                opcode if header.rsv1 => Assembly::Inflated(InflatedMessage {
                    is_text: opcode == Opcode::Text,
                    bytes: BytesMut::new(),
                    validated: 0,
                }),
                Opcode::Text => Assembly::Text(TextAssembly::default()),
                _ => Assembly::Binary { bytes: BytesMut::new(), unmasked: 0 },
            });
        }
        self.frame = Some(Frame {
            fin: header.fin,
            opcode: header.opcode,
            masking_key: header.masking_key,
            len: header.payload_len,
            received: 0,
        });
    }

    /// The data frame that is arriving, of a message that is given away in parts.
    pub(crate) fn parts(&mut self) -> Option<(&mut Frame, &mut PartAssembly)> {
        match (&mut self.frame, &mut self.assembly) {
            (Some(frame), Some(Assembly::Parts(parts))) if !frame.opcode.is_control() => {
                Some((frame, parts))
            }
            _ => None,
        }
    }

    /// The frame has arrived, and its message if it is the last.
    pub(crate) fn end_frame(&mut self, fin: bool) {
        self.frame = None;
        if fin {
            self.fragments = 0;
            self.assembly = None;
        }
    }

    fn is_empty(&self) -> bool {
        self.cut_header_len == 0 && self.frame.is_none() && self.assembly.is_none()
    }
}

/// From this many missing bytes on, a payload is read straight into its own buffer.
const DIRECT_READ_MIN: u64 = 16 << 10;

/// The buffer of a large payload grows to four times what has arrived, and at first by this. What is not
/// written to takes no memory yet, and growing means moving.
const FIRST_RESERVE: usize = 64 << 10;

/// What DEFLATE cannot make shorter it makes longer: with zlib, whatever its settings, by an eighth and some
/// bytes at most (its `deflateBound`).
const DEFLATE_GROWTH: (u64, u64) = (8, 16);

impl Connection {
    /// Decodes the next event from the front of `input`, unmasking in place, and moves `input`
    /// past it. `Ok(None)`: all input is used; a cut frame has been kept.
    ///
    /// Replies that the protocol calls for (Pong, Close) are in the [`output`](Self::output) when
    /// this returns, also when it returns an error.
    ///
    /// # Errors
    /// The rule that the peer broke, once. From then on input is discarded.
    // Nearly every event is a message that lies whole in the input, and it must not go through memory: a
    // caller copies what a call has written there 16 bytes at a time, and such a load waits for the two
    // stores of 8 bytes that it spans (a message of 64 bytes takes 14 ns then, instead of 9). So the call
    // returns the payload, in two registers, and its event is made here, in the caller. The event of the
    // other call is moved by `transpose`; otherwise both would be in the memory of that call.
    #[inline(always)]
    pub fn next_event<'i>(&mut self, input: &mut &'i mut [u8]) -> Result<Option<Event<'i>>, Error> {
        match self.whole_message(input) {
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => {
                self.fail(error);
                Err(error)
            }
            None => self.next_other_event(input).transpose(),
        }
    }

    #[inline(never)]
    fn next_other_event<'i>(
        &mut self,
        input: &mut &'i mut [u8],
    ) -> Option<Result<Event<'i>, Error>> {
        if !self.receiving {
            self.discard(input);
            return None;
        }
        self.heard |= !input.is_empty();
        let result = self.decode(input);
        if let Err(error) = &result {
            self.fail(*error);
        }
        result.transpose()
    }

    /// Where the rest of a large binary payload may be read to directly, instead of through
    /// [`next_event`](Self::next_event)'s input; call that afterwards, with empty input. It grows
    /// by what arrives, never by the length that the peer claims.
    pub fn payload_buffer(&mut self) -> Option<Limit<&mut BytesMut>> {
        let Incoming { frame: Some(frame), assembly, .. } = self.incoming.as_deref_mut()? else {
            return None;
        };
        let Some(Assembly::Binary { bytes, unmasked }) = assembly else { return None };
        if frame.opcode.is_control() {
            return None;
        }
        let direct = (bytes.len() - *unmasked) as u64;
        let missing = frame.len - frame.received - direct;
        if missing < DIRECT_READ_MIN {
            return None;
        }
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        if bytes.capacity() == bytes.len() {
            bytes.reserve(missing.min((bytes.len() * 3).max(FIRST_RESERVE)));
        }
        Some(bytes.limit(missing))
    }

    /// Input that means nothing any more.
    pub(crate) fn discard(&mut self, input: &mut &mut [u8]) {
        self.offset += mem::take(input).len() as u64;
    }

    fn decode<'i>(&mut self, input: &mut &'i mut [u8]) -> Result<Option<Event<'i>>, Error> {
        loop {
            if self.incoming.is_some() {
                match self.decode_incoming(input, false)? {
                    Progress::Cut => return Ok(None),
                    // The rest of a message that began in parts.
                    Progress::Fragment | Progress::Part(_) => continue,
                    Progress::Event(event) => return Ok(Some(event)),
                }
            }
            match self.decode_frame(input, false)? {
                Some(event) => return Ok(Some(event)),
                None if self.incoming.is_none() => return Ok(None),
                None => {}
            }
        }
    }

    /// A frame that lies whole in the input. Of any other, the rest is for
    /// [`decode_incoming`](Self::decode_incoming).
    pub(crate) fn decode_frame<'i>(
        &mut self,
        input: &mut &'i mut [u8],
        in_parts: bool,
    ) -> Result<Option<Event<'i>>, Error> {
        if let Some(message) = self.whole_message(input) {
            return message.map(Some);
        }
        let start = self.offset;
        match FrameHeader::decode(input).map_err(|error| error.after(start))? {
            Some((header, used)) => {
                self.check(&header).map_err(|rule| Error::new(rule, start))?;
                self.take(input, used);
                if header.opcode.is_control() && header.payload_len <= input.len() as u64 {
                    let payload = Payload::Borrowed(self.take_payload(&header, input));
                    return self.control_event(header.opcode, payload).map(Some);
                }
                self.incoming.get_or_insert_default().start_payload(&header, in_parts);
            }
            None if input.is_empty() => {}
            None => _ = self.incoming.insert(Box::default()),
        }
        Ok(None)
    }

    /// A message that is one frame, not compressed, which lies whole in the input.
    #[inline(always)]
    fn whole_message<'i>(&mut self, input: &mut &'i mut [u8]) -> Option<Result<Event<'i>, Error>> {
        let first = input.first().copied();
        let payload = self.whole_payload(input)?;
        // Where there is a payload, this byte had no reserved bits, and of the two opcodes one.
        if first != Some(0x80 | Opcode::Text.encode()) {
            return Some(Ok(Event::Binary(Payload::Borrowed(payload))));
        }
        Some(match utf8::validate(payload) {
            Ok(text) => Ok(Event::Text(Text::Borrowed(text))),
            Err(index) => {
                let after = (payload.len() - index) as u64;
                Err(Error::new(Rule::InvalidUtf8, self.offset - after))
            }
        })
    }

    /// The payload of [`whole_message`](Self::whole_message), unmasked. What is wrong with any other
    /// frame is not found here.
    #[inline(never)]
    fn whole_payload<'i>(&mut self, input: &mut &'i mut [u8]) -> Option<&'i [u8]> {
        let (header, used) = FrameHeader::decode(input).ok()??;
        let rest = input.get(used..)?;
        let is_message = header.fin && !header.rsv1 && !header.opcode.is_control();
        let is_whole = self.incoming.is_none() && header.payload_len <= rest.len() as u64;
        if !self.receiving || !is_message || !is_whole || self.check(&header).is_err() {
            return None;
        }
        self.heard = true;
        self.take(input, used);
        Some(self.take_payload(&header, input))
    }

    /// Goes on with a frame or a message that an earlier input began.
    pub(crate) fn decode_incoming<'i>(
        &mut self,
        input: &mut &'i mut [u8],
        in_parts: bool,
    ) -> Result<Progress<'i>, Error> {
        let Some(incoming) = &mut self.incoming else { return Ok(Progress::Fragment) };
        if incoming.frame.is_none() {
            let start = self.offset - u64::from(incoming.cut_header_len);
            let (header, used) =
                incoming.decode_header(input).map_err(|error| error.after(start))?;
            self.take(input, used);
            let Some(header) = header else { return Ok(Progress::Cut) };
            self.check(&header).map_err(|rule| Error::new(rule, start))?;
            self.incoming.get_or_insert_default().start_payload(&header, in_parts);
        }
        let in_parts = self.incoming.as_deref_mut().is_some_and(|i| i.parts().is_some());
        let progress =
            if in_parts { self.continue_part(input) } else { self.continue_payload(input) };
        self.incoming.take_if(|incoming| incoming.is_empty());
        progress
    }

    /// What a header may be here, beyond being well formed.
    #[inline(always)]
    fn check(&self, header: &FrameHeader) -> Result<(), Rule> {
        // §5.2: "MUST be 0 unless an extension is negotiated that defines meanings".
        if header.rsv1 || header.rsv2 || header.rsv3 {
            // RFC 7692 §6: RSV1 is for the first frame of a data message.
            let starts_message = matches!(header.opcode, Opcode::Text | Opcode::Binary);
            if header.rsv2 || header.rsv3 || self.codec.is_none() || !starts_message {
                return Err(Rule::ReservedBits);
            }
        }
        // §5.1: "The server MUST close the connection upon receiving a frame that is not masked",
        // and a client upon one that is.
        match (self.role(), header.masking_key) {
            (Role::Server, None) => return Err(Rule::Unmasked),
            (Role::Client { .. }, Some(_)) => return Err(Rule::Masked),
            (Role::Server, Some(_)) | (Role::Client { .. }, None) => {}
        }
        if header.opcode.is_control() {
            return Ok(());
        }
        let incoming = self.incoming.as_deref();
        let assembly = incoming.and_then(|incoming| incoming.assembly.as_ref());
        let limit = self.limits.max_frame;
        let most = match assembly.map_or(header.rsv1, |message| message.len().is_none()) {
            true => limit.saturating_add(limit / DEFLATE_GROWTH.0 + DEFLATE_GROWTH.1),
            false => limit,
        };
        if header.payload_len > most {
            return Err(Rule::FrameTooBig { limit });
        }
        let before = match (assembly, header.opcode) {
            // §5.4: "The fragments of one message MUST NOT be interleaved".
            (Some(assembly), Opcode::Continuation) => assembly.len(),
            (Some(_), _) => return Err(Rule::UnfinishedMessage),
            (None, Opcode::Continuation) => return Err(Rule::UnexpectedContinuation),
            (None, _) => (!header.rsv1).then_some(0),
        };
        if before
            .is_some_and(|len| len.saturating_add(header.payload_len) > self.limits.max_message)
        {
            return Err(Rule::MessageTooBig { limit: self.limits.max_message });
        }
        if incoming.map_or(0, |incoming| incoming.fragments) >= self.limits.max_fragments {
            return Err(Rule::TooManyFragments { limit: self.limits.max_fragments });
        }
        Ok(())
    }

    /// A payload that lies whole in the input, unmasked.
    #[inline(always)]
    fn take_payload<'i>(&mut self, header: &FrameHeader, input: &mut &'i mut [u8]) -> &'i mut [u8] {
        let payload = self.take(input, usize::try_from(header.payload_len).unwrap_or(usize::MAX));
        if let Some(key) = header.masking_key {
            apply_mask(payload, key, 0);
        }
        payload
    }

    fn continue_payload<'i>(&mut self, input: &mut &mut [u8]) -> Result<Progress<'i>, Error> {
        self.account_for_direct_read();
        let Some(Incoming { frame: slot, assembly, control, fragments, .. }) =
            self.incoming.as_deref_mut()
        else {
            return Ok(Progress::Fragment);
        };
        let Some(frame) = slot else { return Ok(Progress::Fragment) };
        let missing = usize::try_from(frame.len - frame.received).unwrap_or(usize::MAX);
        let piece = take_front(input, missing.min(input.len()));
        if let Some(key) = frame.masking_key {
            apply_mask(piece, key, frame.received);
        }
        let start = self.offset;
        let start_of_payload = start - frame.received;
        self.offset += piece.len() as u64;
        frame.received += piece.len() as u64;
        let (fin, whole) = (frame.fin, frame.received == frame.len);

        if frame.opcode.is_control() {
            control.extend_from_slice(piece);
            if !whole {
                return Ok(Progress::Cut);
            }
            let opcode = frame.opcode;
            *slot = None;
            let payload = Payload::Owned(mem::take(control).into());
            return self.control_event(opcode, payload).map(Progress::Event);
        }
        match &mut *assembly {
            Some(Assembly::Text(text)) => text
                .push(piece)
                .map_err(|index| Error::new(Rule::InvalidUtf8, start + index as u64))?,
            Some(Assembly::Binary { bytes, unmasked }) => {
                bytes.extend_from_slice(piece);
                *unmasked = bytes.len();
            }
            Some(Assembly::Inflated(message)) => {
                let at = |rule| Error::new(rule, start_of_payload);
                let (fin, limit) = (fin && whole, self.limits.max_message);
                let Some(codec) = self.codec.as_deref_mut() else { return Ok(Progress::Fragment) };
                let inflated = codec.inflate(piece, fin, limit, &mut message.bytes);
                // What comes before a fault is judged before it, wherever a read has cut them.
                if !fin || inflated.is_err() {
                    message.validate().map_err(at)?;
                }
                inflated.map_err(at)?;
            }
            // Not here: `continue_part` goes on with it.
            Some(Assembly::Parts(_)) | None => {}
        }
        if !whole {
            return Ok(Progress::Cut);
        }
        *slot = None;
        if !fin {
            return Ok(Progress::Fragment);
        }
        *fragments = 0;
        Ok(match assembly.take() {
            Some(Assembly::Text(text)) => {
                let text = text.finish().ok_or(Error::new(Rule::InvalidUtf8, self.offset))?;
                Progress::Event(Event::Text(Text::Owned(text)))
            }
            Some(Assembly::Binary { bytes, .. }) => {
                Progress::Event(Event::Binary(Payload::Owned(bytes.freeze())))
            }
            Some(Assembly::Inflated(message)) => {
                let event = message.finish();
                Progress::Event(event.map_err(|rule| Error::new(rule, start_of_payload))?)
            }
            Some(Assembly::Parts(_)) | None => Progress::Fragment,
        })
    }

    /// Unmasks what was read into [`payload_buffer`](Self::payload_buffer).
    fn account_for_direct_read(&mut self) {
        let Some(Incoming {
            frame: Some(frame),
            assembly: Some(Assembly::Binary { bytes, unmasked }),
            ..
        }) = self.incoming.as_deref_mut()
        else {
            return;
        };
        let missing = usize::try_from(frame.len - frame.received).unwrap_or(usize::MAX);
        // More than was offered can only be the caller's own; it is not the peer's payload.
        bytes.truncate(unmasked.saturating_add(missing));
        let piece = &mut bytes[*unmasked..];
        if piece.is_empty() {
            return;
        }
        if let Some(key) = frame.masking_key {
            apply_mask(piece, key, frame.received);
        }
        self.heard = true;
        self.offset += piece.len() as u64;
        frame.received += piece.len() as u64;
        *unmasked = bytes.len();
    }

    /// A whole control frame: answers it where the protocol says so. `self.offset` is its end.
    fn control_event<'i>(
        &mut self,
        opcode: Opcode,
        payload: Payload<'i>,
    ) -> Result<Event<'i>, Error> {
        Ok(match opcode {
            Opcode::Ping => {
                match self.room() {
                    Ok(()) => self.push_frame(Opcode::Pong, &payload),
                    Err(SendError::Full) => self.late_pong = Some(payload[..].into()),
                    // §5.5.1: after our Close frame nothing is sent.
                    Err(_) => {}
                }
                Event::Ping(payload)
            }
            Opcode::Close => {
                let start = self.offset - payload.len() as u64;
                let reason = CloseReason::decode(&payload)
                    .map_err(|(rule, index)| Error::new(rule, start + index as u64))?;
                self.receiving = false;
                self.abandon_message();
                if !self.close_sent {
                    // §5.5.1: "it typically echos the status code it received".
                    self.push_close(payload.get(..2).unwrap_or_default());
                }
                self.start_closing();
                self.close_reason = Some(Box::new(reason.clone()));
                Event::Close(reason)
            }
            // Control frames are Close, Ping and Pong; data opcodes do not come here.
            _ => Event::Pong(payload),
        })
    }

    #[inline]
    fn take<'i>(&mut self, input: &mut &'i mut [u8], count: usize) -> &'i mut [u8] {
        let front = take_front(input, count);
        self.offset += front.len() as u64;
        front
    }
}

/// What a piece of payload led to.
pub(crate) enum Progress<'i> {
    /// The frame goes on in the next input.
    Cut,
    /// The frame is complete, its message is not.
    Fragment,
    Event(Event<'i>),
    /// Some of a message that is given away in parts.
    Part(Part<'i>),
}

/// The first `count` bytes of `input` (all, if there are fewer), which then starts after them.
#[inline]
pub(crate) fn take_front<'i>(input: &mut &'i mut [u8], count: usize) -> &'i mut [u8] {
    let all = mem::take(input);
    let (front, rest) = all.split_at_mut(count.min(all.len()));
    *input = rest;
    front
}
