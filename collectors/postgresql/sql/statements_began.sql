-- When pg_stat_statements was reset (version 1.9, PostgreSQL 14, and later). One row.
SELECT /* scaling-advisor */ extract(epoch FROM i.stats_reset)::float8 AS stats_reset, i.dealloc
FROM {schema}.pg_stat_statements_info i
