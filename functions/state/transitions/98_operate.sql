-- What operators ask for, as one call: the operation itself, and a trial of it that is taken back.

CREATE OR REPLACE FUNCTION end_hold(product text, on_date date, of_cycle text, actor text, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- Ends a hold. The end of one that does not exist is refused, and the message names the hold that does.
DECLARE
    done record;
BEGIN
    SELECT * INTO done FROM set_hold(product, on_date, of_cycle, false, actor, now_is);
    IF NOT done.changed THEN
        RAISE EXCEPTION 'IllegalTransition: % is not held%',
            CASE WHEN on_date IS NULL THEN product ELSE concat_ws(' ', 'the run of', product, 'for', on_date, nullif(of_cycle, '')) END,
            CASE done.other_hold WHEN 'product' THEN '; the product itself is: `headgate release ' || product || '`'
                WHEN 'run' THEN '; single runs of it are: `headgate release` with their --date' ELSE '' END;
    END IF;
    RETURN to_jsonb(done);
END $$;

CREATE OR REPLACE FUNCTION perform_operation(request jsonb, actor text, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- Performs what the request asks for (contract `operate`), and gives its result. Each action names the transition that does it.
DECLARE
    product text := request ->> 'product';
    of_cycle text := coalesce(request ->> 'cycle', '');
    given date := request ->> 'business_date';
    on_date date := coalesce(given, CASE WHEN request ->> 'action' NOT IN ('hold', 'release', 'backfill', 'mute', 'retry_files', 'ignore_files') THEN latest_date(product, now_is) END);
    run jsonb := jsonb_build_object('product', product, 'business_date', on_date, 'cycle', of_cycle);
BEGIN
    CASE request ->> 'action'
        WHEN 'retry_files', 'ignore_files' THEN
            RETURN file_action(ARRAY(SELECT jsonb_array_elements_text(request -> 'files')::bigint), request ->> 'action', request ->> 'reason', actor, now_is);
        WHEN 'rerun' THEN
            RETURN jsonb_build_object('attempts', rerun_files(product, on_date, of_cycle, coalesce((request ->> 'downstream')::boolean, false),
                coalesce((request ->> 'all_files')::boolean, false), actor, now_is));
        WHEN 'hold' THEN RETURN (SELECT to_jsonb(held) FROM set_hold(product, given, of_cycle, true, actor, now_is) held);
        WHEN 'release' THEN RETURN end_hold(product, given, of_cycle, actor, now_is);
        WHEN 'skip' THEN
            PERFORM skip_run(product, on_date, of_cycle, actor, now_is);
            RETURN run || '{"skipped": 1}';
        WHEN 'waive' THEN
            RETURN run || (SELECT to_jsonb(waived) FROM waive_input(product, on_date, of_cycle,
                CASE request ->> 'input' WHEN product THEN files_input(product) ELSE request ->> 'input' END, request ->> 'reason',
                coalesce((request ->> 'undo')::boolean, false), actor, now_is) waived);
        WHEN 'mute' THEN
            RETURN mute(coalesce(product, request ->> 'domain'), (request ->> 'muted_until')::timestamptz, request ->> 'reason', actor, now_is);
        WHEN 'backfill' THEN
            IF request ? 'stop' THEN
                RETURN stop_backfill((request ->> 'stop')::integer, actor, now_is);
            ELSIF request ? 'landed' THEN
                RETURN backfill_landed(product, given, (request ->> 'until')::date, request ->> 'prefix', request ->> 'landed' = 'count',
                    coalesce((request ->> 'at_once')::integer, 5), actor, now_is);
            END IF;
            RETURN (SELECT to_jsonb(made) FROM backfill(coalesce(product, request ->> 'domain'), given, (request ->> 'until')::date,
                (request ->> 'at_once')::integer, actor, now_is) made);
        WHEN 'cancel' THEN
            RETURN run || jsonb_build_object('cancelled', 1, 'jobs', cancel_run(product, on_date, of_cycle, request ->> 'reason', actor, now_is));
    END CASE;
END $$;

CREATE OR REPLACE FUNCTION changed_runs() RETURNS uuid[]
LANGUAGE sql STABLE AS $$
-- The runs that this transaction has changed since it began to note them, and those whose inputs it has changed.
    SELECT ARRAY(SELECT DISTINCT unnest((string_to_array(current_setting('headgate.changed_runs'), ' '))[2:])::uuid)
$$;

CREATE OR REPLACE FUNCTION run_changes(runs uuid[], after bigint) RETURNS TABLE (run_id uuid, events text[], was text)
LANGUAGE sql STABLE AS $$
-- Those of the runs that changed after this row of their history: what happened to each, and its status before; null of a new run.
    SELECT changed.run_id, changed.events, before.status
    FROM unnest(runs) of_run(id)
    CROSS JOIN LATERAL (
        SELECT h.run_id, array_agg(h.event::text ORDER BY h.history_id) AS events
        FROM data_product_status_history h WHERE h.run_id = of_run.id AND h.history_id > after GROUP BY h.run_id) changed
    LEFT JOIN LATERAL (
        SELECT h.status FROM data_product_status_history h WHERE h.run_id = of_run.id AND h.history_id < after
        ORDER BY h.history_id DESC LIMIT 1) before ON true
$$;

CREATE OR REPLACE FUNCTION named_run(r data_product_status) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('product', r.product_id, 'business_date', r.business_date, 'cycle', nullif(r.cycle, '')))
$$;

CREATE OR REPLACE FUNCTION changes_of_runs(runs uuid[], after bigint) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- Of each run that changed: what happened, its status before and now, and until when it is due.
    SELECT coalesce(jsonb_agg(named_run(r) || jsonb_strip_nulls(jsonb_build_object('attempt', r.attempt, 'was', c.was, 'status', r.status,
        'events', c.events, 'released', CASE WHEN r.released_at IS NOT NULL THEN true END, 'due_at', r.due_at))
        ORDER BY r.business_date, r.product_id, r.cycle), '[]')
    FROM run_changes(runs, after) c CROSS JOIN LATERAL run_of(c.run_id) r
$$;

CREATE OR REPLACE FUNCTION changes_of_inputs(runs uuid[], after bigint) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- Of each input that changed and is not of a new run: what happened.
    SELECT coalesce(jsonb_agg(DISTINCT named_run(r) || jsonb_build_object('upstream', h.upstream, 'event', h.event)), '[]')
    FROM unnest(runs) of_run(id)
    CROSS JOIN LATERAL run_of(of_run.id) r
    CROSS JOIN LATERAL (SELECT * FROM data_product_dependencies_events_status_history h
        WHERE h.run_id = of_run.id AND h.history_id > after AND h.event NOT IN ('opened', 'kept') OFFSET 0) h
$$;

CREATE OR REPLACE FUNCTION changes_of_effects(runs uuid[], after bigint) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- What became due of the runs after that effect: how many of each kind, and of which events and alerts.
    SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('kind', kind, 'of', detail, 'visibility', visibility, 'count', count))
        ORDER BY kind, detail, visibility), '[]')
    FROM (
        SELECT e.kind, coalesce(e.payload ->> 'detail_type', e.payload ->> 'kind') AS detail, e.payload ->> 'visibility' AS visibility, count(*) AS count
        FROM unnest(runs) of_run(id)
        CROSS JOIN LATERAL (SELECT * FROM effect f WHERE f.run_id = of_run.id AND f.effect_id > after AND f.done_at IS NULL OFFSET 0) e
        GROUP BY 1, 2, 3) made
$$;

CREATE OR REPLACE FUNCTION jobs_of_changes(runs uuid[]) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The job runs of the runs that still run, and whether they are asked to stop.
    SELECT coalesce(jsonb_agg(named_run(r) || jsonb_strip_nulls(jsonb_build_object('step', j.step, 'type', j.type, 'job', j.job,
        'job_run_id', j.job_run_id, 'stopped', CASE WHEN j.stop_asked_at IS NOT NULL THEN true END))
        ORDER BY r.business_date, r.product_id, r.cycle, j.started_at, j.job_run_id), '[]')
    FROM unnest(runs) of_run(id)
    CROSS JOIN LATERAL run_of(of_run.id) r
    CROSS JOIN LATERAL (SELECT * FROM job_run j WHERE j.run_id = of_run.id AND j.state = 'STARTED' OFFSET 0) j
$$;

CREATE OR REPLACE FUNCTION operate(request jsonb, trial boolean, expected text, actor text, now_is timestamptz,
    OUT result jsonb, OUT changes jsonb, OUT digest text)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Performs what the request asks for, and gives its result. As a trial everything is taken back, and `changes` {runs, inputs, effects, jobs} say what
-- it was, as far as they fit, and the result is given if it does; `digest` stands for all of it but the reason and new numbers. With `expected`, the
-- digest of a trial, it refuses to do anything else.
DECLARE
    history bigint := nextval(pg_get_serial_sequence('data_product_status_history', 'history_id'));
    inputs bigint := nextval(pg_get_serial_sequence('data_product_dependencies_events_status_history', 'history_id'));
    effects bigint := nextval(pg_get_serial_sequence('effect', 'effect_id'));
    runs uuid[];
BEGIN
    PERFORM set_config('headgate.changed_runs', CASE WHEN trial OR expected IS NOT NULL THEN 'noted:' ELSE '' END, true);
    result := perform_operation(request, actor, now_is);
    IF trial OR expected IS NOT NULL THEN
        runs := changed_runs();
        changes := jsonb_build_object('runs', changes_of_runs(runs, history), 'inputs', changes_of_inputs(runs, inputs),
            'effects', changes_of_effects(runs, effects), 'jobs', jobs_of_changes(runs));
        digest := md5(concat(request - 'reason', result - 'backfill', changes));
    END IF;
    IF trial THEN
        changes := jsonb_build_object('runs', cut(changes -> 'runs', 30000), 'inputs', cut(changes -> 'inputs', 8000), 'effects', changes -> 'effects',
            'jobs', cut(changes -> 'jobs', 8000));
        result := CASE WHEN wire_bytes(result::text) <= 10000 THEN result END;
        RAISE EXCEPTION SQLSTATE 'HG000';
    ELSIF digest <> expected THEN
        RAISE EXCEPTION 'ChangedMeanwhile: something else would change now than in the preview %; nothing has been changed', expected;
    END IF;
    changes := NULL;
EXCEPTION WHEN SQLSTATE 'HG000' THEN
    NULL;  -- what was changed is taken back; the answer stays
END $$;

CREATE OR REPLACE FUNCTION trial_by_owner(request jsonb, now_is timestamptz, OUT result jsonb, OUT changes jsonb, OUT digest text)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
-- A trial needs the rights of what it tries. Whoever may only read gets them for this, since a trial is always taken back (decision 77).
    SELECT * FROM operate(request, true, NULL, 'preview', now_is)
$$;

CREATE OR REPLACE FUNCTION try_operation(request jsonb, now_is timestamptz, OUT result jsonb, OUT changes jsonb, OUT digest text)
LANGUAGE sql SET enable_seqscan = off AS $$
-- What `operate` as a trial answers, for everybody who may ask questions: the digest is the same, so that it can be confirmed.
    SELECT * FROM trial_by_owner(request, now_is)
$$;
