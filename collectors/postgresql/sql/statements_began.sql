-- When pg_stat_statements was reset, how often it was full since, and how many statements it holds (version 1.9,
-- PostgreSQL 14, and later). One row.
SELECT /* scaling-advisor */ extract(epoch FROM i.stats_reset)::float8 AS stats_reset, i.dealloc,
  current_setting('pg_stat_statements.max', true)::int AS most
FROM {schema}.pg_stat_statements_info i
