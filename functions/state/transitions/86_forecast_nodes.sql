-- What a forecast of a business date begins with: each product with what is known of it. Moments are seconds since 1970.

CREATE OR REPLACE FUNCTION seconds_of(at timestamptz) RETURNS float8 LANGUAGE sql STABLE AS $$
    SELECT date_part('epoch', at)
$$;

CREATE OR REPLACE FUNCTION later_seconds(ranked real[], over integer, elapsed float8, share float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
-- The seconds after which it is there in that share of the cases that took longer than `elapsed`, which are all but the first `over`. What takes longer than all
-- of them goes on as long as it is beyond their middle, or so: a delay without a scale of its own, as that of a feed. Null without cases. Inlined.
    SELECT CASE WHEN over < cardinality(ranked) THEN greatest(elapsed, ranked[over + 1 + round(share * (cardinality(ranked) - over - 1))::integer])
        ELSE elapsed + 2 * share * share * greatest(elapsed - ranked[(cardinality(ranked) + 1) / 2], 60) END
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

CREATE OR REPLACE FUNCTION exceptional_seconds(basis text, median float8, cases real[], shorter integer, share numeric) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
-- The seconds that something takes, in that share of the cases of `longest_tenth` that are longer, all but the first `shorter`; null where fewer than five are. Inlined.
    SELECT CASE WHEN cardinality(cases) - shorter > 4 THEN
        CASE basis WHEN 'source' THEN median ELSE 0 END
            + CASE basis WHEN 'running' THEN median ELSE 1 END * cases[shorter + 1 + (share * (cardinality(cases) - shorter - 1))::integer] END
$$;

CREATE OR REPLACE FUNCTION opens_for(s data_product_schedule, on_date date) RETURNS TABLE (at timestamptz, cycle text)
LANGUAGE sql STABLE AS $$
-- As `openings_for`; without a calendar the day is known.
    SELECT (day + time) AT TIME ZONE s.timezone, CASE WHEN cardinality(s.times) > 1 THEN to_char(time, 'HH24MI') ELSE '' END
    FROM (SELECT on_date - s.date_offset AS day) fired CROSS JOIN unnest(s.times) time WHERE s.calendar IS NULL AND fires_on(s, day)
    UNION ALL
    SELECT o.at, o.cycle FROM openings_for(s, on_date) o WHERE s.calendar IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION openings_to_come(on_date date) RETURNS TABLE (product_id text, cycle text, at timestamptz)
LANGUAGE sql STABLE AS $$
-- The openings for that business date that schedules have not made yet; schedules that are alike are looked at once.
    WITH alike AS MATERIALIZED (
        SELECT s.cron, s.timezone, coalesce(s.calendar, '') AS calendar, s.date_offset, s.times, min(s.product_id) AS one
        FROM data_product_schedule s GROUP BY 1, 2, 3, 4, 5
    ), opening AS MATERIALIZED (
        SELECT a.cron, a.timezone, a.calendar, a.date_offset, a.times, o.cycle, min(o.at) AS at
        FROM alike a CROSS JOIN LATERAL (SELECT s FROM data_product_schedule s WHERE s.product_id = a.one OFFSET 0) one CROSS JOIN LATERAL opens_for(one.s, on_date) o
        GROUP BY 1, 2, 3, 4, 5, 6
    )
    SELECT s.product_id, o.cycle, o.at
    FROM opening o JOIN data_product_schedule s
        ON s.cron = o.cron AND s.timezone = o.timezone AND coalesce(s.calendar, '') = o.calendar AND s.date_offset = o.date_offset AND s.times = o.times
    WHERE o.at > s.opened_until AND (SELECT max(o.at) FROM opening o) > s.opened_until  -- mostly none, and then nothing is compared
$$;

CREATE OR REPLACE FUNCTION runs_of_forecast(on_date date, now_is timestamptz) RETURNS TABLE (
    product_id text, cycle text, opens_at timestamptz, run_id uuid, attempt integer, status text, due_at timestamptz, deadline_at timestamptz, released_at timestamptz,
    finished_at timestamptz, held boolean, open boolean
)
LANGUAGE sql STABLE AS $$
-- The runs of that date, and those that schedules are still to open: these have `opens_at` and no `run_id`. Inlined.
    SELECT r.product_id, r.cycle, NULL::timestamptz, r.run_id, r.attempt, r.status, r.due_at, r.deadline_at, r.released_at, r.finished_at, r.held,
        r.status = 'WAITING' AND r.released_at IS NULL OR r.status IN ('ERROR', 'SKIPPED') AND coalesce(r.resume_until >= now_is, false) OR r.status = 'COMPLETED' AND r.runs_again
    FROM data_product_status r WHERE r.business_date = on_date
    UNION ALL
    SELECT o.product_id, o.cycle, o.at, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, true
    FROM openings_to_come(on_date) o
    WHERE NOT EXISTS (SELECT FROM data_product_status r WHERE r.product_id = o.product_id AND r.cycle = o.cycle AND r.business_date = on_date)
$$;

CREATE OR REPLACE FUNCTION forecast_sources() RETURNS TABLE (product_id text) LANGUAGE sql STABLE AS $$
-- What is refreshed elsewhere, or is a set of files. Inlined.
    SELECT p.product_id FROM data_product p WHERE p.active AND p.machine IS NULL AND (p.account IS NULL OR p.domain = ANY ((SELECT domains_received())::text[]))
    UNION ALL
    SELECT DISTINCT d.upstream FROM data_product_dependencies d WHERE NOT EXISTS (
        SELECT FROM data_product p
        WHERE p.product_id = d.upstream AND p.active AND (p.machine IS NOT NULL OR p.account IS NULL OR p.domain = ANY ((SELECT domains_received())::text[])))
$$;

CREATE OR REPLACE FUNCTION forecast_nodes(on_date date, now_is timestamptz) RETURNS SETOF forecast_node
LANGUAGE sql STABLE SET enable_nestloop = on AS $$
-- Each product of that date with what is known of itself: when it is ready, or, of what waits for others, how long its work takes then. All known times are read
-- only of what has taken longer than the shortest of them; of the others the three moments are enough.
    WITH node AS (
        SELECT p.product_id, coalesce(d.cycle, '') AS cycle, greatest(seconds_of(d.opens_at), (SELECT seconds_of(now_is))) AS opens, d.run_id, d.attempt,
            coalesce(d.status, 'NOT OPENED') AS status,
            CASE WHEN d.run_id IS NOT NULL OR p.complete_by IS NULL THEN d.due_at ELSE sla_moment(p.complete_by, p.sla_timezone, p.sla_days,
                coalesce((d.opens_at AT TIME ZONE p.sla_timezone)::date, on_date), d.opens_at) END AS due_at,
            seconds_of(coalesce(d.deadline_at, d.opens_at + make_interval(secs => p.deadline_seconds))) AS ends_by, p.on_deadline = 'start' AS starts, p.condition,
            seconds_of(d.released_at) AS released, seconds_of(d.finished_at) AS done,
            CASE WHEN coalesce(d.open, true) THEN CASE WHEN p.held OR d.held THEN 'held' ELSE 'waiting' END
                WHEN d.status = 'COMPLETED' THEN 'done' WHEN d.status = 'ERROR' THEN 'failed' WHEN d.released_at IS NULL OR d.status IN ('SKIPPED', 'CANCELLED') THEN 'ended'
                ELSE 'running' END AS basis, s.timezone
        FROM data_product p
        LEFT JOIN data_product_schedule s USING (product_id)
        LEFT JOIN runs_of_forecast(on_date, now_is) d USING (product_id)
        WHERE runs_here(p) AND (d.run_id IS NOT NULL OR p.opening_error IS NULL AND (d.opens_at IS NOT NULL OR s.product_id IS NULL AND p.condition IS NOT NULL))
        OFFSET 0
    ), known AS (
        SELECT n.*, seconds_of(date_begins(on_date, n.timezone)) + u.shifts[(SELECT iso_weekday(on_date))] + u.middle AS usual,
            w.shifts[(SELECT iso_weekday(on_date))] + CASE WHEN n.basis = 'running' THEN n.released WHEN n.condition IS NULL OR n.basis = 'failed' THEN n.opens ELSE 0 END AS since,
            w.least, w.low AS tenth, w.middle AS median, w.high AS nine_tenths
        FROM node n
        LEFT JOIN usual_time w ON w.product_id = n.product_id AND w.kind = 'work' AND w.cycle = n.cycle
        LEFT JOIN usual_time u ON u.product_id = n.product_id AND u.kind = 'ready' AND u.cycle = n.cycle
        UNION ALL
        SELECT f.product_id, coalesce(u.cycle, ''), (SELECT seconds_of(now_is)), NULL, NULL, CASE WHEN e.at IS NULL THEN 'EXPECTED' ELSE 'REFRESHED' END, NULL, NULL, false, NULL,
            NULL, seconds_of(e.at), CASE WHEN e.at IS NULL THEN 'source' ELSE 'done' END, NULL,
            seconds_of(date_begins(on_date, s.timezone)) + u.shifts[(SELECT iso_weekday(on_date))] + u.middle,
            seconds_of(date_begins(on_date, s.timezone)) + u.shifts[(SELECT iso_weekday(on_date))], u.least, u.low, u.middle, u.high
        FROM forecast_sources() f
        LEFT JOIN usual_time u ON u.product_id = f.product_id AND u.kind = 'ready'
        LEFT JOIN data_product_schedule s ON s.product_id = coalesce(product_of_files(f.product_id), f.product_id)
        LEFT JOIN LATERAL (  -- its first refresh for that date, in the cycles in which it has come before
            SELECT min(e.received_at) AS at FROM refresh_event e
            WHERE e.product_id = f.product_id AND e.business_date = on_date AND e.status = 'COMPLETED' AND e.superseded_at IS NULL AND e.cycle = coalesce(u.cycle, e.cycle)
        ) e ON true
    ), begun AS (
        SELECT k.*, CASE WHEN k.basis IN ('running', 'source') THEN (SELECT seconds_of(now_is)) - k.since ELSE 0 END AS elapsed FROM known k OFFSET 0
    ), beyond AS (  -- has taken longer than nearly all times that are known of it, or has failed: what all products have shown decides
        SELECT b.*, t.ranked, t.over, CASE WHEN b.basis = 'failed' OR t.over >= greatest(0.9 * cardinality(t.ranked), cardinality(t.ranked) - 4) THEN
                CASE b.basis WHEN 'source' THEN (SELECT longest_tenth('ready')) WHEN 'running' THEN (SELECT longest_tenth('work')) ELSE (SELECT longest_tenth('repair')) END END AS cases,
            CASE b.basis WHEN 'source' THEN b.elapsed - b.median WHEN 'running' THEN b.elapsed / greatest(b.median, 1) ELSE (SELECT seconds_of(now_is)) - b.done END AS gone
        FROM begun b LEFT JOIN LATERAL (
            SELECT u.ranked, width_bucket(b.elapsed::real, u.ranked) AS over FROM usual_time u
            WHERE b.elapsed > 0 AND b.elapsed >= b.least AND u.product_id = b.product_id AND u.kind = CASE b.basis WHEN 'source' THEN 'ready' ELSE 'work' END AND u.cycle = b.cycle
            OFFSET 0  -- looked up by key, for these alone
        ) t ON true
        OFFSET 0
    ), passed AS (
        SELECT b.*, width_bucket(b.gone::real, b.cases) AS shorter FROM beyond b OFFSET 0
    ), expected AS (
        SELECT p.*, exceptional_seconds(basis, median, cases, shorter, 0.1) AS x_low, exceptional_seconds(basis, median, cases, shorter, 0.5) AS x_middle,
            exceptional_seconds(basis, median, cases, shorter, 0.9) AS x_high
        FROM passed p OFFSET 0
    ), ready AS (
        SELECT e.*, CASE WHEN basis = 'done' THEN done WHEN basis = 'failed' THEN coalesce(done + x_low, since) + tenth WHEN x_low IS NOT NULL THEN since + x_low
                WHEN over IS NULL THEN since + greatest(elapsed, tenth) ELSE since + later_seconds(ranked, over, elapsed, 0.1) END AS low,
            CASE WHEN basis = 'done' THEN done WHEN basis = 'failed' THEN coalesce(done + x_middle, since) + median WHEN x_low IS NOT NULL THEN since + x_middle
                WHEN over IS NULL THEN since + greatest(elapsed, median) ELSE since + later_seconds(ranked, over, elapsed, 0.5) END AS middle,
            CASE WHEN basis = 'done' THEN done WHEN basis = 'held' THEN 'Infinity' WHEN basis = 'failed' THEN coalesce(done + x_high + nine_tenths, 'Infinity')
                WHEN x_low IS NOT NULL THEN since + x_high WHEN over IS NULL THEN since + greatest(elapsed, nine_tenths)
                ELSE since + later_seconds(ranked, over, elapsed, 0.9) END AS high
        FROM expected e
        OFFSET 0
    )
    SELECT product_id, cycle, run_id, attempt, status, due_at,
        CASE WHEN middle IS NOT NULL OR basis = 'ended' OR condition IS NOT NULL THEN basis WHEN ends_by IS NULL THEN 'unknown' ELSE 'deadline' END,
        basis IN ('waiting', 'held') AND condition IS NOT NULL, condition,
        opens, CASE WHEN starts AND basis = 'waiting' THEN coalesce(ends_by, 'NaN') ELSE 'NaN' END, coalesce(ends_by, 'NaN'),
        CASE WHEN basis = 'ended' THEN 'NaN' ELSE coalesce(low, 'NaN') END,
        CASE WHEN basis = 'ended' THEN 'NaN' ELSE coalesce(middle, CASE WHEN condition IS NULL THEN ends_by END, 'NaN') END,
        CASE WHEN basis = 'ended' THEN 'NaN' ELSE coalesce(high, 'NaN') END, coalesce(usual, 'NaN'),
        CASE WHEN basis IN ('failed', 'held') THEN 'Infinity' WHEN basis IN ('waiting', 'ended') THEN 0
            WHEN basis = 'running' THEN coalesce(middle - since - median, 0) ELSE coalesce(middle - usual, 0) END
    FROM ready
$$;
