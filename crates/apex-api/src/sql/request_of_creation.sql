-- The hash of the request that created a project, kept with its event.
SELECT data ->> 'request_sha256'
FROM project_events
WHERE project_id = $1 AND event_type = 'project.created'
ORDER BY event_id
LIMIT 1
