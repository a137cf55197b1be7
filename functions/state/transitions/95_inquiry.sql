-- The question `why`. Nothing in this file changes anything.

CREATE OR REPLACE FUNCTION awaited_by_runs(product text, on_date date, of_cycle text, whole boolean)
RETURNS TABLE (leaf integer, cycle text, upstream text, statuses text[], required_date date, not_before timestamptz, since timestamptz)
LANGUAGE sql STABLE AS $$
-- What the product's runs of that date wait for (of one cycle, if named). A run that ended only because inputs were missing still stands for what
-- it waited for; with `whole` any run that ended does.
    SELECT d.leaf, d.cycle, d.upstream, d.statuses, d.required_date, d.not_before, r.opened_at
    FROM data_product_status r JOIN data_product_dependencies_events_status d USING (run_id)
    WHERE r.product_id = product AND r.business_date = on_date AND (of_cycle IS NULL OR r.cycle = of_cycle)
        AND (whole OR r.status = 'WAITING' OR r.resume_until IS NOT NULL) AND d.status = 'WAITING'
$$;

CREATE OR REPLACE FUNCTION awaited_before_opening(product text, on_date date, whole boolean, now_is timestamptz)
RETURNS TABLE (leaf integer, cycle text, upstream text, statuses text[], required_date date, not_before timestamptz, since timestamptz)
LANGUAGE sql STABLE AS $$
-- What a run of the product would still wait for that the first event opens, while there is none of that date. `whole`: also what the run
-- would wait for that a schedule opens.
    SELECT i.leaf, i.cycle, i.upstream, i.statuses, i.required_date, age.not_before, NULL::timestamptz
    FROM data_product p
    CROSS JOIN LATERAL inputs_of(product, on_date, NULL) i
    CROSS JOIN LATERAL (SELECT now_is - make_interval(secs => i.max_age_seconds) AS not_before OFFSET 0) age
    WHERE p.product_id = product AND on_date IS NOT NULL AND runs_here(p) AND p.opening_error IS NULL
        AND (whole OR NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = product))
        AND NOT EXISTS (SELECT FROM data_product_status r WHERE r.product_id = product AND r.business_date = on_date)
        AND NOT EXISTS (SELECT FROM arrival_for(i.upstream, i.statuses, i.account, i.required_date, age.not_before, i.cycle))
$$;

CREATE OR REPLACE FUNCTION awaited(product text, on_date date, of_cycle text, whole boolean, now_is timestamptz)
RETURNS TABLE (leaf integer, cycle text, upstream text, statuses text[], required_date date, not_before timestamptz, since timestamptz)
LANGUAGE sql STABLE AS $$
-- What the product waits for of that date, with a run or without one.
    SELECT * FROM awaited_by_runs(product, on_date, of_cycle, whole)
    UNION ALL
    SELECT * FROM awaited_before_opening(product, on_date, whole, now_is)
$$;

CREATE OR REPLACE FUNCTION upstream_state(product text, on_date date, now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- Where a missing input stands: its own run of that date, or when it is expected.
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'status', CASE WHEN r.run_id IS NOT NULL THEN r.status WHEN p.product_id IS NULL THEN 'UNKNOWN' WHEN p.machine IS NULL THEN 'EXPECTED'
            ELSE 'NOT OPENED' END,
        'owner', cut_text(p.owner, 300), 'email', p.email, 'attempt', r.attempt, 'since', r.changed_at, 'error', cut_text(r.error, 300),
        'cause', both_ends(r.cause, 500),
        'opens_at', CASE WHEN r.run_id IS NULL AND p.machine IS NOT NULL THEN opens_at(product, on_date) END,
        'missed', CASE WHEN r.run_id IS NULL AND p.machine IS NOT NULL THEN missed_opening(product, on_date) END,
        'usually_at', usually_at(product, on_date),
        'waits_for', (SELECT cut(jsonb_agg(DISTINCT a.upstream), 1000) FROM awaited(product, on_date, r.cycle, false, now_is) a)))
    FROM (SELECT 1) one
    LEFT JOIN data_product p ON p.product_id = product
    LEFT JOIN LATERAL (SELECT * FROM data_product_status s WHERE s.product_id = product AND s.business_date = on_date
        ORDER BY s.cycle DESC LIMIT 1) r ON true
$$;

CREATE OR REPLACE FUNCTION root_causes(product text, on_date date, of_cycle text, now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The root causes of a wait: missing inputs that do not themselves wait for anything. A product may need its own of the day before,
-- and that the day before it: what is more than a week away counts as a root cause.
    WITH RECURSIVE missing(upstream, needed) AS (
        SELECT upstream, required_date FROM awaited(product, on_date, of_cycle, true, now_is)
        UNION
        SELECT a.upstream, a.required_date FROM missing m CROSS JOIN LATERAL awaited(m.upstream, m.needed, NULL, false, now_is) a
        WHERE m.needed BETWEEN on_date - 7 AND on_date + 7
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object('product', upstream, 'business_date', needed) ORDER BY upstream, needed), '[]')
    FROM (
        SELECT DISTINCT upstream, needed FROM missing m
        WHERE NOT (coalesce(m.needed BETWEEN on_date - 7 AND on_date + 7, false)
            AND EXISTS (SELECT FROM awaited(m.upstream, m.needed, NULL, false, now_is)))
        ) roots
$$;

CREATE OR REPLACE FUNCTION root_causes_with_state(product text, on_date date, of_cycle text, most integer, now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The first `most` root causes of a wait, each with where it stands, as far as they fit.
    SELECT cut(jsonb_agg(root || jsonb_build_object('upstream', upstream_state(root ->> 'product', coalesce((root ->> 'business_date')::date, on_date), now_is))
        ORDER BY place) FILTER (WHERE place <= most), 8000, count(*))
    FROM jsonb_array_elements(root_causes(product, on_date, of_cycle, now_is)) WITH ORDINALITY AS r(root, place)
$$;

CREATE OR REPLACE FUNCTION named_input(upstream text, required_date date, cycle text) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('product', upstream, 'business_date', required_date, 'cycle', nullif(nullif(cycle, '*'), ''))
$$;

CREATE OR REPLACE FUNCTION arrived_inputs(run uuid) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The arrivals of a run, as far as they fit.
    SELECT cut(jsonb_agg(jsonb_strip_nulls(named_input(d.upstream, d.required_date, d.cycle) || jsonb_build_object('leaf', d.leaf, 'arrived_at', d.arrived_at,
        'signal', (SELECT signalled_by(e.metadata) FROM refresh_event e WHERE e.event_key = d.event_key))) ORDER BY d.arrived_at, d.leaf, d.cycle), 7000)
    FROM data_product_dependencies_events_status d WHERE d.run_id = run AND d.status = 'ARRIVED' AND d.waived_at IS NULL
$$;

CREATE OR REPLACE FUNCTION reopened_inputs(run uuid) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- What a run has used, is made again, and has not arrived since.
    SELECT cut(jsonb_agg(jsonb_strip_nulls(named_input(d.upstream, d.required_date, d.cycle)) ORDER BY d.leaf, d.cycle), 3000)
    FROM inputs_of_run(run) d WHERE d.status = 'WAITING' AND d.event = 'reopened'
$$;

CREATE OR REPLACE FUNCTION missing_inputs_with_state(product text, on_date date, of_cycle text, now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The first forty inputs that the product waits for, each with where it stands, as far as they fit.
    SELECT cut(jsonb_agg(jsonb_strip_nulls(named_input(d.upstream, d.required_date, d.cycle) || jsonb_build_object('leaf', d.leaf, 'status', d.statuses,
        'not_before', d.not_before, 'since', d.since, 'upstream', upstream_state(d.upstream, coalesce(d.required_date, on_date), now_is)))
        ORDER BY d.upstream) FILTER (WHERE d.place <= 40), 20000, count(*))
    FROM (SELECT *, row_number() OVER (ORDER BY leaf, cycle) AS place FROM awaited(product, on_date, of_cycle, true, now_is)) d
$$;

CREATE OR REPLACE FUNCTION latest_jobs(run uuid) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The latest twenty job runs of a run, as far as they fit.
    SELECT cut(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('step', j.step, 'type', j.type, 'job', j.job, 'job_run_id', j.job_run_id,
        'handle', nullif(j.handle, '{}'), 'attempt', j.attempt, 'state', j.state, 'message', both_ends(j.message, 600), 'started_at', j.started_at, 'ended_at', j.ended_at))
        ORDER BY j.started_at) FILTER (WHERE j.place <= 20), 8000, count(*))
    FROM (SELECT *, row_number() OVER (ORDER BY started_at DESC) AS place FROM job_run WHERE run_id = run) j
$$;

CREATE OR REPLACE FUNCTION shortened_condition(condition jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
-- The condition; of one that is too long, whether one of a group may be enough.
    SELECT CASE WHEN wire_bytes(condition::text) <= 3000 THEN condition
        WHEN condition::text LIKE '%"any_of"%' THEN '{"any_of": []}' WHEN condition IS NOT NULL THEN '{"all_of": []}' END
$$;

CREATE OR REPLACE FUNCTION signals_of(p data_product) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- What refreshes a product that has a signal: {kind, subject, account, heard}; `heard` are the last five of them, the latest first. Null without one.
    SELECT jsonb_build_object('kind', p.signal ->> 'kind', 'subject', replace(p.signal ->> 'subject', E'\n', ' '), 'account', p.signal ->> 'account', 'heard', coalesce((
        SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('business_date', s.business_date, 'cycle', nullif(s.cycle, ''), 'status', s.status, 'attempt', s.attempt,
            'occurred_at', s.occurred_at, 'received_at', s.received_at, 'said', signalled_by(s.facts), 'cause', cut_text(s.cause, 300))) ORDER BY s.received_at DESC, s.signal_key)
        FROM (SELECT * FROM signal h WHERE h.product_id = p.product_id ORDER BY h.received_at DESC, h.signal_key LIMIT 5) s), '[]'))
    WHERE p.signal IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION explain_run(product text, on_date date, of_cycle text, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
-- Why a run is where it is. Without a run: why there is none. `no_runs`: why its product has none here any more; `refused`: why the last load
-- did not take its metadata; `opening_error`: why it could not be opened. Lists and texts are cut (`cut`): together they fit into a row.
DECLARE
    p data_product;
    r data_product_status;
    u unmade_opening;
    opened boolean;
    waits boolean;
    archived jsonb;
BEGIN
    SELECT * INTO r FROM data_product_status
    WHERE product_id = product AND business_date = on_date AND (of_cycle IS NULL OR cycle = of_cycle) ORDER BY cycle DESC LIMIT 1;
    opened := r.run_id IS NOT NULL;
    IF NOT opened THEN
        SELECT * INTO u FROM unmade_opening m
        WHERE m.product_id = product AND m.business_date = on_date AND (of_cycle IS NULL OR m.cycle = of_cycle) ORDER BY m.cycle LIMIT 1;
    END IF;
    archived := CASE WHEN NOT opened THEN archive_of(product, on_date) END;
    SELECT * INTO p FROM data_product WHERE product_id = product AND (active OR opened OR archived IS NOT NULL);
    IF NOT FOUND AND archived IS NOT NULL THEN
        RAISE EXCEPTION 'UnknownRun: %', no_run(product, on_date);
    ELSIF NOT FOUND THEN
        RAISE EXCEPTION 'UnknownProduct: %', concat_ws(' was not loaded, since ', product, refusal_of(product));
    END IF;
    waits := NOT opened AND archived IS NULL OR r.status = 'WAITING' OR r.status <> 'COMPLETED' AND may_resume(r, now_is);
    RETURN jsonb_strip_nulls(jsonb_build_object(
        'product', product, 'business_date', on_date, 'owner', cut_text(p.owner, 1500), 'email', p.email,
        'description', cut_text(p.description, 1500),
        'archived', archived,
        'status', coalesce(r.status, CASE WHEN archived IS NOT NULL THEN 'ARCHIVED' WHEN p.machine IS NOT NULL THEN 'NOT OPENED' ELSE 'EXTERNAL' END),
        'timezone', (SELECT timezone FROM data_product_schedule WHERE product_id = product),
        'opens_at', CASE WHEN NOT opened THEN opens_at(product, on_date) END,
        'missed', CASE WHEN NOT opened AND p.machine IS NOT NULL THEN missed_opening(product, on_date) END,
        'refreshed_at', CASE WHEN p.machine IS NULL THEN (SELECT max(received_at) FROM refresh_event e
            WHERE e.product_id = product AND e.business_date = on_date AND e.superseded_at IS NULL AND e.status = 'COMPLETED') END,
        'usually_at', CASE WHEN p.machine IS NULL THEN usually_at(product, on_date) END,
        'cycle', nullif(r.cycle, ''), 'attempt', r.attempt, 'run_id', r.run_id, 'opened_at', r.opened_at, 'waiting_since', r.waiting_since,
        'deadline_at', r.deadline_at, 'on_deadline', p.on_deadline, 'due_at', coalesce(r.due_at, u.due_at),
        'late', CASE WHEN opened THEN is_late(r, now_is) WHEN u.late_at IS NOT NULL THEN true END, 'released_at', r.released_at,
        'release_reason', r.release_reason, 'started_at', r.started_at, 'finished_at', r.finished_at, 'error', cut_text(r.error, 500),
        'cause', both_ends(r.cause, 6000), 'resume_until', CASE WHEN may_resume(r, now_is) THEN r.resume_until END,
        'outdated_at', CASE WHEN uses_inputs(r) THEN r.outdated_at END, 'runs_again', CASE WHEN uses_inputs(r) AND r.runs_again THEN true END,
        'reopened', CASE WHEN uses_inputs(r) AND r.outdated_at IS NOT NULL THEN reopened_inputs(r.run_id) END,
        'execution_arn', r.execution_arn, 'changed_by', r.changed_by,
        'no_runs', CASE WHEN opened THEN why_no_runs(p) END, 'refused', refusal_of(product),
        'opening_error', CASE WHEN NOT opened THEN p.opening_error END,
        'held', CASE WHEN p.held THEN 'product' WHEN r.held THEN 'run' END, 'held_by', coalesce(product_held_by(p), run_held_by(r)),
        'run_held_by', run_held_by(r), 'held_over_at', CASE r.status WHEN 'WAITING' THEN r.held_over_at END, 'condition', shortened_condition(p.condition),
        'arrived', arrived_inputs(r.run_id), 'waived', waived_inputs(r.run_id),
        'missing', CASE WHEN waits THEN missing_inputs_with_state(product, on_date, r.cycle, now_is) END,
        'root_causes', CASE WHEN waits THEN root_causes_with_state(product, on_date, r.cycle, 20, now_is) END,
        'jobs', latest_jobs(r.run_id),
        'passed_on', CASE WHEN opened THEN cut_text(nullif(refresh_metadata(r.run_id, r.attempt), '{}')::text, 1500) END,
        'metadata', CASE WHEN opened THEN metadata_of(r, now_is) END,
        'failing', failing_effects_of(r),
        'downstream', (SELECT cut(jsonb_agg(DISTINCT d.product_id), 3000) FROM data_product_dependencies d WHERE d.upstream = product))
        || jsonb_build_object('scheduled_at', CASE WHEN NOT opened AND p.machine IS NOT NULL THEN scheduled_at(product, on_date) END, 'signal', CASE WHEN p.machine IS NULL THEN (
                SELECT signalled_by(e.metadata) FROM refresh_event e WHERE e.product_id = product AND e.business_date = on_date AND e.superseded_at IS NULL
                    AND e.status = 'COMPLETED' ORDER BY e.received_at DESC LIMIT 1) END,
            'signals', signals_of(p), 'files', files_for_date(product, on_date, r.cycle), 'loading', CASE WHEN r.started_at IS NOT NULL THEN loading_of(r) END,
            'sweeps', CASE WHEN NOT opened AND sweeps(product) THEN true END, 'shadow', CASE WHEN r.shadow THEN true END));
END $$;
