-- For functions of the release before: while a deployment has migrated the state and not yet replaced them, and after a rollback. Goes with the next release.

CREATE OR REPLACE FUNCTION forecast_page(on_date date, of_product text, only_at_risk boolean, after text, page integer, now_is timestamptz)
RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The forecast with an entry for each product: of all, of one with everything before it that decides, or of those at risk; at most `page` after the key `after`.
    WITH RECURSIVE forecast AS MATERIALIZED (
        SELECT * FROM forecast(on_date, now_is)
    ), chosen(product_id) AS (
        SELECT of_product
        UNION
        SELECT f.waits_for FROM chosen c JOIN forecast f USING (product_id) WHERE f.waits_for IS NOT NULL
    )
    SELECT p.* FROM page_of((SELECT jsonb_agg(entry ORDER BY entry ->> 'key' COLLATE "C") FROM (
        SELECT jsonb_strip_nulls(jsonb_build_object('key', place.key, 'product', f.product_id, 'cycle', nullif(f.cycle, ''), 'status', f.status, 'basis', f.basis,
            'due_at', f.due_at, 'low', nullif(date_trunc('second', f.low), 'infinity'), 'expected', date_trunc('second', f.expected),
            'high', nullif(date_trunc('second', f.high), 'infinity'), 'usually_at', date_trunc('second', f.usual), 'waits_for', f.waits_for,
            'because', CASE WHEN f.because <> f.product_id THEN f.because END, 'because_basis', CASE WHEN f.because <> f.product_id THEN f.because_basis END,
            'because_late', CASE WHEN f.because_late < 'Infinity' THEN round(f.because_late::numeric) END, 'at_risk', CASE WHEN f.at_risk THEN true END)) AS entry
        FROM forecast f CROSS JOIN LATERAL (SELECT concat_ws(' ', f.product_id, nullif(f.cycle, '')) AS key) place
        WHERE (of_product IS NULL OR f.product_id IN (SELECT c.product_id FROM chosen c)) AND (f.at_risk OR NOT only_at_risk) AND place.key COLLATE "C" > after
        ORDER BY place.key COLLATE "C" LIMIT page) rows)) p
$$;

CREATE OR REPLACE FUNCTION changes_of(what text, since timestamptz, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
    RETURN QUERY SELECT c.* FROM changes_between(what, since, NULL, after, page) c;
END $$;
