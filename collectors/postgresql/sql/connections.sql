-- Client connections by whom and in which state. Background workers hold none of max_connections' slots.
-- Without pg_read_all_stats the kind and state of other roles' sessions are NULL: such rows count as
-- clients where they have a user and a database, and `hidden` says so.
SELECT /* scaling-advisor */
  a.datname::text AS database,
  a.usename::text AS role,
  coalesce(a.application_name, '') AS application,
  coalesce(a.state, '') AS state,
  coalesce(a.wait_event_type, '') AS wait_type,
  coalesce(a.wait_event, '') AS wait,
  a.backend_type IS NULL AS hidden,
  a.pid = pg_backend_pid() AS own,
  count(*) AS connections
FROM pg_stat_activity a
WHERE a.backend_type = 'client backend'
   OR (a.backend_type IS NULL AND a.datid IS NOT NULL AND a.usesysid IS NOT NULL)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
ORDER BY count(*) DESC
LIMIT 5000
