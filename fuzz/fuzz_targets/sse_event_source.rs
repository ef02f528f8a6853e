//! See `rtwire_fuzz::sse_event_source`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| rtwire_fuzz::sse_event_source(input));

#[cfg(not(fuzzing))]
fn main() {}
