-- What has missed its SLA: runs, and business dates that nobody has opened a run for.

CREATE OR REPLACE FUNCTION late_runs(now_is timestamptz) RETURNS uuid[]
LANGUAGE sql STABLE AS $$
-- The runs that have missed their SLA since the last time.
    SELECT ARRAY(SELECT r.run_id FROM data_product_status r WHERE may_become_late(r) AND r.due_at < now_is AND NOT kept_sla(r))
$$;

CREATE OR REPLACE FUNCTION due_and_unmade(products text[], now_is timestamptz)
RETURNS TABLE (product_id text, business_date date, cycle text, opens_at timestamptz, due_at timestamptz)
LANGUAGE plpgsql STABLE AS $$
-- The openings that the scheduler still has to make for the products though they were due since their SLA became what it is. None where the
-- schedule of the only product cannot be evaluated: `open_due_runs` reports that.
BEGIN
    RETURN QUERY
    SELECT o.product_id, o.business_date, o.cycle, min(o.opens_at), min(due.at)
    FROM openings_since(products, oldest_opening(now_is), now_is) o JOIN data_product p ON p.product_id = o.product_id
    CROSS JOIN LATERAL (SELECT sla_due(p, o.business_date, o.opens_at, NULL) AS at) due
    WHERE due.at < now_is AND due.at > p.sla_since
    GROUP BY o.product_id, o.business_date, o.cycle;
EXCEPTION WHEN OTHERS THEN
    IF cardinality(products) <> 1 OR is_of_the_database(SQLSTATE) THEN
        RAISE;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION unmade_by_schedule(now_is timestamptz)
RETURNS TABLE (product_id text, business_date date, cycle text, opens_at timestamptz, due_at timestamptz)
LANGUAGE sql STABLE AS $$
-- Products that could not be opened before are asked about one by one: what is wrong with one keeps no other from being late.
    WITH behind AS (
        SELECT p.product_id, p.opening_error FROM data_product p JOIN data_product_schedule s USING (product_id)
        WHERE p.active AND p.complete_by IS NOT NULL AND s.opened_until < now_is - interval '10 minutes'
    )
    SELECT d.* FROM due_and_unmade(ARRAY(SELECT b.product_id FROM behind b WHERE b.opening_error IS NULL), now_is) d
    UNION ALL
    SELECT d.* FROM behind b CROSS JOIN LATERAL due_and_unmade(ARRAY[b.product_id], now_is) d WHERE b.opening_error IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION is_expected(product text, on_date date) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether a refresh is to open a run of the product, which has no schedule, for that date: whether what it is opened by, directly or not, has a
-- schedule that opens it, or has a run of it. Of an upstream without a known schedule nothing is expected, and nothing of what would have opened before the schedule was known.
    WITH RECURSIVE opener(product_id, of_date) AS (
        SELECT product, on_date
        UNION
        SELECT d.upstream, o.of_date + d.offset_days FROM opener o JOIN data_product_dependencies d USING (product_id)
        WHERE d.max_age_seconds IS NULL AND 'COMPLETED' = ANY (d.statuses)
            AND d.offset_days = (SELECT max(offset_days) FROM data_product_dependencies l WHERE l.product_id = d.product_id AND l.max_age_seconds IS NULL)
            AND NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = o.product_id)
    )
    SELECT EXISTS (SELECT FROM opener o JOIN data_product_schedule s USING (product_id) CROSS JOIN LATERAL openings_for(s, o.of_date) due
        WHERE due.at > s.known_since OR EXISTS (SELECT FROM runs_of_date(s.product_id, o.of_date)))
$$;

CREATE OR REPLACE FUNCTION unmade_by_events(now_is timestamptz)
RETURNS TABLE (product_id text, business_date date, cycle text, opens_at timestamptz, due_at timestamptz)
LANGUAGE sql STABLE AS $$
-- The dates of the products without a schedule that were due within a day, since their SLA became what it is, and that no refresh has opened a run for.
    SELECT p.product_id, day.date, '', NULL::timestamptz, due.at
    FROM data_product p
    CROSS JOIN LATERAL (SELECT (now_is AT TIME ZONE p.sla_timezone)::date - coalesce(p.sla_days, 0) - past AS date FROM generate_series(0, 1) past) day
    CROSS JOIN LATERAL (SELECT sla_due(p, day.date, NULL, NULL) AS at) due
    WHERE p.complete_by IS NOT NULL AND runs_here(p) AND NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = p.product_id)
        AND due.at < now_is AND due.at > greatest(p.sla_since, now_is - interval '1 day')
        AND is_expected(p.product_id, day.date)
$$;

CREATE OR REPLACE FUNCTION notify_late(now_is timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
-- Marks the runs and the dates without a run that have missed their SLA since the last time, and makes their alerts due. Gives how many.
DECLARE
    r data_product_status;
    late integer := 0;
BEGIN
    FOR r IN
        UPDATE data_product_status s SET late_notified = true, event = 'late', changed_at = now_is, changed_by = 'monitor'
        WHERE s.run_id = ANY (late_runs(now_is))
            AND NOT s.late_notified AND s.status NOT IN ('COMPLETED', 'SKIPPED', 'CANCELLED')
        RETURNING s.*
    LOOP
        late := late + 1;
        PERFORM store_alert(r, 'LATE', jsonb_build_object('status', r.status, 'missing', missing_inputs(r.run_id)), now_is);
    END LOOP;
    FOR r IN
        WITH noticed AS (
            INSERT INTO unmade_opening AS m (product_id, business_date, cycle, opens_at, due_at, late_at)
            SELECT u.*, now_is FROM (SELECT * FROM unmade_by_schedule(now_is) UNION ALL SELECT * FROM unmade_by_events(now_is)) u
            WHERE NOT EXISTS (SELECT FROM runs_of_date(u.product_id, u.business_date) o WHERE o.cycle = u.cycle)
            ON CONFLICT (product_id, business_date, cycle) DO UPDATE SET opens_at = excluded.opens_at, due_at = excluded.due_at, late_at = excluded.late_at
            WHERE m.late_at IS NULL AND m.passed_over_at IS NULL  -- it was at risk
            RETURNING m AS opening
        )
        SELECT o.* FROM noticed CROSS JOIN LATERAL unopened_run(noticed.opening) o
    LOOP
        late := late + 1;
        PERFORM store_alert(r, 'LATE', jsonb_build_object('status', r.status), now_is);
    END LOOP;
    RETURN late;
END $$;

CREATE OR REPLACE FUNCTION take_slas(products text[], now_is timestamptz, actor text) RETURNS void
LANGUAGE sql AS $$
-- The open runs of these products take the SLA of today: by the schedule's opening of their date, or by the moment of their first opening.
    UPDATE data_product_status r SET due_at = now.due_at, event = 'due_changed', changed_at = now_is, changed_by = actor
    FROM (
        SELECT o.run_id, sla_due(p, o.business_date, opening_for(named, o.business_date, o.cycle), first.at) AS due_at
        FROM unnest(products) named CROSS JOIN LATERAL runs_open_of(named) o JOIN data_product p ON p.product_id = named
        CROSS JOIN LATERAL (SELECT min(h.changed_at) AS at FROM data_product_status_history h WHERE h.run_id = o.run_id AND h.event = 'opened') first
    ) now
    WHERE r.run_id = now.run_id AND r.due_at IS DISTINCT FROM now.due_at AND r.status IN ('WAITING', 'PROCESSING')
$$;
