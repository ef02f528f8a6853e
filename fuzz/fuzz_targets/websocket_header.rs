//! See `rtwire_fuzz::websocket_header`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| rtwire_fuzz::websocket_header(input));

#[cfg(not(fuzzing))]
fn main() {}
