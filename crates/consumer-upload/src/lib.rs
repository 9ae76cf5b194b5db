//! consumer-upload
