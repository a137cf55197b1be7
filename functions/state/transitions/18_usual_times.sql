-- How long products usually take and when they are usually ready, learned as runs end and refreshes arrive. Ninety dates of each are kept.

CREATE OR REPLACE FUNCTION newest(list anyarray) RETURNS anyarray LANGUAGE sql IMMUTABLE AS $$
    SELECT list[greatest(cardinality(list) - 89, 1):]
$$;

CREATE OR REPLACE FUNCTION date_begins(on_date date, zone text) RETURNS timestamptz LANGUAGE sql STABLE AS $$
-- When a business date begins, by the clock of a product's schedule; without one by UTC.
    SELECT on_date::timestamp AT TIME ZONE coalesce(zone, 'UTC')
$$;

CREATE OR REPLACE FUNCTION rank_times(seconds real[], weekdays smallint[], OUT shifts real[], OUT ranked real[])
LANGUAGE sql IMMUTABLE AS $$
-- By how much the seconds of each weekday (Monday first) differ from all, and the seconds without that, in order. The distance of the medians counts
-- as far as it is more than chance: by its square against the variance of the weekday's median (shrinkage). Fewer than three of a weekday say nothing.
    WITH sample AS (
        SELECT s, day FROM unnest(seconds, weekdays) AS given(s, day)
    ), quartile AS (
        SELECT percentile_cont('{0.25,0.5,0.75}'::float8[]) WITHIN GROUP (ORDER BY s) AS q FROM sample
    ), distance AS (
        SELECT day, percentile_cont(0.5) WITHIN GROUP (ORDER BY s) - min(q[2]) AS d, 1.57 * power((min(q[3]) - min(q[1])) / 1.35, 2) / count(*) AS variance,
            count(*)
        FROM sample CROSS JOIN quartile GROUP BY day
    ), shift AS (
        SELECT day, CASE WHEN d = 0 OR count < 3 THEN 0 ELSE d * d * d / (d * d + variance) END AS s FROM distance
    )
    SELECT (SELECT array_agg(coalesce(f.s, 0)::real ORDER BY one.day) FROM generate_series(1, 7) one(day) LEFT JOIN shift f USING (day)),
        (SELECT array_agg((g.s - f.s)::real ORDER BY g.s - f.s) FROM sample g JOIN shift f USING (day))
$$;

CREATE OR REPLACE FUNCTION usual_seconds(u usual_time, on_date date, share float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
-- The seconds that it takes on a date of that weekday in that share of all cases.
    SELECT u.shifts[iso_weekday(on_date)] + u.ranked[1 + round(share * (cardinality(u.ranked) - 1))::integer]
$$;

CREATE OR REPLACE FUNCTION learn_times(given jsonb, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- Adds [{product_id, kind, cycle, on_date, seconds}]. Only the first of a date counts, and none before a date that is known: a rerun and a backfill
-- say nothing of the usual day. A date far ahead is a mistake.
    WITH added AS (
        SELECT g.product_id, g.kind, g.cycle, max(g.on_date) AS last_date, newest(array_agg(g.seconds ORDER BY g.on_date)) AS seconds,
            newest(array_agg(iso_weekday(g.on_date)::smallint ORDER BY g.on_date)) AS weekdays
        FROM (SELECT DISTINCT ON (product_id, kind, cycle, on_date) *
            FROM jsonb_to_recordset(given) AS g(product_id text, kind text, cycle text, on_date date, seconds real)
            ORDER BY product_id, kind, cycle, on_date, seconds) g
        WHERE g.on_date <= (now_is AT TIME ZONE 'UTC')::date + 7
            AND NOT EXISTS (SELECT FROM usual_time u WHERE u.product_id = g.product_id AND u.kind = g.kind AND u.cycle = g.cycle AND u.last_date >= g.on_date)
        GROUP BY g.product_id, g.kind, g.cycle
    )
    INSERT INTO usual_time AS u (product_id, kind, cycle, last_date, seconds, weekdays, shifts, ranked)
    SELECT a.product_id, a.kind, a.cycle, a.last_date, a.seconds, a.weekdays, r.shifts, r.ranked
    FROM added a CROSS JOIN LATERAL rank_times(a.seconds, a.weekdays) r
    ORDER BY a.product_id, a.kind, a.cycle  -- in one order: two that learn of the same products wait for each other
    ON CONFLICT (product_id, kind, cycle) DO UPDATE SET last_date = excluded.last_date, seconds = newest(u.seconds || excluded.seconds),
        weekdays = newest(u.weekdays || excluded.weekdays),
        (shifts, ranked) = (SELECT r.shifts, r.ranked FROM rank_times(newest(u.seconds || excluded.seconds), newest(u.weekdays || excluded.weekdays)) r)
    WHERE excluded.last_date > u.last_date
$$;

CREATE OR REPLACE FUNCTION learn_from_run(run uuid, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- How long the attempt took that has COMPLETED, from its release on, and when it was ready; and where it was run again after a failure of its own, how long that took.
    SELECT learn_times((SELECT jsonb_agg(jsonb_build_object('product_id', r.product_id, 'kind', took.kind, 'cycle', r.cycle, 'on_date', r.business_date,
            'seconds', extract(epoch FROM took.time)))
        FROM run_of(run) r LEFT JOIN data_product_schedule s USING (product_id)
        CROSS JOIN LATERAL (VALUES ('work', r.finished_at - r.released_at), ('ready', r.finished_at - date_begins(r.business_date, s.timezone)),
            ('repair', CASE WHEN r.attempt > 1 THEN r.released_at - (SELECT min(h.changed_at) FROM data_product_status_history h
                WHERE h.run_id = r.run_id AND h.event = 'failed' AND h.error NOT IN ('DeadlineExceeded', 'UpstreamFailed')) END)) took(kind, time)
        WHERE r.status = 'COMPLETED' AND took.time IS NOT NULL), now_is)
$$;

CREATE OR REPLACE FUNCTION learn_from_events(keys text[], now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- When products were ready that are refreshed elsewhere, and sets of files that some product here waits for.
    SELECT learn_times((SELECT jsonb_agg(jsonb_build_object('product_id', e.product_id, 'kind', 'ready', 'cycle', e.cycle, 'on_date', e.business_date,
            'seconds', extract(epoch FROM e.received_at - date_begins(e.business_date, s.timezone))))
        FROM refresh_event e LEFT JOIN data_product_schedule s ON s.product_id = coalesce(product_of_files(e.product_id), e.product_id)
        WHERE e.event_key = ANY (keys) AND e.status = 'COMPLETED'
            AND NOT EXISTS (SELECT FROM data_product p WHERE p.product_id = e.product_id AND p.machine IS NOT NULL)
            AND (EXISTS (SELECT FROM data_product p WHERE p.product_id = e.product_id)
                OR EXISTS (SELECT FROM data_product_dependencies d WHERE d.upstream = e.product_id))), now_is)
    WHERE keys <> '{}'
$$;
