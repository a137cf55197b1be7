-- What operators do: rerun, hold, release, skip, backfill. Who did it stands in changed_by.

CREATE OR REPLACE FUNCTION rerun(of_product text, on_date date, of_cycle text, downstream boolean, kind text, actor text, now_is timestamptz)
RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
-- Starts the next attempt of a finished run; with `downstream` also of every finished run of the same business date that
-- depends on it, directly or not. What those attempts publish counts; what the earlier ones published no longer does. `kind` is rerun or
-- restarted. Gives the attempts [{product, business_date, cycle, attempt}], as far as they fit.
DECLARE
    targets uuid[];
    busy text;
    superseded text[];
    waiting uuid[];
    reason text;
BEGIN
    PERFORM lock_openings(false);  -- an event that is being recorded would see the ended attempt, and this would not see the event
    SELECT why_no_runs(p) INTO reason FROM data_product p WHERE product_id = of_product;
    IF reason IS NOT NULL THEN
        RAISE EXCEPTION 'NoPipeline: %, so its runs cannot be run again', reason;
    END IF;
    WITH RECURSIVE affected(product_id) AS (
        SELECT of_product
        UNION
        SELECT d.product_id FROM affected a JOIN data_product_dependencies d ON d.upstream = a.product_id WHERE downstream
    ), locked AS (
        SELECT run_id, status, product_id FROM data_product_status
        WHERE run_id = ANY (ARRAY(SELECT of_date.run_id FROM affected a CROSS JOIN LATERAL runs_of_date(a.product_id, on_date) of_date
                WHERE (SELECT runs_here(p) FROM data_product p WHERE p.product_id = a.product_id)))
            AND (product_id <> of_product OR cycle = of_cycle)
        ORDER BY run_id FOR UPDATE
    )
    SELECT coalesce(array_agg(run_id) FILTER (WHERE status IN ('COMPLETED', 'ERROR', 'SKIPPED', 'CANCELLED')), '{}'),
        string_agg(product_id || ' is ' || status, ', ' ORDER BY product_id)
            FILTER (WHERE status = 'PROCESSING' OR (product_id = of_product AND status = 'WAITING'))
    INTO targets, busy FROM locked;
    IF busy IS NOT NULL THEN
        RAISE EXCEPTION 'IllegalTransition: % (business date %); only a run that has ended can be run again', busy, on_date;
    ELSIF NOT EXISTS (SELECT FROM data_product_status WHERE run_id = ANY (targets) AND product_id = of_product) THEN
        RAISE EXCEPTION 'UnknownRun: % has no run for %', of_product, on_date;
    END IF;

    WITH older AS (
        UPDATE refresh_event SET superseded_at = now_is WHERE run_id = ANY (targets::text[]) AND superseded_at IS NULL RETURNING event_key
    )
    SELECT array_agg(event_key) INTO superseded FROM older;
    UPDATE effect SET done_at = now_is, outcome = 'superseded by a rerun' WHERE run_id = ANY (targets) AND done_at IS NULL;
    UPDATE data_product_status r SET attempt = attempt + 1, status = 'WAITING', opened_at = now_is,
        deadline_at = now_is + make_interval(secs => p.deadline_seconds), released_at = NULL, release_reason = NULL, started_at = NULL,
        finished_at = NULL, execution_arn = NULL, task_token = NULL, waiting_since = NULL, error = NULL, cause = NULL,
        late_notified = false, event = kind, changed_at = now_is, changed_by = actor
    FROM data_product p WHERE p.product_id = r.product_id AND r.run_id = ANY (targets);
    PERFORM renew_inputs(targets, now_is);
    SELECT coalesce(array_agg(run_id), '{}') INTO waiting FROM (
        SELECT r.run_id FROM data_product_status r
        WHERE r.run_id = ANY (waiting_runs_with(superseded)) AND r.status = 'WAITING' AND r.released_at IS NULL
        ORDER BY r.run_id FOR UPDATE) locked;
    UPDATE data_product_dependencies_events_status d SET status = 'WAITING', event = 'reopened', event_key = NULL,
        arrived_at = NULL, changed_at = now_is
    WHERE d.run_id = ANY (waiting || targets) AND (SELECT e.superseded_at IS NOT NULL FROM refresh_event e WHERE e.event_key = d.event_key);
    PERFORM match_arrivals(targets, NULL, now_is);
    PERFORM release_ready(targets, now_is, 'everything had arrived', actor);
    PERFORM store_start_effects(targets, now_is);
    RETURN (SELECT cut(jsonb_agg(jsonb_build_object('product', product_id, 'business_date', business_date, 'cycle', cycle, 'attempt', attempt)
            ORDER BY product_id = of_product DESC, product_id, cycle), 60000)
        FROM data_product_status WHERE run_id = ANY (targets));
END $$;

CREATE OR REPLACE FUNCTION refuse_hold(product text, on_date date, of_cycle text, hold boolean) RETURNS void
LANGUAGE plpgsql AS $$
-- Raises what speaks against a hold of one run, or against its end.
DECLARE
    r data_product_status;
    of_run text := concat_ws(' ', on_date, nullif(of_cycle, ''));
BEGIN
    SELECT * INTO r FROM data_product_status WHERE product_id = product AND business_date = on_date AND cycle = of_cycle;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'UnknownRun: % has no waiting run for %', product, of_run;
    ELSIF r.status <> 'WAITING' AND (hold OR NOT r.held) THEN
        RAISE EXCEPTION 'IllegalTransition: % for % is %; %', product, of_run, r.status,
            CASE WHEN hold THEN 'it is too late to hold it' ELSE 'only a waiting run can be held' END;
    ELSIF hold AND r.released_at IS NOT NULL THEN
        RAISE EXCEPTION 'IllegalTransition: % for % has been released already; its pipeline starts, and it is too late to hold it', product, of_run;
    ELSIF hold AND EXISTS (SELECT FROM missed_deadline m WHERE m.run_id = r.run_id AND m.attempt = r.attempt) THEN
        RAISE EXCEPTION 'IllegalTransition: % for % has missed its deadline and ends; it is too late to hold it', product, of_run;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION set_hold(product text, on_date date, of_cycle text, hold boolean, actor text, now_is timestamptz,
    OUT changed boolean, OUT other_hold text, OUT released jsonb, OUT waiting jsonb)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Holds a product (no date) or one run, or ends the hold; what waited only for that is released at once. `changed` is false where the hold
-- was as wanted before. `other_hold`: 'product' or 'run' where the other of the two is held. `released` and `waiting` are the runs
-- [{business_date, cycle}] of the product, or the one run, that this released and that are WAITING still, as far as they fit.
DECLARE
    concerned uuid[];
    started uuid[];
BEGIN
    PERFORM lock_openings(true);
    IF on_date IS NULL THEN
        PERFORM FROM data_product WHERE product_id = product AND active FOR UPDATE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'UnknownProduct: %', product;
        END IF;
    END IF;
    SELECT coalesce(array_agg(run_id), '{}') INTO concerned FROM (
        SELECT run_id FROM data_product_status
        WHERE product_id = product AND CASE WHEN on_date IS NULL THEN status = 'WAITING'
            ELSE business_date = on_date AND cycle = of_cycle AND (status = 'WAITING' OR held) END  -- one that ended while it was held stays so
        ORDER BY run_id FOR UPDATE) locked;
    IF on_date IS NULL THEN
        UPDATE data_product SET held = hold, changed_at = now_is, changed_by = actor WHERE product_id = product AND held <> hold;
        changed := FOUND;
        INSERT INTO data_product_hold_history (product_id, held, changed_at, changed_by)
        SELECT product, hold, now_is, actor WHERE changed;
        SELECT 'run' INTO other_hold FROM data_product_status WHERE run_id = ANY (concerned) AND held LIMIT 1;
    ELSE
        PERFORM refuse_hold(product, on_date, of_cycle, hold);
        UPDATE data_product_status SET held = hold, event = CASE WHEN hold THEN 'held' ELSE 'hold_removed' END, changed_at = now_is, changed_by = actor
        WHERE run_id = ANY (concerned) AND held <> hold;
        changed := FOUND;
        SELECT 'product' INTO other_hold FROM data_product WHERE product_id = product AND held;
    END IF;
    started := release_ready(concerned, now_is, 'no longer held', actor);
    SELECT coalesce(cut(jsonb_agg(run ORDER BY business_date, cycle) FILTER (WHERE run_id = ANY (started)), 30000), '[]'),
        coalesce(cut(jsonb_agg(run ORDER BY business_date, cycle) FILTER (WHERE status = 'WAITING' AND released_at IS NULL), 30000), '[]')
    INTO released, waiting FROM (
        SELECT *, jsonb_build_object('business_date', business_date, 'cycle', cycle) AS run FROM data_product_status WHERE run_id = ANY (concerned)) runs;
END $$;

CREATE OR REPLACE FUNCTION skip_run(product text, on_date date, of_cycle text, actor text, now_is timestamptz) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Ends a waiting run as SKIPPED and stops its machine.
DECLARE
    r data_product_status;
BEGIN
    SELECT * INTO r FROM data_product_status WHERE product_id = product AND business_date = on_date AND cycle = of_cycle FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'UnknownRun: % has no run for %', product, concat_ws(' ', on_date, nullif(of_cycle, ''));
    ELSIF r.status <> 'WAITING' THEN
        RAISE EXCEPTION 'IllegalTransition: % for % is %; only a waiting run can be skipped', product, on_date, r.status;
    ELSIF r.released_at IS NOT NULL THEN
        RAISE EXCEPTION 'IllegalTransition: % for % has been released already; its pipeline starts', product, on_date;
    END IF;
    PERFORM record_outcome(r.run_id, r.attempt, 'SKIPPED', NULL, NULL, now_is, actor);
    PERFORM stop_machines(ARRAY[r.run_id], 'skipped by ' || actor, now_is);
END $$;

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
    SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('product_id', product_id, 'business_date', date, 'cycle', of_cycle)), '[]') INTO wanted
    FROM (
        SELECT product_id, shifted(day::date, coalesce(s.date_offset, 0), c) AS date,
            CASE WHEN cardinality(s.times) > 1 THEN to_char(at, 'HH24MI') ELSE '' END AS of_cycle
        FROM unnest(products) product_id
        LEFT JOIN data_product_schedule s USING (product_id)
        LEFT JOIN calendar c ON c.calendar = s.calendar
        CROSS JOIN LATERAL generate_series(first - abs(coalesce(s.date_offset, 0)) * 2 - 40,
            last + abs(coalesce(s.date_offset, 0)) * 2 + 40, interval '1 day') day
        LEFT JOIN LATERAL unnest(s.times) at ON true
        WHERE s.cron IS NULL OR (fires_on(s, day::date) AND is_business_day(day::date, c))
    ) dates
    WHERE date BETWEEN first AND last;
    IF preview THEN
        SELECT count(*) INTO existing FROM jsonb_to_recordset(wanted) AS w(product_id text, business_date date, cycle text)
        JOIN data_product_status USING (product_id, business_date, cycle);
        opened := jsonb_array_length(wanted) - existing;
    ELSE
        opened := cardinality(open_runs(wanted, now_is, actor));
        existing := jsonb_array_length(wanted) - opened;
    END IF;
END $$;
