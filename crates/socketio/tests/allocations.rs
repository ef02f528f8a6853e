//! What packets and payloads allocate, and copy.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use bytestring::ByteString;
use rtwire_socketio::{Binary, Body, Data, Limits, Namespace, Packet, Varargs};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct Post {
    id: u64,
    user: String,
    text: String,
    score: f64,
    public: bool,
}

fn post() -> Post {
    Post {
        id: 81_726,
        user: "Ann".into(),
        text: "Hello, everybody!".into(),
        score: 0.75,
        public: true,
    }
}

fn encode(data: Data) -> ByteString {
    Packet { namespace: Namespace::default(), body: Body::Event { id: None, data } }.encode()
}

fn decode(text: ByteString) -> Data {
    match Packet::decode(text, &Limits::default()).unwrap().body {
        Body::Event { data, .. } => data,
        other => panic!("{other:?}"),
    }
}

/// After a first time, by which the thread has its scratch.
fn second(mut run: impl FnMut()) -> AllocationInfo {
    run();
    measure(run)
}

#[test]
fn an_event_of_five_fields_allocates_twice_on_the_way_out() {
    let post = post();
    // The data, and the packet.
    let allocated = second(|| drop(encode(Data::event("post", &post).unwrap())));
    assert_eq!(allocated.count_total, 2);
}

#[test]
fn an_event_of_five_fields_allocates_its_two_texts_on_the_way_in() {
    let text = encode(Data::event("post", &post()).unwrap());
    let allocated =
        second(|| assert_eq!(decode(text.clone()).into_args::<Post>().unwrap().id, 81_726));
    assert_eq!(allocated.count_total, 2);
    let allocated = second(|| drop(decode(text.clone())));
    assert_eq!(allocated.count_total, 0, "nothing before who reads it is known");
}

#[test]
fn bytes_are_copied_once_on_the_way_out_through_serde() {
    let blob = Binary::from(vec![7; 100_000]);
    let mut data = None;
    let allocated = second(|| data = Some(Data::event("blob", &blob).unwrap()));
    assert!((100_000..200_000).contains(&allocated.bytes_total), "{allocated:?}");
    let data = data.unwrap();
    assert_ne!(data.attachments()[0].as_ptr(), blob.as_ptr());
    let allocated = second(|| drop(encode(data.clone())));
    assert!(allocated.bytes_total < 1000, "{allocated:?}");
}

#[test]
fn bytes_are_not_copied_on_the_way_out_as_attachments() {
    let blob = Bytes::from(vec![7; 100_000]);
    let data = Data::binary_event("blob", vec![blob.clone()]).unwrap();
    assert_eq!(data.attachments()[0].as_ptr(), blob.as_ptr());
}

#[test]
fn bytes_are_not_copied_on_the_way_in() {
    let attachments: Vec<_> = (0..3).map(|n| Bytes::from(vec![n; 100_000])).collect();
    let at: Vec<_> = attachments.iter().map(|bytes| bytes.as_ptr()).collect();
    let mut data = Some(Data::binary_event("blobs", attachments).unwrap());
    let mut blobs = Varargs(Vec::new());
    let allocated =
        measure(|| blobs = data.take().unwrap().into_args::<Varargs<Binary>>().unwrap());
    assert_eq!(blobs.0.iter().map(|bytes| bytes.as_ptr()).collect::<Vec<_>>(), at);
    assert!(allocated.bytes_total < 1000, "{allocated:?}");
}

#[test]
fn what_messagepack_brings_and_nobody_reads_is_not_kept() {
    // Six bytes of JSON for each.
    let control = [0x01; 0xFFFF];
    let member = [b"\xa1x\xda\xff\xff", &control[..]].concat();
    let head = b"\x84\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xa1e";
    let message = Bytes::from([head, &member[..]].concat());
    let mut packet = None;
    let decode = || Packet::decode_msgpack(message.clone(), &Limits::default()).unwrap();
    let allocated = measure(|| packet = Some(decode()));
    assert_eq!(packet.unwrap().encode(), "2[\"e\"]");
    assert!(allocated.bytes_current < 1000, "{allocated:?}");
}
