-- Texts of the few statements that are shown and not yet known.
SELECT /* scaling-advisor */ s.queryid, max(left(s.query, 1000)) AS text
FROM {schema}.pg_stat_statements(true) s
WHERE s.queryid IN ({ids})
GROUP BY s.queryid
