-- Who we are, what the server allows, and which columns pg_stat_statements has here. One row.
SELECT /* scaling-advisor */
  current_setting('server_version_num')::int AS version,
  current_setting('server_version') AS version_text,
  current_database()::text AS database,
  current_user::text AS role,
  (SELECT r.oid::bigint FROM pg_roles r WHERE r.rolname = current_user) AS role_oid,
  pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS reads_all_stats,
  pg_is_in_recovery() AS is_replica,
  extract(epoch FROM pg_postmaster_start_time())::float8 AS started,
  -- When the server's statistics began at the latest: they start again after a crash.
  (SELECT extract(epoch FROM b.stats_reset)::float8 FROM pg_stat_bgwriter b) AS statistics_began,
  current_setting('max_connections')::int AS max_connections,
  current_setting('superuser_reserved_connections')::int AS superuser_reserved,
  -- From 16 on; absent before.
  current_setting('reserved_connections', true)::int AS reserved,
  (SELECT quote_ident(n.nspname)
     FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_stat_statements') AS statements_schema,
  (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'pg_stat_statements') AS statements_version,
  (SELECT coalesce(array_agg(c.relname || '.' || a.attname), '{}')
     FROM pg_extension e
     JOIN pg_class c ON c.relnamespace = e.extnamespace
                    AND c.relname IN ('pg_stat_statements', 'pg_stat_statements_info')
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE e.extname = 'pg_stat_statements') AS statements_columns,
  (SELECT quote_ident(n.nspname)
     FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_stat_monitor') AS monitor_schema
