//! `EventSource` against HTML §9.2 and Fetch: vectors, limits, and a server that is cut off.

mod cut_off;
mod driver;
mod limits;
mod rules;
mod vectors;
