-- Sources of files, and what the catalog makes of them.

CREATE OR REPLACE FUNCTION sources(buckets jsonb, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The sources in these buckets, {product_id, source}: at most `page` of those after the product `after`.
    SELECT p.* FROM (
        SELECT jsonb_agg(jsonb_build_object('key', s.product_id, 'product_id', s.product_id, 'source', s.source) ORDER BY s.product_id COLLATE "C") AS entries
        FROM (SELECT * FROM landing_source l WHERE l.bucket = ANY (ARRAY(SELECT jsonb_array_elements_text(buckets))) AND l.product_id COLLATE "C" > after
            ORDER BY l.product_id COLLATE "C" LIMIT page) s) found
    CROSS JOIN LATERAL page_of(found.entries) p
$$;

CREATE OR REPLACE FUNCTION take_sources(now_is timestamptz) RETURNS text[]
LANGUAGE plpgsql AS $$
-- The sources are those of the catalog in `incoming`; products that it does not have, or that were refused, stay as they are while they are active.
-- Gives the products whose sources have changed. A source that is new is listed from now on: what lay there before is not its files.
DECLARE
    changed text[];
BEGIN
    DELETE FROM landing_source s USING data_product p
    WHERE p.product_id = s.product_id AND (NOT p.active OR EXISTS (SELECT FROM incoming i WHERE i.product_id = s.product_id AND NOT i.entry ? 'files'));
    WITH taken AS (
        INSERT INTO landing_source AS s (product_id, bucket, prefix, source, digest, changed_at, listed_at)
        SELECT i.product_id, i.entry #>> '{files,bucket_name}', i.entry #>> '{files,prefix}', i.entry -> 'files', md5((i.entry -> 'files')::text),
            now_is, now_is
        FROM incoming i WHERE i.entry ? 'files'
        ON CONFLICT (product_id) DO UPDATE SET bucket = excluded.bucket, prefix = excluded.prefix, source = excluded.source, digest = excluded.digest,
            changed_at = excluded.changed_at,
            listed_at = CASE WHEN (s.bucket, s.prefix) = (excluded.bucket, excluded.prefix) THEN s.listed_at ELSE excluded.listed_at END
        WHERE s.digest <> excluded.digest
        RETURNING s.product_id
    )
    SELECT coalesce(array_agg(product_id), '{}') INTO changed FROM taken;
    RETURN changed;
END $$;

CREATE OR REPLACE FUNCTION lock_sources(products text[]) RETURNS void
LANGUAGE sql AS $$
-- Files of one product are recorded one after the other, and those that may open its runs take turns with its events: see `lock_events_of` and
-- `lock_products_opened_by`, in whose order this is. Before any lock of a run.
    SELECT lock_events_of(ARRAY(SELECT files_input(name) FROM unnest(products) name));
    SELECT FROM data_product p
    WHERE p.product_id = ANY (products) AND NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = p.product_id OFFSET 0)
    ORDER BY p.product_id FOR NO KEY UPDATE OF p
$$;

CREATE OR REPLACE FUNCTION loads_batches(product text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM data_pipeline_config c WHERE c.product_id = product AND c.settings ? 'batches')
$$;
