SELECT CASE WHEN a.grantee = 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(a.grantee)::text END AS grantee,
       -- Whoever granted it may take it back, and nobody but them.
       pg_catalog.pg_get_userbyid(a.grantor)::text AS grantor,
       a.privilege_type::text AS privilege,
       a.is_grantable AS grantable
FROM pg_catalog.pg_database d
CROSS JOIN LATERAL pg_catalog.aclexplode(d.datacl) a
WHERE d.datname = pg_catalog.current_database()
ORDER BY 1 NULLS FIRST, 3, 2
