-- Dead rows and scans by table. Takes no lock on them. The tables that matter: most dead rows, most rows scanned.
SELECT /* scaling-advisor */ * FROM (
  SELECT
    t.relid::bigint AS id, t.schemaname || '.' || t.relname AS name,
    t.n_live_tup AS live, t.n_dead_tup AS dead,
    t.seq_scan, t.seq_tup_read, coalesce(t.idx_scan, 0) AS idx_scan,
    extract(epoch FROM greatest(t.last_vacuum, t.last_autovacuum))::float8 AS vacuumed,
    row_number() OVER (ORDER BY t.n_dead_tup DESC) AS by_dead,
    row_number() OVER (ORDER BY t.seq_tup_read DESC) AS by_scanned
  FROM pg_stat_user_tables t
) r
WHERE r.by_dead <= 50 OR r.by_scanned <= 50
