-- Rerun: the next attempt. Who did it stands in changed_by, as after every operation.

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
        RAISE EXCEPTION 'UnknownRun: %', no_run(of_product, on_date);
    END IF;

    WITH older AS (
        UPDATE refresh_event SET superseded_at = now_is WHERE run_id = ANY (targets::text[]) AND superseded_at IS NULL RETURNING event_key
    )
    SELECT array_agg(event_key) INTO superseded FROM older;
    UPDATE effect SET done_at = now_is, outcome = 'superseded by a rerun'
    WHERE run_id = ANY (targets) AND done_at IS NULL AND effect_key NOT LIKE 'alert LATE %';  -- that is a fact of the date, and not of an attempt
    UPDATE data_product_status r SET attempt = attempt + 1, status = 'WAITING', opened_at = now_is,
        deadline_at = now_is + make_interval(secs => p.deadline_seconds), released_at = NULL, release_reason = NULL, started_at = NULL,
        finished_at = NULL, execution_arn = NULL, task_token = NULL, waiting_since = NULL, error = NULL, cause = NULL,
        event = kind, changed_at = now_is, changed_by = actor
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
