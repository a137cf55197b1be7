-- Backfill: the runs of past business dates.

CREATE OR REPLACE FUNCTION backfill(what text, first date, last date, preview boolean, actor text, now_is timestamptz,
    OUT opened integer, OUT existing integer)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Opens the runs of past business dates: those that the product's schedule opens, or every date where it has none. `what` may be a domain as
-- well: then those that the schedules of its products open, and the others are opened by events as usual. Gives how many it opened, or with
-- `preview` would open, and how many of those runs existed before.
DECLARE
    products text[];
    wanted jsonb;
BEGIN
    IF NOT preview THEN
        PERFORM lock_openings(false);
    END IF;
    SELECT array_agg(product_id) INTO products FROM data_product p
    WHERE active AND machine IS NOT NULL AND (product_id = what
        OR domain = what AND EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = p.product_id));
    IF products IS NULL AND EXISTS (SELECT FROM data_product WHERE product_id = what AND active) THEN
        RAISE EXCEPTION 'NoPipeline: % has no pipeline in this account, so it has no runs; it is refreshed elsewhere', what;
    ELSIF products IS NULL AND EXISTS (SELECT FROM data_product WHERE domain = what AND active) THEN
        RAISE EXCEPTION 'NoPipeline: no product of % has a schedule and a pipeline in this account; name one product', what;
    ELSIF products IS NULL AND what LIKE '%/%' THEN
        RAISE EXCEPTION 'UnknownProduct: %', what;
    ELSIF products IS NULL THEN
        RAISE EXCEPTION 'NoPipeline: % has no pipeline in this account', what;
    ELSIF (last - first + 1) * cardinality(products) > 10000 OR last - first > 1000 THEN
        RAISE EXCEPTION 'TooMuch: at most 1,000 days of a product and 10,000 runs at once, not % days of % products',
            last - first + 1, cardinality(products);
    END IF;
    SELECT coalesce(jsonb_agg(to_jsonb(each)), '[]') INTO wanted
    FROM (SELECT product_id, date AS business_date, of_cycle AS cycle, min(opens_at) AS opens_at FROM (
        SELECT product_id, shifted(day::date, coalesce(s.date_offset, 0), c) AS date,
            CASE WHEN cardinality(s.times) > 1 THEN to_char(at, 'HH24MI') ELSE '' END AS of_cycle, (day::date + at) AT TIME ZONE s.timezone AS opens_at
        FROM unnest(products) product_id
        LEFT JOIN data_product_schedule s USING (product_id)
        LEFT JOIN calendar c ON c.calendar = s.calendar
        CROSS JOIN LATERAL generate_series(first - abs(coalesce(s.date_offset, 0)) * 2 - 40,
            last + abs(coalesce(s.date_offset, 0)) * 2 + 40, interval '1 day') day
        LEFT JOIN LATERAL unnest(s.times) at ON true
        WHERE s.cron IS NULL OR (fires_on(s, day::date) AND is_business_day(day::date, c))
    ) dates WHERE date BETWEEN first AND last GROUP BY product_id, date, of_cycle) each;
    IF preview THEN
        SELECT count(*) INTO existing FROM jsonb_to_recordset(wanted) AS w(product_id text, business_date date, cycle text)
        LEFT JOIN data_product_status r USING (product_id, business_date, cycle)
        WHERE r.run_id IS NOT NULL OR is_archived(w.product_id, w.business_date);
        opened := jsonb_array_length(wanted) - existing;
    ELSE
        opened := cardinality(open_runs(wanted, now_is, actor, late => false));
        existing := jsonb_array_length(wanted) - opened;
    END IF;
END $$;
