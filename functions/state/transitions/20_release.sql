-- When a run is released. The caller of these functions holds the run's row lock: two last arrivals at once see each other.

CREATE OR REPLACE FUNCTION condition_holds(node jsonb, arrived integer[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
-- The condition's tree: a number is a leaf; {"all_of": [...]} and {"any_of": [...]} nest.
BEGIN
    IF node IS NULL OR jsonb_typeof(node) = 'null' THEN
        RETURN true;
    ELSIF jsonb_typeof(node) = 'number' THEN
        RETURN node::integer = ANY (arrived);
    ELSIF node ? 'all_of' THEN
        RETURN (SELECT bool_and(condition_holds(member, arrived)) FROM jsonb_array_elements(node -> 'all_of') member);
    END IF;
    RETURN (SELECT bool_or(condition_holds(member, arrived)) FROM jsonb_array_elements(node -> 'any_of') member);
END $$;

CREATE OR REPLACE FUNCTION arrived_leaves(run uuid) RETURNS integer[]
LANGUAGE sql STABLE AS $$
-- The leaves of the run's condition all of whose refreshes have arrived.
    SELECT ARRAY(SELECT d.leaf FROM data_product_dependencies_events_status d
        WHERE d.run_id = run GROUP BY d.leaf HAVING bool_and(d.status = 'ARRIVED'))
$$;

CREATE OR REPLACE FUNCTION store_release_effects(runs uuid[], now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- For each released run whose machine waits: answer its token, once a token.
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'release ' || r.run_id || ' ' || r.attempt || ' ' || md5(r.task_token), 'task_success', r.run_id, r.attempt,
        jsonb_build_object('task_token', r.task_token, 'output', jsonb_build_object(
            'decision', 'start', 'reason', r.release_reason,
            'arrived', (SELECT coalesce(jsonb_agg(upstream), '[]') FROM (
                SELECT DISTINCT d.upstream FROM data_product_dependencies_events_status d
                WHERE d.run_id = r.run_id AND d.status = 'ARRIVED' ORDER BY d.upstream LIMIT 100) first))),
        now_is
    FROM data_product_status r
    WHERE r.run_id = ANY (runs) AND r.status = 'WAITING' AND r.released_at IS NOT NULL AND r.task_token IS NOT NULL
    ON CONFLICT (effect_key) DO NOTHING
$$;

CREATE OR REPLACE FUNCTION release_ready(runs uuid[], now_is timestamptz, reason text, actor text, kind run_event DEFAULT 'released') RETURNS uuid[]
LANGUAGE plpgsql AS $$
-- Releases those of the (locked) runs whose condition holds and that are not held; gives the runs it released. A run that is
-- done again waits for the work of its earlier attempts that still runs. What a deadline has decided to end is not released.
DECLARE
    released uuid[];
BEGIN
    WITH candidate AS (
        SELECT r.run_id, r.attempt, p.condition FROM data_product_status r JOIN data_product p USING (product_id)
        WHERE r.run_id = ANY (runs) AND r.status = 'WAITING' AND r.released_at IS NULL AND NOT r.held AND NOT p.held
    ), ready AS (
        SELECT c.run_id FROM candidate c
        WHERE NOT EXISTS (SELECT FROM job_run j WHERE j.run_id = c.run_id AND j.attempt < c.attempt AND j.state = 'STARTED' AND NOT is_cluster(j) OFFSET 0)
            AND NOT EXISTS (SELECT FROM missed_deadline m WHERE m.run_id = c.run_id AND m.attempt = c.attempt OFFSET 0)
            AND condition_holds(c.condition, arrived_leaves(c.run_id))
    ), done AS (
        UPDATE data_product_status r
        SET released_at = now_is, release_reason = reason, event = kind, changed_at = now_is, changed_by = actor
        FROM ready WHERE r.run_id = ready.run_id
        RETURNING r.run_id
    )
    SELECT coalesce(array_agg(run_id), '{}') INTO released FROM done;
    PERFORM store_release_effects(released, now_is);
    RETURN released;
END $$;

CREATE OR REPLACE FUNCTION product_held_by(p data_product) RETURNS text
LANGUAGE sql STABLE AS $$
-- Who holds the product; null if nobody does.
    SELECT h.changed_by FROM data_product_hold_history h WHERE p.held AND h.product_id = p.product_id AND h.held ORDER BY h.hold_id DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION run_held_by(r data_product_status) RETURNS text
LANGUAGE sql STABLE AS $$
-- Who holds the run itself; null if nobody does.
    SELECT h.changed_by FROM data_product_status_history h WHERE r.held AND h.run_id = r.run_id AND h.event = 'held' ORDER BY h.history_id DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION kept_back(run uuid) RETURNS text
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- What keeps a run from its release whatever has arrived, as a clause about the past; null if nothing does.
    SELECT coalesce(
        CASE WHEN p.held THEN 'the product was held by ' || coalesce(product_held_by(p), 'an operator') END,
        CASE WHEN r.held THEN 'the run was held by ' || coalesce(run_held_by(r), 'an operator') END,
        (SELECT 'job run ' || j.job_run_id || ' of attempt ' || j.attempt || ' was still running' FROM job_run j
            WHERE j.run_id = r.run_id AND j.attempt < r.attempt AND j.state = 'STARTED' AND NOT is_cluster(j) ORDER BY j.started_at LIMIT 1))
    FROM data_product_status r JOIN data_product p USING (product_id)
    WHERE r.run_id = run
$$;

CREATE OR REPLACE FUNCTION missing_inputs(run uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
-- What has not arrived, as far as it fits: the upstream, the date and cycle needed, and its owner; of files what is there and what is missing.
BEGIN
    RETURN (SELECT coalesce(cut(jsonb_agg(jsonb_build_object('product', d.upstream, 'business_date', d.required_date, 'cycle', d.cycle, 'status', d.statuses,
            'owner', (SELECT cut_text(p.owner, 500) FROM data_product p WHERE p.product_id = d.upstream))
            || CASE WHEN product_of_files(d.upstream) IS NULL THEN '{}'
                ELSE jsonb_build_object('files', files_in_brief(product_of_files(d.upstream), d.required_date, d.cycle)) END
            ORDER BY d.leaf, d.cycle), 24000), '[]')
        FROM data_product_dependencies_events_status d
        WHERE d.run_id = run AND d.status = 'WAITING');
END $$;
