//! rtwire's examples, a screen each.
