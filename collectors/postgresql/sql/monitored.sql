-- How many calls took how long, by time bucket: pg_stat_monitor (2.0 and later) counts them itself. One row for
-- each finished time bucket and place in the histogram; `ranges` are the places' ends in milliseconds, as text.
SELECT /* scaling-advisor */
  extract(epoch FROM m.bucket_start_time)::float8 AS began,
  coalesce(current_setting('pg_stat_monitor.pgsm_bucket_time', true), '60')::float8 AS seconds,
  u.place::int AS place,
  sum(u.calls::float8) AS calls,
  sum(m.total_exec_time) AS total_exec_time,
  max(m.max_exec_time) AS max_exec_time,
  {schema}.get_histogram_timings() AS ranges
FROM {schema}.pg_stat_monitor m
CROSS JOIN LATERAL unnest(m.resp_calls) WITH ORDINALITY AS u(calls, place)
WHERE m.datname = current_database()
  AND m.bucket_done
  AND m.toplevel
  -- COMMIT, SET and their like are no queries, here as in pg_stat_statements.
  AND m.cmd_type_text NOT IN ('', 'UTILITY', 'NOTHING')
  AND m.query NOT LIKE '%/* scaling-advisor */%'
GROUP BY m.bucket_start_time, u.place
ORDER BY m.bucket_start_time, u.place
