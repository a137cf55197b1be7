-- Runs beyond a time that their metadata states, where no machine acts on it.

CREATE OR REPLACE FUNCTION overdue_pipelines(now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The runs whose pipelines take longer than they may, [{run_id, attempt}], as many as fit into a row. Those in shadow are not ended from here.
    SELECT coalesce(fitting(jsonb_agg(jsonb_build_object('run_id', r.run_id, 'attempt', r.attempt) ORDER BY r.started_at), 60000), '[]')
    FROM data_product_status r JOIN data_product p USING (product_id)
    WHERE is_open(r) AND r.status = 'PROCESSING' AND NOT r.shadow AND r.started_at + make_interval(secs => p.pipeline_seconds) <= now_is
$$;

CREATE OR REPLACE FUNCTION end_overdue_pipeline(run uuid, of_attempt integer, now_is timestamptz) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Ends such a run as ERROR, stops its machine, and has the monitor stop its job runs. False if it has ended meanwhile.
DECLARE
    r data_product_status;
    allowed integer;
BEGIN
    PERFORM lock_openings(true);
    SELECT * INTO r FROM data_product_status WHERE run_id = run AND attempt = of_attempt AND status = 'PROCESSING' FOR UPDATE;
    SELECT pipeline_seconds INTO allowed FROM data_product WHERE product_id = r.product_id;
    IF r.started_at + make_interval(secs => allowed) > now_is IS NOT FALSE THEN
        RETURN false;
    END IF;
    PERFORM stop_jobs(run, of_attempt, now_is);
    UPDATE job_run SET task_token = NULL WHERE run_id = run AND task_token IS NOT NULL;
    PERFORM stop_machines(ARRAY[run], 'the pipeline took longer than its timeout', now_is);
    PERFORM record_outcome(run, of_attempt, 'ERROR', 'PipelineTimedOut', format('the pipeline began at %s and has not ended within its timeout of %s',
        to_char(r.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'), make_interval(secs => allowed)), now_is, 'monitor');
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION start_of(r data_product_status) RETURNS effect
LANGUAGE sql STABLE AS $$
-- The start of the execution of the run's attempt, as far as it is not performed and a try of it has failed.
    SELECT e.* FROM effect e
    WHERE e.run_id = r.run_id AND e.attempt = r.attempt AND e.kind = 'start_execution' AND e.done_at IS NULL AND e.failing_since IS NOT NULL LIMIT 1
$$;

CREATE OR REPLACE FUNCTION overdue_waits(now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The runs whose deadline has passed and whose machine could not be started, or is not in shadow, so that nobody asks what the deadline means:
-- [{run_id, attempt, on_deadline, not_started}], as many as fit into a row.
    SELECT coalesce(fitting(jsonb_agg(jsonb_build_object('run_id', r.run_id, 'attempt', r.attempt, 'on_deadline', p.on_deadline,
        'not_started', cut_text((start_of(r)).outcome, 1000)) ORDER BY r.deadline_at), 60000), '[]')
    FROM data_product_status r JOIN data_product p USING (product_id)
    WHERE is_open(r) AND r.status = 'WAITING' AND r.released_at IS NULL AND r.held_over_at IS NULL AND r.deadline_at <= now_is
        AND (r.shadow OR (start_of(r)).effect_id IS NOT NULL)
$$;

CREATE OR REPLACE FUNCTION end_wait(run uuid, of_attempt integer, decision text, of_error text, of_cause text, now_is timestamptz) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Ends a run without a machine as its deadline has decided, fail or skip, and with the alert that its machine would send.
DECLARE
    r data_product_status := locked_run_in('WAITING', run, of_attempt, 'so no deadline concerns it');
BEGIN
    PERFORM stop_machines(ARRAY[run], 'the deadline passed', now_is);
    PERFORM record_outcome(run, of_attempt, CASE decision WHEN 'skip' THEN 'SKIPPED' ELSE 'ERROR' END, of_error, of_cause, now_is, 'monitor');
    IF decision = 'skip' THEN
        PERFORM store_alert(r, 'SKIPPED', jsonb_build_object('cause', of_cause), now_is);
    END IF;
END $$;
