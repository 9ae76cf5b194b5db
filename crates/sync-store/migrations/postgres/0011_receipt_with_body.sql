-- no-transaction
-- For pruning receipts, made while the table is in use.
create index concurrently if not exists receipt_with_body on receipt (heard_at) where pruned_at is null;
