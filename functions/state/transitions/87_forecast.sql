-- The forecast of a business date: when each product will be ready, between which moments, and what decides it.

CREATE OR REPLACE FUNCTION condition_time(node jsonb, times float8[]) RETURNS float8
LANGUAGE plpgsql IMMUTABLE AS $$
-- When the condition comes to hold if leaf n does at times[n + 1]; NaN, which is later than any moment, if that is not known.
BEGIN
    IF jsonb_typeof(node) = 'number' THEN
        RETURN coalesce(times[node::integer + 1], 'NaN');
    ELSIF node ? 'all_of' THEN
        RETURN (SELECT max(condition_time(member, times)) FROM jsonb_array_elements(node -> 'all_of') member);
    END IF;
    RETURN (SELECT min(condition_time(member, times)) FROM jsonb_array_elements(node -> 'any_of') member);
END $$;

CREATE OR REPLACE FUNCTION waits_for_others(n forecast_node) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT n.basis IN ('waiting', 'held') AND n.condition IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION usual_moment(product text, on_date date, now_is timestamptz) RETURNS float8
LANGUAGE sql STABLE AS $$
-- When what has not come yet of that date usually comes; NaN where nothing is known of it.
    SELECT coalesce((
        SELECT since.at + later_seconds(u.ranked, width_bucket((seconds_of(now_is) - since.at)::real, u.ranked), seconds_of(now_is) - since.at, 0.5)
        FROM usual_time u LEFT JOIN data_product_schedule s USING (product_id)
        CROSS JOIN LATERAL (SELECT seconds_of(date_begins(on_date, s.timezone)) + u.shifts[iso_weekday(on_date)] AS at) since
        WHERE u.product_id = product AND u.kind = 'ready' ORDER BY u.cycle DESC LIMIT 1), 'NaN')
$$;

CREATE OR REPLACE FUNCTION forecast_inputs(nodes forecast_node[], on_date date, now_is timestamptz) RETURNS SETOF forecast_input
LANGUAGE sql STABLE AS $$
-- What those of the products wait for that wait.
    WITH node AS MATERIALIZED (
        SELECT n.number, n.product_id, n.cycle, n.run_id, waits_for_others(n) AS waits FROM unnest(nodes) n
    ), input AS (
        SELECT w.number, d.leaf, d.upstream, d.cycle, d.statuses, d.required_date,
            CASE d.status WHEN 'ARRIVED' THEN seconds_of(coalesce(d.arrived_at, d.changed_at)) END AS at
        FROM node w CROSS JOIN LATERAL inputs_of_run(w.run_id) d WHERE w.waits AND w.run_id IS NOT NULL
        UNION ALL
        SELECT w.number, i.leaf, i.upstream, i.cycle, i.statuses, i.required_date, seconds_of(a.received_at)
        FROM node w CROSS JOIN LATERAL inputs_of(w.product_id, on_date, w.cycle) i
        LEFT JOIN LATERAL (
            SELECT * FROM arrival_for(i.upstream, i.statuses, i.account, i.required_date, now_is - make_interval(secs => i.max_age_seconds), i.cycle)
            WHERE i.required_date IS DISTINCT FROM on_date) a ON true
        WHERE w.waits AND w.run_id IS NULL
    ), place AS MATERIALIZED (
        SELECT product_id, min(number) AS number, jsonb_object_agg(cycle, number) AS by_cycle FROM node GROUP BY product_id
    )
    SELECT i.number, i.leaf, coalesce((p.by_cycle ->> i.cycle)::integer, p.number, 0),
        coalesce(i.at, CASE WHEN NOT i.statuses && '{COMPLETED,STARTED}' THEN 'NaN'  -- nobody expects it
            WHEN i.required_date <> on_date THEN usual_moment(i.upstream, i.required_date, now_is) WHEN p.number IS NULL THEN 'NaN' END)
    FROM input i LEFT JOIN place p ON p.product_id = i.upstream
$$;

CREATE OR REPLACE FUNCTION last_inputs(nodes forecast_node[]) RETURNS TABLE (number integer, source integer)
LANGUAGE sql STABLE AS $$
-- What the runs that go on waited for last.
    SELECT n.number, min(u.number)
    FROM unnest(nodes) n
    CROSS JOIN LATERAL (SELECT d.upstream FROM inputs_of_run(n.run_id) d WHERE d.arrived_at IS NOT NULL ORDER BY d.arrived_at DESC LIMIT 1) d
    JOIN unnest(nodes) u ON u.product_id = d.upstream
    WHERE n.basis = 'running' GROUP BY n.number
$$;

CREATE OR REPLACE FUNCTION forecast_order(nodes forecast_node[], inputs forecast_input[]) RETURNS TABLE (number integer, waits_for forecast_input[])
LANGUAGE sql STABLE AS $$
-- The products that wait, each after all that it waits for, with its inputs. There are no cycles; an input that takes the latest refresh of any date could
-- make one, and is then taken with what is known of it.
    WITH RECURSIVE depth(number, steps) AS (
        SELECT n.number, 0 FROM unnest(nodes) n WHERE waits_for_others(n)
        UNION
        SELECT i.number, d.steps + 1 FROM depth d JOIN unnest(inputs) i ON i.source = d.number AND i.at IS NULL WHERE d.steps < 100
    )
    SELECT d.number, coalesce(i.inputs, '{}')
    FROM (SELECT number, max(steps) AS steps FROM depth GROUP BY number) d
    LEFT JOIN (SELECT i.number, array_agg(i::forecast_input ORDER BY i.leaf) AS inputs FROM unnest(inputs) i GROUP BY i.number) i USING (number)
    ORDER BY d.steps
$$;

CREATE OR REPLACE FUNCTION forecast_start(n forecast_node, inputs forecast_input[], nodes forecast_node[]) RETURNS forecast_node
LANGUAGE plpgsql IMMUTABLE AS $$
-- The product with `low`, `middle` and `high` of its start: when its condition holds, after its opening. The input that decides is `waits_for`, and what that
-- is late by is the reason.
DECLARE
    i forecast_input;
    source forecast_node;
    any_of boolean := strpos(n.condition::text, 'any_of') > 0;
    lows float8[] := '{}';
    middles float8[] := '{}';
    highs float8[] := '{}';
    latest float8 := '-Infinity';
BEGIN
    n.low := '-Infinity';
    n.middle := '-Infinity';
    n.high := '-Infinity';
    FOREACH i IN ARRAY inputs LOOP
        IF i.at IS NULL THEN
            source := nodes[i.source];
        ELSE
            source.low := i.at;
            source.middle := i.at;
            source.high := i.at;
        END IF;
        n.low := greatest(n.low, source.low);
        n.high := greatest(n.high, source.high);
        IF source.middle > n.middle THEN
            n.middle := source.middle;
            n.waits_for := i.source;
        END IF;
        IF any_of THEN
            lows[i.leaf + 1] := greatest(lows[i.leaf + 1], source.low);
            middles[i.leaf + 1] := greatest(middles[i.leaf + 1], source.middle);
            highs[i.leaf + 1] := greatest(highs[i.leaf + 1], source.high);
        END IF;
    END LOOP;
    IF any_of THEN
        n.low := condition_time(n.condition, lows);
        n.middle := condition_time(n.condition, middles);
        n.high := condition_time(n.condition, highs);
        FOREACH i IN ARRAY inputs LOOP
            IF middles[i.leaf + 1] = n.middle THEN
                n.waits_for := i.source;
            END IF;
        END LOOP;
    END IF;
    IF n.middle <= n.opens OR n.starts_by < n.middle THEN
        n.waits_for := 0;
    ELSIF n.waits_for > 0 AND n.basis <> 'held' THEN
        n.reason := nodes[n.waits_for].reason;
        n.late := nodes[n.waits_for].late;
    END IF;
    n.low := least(greatest(n.low, n.opens), n.starts_by);
    n.middle := least(greatest(n.middle, n.opens), n.starts_by);
    n.high := least(greatest(n.high, n.opens), n.starts_by);
    RETURN n;
END $$;

CREATE OR REPLACE FUNCTION spread(one float8, other float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
-- How far the edge of the sum of two independent times is from its middle, by those of the two.
    SELECT sqrt(one * one + other * other)
$$;

CREATE OR REPLACE FUNCTION forecast_end(start forecast_node, work forecast_node) RETURNS forecast_node
LANGUAGE plpgsql IMMUTABLE AS $$
-- The product with when it is ready, by its start and by how long its work takes. What has no history is ready by its deadline, and without one nobody knows.
BEGIN
    IF start.middle = 'NaN' OR work.middle = 'NaN' THEN
        start.basis := CASE WHEN start.basis = 'held' THEN 'held' WHEN start.ends_by = 'NaN' THEN 'unknown' ELSE 'deadline' END;
        start.middle := CASE WHEN start.middle = 'NaN' THEN start.ends_by ELSE greatest(start.middle, start.ends_by) END
            + CASE WHEN work.middle = 'NaN' THEN 0 ELSE work.middle END;
        start.high := 'NaN';
        RETURN start;
    END IF;
    start.low := start.middle + work.middle - spread(start.middle - start.low, work.middle - work.low);
    start.high := CASE WHEN 'Infinity' IN (start.high, work.high) THEN 'Infinity'
        ELSE start.middle + work.middle + spread(start.high - start.middle, work.high - work.middle) END;
    start.middle := start.middle + work.middle;
    RETURN start;
END $$;

CREATE OR REPLACE FUNCTION forecast_ready(on_date date, now_is timestamptz) RETURNS forecast_node[]
LANGUAGE plpgsql STABLE AS $$
-- Each product of that date, at its number, with when it is ready. What waits starts when its condition holds, and takes as long as usual then.
DECLARE
    nodes forecast_node[] := ARRAY(SELECT n FROM forecast_nodes(on_date, now_is) n ORDER BY n.number);
    inputs forecast_input[] := ARRAY(SELECT f FROM forecast_inputs(nodes, on_date, now_is) f);
    each record;
BEGIN
    FOR each IN SELECT * FROM last_inputs(nodes) LOOP
        nodes[each.number].waits_for := each.source;
        IF nodes[each.source].late > nodes[each.number].late THEN
            nodes[each.number].late := nodes[each.source].late;
            nodes[each.number].reason := each.source;
        END IF;
    END LOOP;
    FOR each IN SELECT * FROM forecast_order(nodes, inputs) LOOP
        nodes[each.number] := forecast_end(forecast_start(nodes[each.number], each.waits_for, nodes), nodes[each.number]);
    END LOOP;
    RETURN nodes;
END $$;

CREATE OR REPLACE FUNCTION moment_of(seconds float8) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT to_timestamp(nullif(seconds, 'NaN'))
$$;

CREATE OR REPLACE FUNCTION forecast(on_date date, now_is timestamptz)
RETURNS TABLE (
    product_id text, cycle text, run_id uuid, attempt integer, status text, due_at timestamptz, basis text, low timestamptz, expected timestamptz, high timestamptz,
    usual timestamptz, waits_for text, because text, because_basis text, because_late float8, at_risk boolean
)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
-- Of each product of that date when it is ready (`expected`: as likely before as after; between `low` and `high` in four of five cases; null: not known; `high` is
-- infinite where it stays away until somebody acts), the input that it waits for longest, and the product `because` of which it is then, itself or one before it,
-- `because_late` seconds later than usual. `at_risk`: it is expected to miss its SLA, which is not over. A plan for the very list of products would look into it
-- from its beginning for each of them: so plans are generic.
DECLARE
    nodes forecast_node[] := forecast_ready(on_date, now_is);
BEGIN
    RETURN QUERY
    SELECT n.product_id, n.cycle, n.run_id, n.attempt, n.status, n.due_at, n.basis, moment_of(n.low), moment_of(n.middle), moment_of(n.high), moment_of(n.usual),
        (nodes[n.waits_for]).product_id, (nodes[n.reason]).product_id, (nodes[n.reason]).basis, nullif(n.late, 'NaN'),
        coalesce(n.due_at > now_is AND n.basis NOT IN ('done', 'ended') AND moment_of(n.middle) > n.due_at, false)
    FROM unnest(nodes) n;
END $$;

CREATE OR REPLACE FUNCTION forecast_page(on_date date, of_product text, only_at_risk boolean, after text, page integer, now_is timestamptz)
RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The forecast as an answer: of all products, of one with everything before it that decides, or of those at risk; at most `page` after the key `after`.
    WITH RECURSIVE forecast AS MATERIALIZED (
        SELECT * FROM forecast(on_date, now_is)
    ), chosen(product_id) AS (
        SELECT of_product
        UNION
        SELECT f.waits_for FROM chosen c JOIN forecast f USING (product_id) WHERE f.waits_for IS NOT NULL
    )
    SELECT p.* FROM page_of((SELECT jsonb_agg(entry ORDER BY entry ->> 'key' COLLATE "C") FROM (
        SELECT jsonb_strip_nulls(jsonb_build_object('key', place.key, 'product', f.product_id, 'cycle', nullif(f.cycle, ''), 'status', f.status, 'basis', f.basis,
            'due_at', f.due_at, 'low', nullif(date_trunc('second', f.low), 'infinity'), 'expected', date_trunc('second', f.expected),
            'high', nullif(date_trunc('second', f.high), 'infinity'), 'usually_at', date_trunc('second', f.usual), 'waits_for', f.waits_for,
            'because', CASE WHEN f.because <> f.product_id THEN f.because END, 'because_basis', CASE WHEN f.because <> f.product_id THEN f.because_basis END,
            'because_late', CASE WHEN f.because_late < 'Infinity' THEN round(f.because_late::numeric) END, 'at_risk', CASE WHEN f.at_risk THEN true END)) AS entry
        FROM forecast f CROSS JOIN LATERAL (SELECT concat_ws(' ', f.product_id, nullif(f.cycle, '')) AS key) place
        WHERE (of_product IS NULL OR f.product_id IN (SELECT c.product_id FROM chosen c)) AND (f.at_risk OR NOT only_at_risk) AND place.key COLLATE "C" > after
        ORDER BY place.key COLLATE "C" LIMIT page) rows)) p
$$;
