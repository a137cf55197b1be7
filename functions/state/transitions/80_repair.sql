-- What the monitor looks for.

CREATE OR REPLACE FUNCTION repair(now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- Releases what was satisfied but not released, reports late runs, and names the job runs and executions to ask AWS about, as many
-- as fit into one row of the Data API (64 KiB).
DECLARE
    waiting uuid[];
    released uuid[];
    late integer;
BEGIN
    PERFORM expire_jobs(now_is);
    SELECT coalesce(array_agg(run_id), '{}') INTO waiting FROM (
        SELECT run_id FROM data_product_status WHERE status = 'WAITING' AND released_at IS NULL ORDER BY run_id FOR UPDATE) locked;
    PERFORM match_arrivals(waiting, NULL, now_is);
    released := release_ready(waiting, now_is, 'found by the monitor', 'monitor');

    WITH due AS (
        SELECT r.run_id, p.notify, p.product_id,
            ((r.opened_at AT TIME ZONE s.timezone)::date + p.complete_by) AT TIME ZONE s.timezone AS today
        FROM data_product_status r JOIN data_product p USING (product_id) JOIN data_product_schedule s USING (product_id)
        WHERE p.complete_by IS NOT NULL AND NOT r.late_told AND r.status NOT IN ('COMPLETED', 'SKIPPED', 'CANCELLED')
    ), told AS (
        UPDATE data_product_status r SET late_told = true, changed_at = now_is, changed_by = 'monitor'
        FROM due
        WHERE r.run_id = due.run_id AND now_is > CASE WHEN due.today < r.opened_at THEN due.today + interval '1 day' ELSE due.today END
        RETURNING r.*, due.notify
    ), alerts AS (
        INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
        SELECT 'alert LATE ' || run_id || ' ' || attempt, 'alert', run_id, attempt, jsonb_build_object('kind', 'LATE', 'level', 'product',
            'product', product_id, 'run_id', run_id, 'business_date', business_date, 'cycle', cycle, 'attempt', attempt,
            'status', status, 'missing', missing_inputs(run_id)), now_is
        FROM told WHERE jsonb_path_exists(notify, '$[*].on[*] ? (@ == "LATE")')
        ON CONFLICT (effect_key) DO NOTHING
    )
    SELECT count(*) INTO late FROM told;

    RETURN jsonb_build_object('released', cardinality(released), 'late', late,
        'jobs', (SELECT coalesce(jsonb_agg(named_job(j) || jsonb_build_object('stop', j.stop_asked_at IS NOT NULL)), '[]') FROM (
            SELECT * FROM job_run WHERE state = 'STARTED' AND expires_at IS NULL
                AND (started_at < now_is - interval '10 minutes' OR stop_asked_at IS NOT NULL)
            ORDER BY stop_asked_at IS NULL, started_at LIMIT 80) j),
        'executions', (SELECT coalesce(jsonb_agg(jsonb_build_object('run_id', run_id, 'attempt', attempt, 'status', status, 'execution', execution)), '[]') FROM (
            SELECT r.run_id, r.attempt, r.status, execution_of(r, p) AS execution
            FROM data_product_status r JOIN data_product p USING (product_id)
            CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM job_run j WHERE j.run_id = r.run_id AND j.state = 'STARTED') AS works) job
            WHERE r.changed_at < now_is - interval '10 minutes' AND (
                (r.status = 'WAITING' AND (r.task_token IS NULL OR r.released_at IS NOT NULL OR r.deadline_at < now_is - interval '10 minutes'))
                OR r.status = 'PROCESSING')
                AND NOT EXISTS (SELECT FROM effect e WHERE e.run_id = r.run_id AND e.done_at IS NULL)
            -- where work runs, the machine most probably does: of those another few each time
            ORDER BY job.works AND r.status = 'PROCESSING', CASE WHEN job.works THEN md5(r.run_id || moment(now_is)) END, r.changed_at LIMIT 80) silent));
END $$;

CREATE OR REPLACE FUNCTION start_again(run uuid, of_attempt integer, now_is timestamptz) RETURNS integer
LANGUAGE sql AS $$
-- Makes the start of a run's execution due once more: AWS does not know it, whatever the outbox says.
    WITH again AS (
        UPDATE effect SET done_at = NULL, due_at = now_is, claimed_until = NULL, outcome = NULL
        WHERE effect_key = 'start ' || run || ' ' || of_attempt
        RETURNING 1
    )
    SELECT count(*)::integer FROM again
$$;

CREATE OR REPLACE FUNCTION open_runs_of(executions jsonb) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- Those of the executions [{machine, name}] whose run has no recorded outcome: [{run_id, attempt, status, execution}]. An execution's name holds
-- its attempt, so one of an earlier attempt finds nothing.
    SELECT coalesce(jsonb_agg(jsonb_build_object('run_id', r.run_id, 'attempt', r.attempt, 'status', r.status, 'execution', execution_of(r, p))), '[]')
    FROM jsonb_to_recordset(executions) AS ended(machine text, name text)
    JOIN data_product p USING (machine)
    JOIN data_product_status r USING (product_id)
    WHERE r.status IN ('WAITING', 'PROCESSING') AND execution_of(r, p) ->> 'name' = ended.name
$$;

CREATE OR REPLACE FUNCTION end_lost_machine(
    run uuid, of_attempt integer, of_error text, of_cause text, restart boolean, most integer, actor text, now_is timestamptz
) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- Records the end of a machine that recorded none itself, and what of its work is to be stopped. With `restart` the next attempt starts, unless
-- `most` attempts of this run were started so already. `recorded` is false where the machine was faster after all, or the attempt is over.
DECLARE
    r data_product_status;
    jobs jsonb;
    again boolean;
BEGIN
    SELECT * INTO r FROM data_product_status WHERE run_id = run FOR UPDATE;
    IF r.attempt IS DISTINCT FROM of_attempt OR r.status NOT IN ('WAITING', 'PROCESSING') THEN
        RETURN jsonb_build_object('recorded', false, 'restarted', false, 'stop', '[]'::jsonb);
    END IF;
    PERFORM record_outcome(run, of_attempt, 'ERROR', of_error, of_cause, now_is, actor);
    WITH stopped AS (
        UPDATE job_run j SET stop_asked_at = coalesce(stop_asked_at, now_is), changed_at = now_is
        WHERE j.run_id = run AND j.attempt = of_attempt AND j.state = 'STARTED'
        RETURNING named_job(j) AS job
    )
    SELECT coalesce(jsonb_agg(job), '[]') INTO jobs FROM stopped;
    again := restart AND (SELECT count(DISTINCT attempt) FROM data_product_status_history
        WHERE run_id = run AND attempt > 1 AND status = 'WAITING' AND changed_by IN ('monitor', 'job status') AND released_at IS NULL) < most;
    IF again THEN
        PERFORM rerun(r.product_id, r.business_date, r.cycle, false, actor, now_is);
    END IF;
    RETURN jsonb_build_object('recorded', true, 'restarted', again, 'stop', jobs);
END $$;
