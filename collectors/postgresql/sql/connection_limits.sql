-- Limits of the connected database and of roles, where set. Superusers are bound by neither.
SELECT /* scaling-advisor */ 'database' AS kind, d.datname::text AS name, d.datconnlimit AS connection_limit
FROM pg_database d
WHERE d.datname = current_database() AND d.datconnlimit >= 0
UNION ALL
SELECT 'role', r.rolname::text, r.rolconnlimit
FROM pg_roles r
WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolconnlimit >= 0
