-- Who is logged in to the console. Times are milliseconds since 1970 in UTC.

create table session (
    id text primary key not null, -- SHA-256 of the token, which only the browser has
    way text not null,
    who text not null,
    role text not null,
    csrf text not null,
    opened_at bigint not null,
    seen_at bigint not null,
    ends_at bigint not null
);
