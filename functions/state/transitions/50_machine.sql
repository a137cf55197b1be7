-- What machines ask for and report. Errors that a machine sees begin with their class: `IllegalTransition: ...`.

CREATE OR REPLACE FUNCTION locked_run(run uuid, of_attempt integer) RETURNS data_product_status
LANGUAGE plpgsql AS $$
-- The run's row, locked. Refuses a machine of an earlier attempt.
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

CREATE OR REPLACE FUNCTION locked_run_in(wanted text, run uuid, of_attempt integer, consequence text) RETURNS data_product_status
LANGUAGE plpgsql AS $$
-- The run's row, locked, in the wanted status.
DECLARE
    r data_product_status := locked_run(run, of_attempt);
BEGIN
    IF r.status <> wanted THEN
        RAISE EXCEPTION 'IllegalTransition: % for % is %, %', r.product_id, r.business_date, r.status, consequence;
    END IF;
    RETURN r;
END $$;

CREATE OR REPLACE FUNCTION register_wait(
    run uuid, of_attempt integer, token text, execution text, now_is timestamptz, OUT released boolean, OUT missing jsonb
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Keeps the token of the waiting machine and checks readiness again, under the same lock: no arrival falls between. A run that was skipped or cancelled
-- before its machine came here needs none: the machine is stopped, which is no failure of anything.
DECLARE
    r data_product_status := locked_run(run, of_attempt);
BEGIN
    IF r.status IN ('SKIPPED', 'CANCELLED') THEN
        released := false;
        missing := '[]';
        INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
        VALUES ('stop ' || run || ' ' || of_attempt, 'stop_execution', run, of_attempt,
            jsonb_build_object('execution_arn', execution, 'cause', 'the run is ' || r.status || ' by now'), now_is)
        ON CONFLICT (effect_key) DO NOTHING;
        RETURN;
    END IF;
    r := locked_run_in('WAITING', run, of_attempt, 'so nothing can wait for it');
    UPDATE data_product_status SET task_token = token, execution_arn = execution, waiting_since = now_is, event = 'waiting',
        changed_at = now_is, changed_by = 'machine' WHERE run_id = run;
    PERFORM match_arrivals(ARRAY[run], NULL, now_is);
    released := cardinality(release_ready(ARRAY[run], now_is, 'everything had arrived', 'machine')) > 0 OR r.released_at IS NOT NULL;
    PERFORM store_release_effects(ARRAY[run], now_is);
    missing := missing_inputs(run);
END $$;

CREATE OR REPLACE FUNCTION failed_root(r data_product_status, now_is timestamptz) RETURNS text
LANGUAGE plpgsql STABLE AS $$
-- The root cause of a wait, if it failed, in this account or in another; the first that failed if there are several, null if none.
BEGIN
    RETURN (SELECT b.product FROM failures_behind(r, now_is) b WHERE b.failed_at IS NOT NULL ORDER BY b.failed_at, b.place LIMIT 1);
END $$;

CREATE OR REPLACE FUNCTION resolve_deadline(
    run uuid, of_attempt integer, on_deadline text, now_is timestamptz, OUT decision text, OUT missing jsonb, OUT failed text
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- What the missed deadline means: `decision` is start, fail or skip. The last arrival may have come at the same moment: then the run starts.
-- Or hold: a run that is held stays WAITING without a machine, and the end of the hold starts its next attempt. One that is kept back by work of an
-- earlier attempt is not started; it fails. After fail or skip nothing releases the attempt, so its machine can record what was decided. `failed` is
-- the product whose failure is the root cause. A run that starts takes the files that are there.
DECLARE
    own_files boolean := lock_files_of(run);
    r data_product_status := locked_run_in('WAITING', run, of_attempt, 'so no deadline concerns it');
BEGIN
    IF r.released_at IS NOT NULL OR cardinality(release_ready(ARRAY[run], now_is, 'everything had arrived', 'machine')) > 0 THEN
        decision := 'start';
        RETURN;
    ELSIF r.held OR (SELECT p.held FROM data_product p WHERE p.product_id = r.product_id) THEN
        decision := 'hold';
        UPDATE data_product_status SET held_over_at = now_is, task_token = NULL, execution_arn = NULL, waiting_since = NULL, event = 'held_over',
            changed_at = now_is, changed_by = 'machine' WHERE run_id = run AND held_over_at IS NULL;
        RETURN;
    END IF;
    missing := missing_inputs(run);
    IF on_deadline = 'start' AND kept_back(run) IS NULL THEN
        decision := 'start';
        IF own_files THEN
            PERFORM take_incomplete_files(r, now_is);
        END IF;
        UPDATE data_product_status SET released_at = now_is, release_reason = 'the deadline passed: started with what had arrived',
            event = 'released', changed_at = now_is, changed_by = 'machine' WHERE run_id = run;
        RETURN;
    END IF;
    decision := CASE on_deadline WHEN 'skip' THEN 'skip' ELSE 'fail' END;
    failed := CASE WHEN on_deadline <> 'start' THEN failed_root(r, now_is) END;
    INSERT INTO missed_deadline (run_id, attempt, decision, decided_at)
    SELECT run, of_attempt, decision, now_is
    ON CONFLICT (run_id, attempt) DO NOTHING;
END $$;

CREATE OR REPLACE FUNCTION wants_alert(notify jsonb, kind text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
-- Whether a product's metadata asks for alerts of this kind.
    SELECT EXISTS (SELECT FROM jsonb_array_elements(notify) entry WHERE entry -> 'on' ? kind)
$$;

CREATE OR REPLACE FUNCTION store_alert_effect(r data_product_status, kind text, facts jsonb, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- An alert about the run is due; `facts` belong to the kind.
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'alert ' || kind || ' ' || r.run_id || ' ' || r.attempt, 'alert', r.run_id, r.attempt, facts || jsonb_build_object('kind', kind,
        'level', 'product', 'product', r.product_id, 'run_id', r.run_id, 'business_date', r.business_date, 'cycle', r.cycle, 'attempt', r.attempt), now_is
    ON CONFLICT (effect_key) DO NOTHING
$$;

CREATE OR REPLACE FUNCTION store_alert(r data_product_status, kind text, facts jsonb, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- An alert about the run is due, if its product asks for this kind; `facts` belong to the kind.
    SELECT store_alert_effect(r, kind, facts, now_is) FROM data_product p WHERE p.product_id = r.product_id AND wants_alert(p.notify, kind)
$$;

CREATE OR REPLACE FUNCTION start_processing(r data_product_status, execution text, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- The pipeline of the (locked, released) run begins. What it has of files of its own is passed on with its refresh.
    UPDATE data_product_status SET status = 'PROCESSING', started_at = now_is, execution_arn = coalesce(execution_arn, execution),
        event = 'started', changed_at = now_is, changed_by = 'machine'
    WHERE run_id = r.run_id AND status = 'WAITING' AND released_at IS NOT NULL;
    INSERT INTO run_metadata (run_id, attempt, metadata)
    SELECT r.run_id, r.attempt, e.metadata FROM inputs_of_run(r.run_id) d JOIN refresh_event e USING (event_key)
    WHERE d.upstream = files_input(r.product_id)
    ON CONFLICT (run_id, attempt) DO NOTHING;
    SELECT store_alert(r, 'STARTED', '{}', now_is);
    SELECT store_event_of(r, 'STARTED', '{}', now_is)
$$;

CREATE OR REPLACE FUNCTION fill_placeholders(value jsonb, r data_product_status) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
-- `value` with the placeholders in every text in it, at any depth, replaced for this run. Braces around a bare word occur in JSON inside
-- texts only, and what stands for a placeholder needs no escaping there: so the whole is replaced at once.
    SELECT replace(replace(replace(replace(replace(replace(value::text,
        '{business_date}', r.business_date::text), '{product}', split_part(r.product_id, '/', 2)),
        '{domain}', split_part(r.product_id, '/', 1)), '{run_id}', r.run_id::text),
        '{attempt}', r.attempt::text), '{cycle}', r.cycle)::jsonb
$$;

CREATE OR REPLACE FUNCTION configuration_of(r data_product_status) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- What to run: {<step key>: {type, resource, arguments}}, arguments filled in for this run.
    SELECT coalesce(jsonb_object_agg(replace(c.step, '-', '_'), jsonb_build_object('type', c.type, 'resource', c.resource, 'arguments', (
        SELECT fill_upstream(fill_placeholders(coalesce(jsonb_object_agg(a.name, a.value), '{}'), r), r)
        FROM data_pipeline_parameters a WHERE a.product_id = c.product_id AND a.step = c.step))), '{}')
    FROM data_pipeline_config c WHERE c.product_id = r.product_id
$$;

CREATE OR REPLACE FUNCTION begin_pipeline(run uuid, of_attempt integer, execution text, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Makes the released run PROCESSING, once, and gives what to run. No pipeline begins in shadow, whoever has started the machine.
DECLARE
    r data_product_status := locked_run(run, of_attempt);
    configuration jsonb;
BEGIN
    IF r.shadow THEN
        RAISE EXCEPTION 'IllegalTransition: % for % is in shadow: the existing scheduler does its work', r.product_id, r.business_date;
    ELSIF r.released_at IS NULL THEN
        RAISE EXCEPTION 'IllegalTransition: % for % has not been released', r.product_id, r.business_date;
    ELSIF r.status NOT IN ('WAITING', 'PROCESSING') THEN
        RAISE EXCEPTION 'IllegalTransition: % for % is %, so its pipeline cannot begin', r.product_id, r.business_date, r.status;
    ELSIF r.status = 'WAITING' THEN
        PERFORM start_processing(r, execution, now_is);
    END IF;
    configuration := configuration_of(r);
    IF wire_bytes(configuration::text) > 64000 THEN
        RAISE EXCEPTION 'TooMuch: % for %: the arguments of all steps have % bytes with their placeholders filled in; at most 64,000 can be given to a run',
            r.product_id, r.business_date, to_char(wire_bytes(configuration::text), 'FM999,999,999');
    END IF;
    RETURN configuration;
END $$;

-- For functions of the release before, while a deployment has migrated the state and not yet replaced them. Goes with the next release.

CREATE OR REPLACE FUNCTION read_configuration(run uuid, of_attempt integer) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    r data_product_status := locked_run(run, of_attempt);
BEGIN
    IF r.released_at IS NULL THEN
        RAISE EXCEPTION 'IllegalTransition: % for % has not been released', r.product_id, r.business_date;
    END IF;
    RETURN (SELECT jsonb_object_agg(key, jsonb_build_object('job', value -> 'resource', 'arguments', value -> 'arguments'))
        FROM jsonb_each(configuration_of(r)));
END $$;

CREATE OR REPLACE FUNCTION settle_deadline(run uuid, of_attempt integer, on_deadline text, now_is timestamptz) RETURNS jsonb
LANGUAGE sql AS $$
    SELECT jsonb_strip_nulls(to_jsonb(resolved)) FROM resolve_deadline(run, of_attempt, on_deadline, now_is) resolved
$$;
