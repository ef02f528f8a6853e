//! See `rtwire_fuzz::deflate_messages`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| rtwire_fuzz::deflate_messages(input));

#[cfg(not(fuzzing))]
fn main() {}
