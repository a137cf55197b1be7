-- What the monitor repairs, and machines that ended without recording an outcome.

CREATE OR REPLACE FUNCTION punctual_runs_of(product text) RETURNS SETOF data_product_status
LANGUAGE sql STABLE AS $$
-- The runs of the product of which it is not yet known whether they miss the SLA.
    SELECT * FROM data_product_status r WHERE r.product_id = product AND may_become_late(r) OFFSET 0
$$;

CREATE OR REPLACE FUNCTION late_runs(now_is timestamptz) RETURNS uuid[]
LANGUAGE plpgsql STABLE AS $$
-- The runs that have missed their SLA since the last time.
BEGIN
    RETURN ARRAY(SELECT r.run_id FROM data_product p CROSS JOIN LATERAL punctual_runs_of(p.product_id) r
        WHERE p.complete_by IS NOT NULL AND due_at(r) < now_is);
END $$;

CREATE OR REPLACE FUNCTION notify_late(now_is timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
-- Marks the runs that have missed their SLA since the last time and makes their alerts due. Gives how many.
DECLARE
    r data_product_status;
    late integer := 0;
BEGIN
    FOR r IN
        UPDATE data_product_status s SET late_notified = true, event = 'late', changed_at = now_is, changed_by = 'monitor'
        WHERE s.run_id = ANY (late_runs(now_is))
            AND NOT s.late_notified AND s.status NOT IN ('COMPLETED', 'SKIPPED', 'CANCELLED')
        RETURNING s.*
    LOOP
        late := late + 1;
        PERFORM store_alert(r, 'LATE', jsonb_build_object('status', r.status, 'missing', missing_inputs(r.run_id)), now_is);
    END LOOP;
    RETURN late;
END $$;

CREATE OR REPLACE FUNCTION overlooked_runs() RETURNS uuid[]
LANGUAGE sql STABLE AS $$
-- The runs that wait though an input of theirs is in the inbox, or though their condition holds.
    SELECT ARRAY(
        SELECT r.run_id FROM data_product_status r JOIN data_product p USING (product_id)
        WHERE is_open(r) AND r.status = 'WAITING' AND r.released_at IS NULL
            AND (EXISTS (SELECT FROM data_product_dependencies_events_status d
                    CROSS JOIN LATERAL arrival_for(d.upstream, d.statuses, d.account, d.required_date, d.not_before, d.cycle)
                    WHERE d.run_id = r.run_id AND d.status = 'WAITING')
                OR NOT r.held AND NOT p.held AND condition_holds(p.condition, arrived_leaves(r.run_id))))
$$;

CREATE OR REPLACE FUNCTION unreported_jobs(now_is timestamptz) RETURNS SETOF job_run
LANGUAGE sql STABLE AS $$
-- Job runs to ask their services about: those that should be stopped, and those that have run for a while.
    SELECT * FROM job_run j
    WHERE is_open(j) AND expires_at IS NULL AND (stop_asked_at IS NOT NULL OR started_at < now_is - interval '10 minutes')
    ORDER BY stop_asked_at IS NULL, started_at LIMIT 80
$$;

CREATE OR REPLACE FUNCTION silent_runs(now_is timestamptz) RETURNS SETOF data_product_status
LANGUAGE sql STABLE AS $$
-- Runs whose execution may have ended without a word: nothing has changed for a while though something should have, and no effect is due.
-- Where work runs, the machine most probably does: of those another few each time.
    WITH quiet AS (
        SELECT r AS run, r.changed_at, EXISTS (SELECT FROM job_run j WHERE j.run_id = r.run_id AND j.state = 'STARTED' OFFSET 0) AS works
        FROM data_product_status r
        WHERE is_open(r) AND r.changed_at < now_is - interval '10 minutes'
            AND NOT EXISTS (SELECT FROM effect e WHERE e.run_id = r.run_id AND e.done_at IS NULL OFFSET 0)
    ), suspect AS (
        SELECT run, changed_at, works AND (run).status = 'PROCESSING' AS works FROM quiet
        WHERE (run).status = 'PROCESSING' OR (run).task_token IS NULL OR (run).released_at IS NOT NULL
            OR (run).deadline_at < now_is - interval '10 minutes'
    )
    SELECT (run).* FROM suspect
    ORDER BY works, CASE WHEN works THEN md5((run).run_id || moment(now_is)) END, changed_at LIMIT 80
$$;

CREATE OR REPLACE FUNCTION execution_to_ask(r data_product_status) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('run_id', r.run_id, 'attempt', r.attempt, 'status', r.status, 'machine', execution ->> 'machine', 'name', execution ->> 'name')
    FROM (SELECT execution_of(r, p) AS execution FROM data_product p WHERE p.product_id = r.product_id) named
$$;

CREATE OR REPLACE FUNCTION repair(now_is timestamptz, OUT released integer, OUT late integer, OUT jobs jsonb, OUT executions jsonb)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Releases what was satisfied but not released, makes alerts of late runs due, and names the job runs [{type, job, job_run_id, handle, stop}]
-- and executions [{run_id, attempt, status, machine, name}] to ask AWS about, as many as fit into one row of the Data API (64 KiB).
DECLARE
    concerned uuid[];
    waiting uuid[];
BEGIN
    PERFORM lock_openings(true);
    concerned := overlooked_runs() || ARRAY(SELECT run_id FROM expired_jobs(now_is));
    SELECT coalesce(array_agg(run_id) FILTER (WHERE status = 'WAITING' AND released_at IS NULL), '{}') INTO waiting FROM (
        SELECT run_id, status, released_at FROM data_product_status WHERE run_id = ANY (concerned) ORDER BY run_id FOR UPDATE) locked;
    PERFORM expire_jobs(now_is);
    PERFORM match_arrivals(waiting, NULL, now_is);
    released := cardinality(release_ready(waiting, now_is, 'found by the monitor', 'monitor'));
    late := notify_late(now_is);
    jobs := (SELECT coalesce(jsonb_agg(named_job(j) || jsonb_build_object('stop', j.stop_asked_at IS NOT NULL)), '[]') FROM unreported_jobs(now_is) j);
    executions := (SELECT coalesce(jsonb_agg(execution_to_ask(r)), '[]') FROM silent_runs(now_is) r);
END $$;

CREATE OR REPLACE FUNCTION start_again(run uuid, of_attempt integer, now_is timestamptz) RETURNS integer
LANGUAGE sql SET enable_seqscan = off AS $$
-- Makes the start of a run's execution due once more: AWS does not know it, whatever the outbox says. Gives how many effects are due.
    WITH again AS (
        UPDATE effect SET done_at = NULL, due_at = now_is, claimed_until = NULL, outcome = NULL
        WHERE effect_key = 'start ' || run || ' ' || of_attempt
        RETURNING 1
    )
    SELECT count(*)::integer FROM again
$$;

CREATE OR REPLACE FUNCTION open_runs_of(executions jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- Those of the executions [{machine, name}] whose run has no recorded outcome: [{run_id, attempt, status, machine, name}]. An execution's name
-- holds its attempt, so one of an earlier attempt finds nothing.
    SELECT coalesce(jsonb_agg(execution_to_ask(r)), '[]')
    FROM jsonb_to_recordset(executions) AS ended(machine text, name text)
    JOIN data_product p USING (machine)
    CROSS JOIN LATERAL runs_open_of(p.product_id) r
    WHERE execution_of(r, p) ->> 'name' = ended.name
$$;

CREATE OR REPLACE FUNCTION end_lost_machine(
    run uuid, of_attempt integer, of_error text, of_cause text, restart boolean, most integer, actor text, now_is timestamptz,
    OUT recorded boolean, OUT restarted boolean, OUT stop jsonb
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records the end of a machine that recorded none itself. `stop` are the job runs of its work that still run. With `restart` the next attempt
-- starts, unless `most` attempts of this run were started so already or its product
-- does not run here any more. `recorded` is false where the machine was faster, or the attempt is over.
DECLARE
    r data_product_status;
    no_runs text;
BEGIN
    recorded := false;
    restarted := false;
    stop := '[]';
    PERFORM lock_openings(shared => NOT restart);  -- as `rerun` does, and before the row
    SELECT * INTO r FROM data_product_status WHERE run_id = run FOR UPDATE;
    IF r.attempt IS DISTINCT FROM of_attempt OR r.status NOT IN ('WAITING', 'PROCESSING') THEN
        RETURN;
    END IF;
    SELECT why_no_runs(p) INTO no_runs FROM data_product p WHERE p.product_id = r.product_id;
    restarted := restart AND no_runs IS NULL
        AND (SELECT count(*) FROM data_product_status_history h WHERE h.run_id = run AND h.event = 'restarted') < most;
    PERFORM record_outcome(run, of_attempt, 'ERROR', of_error,
        nullif(concat_ws('; ', of_cause, CASE WHEN restart THEN 'not started again: ' || no_runs END), ''), now_is, actor);
    recorded := true;
    WITH stopped AS (
        UPDATE job_run j SET stop_asked_at = coalesce(stop_asked_at, now_is), changed_at = now_is
        WHERE j.run_id = run AND j.attempt = of_attempt AND j.state = 'STARTED'
        RETURNING named_job(j) AS job
    )
    SELECT coalesce(jsonb_agg(job), '[]') INTO stop FROM stopped;
    IF restarted THEN
        PERFORM rerun(r.product_id, r.business_date, r.cycle, false, 'restarted', actor, now_is);
    END IF;
END $$;
