-- Arrivals.

CREATE OR REPLACE FUNCTION arrived_before_opening(product text, on_date date, now_is timestamptz) RETURNS integer[]
LANGUAGE sql STABLE AS $$
-- The dependencies for which everything has arrived that a run of the product for that date would wait for.
    SELECT ARRAY(
        SELECT i.leaf FROM inputs_of(product, on_date, '') i GROUP BY i.leaf
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
    CROSS JOIN LATERAL (SELECT * FROM inputs_of(d.product_id, opening.date, '') i WHERE i.leaf = d.leaf OFFSET 0) i
    WHERE e.event_key = ANY (keys) AND d.product_id = ANY (products)
        AND counts_for(e, i.statuses, i.account, i.required_date, now_is - make_interval(secs => i.max_age_seconds), i.cycle)
        AND NOT EXISTS (SELECT FROM data_product p WHERE p.product_id = d.product_id AND p.cycles_changed_at IS NOT NULL
            AND '' = ANY (replaced_cycles(p.product_id, opening.date)))
        AND (latest.offset_days IS NULL OR (d.max_age_seconds IS NULL AND d.offset_days = latest.offset_days)
            OR condition_holds((SELECT p.condition FROM data_product p WHERE p.product_id = d.product_id),
                arrived_before_opening(d.product_id, opening.date, now_is)))
$$;

CREATE OR REPLACE FUNCTION lock_events_of(products text[]) RETURNS void
LANGUAGE sql AS $$
-- Events of one product are recorded one after the other: each sees the attempts before it. In one order, before any lock of a row.
    SELECT pg_advisory_xact_lock(7205, key) FROM (SELECT DISTINCT hashtext(name) AS key FROM unnest(products) name ORDER BY key) each
$$;

CREATE OR REPLACE FUNCTION store_events(
    events jsonb, refused jsonb, now_is timestamptz, OUT keys text[], OUT recorded integer, OUT added text[]
)
LANGUAGE sql AS $$
-- Puts the events that are not refused into the inbox. A moment of refresh more than an hour ahead is of a wrong clock, and the moment of receipt
-- stands for it.
    WITH given AS (
        SELECT DISTINCT ON (event_key) * FROM jsonb_to_recordset(events) AS e(event_key text, product_id text, account text, business_date date,
            cycle text, status text, run_id text, attempt integer, refreshed_at timestamptz, metadata jsonb, cause text)
        WHERE event_key NOT IN (SELECT each ->> 'event_key' FROM jsonb_array_elements(refused) each)
        ORDER BY event_key
    ), stored AS (
        INSERT INTO refresh_event (event_key, product_id, account, business_date, cycle, status, run_id, attempt, refreshed_at, received_at, metadata,
            cause)
        SELECT event_key, product_id, account, business_date, coalesce(cycle, ''), status, run_id, attempt,
            CASE WHEN refreshed_at > now_is + interval '1 hour' THEN now_is ELSE refreshed_at END, now_is, coalesce(metadata, '{}'), left(cause, 1000)
        FROM given
        ON CONFLICT (event_key) DO NOTHING
        RETURNING event_key
    )
    SELECT array_agg(event_key), (SELECT count(*)::integer FROM stored), (SELECT array_agg(event_key) FROM stored) FROM given
$$;

CREATE OR REPLACE FUNCTION take_events(keys text[], added text[], events jsonb, corrected text[], reason text, actor text, now_is timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
-- What follows of events in the inbox, of which `added` are new: what an older attempt published counts no longer; the runs of products without a schedule
-- that the events open are opened, what they count for has ARRIVED, and every run goes on that now can (`advance`). Those of `events` and `corrected`
-- that say so are made again with everything that depends on them. Gives how many runs were released.
DECLARE
    superseded text[] := supersede_older(keys, now_is);
    upstreams text[] := ARRAY(SELECT DISTINCT e.product_id FROM refresh_event e WHERE e.event_key = ANY (keys));
    cascading text[];
    concerned uuid[];
    locked uuid[];
BEGIN
    PERFORM lock_products_opened_by(upstreams);
    PERFORM open_apart(ARRAY(SELECT products_opened_by(upstreams)), keys, now_is, actor);

    -- from the events to the runs that they concern, and never from all that waits to the events
    SELECT coalesce(array_agg(DISTINCT d.run_id), '{}') || runs_with(superseded) INTO concerned
    FROM (SELECT DISTINCT e.product_id, e.business_date FROM refresh_event e WHERE e.event_key = ANY (keys)) e
    CROSS JOIN LATERAL awaiting(e.product_id, e.business_date, now_is) d;
    locked := lock_runs(concerned || users_of_resumable(concerned, now_is));
    -- a new statement has a new snapshot: what others committed while this one waited for the locks is in it
    cascading := cascade(events, added, now_is) || corrected;
    PERFORM take_next_generations(locked, superseded, now_is);
    PERFORM reopen_inputs(locked, superseded, cascading, actor, now_is);
    locked := ARRAY(SELECT run_id FROM data_product_status r WHERE run_id = ANY (locked) AND takes_arrivals(r, now_is));
    PERFORM match_arrivals(locked, upstreams, now_is);
    PERFORM learn_from_events(added, now_is);
    RETURN cardinality(advance(locked, now_is, reason, actor, 'released', upstreams));
END $$;

CREATE OR REPLACE FUNCTION record_refresh_events(
    events jsonb, now_is timestamptz, OUT recorded integer, OUT repeated integer, OUT released integer, OUT refused jsonb
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records a batch of refresh events, and lets everything follow of them (`take_events`). An event recorded before changes nothing; one of another
-- account than its product's is `refused` [{event_key, reason}] and not recorded.
DECLARE
    keys text[];
    added text[];
BEGIN
    PERFORM lock_openings(shared => NOT events @> '[{"cascade": true}]');  -- a cascade does what a rerun does
    refused := foreign_events(events);
    PERFORM lock_events_of(ARRAY(SELECT e ->> 'product_id' FROM jsonb_array_elements(events) e));
    SELECT s.keys, s.recorded, s.added INTO keys, recorded, added FROM store_events(events, refused, now_is) s;
    IF keys IS NULL THEN
        repeated := 0;
        released := 0;
        RETURN;
    END IF;
    released := take_events(keys, added, events, '{}', 'the last input arrived', 'refresh event', now_is);

    PERFORM note_existing_events(added, now_is);

    -- the machine did publish: nothing is left for the monitor to do
    UPDATE effect f SET done_at = now_is, outcome = 'seen on the bus', payload = '{}'
    FROM refresh_event e
    WHERE e.event_key = ANY (keys) AND f.effect_key = 'publish ' || e.run_id || ' ' || e.attempt || ' ' || e.status AND f.done_at IS NULL
        AND EXISTS (SELECT FROM data_product_status r WHERE r.run_id = f.run_id AND r.product_id = e.product_id);
    repeated := cardinality(keys) - recorded;
END $$;
