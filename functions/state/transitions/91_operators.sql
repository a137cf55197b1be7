-- Who may act on which domain.

CREATE OR REPLACE FUNCTION take_operators(of_upload text) RETURNS void LANGUAGE sql AS $$
-- The staged operators of domains take the place of those of before.
    DELETE FROM domain_operators;
    INSERT INTO domain_operators (domain, operators)
    SELECT key, names_in(entry -> 'operators') FROM catalog_stage WHERE upload = of_upload AND section = 'domains' AND entry ? 'operators'
$$;

CREATE OR REPLACE FUNCTION operators_of(request jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The domains on which the request acts and which name their operators, {domain: [ARN]}: that of its product, its backfill, its files or the run of its effect. A
-- request that names none of these acts on every domain.
    WITH acted_on AS (
        SELECT split_part(request ->> 'product', '/', 1) AS domain WHERE request ? 'product'
        UNION SELECT request ->> 'domain' WHERE request ? 'domain'
        UNION SELECT split_part(b.what, '/', 1) FROM backfill b WHERE b.backfill_id = (request ->> 'stop')::integer
        UNION SELECT split_part(f.product_id, '/', 1) FROM jsonb_array_elements_text(request -> 'files') number JOIN landing_file f ON f.file_id = number::bigint
            WHERE f.product_id IS NOT NULL
        UNION SELECT split_part(r.product_id, '/', 1) FROM effect e CROSS JOIN LATERAL run_of(e.run_id) r
            WHERE e.effect_id = (request ->> 'effect')::bigint AND e.run_id IS NOT NULL
    )
    SELECT coalesce(jsonb_object_agg(o.domain, o.operators), '{}')
    FROM domain_operators o WHERE o.domain IN (SELECT domain FROM acted_on) OR NOT EXISTS (SELECT FROM acted_on)
$$;
