-- What operators did. Times are milliseconds since 1970 in UTC.

create table audit (
    number integer primary key,
    done_at integer not null,
    who text not null,
    act text not null,
    stage text not null,
    letters text not null -- their ids, separated by spaces
) strict;
