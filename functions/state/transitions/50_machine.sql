-- What a machine asks for and reports. Errors a machine sees begin with their class: `IllegalTransition: ...`.

CREATE OR REPLACE FUNCTION locked_run(run uuid, of_attempt integer) RETURNS data_product_status
LANGUAGE plpgsql AS $$
-- The run's row, locked. A machine of an earlier attempt is told so.
DECLARE
    r data_product_status;
BEGIN
    SELECT * INTO r FROM data_product_status WHERE run_id = run FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'UnknownRun: no run has the id %', run;
    ELSIF r.attempt <> of_attempt THEN
        RAISE EXCEPTION 'StaleAttempt: % for % is at attempt %, not %', r.product_id, r.business_date, r.attempt, of_attempt;
    END IF;
    RETURN r;
END $$;

CREATE OR REPLACE FUNCTION register_wait(run uuid, of_attempt integer, token text, execution text, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- Keeps the token of the waiting machine and looks again, under the same lock: no arrival falls between.
DECLARE
    r data_product_status := locked_run(run, of_attempt);
    released uuid[];
BEGIN
    IF r.status <> 'WAITING' THEN
        RAISE EXCEPTION 'IllegalTransition: % for % is %, so nothing can wait for it', r.product_id, r.business_date, r.status;
    END IF;
    UPDATE data_product_status SET task_token = token, execution_arn = execution, waiting_since = now_is, changed_at = now_is,
        changed_by = 'machine' WHERE run_id = run;
    PERFORM match_arrivals(ARRAY[run], NULL, now_is);
    released := release_ready(ARRAY[run], now_is, 'everything had arrived', 'machine');
    PERFORM store_release_effects(ARRAY[run], now_is);
    RETURN jsonb_build_object('released', r.released_at IS NOT NULL OR cardinality(released) > 0, 'missing', missing_inputs(run));
END $$;

CREATE OR REPLACE FUNCTION failed_root(r data_product_status, now_is timestamptz) RETURNS text
LANGUAGE plpgsql STABLE AS $$
-- The product at the bottom of a wait that failed, here or in another account; the first if several did, null if none.
BEGIN
    RETURN (
        SELECT failure.product
        FROM jsonb_array_elements(root_causes(r.product_id, r.business_date, r.cycle, now_is)) behind
        CROSS JOIN LATERAL (
            SELECT f.product_id AS product, f.finished_at AS at FROM data_product_status f
            WHERE f.product_id = behind ->> 'product' AND f.business_date = (behind ->> 'business_date')::date AND f.status = 'ERROR'
            UNION ALL
            SELECT e.product_id, e.received_at FROM refresh_event e
            WHERE e.product_id = behind ->> 'product' AND e.business_date = (behind ->> 'business_date')::date AND e.status = 'ERROR'
                AND e.superseded_at IS NULL
        ) failure
        ORDER BY failure.at LIMIT 1);
END $$;

CREATE OR REPLACE FUNCTION settle_deadline(run uuid, of_attempt integer, on_deadline text, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- What the missed deadline means. The last arrival may have come at the same moment: then the run starts.
DECLARE
    r data_product_status := locked_run(run, of_attempt);
BEGIN
    IF r.status <> 'WAITING' THEN
        RAISE EXCEPTION 'IllegalTransition: % for % is %, so no deadline concerns it', r.product_id, r.business_date, r.status;
    END IF;
    IF r.released_at IS NOT NULL OR cardinality(release_ready(ARRAY[run], now_is, 'everything had arrived', 'machine')) > 0 THEN
        RETURN jsonb_build_object('decision', 'start');
    ELSIF on_deadline = 'start' THEN
        UPDATE data_product_status SET released_at = now_is, release_reason = 'the deadline passed: started with what had arrived',
            changed_at = now_is, changed_by = 'machine' WHERE run_id = run;
        RETURN jsonb_build_object('decision', 'start', 'missing', missing_inputs(run));
    END IF;
    RETURN jsonb_build_object('decision', on_deadline, 'missing', missing_inputs(run), 'failed', failed_root(r, now_is));
END $$;

CREATE OR REPLACE FUNCTION read_configuration(run uuid, of_attempt integer) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- What to run: {<step>: {job, arguments}}, placeholders filled in for this run.
DECLARE
    r data_product_status := locked_run(run, of_attempt);
BEGIN
    IF r.released_at IS NULL THEN
        RAISE EXCEPTION 'IllegalTransition: % for % has not been released', r.product_id, r.business_date;
    END IF;
    RETURN (
        SELECT jsonb_object_agg(replace(c.step, '-', '_'), jsonb_build_object('job', c.resource, 'arguments', (
            SELECT coalesce(jsonb_object_agg(a.name,
                replace(replace(replace(replace(replace(replace(a.value,
                    '{business_date}', r.business_date::text), '{product}', split_part(r.product_id, '/', 2)),
                    '{domain}', split_part(r.product_id, '/', 1)), '{run_id}', r.run_id::text),
                    '{attempt}', r.attempt::text), '{cycle}', r.cycle)), '{}')
            FROM data_pipeline_parameters a WHERE a.product_id = c.product_id AND a.step = c.step)))
        FROM data_pipeline_config c WHERE c.product_id = r.product_id);
END $$;

CREATE OR REPLACE FUNCTION job_error(state text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE state WHEN 'FAILED' THEN 'JobFailed' WHEN 'TIMEOUT' THEN 'JobTimedOut' WHEN 'STOPPED' THEN 'JobStopped' END
$$;

CREATE OR REPLACE FUNCTION answer_job(j job_run, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- Answers the machine that awaits a job which has ended.
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'job ' || j.job_run_id || ' ' || md5(j.task_token), CASE j.state WHEN 'SUCCEEDED' THEN 'task_success' ELSE 'task_failure' END,
        j.run_id, j.attempt, CASE j.state WHEN 'SUCCEEDED'
            THEN jsonb_build_object('task_token', j.task_token, 'output', jsonb_build_object('job_run_id', j.job_run_id))
            ELSE jsonb_build_object('task_token', j.task_token, 'error', job_error(j.state),
                'cause', left(j.job || ' (' || j.job_run_id || ') ended ' || j.state || coalesce(': ' || j.message, ''), 8000)) END,
        now_is
    WHERE j.state <> 'STARTED' AND j.task_token IS NOT NULL
    ON CONFLICT (effect_key) DO NOTHING
$$;

CREATE OR REPLACE FUNCTION record_job_start(
    run uuid, of_attempt integer, of_step text, of_job text, job_run text, token text, now_is timestamptz
) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- Records that a job runs, and the token that its end answers. Its end may be known already: an instant job is faster than this.
DECLARE
    r data_product_status := locked_run(run, of_attempt);
    j job_run;
BEGIN
    IF r.status NOT IN ('WAITING', 'PROCESSING') OR r.released_at IS NULL THEN
        RAISE EXCEPTION 'IllegalTransition: % for % is %, so no job of it can start', r.product_id, r.business_date, r.status;
    END IF;
    IF r.status = 'WAITING' THEN
        UPDATE data_product_status SET status = 'PROCESSING', started_at = now_is, changed_at = now_is, changed_by = 'machine'
        WHERE run_id = run AND status = 'WAITING';
        INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
        SELECT 'alert STARTED ' || run || ' ' || of_attempt, 'alert', run, of_attempt, jsonb_build_object('kind', 'STARTED', 'level', 'product',
            'product', r.product_id, 'run_id', run, 'business_date', r.business_date, 'cycle', r.cycle, 'attempt', of_attempt), now_is
        FROM data_product p WHERE p.product_id = r.product_id AND jsonb_path_exists(p.notify, '$[*].on[*] ? (@ == "STARTED")')
        ON CONFLICT (effect_key) DO NOTHING;
    END IF;
    INSERT INTO job_run (job_run_id, run_id, attempt, step, job, task_token, started_at, changed_at)
    VALUES (job_run, run, of_attempt, of_step, of_job, token, now_is, now_is)
    ON CONFLICT (job_run_id) DO UPDATE SET run_id = excluded.run_id, attempt = excluded.attempt, step = excluded.step,
        job = excluded.job, task_token = excluded.task_token, started_at = coalesce(job_run.started_at, excluded.started_at),
        changed_at = excluded.changed_at
    RETURNING * INTO j;
    PERFORM answer_job(j, now_is);
    RETURN jsonb_build_object('state', j.state);
END $$;

CREATE OR REPLACE FUNCTION record_job_states(states jsonb, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- Records how jobs ended, [{job_run_id, job, state, message}], and answers the machines that await them. A job nobody knows
-- yet is kept until its machine reports it. The first end of a job counts.
DECLARE
    j job_run;
    ended integer := 0;
    waiting uuid[] := '{}';
BEGIN
    FOR j IN
        INSERT INTO job_run (job_run_id, job, state, message, ended_at, changed_at)
        SELECT DISTINCT ON (job_run_id) job_run_id, job, state, left(message, 4000), now_is, now_is
        FROM jsonb_to_recordset(states) AS s(job_run_id text, job text, state text, message text) ORDER BY job_run_id
        ON CONFLICT (job_run_id) DO UPDATE SET state = excluded.state, message = excluded.message, ended_at = excluded.ended_at,
            changed_at = excluded.changed_at
        WHERE job_run.state = 'STARTED'
        RETURNING *
    LOOP
        PERFORM answer_job(j, now_is);
        ended := ended + 1;
        waiting := waiting || j.run_id;
    END LOOP;
    -- an attempt that waited for an earlier one's job can go on
    SELECT coalesce(array_agg(run_id), '{}') INTO waiting FROM (
        SELECT run_id FROM data_product_status WHERE run_id = ANY (waiting) AND status = 'WAITING' ORDER BY run_id FOR UPDATE) locked;
    PERFORM release_ready(waiting, now_is, 'the job of the earlier attempt ended', 'job status');
    RETURN jsonb_build_object('ended', ended);
END $$;

CREATE OR REPLACE FUNCTION record_outcome(
    run uuid, of_attempt integer, outcome text, of_error text, of_cause text, now_is timestamptz, actor text
) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- Records how an attempt ended. The same outcome a second time is the answer to a lost reply and gives the first time again.
DECLARE
    r data_product_status := locked_run(run, of_attempt);
    p data_product;
BEGIN
    IF r.status = outcome THEN
        RETURN jsonb_build_object('recorded_at', r.finished_at);
    END IF;
    UPDATE data_product_status SET status = outcome, finished_at = now_is, error = of_error, cause = left(of_cause, 8000),
        changed_at = now_is, changed_by = actor
    WHERE run_id = run AND ((outcome = 'COMPLETED' AND status = 'PROCESSING')
        OR (outcome = 'ERROR' AND status IN ('WAITING', 'PROCESSING'))
        OR (outcome = 'SKIPPED' AND status = 'WAITING' AND released_at IS NULL)
        OR (outcome = 'CANCELLED' AND status IN ('WAITING', 'PROCESSING')));
    IF NOT FOUND THEN
        RAISE EXCEPTION 'IllegalTransition: % for % is %, and cannot become %', r.product_id, r.business_date, r.status, outcome;
    END IF;
    -- what the machine does next, in case it does not live to do it
    SELECT * INTO p FROM data_product WHERE product_id = r.product_id;
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'publish ' || run || ' ' || of_attempt || ' ' || outcome, 'put_event', run, of_attempt, jsonb_build_object(
        'visibility', p.visibility, 'detail_type', CASE outcome WHEN 'COMPLETED' THEN 'Data Product Refreshed' ELSE 'Data Product Failed' END,
        'detail', jsonb_build_object('domain', p.domain, 'product', p.name, 'business_date', r.business_date, 'cycle', r.cycle,
            'status', outcome, 'run_id', run, 'attempt', of_attempt, 'refreshed_at', to_char(now_is AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'metadata', '{}'::jsonb)), now_is + interval '15 minutes'
    WHERE p.refresh_event AND outcome IN ('COMPLETED', 'ERROR')
    ON CONFLICT (effect_key) DO NOTHING;
    -- a machine tells of its failure itself; one that died cannot
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'alert ERROR ' || run || ' ' || of_attempt, 'alert', run, of_attempt, jsonb_build_object('kind', 'ERROR', 'level', 'product',
        'product', r.product_id, 'run_id', run, 'business_date', r.business_date, 'cycle', r.cycle, 'attempt', of_attempt,
        'error', of_error, 'cause', left(of_cause, 4000), 'execution_arn', r.execution_arn), now_is
    WHERE outcome = 'ERROR' AND actor = 'monitor' AND jsonb_path_exists(p.notify, '$[*].on[*] ? (@ == "ERROR")')
    ON CONFLICT (effect_key) DO NOTHING;
    RETURN jsonb_build_object('recorded_at', now_is);
END $$;
