-- Indexes that no query has used since stats_reset, over 1 MB, that guard no uniqueness and belong to no
-- constraint. relpages is an estimate, kept by vacuum; it needs no lock.
SELECT /* scaling-advisor */
  i.schemaname || '.' || i.indexrelname AS name,
  i.schemaname || '.' || i.relname AS table_name,
  c.relpages::bigint * current_setting('block_size')::bigint AS size
FROM pg_stat_user_indexes i
JOIN pg_index x ON x.indexrelid = i.indexrelid
JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.idx_scan = 0 AND NOT x.indisunique AND NOT x.indisexclusion
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
  AND c.relpages::bigint * current_setting('block_size')::bigint > 1000000
ORDER BY size DESC
LIMIT 500
