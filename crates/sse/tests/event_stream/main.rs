//! The event stream against the rules of the HTML standard: vectors, laws, limits.

mod chunking;
mod encoder;
mod feed;
mod limits;
mod plain;
mod vectors;
