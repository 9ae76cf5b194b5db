-- Only adds: what runs the version before goes on meanwhile.

-- The lanes of the stage that are paused while the others go on, as JSON: null where there are none. Times are
-- milliseconds since 1970 in UTC.
alter table stage_report add column lanes text;
