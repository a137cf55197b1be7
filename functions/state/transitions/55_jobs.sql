-- Job runs: their start, their end, and stopping them.

CREATE OR REPLACE FUNCTION job_error(state text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE state WHEN 'FAILED' THEN 'JobFailed' WHEN 'TIMEOUT' THEN 'JobTimedOut' WHEN 'STOPPED' THEN 'JobStopped' END
$$;

CREATE OR REPLACE FUNCTION has_succeeded(j job_run) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
-- Whether its end is what its machine waits for. That waits for a cluster to be ready, not for its end.
    SELECT j.state = 'SUCCEEDED' AND NOT is_cluster(j)
$$;

CREATE OR REPLACE FUNCTION error_of(j job_run) RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- A cluster that ends while it is waited for was never ready.
    SELECT CASE WHEN is_cluster(j) THEN 'ClusterLost' ELSE job_error(j.state) END
$$;

CREATE OR REPLACE FUNCTION named_job(j job_run) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
-- What its service needs to know of a job run.
    SELECT jsonb_build_object('type', j.type, 'job', j.job, 'job_run_id', j.job_run_id, 'handle', j.handle)
$$;

CREATE OR REPLACE FUNCTION answer_job(j job_run, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- Answers the machine that awaits a job run which has ended.
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'job ' || j.job_run_id || ' ' || md5(j.task_token), CASE WHEN has_succeeded(j) THEN 'task_success' ELSE 'task_failure' END,
        j.run_id, j.attempt, CASE WHEN has_succeeded(j)
            THEN jsonb_build_object('task_token', j.task_token, 'output', jsonb_build_object('job_run_id', j.job_run_id))
            ELSE jsonb_build_object('task_token', j.task_token, 'error', error_of(j),
                'cause', both_ends(j.job || ' (' || j.job_run_id || ') ended ' || j.state || coalesce(': ' || j.message, ''), 10000)) END,
        now_is
    WHERE j.state <> 'STARTED' AND j.task_token IS NOT NULL
    ON CONFLICT (effect_key) DO NOTHING
$$;

CREATE OR REPLACE FUNCTION record_job_start(
    run uuid, of_attempt integer, of_step text, of_type text, of_job text, of_job_run text, of_handle jsonb, token text, now_is timestamptz,
        OUT state text, OUT refused text
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
-- Records that a job runs, and the token that its end answers. Its end may be known already: an instant job is faster than this.
-- The work exists, whatever has become of the run: if the run has ended or is at another attempt, the job run is recorded as one to
-- stop, and `refused` says why. A cluster that is shared serves all who wait for its launch; it may be READY by now.
DECLARE
    r data_product_status;
    j job_run;
BEGIN
    SELECT * INTO r FROM data_product_status WHERE run_id = run FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'UnknownRun: no run has the id %', run;
    END IF;
    refused := CASE
        WHEN r.attempt <> of_attempt THEN format('StaleAttempt: %s for %s is at attempt %s, not %s', r.product_id, r.business_date, r.attempt, of_attempt)
        WHEN r.status NOT IN ('WAITING', 'PROCESSING') OR r.released_at IS NULL
            THEN format('IllegalTransition: %s for %s is %s, so no job of it can start', r.product_id, r.business_date, r.status) END;
    IF refused IS NULL AND r.status = 'WAITING' THEN  -- its machine is of the release before, whose pipelines begin with the first job
        PERFORM start_processing(r, NULL, now_is);
    END IF;
    INSERT INTO job_run (job_run_id, run_id, attempt, step, type, job, handle, task_token, started_at, stop_asked_at, changed_at)
    VALUES (of_job_run, run, of_attempt, of_step, of_type, of_job, of_handle, CASE WHEN refused IS NULL THEN token END, now_is,
        CASE WHEN refused IS NOT NULL THEN now_is END, now_is)
    ON CONFLICT (job_run_id) DO UPDATE SET run_id = excluded.run_id, attempt = excluded.attempt, step = excluded.step,
        type = excluded.type, job = excluded.job, handle = excluded.handle, task_token = excluded.task_token,
        started_at = coalesce(job_run.started_at, excluded.started_at), stop_asked_at = excluded.stop_asked_at, changed_at = excluded.changed_at
    RETURNING * INTO j;
    PERFORM answer_job(j, now_is);
    PERFORM serve_users(j);
    PERFORM record_ready(jsonb_build_array(jsonb_build_object('job_run_id', j.job_run_id, 'state', 'READY')), now_is) WHERE j.ready_at IS NOT NULL;
    state := j.state;
END $$;

CREATE OR REPLACE FUNCTION record_invocation(
    run uuid, of_attempt integer, of_step text, of_type text, of_job text, of_job_run text, of_handle jsonb, timeout_seconds integer, now_is timestamptz
) RETURNS text
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records work whose end its machine sees, before the machine launches it; gives its state. If the machine dies, the end is not reported, and
-- the work counts as running until it has certainly ended: a function that was invoked in time runs at most 15 minutes longer. The states of a
-- definition end with their machine, which can be asked.
DECLARE
    r data_product_status := locked_run_in('PROCESSING', run, of_attempt, 'so no work of it can start');
BEGIN
    INSERT INTO job_run (job_run_id, run_id, attempt, step, type, job, handle, started_at, expires_at, changed_at)
    VALUES (of_job_run, run, of_attempt, of_step, of_type, of_job, of_handle, now_is,
        CASE WHEN of_type <> definition_type() THEN now_is + make_interval(secs => timeout_seconds) + interval '15 minutes' END, now_is)
    ON CONFLICT (job_run_id) DO NOTHING;
    RETURN (SELECT j.state FROM job_run j WHERE j.job_run_id = of_job_run);
END $$;

CREATE OR REPLACE FUNCTION end_definition(run uuid, of_attempt integer, of_error text, of_cause text, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- Records that the states of a definition ended with their machine, before it could report it.
    UPDATE job_run SET state = CASE of_error WHEN 'ABORTED' THEN 'STOPPED' WHEN 'TIMED_OUT' THEN 'TIMEOUT' ELSE 'FAILED' END, error = left(of_error, 256),
        message = both_ends(of_cause, 8000), ended_at = now_is, changed_at = now_is
    WHERE run_id = run AND attempt = of_attempt AND type = definition_type() AND state = 'STARTED'
$$;

CREATE OR REPLACE FUNCTION record_ready(states jsonb, now_is timestamptz) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Answers the machines that wait for the clusters of which `states` say that they are READY. They have not ended.
DECLARE
    j job_run;
BEGIN
    FOR j IN
        SELECT waiting.* FROM job_run waiting WHERE waiting.state = 'STARTED' AND waiting.job_run_id IN (
            SELECT s.job_run_id FROM jsonb_to_recordset(states) AS s(job_run_id text, state text) WHERE s.state = 'READY')
    LOOP
        PERFORM lock_cluster(j.job) WHERE is_shared(j);
        UPDATE job_run SET task_token = NULL, ready_at = coalesce(ready_at, now_is), changed_at = now_is WHERE job_run_id = j.job_run_id;
        PERFORM answer_ready(j.job_run_id, j.task_token, j.run_id, j.attempt, now_is);
        PERFORM answer_ready(u.job_run_id, u.task_token, u.run_id, u.attempt, now_is) FROM taken_tokens(j) u;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION given_ends(states jsonb)
RETURNS TABLE (job_run_id text, run_id uuid, attempt integer, step text, type text, job text, state text, error text, message text)
LANGUAGE sql IMMUTABLE AS $$
    SELECT DISTINCT ON (job_run_id) job_run_id, run_id, attempt, step, coalesce(type, 'glue'), job, state, left(error, 256), both_ends(message, 8000)
    FROM jsonb_to_recordset(states) AS s(job_run_id text, run_id uuid, attempt integer, step text, type text, job text, state text, error text, message text)
    WHERE state <> 'READY' ORDER BY job_run_id
$$;

CREATE OR REPLACE FUNCTION is_named(job text, of_type text) RETURNS boolean LANGUAGE sql STABLE AS $$
-- Whether a pipeline names that job. The services report those of everybody in the account. An event that names no job (empty) is of ours: its type
-- passes over all others.
    SELECT EXISTS (SELECT FROM data_pipeline_config c WHERE (c.resource = job OR job = '') AND c.type = of_type OFFSET 0)
$$;

CREATE OR REPLACE FUNCTION record_job_states(states jsonb, now_is timestamptz) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records how job runs ended, [{job_run_id, type, job, state, message}] and, where a machine reports it, {run_id, attempt, step, error};
-- answers the machines that await them. A job run that is not known yet is kept for a day, until its machine reports it, if a pipeline names its job.
-- The first end counts. Gives how many ended now. A cluster that is READY has not ended; the machine that awaits it is answered. One that nobody has
-- recorded is recorded by what its name says of it (`cluster`), and is ready when its machine reports it.
DECLARE
    j job_run;
    ended integer;
    runs uuid[];
BEGIN
    PERFORM lock_openings(true);
    PERFORM FROM data_product_status
    WHERE run_id IN (SELECT run_of_name(s.cluster ->> 'run_id') FROM jsonb_to_recordset(states) AS s(cluster jsonb)) ORDER BY run_id FOR UPDATE;
    PERFORM record_clusters(jsonb_agg(s.cluster), now_is)
    FROM jsonb_to_recordset(states) AS s(state text, cluster jsonb) WHERE s.state = 'READY' AND jsonb_typeof(s.cluster) = 'object';
    -- first what is not known yet, so that below each of them is, with the run that a machine has recorded meanwhile
    WITH kept AS (
        INSERT INTO job_run (job_run_id, run_id, attempt, step, type, job, state, error, message, ended_at, changed_at)
        SELECT s.*, now_is, now_is FROM given_ends(states) s WHERE s.run_id IS NOT NULL OR is_named(s.job, s.type)
        ON CONFLICT (job_run_id) DO NOTHING
        RETURNING 1
    )
    SELECT count(*) INTO ended FROM kept;
    -- the runs before their job runs, as in all that records job runs
    SELECT coalesce(array_agg(coalesce(s.run_id, (SELECT known.run_id FROM job_run known WHERE known.job_run_id = s.job_run_id OFFSET 0))), '{}')
    INTO runs FROM jsonb_to_recordset(states) AS s(job_run_id text, run_id uuid);
    SELECT coalesce(array_agg(run_id), '{}') INTO runs FROM (
        SELECT run_id FROM data_product_status WHERE run_id = ANY (runs) ORDER BY run_id FOR UPDATE) locked;
    PERFORM record_ready(states, now_is);
    FOR j IN
        UPDATE job_run known SET state = s.state, error = s.error, message = s.message, ended_at = now_is, changed_at = now_is
        FROM given_ends(states) s
        WHERE known.job_run_id = ANY (ARRAY(SELECT given.job_run_id FROM given_ends(states) given)) AND known.job_run_id = s.job_run_id
            AND known.state = 'STARTED'
        RETURNING known.*
    LOOP
        PERFORM answer_job(j, now_is);
        PERFORM answer_lost(j, u.task_token, u.run_id, u.attempt, now_is) FROM taken_tokens(j) u;
        UPDATE job_run SET task_token = NULL WHERE job_run_id = j.job_run_id AND task_token IS NOT NULL;  -- its answer is due, and has it
        ended := ended + 1;
    END LOOP;
    -- an attempt that waited for an earlier one's job can go on
    PERFORM advance(runs, now_is, 'the job of the earlier attempt ended', 'job status');
    RETURN ended;
END $$;

CREATE OR REPLACE FUNCTION expired_jobs(now_is timestamptz) RETURNS SETOF job_run
LANGUAGE sql STABLE AS $$
-- The work whose service cannot be asked and that has certainly ended.
    SELECT * FROM job_run j WHERE is_open(j) AND j.expires_at <= now_is
$$;

CREATE OR REPLACE FUNCTION expire_jobs(now_is timestamptz) RETURNS integer
LANGUAGE sql AS $$
-- Records the end of the expired job runs. Gives how many.
    SELECT record_job_states(coalesce(jsonb_agg(named_job(j) || jsonb_build_object('state', 'TIMEOUT',
        'message', 'its end was not reported, and by now it has ended')), '[]'), now_is)
    FROM expired_jobs(now_is) j
$$;

CREATE OR REPLACE FUNCTION request_stop(of_job_run text, now_is timestamptz) RETURNS boolean
LANGUAGE sql SET enable_seqscan = off AS $$
-- Records that a job run should be stopped; false if it has ended. The caller then asks its service; the monitor repeats it.
    WITH asked AS (
        UPDATE job_run SET stop_asked_at = coalesce(stop_asked_at, now_is), changed_at = now_is
        WHERE job_run_id = of_job_run AND state = 'STARTED' RETURNING 1
    )
    SELECT count(*) = 1 FROM asked
$$;

CREATE OR REPLACE FUNCTION stop_jobs(run uuid, first_attempt integer, now_is timestamptz) RETURNS jsonb
LANGUAGE sql AS $$
-- Records that the job runs of this attempt and of later ones should be stopped, and gives those that still run [{type, job, job_run_id, handle, step}].
-- The caller then asks their services; the monitor repeats it.
    WITH stopped AS (
        UPDATE job_run j SET stop_asked_at = coalesce(stop_asked_at, now_is), changed_at = now_is
        WHERE j.run_id = run AND j.attempt >= first_attempt AND j.state = 'STARTED' AND NOT is_used_by_others(j, run)
        RETURNING j
    )
    SELECT coalesce(jsonb_agg(named_job(j) || jsonb_build_object('step', (j).step) ORDER BY (j).started_at, (j).job_run_id), '[]') FROM stopped
$$;

-- For functions of the release before, while a deployment has migrated the state and not yet replaced them. Goes with the next release.

CREATE OR REPLACE FUNCTION record_job_start(
    run uuid, of_attempt integer, of_step text, of_job text, of_job_run text, token text, now_is timestamptz
) RETURNS jsonb
LANGUAGE sql SET enable_seqscan = off AS $$
    SELECT to_jsonb(recorded) FROM record_job_start(run, of_attempt, of_step, 'glue', of_job, of_job_run, '{}', token, now_is) recorded
$$;
