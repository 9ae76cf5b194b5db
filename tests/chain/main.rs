//! The chain on a real broker. Each test has a vhost, a store and a sandbox of its own.

mod main_job;
