-- no-transaction
-- For pruning rounds of packages, made while the table is in use.
create index concurrently if not exists package_round_with_body on package_round (updated_at)
    where pruned_at is null and state in ('issued', 'superseded');
