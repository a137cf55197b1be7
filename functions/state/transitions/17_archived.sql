-- What users see of runs and refresh events that are in the archive and no longer here. Nothing in this file changes anything.

CREATE OR REPLACE FUNCTION archive_of(product text, on_date date) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- Where the product's runs of that date are, or its refresh events if it had none, and since when; null if neither was archived.
    SELECT jsonb_build_object('kind', a.kind, 'location', a.location, 'at', a.archived_at) FROM archive_page a
    WHERE a.business_date = on_date AND a.archived_at IS NOT NULL AND product = ANY (a.products)
    ORDER BY a.kind DESC, a.archived_at DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION archive_of_all(names text[], on_date date) RETURNS TABLE (product_id text, archived jsonb) LANGUAGE sql STABLE AS $$
-- The same of those of the products that have something of that date in the archive.
    SELECT l.name, jsonb_build_object('kind', l.kind, 'location', l.location, 'at', l.archived_at) FROM (
        SELECT DISTINCT ON (given.name COLLATE "C") given.name, a.kind, a.location, a.archived_at
        FROM archive_page a CROSS JOIN unnest(a.products) held JOIN unnest(names) given(name) ON given.name = held
        WHERE a.business_date = on_date AND a.archived_at IS NOT NULL ORDER BY given.name COLLATE "C", a.kind DESC, a.archived_at DESC) l
$$;

CREATE OR REPLACE FUNCTION is_archived(product text, on_date date) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(archive_of(product, on_date) ->> 'kind' = 'runs', false)
$$;

CREATE OR REPLACE FUNCTION no_run(product text, on_date date) RETURNS text LANGUAGE sql STABLE AS $$
-- Why there is nothing to act on, for a message.
    SELECT concat_ws('; ', format('%s has no run for %s', product, on_date), CASE WHEN a ->> 'kind' = 'runs'
        THEN format('it was archived to %s on %s and cannot be run again', a ->> 'location', left(a ->> 'at', 10)) END)
    FROM archive_of(product, on_date) a
$$;

CREATE OR REPLACE FUNCTION archived_between(product text, first date, last date, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The objects of the archive with runs or refresh events of those business dates (of one product, if named), at most `page` after the one whose key
-- is `after`: {kind, business_date, location, at, entries}.
    SELECT p.* FROM page_of((SELECT jsonb_agg(entry ORDER BY entry ->> 'key' COLLATE "C") FROM (
        SELECT jsonb_build_object('key', named.key, 'kind', a.kind, 'business_date', a.business_date, 'location', a.location, 'at', a.archived_at,
            'entries', a.entries) AS entry
        FROM archive_page a CROSS JOIN LATERAL (SELECT a.business_date || ' ' || a.page_id AS key) named
        WHERE a.business_date BETWEEN first AND last AND a.archived_at IS NOT NULL AND (product IS NULL OR product = ANY (a.products))
            AND named.key COLLATE "C" > after
        ORDER BY named.key COLLATE "C" LIMIT page) pages)) p
$$;
