-- The oldest open transactions of clients, and prepared ones, which nobody may remember. No query text: it holds
-- people's data.
SELECT /* scaling-advisor */ * FROM (
  SELECT
    a.pid::text AS session, a.datname::text AS database, a.usename::text AS role,
    coalesce(a.application_name, '') AS application, coalesce(a.state, '') AS state,
    concat_ws(': ', a.wait_event_type, a.wait_event) AS wait,
    extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS age,
    extract(epoch FROM clock_timestamp() - a.state_change)::float8 AS in_state
  FROM pg_stat_activity a
  WHERE a.backend_type = 'client backend' AND a.xact_start IS NOT NULL AND a.pid <> pg_backend_pid()
  UNION ALL
  SELECT
    'prepared ' || p.gid, p.database::text, p.owner::text, '', 'prepared', '',
    extract(epoch FROM clock_timestamp() - p.prepared)::float8, NULL
  FROM pg_prepared_xacts p
) t
ORDER BY t.age DESC
LIMIT 20
