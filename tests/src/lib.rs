//! Whole-system tests of rtwire against software written by others.
