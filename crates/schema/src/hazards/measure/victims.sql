-- The largest tables that have a key of one column: a statement that reads a row, and one that writes it.
SELECT
    format('SELECT * FROM %s WHERE %I = (SELECT max(%I) FROM %s)', c.oid::regclass, a.attname, a.attname, c.oid::regclass)
        AS reading,
    format('UPDATE %s SET %I = %I WHERE %I = (SELECT max(%I) FROM %s)', c.oid::regclass, a.attname, a.attname, a.attname,
        a.attname, c.oid::regclass) AS writing
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
ORDER BY c.reltuples DESC, c.oid::regclass::text
LIMIT $1
