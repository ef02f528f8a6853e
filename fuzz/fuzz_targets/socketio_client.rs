//! See `rtwire_fuzz::socketio_client`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| rtwire_fuzz::socketio_client(input));

#[cfg(not(fuzzing))]
fn main() {}
