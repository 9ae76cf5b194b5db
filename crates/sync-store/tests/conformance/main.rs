//! What every store must do, on SQLite and on PostgreSQL; and what each must survive.

mod fresh;
mod given;
mod migrations;
mod packed;
mod postgres;
mod sqlite;
mod suite;

use std::time::Duration;

/// So that a test that waits for what never comes fails. Far longer than any of them takes.
async fn in_time<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(120), test).await.expect("what the test waited for never came")
}

/// Runs each function of the suite on a new SQLite file and on a new PostgreSQL database.
macro_rules! conformance {
    ($($module:ident: $($test:ident)*;)*) => {
        mod on_sqlite {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    let fresh = crate::fresh::Fresh::sqlite();
                    crate::in_time(crate::suite::$module::$test(&fresh)).await;
                })*
            })*
        }
        mod on_postgres {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    let fresh = crate::fresh::Fresh::postgres().await;
                    crate::in_time(crate::suite::$module::$test(&fresh)).await;
                })*
            })*
        }
    };
}

/// The same, on a store that the next version has brought further: what this version, by then the old one,
/// does there.
macro_rules! beside_the_next_version {
    ($($module:ident: $($test:ident)*;)*) => {
        mod beside_the_next_version {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    for fresh in [crate::fresh::Fresh::sqlite(), crate::fresh::Fresh::postgres().await] {
                        fresh.bring_further().await;
                        crate::in_time(crate::suite::$module::$test(&fresh)).await;
                    }
                })*
            })*
        }
    };
}

beside_the_next_version! {
    audit: lists_entries_latest_first;
    open:
        a_receipt_is_new_the_first_time
        an_unwanted_receipt_is_skipped_until_wanted
        different_bytes_answer_the_kept_ones
        of_many_at_once_one_is_new;
    lease:
        of_concurrent_leases_one_is_granted
        an_expired_lease_passes_to_another_owner;
    steps:
        each_state_allows_its_steps
        complete_is_final_and_keeps_the_first_invoice;
    dead:
        closes_every_record_and_at_least_one
        a_redriven_record_continues_where_it_died
        filters_by_every_field;
    package_ask: a_packing_begins_a_round_and_is_asked_for_once;
    package_issue: receipts_go_to_the_oldest_waiting_round;
    find: lists_records_by_page_latest_first;
    reconcile: stopped_records_are_stranded;
    report: counts_a_day_by_group;
    stage: a_report_replaces_the_last_one;
    session: keeps_a_session_until_closed;
    notification: tells_once_until_it_ends_and_comes_back forgets_channels_that_nobody_sends_to;
    prune: prunes_content_and_keeps_identity;
}

conformance! {
    audit:
        lists_entries_latest_first
        names_the_holder_of_a_running_named_lease;
    notification:
        tells_once_until_it_ends_and_comes_back
        forgets_channels_that_nobody_sends_to
        of_many_at_once_one_writes_and_one_sends
        is_due_again_after_a_failure_or_an_expired_lease
        removes_what_ended_long_ago;
    backlog:
        counts_what_waits_with_the_oldest_age
        counts_nothing_complete_or_moved
        finds_invoices_long_without_their_file;
    open:
        a_receipt_is_new_the_first_time
        an_unwanted_receipt_is_skipped_until_wanted
        a_duplicate_answers_the_current_state
        a_uid_belongs_to_its_tenant
        each_target_has_a_record_of_its_own
        different_bytes_answer_the_kept_ones
        a_dead_record_stays_dead
        a_valid_event_opens_a_record_of_broken_ones
        of_many_at_once_one_is_new
        keeps_any_text
        distinguishes_a_refused_value_from_a_broken_store;
    lease:
        of_concurrent_leases_one_is_granted
        a_running_lease_is_granted_to_nobody
        an_expired_lease_passes_to_another_owner
        a_released_lease_is_free_at_once
        only_the_owner_releases_a_lease
        only_the_owner_shortens_a_lease
        no_lease_outlasts_a_clock_set_back
        touching_a_leased_record_survives_a_clock_set_back
        no_lease_without_work_to_do;
    steps:
        each_state_allows_its_steps
        a_step_needs_a_lease
        attaching_stores_the_file_and_extends_the_lease
        skipping_releases_the_lease
        a_dry_run_skips_pending_records_and_keeps_its_output
        complete_is_final_and_keeps_the_first_invoice;
    dead:
        closes_the_record_of_its_target_with_the_reason
        closes_every_record_and_at_least_one
        a_redriven_record_continues_where_it_died
        leaves_complete_and_skipped_records_alone
        writing_twice_keeps_one
        a_later_death_replaces_the_first
        a_broken_message_leaves_the_receipt_alone
        a_running_lease_outlives_the_dead_letter
        keeps_one_about_no_receipt
        keeps_the_start_of_a_body
        filters_by_every_field
        counts_those_that_wait;
    causes:
        groups_by_cause_with_the_newest_of_each
        moves_many_at_once
        fills_causes_of_an_earlier_version
        keeps_stages_and_errors_of_any_length;
    package_ask:
        a_packing_begins_a_round_and_is_asked_for_once
        of_concurrent_leases_one_is_granted
        concurrent_packings_are_rounds_and_the_last_counts
        grants_again_after_release_or_expiry
        no_lease_outlasts_a_clock_set_back
        touching_a_leased_round_survives_a_clock_set_back
        asks_again_after_a_clock_set_back
        asks_again_after_the_answer_timeout
        other_content_begins_a_round_and_supersedes
        a_late_event_is_superseded
        only_a_redrive_revives_a_dead_round
        a_new_packing_of_a_dead_round_begins_another
        every_event_of_a_packing_finds_the_first_body
        keeps_a_packing_unchanged;
    package_steps:
        only_the_owner_marks_a_round_asked
        an_expired_owner_marks_a_round_asked_until_another_takes_over
        marking_asked_moves_no_later_state
        a_dead_letter_closes_the_newest_open_round
        a_dead_letter_about_both_closes_receipt_and_package
        a_broken_or_repeated_message_leaves_the_package_alone
        a_running_lease_outlives_the_dead_letter;
    package_issue:
        receipts_go_to_the_oldest_waiting_round
        a_receipt_issues_a_round_in_every_state
        keeps_a_receipt_that_came_before_its_package
        another_number_writes_nothing
        of_two_concurrent_receipts_one_is_matched
        a_concurrent_receipt_and_packing_are_one_invoice
        a_later_receipt_supersedes;
    package_find:
        lists_rounds_by_page_latest_touched_first
        filters_rounds
        counts_states
        a_round_shows_its_receipt_and_write_back_state
        stopped_and_unanswered_rounds_are_overdue
        rounds_touched_before_a_clock_set_back_are_overdue
        leased_and_twice_accepted_rounds_are_not_overdue
        an_operator_asks_again_before_the_timeout;
    find:
        lists_records_by_page_latest_first
        filters_records
        counts_states
        keeps_a_receipt_unchanged
        describes_the_store;
    reconcile:
        stopped_records_are_stranded
        leased_and_touched_records_are_not_stranded
        records_touched_before_a_clock_set_back_are_stranded
        one_owner_holds_a_named_lease;
    stage:
        the_first_pause_stands_until_released
        of_concurrent_pauses_one_begins
        a_report_replaces_the_last_one
        old_reports_are_hidden_and_then_removed
        removes_reports_from_before_a_clock_set_back
        removes_reports_of_an_ended_process;
    prune:
        prunes_content_and_keeps_identity
        prunes_nothing_still_needed
        a_late_duplicate_of_a_pruned_receipt_restores_nothing
        a_pruned_receipt_wanted_again_has_its_body
        prunes_settled_packages_and_dead_letters
        prunes_up_to_the_limit;
    report:
        counts_a_day_by_group
        counts_broken_receipts_apart
        reads_a_period_by_page
        searches_by_number_uid_and_customer
        counts_a_receipt_without_particulars_and_fills_them
        the_longest_identifiers_fit_the_indexes
        fills_particulars_of_an_earlier_version;
    session:
        keeps_a_session_until_closed
        last_seen_never_moves_back
        closes_the_sessions_of_one_user
        removes_ended_and_unseen_sessions;
    permit:
        concurrent_grants_never_exceed_the_limit
        comes_down_to_its_share_when_others_lack_permits
        an_expired_grant_is_free
        the_bucket_and_a_429_are_shared;
    start:
        concurrent_starts_migrate_once
        works_with_a_newer_additive_schema
        refuses_a_store_that_requires_a_newer_version
        refuses_a_changed_migration
        lists_and_applies_pending_migrations
        keeps_data_of_the_first_version
        keeps_an_audit_log_without_details;
}
