//! The chain on a real broker. Each test has a vhost, a store and a sandbox of its own.

#![allow(unreachable_pub, reason = "a test exports nothing")]

mod backfill;
mod bad_input;
mod broker;
mod cloud_events;
mod cluster;
mod dead_letters;
mod delivery_counts;
mod doctor;
mod dry_run;
mod editing_letters;
mod fire;
mod foreign;
mod foreign_bodies;
mod getting_started;
mod health;
mod holding;
mod identity;
mod ingress;
mod ingress_by_kill;
mod ingress_hydrating;
mod least_privilege;
mod life;
mod looking_at_letters;
mod main_job;
mod missing_store;
mod moving_letters;
mod one_among_many;
mod outage;
mod oversized_headers;
mod packages;
mod packages_by_kill;
mod packages_outage;
mod packages_patience;
mod packages_refused;
mod packages_targets;
mod packages_uncertain;
mod packages_writing_back;
mod pausing;
mod permits;
mod plugging_in;
mod poison;
mod publishing;
mod reconcile;
mod redriving_into_a_pause;
mod retry;
mod shutdown;
mod store_outage;
mod tenants;
mod tenants_apart;
mod topology_check;
mod traces;
mod trial;
mod uncertain_calls;
mod watching;
mod watching_tenants;

/// What is printed, drawn, read from files or asked of databases and services: it is the same on every version of the
/// broker. `dev/test.sh` runs these tests on one of them, and all others on each.
#[path = "."]
mod any_version {
    mod asyncapi;
    mod commands;
    mod database_role;
    mod database_settings;
    pub mod golden_letters;
    mod in_the_browser;
    mod listeners;
    mod memory;
    mod named_files;
    mod printing_again;
    mod report;
    mod restored_store;
    mod secret_files;
    mod secrets;
    mod secrets_of_packages;
    mod settings;
    mod silent_services;
    mod silent_wire;
    mod store_day;
    mod terminal;
    mod untrusted_text;
    mod verify;
    pub mod watching_files;
    mod what_services_answer;
}
