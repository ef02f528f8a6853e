//! rtwire.
fn main() {}
