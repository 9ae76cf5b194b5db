-- For pruning receipts.
create index receipt_with_body on receipt (heard_at) where pruned_at is null;
