//! See `rtwire_fuzz::websocket_messages`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| rtwire_fuzz::websocket_messages(input));

#[cfg(not(fuzzing))]
fn main() {}
