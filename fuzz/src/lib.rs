//! Fuzz targets of rtwire and the laws that they assert.
