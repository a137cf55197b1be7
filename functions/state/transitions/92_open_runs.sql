-- Open runs when their metadata changes. The caller has excluded openings and the recording of events.

CREATE OR REPLACE FUNCTION take_conditions(products text[], conditions_changed text[], now_is timestamptz, actor text) RETURNS integer
LANGUAGE plpgsql AS $$
-- The runs of the products that wait take the condition of today as a whole, are matched against the inbox again and released if it holds.
-- Those that were released keep theirs. Gives how many runs wait for something else, or for the same in another combination.
DECLARE
    waiting uuid[];
    changed uuid[];
BEGIN
    SELECT coalesce(array_agg(run_id), '{}') INTO waiting FROM (
        SELECT run_id FROM data_product_status WHERE product_id = ANY (products) AND status = 'WAITING' AND released_at IS NULL
        ORDER BY run_id FOR UPDATE) locked;
    changed := renew_inputs(waiting, now_is);
    changed := ARRAY(SELECT run_id FROM data_product_status
        WHERE run_id = ANY (waiting) AND (run_id = ANY (changed) OR product_id = ANY (conditions_changed)));
    UPDATE data_product_status SET event = 'condition_changed', changed_at = now_is, changed_by = actor WHERE run_id = ANY (changed);
    PERFORM match_arrivals(changed, NULL, now_is);
    PERFORM release_ready(changed, now_is, 'the new condition holds', actor);
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
            WHERE r.status = 'WAITING' AND why_no_runs(p) IS NOT NULL ORDER BY r.run_id FOR UPDATE OF r
        ), done AS (
            UPDATE data_product_status r SET status = 'CANCELLED', finished_at = now_is, error = 'NoPipeline', cause = l.reason,
                event = 'cancelled', changed_at = now_is, changed_by = actor
            FROM locked l WHERE r.run_id = l.run_id AND r.status = 'WAITING'
            RETURNING r.run_id, l.reason
        )
        SELECT d.reason, array_agg(d.run_id) FROM done d GROUP BY d.reason
    LOOP
        PERFORM stop_machines(ended, reason, now_is);
        cancelled := cancelled + cardinality(ended);
    END LOOP;
    RETURN cancelled;
END $$;
