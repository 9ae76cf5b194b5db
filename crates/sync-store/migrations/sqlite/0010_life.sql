-- Only adds: what runs the version before goes on meanwhile. Times are milliseconds since 1970 in UTC.

-- What the oldest version that may still work with these tables must know: a row for each migration that
-- not every version before it can live with. An expanding migration adds none.
create table bilag_schema (
    migration integer primary key not null,
    oldest_reader integer not null -- the newest migration that a version must know at least
) strict;

-- What would have been sent, where the record was skipped by a dry run. Tables in the order in which queries
-- lock them.
alter table external_order_receipt_sync add column rehearsed text;

-- When the personal data of a receipt, a round of a package or a letter was removed.
alter table receipt add column pruned_at integer;
alter table package_round add column pruned_at integer;
alter table dead_letter add column pruned_at integer;
