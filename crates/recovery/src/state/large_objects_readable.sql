-- How many large objects there are, which everybody may see, and whether this role may see what is in them.
SELECT pg_catalog.count(*) AS count,
       pg_catalog.has_table_privilege('pg_catalog.pg_largeobject', 'SELECT') AS readable
FROM pg_catalog.pg_largeobject_metadata
