-- Reruns of everything downstream, here and in other accounts.

CREATE OR REPLACE FUNCTION has_run_as_fallback(product text, on_date date) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether a run of that date has the failure, skip or cancellation of an upstream as its input. A cascade does not run it again.
    SELECT EXISTS (SELECT FROM runs_of_date(product, on_date) r CROSS JOIN LATERAL inputs_of_run(r.run_id) d
        WHERE d.status = 'ARRIVED' AND d.statuses && '{ERROR,SKIPPED,CANCELLED}' AND NOT 'COMPLETED' = ANY (d.statuses))
$$;

CREATE OR REPLACE FUNCTION downstream_of(product text, on_date date) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
-- The products of here that need the product's refresh for that date, directly or not.
    WITH RECURSIVE affected(product_id) AS (
        SELECT product
        UNION
        SELECT d.product_id FROM affected a
        CROSS JOIN LATERAL (SELECT * FROM data_product_dependencies d WHERE d.upstream = a.product_id AND 'COMPLETED' = ANY (d.statuses) OFFSET 0) d
        WHERE NOT has_run_as_fallback(d.product_id, on_date)
    )
    SELECT product_id FROM affected WHERE product_id <> product
$$;

CREATE OR REPLACE FUNCTION reached_elsewhere(product text, on_date date, of_cycle text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- What a cascade from the product reaches by events, as far as it fits: products of other accounts, and those of here behind them,
-- [{product, business_date, cycle, runs_in}]; `runs_in` is null for those of here.
    WITH RECURSIVE needed(product_id, upstream) AS MATERIALIZED (
        SELECT product_id, upstream FROM data_product_dependencies WHERE 'COMPLETED' = ANY (statuses)
        UNION
        SELECT p.product_id, unnest(p.needs) FROM data_product p WHERE p.active AND p.needs IS NOT NULL
    ), reached(product_id) AS (
        SELECT product
        UNION
        SELECT n.product_id FROM reached r JOIN needed n ON n.upstream = r.product_id
    )
    SELECT coalesce(cut(jsonb_agg(jsonb_build_object('product', p.product_id, 'business_date', on_date, 'cycle', of_cycle, 'runs_in', p.runs_in)
        ORDER BY p.runs_in, p.product_id), 20000), '[]')
    FROM reached JOIN data_product p USING (product_id)
    WHERE EXISTS (SELECT FROM data_product e WHERE e.active AND e.needs IS NOT NULL) AND product_id <> product
        AND product_id NOT IN (SELECT downstream_of(product, on_date)) AND (p.runs_in IS NOT NULL OR runs_here(p))
$$;

CREATE OR REPLACE FUNCTION cascade(events jsonb, added text[], now_is timestamptz) RETURNS text[]
LANGUAGE plpgsql AS $$
-- Runs of here that have ended and need what other accounts make again with a cascade start their next attempts, which cascade in turn. Gives the
-- products that are made again so. An event of a product that runs here says nothing new: its rerun has done this already.
DECLARE
    again text[];
    upstream record;
    targets uuid[];
BEGIN
    FOR upstream IN
        SELECT e.product_id, e.business_date FROM jsonb_to_recordset(events) AS given(event_key text, cascade boolean)
        JOIN refresh_event e USING (event_key)
        WHERE given.cascade AND e.event_key = ANY (added) AND e.status = 'REOPENED' AND e.superseded_at IS NULL
            AND NOT EXISTS (SELECT FROM data_product p WHERE p.product_id = e.product_id AND runs_here(p))
        ORDER BY 1, 2
    LOOP
        again := again || upstream.product_id;
        targets := lock_runs(ARRAY(
            SELECT r.run_id FROM downstream_of(upstream.product_id, upstream.business_date) AS needs(product_id)
            CROSS JOIN LATERAL runs_of_date(needs.product_id, upstream.business_date) r
            JOIN data_product p ON p.product_id = r.product_id
            WHERE runs_here(p)));
        targets := ARRAY(SELECT run_id FROM data_product_status
            WHERE run_id = ANY (targets) AND status IN ('COMPLETED', 'ERROR', 'SKIPPED', 'CANCELLED'));
        PERFORM start_next_attempts(targets, 'rerun', true, NULL, 'rerun of ' || upstream.product_id, now_is);
        PERFORM go_on(targets, now_is, 'everything had arrived', 'refresh event', 'released', NULL);
        PERFORM store_start_effects(targets, now_is);
    END LOOP;
    RETURN coalesce(again, '{}');
END $$;
