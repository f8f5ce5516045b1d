-- The versions of the constants in force, as the envelope names them.
SELECT coalesce(left(string_agg(DISTINCT version, ',' ORDER BY version), 500), 'none')
FROM calibration_constants
WHERE effective_to IS NULL
