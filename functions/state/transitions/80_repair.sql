-- What the monitor repairs, and machines that ended without recording an outcome.

CREATE OR REPLACE FUNCTION misses_what_arrived(run uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether the run waits for something that is in the inbox.
    SELECT EXISTS (SELECT FROM inputs_of_run(run) d
        CROSS JOIN LATERAL arrival_for(d.upstream, d.statuses, d.account, d.required_date, d.not_before, d.cycle) WHERE d.status = 'WAITING')
$$;

CREATE OR REPLACE FUNCTION overlooked_runs(now_is timestamptz) RETURNS uuid[]
LANGUAGE sql STABLE AS $$
-- The runs that wait or may resume though an input of theirs is in the inbox, or though their condition holds.
    SELECT ARRAY(
        SELECT r.run_id FROM data_product_status r JOIN data_product p USING (product_id)
        WHERE is_open(r) AND r.status = 'WAITING' AND r.released_at IS NULL
            AND (misses_what_arrived(r.run_id) OR NOT r.held AND NOT p.held AND condition_holds(p.condition, arrived_leaves(r.run_id)))
        UNION
        SELECT r.run_id FROM data_product p CROSS JOIN LATERAL runs_followed_of(p.product_id, now_is) r
        WHERE misses_what_arrived(r.run_id)
            OR may_resume(r, now_is) AND NOT r.held AND NOT p.held AND condition_holds(p.condition, arrived_leaves(r.run_id)))
$$;

CREATE OR REPLACE FUNCTION begin_tick() RETURNS integer
LANGUAGE sql SET enable_seqscan = off AS $$
-- The number of this tick of the monitor, by which it takes everything in turn. Moments do not serve: two ticks may have one.
    SELECT nextval('monitor_tick')::integer
$$;

CREATE OR REPLACE FUNCTION record_tick(of_function text, now_is timestamptz) RETURNS void
LANGUAGE sql SET enable_seqscan = off AS $$
-- Notes that the scheduler or the monitor was called. Of two at once the later stays.
    INSERT INTO last_tick AS t VALUES (of_function, now_is)
    ON CONFLICT ON CONSTRAINT last_tick_pkey DO UPDATE SET began_at = greatest(t.began_at, EXCLUDED.began_at)
$$;

CREATE OR REPLACE FUNCTION jobs_to_ask(tick integer, page integer, at_once boolean, now_is timestamptz)
RETURNS TABLE (type text, job text, job_run_id text, handle text, stop boolean)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- Job runs to ask their services about: those that should be stopped, among them clusters that nobody uses any more, and those that have run for a while; `at_once` all. At most `page` of those
-- that no tick has asked about for longest, and this one not yet.
    SELECT j.type, j.job, j.job_run_id, j.handle::text, j.stop_asked_at IS NOT NULL OR is_abandoned(j) FROM job_run j
    WHERE is_open(j) AND j.expires_at IS NULL AND (j.asked_in IS NULL OR j.asked_in < tick)
        AND (at_once OR j.stop_asked_at IS NOT NULL OR j.started_at < now_is - interval '10 minutes' OR is_abandoned(j))
    ORDER BY j.asked_in NULLS FIRST, j.started_at LIMIT page
$$;

CREATE OR REPLACE FUNCTION holds_up_machine(e effect) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
-- Whether the machine of the run cannot go on before this effect of it is performed: its start, also if it is parked; or the answer it waits for,
-- as long as that is tried.
    SELECT e.done_at IS NULL
        AND (e.kind = 'start_execution' OR (e.kind IN ('task_success', 'task_failure') AND e.parked_at IS NULL))
$$;

CREATE OR REPLACE FUNCTION silent_runs(at_once boolean, now_is timestamptz) RETURNS SETOF data_product_status
LANGUAGE sql STABLE AS $$
-- Runs whose execution may have ended without a word: nothing has changed for a while though something should have. `at_once`: any open run. In shadow runs have
-- none.
    SELECT r.* FROM data_product_status r
    WHERE is_open(r) AND r.held_over_at IS NULL AND NOT r.shadow AND (at_once OR r.changed_at < now_is - interval '10 minutes'
        AND (r.status = 'PROCESSING' OR r.task_token IS NULL OR r.released_at IS NOT NULL OR r.deadline_at < now_is - interval '10 minutes'))
        AND NOT EXISTS (SELECT FROM effect e WHERE e.run_id = r.run_id AND holds_up_machine(e) OFFSET 0)
$$;

CREATE OR REPLACE FUNCTION execution_to_ask(r data_product_status) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- Where the product has no machine any more, the execution that the run has reported.
    SELECT jsonb_build_object('run_id', r.run_id, 'attempt', r.attempt, 'status', r.status, 'machine', execution ->> 'machine', 'name', execution ->> 'name',
        'execution_arn', CASE WHEN execution ->> 'machine' IS NULL THEN r.execution_arn END)
    FROM (SELECT execution_of(r, p) AS execution FROM data_product p WHERE p.product_id = r.product_id) named
$$;

CREATE OR REPLACE FUNCTION executions_to_ask(tick integer, page integer, at_once boolean, now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- Executions to ask Step Functions about, each as `execution_to_ask` names it, in turn as in `jobs_to_ask`: as many as fit into a row.
    SELECT coalesce(fitting(jsonb_agg(execution_to_ask(run) ORDER BY asked_in NULLS FIRST, since), 60000), '[]')
    FROM (
        SELECT r AS run, a.asked_in, r.changed_at AS since
        FROM silent_runs(at_once, now_is) r JOIN data_product p USING (product_id)
        LEFT JOIN LATERAL (SELECT * FROM execution_asked a WHERE a.run_id = r.run_id OFFSET 0) a ON true
        WHERE coalesce(p.machine, r.execution_arn) IS NOT NULL AND (a.asked_in IS NULL OR a.asked_in < tick)
        ORDER BY a.asked_in NULLS FIRST, r.changed_at LIMIT page) chosen
$$;

CREATE OR REPLACE FUNCTION record_asked(tick integer, job_runs jsonb, runs jsonb) RETURNS void
LANGUAGE sql SET enable_seqscan = off AS $$
-- These job runs and executions, the latter by their runs, had their turn.
    UPDATE job_run SET asked_in = tick WHERE job_run_id = ANY (ARRAY(SELECT jsonb_array_elements_text(job_runs)));
    INSERT INTO execution_asked (run_id, asked_in) SELECT run::uuid, tick FROM jsonb_array_elements_text(runs) run
    ON CONFLICT (run_id) DO UPDATE SET asked_in = excluded.asked_in
$$;

CREATE OR REPLACE FUNCTION forget_asked() RETURNS void
LANGUAGE sql AS $$
-- Of a run that has ended nobody asks any more.
    DELETE FROM execution_asked a
    WHERE NOT EXISTS (SELECT FROM data_product_status r WHERE r.run_id = a.run_id AND r.status IN ('WAITING', 'PROCESSING') OFFSET 0)
$$;

CREATE OR REPLACE FUNCTION release_overlooked(waiting uuid[], now_is timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
-- Lets those of the (locked) runs go on that were satisfied and left as they were. Gives how many.
BEGIN
    PERFORM match_arrivals(waiting, NULL, now_is);
    RETURN cardinality(advance(waiting, now_is, 'found by the monitor', 'monitor', 'repaired'));
END $$;

CREATE OR REPLACE FUNCTION repair(now_is timestamptz, OUT released integer, OUT late integer, OUT failures jsonb)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Ends work that has certainly ended, releases what was satisfied but not released, follows in shadow what the existing scheduler did, and makes alerts of
-- late runs due. One of these that fails
-- changes nothing and keeps the others from nothing: `failures` says why, [text]. A deadlock is passed on, and the caller tries again.
DECLARE
    concerned uuid[] := '{}';
    waiting uuid[];
BEGIN
    released := 0;
    late := 0;
    failures := '[]';
    PERFORM lock_openings(true);
    BEGIN
        concerned := overlooked_runs(now_is);
    EXCEPTION WHEN OTHERS THEN
        failures := failures || to_jsonb('overlooked runs: ' || SQLERRM);
    END;
    concerned := concerned || ARRAY(SELECT run_id FROM expired_jobs(now_is));
    waiting := lock_runs(concerned || users_of_resumable(concerned, now_is));
    waiting := ARRAY(SELECT run_id FROM data_product_status r
        WHERE run_id = ANY (waiting) AND takes_arrivals(r, now_is) AND NOT (r.status = 'WAITING' AND r.released_at IS NOT NULL));
    BEGIN
        PERFORM expire_jobs(now_is);
        PERFORM forget_asked();
    EXCEPTION WHEN deadlock_detected OR serialization_failure THEN RAISE; WHEN OTHERS THEN
        failures := failures || to_jsonb('expired job runs: ' || SQLERRM);
    END;
    BEGIN
        released := release_overlooked(waiting, now_is);
    EXCEPTION WHEN deadlock_detected OR serialization_failure THEN RAISE; WHEN OTHERS THEN
        failures := failures || to_jsonb('releases: ' || SQLERRM);
    END;
    BEGIN
        PERFORM follow_open_runs(now_is);
    EXCEPTION WHEN deadlock_detected OR serialization_failure THEN RAISE; WHEN OTHERS THEN
        failures := failures || to_jsonb('runs in shadow: ' || SQLERRM);
    END;
    BEGIN
        late := notify_late(now_is);
    EXCEPTION WHEN deadlock_detected OR serialization_failure THEN RAISE; WHEN OTHERS THEN
        failures := failures || to_jsonb('late runs: ' || SQLERRM);
    END;
END $$;

CREATE OR REPLACE FUNCTION start_again(run uuid, of_attempt integer, now_is timestamptz) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Makes the start of a waiting run's execution due once more: AWS does not know it, whatever the outbox says. False if the run is not at that
-- wait any more, or the start is due or parked.
BEGIN
    PERFORM FROM data_product_status WHERE run_id = run AND attempt = of_attempt AND status = 'WAITING' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE effect SET done_at = NULL, due_at = now_is, tries = 0, claimed_until = NULL, outcome = NULL
    WHERE effect_key = 'start ' || run || ' ' || of_attempt AND done_at IS NOT NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE data_product_status SET event = 'started_again', changed_at = now_is, changed_by = 'monitor' WHERE run_id = run;
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION open_runs_of(executions jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- Those of the executions [{machine, name}] whose run has no recorded outcome, as `execution_to_ask` names them. An execution's name
-- holds its attempt, so one of an earlier attempt finds nothing.
    SELECT coalesce(jsonb_agg(execution_to_ask(r)), '[]')
    FROM jsonb_to_recordset(executions) AS ended(machine text, name text)
    JOIN data_product p USING (machine)
    CROSS JOIN LATERAL runs_open_of(p.product_id) r
    WHERE execution_of(r, p) ->> 'name' = ended.name
$$;

CREATE OR REPLACE FUNCTION cancelled_attempts_of(executions jsonb) RETURNS TABLE (run_id text, attempt integer)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- Those of the executions [{machine, name}] whose attempt was cancelled, or is not the run's latest any more. A name ends with
-- -<business_date>[-<cycle>]-<attempt>.
    SELECT r.run_id::text, named.attempt
    FROM jsonb_to_recordset(executions) AS ended(machine text, name text)
    JOIN data_product p USING (machine)
    CROSS JOIN LATERAL (SELECT substring(ended.name FROM '-([0-9]{4}-[0-9]{2}-[0-9]{2})(?:-[0-9]{4})?-[0-9]{1,9}$')::date AS of_date,
        substring(ended.name FROM '([0-9]{1,9})$')::integer AS attempt) named
    CROSS JOIN LATERAL runs_of_date(p.product_id, named.of_date) r
    WHERE (r.status = 'CANCELLED' AND r.attempt = named.attempt OR r.attempt > named.attempt)
        AND regexp_replace(execution_of(r, p) ->> 'name', '[0-9]+$', '') = regexp_replace(ended.name, '[0-9]+$', '')
$$;

CREATE OR REPLACE FUNCTION end_lost_machine(
    run uuid, of_attempt integer, of_error text, of_cause text, restart boolean, most integer, actor text, now_is timestamptz,
    OUT recorded boolean, OUT restarted boolean, OUT stop jsonb
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records the end of a machine that recorded none itself; a run whose work has succeeded as a whole is COMPLETED all the same. `stop` are the job runs of its work that still run. With `restart` the next attempt
-- starts, unless `most` attempts of this run were started so already, its product does not run here any more, or a definition had begun. `recorded` is
-- false where the machine was faster, or the attempt is over.
DECLARE
    r data_product_status;
    no_runs text;
BEGIN
    recorded := false;
    restarted := false;
    stop := '[]';
    PERFORM lock_openings(shared => NOT restart);  -- as `rerun` does, and before the row
    SELECT * INTO r FROM data_product_status WHERE run_id = run FOR UPDATE;
    IF r.attempt IS DISTINCT FROM of_attempt OR r.status NOT IN ('WAITING', 'PROCESSING') OR r.held_over_at IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT why_no_runs(p) INTO no_runs FROM data_product p WHERE p.product_id = r.product_id;
    PERFORM end_definition(run, of_attempt, of_error, of_cause, now_is);
    IF EXISTS (SELECT FROM job_run j WHERE j.run_id = run AND j.attempt = of_attempt AND j.type = definition_type()) THEN
        no_runs := coalesce(no_runs, 'what the states of its definition have started is not known');
    END IF;
    restarted := restart AND no_runs IS NULL
        AND (SELECT count(*) FROM data_product_status_history h WHERE h.run_id = run AND h.event = 'restarted') < most;
    IF r.status = 'PROCESSING' AND work_has_succeeded(run, of_attempt) THEN
        restarted := false;
        PERFORM record_outcome(run, of_attempt, 'COMPLETED', NULL, NULL, now_is, actor);
        PERFORM store_alert(r, 'COMPLETED', '{}', now_is);
        UPDATE effect SET due_at = now_is WHERE effect_key = 'publish ' || run || ' ' || of_attempt || ' COMPLETED';  -- no machine publishes it first
        recorded := true;
        stop := stop_jobs(run, of_attempt, now_is);  -- its cluster
        RETURN;
    END IF;
    PERFORM record_outcome(run, of_attempt, 'ERROR', of_error,
        nullif(concat_ws('; ', of_cause, CASE WHEN restart THEN 'not started again: ' || no_runs END), ''), now_is, actor);
    recorded := true;
    stop := stop_jobs(run, of_attempt, now_is);
    IF restarted THEN
        PERFORM rerun(r.product_id, r.business_date, r.cycle, false, 'restarted', actor, now_is);
    END IF;
END $$;
