-- The catalog, loaded as a difference: what it no longer holds is switched off, and its history stays.

CREATE OR REPLACE FUNCTION load_catalog(
    of_upload text, of_commit text, of_committed_at timestamptz, force boolean, actor text, now_is timestamptz,
    OUT inserted integer, OUT changed integer, OUT removed integer, OUT unchanged integer, OUT opened integer, OUT conditions integer,
    OUT cancelled integer, OUT refused jsonb
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
-- Makes the staged catalog the current one. An older one than the current is refused unless forced. Runs follow: `opened` are those that
-- changed schedules would lose, `conditions` wait for something else than before, `cancelled` ended because their product does not run here any more.
-- A product that the database cannot take is `refused` [{product, reason}]: it stays as it was, and the others are loaded.
DECLARE
    current catalog_load;
    added text[];
    altered text[];
    dropped text[];
    same integer;
    calendars text[];
    calendars_before calendar[];
    of_load bigint;
    conditions_changed text[];
    slas_changed text[];
    schedules data_product_schedule[];
    sources_changed text[];
BEGIN
    PERFORM lock_openings(false);
    SELECT * INTO current FROM catalog_load ORDER BY load_id DESC LIMIT 1;
    IF current.committed_at > of_committed_at AND NOT force THEN
        RAISE EXCEPTION 'CatalogGoesBack: commit % of % is older than the loaded % of %; load it with force if that is meant',
            of_commit, of_committed_at, current.commit, current.committed_at;
    END IF;

    SELECT array_agg(c) INTO calendars_before FROM calendar c;
    WITH different AS (
        INSERT INTO calendar (calendar, weekend, dates)
        SELECT key, integers(entry -> 'weekend'), ARRAY(SELECT jsonb_array_elements_text(entry -> 'dates')::date)
        FROM catalog_stage WHERE upload = of_upload AND section = 'calendars'
        ON CONFLICT (calendar) DO UPDATE SET weekend = excluded.weekend, dates = excluded.dates
        WHERE (calendar.weekend, calendar.dates) IS DISTINCT FROM (excluded.weekend, excluded.dates)
        RETURNING calendar.calendar
    )
    SELECT array_agg(calendar) INTO calendars FROM different;

    CREATE TEMP TABLE IF NOT EXISTS incoming (product_id text PRIMARY KEY, entry jsonb, digest text) ON COMMIT DELETE ROWS;
    DELETE FROM incoming;
    INSERT INTO incoming SELECT key, entry, md5(entry::text) FROM catalog_stage WHERE upload = of_upload AND section = 'products';

    SELECT coalesce(array_agg(product_id ORDER BY product_id), '{}') INTO dropped
    FROM data_product WHERE active AND product_id NOT IN (SELECT product_id FROM incoming);
    refused := refused_products(of_upload);
    DELETE FROM incoming WHERE product_id IN (SELECT each ->> 'product' FROM jsonb_array_elements(refused) each);
    SELECT coalesce(array_agg(i.product_id ORDER BY i.product_id) FILTER (WHERE p.product_id IS NULL OR NOT p.active), '{}'),
        coalesce(array_agg(i.product_id ORDER BY i.product_id) FILTER (WHERE p.active AND p.digest <> i.digest), '{}'),
        count(*) FILTER (WHERE p.active AND p.digest = i.digest)
    INTO added, altered, same FROM incoming i LEFT JOIN data_product p USING (product_id);

    SELECT array_agg(s) INTO schedules FROM data_product_schedule s WHERE product_id = ANY (altered);
    UPDATE data_product p SET cycles_changed_at = now_is,
        former_cycles = CASE WHEN p.cycles_changed_at > now_is - interval '1 day' THEN p.former_cycles ELSE cycle_names(s.times) END
    FROM incoming i LEFT JOIN data_product_schedule s USING (product_id)
    WHERE p.product_id = i.product_id AND i.product_id = ANY (added || altered) AND cycle_names(s.times) <> cycle_names(times_of(i.entry));
    SELECT array_agg(product_id) INTO conditions_changed FROM incoming i JOIN data_product p USING (product_id)
    WHERE p.condition IS DISTINCT FROM i.entry -> 'tree';
    SELECT coalesce(array_agg(product_id), '{}') INTO slas_changed FROM incoming i JOIN data_product p USING (product_id) CROSS JOIN LATERAL sla_of(i.entry) sla
    WHERE NOT p.active OR (p.complete_by, p.sla_timezone, p.sla_days, p.sla_after_seconds)
        IS DISTINCT FROM (sla.complete_by, sla.timezone, sla.days, sla.after_seconds);

    INSERT INTO data_product (product_id, domain, name, account, description, owner, email, machine, execution_prefix, runs_in, needs, condition,
        deadline_seconds, on_deadline, resume_seconds, pipeline_seconds, refresh_event, visibility, complete_by, sla_timezone, sla_days, sla_after_seconds, sla_since,
        notify, alerting, signal, dataset, lineage, jobs, digest, active, changed_at, changed_by)
    SELECT i.product_id, split_part(i.product_id, '/', 1), split_part(i.product_id, '/', 2), e ->> 'account', e ->> 'description', e ->> 'owner', e ->> 'email',
        e ->> 'machine', e ->> 'execution_prefix', e ->> 'runs_in', names_in(e -> 'needs'), e -> 'tree', (e #>> '{wait,deadline}')::integer,
        e #>> '{wait,on_deadline}', resume_of(e), (e ->> 'pipeline_timeout')::integer,
        (e #>> '{publish,refresh_event}')::boolean, e #>> '{publish,visibility}', sla.complete_by,
        sla.timezone, sla.days, sla.after_seconds, CASE WHEN e ? 'sla' THEN now_is END,
        coalesce(e -> 'notify', '[]'), coalesce(e -> 'alerts', '{}'), e -> 'signal', e -> 'dataset', coalesce((e #>> '{publish,openlineage}')::boolean, false),
        coalesce((SELECT string_agg(DISTINCT step ->> 'resource', ' ') FROM jsonb_array_elements(e -> 'steps') step), ''), i.digest, true, now_is, actor
    FROM incoming i CROSS JOIN LATERAL (SELECT i.entry AS e) one CROSS JOIN LATERAL sla_of(i.entry) sla
    WHERE i.product_id = ANY (added || altered)
    ON CONFLICT (product_id) DO UPDATE SET account = excluded.account, description = excluded.description, owner = excluded.owner, email = excluded.email,
        machine = excluded.machine, execution_prefix = excluded.execution_prefix, runs_in = excluded.runs_in, needs = excluded.needs,
        condition = excluded.condition,
        deadline_seconds = excluded.deadline_seconds, on_deadline = excluded.on_deadline, resume_seconds = excluded.resume_seconds,
        pipeline_seconds = excluded.pipeline_seconds,
        refresh_event = excluded.refresh_event, visibility = excluded.visibility, complete_by = excluded.complete_by,
        sla_timezone = excluded.sla_timezone, sla_days = excluded.sla_days,
        sla_after_seconds = excluded.sla_after_seconds, sla_since = CASE WHEN data_product.product_id = ANY (slas_changed) THEN excluded.sla_since
            ELSE data_product.sla_since END,
        notify = excluded.notify, alerting = excluded.alerting, signal = excluded.signal, dataset = excluded.dataset, lineage = excluded.lineage, jobs = excluded.jobs, digest = excluded.digest,
        active = true, changed_at = excluded.changed_at, changed_by = excluded.changed_by;
    UPDATE data_product SET active = false, changed_at = now_is, changed_by = actor WHERE product_id = ANY (dropped);
    PERFORM discard_foreign_events(added, now_is);

    DELETE FROM data_product_schedule s WHERE product_id = ANY (dropped)
        OR (product_id = ANY (altered) AND NOT EXISTS (SELECT FROM incoming i WHERE i.product_id = s.product_id AND i.entry ? 'schedule'));
    INSERT INTO data_product_schedule AS s (product_id, cron, timezone, date_offset, calendar, times, months, month_days, week_days, years,
        last_days, near_weekdays, last_week_days, nth_week_days, opened_until, known_since)
    SELECT i.product_id, f ->> 'cron', f ->> 'timezone', (f ->> 'date_offset')::integer, f ->> 'calendar',
        times_of(i.entry), integers(f #> '{fires,months}'), integers(f #> '{fires,month_days}'),
        integers(f #> '{fires,week_days}'), CASE WHEN jsonb_typeof(f #> '{fires,years}') = 'array' THEN integers(f #> '{fires,years}') END,
        integers(f #> '{fires,last_days}'), integers(f #> '{fires,near_weekdays}'), integers(f #> '{fires,last_week_days}'),
        ARRAY(SELECT jsonb_array_elements_text(f #> '{fires,nth_week_days}')), now_is, now_is
    FROM incoming i CROSS JOIN LATERAL (SELECT i.entry -> 'schedule' AS f) one
    WHERE i.product_id = ANY (added || altered) AND i.entry ? 'schedule'
    ON CONFLICT (product_id) DO UPDATE SET cron = excluded.cron, timezone = excluded.timezone, date_offset = excluded.date_offset,
        calendar = excluded.calendar, times = excluded.times, months = excluded.months, month_days = excluded.month_days,
        week_days = excluded.week_days, years = excluded.years, last_days = excluded.last_days, near_weekdays = excluded.near_weekdays,
        last_week_days = excluded.last_week_days, nth_week_days = excluded.nth_week_days,
        known_since = CASE WHEN opens_as(s, excluded) THEN s.known_since ELSE excluded.known_since END;

    sources_changed := take_sources(now_is);
    DELETE FROM data_product_dependencies WHERE product_id = ANY (altered || dropped || added);
    INSERT INTO data_product_dependencies (product_id, leaf, upstream, account, statuses, offset_days, max_age_seconds, cycle, cycles, on_update)
    SELECT i.product_id, (l.ordinality - 1)::integer, l.leaf ->> 'product', l.leaf ->> 'account',
        ARRAY(SELECT jsonb_array_elements_text(l.leaf -> 'status')), (l.leaf ->> 'offset')::integer, (l.leaf ->> 'max_age')::integer,
        l.leaf ->> 'cycle', ARRAY(SELECT jsonb_array_elements_text(l.leaf -> 'cycles')),
        coalesce(l.leaf ->> 'on_update', 'notify')
    FROM incoming i CROSS JOIN LATERAL jsonb_array_elements(i.entry -> 'leaves') WITH ORDINALITY AS l(leaf, ordinality)
    WHERE i.product_id = ANY (added || altered) AND i.entry ? 'leaves';

    -- where no configuration takes its place, pipelines that have begun may still ask for it
    DELETE FROM data_pipeline_config WHERE product_id IN (SELECT product_id FROM incoming WHERE product_id = ANY (altered || added) AND entry ? 'steps');
    INSERT INTO data_pipeline_config (product_id, step, position, type, resource, timeout_seconds, retry, settings)
    SELECT i.product_id, s.step ->> 'name', (s.ordinality - 1)::integer, s.step ->> 'type', s.step ->> 'resource', (s.step ->> 'timeout')::integer,
        nullif(s.step -> 'retry', 'null'), s.step -> 'settings'
    FROM incoming i CROSS JOIN LATERAL jsonb_array_elements(i.entry -> 'steps') WITH ORDINALITY AS s(step, ordinality)
    WHERE i.product_id = ANY (added || altered) AND i.entry ? 'steps';
    INSERT INTO data_pipeline_parameters (product_id, step, name, value)
    SELECT i.product_id, s.step ->> 'name', a.key, a.value
    FROM incoming i CROSS JOIN LATERAL jsonb_array_elements(i.entry -> 'steps') AS s(step)
    CROSS JOIN LATERAL jsonb_each(s.step -> 'arguments') AS a(key, value)
    WHERE i.product_id = ANY (added || altered) AND i.entry ? 'steps';

    INSERT INTO catalog_load (commit, committed_at, loaded_at, loaded_by, inserted, changed, removed, unchanged, refused)
    VALUES (of_commit, of_committed_at, now_is, actor, added, altered, dropped, same, refused) RETURNING load_id INTO of_load;
    PERFORM keep_changes(of_load, of_upload, added, altered, dropped, refused, calendars_before);
    PERFORM take_operators(of_upload);
    PERFORM take_buckets(of_upload);
    DELETE FROM catalog_stage WHERE upload = of_upload;
    UPDATE catalog_stage SET staged_at = now_is WHERE staged_at IS NULL;  -- by the release before: its day begins now
    cancelled := cancel_without_pipeline(now_is, actor);
    PERFORM take_slas(slas_changed, now_is, actor);
    opened := open_moved_runs(schedules, now_is, actor);
    conditions := take_conditions(altered || added || ARRAY(SELECT product_id FROM data_product_schedule WHERE calendar = ANY (calendars)),
        conditions_changed, now_is, actor);
    PERFORM take_changed_sweeps(sources_changed, actor, now_is);
    PERFORM settle_sets(ARRAY(SELECT s FROM landing_set s WHERE s.product_id = ANY (sources_changed) AND s.altered), now_is);
    inserted := cardinality(added);
    changed := cardinality(altered);
    removed := cardinality(dropped);
    unchanged := same;
END $$;

CREATE OR REPLACE FUNCTION refused_products(of_upload text) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- Those of the staged products that the database cannot take, [{product, reason}].
    WITH given AS (
        SELECT key AS product, named.zone FROM catalog_stage
        CROSS JOIN LATERAL (SELECT entry #>> '{schedule,timezone}' AS zone UNION SELECT entry #>> '{sla,timezone}') named
        WHERE upload = of_upload AND section = 'products' AND named.zone IS NOT NULL
    ), unknown AS MATERIALIZED (
        SELECT zone FROM (SELECT DISTINCT zone FROM given) each WHERE NOT known_timezone(zone)
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object('product', product, 'reason', format('the database does not know the time zone "%s"', zone))
        ORDER BY product), '[]')
    FROM given JOIN unknown USING (zone)
$$;

CREATE OR REPLACE FUNCTION refusal_of(product text) RETURNS text LANGUAGE sql STABLE AS $$
-- Why the last load did not take the product; null if it did.
    SELECT each ->> 'reason' FROM (SELECT refused FROM catalog_load ORDER BY load_id DESC LIMIT 1) last
    CROSS JOIN LATERAL jsonb_array_elements(last.refused) each WHERE each ->> 'product' = product
$$;

CREATE OR REPLACE FUNCTION times_of(entry jsonb) RETURNS time[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY(SELECT jsonb_array_elements_text(entry #> '{schedule,fires,times}')::time)
$$;

CREATE OR REPLACE FUNCTION sla_of(entry jsonb) RETURNS TABLE (complete_by time, timezone text, days integer, after_seconds integer)
LANGUAGE sql IMMUTABLE AS $$
-- The SLA in the entry of a product, all null without one. A moment of the day is by the clock of the SLA, or else of the schedule.
    SELECT (sla ->> 'complete_by')::time, CASE WHEN sla ? 'complete_by' THEN coalesce(sla ->> 'timezone', entry #>> '{schedule,timezone}') END,
        (sla ->> 'days')::integer, (sla ->> 'after')::integer
    FROM (SELECT entry -> 'sla' AS sla) given
$$;

CREATE OR REPLACE FUNCTION names_in(list jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY(SELECT jsonb_array_elements_text(list)) WHERE list IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION resume_of(entry jsonb) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
-- The seconds in which a run may resume, null for never. A catalog of the release before does not say: a day.
    SELECT CASE WHEN entry -> 'wait' ? 'resume' THEN (entry #>> '{wait,resume}')::integer ELSE 86400 END
$$;

CREATE OR REPLACE FUNCTION integers(list jsonb) RETURNS integer[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY(SELECT jsonb_array_elements_text(list)::integer)
$$;
