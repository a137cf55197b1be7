-- Clusters: their release, and those that nobody uses any more.

CREATE OR REPLACE FUNCTION uses_clusters() RETURNS boolean
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- Whether a pipeline has a cluster.
    SELECT EXISTS (SELECT FROM data_pipeline_config WHERE type = 'emr_cluster')
$$;

CREATE OR REPLACE FUNCTION is_abandoned(j job_run) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether it is a cluster that nobody uses any more: its run is not PROCESSING, or at another attempt.
    SELECT is_cluster(j) AND NOT EXISTS (
        SELECT FROM data_product_status r WHERE r.run_id = j.run_id AND r.attempt = j.attempt AND r.status = 'PROCESSING' OFFSET 0)
$$;

CREATE OR REPLACE FUNCTION release_clusters(run uuid, of_attempt integer, now_is timestamptz) RETURNS jsonb
LANGUAGE sql SET enable_seqscan = off AS $$
-- Records that the clusters of the attempt should be stopped, and gives those that have not ended, as `stop_jobs` does. The caller then asks EMR; the
-- monitor repeats it.
    SELECT FROM data_product_status WHERE run_id = run FOR UPDATE;
    WITH released AS (
        UPDATE job_run j SET stop_asked_at = coalesce(stop_asked_at, now_is), changed_at = now_is
        WHERE j.run_id = run AND j.attempt = of_attempt AND j.state = 'STARTED' AND is_cluster(j)
        RETURNING j
    )
    SELECT coalesce(jsonb_agg(named_job(j) ORDER BY (j).started_at, (j).job_run_id), '[]') FROM released
$$;

CREATE OR REPLACE FUNCTION record_clusters(found jsonb, now_is timestamptz) RETURNS integer
LANGUAGE sql SET enable_seqscan = off AS $$
-- Records those of the clusters [{job_run_id, job, run_id, attempt, step}] that EMR lists, that nobody has recorded, and whose run is known here:
-- another application of the account has runs of its own. Gives how many.
    WITH recorded AS (
        INSERT INTO job_run (job_run_id, run_id, attempt, step, type, job, handle, started_at, changed_at)
        SELECT f.job_run_id, r.run_id, f.attempt, f.step, 'emr_cluster', f.job, '{}', now_is, now_is
        FROM jsonb_to_recordset(found) AS f(job_run_id text, job text, run_id text, attempt integer, step text)
        CROSS JOIN LATERAL (SELECT s.run_id FROM data_product_status s WHERE s.run_id = CASE WHEN f.run_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
            THEN f.run_id::uuid END OFFSET 0) r
        ON CONFLICT (job_run_id) DO NOTHING
        RETURNING 1
    )
    SELECT count(*)::integer FROM recorded
$$;
