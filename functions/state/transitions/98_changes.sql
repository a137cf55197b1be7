-- The question `changes`. Nothing in this file changes anything.

CREATE OR REPLACE FUNCTION changes_between(what text, since timestamptz, until timestamptz, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- What loads changed since that moment, and before `until` if that is not null, the latest first: of a product and of the calendar that its schedule has, of a domain, or of all if `what`
-- is null. At most `page` changes after the one whose key is `after`, as many as fit into an answer: {loaded_at, commit, committed_at, by, name, kind,
-- before, after}. A change that does not fit into a row has neither `before` nor `after`, but `too_large`.
    SELECT p.* FROM page_of((SELECT jsonb_agg(entry ORDER BY entry ->> 'key' COLLATE "C") FROM (
        SELECT CASE WHEN wire_bytes((facts.entry || content.entry)::text) <= 60000 THEN facts.entry || content.entry
            ELSE facts.entry || '{"too_large": true}' END AS entry
        FROM (SELECT * FROM catalog_load WHERE loaded_at >= since AND (until IS NULL OR loaded_at < until) OFFSET 0) l
        CROSS JOIN LATERAL (SELECT * FROM catalog_change c WHERE c.load_id = l.load_id OFFSET 0) c
        CROSS JOIN LATERAL (SELECT numbered(999999999999 - l.load_id) || ' ' || c.name AS key) place
        CROSS JOIN LATERAL (SELECT jsonb_build_object('key', place.key, 'loaded_at', l.loaded_at, 'commit', l.commit, 'committed_at', l.committed_at,
            'by', l.loaded_by, 'name', c.name, 'kind', c.kind) AS entry) facts
        CROSS JOIN LATERAL (SELECT CASE WHEN c.before IS NULL THEN '{}' ELSE jsonb_build_object('before', c.before) END
            || CASE WHEN c.after IS NULL THEN '{}' ELSE jsonb_build_object('after', c.after) END AS entry) content
        WHERE place.key COLLATE "C" > changes_between.after
            AND (what IS NULL OR c.name = what OR split_part(c.name, '/', 1) = what
                OR c.name = (SELECT 'calendars/' || s.calendar FROM data_product_schedule s WHERE s.product_id = what))
        ORDER BY place.key COLLATE "C" LIMIT page) first)) p
$$;
