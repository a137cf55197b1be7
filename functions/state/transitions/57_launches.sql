-- Job runs that were launched and may not be recorded.

CREATE OR REPLACE FUNCTION clusters_of(run uuid, of_attempt integer) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The ids of the attempt's clusters, the one that serves it and then the latest first, and of those that it may have shared before it released one.
    SELECT coalesce(jsonb_agg(j.job_run_id ORDER BY j.job_run_id IN (
            SELECT u.job_run_id FROM cluster_use u WHERE u.run_id = run AND u.attempt = of_attempt) DESC, j.started_at DESC), '[]')
    FROM job_run j
    WHERE j.job_run_id IN (
        SELECT own.job_run_id FROM job_run own WHERE own.run_id = run AND own.attempt = of_attempt AND is_cluster(own)
        UNION SELECT u.job_run_id FROM cluster_use u WHERE u.run_id = run AND u.attempt = of_attempt
        UNION SELECT s.job_run_id FROM data_product_status r JOIN data_pipeline_config c USING (product_id) JOIN job_run s ON s.job = c.resource
            WHERE r.run_id = run AND c.type = cluster_type() AND is_cluster(s) AND is_shared(s) AND is_open(s))
$$;

CREATE OR REPLACE FUNCTION launches_of(run uuid, of_attempt integer) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- What to search the services for: the steps [{step, type, job, settings}] of the attempt, `since` when they may have been launched, and which job runs are
-- `known`. A step that runs on a cluster has the `clusters` of the attempt in its settings. Null if its pipeline has not begun. Five minutes are for clocks that differ.
    SELECT jsonb_build_object('since', h.changed_at - interval '5 minutes',
        'known', (SELECT coalesce(jsonb_agg(j.job_run_id), '[]') FROM job_run j WHERE j.run_id = run AND j.attempt = of_attempt),
        'steps', (SELECT coalesce(jsonb_agg(jsonb_build_object('step', c.step, 'type', c.type, 'job', c.resource, 'settings', c.settings || jsonb_build_object('clusters', clusters_of(run, of_attempt))) ORDER BY c.position), '[]')
            FROM data_pipeline_config c JOIN data_product_status r USING (product_id) WHERE r.run_id = run))
    FROM data_product_status_history h
    WHERE h.run_id = run AND h.attempt = of_attempt AND h.event = 'started' ORDER BY h.history_id LIMIT 1
$$;

CREATE OR REPLACE FUNCTION record_found(
    run uuid, of_attempt integer, of_step text, of_type text, of_job text, of_job_run text, of_handle jsonb, now_is timestamptz
) RETURNS void
LANGUAGE sql SET enable_seqscan = off AS $$
-- Records a job run that its service names and no machine has. Its end may be known already.
    SELECT FROM data_product_status WHERE run_id = run FOR UPDATE;
    INSERT INTO job_run (job_run_id, run_id, attempt, step, type, job, handle, started_at, changed_at)
    VALUES (of_job_run, run, of_attempt, of_step, of_type, of_job, of_handle, now_is, now_is)
    ON CONFLICT (job_run_id) DO UPDATE SET run_id = excluded.run_id, attempt = excluded.attempt, step = excluded.step, handle = excluded.handle,
        started_at = coalesce(job_run.started_at, excluded.started_at), changed_at = excluded.changed_at
    WHERE job_run.run_id IS NULL
$$;

CREATE OR REPLACE FUNCTION stop_jobs_of(run uuid, of_attempt integer, now_is timestamptz) RETURNS jsonb
LANGUAGE sql SET enable_seqscan = off AS $$
-- Records that the job runs of this attempt alone should be stopped; gives those that still run, as `stop_jobs` does, without those whose services were
-- asked before: the monitor repeats it.
    SELECT FROM data_product_status WHERE run_id = run FOR UPDATE;
    WITH stopped AS (
        UPDATE job_run j SET stop_asked_at = now_is, changed_at = now_is
        WHERE j.run_id = run AND j.attempt = of_attempt AND j.state = 'STARTED' AND j.stop_asked_at IS NULL AND NOT is_used_by_others(j, run)
        RETURNING j
    )
    SELECT coalesce(jsonb_agg(named_job(j) || jsonb_build_object('step', (j).step) ORDER BY (j).started_at, (j).job_run_id), '[]') FROM stopped
$$;

CREATE OR REPLACE FUNCTION work_has_succeeded(run uuid, of_attempt integer) RETURNS boolean
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- Whether every step of the attempt has a job run that succeeded, and none still runs. A cluster is no step. Of a step that loads files in batches nobody
-- knows it but its machine.
    SELECT count(*) > 0 AND bool_and(NOT c.settings ? 'batches' AND EXISTS (
            SELECT FROM job_run j WHERE j.run_id = run AND j.attempt = of_attempt AND j.step = c.step AND j.state = 'SUCCEEDED' OFFSET 0))
        AND NOT EXISTS (SELECT FROM job_run j WHERE j.run_id = run AND j.attempt = of_attempt AND j.state = 'STARTED' AND NOT is_cluster(j) OFFSET 0)
    FROM data_pipeline_config c JOIN data_product_status r USING (product_id) WHERE r.run_id = run AND c.type <> cluster_type()
$$;

-- For functions of the release before, while a deployment has migrated the state and not yet replaced them. Goes with the next release.

CREATE OR REPLACE FUNCTION record_found(
    run uuid, of_attempt integer, of_step text, of_type text, of_job text, of_job_run text, now_is timestamptz
) RETURNS void
LANGUAGE sql SET enable_seqscan = off AS $$
    SELECT record_found(run, of_attempt, of_step, of_type, of_job, of_job_run, '{}', now_is)
$$;
