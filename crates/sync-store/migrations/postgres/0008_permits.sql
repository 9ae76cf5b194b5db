-- What processes share of a service's limits. Times are milliseconds since 1970 in UTC.

create table permit_pool (
    api_user text primary key not null, -- a hash: it names nobody
    version bigint not null, -- grows with every change
    state text not null -- JSON: the grants by owner, how full the bucket is, until when all is held
);
