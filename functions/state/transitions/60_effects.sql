-- The outbox. What is due is handed out in pages; the worker that takes an effect has it until its lease ends.

CREATE OR REPLACE FUNCTION is_due(e effect, now_is timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
-- Whether a worker may take the effect. One that is parked waits for an operator. Who goes through all that is open states `is_open` as well.
    SELECT e.done_at IS NULL AND e.parked_at IS NULL AND e.due_at <= now_is AND (e.claimed_until IS NULL OR e.claimed_until <= now_is)
$$;

CREATE OR REPLACE FUNCTION take_effects(locked bigint[], now_is timestamptz, lease interval)
RETURNS TABLE (effect_id bigint, kind text, payload text, tries integer)
LANGUAGE sql AS $$
-- At most 800,000 bytes of the locked effects: the Data API answers with a mebibyte. The first is given whatever its size.
    WITH running AS (
        SELECT e.effect_id, sum(wire_bytes(e.payload::text) + 200) OVER oldest_first AS bytes, row_number() OVER oldest_first AS number
        FROM effect e WHERE e.effect_id = ANY (locked) WINDOW oldest_first AS (ORDER BY e.due_at, e.effect_id)
    )
    UPDATE effect f SET claimed_until = now_is + lease, tries = f.tries + 1
    FROM running WHERE f.effect_id = running.effect_id AND (running.bytes <= 800000 OR running.number = 1)
    RETURNING f.effect_id, f.kind, f.payload::text, f.tries
$$;

CREATE OR REPLACE FUNCTION claim_effects(page integer, now_is timestamptz, lease interval)
RETURNS TABLE (effect_id bigint, kind text, payload text, tries integer)
LANGUAGE sql SET enable_seqscan = off AS $$
-- The effects that have been due longest, at most `page`.
    SELECT taken.* FROM take_effects(ARRAY(
        SELECT e.effect_id FROM effect e WHERE is_open(e) AND is_due(e, now_is)
        ORDER BY e.due_at, e.effect_id LIMIT page FOR UPDATE SKIP LOCKED), now_is, lease) taken
$$;

CREATE OR REPLACE FUNCTION claim_effects_due_since(moment timestamptz, page integer, now_is timestamptz, lease interval)
RETURNS TABLE (effect_id bigint, kind text, payload text, tries integer)
LANGUAGE sql SET enable_seqscan = off AS $$
-- Those that became due at exactly this moment, which are those of the transitions that were given it as their time.
    SELECT taken.* FROM take_effects(ARRAY(
        SELECT e.effect_id FROM effect e WHERE is_open(e) AND is_due(e, now_is) AND e.due_at = moment
        ORDER BY e.effect_id LIMIT page FOR UPDATE SKIP LOCKED), now_is, lease) taken
$$;

CREATE OR REPLACE FUNCTION claim_effects_of_run(run uuid, page integer, now_is timestamptz, lease interval)
RETURNS TABLE (effect_id bigint, kind text, payload text, tries integer)
LANGUAGE sql SET enable_seqscan = off AS $$
    SELECT taken.* FROM take_effects(ARRAY(
        SELECT e.effect_id FROM effect e WHERE is_due(e, now_is) AND e.run_id = run
        ORDER BY e.due_at, e.effect_id LIMIT page FOR UPDATE SKIP LOCKED), now_is, lease) taken
$$;

CREATE OR REPLACE FUNCTION claim_alerts(until timestamptz, page integer, now_is timestamptz, lease interval)
RETURNS TABLE (effect_id bigint, payload text, seconds integer)
LANGUAGE sql SET enable_seqscan = off AS $$
-- The alerts that are due by then, also those of later than now, with the seconds until each is due.
    SELECT taken.effect_id, taken.payload, greatest(0, ceil(extract(epoch FROM f.due_at - now_is)))::integer
    FROM take_effects(ARRAY(
        SELECT e.effect_id FROM effect e
        WHERE is_open(e) AND e.kind = 'alert' AND e.due_at <= until AND e.parked_at IS NULL AND (e.claimed_until IS NULL OR e.claimed_until <= now_is)
        ORDER BY e.due_at, e.effect_id LIMIT page FOR UPDATE SKIP LOCKED), now_is, lease) taken
    JOIN effect f USING (effect_id)
$$;

CREATE OR REPLACE FUNCTION finish_effects(results jsonb, now_is timestamptz) RETURNS integer
LANGUAGE sql SET enable_seqscan = off AS $$
-- [{effect_id, outcome, retry_seconds, parked, untried}]: done; due again after retry_seconds; parked until an operator retries it; or, untried,
-- given back as it was taken. Gives how many were not done before.
    WITH finished AS (
        UPDATE effect f SET
            done_at = CASE WHEN done THEN now_is END,
            due_at = coalesce(now_is + make_interval(secs => r.retry_seconds), f.due_at),
            parked_at = CASE WHEN r.parked THEN now_is END,
            failing_since = CASE WHEN done OR given_back THEN f.failing_since ELSE coalesce(f.failing_since, now_is) END,
            tries = f.tries - CASE WHEN given_back THEN 1 ELSE 0 END,
            claimed_until = NULL, outcome = coalesce(left(r.outcome, 2000), f.outcome),
            payload = CASE WHEN done AND f.kind <> 'start_execution' THEN '{}' ELSE f.payload END  -- a start may be repeated
        FROM jsonb_to_recordset(results) AS r(effect_id bigint, outcome text, retry_seconds integer, parked boolean, untried boolean)
        CROSS JOIN LATERAL (SELECT r.untried IS TRUE AS given_back, num_nulls(r.retry_seconds, r.parked, r.untried) = 3 AS done) came
        WHERE f.effect_id = ANY (ARRAY(SELECT (given ->> 'effect_id')::bigint FROM jsonb_array_elements(results) given))
            AND f.effect_id = r.effect_id AND f.done_at IS NULL
        RETURNING f.effect_id, f.run_id, f.parked_at, f.outcome
    ), kept AS (
        INSERT INTO effect_history (effect_id, run_id, event, outcome, changed_at, changed_by)
        SELECT effect_id, run_id, 'parked', outcome, now_is, 'headgate' FROM finished WHERE parked_at IS NOT NULL
    )
    SELECT count(*)::integer FROM finished
$$;

CREATE OR REPLACE FUNCTION retry_effects(chosen jsonb, actor text, now_is timestamptz) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Makes the parked effects of these ids due again, or all that are parked if it is null, and gives how many; their tries are counted anew.
DECLARE
    wanted bigint[] := ARRAY(SELECT jsonb_array_elements_text(chosen)::bigint);
    parked bigint[];
    others bigint[];
BEGIN
    SELECT coalesce(array_agg(effect_id), '{}') INTO parked FROM (
        SELECT effect_id FROM effect
        WHERE is_parked(effect) AND (chosen IS NULL OR effect_id = ANY (wanted)) ORDER BY effect_id FOR UPDATE) locked;
    SELECT array_agg(each ORDER BY each) INTO others FROM unnest(wanted) each WHERE each <> ALL (parked);
    IF others IS NOT NULL THEN
        RAISE EXCEPTION 'IllegalTransition: effect % is not parked; `headgate health` lists those that are', array_to_string(others, ', ');
    END IF;
    UPDATE effect SET parked_at = NULL, tries = 0, due_at = now_is, claimed_until = NULL WHERE effect_id = ANY (parked);
    INSERT INTO effect_history (effect_id, run_id, event, changed_at, changed_by)
    SELECT effect_id, run_id, 'retried', now_is, actor FROM effect WHERE effect_id = ANY (parked);
    RETURN cardinality(parked);
END $$;
