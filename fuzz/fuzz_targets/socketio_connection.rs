//! See `rtwire_fuzz::socketio_connection`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| rtwire_fuzz::socketio_connection(input));

#[cfg(not(fuzzing))]
fn main() {}
