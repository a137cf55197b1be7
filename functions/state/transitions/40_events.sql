-- Arrivals.

CREATE OR REPLACE FUNCTION record_refresh_events(
    events jsonb, now_is timestamptz, OUT recorded integer, OUT repeated integer, OUT released integer
)
LANGUAGE plpgsql AS $$
-- Records a batch of refresh events, opens the runs of products without a schedule that they are the first event for, marks what they
-- count for as ARRIVED and releases every run whose condition now holds. An event recorded before changes nothing.
DECLARE
    keys text[];
    locked uuid[];
BEGIN
    PERFORM lock_openings(true);
    WITH given AS (
        SELECT DISTINCT ON (event_key) * FROM jsonb_to_recordset(events) AS e(event_key text, product_id text, account text,
            business_date date, cycle text, status text, run_id text, attempt integer, refreshed_at timestamptz, metadata jsonb)
        ORDER BY event_key
    ), stored AS (
        INSERT INTO refresh_event (event_key, product_id, account, business_date, cycle, status, run_id, attempt, refreshed_at, received_at, metadata)
        SELECT event_key, product_id, account, business_date, coalesce(cycle, ''), status, run_id, attempt, refreshed_at, now_is, coalesce(metadata, '{}')
        FROM given
        ON CONFLICT (event_key) DO NOTHING
        RETURNING event_key
    )
    SELECT (SELECT array_agg(event_key) FROM given), (SELECT count(*) FROM stored) INTO keys, recorded;

    PERFORM lock_products_opened_by(ARRAY(SELECT e.product_id FROM refresh_event e WHERE e.event_key = ANY (keys)));
    PERFORM open_runs((
        SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('product_id', d.product_id, 'cycle', '',
            'business_date', e.business_date - CASE WHEN d.max_age_seconds IS NULL THEN d.offset_days ELSE 0 END)), '[]')
        FROM refresh_event e
        JOIN data_product_dependencies d ON d.upstream = e.product_id AND counts_for(e, d.statuses, d.account, NULL, NULL, '*')
        JOIN data_product p ON p.product_id = d.product_id AND p.active AND p.machine IS NOT NULL
        LEFT JOIN data_product_schedule s ON s.product_id = d.product_id
        WHERE e.event_key = ANY (keys) AND s.product_id IS NULL
    ), now_is, 'refresh event');

    SELECT coalesce(array_agg(run_id), '{}') INTO locked FROM (
        SELECT r.run_id FROM data_product_status r
        WHERE r.status = 'WAITING' AND r.run_id IN (
            SELECT d.run_id FROM data_product_dependencies_events_status d
            JOIN refresh_event e ON e.product_id = d.upstream AND (d.required_date IS NULL OR d.required_date = e.business_date)
            WHERE d.status = 'WAITING' AND e.event_key = ANY (keys))
        ORDER BY r.run_id FOR UPDATE
    ) waiting;
    -- a new statement has a new snapshot: what others committed while this one waited for the locks is in it
    PERFORM match_arrivals(locked, keys, now_is);
    released := cardinality(release_ready(locked, now_is, 'the last input arrived', 'refresh event'));

    -- the machine did publish: nothing is left for the monitor to do
    UPDATE effect f SET done_at = now_is, outcome = 'seen on the bus'
    FROM refresh_event e
    WHERE e.event_key = ANY (keys) AND f.effect_key = 'publish ' || e.run_id || ' ' || e.attempt || ' ' || e.status AND f.done_at IS NULL;
    repeated := cardinality(keys) - recorded;
END $$;
