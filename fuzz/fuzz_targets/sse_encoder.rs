//! See `rtwire_fuzz::sse_encoder`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| rtwire_fuzz::sse_encoder(input));

#[cfg(not(fuzzing))]
fn main() {}
