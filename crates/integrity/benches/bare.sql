SELECT count(*) FROM projects;
SELECT count(*) FROM project_payloads;
SELECT count(*) FROM project_events;
