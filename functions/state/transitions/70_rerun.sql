-- Rerun: the next attempt. Who did it stands in changed_by, as after every operation.

CREATE OR REPLACE FUNCTION rerun(of_product text, on_date date, of_cycle text, downstream boolean, kind text, actor text, now_is timestamptz)
RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
-- Starts the next attempt of a finished run; with `downstream` also of every finished run of the same business date that
-- depends on it, directly or not. What those attempts publish counts; what the earlier ones published no longer does. `kind` is rerun or
-- restarted. Gives the attempts [{product, business_date, cycle, attempt}], and what the cascade reaches by events as `reached_elsewhere`
-- does, as far as they fit.
DECLARE
    targets uuid[];
    busy text;
    reason text;
BEGIN
    PERFORM lock_openings(false);  -- an event that is being recorded would see the ended attempt, and this would not see the event
    SELECT why_no_runs(p) INTO reason FROM data_product p WHERE product_id = of_product;
    IF reason IS NOT NULL THEN
        RAISE EXCEPTION 'NoPipeline: %, so its runs cannot be run again', reason;
    END IF;
    WITH affected(product_id) AS (
        SELECT of_product
        UNION
        SELECT downstream_of(of_product, on_date) WHERE downstream
    ), locked AS (
        SELECT run_id, status, product_id FROM data_product_status
        WHERE run_id = ANY (ARRAY(SELECT of_date.run_id FROM affected a CROSS JOIN LATERAL runs_of_date(a.product_id, on_date) of_date
                WHERE (SELECT runs_here(p) FROM data_product p WHERE p.product_id = a.product_id)))
            AND (product_id <> of_product OR cycle = of_cycle)
        ORDER BY run_id FOR UPDATE
    )
    SELECT coalesce(array_agg(run_id) FILTER (WHERE status IN ('COMPLETED', 'ERROR', 'SKIPPED', 'CANCELLED')
            AND (product_id = of_product OR NOT found_no_files(run_id))), '{}'),
        string_agg(product_id || ' is ' || status, ', ' ORDER BY product_id)
            FILTER (WHERE status = 'PROCESSING' OR (product_id = of_product AND status = 'WAITING'))
    INTO targets, busy FROM locked;
    IF busy IS NOT NULL THEN
        RAISE EXCEPTION 'IllegalTransition: % (business date %); only a run that has ended can be run again', busy, on_date;
    ELSIF NOT EXISTS (SELECT FROM data_product_status WHERE run_id = ANY (targets) AND product_id = of_product) THEN
        RAISE EXCEPTION 'UnknownRun: %', no_run(of_product, on_date);
    END IF;

    PERFORM refuse_empty_sweep(r) FROM data_product_status r WHERE r.run_id = ANY (targets) AND r.product_id = of_product;

    PERFORM start_next_attempts(targets, kind, downstream, NULL, actor, now_is);
    PERFORM allow_retries(targets) WHERE kind = 'rerun';
    PERFORM sweep_again(targets, actor, now_is);
    PERFORM go_on(targets, now_is, 'everything had arrived', actor, 'released', NULL);
    PERFORM store_start_effects(targets, now_is);
    RETURN (SELECT cut(jsonb_agg(jsonb_build_object('product', product_id, 'business_date', business_date, 'cycle', cycle, 'attempt', attempt)
            ORDER BY product_id = of_product DESC, product_id, cycle), 60000)
        FROM data_product_status WHERE run_id = ANY (targets))
        || CASE WHEN downstream THEN reached_elsewhere(of_product, on_date, of_cycle) ELSE '[]' END;
END $$;
