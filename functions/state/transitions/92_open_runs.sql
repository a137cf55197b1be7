-- Open runs when their metadata changes. The caller has excluded openings and the recording of events.

CREATE OR REPLACE FUNCTION take_conditions(products text[], conditions_changed text[], now_is timestamptz, actor text) RETURNS integer
LANGUAGE plpgsql AS $$
-- The runs of the products that wait, and those that may resume, take the condition of today as a whole, are matched against the inbox again and
-- go on if it holds. Those that were released keep theirs. Gives how many runs wait for something else, or for the same in another combination.
DECLARE
    waiting uuid[];
    changed uuid[];
BEGIN
    SELECT coalesce(array_agg(run_id), '{}') INTO waiting FROM (
        SELECT run_id FROM data_product_status
        WHERE run_id = ANY (ARRAY(SELECT r.run_id FROM unnest(products) of_product CROSS JOIN LATERAL (
                SELECT w.run_id FROM waiting_runs_of(of_product) w UNION SELECT f.run_id FROM runs_followed_of(of_product, now_is) f) r))
            AND (status = 'WAITING' AND released_at IS NULL OR may_resume(data_product_status, now_is))
        ORDER BY run_id FOR UPDATE) locked;
    changed := renew_inputs(waiting, now_is);
    changed := ARRAY(SELECT run_id FROM data_product_status
        WHERE run_id = ANY (waiting) AND (run_id = ANY (changed) OR product_id = ANY (conditions_changed)));
    UPDATE data_product_status SET event = 'condition_changed', changed_at = now_is, changed_by = actor
    WHERE run_id = ANY (changed) AND status = 'WAITING';
    waiting := changed || ARRAY(SELECT run_id FROM data_product_status r WHERE run_id = ANY (waiting) AND may_resume(r, now_is));
    PERFORM match_arrivals(waiting, NULL, now_is);
    PERFORM advance(waiting, now_is, 'the new condition holds', actor);
    RETURN cardinality(changed);
END $$;

CREATE OR REPLACE FUNCTION cancel_without_pipeline(now_is timestamptz, actor text) RETURNS integer
LANGUAGE plpgsql AS $$
-- Ends the WAITING runs of products that do not run here any more. A pipeline that has begun goes on. Gives how many.
DECLARE
    reason text;
    ended uuid[];
    cancelled integer := 0;
BEGIN
    FOR reason, ended IN
        WITH locked AS (
            SELECT r.run_id, why_no_runs(p) AS reason FROM data_product_status r JOIN data_product p USING (product_id)
            WHERE is_open(r) AND r.status = 'WAITING' AND NOT runs_here(p) ORDER BY r.run_id FOR UPDATE OF r
        ), done AS (
            UPDATE data_product_status r SET status = 'CANCELLED', finished_at = now_is, error = 'NoPipeline', cause = l.reason,
                event = 'cancelled', changed_at = now_is, changed_by = actor
            FROM locked l WHERE r.run_id = l.run_id AND r.status = 'WAITING'
            RETURNING r.run_id, l.reason
        )
        SELECT d.reason, array_agg(d.run_id) FROM done d GROUP BY d.reason
    LOOP
        PERFORM stop_machines(ended, reason, now_is);
        PERFORM store_event_of(r, 'CANCELLED', jsonb_build_object('cause', reason), now_is) FROM data_product_status r WHERE r.run_id = ANY (ended);
        cancelled := cancelled + cardinality(ended);
    END LOOP;
    RETURN cancelled;
END $$;

CREATE OR REPLACE FUNCTION opens_as(one data_product_schedule, other data_product_schedule) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
-- Whether two schedules open runs at the same moments, for the same dates.
    SELECT (one.timezone, one.date_offset, one.calendar, one.times, one.months, one.month_days, one.week_days, one.years, one.last_days, one.near_weekdays,
            one.last_week_days, one.nth_week_days)
        IS NOT DISTINCT FROM (other.timezone, other.date_offset, other.calendar, other.times, other.months, other.month_days, other.week_days, other.years, other.last_days,
            other.near_weekdays, other.last_week_days, other.nth_week_days)
$$;

CREATE OR REPLACE FUNCTION open_moved_runs(before data_product_schedule[], now_is timestamptz, actor text) RETURNS integer
LANGUAGE plpgsql AS $$
-- Opens the runs that a changed schedule would lose: those for dates that the schedule of before had still to open, and whose openings by the
-- schedule of now have passed. An opening that both have in the past was made, or was before the product came. Gives how many.
DECLARE
    wanted jsonb;
BEGIN
    WITH changed AS (
        SELECT old, s AS new FROM unnest(before) old JOIN data_product_schedule s ON s.product_id = old.product_id
        WHERE known_timezone(old.timezone) AND NOT opens_as(old, s)
    ), passed AS (
        SELECT (new).product_id, o.business_date, o.cycle FROM changed
        CROSS JOIN LATERAL openings_of(new, (new).opened_until - interval '7 days', (new).opened_until) o
        EXCEPT
        SELECT (old).product_id, o.business_date, o.cycle FROM changed
        CROSS JOIN LATERAL openings_of(old, (old).opened_until - interval '7 days', (old).opened_until) o
    )
    SELECT coalesce(jsonb_agg(to_jsonb(p) || jsonb_build_object('opens_at', opening_for(product_id, business_date, cycle))), '[]') INTO wanted
    FROM passed p JOIN data_product d USING (product_id)
    WHERE (product_id, business_date) IN (
            SELECT (old).product_id, o.business_date FROM changed
            CROSS JOIN LATERAL openings_of(old, (old).opened_until, (old).opened_until + interval '7 days') o)
        AND (d.cycles_changed_at IS NULL OR p.cycle <> ALL (replaced_cycles(product_id, business_date)));
    RETURN cardinality(open_runs(wanted, now_is, actor, late => false));
END $$;

CREATE OR REPLACE FUNCTION open_runs_by_product(after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The products with open runs, at most `page` after `after`: how many wait, and how many were released and keep their condition.
    SELECT product_id, jsonb_build_object('product', product_id, 'waiting', count(*) FILTER (WHERE status = 'WAITING' AND released_at IS NULL),
        'released', count(*) FILTER (WHERE released_at IS NOT NULL))::text
    FROM data_product_status WHERE status IN ('WAITING', 'PROCESSING') AND product_id COLLATE "C" > after
    GROUP BY product_id ORDER BY product_id COLLATE "C" LIMIT page
$$;
