-- What reports and searches need of a receipt. Only adds: consumers of the version before leave these
-- columns null, and rows without them are filled from their bodies later.

alter table receipt add column order_type text; -- SALE, RETURN, PAYMENT
alter table receipt add column settled_at bigint; -- milliseconds since 1970 in UTC
alter table receipt add column settled_on text collate "C"; -- the store's day: YYYY-MM-DD
alter table receipt add column customer text collate "C"; -- in lower case, cut to 1000 bytes

-- A hash, because a tree takes no text of more than 2,704 bytes.
create index receipt_by_order_number on receipt using hash (order_number);
create index receipt_by_settled_on on receipt (settled_on, tenant_uid, receipt_uid)
    where settled_on is not null;
create index receipt_without_facts on receipt (heard_at) where settled_on is null;
-- Read by itself, the newest first: a text is looked for inside `customer`. Its 1000 bytes and two
-- identifiers of 200 characters fit into a tree.
create index receipt_by_customer on receipt (heard_at, customer, tenant_uid, receipt_uid)
    where customer > '';
