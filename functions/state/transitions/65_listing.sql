-- Files that no event reported, and those whose source was not known when they came.

CREATE OR REPLACE FUNCTION sources_to_list(now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The sources whose prefixes have not been listed for as long as `reconcile` says, the longest first, [{product_id, source, since}], as far as they fit.
-- `since` is a little before the last listing: what was put before that was listed then.
    SELECT coalesce(fitting(jsonb_agg(jsonb_build_object('product_id', s.product_id, 'source', s.source, 'since', s.listed_at - interval '1 hour')
        ORDER BY s.listed_at, s.product_id), 60000), '[]')
    FROM landing_source s WHERE s.listed_at <= now_is - make_interval(secs => (s.source ->> 'reconcile')::integer)
$$;

CREATE OR REPLACE FUNCTION record_listed(product text, now_is timestamptz) RETURNS void
LANGUAGE sql SET enable_seqscan = off AS $$
    UPDATE landing_source SET listed_at = now_is WHERE product_id = product AND listed_at < now_is
$$;

CREATE OR REPLACE FUNCTION unmatched_files(page integer, now_is timestamptz) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- At most `page` files of no source from the last thirty days that a source may have by now, each as it was recorded; the latest are looked at first.
    SELECT p.* FROM (
        SELECT jsonb_agg(jsonb_build_object('key', f.file_id, 'file_id', f.file_id, 'bucket', f.bucket, 'object', f.key, 'version_id', f.version_id, 'etag', f.etag)
            ORDER BY f.file_id DESC) AS entries
        FROM (SELECT l.* FROM (SELECT s.bucket, max(s.changed_at) AS changed_at FROM landing_source s GROUP BY s.bucket) s
            CROSS JOIN LATERAL (SELECT * FROM landing_file u WHERE u.product_id IS NULL AND u.bucket = s.bucket AND u.matched_at < s.changed_at
                AND u.status = 'UNMATCHED' AND u.received_at > now_is - interval '30 days' OFFSET 0) l
            ORDER BY l.file_id DESC LIMIT page) f) found
    CROSS JOIN LATERAL page_of(found.entries) p
$$;

CREATE OR REPLACE FUNCTION rematch_files(files jsonb, now_is timestamptz, OUT matched integer, OUT released integer)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Files of no source that were looked at again, [{file_id, product_id, kind, business_date, cycle, facets, slot, reason, expected}]: those with a product are
-- recorded as if they came now.
DECLARE
    found bigint[];
BEGIN
    PERFORM lock_openings(true);
    PERFORM lock_sources(ARRAY(SELECT DISTINCT f ->> 'product_id' FROM jsonb_array_elements(files) f WHERE f ->> 'product_id' IS NOT NULL));
    WITH given AS (
        SELECT * FROM jsonb_to_recordset(files) AS f(file_id bigint, product_id text, kind text, business_date date, cycle text, facets jsonb, slot text,
            reason text, expected jsonb)
    ), matched AS (
        UPDATE landing_file l SET product_id = j.product_id, kind = g.kind, business_date = j.business_date, cycle = coalesce(g.cycle, ''),
            facets = coalesce(g.facets, '{}'), slot = g.slot, expected = g.expected, counts = j.status <> 'UNMATCHED', status = j.status,
            reason = left(j.reason, 1000), changed_at = now_is, changed_by = 'files',
            matched_at = greatest(now_is, (SELECT max(s.changed_at) FROM landing_source s WHERE s.bucket = l.bucket))
        FROM given g JOIN landing_file f USING (file_id) CROSS JOIN LATERAL judged(g.product_id, g.kind, f.size, f.event_at, g.business_date, g.reason) j
        WHERE l.file_id = g.file_id AND l.status = 'UNMATCHED'
        RETURNING l.file_id, l.product_id
    )
    SELECT coalesce(array_agg(file_id) FILTER (WHERE product_id IS NOT NULL), '{}') INTO found FROM matched;
    matched := cardinality(found);
    SELECT f.released INTO released FROM follow_files(found, now_is) f;
    PERFORM notify_of_rejected(found, now_is) WHERE found <> '{}';
END $$;

CREATE OR REPLACE FUNCTION next_file_look(now_is timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
-- When files next need the monitor: when a set has settled; at once if files of no source may have one by now, or a backfill lists.
    SELECT least(CASE WHEN EXISTS (SELECT FROM backfill_listing l JOIN backfill b USING (backfill_id) WHERE l.listed_at IS NULL AND b.ended_at IS NULL) THEN now_is END,
        (SELECT min(s.due_at) FROM landing_set s WHERE s.due_at <= now_is + interval '1 day'),
        CASE WHEN EXISTS (SELECT FROM landing_source s CROSS JOIN LATERAL (SELECT FROM landing_file u WHERE u.product_id IS NULL AND u.bucket = s.bucket
            AND u.matched_at < s.changed_at AND u.status = 'UNMATCHED' AND u.received_at > now_is - interval '30 days' OFFSET 0) u) THEN now_is END)
$$;

CREATE OR REPLACE FUNCTION listing_of(of_backfill integer) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- How far the listing of a backfill is, null if it has none: {prefix, counts_only, listed_at, objects, others, undated, outside, files, bytes, dates}.
    SELECT jsonb_strip_nulls(to_jsonb(l) - '{backfill_id,key,version_id}'::text[]) || jsonb_build_object('files', coalesce(f.files, 0),
        'bytes', coalesce(f.bytes, 0), 'dates', f.dates)
    FROM backfill_listing l CROSS JOIN LATERAL (
        SELECT sum(files) AS files, sum(bytes) AS bytes, count(DISTINCT business_date) AS dates FROM backfill_files
        WHERE backfill_id = l.backfill_id AND fate = 'taken') f
    WHERE l.backfill_id = of_backfill
$$;
