use rtwire_websocket::FrameHeader;

/// The frame header (RFC 6455 §5.2).
///
/// - Encode inverts decode: the same bytes, because there is one encoding only.
/// - Each proper prefix means more, or says already what is wrong.
/// - What follows a header changes nothing.
pub fn websocket_header(input: &[u8]) {
    let outcome = FrameHeader::decode(input);
    let mut decided = None;
    for len in 0..=input.len().min(FrameHeader::MAX_LEN) {
        match FrameHeader::decode(&input[..len]) {
            Ok(None) => assert_eq!(decided, None, "decided by fewer bytes than {len}"),
            prefix => {
                assert_eq!(prefix, outcome, "{len} bytes");
                decided.get_or_insert(len);
            }
        }
    }
    match outcome {
        Ok(None) => assert!(decided.is_none() && input.len() < FrameHeader::MAX_LEN),
        Ok(Some((header, used))) => {
            assert_eq!(decided, Some(used));
            let mut encoded = Vec::new();
            header.encode(&mut encoded);
            assert_eq!((&encoded[..], header.encoded_len()), (&input[..used], used));
        }
        Err(error) => {
            let offset = usize::try_from(error.offset()).expect("within the header");
            assert!(decided.is_some_and(|len| offset < len));
        }
    }
}
