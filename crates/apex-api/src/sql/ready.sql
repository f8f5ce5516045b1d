-- Whether the tables and their newest columns are there that the service asks for, and whether it can only read. Asked
-- of the catalogue: a migration that holds a table does not unready the service.
SELECT
    (
        SELECT bool_and(a.attnum IS NOT NULL)
        FROM (
            VALUES ('projects', 'etag'), ('projects', 'constants_version'), ('projects', 'content_sha256'),
                ('projects', 'confidence'), ('project_events', 'data'), ('calibration_constants', 'version')
        ) AS needed (relation, name)
        LEFT JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = to_regclass(needed.relation) AND a.attname = needed.name AND NOT a.attisdropped
    ) AS migrated,
    current_setting('transaction_read_only') = 'on' AS read_only
