//! consumer-dead
