-- Files that come while their run loads: they are of this run, and correct nothing.

CREATE OR REPLACE FUNCTION loads_files(r data_product_status) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether the run takes every file that comes now: it has a step with batches that has not found yet that nothing is left.
    SELECT r.status = 'PROCESSING' AND EXISTS (SELECT FROM data_pipeline_config c
        WHERE c.product_id = r.product_id AND c.settings ? 'batches' AND coalesce((SELECT w.decision = 'load' FROM landing_wave w
            WHERE w.run_id = r.run_id AND w.attempt = r.attempt AND w.step = c.step ORDER BY w.wave DESC LIMIT 1), true))
$$;

CREATE OR REPLACE FUNCTION take_next_generations(runs uuid[], superseded text[], now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- Those of the (locked) runs that load files and had these arrivals of them have the next ones instead.
    UPDATE data_product_dependencies_events_status d SET event_key = newer.event_key, event = 'arrived', changed_at = now_is
    FROM data_product_status r, refresh_event older, refresh_event newer
    WHERE d.run_id = ANY (runs) AND d.event_key = ANY (superseded) AND r.run_id = d.run_id AND d.upstream = files_input(r.product_id)
        AND older.event_key = d.event_key AND newer.product_id = older.product_id AND newer.business_date = older.business_date
        AND newer.cycle = older.cycle AND newer.superseded_at IS NULL AND loads_files(r)
$$;

CREATE OR REPLACE FUNCTION take_settling_files(r data_product_status, now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- The (locked) run has loaded all that there is. What completes its set once more and has not settled yet is among it, and arrives.
DECLARE
    settling landing_set[];
BEGIN
    SELECT array_agg(s) INTO settling FROM inputs_of_run(r.run_id) d JOIN landing_set s USING (cycle)
    WHERE d.upstream = files_input(r.product_id) AND s.product_id = r.product_id AND s.business_date = r.business_date AND s.due_at IS NOT NULL;
    IF settling IS NOT NULL THEN
        PERFORM end_notices(notices_of_arrived(settling), now_is);
        PERFORM take_next_generations(ARRAY[r.run_id], supersede_older(store_arrivals(settling, '[]', now_is), now_is), now_is);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION loaded_files(r data_product_status, statuses jsonb) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- What the refresh event says of the files that the run has loaded: how many have which status, as `statuses` counts them, without those that were corrected, which are REJECTED or FAILED.
    SELECT jsonb_build_object('files', coalesce(s -> 'PROCESSED', '0'), 'rejected', coalesce(s -> 'REJECTED', '0'), 'failed', coalesce(s -> 'FAILED', '0'))
        || coalesce((
            SELECT jsonb_build_object('generation', e.metadata -> 'generation', 'incomplete', e.metadata -> 'incomplete')
            FROM inputs_of_run(r.run_id) d JOIN refresh_event e USING (event_key) WHERE d.upstream = files_input(r.product_id) LIMIT 1), '{}')
    FROM (SELECT CASE WHEN statuses ?| '{REJECTED,FAILED}' AND is_cdc(r.product_id) THEN (
            SELECT coalesce(jsonb_object_agg(status, files), '{}') FROM (
                SELECT f.status, count(*) AS files FROM files_of_run(r) f WHERE f.file_id <> ALL ((SELECT corrected_files(r))::bigint[]) GROUP BY f.status) each)
        ELSE statuses END AS s) counted
$$;
