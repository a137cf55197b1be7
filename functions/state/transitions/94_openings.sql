-- When products open and are refreshed, and which business date a question means. Nothing in this file changes anything.

CREATE OR REPLACE FUNCTION opens_at(product text, on_date date) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
-- When the product's schedule first opens a run for that business date; null without a schedule, if it opens none, or if it cannot be read.
    SELECT min(o.at) FROM data_product p JOIN data_product_schedule s USING (product_id) CROSS JOIN LATERAL openings_for(s, on_date) o
    WHERE p.product_id = product AND p.opening_error IS NULL
$$;

CREATE OR REPLACE FUNCTION missed_opening(product text, on_date date) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- True if the schedule's opening for that date has passed and made no run, as when the product came later; null if not.
    SELECT true FROM data_product_schedule s WHERE s.product_id = product AND opens_at(product, on_date) <= s.opened_until
$$;

CREATE OR REPLACE FUNCTION scheduled_at(product text, on_date date) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
-- Since when the product's schedule opens runs, if its opening for that date was before: nobody was to make it. Null if it was not, or was missed nevertheless.
    SELECT s.known_since FROM data_product_schedule s
    WHERE s.product_id = product AND opens_at(product, on_date) <= s.known_since AND NOT EXISTS (
        SELECT FROM unmade_opening u WHERE u.product_id = product AND u.business_date = on_date AND (u.late_at IS NOT NULL OR u.passed_over_at IS NOT NULL) OFFSET 0)
$$;

CREATE OR REPLACE FUNCTION latest_opening(what text, now_is timestamptz) RETURNS date
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The business date of the last opening that schedules have made: of the product of that name within a year, of the domain of that name, or of
-- all if it is null, within a week. Null without one. On a Saturday it is Friday's for a product that opens on weekdays. Schedules that are alike are looked at once.
    SELECT max(shifted(day::date, (a.schedule).date_offset, c))
    FROM (
        SELECT DISTINCT ON (s.cron, s.timezone, s.calendar, s.date_offset, s.times) s AS schedule, coalesce(p.product_id = what, false) AS alone
        FROM data_product_schedule s JOIN data_product p USING (product_id)
        WHERE p.active AND p.opening_error IS NULL AND (what IS NULL OR what IN (p.product_id, p.domain))
    ) a
    LEFT JOIN calendar c ON c.calendar = (a.schedule).calendar
    CROSS JOIN LATERAL generate_series((now_is AT TIME ZONE (a.schedule).timezone)::date - CASE WHEN a.alone THEN 366 ELSE 7 END,
        (now_is AT TIME ZONE (a.schedule).timezone)::date, interval '1 day') day
    CROSS JOIN LATERAL unnest((a.schedule).times) at
    WHERE (day::date + at) AT TIME ZONE (a.schedule).timezone <= now_is AND fires_on(a.schedule, day::date) AND is_business_day(day::date, c)
$$;

CREATE OR REPLACE FUNCTION usually_at(product text, on_date date) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
-- When the product is usually ready for that business date: the middle of the last ninety dates with what its weekday adds, by the clock of the product's
-- schedule; of several cycles the last.
    SELECT date_begins(on_date, s.timezone) + make_interval(secs => usual_seconds(u, on_date, 0.5))
    FROM usual_time u LEFT JOIN data_product_schedule s USING (product_id)
    WHERE u.product_id = product AND u.kind = 'ready' AND (u.last_date < on_date OR cardinality(u.ranked) > 1)  -- one time is no usage of its own date
    ORDER BY u.cycle DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION latest_date(product text, now_is timestamptz) RETURNS date
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
-- The business date of a question or an operation that names none: the latest with a run (of the product, if one is given); then the latest
-- that runs wait for; then the latest that it was refreshed for; then the date of its schedule's last opening; else today.
DECLARE
    found date;
BEGIN
    IF product IS NULL THEN
        found := (SELECT max(business_date) FROM data_product_status);
    ELSE
        found := coalesce(
            (SELECT max(business_date) FROM data_product_status WHERE product_id = product),
            (SELECT max(d.required_date) FROM (SELECT DISTINCT product_id FROM data_product_dependencies WHERE upstream = product) c
                CROSS JOIN LATERAL waiting_runs_of(c.product_id) r CROSS JOIN LATERAL inputs_of_run(r.run_id) d
                WHERE d.upstream = product AND d.status = 'WAITING'),
            (SELECT max(business_date) FROM refresh_event WHERE product_id = product));
    END IF;
    RETURN coalesce(found, latest_opening(product, now_is), (now_is AT TIME ZONE 'UTC')::date);
END $$;

CREATE OR REPLACE FUNCTION describe_product(product text, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
-- What a producer's event has to agree with: {product, pipeline, cycles, latest_date, publishers}. `cycles` are those of its schedule, null without
-- one; `publishers` the accounts whose events count, null for any.
-- A product outside this catalog is known if a product here depends on it.
DECLARE
    p data_product;
BEGIN
    SELECT * INTO p FROM data_product WHERE product_id = product AND active;
    IF NOT FOUND AND NOT EXISTS (SELECT FROM data_product_dependencies d JOIN data_product USING (product_id) WHERE d.upstream = product AND active) THEN
        RAISE EXCEPTION 'UnknownProduct: %', product;
    END IF;
    RETURN jsonb_build_object('product', product, 'pipeline', p.machine IS NOT NULL, 'latest_date', latest_date(product, now_is),
        'publishers', publisher_of(product),
        'cycles', (SELECT CASE WHEN cardinality(s.times) > 1 THEN cycle_names(s.times) ELSE '{}' END
            FROM data_product_schedule s WHERE s.product_id = product));
END $$;

CREATE OR REPLACE FUNCTION runs_between(product text, first date, last date, of_cycle text, after text, page integer)
RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- As functions of the release before ask.
    SELECT p.* FROM page_of((SELECT jsonb_agg(entry ORDER BY entry ->> 'key' COLLATE "C") FROM (
        SELECT jsonb_strip_nulls(jsonb_build_object('key', run.key, 'business_date', r.business_date, 'cycle', r.cycle, 'status', r.status,
            'attempt', r.attempt, 'held', CASE WHEN r.held THEN true END, 'released_at', r.released_at)) AS entry
        FROM data_product_status r CROSS JOIN LATERAL (SELECT r.business_date || ' ' || r.cycle AS key) run
        WHERE r.product_id = product AND r.business_date BETWEEN first AND last AND (of_cycle IS NULL OR r.cycle = of_cycle)
            AND run.key COLLATE "C" > after
        ORDER BY run.key COLLATE "C" LIMIT page) runs)) p
$$;
