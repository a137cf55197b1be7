-- Backfill of files that lay in a bucket before their source existed: its prefix is listed page by page, and then the runs of their dates are opened as in
-- every backfill. Files are recorded at once, and count for their sets when the run of their date has its turn.

CREATE OR REPLACE FUNCTION backfill_landed(
    product text, of_first date, of_last date, of_prefix text, only_counts boolean, of_at_once integer, actor text, now_is timestamptz
) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- Begins one: {backfill, prefix}. `of_prefix` narrows the prefix of the source. One product has one listing at a time.
DECLARE
    s landing_source;
    number integer;
    under_way integer;
    below text;
BEGIN
    SELECT * INTO s FROM landing_source l WHERE l.product_id = product;
    IF (s.source ->> 'sweep')::boolean IS NOT TRUE THEN  -- it needs no run of a past date
        PERFORM products_to_backfill(product);
    END IF;
    SELECT b.backfill_id INTO under_way FROM backfill_listing l JOIN backfill b USING (backfill_id)
    WHERE l.listed_at IS NULL AND b.ended_at IS NULL AND b.what = product;
    IF s.product_id IS NULL THEN
        RAISE EXCEPTION 'IllegalTransition: % has no files; without --files its runs are opened', product;
    ELSIF under_way IS NOT NULL THEN
        RAISE EXCEPTION 'IllegalTransition: backfill % lists the files of % already; `headgate backfill --stop %` ends it', under_way, product, under_way;
    ELSIF of_last < of_first THEN
        RAISE EXCEPTION 'IllegalTransition: /until % is before /business_date %', of_last, of_first;
    END IF;
    below := CASE WHEN starts_with(of_prefix, s.prefix) THEN of_prefix ELSE s.prefix || coalesce(of_prefix, '') END;
    INSERT INTO backfill (what, first_date, last_date, at_once, made_at, made_by)
    VALUES (product, coalesce(of_first, '0001-01-01'), coalesce(of_last, of_first, '9999-12-31'), of_at_once, now_is, actor) RETURNING backfill_id INTO number;
    INSERT INTO backfill_listing (backfill_id, prefix, counts_only) VALUES (number, below, only_counts);
    RETURN jsonb_build_object('backfill', number, 'location', format('s3://%s/%s', s.source ->> 'bucket_name', below));
END $$;

CREATE OR REPLACE FUNCTION listings() RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- What has to be listed for backfills, the oldest first, [{backfill, product_id, source, prefix, key, version_id}], as far as they fit: what comes after `key`
-- and its version. A source that was removed meanwhile is null.
    SELECT coalesce(fitting(jsonb_agg(jsonb_build_object('backfill', b.backfill_id, 'product_id', b.what, 'source', s.source, 'prefix', l.prefix,
        'key', l.key, 'version_id', l.version_id) ORDER BY b.backfill_id), 60000), '[]')
    FROM (SELECT * FROM backfill_listing o WHERE o.listed_at IS NULL) l JOIN backfill b USING (backfill_id) LEFT JOIN landing_source s ON s.product_id = b.what
    WHERE b.ended_at IS NULL
$$;

CREATE OR REPLACE FUNCTION fate_of_file(b backfill, f jsonb, OUT fate text, OUT business_date date, OUT known boolean)
LANGUAGE sql STABLE AS $$
-- What a backfill does with a file of its product: taken, or why it is not. A date whose runs are COMPLETED, or archived, stays as it is: its files
-- would be corrections of what is refreshed.
    SELECT CASE WHEN j.business_date IS NULL THEN 'undated' WHEN j.business_date NOT BETWEEN b.first_date AND b.last_date THEN 'outside'
            WHEN is_archived(b.what, j.business_date) THEN 'archived'
            WHEN (SELECT bool_and(r.status = 'COMPLETED') FROM runs_of_date(b.what, j.business_date) r WHERE s.source -> 'cycle' = 'null'
                OR r.cycle = f ->> 'cycle') THEN 'completed'
            WHEN j.status = 'REJECTED' THEN 'rejected' ELSE 'taken' END,
        j.business_date, EXISTS (SELECT FROM landing_file l WHERE l.bucket = f ->> 'bucket' AND l.key = f ->> 'key'
            AND (l.version = version_of(f ->> 'version_id', NULL, f ->> 'etag') OR f ->> 'version_id' IS NULL AND l.etag = f ->> 'etag'))
    FROM landing_source s
    CROSS JOIN LATERAL judged(b.what, f ->> 'kind', (f ->> 'size')::bigint, (f ->> 'event_at')::timestamptz, (f ->> 'business_date')::date, f ->> 'reason') j
    WHERE s.product_id = b.what
$$;

CREATE OR REPLACE FUNCTION record_listing(
    of_backfill integer, after_key text, after_version text, files jsonb, seen integer, last_key text, last_version text, now_is timestamptz
) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records what was listed after that object, up to `last_key`: `seen` objects, of them `files` of the product (contract `FileSeen`). Those of a source that is swept
-- have no date, and wait for its next opening. False if the backfill was stopped, or this part was recorded before: then the caller goes no further.
DECLARE
    b backfill;
    l backfill_listing;
    taken jsonb;
    added bigint[];
BEGIN
    SELECT * INTO b FROM backfill o WHERE o.backfill_id = of_backfill;
    PERFORM lock_openings(true);
    PERFORM lock_sources(ARRAY[b.what]);
    SELECT * INTO b FROM backfill o WHERE o.backfill_id = of_backfill FOR UPDATE;
    SELECT * INTO l FROM backfill_listing o WHERE o.backfill_id = of_backfill;
    IF b.ended_at IS NOT NULL OR l.listed_at IS NOT NULL OR (l.key, l.version_id) IS DISTINCT FROM (after_key, after_version) THEN
        RETURN false;
    END IF;
    WITH given AS MATERIALIZED (SELECT f.each, a.* FROM jsonb_array_elements(files) f(each) CROSS JOIN LATERAL fate_of_file(b, f.each) a),
    counted AS (
        INSERT INTO backfill_files AS c (backfill_id, business_date, cycle, fate, files, known, bytes)
        SELECT of_backfill, g.business_date, coalesce(g.each ->> 'cycle', ''), g.fate, count(*), count(*) FILTER (WHERE g.known), sum((g.each ->> 'size')::bigint)
        FROM given g WHERE g.fate NOT IN ('undated', 'outside') GROUP BY 2, 3, 4
        ON CONFLICT (backfill_id, business_date, cycle, fate) DO UPDATE SET files = c.files + excluded.files, known = c.known + excluded.known,
            bytes = c.bytes + excluded.bytes
    ), moved AS (
        UPDATE backfill_listing o SET key = last_key, version_id = last_version, objects = o.objects + seen,
            others = o.others + seen - jsonb_array_length(files), undated = o.undated + (SELECT count(*) FROM given WHERE fate = 'undated'),
            outside = o.outside + (SELECT count(*) FROM given WHERE fate = 'outside')
        WHERE o.backfill_id = of_backfill
    )
    SELECT jsonb_agg(g.each) INTO taken FROM given g WHERE g.fate IN ('taken', 'rejected')
        OR g.fate = 'undated' AND (SELECT (s.source ->> 'sweep')::boolean FROM landing_source s WHERE s.product_id = b.what);
    IF NOT l.counts_only AND taken IS NOT NULL THEN
        added := store_files(taken, now_is, b.made_by);
        PERFORM supersede_versions(added, now_is);
    END IF;
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION follow_landed(runs jsonb, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- Files that backfills have recorded for these runs [{product_id, business_date, cycle}] count from now on. The caller has excluded other openings.
    SELECT follow_files(coalesce(array_agg(f.file_id), '{}'), now_is)
    FROM (SELECT DISTINCT n.product_id, n.business_date, CASE WHEN s.source -> 'cycle' = 'null' THEN '' ELSE n.cycle END AS cycle
        FROM jsonb_to_recordset(runs) AS n(product_id text, business_date date, cycle text) JOIN landing_source s USING (product_id)) n
    LEFT JOIN landing_set t USING (product_id, business_date, cycle)
    CROSS JOIN LATERAL (SELECT * FROM landing_file l WHERE l.product_id = n.product_id AND l.business_date = n.business_date AND l.cycle = n.cycle
        AND l.kind IN ('data', 'marker', 'manifest') AND l.counts OFFSET 0) f
    WHERE f.how = 'listed' AND (t.arrived_at IS NULL OR f.received_at > t.arrived_at)
$$;

CREATE OR REPLACE FUNCTION runs_of_landed(b backfill) RETURNS TABLE (product_id text, business_date date, cycle text, opens_at timestamptz)
LANGUAGE sql STABLE AS $$
-- The runs of the dates of which the backfill has taken files: those that the schedule opens, without one those of the dates.
    WITH found AS (SELECT DISTINCT f.business_date, f.cycle FROM backfill_files f WHERE f.backfill_id = b.backfill_id AND f.fate = 'taken')
    SELECT b.what, f.business_date, f.cycle, NULL::timestamptz FROM found f WHERE NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = b.what)
    UNION
    SELECT o.product_id, o.business_date, o.cycle, o.opens_at
    FROM (SELECT min(business_date) AS first, max(business_date) AS last FROM found) range
    CROSS JOIN LATERAL openings_between(ARRAY[b.what], range.first, range.last) o
    JOIN found f USING (business_date) JOIN landing_source s ON s.product_id = b.what
    WHERE EXISTS (SELECT FROM data_product_schedule e WHERE e.product_id = b.what) AND (s.source -> 'cycle' = 'null' OR f.cycle = o.cycle)
$$;

CREATE OR REPLACE FUNCTION finish_listing(of_backfill integer, now_is timestamptz) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Everything has been listed. Runs that there are go on with their files; the others are opened, as many at once as the backfill says. Gives how many.
DECLARE
    b backfill;
    l backfill_listing;
BEGIN
    PERFORM lock_openings(false);
    SELECT * INTO b FROM backfill o WHERE o.backfill_id = of_backfill AND o.ended_at IS NULL FOR UPDATE;
    UPDATE backfill_listing o SET listed_at = now_is WHERE o.backfill_id = b.backfill_id AND o.listed_at IS NULL RETURNING * INTO l;
    IF l.backfill_id IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE backfill o SET first_date = coalesce(f.first, now_is::date), last_date = coalesce(f.last, now_is::date),
        ended_at = CASE WHEN l.counts_only THEN now_is END
    FROM (SELECT min(business_date) AS first, max(business_date) AS last FROM backfill_files WHERE backfill_id = of_backfill) f
    WHERE o.backfill_id = of_backfill;
    IF l.counts_only THEN
        RETURN 0;
    END IF;
    PERFORM follow_landed((SELECT jsonb_agg(to_jsonb(w)) FROM runs_of_landed(b) w
        WHERE EXISTS (SELECT FROM runs_of_date(w.product_id, w.business_date) r WHERE r.cycle = w.cycle)), now_is);
    INSERT INTO backfill_run (backfill_id, place, product_id, business_date, cycle, opens_at)
    SELECT of_backfill, row_number() OVER (ORDER BY w.business_date, w.cycle), w.product_id, w.business_date, w.cycle, w.opens_at FROM runs_of_landed(b) w
    WHERE NOT EXISTS (SELECT FROM runs_of_date(w.product_id, w.business_date) r WHERE r.cycle = w.cycle);
    RETURN continue_backfill(of_backfill, b.made_by, now_is);
END $$;

CREATE OR REPLACE FUNCTION landed_dates(of_backfill integer, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The business dates of which a backfill has found files, at most `page` after the key `after`: how many, which of them were known before, and what happens:
-- `fate`, and for those that are taken the status of their run. Of a schedule that opens no run for the date the `fate` is unscheduled.
    WITH b AS (SELECT o AS whole FROM backfill o WHERE o.backfill_id = of_backfill),
    opened AS MATERIALIZED (SELECT DISTINCT w.business_date FROM b CROSS JOIN LATERAL runs_of_landed(b.whole) w)
    SELECT p.* FROM page_of((SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('key', concat_ws(' ', f.business_date, f.fate, f.cycle),
            'business_date', f.business_date, 'cycle', nullif(f.cycle, ''), 'files', f.files, 'known', nullif(f.known, 0), 'bytes', f.bytes,
            'status', (SELECT r.status FROM runs_of_date((b.whole).what, f.business_date) r ORDER BY r.cycle = f.cycle DESC LIMIT 1),
            'fate', CASE WHEN f.fate = 'taken' AND f.business_date NOT IN (SELECT business_date FROM opened) THEN 'unscheduled' ELSE f.fate END))
            ORDER BY f.business_date, f.fate, f.cycle)
        FROM b CROSS JOIN LATERAL (SELECT * FROM backfill_files c WHERE c.backfill_id = of_backfill AND concat_ws(' ', c.business_date, c.fate, c.cycle) > after
            ORDER BY c.business_date, c.fate, c.cycle LIMIT page) f)) p
$$;
