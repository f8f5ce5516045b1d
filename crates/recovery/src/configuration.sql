SELECT r.rolname::text AS role,
       split_part(c.item, '=', 1) AS name,
       substr(c.item, strpos(c.item, '=') + 1) AS value
FROM pg_catalog.pg_db_role_setting s
JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
CROSS JOIN LATERAL unnest(s.setconfig) AS c (item)
WHERE d.datname = current_database()
ORDER BY 1 NULLS FIRST, 2
