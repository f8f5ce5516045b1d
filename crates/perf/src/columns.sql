-- The columns of a table, by its schema and name; without a schema on the search path.
SELECT quote_ident(a.attname) AS quoted
FROM pg_attribute AS a
WHERE a.attrelid = to_regclass(concat(quote_ident($1) || '.', quote_ident($2))) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
