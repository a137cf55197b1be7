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

CREATE OR REPLACE FUNCTION openings_to_come(on_date date) RETURNS TABLE (product_id text, cycle text, at timestamptz)
LANGUAGE sql STABLE AS $$
-- The openings for that business date that schedules have not made yet; schedules that are alike are looked at once.
    WITH coming AS MATERIALIZED (  -- mostly none
        SELECT s AS schedule, s.product_id, s.cron, s.timezone, coalesce(s.calendar, '') AS calendar, s.date_offset, s.times, s.opened_until
        FROM data_product_schedule s
        WHERE s.calendar IS NOT NULL
            OR (on_date - s.date_offset + CASE WHEN cardinality(s.times) = 1 THEN s.times[1] ELSE (SELECT max(t) FROM unnest(s.times) t) END) AT TIME ZONE s.timezone > s.opened_until
    ), alike AS MATERIALIZED (
        SELECT c.cron, c.timezone, c.calendar, c.date_offset, c.times, min(c.product_id) AS one FROM coming c GROUP BY 1, 2, 3, 4, 5
    ), opening AS MATERIALIZED (
        SELECT a.cron, a.timezone, a.calendar, a.date_offset, a.times, o.cycle, min(o.at) AS at
        FROM alike a JOIN coming c ON c.product_id = a.one CROSS JOIN LATERAL openings_for(c.schedule, on_date) o
        GROUP BY 1, 2, 3, 4, 5, 6
    )
    SELECT c.product_id, o.cycle, o.at
    FROM opening o JOIN coming c USING (cron, timezone, calendar, date_offset, times)
    WHERE o.at > c.opened_until
$$;

CREATE OR REPLACE FUNCTION forecast_runs(on_date date, now_is timestamptz) RETURNS TABLE (
    product_id text, cycle text, opens_at timestamptz, run_id uuid, attempt integer, status text, due_at timestamptz, deadline_at timestamptz, released_at timestamptz,
    finished_at timestamptz, held boolean, open boolean
)
LANGUAGE sql STABLE ROWS 5000 SET enable_seqscan = off AS $$
-- The runs of that date; `opens_at` is null.
    SELECT r.product_id, r.cycle, NULL::timestamptz, r.run_id, r.attempt, r.status, r.due_at, r.deadline_at, r.released_at, r.finished_at, r.held,
        r.status = 'WAITING' AND r.released_at IS NULL OR r.status IN ('ERROR', 'SKIPPED') AND coalesce(r.resume_until >= now_is, false) OR r.status = 'COMPLETED' AND r.runs_again
    FROM data_product_status r WHERE r.business_date = on_date
$$;

CREATE OR REPLACE FUNCTION first_refreshes(on_date date) RETURNS TABLE (product_id text, cycle text, at timestamptz)
LANGUAGE sql STABLE ROWS 5000 SET enable_seqscan = off AS $$
-- When each product was refreshed first for that date, in each cycle and, as the cycle '*', in any.
    SELECT e.product_id, coalesce(e.cycle, '*'), min(e.received_at)
    FROM refresh_event e WHERE e.business_date = on_date AND e.status = 'COMPLETED' AND e.superseded_at IS NULL
    GROUP BY GROUPING SETS ((e.product_id, e.cycle), (e.product_id))
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
LANGUAGE plpgsql STABLE ROWS 10000 SET enable_seqscan = on SET enable_nestloop = on SET plan_cache_mode = force_generic_plan AS $$
-- Each product of that date with what is known of itself: when it is ready, or, of what waits for others, how long its work takes then. The catalog is read whole, runs
-- and events by their date. All known times are read only of what has taken longer than the shortest of them; of the others the three moments are enough.
BEGIN
    RETURN QUERY
    WITH run AS MATERIALIZED (
        SELECT * FROM forecast_runs(on_date, now_is)
    ), dated AS (
        SELECT * FROM run
        UNION ALL
        SELECT o.product_id, o.cycle, o.at, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, true
        FROM openings_to_come(on_date) o WHERE NOT EXISTS (SELECT FROM run r WHERE r.product_id = o.product_id AND r.cycle = o.cycle)
    ), node AS (
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
        LEFT JOIN dated d USING (product_id)
        WHERE runs_here(p) AND (d.run_id IS NOT NULL OR p.opening_error IS NULL AND (d.opens_at IS NOT NULL OR s.product_id IS NULL AND p.condition IS NOT NULL))
        OFFSET 0
    ), known AS (
        SELECT n.product_id, n.cycle, n.opens, n.run_id, n.attempt, n.status, n.due_at, n.ends_by, n.starts, n.condition, n.done, n.basis,
            seconds_of(date_begins(on_date, n.timezone)) + u.shifts[(SELECT iso_weekday(on_date))] + u.middle AS usual,
            w.shifts[(SELECT iso_weekday(on_date))] + CASE WHEN n.basis = 'running' THEN n.released WHEN n.condition IS NULL OR n.basis = 'failed' THEN n.opens ELSE 0 END AS since,
            w.least, w.low AS tenth, w.middle AS median, w.high AS nine_tenths
        FROM node n
        LEFT JOIN usual_time w ON w.product_id = n.product_id AND w.kind = 'work' AND w.cycle = n.cycle
        LEFT JOIN usual_time u ON u.product_id = n.product_id AND u.kind = 'ready' AND u.cycle = n.cycle
        UNION ALL
        SELECT f.product_id, coalesce(u.cycle, ''), (SELECT seconds_of(now_is)), NULL, NULL, CASE WHEN e.at IS NULL THEN 'EXPECTED' ELSE 'REFRESHED' END, NULL, NULL, false, NULL,
            seconds_of(e.at), CASE WHEN e.at IS NULL THEN 'source' ELSE 'done' END,
            seconds_of(date_begins(on_date, s.timezone)) + u.shifts[(SELECT iso_weekday(on_date))] + u.middle,
            seconds_of(date_begins(on_date, s.timezone)) + u.shifts[(SELECT iso_weekday(on_date))], u.least, u.low, u.middle, u.high
        FROM forecast_sources() f
        LEFT JOIN usual_time u ON u.product_id = f.product_id AND u.kind = 'ready'
        LEFT JOIN data_product_schedule s ON s.product_id = coalesce(product_of_files(f.product_id), f.product_id)
        LEFT JOIN first_refreshes(on_date) e ON e.product_id = f.product_id AND e.cycle = coalesce(u.cycle, '*')  -- in the cycles in which it has come before
    ), begun AS (
        SELECT k.*, CASE WHEN k.basis IN ('running', 'source') THEN (SELECT seconds_of(now_is)) - k.since ELSE 0 END AS elapsed FROM known k OFFSET 0
    ), ready AS (
        SELECT b.*, CASE WHEN b.basis = 'done' THEN b.done WHEN b.basis = 'failed' THEN coalesce(b.done + l.low, b.since) + b.tenth
                ELSE b.since + coalesce(l.low, greatest(b.elapsed, b.tenth)) END AS low,
            CASE WHEN b.basis = 'done' THEN b.done WHEN b.basis = 'failed' THEN coalesce(b.done + l.middle, b.since) + b.median
                ELSE b.since + coalesce(l.middle, greatest(b.elapsed, b.median)) END AS middle,
            CASE WHEN b.basis = 'done' THEN b.done WHEN b.basis = 'held' THEN 'Infinity' WHEN b.basis = 'failed' THEN coalesce(b.done + l.high + b.nine_tenths, 'Infinity')
                ELSE b.since + coalesce(l.high, greatest(b.elapsed, b.nine_tenths)) END AS high
        FROM begun b LEFT JOIN LATERAL (  -- has failed, or takes longer than the shortest time that is known of it
            SELECT coalesce(x.low, CASE WHEN t.over IS NOT NULL THEN later_seconds(t.ranked, t.over, b.elapsed, 0.1) END) AS low, coalesce(x.middle, CASE WHEN t.over IS NOT NULL THEN later_seconds(t.ranked, t.over, b.elapsed, 0.5) END) AS middle,
                coalesce(x.high, CASE WHEN t.over IS NOT NULL THEN later_seconds(t.ranked, t.over, b.elapsed, 0.9) END) AS high
            FROM (SELECT) one LEFT JOIN LATERAL (
                SELECT u.ranked, width_bucket(b.elapsed::real, u.ranked) AS over FROM usual_time u
                WHERE u.product_id = b.product_id AND u.kind = CASE b.basis WHEN 'source' THEN 'ready' ELSE 'work' END AND u.cycle = b.cycle AND b.basis <> 'failed' OFFSET 0
            ) t ON true CROSS JOIN LATERAL (  -- longer than nearly all, or failed: what all products have shown decides
                SELECT CASE WHEN b.basis = 'failed' THEN (SELECT longest_tenth('repair')) WHEN t.over >= greatest(0.9 * cardinality(t.ranked), cardinality(t.ranked) - 4) THEN
                        CASE b.basis WHEN 'source' THEN (SELECT longest_tenth('ready')) ELSE (SELECT longest_tenth('work')) END END AS cases,
                    CASE b.basis WHEN 'source' THEN b.elapsed - b.median WHEN 'running' THEN b.elapsed / greatest(b.median, 1) ELSE (SELECT seconds_of(now_is)) - b.done END AS gone OFFSET 0
            ) c CROSS JOIN LATERAL (
                SELECT width_bucket(c.gone::real, c.cases) AS shorter OFFSET 0
            ) s CROSS JOIN LATERAL (
                SELECT exceptional_seconds(b.basis, b.median, c.cases, s.shorter, 0.1) AS low, exceptional_seconds(b.basis, b.median, c.cases, s.shorter, 0.5) AS middle,
                    exceptional_seconds(b.basis, b.median, c.cases, s.shorter, 0.9) AS high
            ) x
            WHERE b.basis = 'failed' OR b.elapsed > 0 AND b.elapsed >= b.least
            OFFSET 0
        ) l ON true
        OFFSET 0
    )
    SELECT r.product_id, r.cycle, r.run_id, r.attempt, r.status, r.due_at,
        CASE WHEN r.middle IS NOT NULL OR r.basis = 'ended' OR r.condition IS NOT NULL THEN r.basis WHEN r.ends_by IS NULL THEN 'unknown' ELSE 'deadline' END,
        r.basis IN ('waiting', 'held') AND r.condition IS NOT NULL, r.condition,
        r.opens, CASE WHEN r.starts AND r.basis = 'waiting' THEN coalesce(r.ends_by, 'NaN') ELSE 'NaN' END, coalesce(r.ends_by, 'NaN'),
        CASE WHEN r.basis = 'ended' THEN 'NaN' ELSE coalesce(r.low, 'NaN') END,
        CASE WHEN r.basis = 'ended' THEN 'NaN' ELSE coalesce(r.middle, CASE WHEN r.condition IS NULL THEN r.ends_by END, 'NaN') END,
        CASE WHEN r.basis = 'ended' THEN 'NaN' ELSE coalesce(r.high, 'NaN') END, coalesce(r.usual, 'NaN'),
        CASE WHEN r.basis IN ('failed', 'held') THEN 'Infinity' WHEN r.basis IN ('waiting', 'ended') THEN 0
            WHEN r.basis = 'running' THEN coalesce(r.middle - r.since - r.median, 0) ELSE coalesce(r.middle - r.usual, 0) END
    FROM ready r;
END $$;
