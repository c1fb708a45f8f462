-- Counters of the statements that ran most often or took most time in this database, without their texts: these
-- lie in a file, which is read only for the few that are shown. Times are milliseconds, as the server has them.
-- Words in braces are replaced by what the installed version of the extension has.
SELECT /* scaling-advisor */
  r.queryid || ':' || r.userid AS key, r.queryid, r.userid, r.calls, r.total_exec_time, r.mean_exec_time, r.stddev_exec_time, r.min_exec_time,
  r.max_exec_time, r.plans, r.total_plan_time, r.mean_plan_time, r.stddev_plan_time, r.max_plan_time, r.stats_since, r.all_statements, r.hidden
FROM (
  SELECT
    s.queryid, s.userid::bigint AS userid, s.calls,
    s.total_exec_time, s.mean_exec_time, s.stddev_exec_time, s.min_exec_time, s.max_exec_time,
    -- Planning is zero unless pg_stat_statements.track_planning is on.
    s.plans, s.total_plan_time, s.mean_plan_time, s.stddev_plan_time, s.max_plan_time,
    {stats_since} AS stats_since,
    count(*) OVER () AS all_statements,
    count(*) FILTER (WHERE s.queryid IS NULL) OVER () AS hidden,
    row_number() OVER (ORDER BY s.calls DESC, s.queryid) AS by_calls,
    row_number() OVER (ORDER BY s.total_exec_time DESC, s.queryid) AS by_time
  FROM {schema}.pg_stat_statements(false) s
  WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
    AND {toplevel}
    AND s.calls > 0
    -- BEGIN, COMMIT, SET and their like: they take no time, return no row and touch no block.
    AND NOT (s.rows = 0 AND s.mean_exec_time < 1
             AND s.shared_blks_hit + s.shared_blks_read + s.local_blks_hit + s.local_blks_read = 0)
) r
WHERE r.by_calls <= 600 OR r.by_time <= 600
