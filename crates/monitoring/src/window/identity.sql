-- Which database this is: the cluster that a primary and its standbys share, and its name.
SELECT format('%s of cluster %s', quote_ident(current_database()), system_identifier) AS identity
FROM pg_catalog.pg_control_system()
