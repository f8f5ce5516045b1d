-- Whether a column holds values of the parameter's kind, and the types of both. A text may stand for what has no literal of its
-- own (an enum, a uuid), and not for a number or a time.
SELECT
    held.typcategory = wanted.typcategory
        OR (wanted.typcategory = 'S' AND held.typcategory NOT IN ('A', 'B', 'D', 'N', 'T')),
    format_type(held.oid, NULL),
    format_type(wanted.oid, NULL)
FROM (SELECT pg_typeof({column}) AS type FROM (SELECT) AS one LEFT JOIN {table} ON false) AS read
JOIN pg_catalog.pg_type AS held ON held.oid = read.type
JOIN pg_catalog.pg_type AS wanted ON wanted.oid = '{type}'::regtype
