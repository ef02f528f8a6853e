//! See `rtwire_fuzz::socketio_msgpack`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| rtwire_fuzz::socketio_msgpack(input));

#[cfg(not(fuzzing))]
fn main() {}
