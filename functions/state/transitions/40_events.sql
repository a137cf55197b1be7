-- Arrivals.

CREATE OR REPLACE FUNCTION arrived_before_opening(product text, on_date date, now_is timestamptz) RETURNS integer[]
LANGUAGE sql STABLE AS $$
-- The dependencies for which everything has arrived that a run of the product for that date would wait for.
    SELECT ARRAY(
        SELECT i.leaf FROM inputs_of(product, on_date) i GROUP BY i.leaf
        HAVING bool_and(EXISTS (SELECT FROM arrival_for(i.upstream, i.statuses, i.account, i.required_date,
            now_is - make_interval(secs => i.max_age_seconds), i.cycle))))
$$;

CREATE OR REPLACE FUNCTION opened_by_events(products text[], keys text[], now_is timestamptz) RETURNS TABLE (product_id text, business_date date)
LANGUAGE sql STABLE AS $$
-- The runs of these products without a schedule that these events open: those that they count for, by date, cycle and age. An event of an earlier date
-- than another dependency needs, or of any date (max_age), comes before the day of the run: it opens the run only if its condition holds already.
    SELECT DISTINCT d.product_id, opening.date
    FROM refresh_event e
    CROSS JOIN LATERAL dependencies_that_open(e.product_id) d
    CROSS JOIN LATERAL (SELECT e.business_date - CASE WHEN d.max_age_seconds IS NULL THEN d.offset_days ELSE 0 END AS date) opening
    CROSS JOIN LATERAL (SELECT max(offset_days) AS offset_days FROM data_product_dependencies
        WHERE product_id = d.product_id AND max_age_seconds IS NULL) latest
    CROSS JOIN LATERAL (SELECT * FROM inputs_of(d.product_id, opening.date) i WHERE i.leaf = d.leaf OFFSET 0) i
    WHERE e.event_key = ANY (keys) AND d.product_id = ANY (products)
        AND counts_for(e, i.statuses, i.account, i.required_date, now_is - make_interval(secs => i.max_age_seconds), i.cycle)
        AND NOT EXISTS (SELECT FROM data_product p WHERE p.product_id = d.product_id AND p.cycles_changed_at IS NOT NULL
            AND '' = ANY (replaced_cycles(p.product_id, opening.date)))
        AND (latest.offset_days IS NULL OR (d.max_age_seconds IS NULL AND d.offset_days = latest.offset_days)
            OR condition_holds((SELECT p.condition FROM data_product p WHERE p.product_id = d.product_id),
                arrived_before_opening(d.product_id, opening.date, now_is)))
$$;

CREATE OR REPLACE FUNCTION record_refresh_events(
    events jsonb, now_is timestamptz, OUT recorded integer, OUT repeated integer, OUT released integer, OUT refused jsonb
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records a batch of refresh events, opens the runs of products without a schedule that they open, marks what they count for as ARRIVED and
-- releases every run whose condition now holds. An event recorded before changes nothing; one of another account than its product's
-- is `refused` [{event_key, reason}] and not recorded. A moment of refresh more than an hour ahead is
-- of a wrong clock, and the moment of receipt stands for it.
DECLARE
    keys text[];
    upstreams text[];
    concerned uuid[];
    locked uuid[];
BEGIN
    PERFORM lock_openings(true);
    refused := foreign_events(events);
    WITH given AS (
        SELECT DISTINCT ON (event_key) * FROM jsonb_to_recordset(events) AS e(event_key text, product_id text, account text,
            business_date date, cycle text, status text, run_id text, attempt integer, refreshed_at timestamptz, metadata jsonb)
        WHERE event_key NOT IN (SELECT each ->> 'event_key' FROM jsonb_array_elements(refused) each)
        ORDER BY event_key
    ), stored AS (
        INSERT INTO refresh_event (event_key, product_id, account, business_date, cycle, status, run_id, attempt, refreshed_at, received_at, metadata)
        SELECT event_key, product_id, account, business_date, coalesce(cycle, ''), status, run_id, attempt,
            CASE WHEN refreshed_at > now_is + interval '1 hour' THEN now_is ELSE refreshed_at END, now_is, coalesce(metadata, '{}')
        FROM given
        ON CONFLICT (event_key) DO NOTHING
        RETURNING event_key
    )
    SELECT array_agg(event_key), array_agg(DISTINCT product_id), (SELECT count(*) FROM stored) INTO keys, upstreams, recorded FROM given;
    IF keys IS NULL THEN
        repeated := 0;
        released := 0;
        RETURN;
    END IF;

    PERFORM lock_products_opened_by(upstreams);
    PERFORM open_apart(ARRAY(SELECT products_opened_by(upstreams)), keys, now_is, 'refresh event');

    -- from the events to the runs that they concern, and never from all that waits to the events
    SELECT coalesce(array_agg(DISTINCT d.run_id), '{}') INTO concerned
    FROM (SELECT DISTINCT e.product_id, e.business_date FROM refresh_event e WHERE e.event_key = ANY (keys)) e
    CROSS JOIN LATERAL awaiting(e.product_id, e.business_date) d;
    SELECT coalesce(array_agg(run_id), '{}') INTO locked FROM (
        SELECT r.run_id FROM data_product_status r WHERE r.run_id = ANY (concerned) AND r.status = 'WAITING' ORDER BY r.run_id FOR UPDATE) waiting;
    -- a new statement has a new snapshot: what others committed while this one waited for the locks is in it
    PERFORM match_arrivals(locked, upstreams, now_is);
    released := cardinality(release_ready(locked, now_is, 'the last input arrived', 'refresh event'));

    -- the machine did publish: nothing is left for the monitor to do
    UPDATE effect f SET done_at = now_is, outcome = 'seen on the bus', payload = '{}'
    FROM refresh_event e
    WHERE e.event_key = ANY (keys) AND f.effect_key = 'publish ' || e.run_id || ' ' || e.attempt || ' ' || e.status AND f.done_at IS NULL
        AND EXISTS (SELECT FROM data_product_status r WHERE r.run_id = f.run_id AND r.product_id = e.product_id);
    repeated := cardinality(keys) - recorded;
END $$;
