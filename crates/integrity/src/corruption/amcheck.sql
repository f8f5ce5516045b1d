-- Where amcheck stands, and whether the role may call it.
SELECT
    quote_ident(n.nspname) AS schema,
    quote_ident(current_user) AS role,
    bool_and(has_function_privilege(p.oid, 'EXECUTE')) AS callable
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid
JOIN pg_catalog.pg_proc AS p ON d.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = d.objid
WHERE e.extname = 'amcheck' AND p.proname IN ('bt_index_check', 'verify_heapam')
GROUP BY n.nspname
