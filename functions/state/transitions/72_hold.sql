-- Hold and release.

CREATE OR REPLACE FUNCTION refuse_hold(product text, on_date date, of_cycle text, hold boolean) RETURNS void
LANGUAGE plpgsql AS $$
-- Raises what speaks against a hold of one run, or against its end.
DECLARE
    r data_product_status;
    of_run text := concat_ws(' ', on_date, nullif(of_cycle, ''));
BEGIN
    SELECT * INTO r FROM data_product_status WHERE product_id = product AND business_date = on_date AND cycle = of_cycle;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'UnknownRun: %', CASE WHEN is_archived(product, on_date) THEN no_run(product, on_date)
            ELSE format('%s has no waiting run for %s', product, of_run) END;
    ELSIF r.status <> 'WAITING' AND (hold OR NOT r.held) THEN
        RAISE EXCEPTION 'IllegalTransition: % for % is %; %', product, of_run, r.status,
            CASE WHEN hold THEN 'it is too late to hold it' ELSE 'only a waiting run can be held' END;
    ELSIF hold AND r.released_at IS NOT NULL THEN
        RAISE EXCEPTION 'IllegalTransition: % for % has been released already; its pipeline starts, and it is too late to hold it', product, of_run;
    ELSIF hold AND EXISTS (SELECT FROM missed_deadline m WHERE m.run_id = r.run_id AND m.attempt = r.attempt) THEN
        RAISE EXCEPTION 'IllegalTransition: % for % has missed its deadline and ends; it is too late to hold it', product, of_run;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION held_over_runs(runs uuid[]) RETURNS uuid[]
LANGUAGE sql STABLE AS $$
-- Those of the runs whose deadline passed while they were held, and that nobody holds now.
    SELECT ARRAY(SELECT r.run_id FROM data_product_status r JOIN data_product p USING (product_id)
        WHERE r.run_id = ANY (runs) AND r.status = 'WAITING' AND r.held_over_at IS NOT NULL AND NOT r.held AND NOT p.held)
$$;

CREATE OR REPLACE FUNCTION set_hold(product text, on_date date, of_cycle text, hold boolean, actor text, now_is timestamptz,
    OUT changed boolean, OUT other_hold text, OUT released jsonb, OUT waiting jsonb)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Holds a product (no date) or one run, or ends the hold; what waited only for that is released at once, and what was held over its deadline starts
-- its next attempt. `changed` is false where the hold
-- was as wanted before. `other_hold`: 'product' or 'run' where the other of the two is held. `released` and `waiting` are the runs
-- [{business_date, cycle}] of the product, or the one run, that this released and that are WAITING still, as far as they fit.
DECLARE
    concerned uuid[];
    started uuid[];
    over uuid[];
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
        WHERE product_id = product AND CASE WHEN on_date IS NULL THEN status = 'WAITING' OR NOT hold AND may_resume(data_product_status, now_is)
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
    over := held_over_runs(concerned);
    PERFORM start_next_attempts(over, 'resumed', false, 'no longer held', actor, now_is);
    started := advance(concerned, now_is, 'no longer held', actor);
    PERFORM store_start_effects(over, now_is);
    SELECT coalesce(cut(jsonb_agg(run ORDER BY business_date, cycle) FILTER (WHERE run_id = ANY (started)), 30000), '[]'),
        coalesce(cut(jsonb_agg(run ORDER BY business_date, cycle) FILTER (WHERE status = 'WAITING' AND released_at IS NULL), 30000), '[]')
    INTO released, waiting FROM (
        SELECT *, jsonb_build_object('business_date', business_date, 'cycle', cycle) AS run FROM data_product_status WHERE run_id = ANY (concerned)) runs;
END $$;
