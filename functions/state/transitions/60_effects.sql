-- The outbox. What is due is handed out in pages; the worker that takes an effect has it until its lease ends.

CREATE OR REPLACE FUNCTION claim_effects(page integer, now_is timestamptz, lease interval)
RETURNS TABLE (effect_id bigint, kind text, payload text, tries integer)
LANGUAGE sql SET enable_seqscan = off AS $$
-- At most `page` effects and 800,000 bytes: the Data API answers with a mebibyte. The first is given whatever its size.
    WITH free AS (
        SELECT e.effect_id, e.due_at, octet_length(e.payload::text) AS size FROM effect e
        WHERE is_open(e) AND e.due_at <= now_is AND (e.claimed_until IS NULL OR e.claimed_until <= now_is)
        ORDER BY e.due_at, e.effect_id LIMIT page FOR UPDATE SKIP LOCKED
    ), fitting AS (
        SELECT f.effect_id, sum(f.size) OVER running AS total, row_number() OVER running AS number
        FROM free f WINDOW running AS (ORDER BY f.due_at, f.effect_id)
    )
    UPDATE effect f SET claimed_until = now_is + lease, tries = f.tries + 1
    FROM fitting WHERE f.effect_id = fitting.effect_id AND (fitting.total <= 800000 OR fitting.number = 1)
    RETURNING f.effect_id, f.kind, f.payload::text, f.tries
$$;

CREATE OR REPLACE FUNCTION finish_effects(results jsonb, now_is timestamptz) RETURNS integer
LANGUAGE sql SET enable_seqscan = off AS $$
-- [{effect_id, outcome, retry_seconds}]: done, or due again after retry_seconds. Gives how many were not done before.
    WITH finished AS (
        UPDATE effect f SET
            done_at = CASE WHEN r.retry_seconds IS NULL THEN now_is END,
            due_at = CASE WHEN r.retry_seconds IS NULL THEN f.due_at ELSE now_is + make_interval(secs => r.retry_seconds) END,
            claimed_until = NULL, outcome = left(r.outcome, 2000)
        FROM jsonb_to_recordset(results) AS r(effect_id bigint, outcome text, retry_seconds integer)
        WHERE f.effect_id = r.effect_id AND f.done_at IS NULL
        RETURNING 1
    )
    SELECT count(*)::integer FROM finished
$$;
