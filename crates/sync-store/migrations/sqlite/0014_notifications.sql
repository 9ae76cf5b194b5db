-- Only adds: what runs the version before goes on meanwhile. Times are milliseconds since 1970 in UTC.

-- What people are told, as an outbox. A row without an end stands for something that is still so: it is not told of
-- again. What ended and came back is a row of its own.
create table notification (
    id text primary key not null,
    channel text not null, -- how and to whom it is told: webhook, email 1f3a5b7c9d0e2f4a of 7
    kind text not null,
    subject text not null, -- a cause, stage, target or day
    message text not null, -- JSON, as it was when it began
    noted_at integer not null,
    ended_at integer not null, -- 0 while it stands
    state text not null check (state in ('waiting', 'sent', 'given_up')),
    settled_at integer, -- when it was sent or given up
    attempts integer not null,
    next_attempt_at integer not null,
    lease_owner text,
    lease_until integer,
    error text, -- of the last attempt
    unique (channel, kind, subject, ended_at)
) strict;

create index notification_waiting on notification (noted_at) where state = 'waiting';
create index notification_ended on notification (ended_at) where ended_at > 0;
