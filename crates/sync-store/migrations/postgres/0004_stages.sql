-- Only adds: what runs the version before goes on meanwhile. Times are milliseconds since 1970 in UTC.

-- The stages that somebody has paused by hand.
create table stage_hold (
    stage text primary key not null,
    who text not null,
    why text not null, -- '' where nothing was said
    since bigint not null
);

-- What each process says of each of its stages.
create table stage_report (
    process text not null, -- one run of a process
    stage text not null,
    host text not null,
    pid bigint not null,
    started_at bigint not null, -- by the process's clock
    seen_at bigint not null, -- by the database's
    broker text not null,
    broker_why text,
    paused_since bigint, -- by the process's clock, as is the next probe
    paused_why text,
    next_probe_at bigint,
    held bigint not null, -- 1: it has heard that the stage is paused by hand, and takes nothing
    in_hand bigint not null,
    handled bigint not null,
    primary key (process, stage),
    check ((paused_since is null) = (paused_why is null)),
    check ((paused_since is null) = (next_probe_at is null))
);

-- What more there is to say of an act: why a stage was paused.
alter table audit add column detail text not null default '';
