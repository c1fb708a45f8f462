-- The advisor's own statements, so that they are not taken for the application's.
SELECT /* scaling-advisor */ s.queryid
FROM {schema}.pg_stat_statements(true) s
WHERE s.userid = {role_oid} AND s.query LIKE '%/* scaling-advisor */%' AND s.queryid IS NOT NULL
