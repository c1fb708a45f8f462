-- Size of the connected database, its counters since stats_reset, and the oldest transaction id of all. One row.
SELECT /* scaling-advisor */
  pg_database_size(d.oid) AS size,
  s.blks_hit, s.blks_read, s.xact_commit, s.xact_rollback, s.temp_files, s.temp_bytes, s.deadlocks, s.conflicts,
  extract(epoch FROM s.stats_reset)::float8 AS stats_reset,
  -- Every database counts, templates too: the oldest one stops the whole server.
  (SELECT max(age(o.datfrozenxid))::bigint FROM pg_database o) AS transaction_id_age,
  (SELECT max(mxid_age(o.datminmxid))::bigint FROM pg_database o) AS multixact_age,
  (SELECT o.datname::text FROM pg_database o ORDER BY age(o.datfrozenxid) DESC LIMIT 1) AS oldest_database
FROM pg_database d JOIN pg_stat_database s ON s.datid = d.oid
WHERE d.datname = current_database()
