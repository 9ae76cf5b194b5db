//! The chain on a real broker. Each test has a vhost, a store and a sandbox of its own.

#![allow(unreachable_pub, reason = "a test exports nothing")]

mod backfill;
mod bad_input;
mod body_formats;
mod broker;
mod bus;
mod chaos;
mod cloud_events;
mod cluster;
mod dead_letter_edit;
mod dead_letter_list;
mod dead_letter_redrive;
mod dead_letters;
mod delivery_counts;
mod doctor;
mod dry_run;
mod end_to_end;
mod foreign_properties;
mod health;
mod hydrate;
mod identity;
mod ingress;
mod ingress_hydrate;
mod ingress_kill;
mod least_privilege;
mod lost_answers;
mod migrate_and_prune;
mod missing_store;
mod notifications;
mod oms_requests;
mod one_message_fails;
mod outage;
mod oversized_headers;
mod packages;
mod packages_kill;
mod packages_lost_answers;
mod packages_outage;
mod packages_refused;
mod packages_repeat;
mod packages_targets;
mod packages_write_back;
mod pausing;
mod permits;
mod plug_in_guide;
mod poison;
mod publishing;
mod reconcile;
mod redrive_while_paused;
mod retry;
mod shutdown;
mod stage_hold;
mod store_outage;
mod telemetry;
mod telemetry_tenants;
mod tenants;
mod tenants_settings;
mod test_stage;
mod topology_check;
mod traces;
mod transforms;

/// Tests of output, pages, files, databases and services, which do not depend on the version of the
/// broker. `dev/test.sh` runs them on one version, and all others on each.
#[path = "."]
mod any_version {
    mod asyncapi;
    mod business_day;
    mod commands;
    mod console;
    mod database_role;
    mod database_settings;
    pub mod dead_letter_output;
    mod examples;
    mod listeners;
    mod memory;
    pub mod observability_files;
    mod report;
    mod reprint;
    mod response_bodies;
    mod restored_store;
    mod secret_files;
    mod secrets;
    mod secrets_packages;
    mod settings;
    mod settings_files;
    mod silent_downstream;
    mod silent_network;
    mod terminal;
    mod untrusted_text;
    mod vendors;
    mod verify;
}
