-- The largest tables with indexes and TOAST. Of very many, the 200 that look largest in the catalogue and the
-- statistics are measured: every measurement opens the table and reads file sizes.
SELECT /* scaling-advisor */
  c.id::bigint AS id, c.name,
  pg_total_relation_size(c.id) AS total,
  pg_indexes_size(c.id) AS indexes
FROM (
  SELECT t.oid AS id, n.nspname || '.' || t.relname AS name
  FROM pg_class t
  JOIN pg_namespace n ON n.oid = t.relnamespace
  LEFT JOIN pg_class toast ON toast.oid = t.reltoastrelid
  WHERE t.relkind IN ('r', 'm') AND t.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'
  ORDER BY greatest(
      t.relpages + coalesce(toast.relpages, 0),
      -- Rows that came since the last analyze: about a hundred to a page.
      (pg_stat_get_live_tuples(t.oid) + pg_stat_get_dead_tuples(t.oid)) / 100
    ) DESC, t.oid
  LIMIT 200
) c
ORDER BY total DESC
