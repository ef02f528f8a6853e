//! See `rtwire_fuzz::engineio_v3`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| rtwire_fuzz::engineio_v3(input));

#[cfg(not(fuzzing))]
fn main() {}
