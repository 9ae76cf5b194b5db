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
    audit: what_was_done_is_told_the_latest_first;
    open:
        a_receipt_heard_for_the_first_time_is_new
        one_that_is_not_wanted_is_skipped_until_it_is
        other_bytes_are_answered_with_the_kept_ones
        of_many_at_once_one_is_new;
    lease:
        of_many_who_ask_at_once_one_is_granted
        once_it_has_run_out_another_takes_over_and_the_first_can_do_nothing;
    steps:
        each_state_allows_what_it_should
        complete_is_final_and_keeps_its_first_invoice;
    dead:
        a_letter_about_every_target_closes_what_is_there_and_one_in_any_case
        a_redriven_one_continues_where_it_stopped
        letters_are_found_by_what_they_say;
    package_ask: a_packing_begins_a_round_and_is_asked_for_once;
    package_issue: receipts_go_to_the_oldest_round_that_waits_for_one;
    find: records_are_listed_the_latest_first_page_by_page;
    reconcile: what_stopped_on_its_way_is_stranded;
    report: a_day_is_counted_by_what_is_alike;
    stage: what_a_process_says_replaces_what_it_said;
    session: a_session_is_kept_as_it_was_opened_until_it_is_closed;
    prune: what_nobody_needs_any_more_goes_and_what_recognises_it_stays;
}

conformance! {
    audit:
        what_was_done_is_told_the_latest_first
        who_holds_a_named_lease_is_told_while_it_runs;
    backlog:
        what_waits_is_counted_with_the_age_of_the_oldest
        what_has_arrived_or_was_moved_does_not_wait;
    open:
        a_receipt_heard_for_the_first_time_is_new
        one_that_is_not_wanted_is_skipped_until_it_is
        one_heard_again_answers_the_state_it_is_in
        a_uid_belongs_to_its_tenant
        each_target_has_a_record_of_its_own
        other_bytes_are_answered_with_the_kept_ones
        a_dead_one_stays_dead
        a_broken_event_does_not_stand_in_the_way_of_the_valid_one
        of_many_at_once_one_is_new
        any_text_is_kept
        a_value_that_is_refused_is_told_from_a_store_that_is_broken;
    lease:
        of_many_who_ask_at_once_one_is_granted
        nobody_is_granted_one_that_runs_not_even_its_owner
        once_it_has_run_out_another_takes_over_and_the_first_can_do_nothing
        what_is_given_back_is_granted_at_once
        nobody_gives_back_the_lease_of_another
        a_lease_is_shortened_by_its_owner_and_never_extended
        none_runs_for_longer_where_the_clock_is_set_back
        what_touches_a_held_record_keeps_its_time_where_the_clock_is_set_back
        there_is_none_where_there_is_nothing_to_do;
    steps:
        each_state_allows_what_it_should
        a_step_needs_a_lease
        attaching_is_written_down_with_its_facts_and_extends_the_lease
        what_is_skipped_is_held_by_nobody
        a_dry_run_skips_what_is_pending_and_says_what_would_have_been_sent
        complete_is_final_and_keeps_its_first_invoice;
    dead:
        a_letter_closes_the_record_of_its_target_and_says_why
        a_letter_about_every_target_closes_what_is_there_and_one_in_any_case
        a_redriven_one_continues_where_it_stopped
        complete_and_skipped_ones_stay_as_they_are
        a_letter_written_twice_is_one
        a_later_death_of_the_same_message_is_news
        a_broken_message_leaves_the_receipt_alone
        a_lease_that_runs_outlives_the_letter
        a_letter_about_no_receipt_is_kept
        the_start_of_a_body_is_kept
        letters_are_found_by_what_they_say
        letters_are_counted_while_they_wait;
    causes:
        letters_with_one_cause_are_one_group_whose_newest_letter_is_told
        many_letters_move_at_once_and_others_stay
        letters_of_an_earlier_version_get_their_cause_later
        a_stage_and_an_error_of_any_length_are_kept;
    package_ask:
        a_packing_begins_a_round_and_is_asked_for_once
        of_many_who_ask_at_once_one_is_granted
        of_many_packings_at_once_each_is_a_round_and_the_last_one_counts
        what_is_given_back_or_has_run_out_is_granted_again
        no_lease_runs_for_longer_where_the_clock_is_set_back
        what_touches_a_held_round_keeps_its_time_where_the_clock_is_set_back
        what_was_asked_for_before_the_clock_was_set_back_is_asked_again
        what_is_not_answered_within_patience_is_asked_again
        another_content_begins_a_round_and_closes_what_was_not_accepted
        an_event_that_comes_late_is_superseded
        a_dead_round_comes_back_with_its_redriven_letter_only
        another_packing_of_what_came_to_nothing_begins_a_round
        every_event_of_a_packing_finds_the_first_ones_body
        a_packing_is_kept_as_it_came;
    package_steps:
        accepted_is_written_down_by_who_asked
        accepted_after_the_lease_counts_until_another_takes_over
        accepted_moves_nothing_that_is_past_it
        a_letter_closes_the_newest_round_that_is_on_its_way
        a_letter_about_receipt_and_package_closes_both
        a_letter_about_the_message_or_heard_before_leaves_the_package_alone
        a_lease_that_runs_outlives_the_letter;
    package_issue:
        receipts_go_to_the_oldest_round_that_waits_for_one
        every_state_takes_a_receipt_and_is_issued
        a_receipt_that_came_first_is_kept_for_its_package
        another_number_is_answered_and_writes_nothing
        of_two_receipts_at_once_one_is_matched
        a_receipt_and_a_packing_that_meet_are_never_two_invoices
        a_receipt_is_superseded_once_a_later_round_has_one;
    package_find:
        rounds_are_listed_the_latest_touched_first_page_by_page
        rounds_are_found_by_what_is_known
        states_are_counted
        a_round_shows_its_receipt_and_how_far_that_was_written_back
        what_stopped_or_was_not_answered_is_overdue
        what_was_touched_before_the_clock_was_set_back_is_overdue
        what_is_held_or_was_accepted_twice_is_not_overdue
        an_operator_has_it_asked_again_whatever_the_patience;
    find:
        records_are_listed_the_latest_first_page_by_page
        records_are_found_by_what_is_known
        states_are_counted
        a_receipt_is_kept_as_it_came
        which_store_it_is_can_be_said;
    reconcile:
        what_stopped_on_its_way_is_stranded
        what_is_held_or_touched_is_not
        what_was_touched_before_the_clock_was_set_back_is_stranded
        one_owner_holds_a_name_at_a_time;
    stage:
        the_first_pause_of_a_stage_stands_until_it_is_released
        of_many_who_pause_a_stage_at_once_one_begins
        what_a_process_says_replaces_what_it_said
        what_was_not_said_lately_is_silent_and_then_forgotten
        what_was_said_before_the_clock_was_set_back_is_forgotten
        a_process_that_has_ended_is_forgotten;
    prune:
        what_nobody_needs_any_more_goes_and_what_recognises_it_stays
        what_somebody_may_need_stays
        a_late_duplicate_of_a_pruned_receipt_is_one_and_brings_nothing_back
        one_that_is_wanted_after_all_has_its_body_again
        packages_and_letters_are_pruned_once_they_are_settled
        what_is_more_than_the_limit_is_pruned_the_next_time;
    report:
        a_day_is_counted_by_what_is_alike
        what_is_no_whole_receipt_is_counted_apart
        a_period_is_read_page_by_page
        receipts_are_found_by_what_people_know
        a_receipt_without_particulars_counts_and_gets_them
        the_longest_identifiers_and_customer_fit_the_indexes
        what_an_earlier_version_writes_beside_this_one_is_filled_later;
    session:
        a_session_is_kept_as_it_was_opened_until_it_is_closed
        a_session_is_seen_later_and_never_earlier
        sessions_are_closed_by_who_has_them
        what_has_ended_or_was_not_seen_is_forgotten;
    permit:
        of_many_who_ask_at_once_none_gets_more_than_there_is
        who_has_more_than_its_share_comes_down_once_others_lack_permits
        a_grant_that_ran_out_is_free_again
        the_bucket_and_a_429_are_shared;
    start:
        processes_that_start_together_share_one_schema
        a_store_that_was_brought_further_by_adding_is_worked_with
        a_store_that_takes_a_newer_version_is_refused
        a_migration_that_was_applied_with_another_text_is_refused
        what_is_pending_is_told_and_then_applied
        what_the_first_version_wrote_is_kept
        an_audit_log_without_details_is_kept;
}
