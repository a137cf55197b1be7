-- What becomes of a run, as an event for everybody who depends on it.

CREATE OR REPLACE FUNCTION detail_type(status text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE status WHEN 'COMPLETED' THEN 'Data Product Refreshed' WHEN 'ERROR' THEN 'Data Product Failed'
        WHEN 'STARTED' THEN 'Data Product Started' WHEN 'SKIPPED' THEN 'Data Product Skipped' WHEN 'CANCELLED' THEN 'Data Product Cancelled'
        WHEN 'REOPENED' THEN 'Data Product Reopened' END
$$;

CREATE OR REPLACE FUNCTION event_detail(r data_product_status, status text, more jsonb, of_moment timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- What the event of a run's attempt says (contract `refresh-event`), with `more`. `waived` is there where inputs were waived: the first fifty by name.
    SELECT jsonb_build_object('domain', p.domain, 'product', p.name, 'business_date', r.business_date, 'cycle', r.cycle,
            'status', status, 'run_id', r.run_id, 'attempt', r.attempt, 'refreshed_at', moment(of_moment) || 'Z', 'metadata',
                refresh_metadata(r.run_id, r.attempt))
        || jsonb_strip_nulls(more || jsonb_build_object('waived', (SELECT jsonb_agg(upstream) FROM (
            SELECT DISTINCT d.upstream FROM inputs_of_run(r.run_id) d WHERE d.waived_at IS NOT NULL ORDER BY d.upstream LIMIT 50) waived)))
    FROM data_product p WHERE p.product_id = r.product_id
$$;

CREATE OR REPLACE FUNCTION store_event_of(r data_product_status, status text, more jsonb, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- The event of a run's attempt, with `more` in its detail. The machine publishes the event of COMPLETED and ERROR next: the one stored here is
-- for a machine that ends before it does so. The others are due at once. Its run event of OpenLineage is due at once in any case.
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'publish ' || r.run_id || ' ' || r.attempt || ' ' || status, 'put_event', r.run_id, r.attempt, jsonb_build_object(
        'visibility', p.visibility, 'detail_type', detail_type(status),
        'detail', event_detail(r, status, more, now_is)),
        now_is + CASE WHEN status IN ('COMPLETED', 'ERROR') THEN interval '15 minutes' ELSE interval '0' END
    FROM data_product p
    WHERE p.product_id = r.product_id AND p.refresh_event
    ON CONFLICT (effect_key) DO NOTHING;
    SELECT store_lineage(r, status, now_is)
$$;

CREATE OR REPLACE FUNCTION publish_at_once(run uuid, of_attempt integer, of_status text, now_is timestamptz) RETURNS void
LANGUAGE sql SET enable_seqscan = off AS $$
-- Makes the event of an outcome due now: no machine publishes it first. One that is published stays so.
    UPDATE effect SET due_at = least(due_at, now_is)
    WHERE effect_key = 'publish ' || run || ' ' || of_attempt || ' ' || of_status AND done_at IS NULL
$$;
