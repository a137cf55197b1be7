-- Clusters: joining and releasing them, and finding those that nobody has recorded.

CREATE OR REPLACE FUNCTION uses_clusters() RETURNS boolean
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- Whether a pipeline has a cluster.
    SELECT EXISTS (SELECT FROM data_pipeline_config WHERE type = cluster_type())
$$;

CREATE OR REPLACE FUNCTION lock_cluster(name text) RETURNS void
LANGUAGE sql AS $$
-- Who joins, serves or releases a shared cluster excludes the others, until the end of the transaction. After the locks of runs, before those of job runs.
    SELECT pg_advisory_xact_lock(7206, hashtext(name))
$$;

CREATE OR REPLACE FUNCTION answer_joined(token text, run uuid, of_attempt integer, output jsonb, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'cluster ' || md5(token), 'task_success', run, of_attempt, jsonb_build_object('task_token', token, 'output', output), now_is
    WHERE token IS NOT NULL
    ON CONFLICT (effect_key) DO NOTHING
$$;

CREATE OR REPLACE FUNCTION answer_ready(of_job_run text, token text, run uuid, of_attempt integer, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- Answers a machine that waits for a cluster, with its id.
    SELECT answer_joined(token, run, of_attempt, jsonb_build_object('job_run_id', of_job_run, 'launch', 'no'), now_is)
$$;

CREATE OR REPLACE FUNCTION answer_lost(j job_run, token text, run uuid, of_attempt integer, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- Answers a machine that waits for a shared cluster which has ended.
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    VALUES ('cluster ' || md5(token), 'task_failure', run, of_attempt, jsonb_build_object('task_token', token, 'error', 'ClusterLost',
        'cause', left(j.job || ' (' || j.job_run_id || ') is not available' || coalesce(': ' || j.message, ''), 8000)), now_is)
    ON CONFLICT (effect_key) DO NOTHING
$$;

CREATE OR REPLACE FUNCTION taken_tokens(j job_run) RETURNS SETOF cluster_use
LANGUAGE sql AS $$
-- The uses of the cluster whose machines wait for it, as they were: now their tokens are taken.
    WITH waiting AS (SELECT u.* FROM uses_of(j) u WHERE u.task_token IS NOT NULL),
    taken AS (UPDATE cluster_use u SET task_token = NULL FROM waiting w WHERE u.run_id = w.run_id)
    SELECT * FROM waiting
$$;

CREATE OR REPLACE FUNCTION serve_users(j job_run) RETURNS void
LANGUAGE sql AS $$
-- A shared cluster that was launched serves all who joined before it was.
    SELECT lock_cluster(j.job) WHERE is_shared(j);
    UPDATE cluster_use u SET job_run_id = j.job_run_id WHERE is_shared(j) AND u.cluster = j.job AND u.job_run_id IS NULL
$$;

CREATE OR REPLACE FUNCTION is_launching(name text, except_run uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether another run in progress was answered that it launches the cluster, and its launch is not recorded.
    SELECT EXISTS (SELECT FROM cluster_use u JOIN data_product_status r USING (run_id)
        WHERE u.cluster = name AND u.job_run_id IS NULL AND u.task_token IS NULL AND u.run_id <> except_run
            AND r.attempt = u.attempt AND r.status = 'PROCESSING')
$$;

CREATE OR REPLACE FUNCTION join_cluster(run uuid, of_attempt integer, name text, token text, now_is timestamptz) RETURNS text
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records that the attempt uses the shared cluster of that name, and answers its machine: `launch` at once if there is none, so that it makes one; else
-- with its id, `ready` at once or `wait` until it is ready.
DECLARE
    r data_product_status := locked_run_in('PROCESSING', run, of_attempt, 'so it uses no cluster');
    j job_run;
BEGIN
    PERFORM lock_cluster(name);
    SELECT * INTO j FROM job_run c
    WHERE c.job = name AND is_open(c) AND is_cluster(c) AND is_shared(c) AND c.stop_asked_at IS NULL ORDER BY c.started_at DESC LIMIT 1;
    INSERT INTO cluster_use VALUES (run, of_attempt, name, j.job_run_id, token)
    ON CONFLICT (run_id) DO UPDATE SET attempt = excluded.attempt, cluster = excluded.cluster, job_run_id = excluded.job_run_id, task_token = excluded.task_token;
    IF j.job_run_id IS NOT NULL AND j.ready_at IS NULL OR j.job_run_id IS NULL AND is_launching(name, run) THEN
        RETURN 'wait';
    END IF;
    UPDATE cluster_use SET task_token = NULL WHERE run_id = run;
    IF j.job_run_id IS NOT NULL THEN
        PERFORM answer_ready(j.job_run_id, token, run, of_attempt, now_is);
        RETURN 'ready';
    END IF;
    PERFORM answer_joined(token, run, of_attempt, '{"launch": "yes"}', now_is);
    RETURN 'launch';
END $$;

CREATE OR REPLACE FUNCTION release_clusters(run uuid, of_attempt integer, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records that the clusters of the attempt should be stopped, the one that it shares if it is not needed any more, and gives those that have not ended, as
-- `stop_jobs` does. The caller then asks EMR; the monitor repeats it.
DECLARE
    used cluster_use;
    released jsonb;
BEGIN
    PERFORM FROM data_product_status WHERE run_id = run FOR UPDATE;
    SELECT * INTO used FROM cluster_use WHERE run_id = run AND attempt = of_attempt;
    IF FOUND THEN
        PERFORM lock_cluster(used.cluster);
        DELETE FROM cluster_use WHERE run_id = run;
    END IF;
    WITH freed AS (
        UPDATE job_run j SET stop_asked_at = coalesce(stop_asked_at, now_is), changed_at = now_is
        WHERE j.state = 'STARTED' AND is_cluster(j)
            AND (j.run_id = run AND j.attempt = of_attempt AND NOT is_shared(j) OR j.job_run_id = used.job_run_id AND NOT is_needed(j))
        RETURNING j
    )
    SELECT coalesce(jsonb_agg(named_job(j) ORDER BY (j).started_at, (j).job_run_id), '[]') INTO released FROM freed;
    RETURN released;
END $$;

CREATE OR REPLACE FUNCTION run_of_name(of_name text) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
-- The run that a part of a cluster's name is; null for what is no id of a run.
    SELECT CASE WHEN of_name ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN of_name::uuid END
$$;

CREATE OR REPLACE FUNCTION record_clusters(found jsonb, now_is timestamptz) RETURNS integer
LANGUAGE sql SET enable_seqscan = off AS $$
-- Records those of the clusters [{job_run_id, job, run_id, attempt, step}] that EMR lists, that nobody has recorded, and whose run is known here:
-- another application of the account has runs of its own. Gives how many.
    WITH recorded AS (
        INSERT INTO job_run (job_run_id, run_id, attempt, step, type, job, handle, started_at, changed_at)
        SELECT f.job_run_id, r.run_id, f.attempt, f.step, cluster_type(), f.job, '{}', now_is, now_is
        FROM jsonb_to_recordset(found) AS f(job_run_id text, job text, run_id text, attempt integer, step text)
        CROSS JOIN LATERAL (SELECT s.run_id FROM data_product_status s WHERE s.run_id = run_of_name(f.run_id) OFFSET 0) r
        ON CONFLICT (job_run_id) DO NOTHING
        RETURNING 1
    )
    SELECT count(*)::integer FROM recorded
$$;
