-- Ending a run by hand: skip.

CREATE OR REPLACE FUNCTION skip_run(product text, on_date date, of_cycle text, actor text, now_is timestamptz) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Ends a waiting run as SKIPPED and stops its machine.
DECLARE
    r data_product_status;
BEGIN
    SELECT * INTO r FROM data_product_status WHERE product_id = product AND business_date = on_date AND cycle = of_cycle FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'UnknownRun: %', CASE WHEN is_archived(product, on_date) THEN no_run(product, on_date)
            ELSE format('%s has no run for %s', product, concat_ws(' ', on_date, nullif(of_cycle, ''))) END;
    ELSIF r.status <> 'WAITING' THEN
        RAISE EXCEPTION 'IllegalTransition: % for % is %; only a waiting run can be skipped', product, on_date, r.status;
    ELSIF r.released_at IS NOT NULL THEN
        RAISE EXCEPTION 'IllegalTransition: % for % has been released already; its pipeline starts', product, on_date;
    END IF;
    PERFORM stop_machines(ARRAY[r.run_id], 'skipped by ' || actor, now_is);
    PERFORM record_outcome(r.run_id, r.attempt, 'SKIPPED', NULL, NULL, now_is, actor);
END $$;
