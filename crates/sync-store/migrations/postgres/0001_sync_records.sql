-- Times are milliseconds since 1970 in UTC.

create table receipt (
    tenant_uid text not null,
    receipt_uid text not null,
    voucher_number text not null,
    order_number text not null,
    store_uid text not null,
    currency text not null,
    amount bigint not null, -- in hundredths
    fingerprint text not null, -- SHA-256 of the body
    body bytea not null, -- the event's bytes as they came
    traceparent text,
    heard_at bigint not null,
    primary key (tenant_uid, receipt_uid)
);

-- A hash, because a tree takes no text of more than 2,704 bytes.
create index receipt_by_voucher_number on receipt using hash (voucher_number);

create table external_order_receipt_sync (
    tenant_uid text not null,
    receipt_uid text not null,
    target text not null,
    state text not null
        check (state in ('pending', 'invoice_created', 'attaching', 'complete', 'skipped', 'dead')),
    state_before_death text,
    invoice_id text,
    file_name text,
    pdf_sha256 text,
    lease_owner text,
    lease_until bigint,
    dead_stage text,
    dead_reason text,
    dead_error text,
    heard_count bigint not null, -- 0: only broken events of the receipt were seen
    created_at bigint not null,
    updated_at bigint not null,
    completed_at bigint,
    primary key (tenant_uid, receipt_uid, target)
);

create index sync_by_receipt_uid on external_order_receipt_sync (receipt_uid);
create index sync_by_created_at on external_order_receipt_sync (created_at);
create index sync_dead on external_order_receipt_sync (created_at) where state = 'dead';
create index sync_on_its_way on external_order_receipt_sync (updated_at)
    where state in ('pending', 'invoice_created', 'attaching');

create table dead_letter (
    id text primary key not null,
    stage text not null,
    reason text not null,
    error text not null,
    tenant_uid text,
    receipt_uid text,
    message_id text,
    attempts bigint not null,
    first_failed_at bigint,
    last_failed_at bigint,
    redriven bigint not null,
    body_size bigint not null,
    noted_at bigint not null,
    place text not null check (place in ('dead', 'redriven', 'discarded')),
    headers text not null, -- JSON
    body bytea not null -- the first 64 KiB
);

create index dead_letter_by_place on dead_letter (place, noted_at);

create table reconcile_lease (
    name text primary key not null,
    owner text not null,
    until bigint not null
);
