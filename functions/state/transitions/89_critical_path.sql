-- The chain of inputs that has decided, or will decide, when a product is ready. Nothing in this file changes anything.

CREATE OR REPLACE FUNCTION other_inputs(run uuid, released_at timestamptz) RETURNS TABLE (upstream text, required_date date, cycle text, at timestamptz, place bigint)
LANGUAGE sql STABLE AS $$
-- What had come when the run was released, the latest first.
    SELECT d.upstream, coalesce(d.required_date, e.business_date), nullif(coalesce(e.cycle, d.cycle), '*'), d.arrived_at, row_number() OVER (ORDER BY d.arrived_at DESC, d.leaf)
    FROM inputs_of_run(run) d LEFT JOIN LATERAL (SELECT * FROM refresh_event f WHERE f.event_key = d.event_key OFFSET 0) e ON true
    WHERE d.arrived_at <= other_inputs.released_at
$$;

CREATE OR REPLACE FUNCTION link_of_past(r data_product_status) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- A link of the path that was released: `inputs` are what it had waited for, the latest first, with the seconds (`slack`) that each could have come later. `waits_for` is the first
-- of them; without one `reason` says why the run went on.
    SELECT jsonb_strip_nulls(jsonb_build_object('product', r.product_id, 'business_date', r.business_date, 'cycle', nullif(r.cycle, ''), 'status', r.status,
        'opened_at', r.opened_at, 'released_at', r.released_at, 'due_at', r.due_at, 'ready_at', CASE r.status WHEN 'COMPLETED' THEN r.finished_at END,
        'reason', r.release_reason, 'waits_for', i.first, 'inputs', cut(i.listed, 8000)))
    FROM (SELECT jsonb_agg(jsonb_build_object('product', o.upstream, 'business_date', o.required_date, 'at', o.at, 'slack', round(extract(epoch FROM last.at - o.at))) ORDER BY o.place) AS listed,
            (array_agg(jsonb_strip_nulls(jsonb_build_object('product', o.upstream, 'business_date', o.required_date, 'cycle', nullif(o.cycle, ''), 'at', o.at)) ORDER BY o.place)
                FILTER (WHERE o.at >= r.opened_at))[1] AS first
        FROM other_inputs(r.run_id, r.released_at) o CROSS JOIN (SELECT max(m.at) AS at FROM other_inputs(r.run_id, r.released_at) m) last) i
$$;

CREATE OR REPLACE FUNCTION link_of_source(product text, on_date date, of_cycle text) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- What is refreshed elsewhere, or is a set of files, and has come.
    SELECT jsonb_strip_nulls(jsonb_build_object('product', product, 'business_date', on_date, 'cycle', nullif(of_cycle, ''), 'status', 'REFRESHED', 'ready_at', min(e.received_at)))
    FROM refresh_event e
    WHERE e.product_id = product AND e.business_date = on_date AND e.status = 'COMPLETED' AND (of_cycle IS NULL OR e.cycle = of_cycle) HAVING count(*) > 0
$$;

CREATE OR REPLACE FUNCTION link_of_future(f forecast, at_place bigint, on_date date, now_is timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- A link of the path that is still expected, by the forecast: its inputs as in `link_of_past`, those that have not come at the time when they are expected.
    WITH input AS (
        SELECT d.leaf, d.upstream, d.required_date, coalesce(CASE d.status WHEN 'ARRIVED' THEN seconds_of(coalesce(d.arrived_at, d.changed_at)) END, n.middle, 'NaN') AS at
        FROM inputs_of_run(f.run_id[at_place]) d LEFT JOIN unnest(f.product_id, f.middle) n(product_id, middle) ON n.product_id = d.upstream AND d.required_date = on_date
        WHERE f.run_id[at_place] IS NOT NULL
        UNION ALL
        SELECT i.leaf, i.upstream, i.required_date, coalesce(n.middle, 'NaN')
        FROM inputs_of(f.product_id[at_place], on_date, f.cycle[at_place]) i
        LEFT JOIN unnest(f.product_id, f.middle) n(product_id, middle) ON n.product_id = i.upstream AND i.required_date = on_date WHERE f.run_id[at_place] IS NULL
    ), last AS (
        SELECT max(i.at) AS at FROM input i WHERE i.at < 'Infinity'
    )
    SELECT jsonb_strip_nulls(jsonb_build_object('product', f.product_id[at_place], 'business_date', on_date, 'cycle', nullif(f.cycle[at_place], ''), 'status', f.status[at_place],
        'basis', f.basis[at_place], 'due_at', f.due_at[at_place], 'expected', date_trunc('second', moment_of(f.middle[at_place])), 'low', date_trunc('second', moment_of(f.low[at_place])),
        'high', nullif(date_trunc('second', moment_of(f.high[at_place])), 'infinity'),
        'waits_for', CASE WHEN f.waits_for[at_place] > 0 THEN jsonb_build_object('product', f.product_id[f.waits_for[at_place]], 'business_date', on_date) END,
        'inputs', (SELECT cut(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('product', i.upstream, 'business_date', i.required_date, 'at', date_trunc('second', moment_of(i.at)),
            'slack', CASE WHEN i.at <= l.at THEN round(l.at - i.at) END)) ORDER BY i.at DESC, i.leaf), 8000) FROM input i CROSS JOIN last l)))
$$;

CREATE OR REPLACE FUNCTION most_critical(f forecast) RETURNS bigint LANGUAGE sql STABLE AS $$
-- The place of the product that the critical path of the day leads to: of those that have an SLA and are not ready the one with the least time left before it; without any, of those that
-- are ready the one that had the least; without an SLA what is ready last. A deadline is no expectation. Null where nothing is known.
    SELECT n.place FROM unnest(f.product_id, f.cycle, f.basis, f.middle, f.due_at) WITH ORDINALITY n(product_id, cycle, basis, middle, due_at, place)
    WHERE n.basis NOT IN ('ended', 'deadline') AND n.middle < 'Infinity'
    ORDER BY n.due_at IS NULL, n.due_at IS NOT NULL AND n.basis = 'done', n.middle - coalesce(seconds_of(n.due_at), 0) DESC, n.product_id, n.cycle LIMIT 1
$$;

CREATE OR REPLACE FUNCTION critical_path(of_product text, on_date date, of_cycle text, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
-- The path to the product, itself first, [link]: each waits for the next. What has been released is known from its run and its arrivals; the rest is forecast. Without a
-- product it is the critical path of the day.
DECLARE
    links jsonb := '[]';
    link jsonb;
    product text := of_product;
    day date := on_date;
    in_cycle text := of_cycle;
    r data_product_status;
    f forecast;
    place bigint;
BEGIN
    IF product IS NULL THEN
        f := forecast_of(on_date, now_is);
        place := most_critical(f);
        product := f.product_id[place];
        in_cycle := f.cycle[place];
    END IF;
    WHILE product IS NOT NULL AND jsonb_array_length(links) < 50
        AND NOT links @> jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('product', product, 'business_date', day, 'cycle', nullif(in_cycle, '')))) LOOP
        SELECT * INTO r FROM runs_of_date(product, day) o WHERE in_cycle IS NULL OR o.cycle = in_cycle ORDER BY o.cycle DESC LIMIT 1;
        place := NULL;
        IF r.released_at IS NULL OR r.status <> 'COMPLETED' THEN
            IF f IS NULL AND day = on_date THEN
                f := forecast_of(on_date, now_is);
            END IF;
            SELECT max(n.place) INTO place FROM unnest(f.product_id, f.cycle) WITH ORDINALITY n(product_id, cycle, place)
            WHERE day = on_date AND n.product_id = product AND (in_cycle IS NULL OR n.cycle = in_cycle);
        END IF;
        IF r.released_at IS NOT NULL THEN
            link := link_of_past(r);
            IF r.status <> 'COMPLETED' AND place IS NOT NULL THEN
                link := link || (link_of_future(f, place, on_date, now_is) - '{waits_for,inputs}'::text[]);
            END IF;
        ELSE
            link := coalesce(link_of_source(product, day, in_cycle), CASE WHEN place IS NOT NULL THEN link_of_future(f, place, on_date, now_is) END,
                jsonb_build_object('product', product, 'business_date', day, 'status', coalesce(r.status, 'UNKNOWN')));
        END IF;
        links := links || link;
        product := link #>> '{waits_for,product}';
        day := (link #>> '{waits_for,business_date}')::date;
        in_cycle := link #>> '{waits_for,cycle}';
    END LOOP;
    RETURN fitting(links, 60000);
END $$;
