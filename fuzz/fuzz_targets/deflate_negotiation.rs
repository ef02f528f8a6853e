//! See `rtwire_fuzz::deflate_negotiation`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| rtwire_fuzz::deflate_negotiation(input));

#[cfg(not(fuzzing))]
fn main() {}
