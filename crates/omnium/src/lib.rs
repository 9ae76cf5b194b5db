//! omnium
