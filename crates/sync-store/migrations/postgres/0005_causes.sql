-- Only adds: what runs the version before goes on meanwhile, and its letters get their cause later.

-- The error without its variable parts; empty as long as nobody has worked it out.
alter table dead_letter add column cause text not null default '';

-- The id of the group of stage, reason and cause; empty as long as the cause is.
alter table dead_letter add column group_id text not null default '';

-- Counts are read from the index alone, whatever the size of the letters.
create index dead_letter_by_cause on dead_letter (place, stage, reason, cause, noted_at);
create index dead_letter_without_cause on dead_letter (id) where cause = '';
create index dead_letter_by_group on dead_letter (group_id);

-- What is known of one receipt. A hash, because a tree takes no text of more than 2,704 bytes.
create index dead_letter_by_receipt on dead_letter using hash (receipt_uid);
