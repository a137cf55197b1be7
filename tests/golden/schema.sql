CREATE TABLE public.job_run (
    job_run_id text NOT NULL,
    run_id uuid,
    attempt integer,
    step text,
    job text NOT NULL,
    state text DEFAULT 'STARTED'::text NOT NULL,
    message text,
    task_token text,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT job_run_state_check CHECK ((state = ANY (ARRAY['STARTED'::text, 'SUCCEEDED'::text, 'FAILED'::text, 'TIMEOUT'::text, 'STOPPED'::text])))
);
CREATE FUNCTION public.answer_job(j public.job_run, now_is timestamp with time zone) RETURNS void
    LANGUAGE sql
    AS $$
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
CREATE FUNCTION public.backfill(product text, first date, last date, actor text, now_is timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    wanted jsonb;
BEGIN
    IF NOT EXISTS (SELECT FROM data_product WHERE product_id = product AND active AND machine IS NOT NULL) THEN
        RAISE EXCEPTION 'UnknownProduct: % has no pipeline here', product;
    ELSIF last - first > 1000 THEN
        RAISE EXCEPTION 'TooMuch: at most 1,000 days at once, not %', last - first;
    END IF;
    PERFORM pg_advisory_xact_lock(7201);
    SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('product_id', product, 'business_date', date, 'cycle', of_cycle)), '[]') INTO wanted
    FROM (
        SELECT CASE WHEN s.product_id IS NULL THEN day::date ELSE business_shift(day::date, s.date_offset, c.weekend, c.dates) END AS date,
            CASE WHEN cardinality(s.times) > 1 THEN to_char(at, 'HH24MI') ELSE '' END AS of_cycle
        FROM generate_series(first - 400, last + 400, interval '1 day') day
        LEFT JOIN data_product_schedule s ON s.product_id = product
        LEFT JOIN calendar c ON c.calendar = s.calendar
        LEFT JOIN LATERAL unnest(s.times) at ON true
        WHERE s.product_id IS NULL OR (fires_on(s, day::date)
            AND (c.calendar IS NULL OR NOT (extract(isodow FROM day)::integer = ANY (c.weekend) OR day::date = ANY (c.dates))))
    ) dates
    WHERE date BETWEEN first AND last;
    RETURN jsonb_build_object('opened', cardinality(open_runs(wanted, now_is, actor)));
END $$;
CREATE FUNCTION public.business_shift(day date, days integer, weekend integer[], holidays date[]) RETURNS date
    LANGUAGE plpgsql IMMUTABLE
    AS $$
DECLARE
    step integer := sign(days);
    rest integer := abs(days);
BEGIN
    IF weekend IS NULL THEN
        RETURN day + days;
    END IF;
    WHILE rest > 0 LOOP
        day := day + step;
        IF NOT (extract(isodow FROM day)::integer = ANY (weekend) OR day = ANY (holidays)) THEN
            rest := rest - 1;
        END IF;
    END LOOP;
    RETURN day;
END $$;
CREATE FUNCTION public.claim_effects(page integer, now_is timestamp with time zone, lease interval) RETURNS TABLE(effect_id bigint, kind text, payload text, tries integer)
    LANGUAGE sql
    AS $$
    WITH free AS (
        SELECT e.effect_id, e.due_at, octet_length(e.payload::text) AS size FROM effect e
        WHERE e.done_at IS NULL AND e.due_at <= now_is AND (e.claimed_until IS NULL OR e.claimed_until <= now_is)
        ORDER BY e.due_at, e.effect_id LIMIT page FOR UPDATE SKIP LOCKED
    ), fitting AS (
        SELECT f.effect_id, sum(f.size) OVER running AS total, row_number() OVER running AS number
        FROM free f WINDOW running AS (ORDER BY f.due_at, f.effect_id)
    )
    UPDATE effect f SET claimed_until = now_is + lease, tries = f.tries + 1
    FROM fitting WHERE f.effect_id = fitting.effect_id AND (fitting.total <= 800000 OR fitting.number = 1)
    RETURNING f.effect_id, f.kind, f.payload::text, f.tries
$$;
CREATE FUNCTION public.condition_holds(node jsonb, arrived integer[]) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
BEGIN
    IF node IS NULL OR jsonb_typeof(node) = 'null' THEN
        RETURN true;
    ELSIF jsonb_typeof(node) = 'number' THEN
        RETURN node::integer = ANY (arrived);
    ELSIF node ? 'all_of' THEN
        RETURN (SELECT bool_and(condition_holds(member, arrived)) FROM jsonb_array_elements(node -> 'all_of') member);
    END IF;
    RETURN (SELECT bool_or(condition_holds(member, arrived)) FROM jsonb_array_elements(node -> 'any_of') member);
END $$;
CREATE TABLE public.data_product (
    product_id text NOT NULL,
    domain text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    owner text NOT NULL,
    email text,
    machine text,
    execution_prefix text,
    condition jsonb,
    deadline_seconds integer,
    on_deadline text,
    refresh_event boolean NOT NULL,
    visibility text NOT NULL,
    complete_by time without time zone,
    notify jsonb DEFAULT '[]'::jsonb NOT NULL,
    digest text NOT NULL,
    active boolean DEFAULT true NOT NULL,
    held boolean DEFAULT false NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL,
    CONSTRAINT data_product_on_deadline_check CHECK ((on_deadline = ANY (ARRAY['fail'::text, 'start'::text, 'skip'::text]))),
    CONSTRAINT data_product_visibility_check CHECK ((visibility = ANY (ARRAY['mesh'::text, 'domain'::text])))
);
CREATE TABLE public.data_product_status (
    run_id uuid DEFAULT gen_random_uuid() NOT NULL,
    product_id text NOT NULL,
    business_date date NOT NULL,
    cycle text DEFAULT ''::text NOT NULL,
    attempt integer DEFAULT 1 NOT NULL,
    status text DEFAULT 'WAITING'::text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    deadline_at timestamp with time zone NOT NULL,
    held boolean DEFAULT false NOT NULL,
    released_at timestamp with time zone,
    release_reason text,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    execution_arn text,
    task_token text,
    waiting_since timestamp with time zone,
    error text,
    cause text,
    late_told boolean DEFAULT false NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL,
    CONSTRAINT data_product_status_status_check CHECK ((status = ANY (ARRAY['WAITING'::text, 'PROCESSING'::text, 'COMPLETED'::text, 'ERROR'::text, 'SKIPPED'::text, 'CANCELLED'::text])))
);
CREATE FUNCTION public.execution_of(r public.data_product_status, p public.data_product) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    SELECT jsonb_build_object(
        'machine', p.machine,
        'name', p.execution_prefix || '-' || r.business_date || CASE WHEN r.cycle = '' THEN '' ELSE '-' || r.cycle END || '-' || r.attempt,
        'input', jsonb_build_object('run_id', r.run_id, 'product', r.product_id, 'business_date', r.business_date,
            'cycle', r.cycle, 'attempt', r.attempt))
$$;
CREATE FUNCTION public.finish_effects(results jsonb, now_is timestamp with time zone) RETURNS integer
    LANGUAGE sql
    AS $$
    WITH finished AS (
        UPDATE effect f SET
            done_at = CASE WHEN r.retry_seconds IS NULL THEN now_is END,
            due_at = CASE WHEN r.retry_seconds IS NULL THEN f.due_at ELSE now_is + make_interval(secs => r.retry_seconds) END,
            claimed_until = NULL, outcome = left(r.outcome, 2000)
        FROM jsonb_to_recordset(results) AS r(effect_id bigint, outcome text, retry_seconds integer)
        WHERE f.effect_id = r.effect_id AND f.done_at IS NULL
        RETURNING 1
    )
    SELECT count(*)::integer FROM finished
$$;
CREATE TABLE public.data_product_schedule (
    product_id text NOT NULL,
    cron text NOT NULL,
    timezone text NOT NULL,
    date_offset integer NOT NULL,
    calendar text,
    times time without time zone[] NOT NULL,
    months integer[] NOT NULL,
    month_days integer[] NOT NULL,
    week_days integer[] NOT NULL,
    years integer[],
    last_days integer[] NOT NULL,
    near_weekdays integer[] NOT NULL,
    last_week_days integer[] NOT NULL,
    nth_week_days text[] NOT NULL,
    opened_until timestamp with time zone NOT NULL
);
CREATE FUNCTION public.fires_on(s public.data_product_schedule, day date) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT extract(month FROM day)::integer = ANY (s.months)
        AND (s.years IS NULL OR extract(year FROM day)::integer = ANY (s.years))
        AND (extract(day FROM day)::integer = ANY (s.month_days)
            OR extract(dow FROM day)::integer + 1 = ANY (s.week_days)
            OR extract(day FROM (date_trunc('month', day) + interval '1 month' - interval '1 day'))::integer
                - extract(day FROM day)::integer = ANY (s.last_days)
            OR (cardinality(s.near_weekdays) > 0 AND EXISTS (SELECT FROM unnest(s.near_weekdays) target WHERE near_weekday(day, target)))
            OR (extract(dow FROM day)::integer + 1 = ANY (s.last_week_days)
                AND extract(month FROM day + 7) <> extract(month FROM day))
            OR (extract(dow FROM day)::integer + 1) || '#' || ((extract(day FROM day)::integer - 1) / 7 + 1) = ANY (s.nth_week_days))
$$;
CREATE FUNCTION public.integers(list jsonb) RETURNS integer[]
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT ARRAY(SELECT jsonb_array_elements_text(list)::integer)
$$;
CREATE FUNCTION public.job_error(state text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE state WHEN 'FAILED' THEN 'JobFailed' WHEN 'TIMEOUT' THEN 'JobTimedOut' WHEN 'STOPPED' THEN 'JobStopped' END
$$;
CREATE FUNCTION public.keep_dependency_history() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO data_product_dependencies_events_status_history (run_id, leaf, cycle, upstream, status, event_key, changed_at)
    SELECT run_id, leaf, cycle, upstream, status, event_key, changed_at FROM changed;
    RETURN NULL;
END $$;
CREATE FUNCTION public.keep_status_history() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO data_product_status_history
        (run_id, product_id, business_date, cycle, attempt, status, released_at, release_reason, execution_arn, error, cause, changed_at, changed_by)
    SELECT run_id, product_id, business_date, cycle, attempt, status, released_at, release_reason, execution_arn, error, cause, changed_at, changed_by
    FROM changed;
    RETURN NULL;
END $$;
CREATE FUNCTION public.load_catalog(of_upload text, of_commit text, of_committed_at timestamp with time zone, force boolean, actor text, now_is timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    current catalog_load;
    added text[];
    altered text[];
    gone text[];
    same integer;
BEGIN
    PERFORM pg_advisory_xact_lock(7201);
    SELECT * INTO current FROM catalog_load ORDER BY load_id DESC LIMIT 1;
    IF current.committed_at > of_committed_at AND NOT force THEN
        RAISE EXCEPTION 'CatalogGoesBack: commit % of % is older than the loaded % of %; load it with force if that is meant',
            of_commit, of_committed_at, current.commit, current.committed_at;
    END IF;
    INSERT INTO calendar (calendar, weekend, dates)
    SELECT key, ARRAY(SELECT jsonb_array_elements_text(entry -> 'weekend')::integer), ARRAY(SELECT jsonb_array_elements_text(entry -> 'dates')::date)
    FROM catalog_stage WHERE upload = of_upload AND section = 'calendars'
    ON CONFLICT (calendar) DO UPDATE SET weekend = excluded.weekend, dates = excluded.dates;
    CREATE TEMP TABLE IF NOT EXISTS incoming (product_id text PRIMARY KEY, entry jsonb, digest text) ON COMMIT DELETE ROWS;
    DELETE FROM incoming;
    INSERT INTO incoming SELECT key, entry, md5(entry::text) FROM catalog_stage WHERE upload = of_upload AND section = 'products';
    SELECT coalesce(array_agg(i.product_id ORDER BY i.product_id) FILTER (WHERE p.product_id IS NULL OR NOT p.active), '{}'),
        coalesce(array_agg(i.product_id ORDER BY i.product_id) FILTER (WHERE p.active AND p.digest <> i.digest), '{}'),
        count(*) FILTER (WHERE p.active AND p.digest = i.digest)
    INTO added, altered, same FROM incoming i LEFT JOIN data_product p USING (product_id);
    SELECT coalesce(array_agg(product_id ORDER BY product_id), '{}') INTO gone
    FROM data_product WHERE active AND product_id NOT IN (SELECT product_id FROM incoming);
    INSERT INTO data_product (product_id, domain, name, description, owner, email, machine, execution_prefix, condition, deadline_seconds,
        on_deadline, refresh_event, visibility, complete_by, notify, digest, active, changed_at, changed_by)
    SELECT i.product_id, split_part(i.product_id, '/', 1), split_part(i.product_id, '/', 2), e ->> 'description', e ->> 'owner', e ->> 'email',
        e ->> 'machine', e ->> 'execution_prefix', e -> 'tree', (e #>> '{wait,deadline}')::integer, e #>> '{wait,on_deadline}',
        (e #>> '{publish,refresh_event}')::boolean, e #>> '{publish,visibility}', (e #>> '{sla,complete_by}')::time,
        coalesce(e -> 'notify', '[]'), i.digest, true, now_is, actor
    FROM incoming i CROSS JOIN LATERAL (SELECT i.entry AS e) one
    WHERE i.product_id = ANY (added || altered)
    ON CONFLICT (product_id) DO UPDATE SET description = excluded.description, owner = excluded.owner, email = excluded.email,
        machine = excluded.machine, execution_prefix = excluded.execution_prefix, condition = excluded.condition,
        deadline_seconds = excluded.deadline_seconds, on_deadline = excluded.on_deadline, refresh_event = excluded.refresh_event,
        visibility = excluded.visibility, complete_by = excluded.complete_by, notify = excluded.notify, digest = excluded.digest,
        active = true, changed_at = excluded.changed_at, changed_by = excluded.changed_by;
    UPDATE data_product SET active = false, changed_at = now_is, changed_by = actor WHERE product_id = ANY (gone);
    DELETE FROM data_product_schedule s WHERE product_id = ANY (gone)
        OR (product_id = ANY (altered) AND NOT EXISTS (SELECT FROM incoming i WHERE i.product_id = s.product_id AND i.entry ? 'schedule'));
    INSERT INTO data_product_schedule (product_id, cron, timezone, date_offset, calendar, times, months, month_days, week_days, years,
        last_days, near_weekdays, last_week_days, nth_week_days, opened_until)
    SELECT i.product_id, f ->> 'cron', f ->> 'timezone', (f ->> 'date_offset')::integer, f ->> 'calendar',
        ARRAY(SELECT jsonb_array_elements_text(f #> '{fires,times}')::time), integers(f #> '{fires,months}'), integers(f #> '{fires,month_days}'),
        integers(f #> '{fires,week_days}'), CASE WHEN jsonb_typeof(f #> '{fires,years}') = 'array' THEN integers(f #> '{fires,years}') END,
        integers(f #> '{fires,last_days}'), integers(f #> '{fires,near_weekdays}'), integers(f #> '{fires,last_week_days}'),
        ARRAY(SELECT jsonb_array_elements_text(f #> '{fires,nth_week_days}')), now_is
    FROM incoming i CROSS JOIN LATERAL (SELECT i.entry -> 'schedule' AS f) one
    WHERE i.product_id = ANY (added || altered) AND i.entry ? 'schedule'
    ON CONFLICT (product_id) DO UPDATE SET cron = excluded.cron, timezone = excluded.timezone, date_offset = excluded.date_offset,
        calendar = excluded.calendar, times = excluded.times, months = excluded.months, month_days = excluded.month_days,
        week_days = excluded.week_days, years = excluded.years, last_days = excluded.last_days, near_weekdays = excluded.near_weekdays,
        last_week_days = excluded.last_week_days, nth_week_days = excluded.nth_week_days;
    DELETE FROM data_product_dependencies WHERE product_id = ANY (altered || gone || added);
    INSERT INTO data_product_dependencies (product_id, leaf, upstream, account, statuses, offset_days, max_age_seconds, cycle, cycles)
    SELECT i.product_id, (l.ordinality - 1)::integer, l.leaf ->> 'product', l.leaf ->> 'account',
        ARRAY(SELECT jsonb_array_elements_text(l.leaf -> 'status')), (l.leaf ->> 'offset')::integer, (l.leaf ->> 'max_age')::integer,
        l.leaf ->> 'cycle', ARRAY(SELECT jsonb_array_elements_text(l.leaf -> 'cycles'))
    FROM incoming i CROSS JOIN LATERAL jsonb_array_elements(i.entry -> 'leaves') WITH ORDINALITY AS l(leaf, ordinality)
    WHERE i.product_id = ANY (added || altered) AND i.entry ? 'leaves';
    DELETE FROM data_pipeline_config WHERE product_id = ANY (altered || gone || added);
    INSERT INTO data_pipeline_config (product_id, step, position, type, resource, timeout_seconds, retry, settings)
    SELECT i.product_id, s.step ->> 'name', (s.ordinality - 1)::integer, s.step ->> 'type', s.step ->> 'resource', (s.step ->> 'timeout')::integer,
        nullif(s.step -> 'retry', 'null'), s.step -> 'settings'
    FROM incoming i CROSS JOIN LATERAL jsonb_array_elements(i.entry -> 'steps') WITH ORDINALITY AS s(step, ordinality)
    WHERE i.product_id = ANY (added || altered) AND i.entry ? 'steps';
    INSERT INTO data_pipeline_parameters (product_id, step, name, value)
    SELECT i.product_id, s.step ->> 'name', a.key, a.value
    FROM incoming i CROSS JOIN LATERAL jsonb_array_elements(i.entry -> 'steps') AS s(step)
    CROSS JOIN LATERAL jsonb_each_text(s.step -> 'arguments') AS a(key, value)
    WHERE i.product_id = ANY (added || altered) AND i.entry ? 'steps';
    INSERT INTO catalog_load (commit, committed_at, loaded_at, loaded_by, inserted, changed, removed, unchanged)
    VALUES (of_commit, of_committed_at, now_is, actor, added, altered, gone, same);
    DELETE FROM catalog_stage WHERE upload = of_upload;
    RETURN jsonb_build_object('inserted', cardinality(added), 'changed', cardinality(altered), 'removed', cardinality(gone), 'unchanged', same);
END $$;
CREATE FUNCTION public.locked_run(run uuid, of_attempt integer) RETURNS public.data_product_status
    LANGUAGE plpgsql
    AS $$
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
CREATE FUNCTION public.match_arrivals(runs uuid[], keys text[], now_is timestamp with time zone) RETURNS void
    LANGUAGE sql
    AS $$
    UPDATE data_product_dependencies_events_status d
    SET status = 'ARRIVED', event_key = found.event_key, arrived_at = found.received_at, changed_at = now_is
    FROM (
        SELECT DISTINCT ON (d.run_id, d.leaf, d.cycle) d.run_id, d.leaf, d.cycle, e.event_key, e.received_at
        FROM data_product_dependencies_events_status d
        JOIN refresh_event e ON e.product_id = d.upstream AND e.superseded_at IS NULL
            AND e.status = ANY (d.statuses)
            AND (d.required_date IS NULL OR e.business_date = d.required_date)
            AND (d.not_before IS NULL OR e.refreshed_at >= d.not_before)
            AND (d.cycle = '*' OR e.cycle = d.cycle)
            AND (d.account IS NULL OR e.account = d.account)
        WHERE d.run_id = ANY (runs) AND d.status = 'WAITING' AND (keys IS NULL OR e.event_key = ANY (keys))
        ORDER BY d.run_id, d.leaf, d.cycle, e.refreshed_at DESC, e.event_key
    ) found
    WHERE d.run_id = found.run_id AND d.leaf = found.leaf AND d.cycle = found.cycle
$$;
CREATE FUNCTION public.missing_inputs(run uuid) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('product', d.upstream, 'business_date', d.required_date, 'cycle', d.cycle,
        'status', d.statuses, 'owner', p.owner) ORDER BY d.leaf, d.cycle), '[]')
    FROM (
        SELECT * FROM data_product_dependencies_events_status
        WHERE run_id = run AND status = 'WAITING' ORDER BY leaf, cycle LIMIT 100) d
    LEFT JOIN data_product p ON p.product_id = d.upstream
$$;
CREATE FUNCTION public.near_weekday(day date, target integer) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
DECLARE
    first date := date_trunc('month', day)::date;
    last integer := extract(day FROM (date_trunc('month', day) + interval '1 month' - interval '1 day'))::integer;
    wanted integer := CASE target WHEN 0 THEN last ELSE target END;
    weekday integer;
BEGIN
    IF target > last THEN
        RETURN false;
    END IF;
    weekday := extract(isodow FROM first + wanted - 1)::integer;
    IF weekday = 6 THEN
        wanted := CASE WHEN wanted > 1 THEN wanted - 1 ELSE wanted + 2 END;
    ELSIF weekday = 7 THEN
        wanted := CASE WHEN target = 0 OR wanted = last THEN wanted - 2 ELSE wanted + 1 END;
    END IF;
    RETURN extract(day FROM day)::integer = wanted;
END $$;
CREATE FUNCTION public.open_due_runs(now_is timestamp with time zone, actor text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    due jsonb;
    opened uuid[];
BEGIN
    PERFORM pg_advisory_xact_lock(7201);
    SELECT coalesce(jsonb_agg(jsonb_build_object('product_id', fired.product_id, 'cycle', fired.cycle, 'business_date',
        CASE WHEN c.calendar IS NULL OR fired.date_offset = 0 THEN fired.day + fired.date_offset
            ELSE business_shift(fired.day, fired.date_offset, c.weekend, c.dates) END)), '[]')
    INTO due
    FROM (
        SELECT s.product_id, s.date_offset, s.calendar, day::date AS day,
            CASE WHEN cardinality(s.times) > 1 THEN to_char(at, 'HH24MI') ELSE '' END AS cycle
        FROM data_product_schedule s
        JOIN data_product p USING (product_id)
        CROSS JOIN LATERAL generate_series(
            date_trunc('day', greatest(s.opened_until, now_is - interval '3 days') AT TIME ZONE s.timezone),
            date_trunc('day', now_is AT TIME ZONE s.timezone), interval '1 day') AS day
        CROSS JOIN LATERAL unnest(s.times) AS at
        WHERE p.active AND p.machine IS NOT NULL
            AND (day::date + at) AT TIME ZONE s.timezone <= now_is
            AND (day::date + at) AT TIME ZONE s.timezone > greatest(s.opened_until, now_is - interval '3 days')
            AND fires_on(s, day::date)
    ) fired
    LEFT JOIN calendar c ON c.calendar = fired.calendar
    WHERE c.calendar IS NULL
        OR NOT (extract(isodow FROM fired.day)::integer = ANY (c.weekend) OR fired.day = ANY (c.dates));
    opened := open_runs(due, now_is, actor);
    UPDATE data_product_schedule SET opened_until = now_is WHERE opened_until < now_is;
    RETURN jsonb_build_object('due', jsonb_array_length(due), 'opened', cardinality(opened));
END $$;
CREATE FUNCTION public.open_runs(wanted jsonb, now_is timestamp with time zone, actor text) RETURNS uuid[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    opened uuid[];
BEGIN
    WITH opening AS (
        INSERT INTO data_product_status (product_id, business_date, cycle, opened_at, deadline_at, changed_at, changed_by)
        SELECT p.product_id, w.business_date, w.cycle, now_is, now_is + make_interval(secs => p.deadline_seconds), now_is, actor
        FROM jsonb_to_recordset(wanted) AS w(product_id text, business_date date, cycle text)
        JOIN data_product p USING (product_id)
        WHERE p.active AND p.machine IS NOT NULL
        ORDER BY p.product_id, w.business_date, w.cycle   -- two that open the same runs wait for each other in one order
        ON CONFLICT (product_id, business_date, cycle) DO NOTHING
        RETURNING run_id
    )
    SELECT coalesce(array_agg(run_id), '{}') INTO opened FROM opening;
    INSERT INTO data_product_dependencies_events_status
        (run_id, leaf, cycle, upstream, account, statuses, required_date, not_before, changed_at)
    SELECT r.run_id, d.leaf, coalesce(needed.cycle, '*'), d.upstream, d.account, d.statuses,
        CASE WHEN d.max_age_seconds IS NULL THEN
            CASE WHEN c.calendar IS NULL OR d.offset_days = 0 THEN r.business_date + d.offset_days
                ELSE business_shift(r.business_date, d.offset_days, c.weekend, c.dates) END
        END,
        now_is - make_interval(secs => d.max_age_seconds), now_is
    FROM data_product_status r
    JOIN data_product_dependencies d USING (product_id)
    CROSS JOIN LATERAL unnest(d.cycles) AS needed(cycle)
    LEFT JOIN data_product_schedule s USING (product_id)
    LEFT JOIN calendar c ON c.calendar = s.calendar
    WHERE r.run_id = ANY (opened);
    PERFORM match_arrivals(opened, NULL, now_is);
    PERFORM release_ready(opened, now_is, 'everything had arrived', actor);
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'start ' || r.run_id || ' ' || r.attempt, 'start_execution', r.run_id, r.attempt, execution_of(r, p), now_is
    FROM data_product_status r JOIN data_product p USING (product_id)
    WHERE r.run_id = ANY (opened)
    ON CONFLICT (effect_key) DO NOTHING;
    RETURN opened;
END $$;
CREATE FUNCTION public.read_configuration(run uuid, of_attempt integer) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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
CREATE FUNCTION public.record_job_start(run uuid, of_attempt integer, of_step text, of_job text, job_run text, token text, now_is timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    AS $_$
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
END $_$;
CREATE FUNCTION public.record_job_states(states jsonb, now_is timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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
CREATE FUNCTION public.record_outcome(run uuid, of_attempt integer, outcome text, of_error text, of_cause text, now_is timestamp with time zone, actor text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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
    RETURN jsonb_build_object('recorded_at', now_is);
END $$;
CREATE FUNCTION public.record_refresh_events(events jsonb, now_is timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    keys text[];
    locked uuid[];
    released uuid[];
    fresh integer;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7201);
    WITH given AS (
        SELECT DISTINCT ON (event_key) * FROM jsonb_to_recordset(events) AS e(event_key text, product_id text, account text,
            business_date date, cycle text, status text, run_id text, attempt integer, refreshed_at timestamptz, metadata jsonb)
        ORDER BY event_key
    ), stored AS (
        INSERT INTO refresh_event (event_key, product_id, account, business_date, cycle, status, run_id, attempt, refreshed_at, received_at, metadata)
        SELECT event_key, product_id, account, business_date, coalesce(cycle, ''), status, run_id, attempt, refreshed_at, now_is, coalesce(metadata, '{}')
        FROM given
        ON CONFLICT (event_key) DO NOTHING
        RETURNING event_key
    )
    SELECT (SELECT array_agg(event_key) FROM given), (SELECT count(*) FROM stored) INTO keys, fresh;
    PERFORM open_runs((
        SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('product_id', d.product_id, 'cycle', '',
            'business_date', e.business_date - CASE WHEN d.max_age_seconds IS NULL THEN d.offset_days ELSE 0 END)), '[]')
        FROM refresh_event e
        JOIN data_product_dependencies d ON d.upstream = e.product_id AND e.status = ANY (d.statuses)
            AND (d.account IS NULL OR d.account = e.account)
        JOIN data_product p ON p.product_id = d.product_id AND p.active AND p.machine IS NOT NULL
        LEFT JOIN data_product_schedule s ON s.product_id = d.product_id
        WHERE e.event_key = ANY (keys) AND e.superseded_at IS NULL AND s.product_id IS NULL
    ), now_is, 'refresh event');
    SELECT coalesce(array_agg(run_id), '{}') INTO locked FROM (
        SELECT r.run_id FROM data_product_status r
        WHERE r.status = 'WAITING' AND r.run_id IN (
            SELECT d.run_id FROM data_product_dependencies_events_status d
            JOIN refresh_event e ON e.product_id = d.upstream AND (d.required_date IS NULL OR d.required_date = e.business_date)
            WHERE d.status = 'WAITING' AND e.event_key = ANY (keys))
        ORDER BY r.run_id FOR UPDATE
    ) waiting;
    -- a new statement, and so a new look: what others committed while this one waited for the locks is seen
    PERFORM match_arrivals(locked, keys, now_is);
    released := release_ready(locked, now_is, 'the last input arrived', 'refresh event');
    -- the machine did publish: nothing is left for the monitor to make up for
    UPDATE effect f SET done_at = now_is, outcome = 'seen on the bus'
    FROM refresh_event e
    WHERE e.event_key = ANY (keys) AND f.effect_key = 'publish ' || e.run_id || ' ' || e.attempt || ' ' || e.status AND f.done_at IS NULL;
    RETURN jsonb_build_object('recorded', fresh, 'repeated', cardinality(keys) - fresh, 'released', cardinality(released));
END $$;
CREATE FUNCTION public.register_wait(run uuid, of_attempt integer, token text, execution text, now_is timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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
CREATE FUNCTION public.release_ready(runs uuid[], now_is timestamp with time zone, reason text, actor text) RETURNS uuid[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    released uuid[];
BEGIN
    WITH ready AS (
        SELECT r.run_id
        FROM data_product_status r
        JOIN data_product p USING (product_id)
        WHERE r.run_id = ANY (runs) AND r.status = 'WAITING' AND r.released_at IS NULL AND NOT r.held AND NOT p.held
            AND NOT EXISTS (SELECT FROM job_run j WHERE j.run_id = r.run_id AND j.attempt < r.attempt AND j.state = 'STARTED')
            AND condition_holds(p.condition, ARRAY(
                SELECT d.leaf FROM data_product_dependencies_events_status d
                WHERE d.run_id = r.run_id GROUP BY d.leaf HAVING bool_and(d.status = 'ARRIVED')))
    ), done AS (
        UPDATE data_product_status r
        SET released_at = now_is, release_reason = reason, changed_at = now_is, changed_by = actor
        FROM ready WHERE r.run_id = ready.run_id
        RETURNING r.run_id
    )
    SELECT coalesce(array_agg(run_id), '{}') INTO released FROM done;
    PERFORM store_release_effects(released, now_is);
    RETURN released;
END $$;
CREATE FUNCTION public.repair(now_is timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    AS $_$
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
            ORDER BY started_at LIMIT 200) unheard),
        'executions', (SELECT coalesce(jsonb_agg(jsonb_build_object('run_id', run_id, 'attempt', attempt, 'execution', execution)), '[]') FROM (
            SELECT r.run_id, r.attempt, execution_of(r, p) AS execution
            FROM data_product_status r JOIN data_product p USING (product_id)
            WHERE r.changed_at < now_is - interval '10 minutes' AND (
                (r.status = 'WAITING' AND (r.task_token IS NULL OR r.released_at IS NOT NULL OR r.deadline_at < now_is - interval '10 minutes'))
                OR (r.status = 'PROCESSING' AND NOT EXISTS (SELECT FROM job_run j WHERE j.run_id = r.run_id AND j.state = 'STARTED')))
                AND NOT EXISTS (SELECT FROM effect e WHERE e.run_id = r.run_id AND e.done_at IS NULL)
            ORDER BY r.changed_at LIMIT 200) silent));
END $_$;
CREATE FUNCTION public.rerun(product text, on_date date, of_cycle text, downstream boolean, actor text, now_is timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    targets uuid[];
    busy text;
    waiting uuid[];
BEGIN
    WITH RECURSIVE affected(product_id) AS (
        SELECT product
        UNION
        SELECT d.product_id FROM affected a JOIN data_product_dependencies d ON d.upstream = a.product_id WHERE downstream
    ), locked AS (
        SELECT run_id, status, product_id FROM data_product_status
        WHERE product_id IN (SELECT product_id FROM affected) AND business_date = on_date
            AND (product_id <> product OR cycle = of_cycle)
        ORDER BY run_id FOR UPDATE
    )
    SELECT coalesce(array_agg(run_id) FILTER (WHERE status IN ('COMPLETED', 'ERROR', 'SKIPPED', 'CANCELLED')), '{}'),
        string_agg(product_id || ' is ' || status, ', ' ORDER BY product_id)
            FILTER (WHERE status = 'PROCESSING' OR (product_id = product AND status = 'WAITING'))
    INTO targets, busy FROM locked;
    IF busy IS NOT NULL THEN
        RAISE EXCEPTION 'IllegalTransition: %; what runs cannot be run again', busy;
    ELSIF NOT EXISTS (SELECT FROM data_product_status WHERE run_id = ANY (targets) AND product_id = product) THEN
        RAISE EXCEPTION 'UnknownRun: % has no run for %', product, on_date;
    END IF;
    UPDATE refresh_event SET superseded_at = now_is WHERE run_id = ANY (targets::text[]) AND superseded_at IS NULL;
    UPDATE effect SET done_at = now_is, outcome = 'superseded by a rerun' WHERE run_id = ANY (targets) AND done_at IS NULL;
    UPDATE data_product_status SET attempt = attempt + 1, status = 'WAITING', opened_at = now_is,
        deadline_at = now_is + (deadline_at - opened_at), released_at = NULL, release_reason = NULL, started_at = NULL,
        finished_at = NULL, execution_arn = NULL, task_token = NULL, waiting_since = NULL, error = NULL, cause = NULL,
        late_told = false, changed_at = now_is, changed_by = actor
    WHERE run_id = ANY (targets);
    SELECT coalesce(array_agg(run_id), '{}') INTO waiting FROM (
        SELECT r.run_id FROM data_product_status r
        WHERE r.status = 'WAITING' AND r.released_at IS NULL AND r.run_id IN (
            SELECT d.run_id FROM data_product_dependencies_events_status d JOIN refresh_event e USING (event_key)
            WHERE e.superseded_at = now_is)
        ORDER BY r.run_id FOR UPDATE) locked;
    UPDATE data_product_dependencies_events_status d SET status = 'WAITING', event_key = NULL, arrived_at = NULL, changed_at = now_is
    FROM refresh_event e
    WHERE d.event_key = e.event_key AND e.superseded_at IS NOT NULL AND d.run_id = ANY (waiting || targets);
    PERFORM match_arrivals(targets, NULL, now_is);
    PERFORM release_ready(targets, now_is, 'everything had arrived', actor);
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'start ' || r.run_id || ' ' || r.attempt, 'start_execution', r.run_id, r.attempt, execution_of(r, p), now_is
    FROM data_product_status r JOIN data_product p USING (product_id) WHERE r.run_id = ANY (targets)
    ON CONFLICT (effect_key) DO NOTHING;
    RETURN (SELECT jsonb_agg(jsonb_build_object('product', product_id, 'business_date', business_date, 'cycle', cycle, 'attempt', attempt)
        ORDER BY product_id, cycle) FROM data_product_status WHERE run_id = ANY (targets));
END $$;
CREATE FUNCTION public.set_hold(product text, on_date date, of_cycle text, hold boolean, actor text, now_is timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    waiting uuid[];
BEGIN
    IF on_date IS NULL THEN
        UPDATE data_product SET held = hold, changed_at = now_is, changed_by = actor WHERE product_id = product AND active;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'UnknownProduct: %', product;
        END IF;
    END IF;
    SELECT coalesce(array_agg(run_id), '{}') INTO waiting FROM (
        SELECT run_id FROM data_product_status
        WHERE product_id = product AND status = 'WAITING' AND (on_date IS NULL OR (business_date = on_date AND cycle = of_cycle))
        ORDER BY run_id FOR UPDATE) locked;
    IF on_date IS NOT NULL THEN
        IF cardinality(waiting) = 0 THEN
            RAISE EXCEPTION 'UnknownRun: % has no waiting run for %', product, on_date;
        END IF;
        UPDATE data_product_status SET held = hold, changed_at = now_is, changed_by = actor WHERE run_id = ANY (waiting);
    END IF;
    RETURN jsonb_build_object('released', cardinality(release_ready(waiting, now_is, 'no longer held', actor)));
END $$;
CREATE FUNCTION public.settle_deadline(run uuid, of_attempt integer, on_deadline text, now_is timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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
    RETURN jsonb_build_object('decision', on_deadline, 'missing', missing_inputs(run));
END $$;
CREATE FUNCTION public.skip_run(product text, on_date date, of_cycle text, actor text, now_is timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    r data_product_status;
BEGIN
    SELECT * INTO r FROM data_product_status WHERE product_id = product AND business_date = on_date AND cycle = of_cycle FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'UnknownRun: % has no run for %', product, on_date;
    END IF;
    PERFORM record_outcome(r.run_id, r.attempt, 'SKIPPED', NULL, NULL, now_is, actor);
    UPDATE effect SET done_at = now_is, outcome = 'the run was skipped' WHERE run_id = r.run_id AND done_at IS NULL;
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'stop ' || r.run_id || ' ' || r.attempt, 'stop_execution', r.run_id, r.attempt,
        jsonb_build_object('execution_arn', r.execution_arn, 'cause', 'skipped by ' || actor), now_is
    WHERE r.execution_arn IS NOT NULL
    ON CONFLICT (effect_key) DO NOTHING;
    RETURN jsonb_build_object('skipped', 1);
END $$;
CREATE FUNCTION public.start_again(run uuid, of_attempt integer, now_is timestamp with time zone) RETURNS integer
    LANGUAGE sql
    AS $$
    WITH again AS (
        UPDATE effect SET done_at = NULL, due_at = now_is, claimed_until = NULL, outcome = NULL
        WHERE effect_key = 'start ' || run || ' ' || of_attempt
        RETURNING 1
    )
    SELECT count(*)::integer FROM again
$$;
CREATE FUNCTION public.store_release_effects(runs uuid[], now_is timestamp with time zone) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'release ' || r.run_id || ' ' || r.attempt || ' ' || md5(r.task_token), 'task_success', r.run_id, r.attempt,
        jsonb_build_object('task_token', r.task_token, 'output', jsonb_build_object(
            'decision', 'start', 'reason', r.release_reason,
            'arrived', (SELECT coalesce(jsonb_agg(upstream), '[]') FROM (
                SELECT DISTINCT d.upstream FROM data_product_dependencies_events_status d
                WHERE d.run_id = r.run_id AND d.status = 'ARRIVED' ORDER BY d.upstream LIMIT 100) first))),
        now_is
    FROM data_product_status r
    WHERE r.run_id = ANY (runs) AND r.status = 'WAITING' AND r.released_at IS NOT NULL AND r.task_token IS NOT NULL
    ON CONFLICT (effect_key) DO NOTHING
$$;
CREATE TABLE public.calendar (
    calendar text NOT NULL,
    weekend integer[] NOT NULL,
    dates date[] NOT NULL
);
CREATE TABLE public.catalog_load (
    load_id bigint NOT NULL,
    commit text NOT NULL,
    committed_at timestamp with time zone NOT NULL,
    loaded_at timestamp with time zone NOT NULL,
    loaded_by text NOT NULL,
    inserted text[] NOT NULL,
    changed text[] NOT NULL,
    removed text[] NOT NULL,
    unchanged integer NOT NULL
);
ALTER TABLE public.catalog_load ALTER COLUMN load_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.catalog_load_load_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.catalog_stage (
    upload text NOT NULL,
    section text NOT NULL,
    key text NOT NULL,
    entry jsonb NOT NULL
);
CREATE TABLE public.data_pipeline_config (
    product_id text NOT NULL,
    step text NOT NULL,
    "position" integer NOT NULL,
    type text NOT NULL,
    resource text NOT NULL,
    timeout_seconds integer NOT NULL,
    retry jsonb,
    settings jsonb NOT NULL
);
CREATE TABLE public.data_pipeline_parameters (
    product_id text NOT NULL,
    step text NOT NULL,
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.data_product_dependencies (
    product_id text NOT NULL,
    leaf integer NOT NULL,
    upstream text NOT NULL,
    account text,
    statuses text[] NOT NULL,
    offset_days integer NOT NULL,
    max_age_seconds integer,
    cycle text NOT NULL,
    cycles text[] NOT NULL
);
CREATE TABLE public.data_product_dependencies_events_status (
    run_id uuid NOT NULL,
    leaf integer NOT NULL,
    cycle text DEFAULT '*'::text NOT NULL,
    upstream text NOT NULL,
    account text,
    statuses text[] NOT NULL,
    required_date date,
    not_before timestamp with time zone,
    status text DEFAULT 'WAITING'::text NOT NULL,
    event_key text,
    arrived_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT data_product_dependencies_events_status_status_check CHECK ((status = ANY (ARRAY['WAITING'::text, 'ARRIVED'::text])))
);
CREATE TABLE public.data_product_dependencies_events_status_history (
    history_id bigint CONSTRAINT data_product_dependencies_events_status_his_history_id_not_null NOT NULL,
    run_id uuid NOT NULL,
    leaf integer NOT NULL,
    cycle text NOT NULL,
    upstream text CONSTRAINT data_product_dependencies_events_status_histo_upstream_not_null NOT NULL,
    status text NOT NULL,
    event_key text,
    changed_at timestamp with time zone CONSTRAINT data_product_dependencies_events_status_his_changed_at_not_null NOT NULL
);
ALTER TABLE public.data_product_dependencies_events_status_history ALTER COLUMN history_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.data_product_dependencies_events_status_history_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.data_product_status_history (
    history_id bigint NOT NULL,
    run_id uuid NOT NULL,
    product_id text NOT NULL,
    business_date date NOT NULL,
    cycle text NOT NULL,
    attempt integer NOT NULL,
    status text NOT NULL,
    released_at timestamp with time zone,
    release_reason text,
    execution_arn text,
    error text,
    cause text,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL
);
ALTER TABLE public.data_product_status_history ALTER COLUMN history_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.data_product_status_history_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.effect (
    effect_id bigint NOT NULL,
    effect_key text NOT NULL,
    kind text NOT NULL,
    run_id uuid,
    attempt integer,
    payload jsonb NOT NULL,
    due_at timestamp with time zone NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    claimed_until timestamp with time zone,
    done_at timestamp with time zone,
    outcome text,
    CONSTRAINT effect_kind_check CHECK ((kind = ANY (ARRAY['start_execution'::text, 'stop_execution'::text, 'task_success'::text, 'task_failure'::text, 'put_event'::text, 'alert'::text])))
);
ALTER TABLE public.effect ALTER COLUMN effect_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.effect_effect_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.refresh_event (
    event_key text NOT NULL,
    product_id text NOT NULL,
    account text,
    business_date date NOT NULL,
    cycle text NOT NULL,
    status text NOT NULL,
    run_id text,
    attempt integer,
    refreshed_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    metadata jsonb NOT NULL,
    superseded_at timestamp with time zone,
    CONSTRAINT refresh_event_status_check CHECK ((status = ANY (ARRAY['COMPLETED'::text, 'ERROR'::text])))
);
CREATE TABLE public.schema_migration (
    name text NOT NULL,
    digest text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY public.calendar
    ADD CONSTRAINT calendar_pkey PRIMARY KEY (calendar);
ALTER TABLE ONLY public.catalog_load
    ADD CONSTRAINT catalog_load_pkey PRIMARY KEY (load_id);
ALTER TABLE ONLY public.catalog_stage
    ADD CONSTRAINT catalog_stage_pkey PRIMARY KEY (upload, section, key);
ALTER TABLE ONLY public.data_pipeline_config
    ADD CONSTRAINT data_pipeline_config_pkey PRIMARY KEY (product_id, step);
ALTER TABLE ONLY public.data_pipeline_parameters
    ADD CONSTRAINT data_pipeline_parameters_pkey PRIMARY KEY (product_id, step, name);
ALTER TABLE ONLY public.data_product_dependencies_events_status_history
    ADD CONSTRAINT data_product_dependencies_events_status_history_pkey PRIMARY KEY (history_id);
ALTER TABLE ONLY public.data_product_dependencies_events_status
    ADD CONSTRAINT data_product_dependencies_events_status_pkey PRIMARY KEY (run_id, leaf, cycle);
ALTER TABLE ONLY public.data_product_dependencies
    ADD CONSTRAINT data_product_dependencies_pkey PRIMARY KEY (product_id, leaf);
ALTER TABLE ONLY public.data_product
    ADD CONSTRAINT data_product_pkey PRIMARY KEY (product_id);
ALTER TABLE ONLY public.data_product_schedule
    ADD CONSTRAINT data_product_schedule_pkey PRIMARY KEY (product_id);
ALTER TABLE ONLY public.data_product_status_history
    ADD CONSTRAINT data_product_status_history_pkey PRIMARY KEY (history_id);
ALTER TABLE ONLY public.data_product_status
    ADD CONSTRAINT data_product_status_pkey PRIMARY KEY (run_id);
ALTER TABLE ONLY public.data_product_status
    ADD CONSTRAINT data_product_status_product_id_business_date_cycle_key UNIQUE (product_id, business_date, cycle);
ALTER TABLE ONLY public.effect
    ADD CONSTRAINT effect_effect_key_key UNIQUE (effect_key);
ALTER TABLE ONLY public.effect
    ADD CONSTRAINT effect_pkey PRIMARY KEY (effect_id);
ALTER TABLE ONLY public.job_run
    ADD CONSTRAINT job_run_pkey PRIMARY KEY (job_run_id);
ALTER TABLE ONLY public.refresh_event
    ADD CONSTRAINT refresh_event_pkey PRIMARY KEY (event_key);
ALTER TABLE ONLY public.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (name);
CREATE INDEX data_product_dependencies_upstream ON public.data_product_dependencies USING btree (upstream);
CREATE INDEX data_product_status_history_run ON public.data_product_status_history USING btree (run_id);
CREATE INDEX data_product_status_open ON public.data_product_status USING btree (status) WHERE (status = ANY (ARRAY['WAITING'::text, 'PROCESSING'::text]));
CREATE INDEX dependencies_events_history_run ON public.data_product_dependencies_events_status_history USING btree (run_id);
CREATE INDEX dependencies_waiting_for ON public.data_product_dependencies_events_status USING btree (upstream, required_date) WHERE (status = 'WAITING'::text);
CREATE INDEX effect_due ON public.effect USING btree (due_at, effect_id) WHERE (done_at IS NULL);
CREATE INDEX effect_of ON public.effect USING btree (run_id) WHERE (done_at IS NULL);
CREATE INDEX job_run_of ON public.job_run USING btree (run_id);
CREATE INDEX job_run_unfinished ON public.job_run USING btree (started_at) WHERE (state = 'STARTED'::text);
CREATE INDEX refresh_event_latest ON public.refresh_event USING btree (product_id, refreshed_at);
CREATE INDEX refresh_event_of ON public.refresh_event USING btree (product_id, business_date);
CREATE TRIGGER dependencies_inserted AFTER INSERT ON public.data_product_dependencies_events_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.keep_dependency_history();
CREATE TRIGGER dependencies_updated AFTER UPDATE ON public.data_product_dependencies_events_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.keep_dependency_history();
CREATE TRIGGER status_inserted AFTER INSERT ON public.data_product_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.keep_status_history();
CREATE TRIGGER status_updated AFTER UPDATE ON public.data_product_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.keep_status_history();
ALTER TABLE ONLY public.data_pipeline_config
    ADD CONSTRAINT data_pipeline_config_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.data_product(product_id);
ALTER TABLE ONLY public.data_pipeline_parameters
    ADD CONSTRAINT data_pipeline_parameters_product_id_step_fkey FOREIGN KEY (product_id, step) REFERENCES public.data_pipeline_config(product_id, step) ON DELETE CASCADE;
ALTER TABLE ONLY public.data_product_dependencies_events_status
    ADD CONSTRAINT data_product_dependencies_events_status_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.data_product_status(run_id);
ALTER TABLE ONLY public.data_product_dependencies
    ADD CONSTRAINT data_product_dependencies_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.data_product(product_id);
ALTER TABLE ONLY public.data_product_schedule
    ADD CONSTRAINT data_product_schedule_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.data_product(product_id);
ALTER TABLE ONLY public.data_product_status
    ADD CONSTRAINT data_product_status_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.data_product(product_id);
ALTER TABLE ONLY public.job_run
    ADD CONSTRAINT job_run_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.data_product_status(run_id);
