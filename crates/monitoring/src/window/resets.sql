-- When pg_stat_statements was reset, and how often it had to forget a statement; {schema} is where it stands.
SELECT coalesce(i.stats_reset::text, 'never') AS reset, i.dealloc AS forgotten
FROM {schema}.pg_stat_statements_info AS i
