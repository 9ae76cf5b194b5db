-- Who Bilag is in its database: an owner of the tables, and a role that only works with them. To be run in Bilag's own
-- database, by a role that may create roles: before the first migration, and once more after it, because three tables
-- are narrowed that have to be there for it. Run at any other time, it changes nothing.
--
-- The owner makes and changes the tables: it is for updates alone. The consumers, the console and the tools log in as
-- bilag_app.

do $$
begin
    if not exists (select from pg_roles where rolname = 'bilag_owner') then
        create role bilag_owner login;
    end if;
    if not exists (select from pg_roles where rolname = 'bilag_app') then
        create role bilag_app login;
    end if;
end
$$;

-- Up to PostgreSQL 14, any role that may connect may create tables here otherwise.
revoke create on schema public from public;
grant usage, create on schema public to bilag_owner;
grant usage on schema public to bilag_app;

grant select, insert, update, delete on all tables in schema public to bilag_app;
grant usage, select on all sequences in schema public to bilag_app;
-- And on those that the owner will make.
alter default privileges for role bilag_owner in schema public
    grant select, insert, update, delete on tables to bilag_app;
alter default privileges for role bilag_owner in schema public
    grant usage, select on sequences to bilag_app;

-- Which tables there are and who may read them is the owner's to write; the audit log is only ever added to.
do $$
begin
    if to_regclass('public._sqlx_migrations') is not null then
        revoke insert, update, delete on public._sqlx_migrations from bilag_app;
    end if;
    if to_regclass('public.bilag_schema') is not null then
        revoke insert, update, delete on public.bilag_schema from bilag_app;
    end if;
    if to_regclass('public.audit') is not null then
        revoke update, delete on public.audit from bilag_app;
    end if;
end
$$;
