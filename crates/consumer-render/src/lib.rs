//! consumer-render
