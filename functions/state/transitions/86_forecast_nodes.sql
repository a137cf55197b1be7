-- What a forecast of a business date begins with: each product with what is known of it. Moments are seconds since 1970.

CREATE OR REPLACE FUNCTION seconds_of(at timestamptz) RETURNS float8 LANGUAGE sql STABLE AS $$
    SELECT extract(epoch FROM at)::float8
$$;

CREATE OR REPLACE FUNCTION later_seconds(ranked real[], over integer, elapsed float8, share float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
-- The seconds after which it is there in that share of the cases that took longer than `elapsed`, which are all but the first `over`. What takes longer than all
-- of them goes on as long as it is beyond their middle, or so: a delay without a scale of its own, as that of a feed. Null without cases. Inlined.
    SELECT CASE WHEN over < cardinality(ranked) THEN greatest(elapsed, ranked[over + 1 + round(share * (cardinality(ranked) - over - 1))::integer])
        ELSE elapsed + 2 * share * share * greatest(elapsed - ranked[(cardinality(ranked) + 1) / 2], 60) END
$$;

CREATE OR REPLACE FUNCTION ranked_at(ranked real[], share float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT ranked[1 + round(share * (cardinality(ranked) - 1))::integer]
$$;

CREATE OR REPLACE FUNCTION longest_tenth(of_kind text) RETURNS real[] LANGUAGE sql STABLE AS $$
-- What exceptional cases are like, over all products: of `ready` by how many seconds feeds were later than their middle, of `work` how many times their middle runs
-- took, of each the longest tenth; of `repair` the seconds of all. In order. A thousand products are enough.
    SELECT array_agg(each.value ORDER BY each.value) FROM (
        SELECT u.ranked, cardinality(u.ranked) AS known, u.ranked[(cardinality(u.ranked) + 1) / 2] AS middle
        FROM usual_time u
        WHERE u.kind = of_kind AND (of_kind <> 'ready' OR NOT EXISTS (SELECT FROM data_product p WHERE p.product_id = u.product_id AND p.machine IS NOT NULL))
        ORDER BY hashtext(u.product_id), u.product_id LIMIT 1000
    ) u
    CROSS JOIN LATERAL (
        SELECT (CASE of_kind WHEN 'ready' THEN r - u.middle WHEN 'work' THEN r / greatest(u.middle, 1) ELSE r END)::real AS value
        FROM unnest(CASE of_kind WHEN 'repair' THEN u.ranked ELSE u.ranked[u.known - u.known / 10 + 1:] END) r) each
$$;

CREATE OR REPLACE FUNCTION longer_cases(cases real[], gone float8) RETURNS float8[] LANGUAGE sql IMMUTABLE AS $$
-- Of those of the cases (in order) that are longer than `gone` one tenth, half and nine tenths are not longer than these; null of fewer than five.
    SELECT ARRAY[cases[over + 1 + (0.1 * rest)::integer], cases[over + 1 + (0.5 * rest)::integer], cases[over + 1 + (0.9 * rest)::integer]]::float8[]
    FROM (SELECT width_bucket(gone::real, cases) AS over) passed CROSS JOIN LATERAL (SELECT cardinality(cases) - over - 1 AS rest) longer WHERE rest >= 4
$$;

CREATE OR REPLACE FUNCTION exceptional(basis text, gone float8, middle float8, feeds real[], work real[], repairs real[]) RETURNS float8[] LANGUAGE sql IMMUTABLE AS $$
-- The seconds, as `longer_cases`, that something takes which has taken `gone` and is beyond what is known of it: by what all products have shown.
    SELECT CASE basis
        WHEN 'source' THEN (SELECT ARRAY[middle + c[1], middle + c[2], middle + c[3]] FROM longer_cases(feeds, gone - middle) c WHERE c IS NOT NULL)
        WHEN 'running' THEN (SELECT ARRAY[middle * c[1], middle * c[2], middle * c[3]] FROM longer_cases(work, gone / greatest(middle, 1)) c WHERE c IS NOT NULL)
        WHEN 'failed' THEN longer_cases(repairs, gone) END
$$;

CREATE OR REPLACE FUNCTION opens_for(s data_product_schedule, on_date date) RETURNS TABLE (at timestamptz, cycle text)
LANGUAGE sql STABLE AS $$
-- As `openings_for`; without a calendar the day is known.
    SELECT (day + time) AT TIME ZONE s.timezone, CASE WHEN cardinality(s.times) > 1 THEN to_char(time, 'HH24MI') ELSE '' END
    FROM (SELECT on_date - s.date_offset AS day) fired CROSS JOIN unnest(s.times) time WHERE s.calendar IS NULL AND fires_on(s, day)
    UNION ALL
    SELECT o.at, o.cycle FROM openings_for(s, on_date) o WHERE s.calendar IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION openings_of_date(on_date date) RETURNS TABLE (product_id text, cycle text, at timestamptz)
LANGUAGE sql STABLE AS $$
-- The openings of all schedules for that business date; products that open alike are looked at once.
    WITH alike AS MATERIALIZED (
        SELECT s.cron, s.timezone, s.calendar, s.date_offset, s.times, (array_agg(s))[1] AS one, array_agg(s.product_id) AS products
        FROM data_product_schedule s JOIN data_product p USING (product_id)
        WHERE runs_here(p) AND p.opening_error IS NULL
        GROUP BY s.cron, s.timezone, s.calendar, s.date_offset, s.times
    )
    SELECT product, o.cycle, min(o.at) FROM alike CROSS JOIN LATERAL opens_for(alike.one, on_date) o CROSS JOIN unnest(alike.products) product
    GROUP BY product, o.cycle
$$;

CREATE OR REPLACE FUNCTION forecast_sources(on_date date) RETURNS TABLE (product_id text, cycle text, received_at timestamptz)
LANGUAGE sql STABLE AS $$
-- What is refreshed elsewhere, or is a set of files, in the cycles in which it has come before; `received_at` is its first refresh for that date.
    SELECT named.product_id, coalesce(u.cycle, ''), e.at
    FROM (
        SELECT p.product_id FROM data_product p WHERE p.active AND p.machine IS NULL AND (p.account IS NULL OR p.domain = ANY ((SELECT domains_received())::text[]))
        UNION
        SELECT d.upstream FROM data_product_dependencies d LEFT JOIN data_product p ON p.product_id = d.upstream WHERE NOT coalesce(p.active AND p.machine IS NOT NULL, false)
    ) named
    LEFT JOIN usual_time u ON u.product_id = named.product_id AND u.kind = 'ready'
    LEFT JOIN LATERAL (
        SELECT min(e.received_at) AS at FROM refresh_event e
        WHERE e.product_id = named.product_id AND e.business_date = on_date AND e.status = 'COMPLETED' AND e.superseded_at IS NULL
            AND e.cycle = coalesce(u.cycle, e.cycle)) e ON true
$$;

CREATE OR REPLACE FUNCTION forecast_nodes(on_date date, now_is timestamptz) RETURNS SETOF forecast_node
LANGUAGE sql STABLE SET enable_nestloop = on AS $$
-- Each product of that date with what is known of itself: when it is ready, or, of what waits for others, how long its work takes then.
    WITH run AS (
        SELECT r.product_id, r.cycle, r.run_id, r.attempt, r.status, r.due_at, r.deadline_at, r.released_at, r.finished_at, r.held,
            r.status = 'WAITING' AND r.released_at IS NULL OR r.status IN ('ERROR', 'SKIPPED') AND coalesce(r.resume_until >= now_is, false)
                OR r.status = 'COMPLETED' AND r.runs_again AS open
        FROM data_product_status r WHERE r.business_date = on_date
    ), due AS (
        SELECT product_id, cycle, o.at AS opens_at, r.run_id, r.attempt, r.status, r.due_at, r.deadline_at, r.released_at, r.finished_at, r.held,
            coalesce(r.open, true) AS open
        FROM run r FULL JOIN openings_of_date(on_date) o USING (product_id, cycle)
    ), node AS (
        SELECT p.product_id, coalesce(d.cycle, '') AS cycle, d.opens_at, d.run_id, d.attempt, coalesce(d.status, 'NOT OPENED') AS status,
            CASE WHEN d.run_id IS NULL THEN sla_moment(p.complete_by, p.sla_timezone, p.sla_days,
                coalesce((d.opens_at AT TIME ZONE p.sla_timezone)::date, on_date), d.opens_at) ELSE d.due_at END AS due_at,
            seconds_of(coalesce(d.deadline_at, d.opens_at + make_interval(secs => p.deadline_seconds))) AS ends_by, p.on_deadline = 'start' AS starts, p.condition,
            d.released_at, d.finished_at AS done_at, s.timezone,
            CASE WHEN coalesce(d.open, true) THEN CASE WHEN p.held OR d.held THEN 'held' ELSE 'waiting' END
                WHEN d.status = 'COMPLETED' THEN 'done' WHEN d.status = 'ERROR' THEN 'failed' WHEN d.released_at IS NULL OR d.status IN ('SKIPPED', 'CANCELLED') THEN 'ended'
                ELSE 'running' END AS basis
        FROM data_product p
        LEFT JOIN data_product_schedule s USING (product_id)
        LEFT JOIN due d USING (product_id)
        WHERE p.active AND p.machine IS NOT NULL AND (d.run_id IS NOT NULL OR p.opening_error IS NULL
            AND CASE WHEN s.product_id IS NULL THEN p.condition IS NOT NULL ELSE d.opens_at > s.opened_until END)
        UNION ALL
        SELECT f.product_id, f.cycle, NULL, NULL, NULL, CASE WHEN f.received_at IS NULL THEN 'EXPECTED' ELSE 'REFRESHED' END, NULL, NULL, false, NULL, NULL,
            f.received_at, s.timezone, CASE WHEN f.received_at IS NULL THEN 'source' ELSE 'done' END
        FROM forecast_sources(on_date) f LEFT JOIN data_product_schedule s ON s.product_id = coalesce(product_of_files(f.product_id), f.product_id)
    ), known AS (
        SELECT n.*, greatest(seconds_of(now_is), seconds_of(n.opens_at)) AS opens,
            CASE n.basis WHEN 'source' THEN u.ranked ELSE w.ranked END AS ranked,
            coalesce(seconds_of(date_begins(on_date, n.timezone)) + u.shifts[iso_weekday(on_date)] + u.ranked[(cardinality(u.ranked) + 1) / 2], 'NaN') AS usual,
            CASE n.basis WHEN 'source' THEN seconds_of(date_begins(on_date, n.timezone)) + u.shifts[iso_weekday(on_date)]
                ELSE CASE WHEN n.basis = 'running' THEN seconds_of(n.released_at) WHEN n.condition IS NULL OR n.basis = 'failed'
                    THEN greatest(seconds_of(now_is), seconds_of(n.opens_at)) ELSE 0 END + w.shifts[iso_weekday(on_date)] END AS since
        FROM node n
        LEFT JOIN usual_time w ON w.product_id = n.product_id AND w.kind = 'work' AND w.cycle = n.cycle
        LEFT JOIN usual_time u ON u.product_id = n.product_id AND u.kind = 'ready' AND u.cycle = n.cycle
    ), reckoned AS (
        SELECT k.*, seconds_of(k.done_at) AS done, gone.elapsed, k.ranked[(cardinality(k.ranked) + 1) / 2] AS median,
            CASE WHEN gone.elapsed > 0 THEN width_bucket(gone.elapsed::real, k.ranked) ELSE 0 END AS over
        FROM known k CROSS JOIN LATERAL (SELECT CASE WHEN k.basis IN ('running', 'source') THEN seconds_of(now_is) - k.since ELSE 0 END AS elapsed OFFSET 0) gone
        OFFSET 0
    ), beyond AS (
        SELECT r.*, CASE WHEN basis = 'failed' OR elapsed > 0 AND over >= greatest(0.9 * cardinality(ranked), cardinality(ranked) - 4) THEN
            exceptional(basis, CASE basis WHEN 'failed' THEN seconds_of(now_is) - done ELSE elapsed END, median,
                (SELECT longest_tenth('ready')), (SELECT longest_tenth('work')), (SELECT longest_tenth('repair'))) END AS tail
        FROM reckoned r OFFSET 0
    ), ready AS (
        SELECT b.*, CASE WHEN basis = 'done' THEN done WHEN basis = 'failed' THEN coalesce(done + tail[1] + ranked_at(ranked, 0.1), since + ranked_at(ranked, 0.1))
                WHEN tail IS NOT NULL THEN since + tail[1] ELSE since + later_seconds(ranked, over, elapsed, 0.1) END AS low,
            CASE WHEN basis = 'done' THEN done WHEN basis = 'failed' THEN coalesce(done + tail[2] + median, since + median)
                WHEN tail IS NOT NULL THEN since + tail[2] ELSE since + later_seconds(ranked, over, elapsed, 0.5) END AS middle,
            CASE WHEN basis = 'done' THEN done WHEN basis = 'held' THEN 'Infinity' WHEN basis = 'failed' THEN coalesce(done + tail[3] + ranked_at(ranked, 0.9), 'Infinity')
                WHEN tail IS NOT NULL THEN since + tail[3] ELSE since + later_seconds(ranked, over, elapsed, 0.9) END AS high
        FROM beyond b
    )
    SELECT row_number() OVER ()::integer, product_id, cycle, run_id, attempt, status, due_at,
        CASE WHEN middle IS NOT NULL OR basis = 'ended' OR condition IS NOT NULL THEN basis WHEN ends_by IS NULL THEN 'unknown' ELSE 'deadline' END,
        basis IN ('waiting', 'held') AND condition IS NOT NULL, condition,
        opens, CASE WHEN starts AND basis = 'waiting' THEN coalesce(ends_by, 'NaN') ELSE 'NaN' END, coalesce(ends_by, 'NaN'),
        CASE WHEN basis = 'ended' THEN 'NaN' ELSE coalesce(low, 'NaN') END,
        CASE WHEN basis = 'ended' THEN 'NaN' ELSE coalesce(middle, CASE WHEN condition IS NULL THEN ends_by END, 'NaN') END,
        CASE WHEN basis = 'ended' THEN 'NaN' ELSE coalesce(high, 'NaN') END, usual,
        CASE WHEN basis IN ('failed', 'held') THEN 'Infinity' WHEN basis IN ('waiting', 'ended') THEN 0
            WHEN basis = 'running' THEN coalesce(middle - since - median, 0) ELSE coalesce(nullif(middle - usual, 'NaN'), 0) END
    FROM ready
$$;
