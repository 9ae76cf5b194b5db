-- no-transaction
-- For pruning letters, made while the table is in use.
create index concurrently if not exists dead_letter_with_body on dead_letter (noted_at)
    where pruned_at is null and place in ('redriven', 'discarded');
