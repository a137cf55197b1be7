-- Ending runs by hand: skip and cancel.

CREATE OR REPLACE FUNCTION locked_run_of(product text, on_date date, of_cycle text) RETURNS data_product_status
LANGUAGE plpgsql AS $$
-- The run's row, locked.
DECLARE
    r data_product_status;
BEGIN
    SELECT * INTO r FROM data_product_status WHERE product_id = product AND business_date = on_date AND cycle = of_cycle FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'UnknownRun: %', CASE WHEN is_archived(product, on_date) THEN no_run(product, on_date)
            ELSE format('%s has no run for %s', product, concat_ws(' ', on_date, nullif(of_cycle, ''))) END;
    END IF;
    RETURN r;
END $$;

CREATE OR REPLACE FUNCTION skip_run(product text, on_date date, of_cycle text, actor text, now_is timestamptz) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Ends a waiting run as SKIPPED and stops its machine.
DECLARE
    r data_product_status := locked_run_of(product, on_date, of_cycle);
BEGIN
    IF r.status <> 'WAITING' THEN
        RAISE EXCEPTION 'IllegalTransition: % for % is %; only a waiting run can be skipped', product, on_date, r.status;
    ELSIF r.released_at IS NOT NULL THEN
        RAISE EXCEPTION 'IllegalTransition: % for % has been released already; its pipeline starts', product, on_date;
    END IF;
    PERFORM stop_machines(ARRAY[r.run_id], 'skipped by ' || actor, now_is);  -- before the outcome, whose event is due
    PERFORM record_outcome(r.run_id, r.attempt, 'SKIPPED', NULL, NULL, now_is, actor);
END $$;

CREATE OR REPLACE FUNCTION cancel_run(product text, on_date date, of_cycle text, reason text, actor text, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Ends a run that has not ended as CANCELLED: its machine is stopped, and so are the job runs of all its attempts, which it gives
-- [{type, job, job_run_id, handle, step}]. Nothing of it is due any more, and the end of a job answers nobody.
DECLARE
    r data_product_status := locked_run_of(product, on_date, of_cycle);
    stopped jsonb;
BEGIN
    IF r.status NOT IN ('WAITING', 'PROCESSING') THEN
        RAISE EXCEPTION 'IllegalTransition: % for % is %; only a run that has not ended can be cancelled', product,
            concat_ws(' ', on_date, nullif(of_cycle, '')), r.status;
    END IF;
    stopped := stop_jobs(r.run_id, 1, now_is);
    UPDATE job_run SET task_token = NULL WHERE run_id = r.run_id AND task_token IS NOT NULL;
    PERFORM stop_machines(ARRAY[r.run_id], concat_ws(': ', 'cancelled by ' || actor, reason), now_is);  -- before the outcome, whose event is due
    PERFORM record_outcome(r.run_id, r.attempt, 'CANCELLED', NULL, reason, now_is, actor);
    RETURN stopped;
END $$;
