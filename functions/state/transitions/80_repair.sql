-- What the monitor looks for.

CREATE OR REPLACE FUNCTION repair(now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- Releases what was satisfied but not released, tells of late runs, and names the jobs and executions to ask AWS about, as many
-- as fit into one row of the Data API (64 KiB).
DECLARE
    waiting uuid[];
    released uuid[];
    late integer;
BEGIN
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
        'jobs', (SELECT coalesce(jsonb_agg(jsonb_build_object('job', job, 'job_run_id', job_run_id)), '[]') FROM (
            SELECT job, job_run_id FROM job_run WHERE state = 'STARTED' AND started_at < now_is - interval '10 minutes'
            ORDER BY started_at LIMIT 80) unheard),
        'executions', (SELECT coalesce(jsonb_agg(jsonb_build_object('run_id', run_id, 'attempt', attempt, 'status', status, 'execution', execution)), '[]') FROM (
            SELECT r.run_id, r.attempt, r.status, execution_of(r, p) AS execution
            FROM data_product_status r JOIN data_product p USING (product_id)
            WHERE r.changed_at < now_is - interval '10 minutes' AND (
                (r.status = 'WAITING' AND (r.task_token IS NULL OR r.released_at IS NOT NULL OR r.deadline_at < now_is - interval '10 minutes'))
                OR (r.status = 'PROCESSING' AND NOT EXISTS (SELECT FROM job_run j WHERE j.run_id = r.run_id AND j.state = 'STARTED')))
                AND NOT EXISTS (SELECT FROM effect e WHERE e.run_id = r.run_id AND e.done_at IS NULL)
            ORDER BY r.changed_at LIMIT 80) silent));
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

CREATE OR REPLACE FUNCTION restart_lost(run uuid, of_attempt integer, of_error text, of_cause text, most integer, now_is timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
-- The engine lost the machine of an attempt: the next attempt starts, unless the monitor has begun `most` of this run already.
DECLARE
    r data_product_status := locked_run(run, of_attempt);
BEGIN
    PERFORM record_outcome(run, of_attempt, 'ERROR', of_error, of_cause, now_is, 'monitor');
    IF (SELECT count(DISTINCT attempt) FROM data_product_status_history
        WHERE run_id = run AND attempt > 1 AND status = 'WAITING' AND changed_by = 'monitor' AND released_at IS NULL) >= most THEN
        RETURN false;
    END IF;
    PERFORM rerun(r.product_id, r.business_date, r.cycle, false, 'monitor', now_is);
    RETURN true;
END $$;
