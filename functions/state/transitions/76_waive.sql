-- Waivers: an operator decides that an input of one run counts as arrived.

CREATE OR REPLACE FUNCTION refuse_waiver(r data_product_status, input text, undo boolean, now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- Raises what speaks against a waiver, or against taking it back.
DECLARE
    named text := concat_ws(' ', r.product_id, 'for', r.business_date, nullif(r.cycle, ''));
    inputs text := (SELECT string_agg(DISTINCT d.upstream, ', ') FROM inputs_of_run(r.run_id) d);
BEGIN
    IF NOT EXISTS (SELECT FROM inputs_of_run(r.run_id) d WHERE d.upstream = input) THEN
        RAISE EXCEPTION 'IllegalTransition: % does not wait for %; %', named, input, coalesce('it waits for ' || inputs, 'it waits for nothing');
    ELSIF r.status = 'WAITING' AND r.released_at IS NOT NULL THEN
        RAISE EXCEPTION 'IllegalTransition: % has been released already; its pipeline starts', named;
    ELSIF r.status <> 'WAITING' AND (undo OR NOT may_resume(r, now_is)) THEN
        RAISE EXCEPTION 'IllegalTransition: % is %; %', named, r.status, CASE WHEN undo THEN 'a waiver can be taken back while the run waits'
            WHEN r.status = 'PROCESSING' THEN 'it runs with the inputs that it has'
            ELSE 'an input is waived while the run waits, or after it ended because inputs were missing; `headgate rerun` makes it wait again' END;
    ELSIF undo AND NOT EXISTS (SELECT FROM inputs_of_run(r.run_id) d WHERE d.upstream = input AND d.waived_at IS NOT NULL) THEN
        RAISE EXCEPTION 'IllegalTransition: % of % is not waived', input, named;
    ELSIF NOT undo AND NOT EXISTS (SELECT FROM inputs_of_run(r.run_id) d WHERE d.upstream = input AND d.status = 'WAITING') THEN
        RAISE EXCEPTION 'IllegalTransition: % of % %', input, named, (SELECT CASE WHEN bool_or(d.waived_at IS NOT NULL)
            THEN 'is waived already, by ' || max(d.waived_by) ELSE 'has arrived' END FROM inputs_of_run(r.run_id) d WHERE d.upstream = input);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION waive_input(
    product text, on_date date, of_cycle text, input text, reason text, undo boolean, actor text, now_is timestamptz,
    OUT released boolean, OUT attempt integer, OUT missing jsonb
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- What is missing from this upstream counts as arrived, for this run in all its attempts; or, with `undo`, is waited for again. The run goes on if its
-- condition holds now: it is released, or starts its next attempt if it ended because inputs were missing. `missing` is what it still waits for.
DECLARE
    r data_product_status;
BEGIN
    PERFORM lock_openings(true);
    SELECT * INTO r FROM runs_of_date(product, on_date) d WHERE d.cycle = of_cycle;
    PERFORM lock_runs(r.run_id || users_of_resumable(ARRAY[r.run_id], now_is));
    r := locked_run_of(product, on_date, of_cycle);
    PERFORM refuse_waiver(r, input, undo, now_is);
    IF undo THEN
        UPDATE data_product_dependencies_events_status d SET status = 'WAITING', event = 'unwaived', arrived_at = NULL, waived_at = NULL,
            waived_by = actor, waive_reason = NULL, changed_at = now_is
        WHERE d.run_id = r.run_id AND d.upstream = input AND d.waived_at IS NOT NULL;
        PERFORM match_arrivals(ARRAY[r.run_id], NULL, now_is);
    ELSE
        UPDATE data_product_dependencies_events_status d SET status = 'ARRIVED', event = 'waived', arrived_at = now_is, waived_at = now_is,
            waived_by = actor, waive_reason = reason, changed_at = now_is
        WHERE d.run_id = r.run_id AND d.upstream = input AND d.status = 'WAITING';
    END IF;
    PERFORM advance(ARRAY[r.run_id], now_is, CASE WHEN undo THEN 'the last input arrived' ELSE coalesce('the rest of the files of ' || product_of_files(input), input) || ' was waived' END, actor);
    SELECT s.released_at IS NOT NULL, s.attempt INTO released, attempt FROM run_of(r.run_id) s;
    missing := missing_inputs(r.run_id);
END $$;

CREATE OR REPLACE FUNCTION waived_inputs(run uuid) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The inputs of the run that count as arrived without an event, as far as they fit; null without one.
    SELECT cut(jsonb_agg(DISTINCT jsonb_strip_nulls(jsonb_build_object('product', d.upstream, 'business_date', d.required_date, 'by', d.waived_by,
        'at', d.waived_at, 'reason', cut_text(d.waive_reason, 600)))), 3000)
    FROM inputs_of_run(run) d WHERE d.waived_at IS NOT NULL
$$;
