-- A row for every replica of this server, one for the server itself if it is a replica, one for every slot.
-- replay_lag is NULL once a replica has caught up. An idle primary is no lag: hence the comparison of positions.
SELECT /* scaling-advisor */
  'replica' AS kind,
  coalesce(nullif(r.application_name, ''), r.client_addr::text, r.pid::text) AS name,
  coalesce(r.state, '') AS state,
  CASE WHEN r.replay_lag IS NOT NULL THEN extract(epoch FROM r.replay_lag)::float8
       WHEN r.replay_lsn IS NOT NULL THEN 0 END AS lag,
  CASE WHEN pg_is_in_recovery() THEN NULL
       ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)::float8 END AS bytes
FROM pg_stat_replication r
UNION ALL
SELECT 'self', 'this server', 'replica',
  CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
       ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 END,
  pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::float8
WHERE pg_is_in_recovery()
UNION ALL
SELECT 'slot', s.slot_name::text,
  concat_ws(', ', CASE WHEN s.active THEN 'active' ELSE 'inactive' END, s.wal_status), NULL,
  CASE WHEN pg_is_in_recovery() THEN NULL
       ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::float8 END
FROM pg_replication_slots s
