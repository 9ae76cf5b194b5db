-- For pruning rounds of packages.
create index package_round_with_body on package_round (updated_at)
    where pruned_at is null and state in ('issued', 'superseded');
