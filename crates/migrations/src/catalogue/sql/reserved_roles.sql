-- Roles whose names are words of SQL: access lists write them without the quotes that a statement needs.
SELECT r.rolname::text
FROM pg_roles AS r
WHERE r.rolname ~ '^[a-z_][a-z0-9_]*$' AND pg_catalog.quote_ident(r.rolname) <> r.rolname
