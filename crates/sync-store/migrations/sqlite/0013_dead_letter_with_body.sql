-- For pruning letters.
create index dead_letter_with_body on dead_letter (noted_at)
    where pruned_at is null and place in ('redriven', 'discarded');
