-- Only adds: what runs the version before goes on meanwhile. Times are milliseconds since 1970 in UTC.

-- One row for each round of a package: one packing with one content.
create table package_round (
    oms text not null,
    package_id text not null, -- digits
    round bigint not null check (round >= 0), -- 0: its receipt came before it was heard as packed
    follows bigint not null, -- the round before, -1 where there is none: of many who add one, one does
    number text not null,
    fingerprint text, -- of the content; null as long as the package was not heard as packed
    event_uuid text, -- the event that began the round
    body bytea, -- that event's bytes as they came
    traceparent text,
    state text not null check (state in ('asking', 'asked', 'issued', 'superseded', 'dead')),
    asked_times bigint not null, -- how often somebody was let ask
    accepted_times bigint not null, -- how often the invoice service accepted
    asked_at bigint, -- when it accepted last
    tenant_uid text,
    receipt_uid text,
    issued_at bigint,
    lease_owner text,
    lease_until bigint,
    dead_stage text,
    dead_reason text,
    dead_error text,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (oms, package_id, round),
    unique (oms, package_id, follows),
    check ((state = 'issued') = (receipt_uid is not null)),
    check ((tenant_uid is null) = (receipt_uid is null))
);

-- Hashes, because a tree takes no text of more than 2,704 bytes.
create index package_round_by_id on package_round using hash (package_id);
create index package_round_by_number on package_round using hash (number);
create index package_round_by_updated_at on package_round (updated_at);
create index package_round_by_state on package_round (state, updated_at);
create index package_round_on_its_way on package_round (updated_at) where state in ('asking', 'asked');

-- Every event by which a package was heard as packed: one packing has several.
create table package_event (
    oms text not null,
    package_id text not null,
    event_uuid text not null,
    primary key (oms, package_id, event_uuid)
);

-- The package that a dead letter is about.
alter table dead_letter add column oms text;
alter table dead_letter add column package_id text;
