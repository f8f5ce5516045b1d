-- Which database this is: the cluster that a primary and its standbys share, and its name.
SELECT pg_catalog.format('%s of cluster %s', pg_catalog.quote_ident(pg_catalog.current_database()), system_identifier) AS identity
FROM pg_catalog.pg_control_system()
