-- What people ask of files, and do to them.

CREATE OR REPLACE FUNCTION file_entry(f landing_file) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('file', f.file_id, 'product', f.product_id, 'kind', f.kind, 'bucket', f.bucket, 'name', f.key,
        'version_id', f.version_id, 'size', f.size, 'put_at', f.event_at, 'received_at', f.received_at, 'how', f.how, 'business_date', f.business_date,
        'cycle', nullif(f.cycle, ''), 'facets', nullif(f.facets, '{}'), 'status', f.status, 'reason', cut_text(f.reason, 600),
        'batch', f.batch_id, 'changed_at', f.changed_at, 'by', f.changed_by))
$$;

CREATE OR REPLACE FUNCTION files_named(product text, beginning text) RETURNS SETOF landing_file LANGUAGE sql STABLE AS $$
-- The files whose names begin so, of the product or of all: what comes after the prefix of their source, or the whole key.
    SELECT f.* FROM landing_source s CROSS JOIN LATERAL (VALUES (s.prefix || beginning), (beginning)) n(begins)
    CROSS JOIN LATERAL (SELECT * FROM landing_file l WHERE l.bucket = s.bucket AND l.key COLLATE "C" >= n.begins
        AND l.key COLLATE "C" < n.begins || chr(1114111) OFFSET 0) f
    WHERE (product IS NULL OR s.product_id = product) AND f.product_id = s.product_id
$$;

CREATE OR REPLACE FUNCTION chosen_files(product text, on_date date, of_status text, of_batch integer, of_name text, below bigint, page integer)
RETURNS SETOF landing_file
LANGUAGE plpgsql STABLE SET enable_bitmapscan = off SET enable_sort = off AS $$
-- At most `page` files with numbers below that, the latest first. Each way to choose has a plan of its own.
BEGIN
    IF of_batch IS NOT NULL OR of_name IS NOT NULL THEN
        RETURN QUERY SELECT f.* FROM (
            SELECT * FROM landing_file l WHERE l.file_id = ANY (ARRAY(SELECT unnest(b.members) FROM landing_batch b WHERE b.batch_id = of_batch))
                AND (of_name IS NULL OR starts_with(l.key, of_name) OR EXISTS (
                    SELECT FROM landing_source s WHERE s.product_id = l.product_id AND starts_with(l.key, s.prefix || of_name)))
            UNION
            SELECT * FROM files_named(product, of_name) n WHERE of_batch IS NULL) f
            WHERE (product IS NULL OR f.product_id = product) AND f.file_id < below AND (on_date IS NULL OR f.business_date = on_date)
                AND (of_status IS NULL OR f.status = of_status) ORDER BY f.file_id DESC LIMIT page;
    ELSIF product IS NOT NULL THEN
        RETURN QUERY SELECT * FROM landing_file f WHERE f.product_id = product AND f.file_id > 0 AND f.file_id < below
            AND (on_date IS NULL OR f.business_date = on_date) AND (of_status IS NULL OR f.status = of_status) ORDER BY f.file_id DESC LIMIT page;
    ELSIF of_status = 'UNMATCHED' THEN
        RETURN QUERY SELECT * FROM landing_file f WHERE f.product_id IS NULL AND f.status = 'UNMATCHED' AND f.file_id < below ORDER BY f.received_at DESC, f.file_id DESC LIMIT page;
    ELSIF on_date IS NOT NULL THEN
        RETURN QUERY SELECT f.* FROM (SELECT DISTINCT s.product_id FROM landing_set s WHERE s.business_date = on_date) s
            CROSS JOIN LATERAL (SELECT * FROM landing_file l WHERE l.product_id = s.product_id AND l.file_id > 0 AND l.file_id < below
                AND l.business_date = on_date AND (of_status IS NULL OR l.status = of_status) ORDER BY l.file_id DESC LIMIT page) f
            ORDER BY f.file_id DESC LIMIT page;
    ELSE
        RETURN QUERY SELECT * FROM landing_file f WHERE f.file_id < below AND (of_status IS NULL OR f.status = of_status) ORDER BY f.file_id DESC LIMIT page;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION files_page(product text, on_date date, of_status text, of_batch integer, of_name text, before text, page integer)
RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- Files, the latest first, of the product, date, status and batch that are given, whose names begin so; those after the key `before`.
    WITH chosen AS MATERIALIZED (
        SELECT f FROM chosen_files(product, on_date, of_status, of_batch, of_name, coalesce(nullif(before, '')::bigint, 9223372036854775807), page) f
    ), sweep AS MATERIALIZED (
        SELECT w.product_id, next_opening_of(w.product_id) AS entry FROM (SELECT DISTINCT (f).product_id FROM chosen WHERE waits_for_sweep(f)) w
    )
    SELECT p.* FROM (
        SELECT jsonb_agg(file_entry(f) || jsonb_build_object('key', (f).file_id) || coalesce(s.entry, '{}') ORDER BY (f).file_id DESC) AS entries
        FROM chosen LEFT JOIN sweep s ON s.product_id = (f).product_id AND waits_for_sweep(f)) found
    CROSS JOIN LATERAL page_of(found.entries) p
$$;

CREATE OR REPLACE FUNCTION states_before(f landing_file) RETURNS SETOF landing_file_history LANGUAGE sql STABLE AS $$
-- What the file was before what it is now. That it was RECEIVED as it landed is not kept where its row says it (`keep_file_history`).
    SELECT * FROM landing_file_history h WHERE h.file_id = f.file_id
    UNION ALL
    SELECT f.file_id, 0, 'RECEIVED', NULL, NULL, f.received_at, 'files'
    WHERE f.changed_at <> f.received_at AND NOT EXISTS (SELECT FROM landing_file_history h WHERE h.file_id = f.file_id AND h.changed_at = f.received_at)
$$;

CREATE OR REPLACE FUNCTION describe_file(number integer) RETURNS jsonb
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
-- One file with what it was before, what its job said of it, and the other versions of its object, as far as they fit.
DECLARE
    f landing_file;
BEGIN
    SELECT * INTO f FROM landing_file l WHERE l.file_id = number;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'UnknownFile: no file has the number %; `headgate files list` has them', number;
    END IF;
    RETURN file_entry(f) || CASE WHEN waits_for_sweep(f) THEN next_opening_of(f.product_id) ELSE '{}' END || jsonb_strip_nulls(jsonb_build_object('rows_read', f.rows_read, 'rows_written', f.rows_written,
        'rows_rejected', f.rows_rejected, 'retriable', CASE WHEN NOT f.retriable THEN false END, 'job_run_id', (SELECT b.job_run_id FROM landing_batch b WHERE b.batch_id = f.batch_id))) || jsonb_build_object(
        'checks', (SELECT coalesce(cut(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('rule', cut_text(c.rule, 300), 'severity', c.severity, 'value', c.value))
            ORDER BY c.severity, c.rule), 16000), '[]') FROM landing_file_check c WHERE c.file_id = number AND c.batch_id = f.batch_id),
        'history', (SELECT coalesce(cut(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('status', h.status, 'reason', cut_text(h.reason, 300), 'at', h.changed_at,
            'by', h.changed_by)) ORDER BY h.history_id), 16000), '[]') FROM states_before(f) h),
        'versions', (SELECT coalesce(cut(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('file', v.file_id, 'version_id', v.version_id, 'put_at', v.event_at,
            'size', v.size, 'status', v.status)) ORDER BY v.file_id), 16000), '[]') FROM landing_file v WHERE v.bucket = f.bucket AND v.key = f.key));
END $$;

CREATE OR REPLACE FUNCTION usual_receipt(product text, on_date date, of_slot text) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- Between which moments of the day what takes this place (or, where places have no names, a file) has come on the last ten dates before this one, by the
-- clock of the product's schedule; null if it never did.
    SELECT jsonb_build_object('first', to_char(min(last.at), 'HH24:MI'), 'last', to_char(max(last.at), 'HH24:MI'))
    FROM (SELECT (f.received_at AT TIME ZONE coalesce(s.timezone, 'UTC'))::time AS at
        FROM landing_set t LEFT JOIN data_product_schedule s USING (product_id)
        CROSS JOIN LATERAL (SELECT * FROM landing_file l WHERE l.product_id = t.product_id AND l.business_date = t.business_date AND l.cycle = t.cycle
            AND l.kind = 'data' AND (of_slot IS NULL OR l.slot = of_slot) AND l.counts ORDER BY l.received_at DESC LIMIT 1) f
        WHERE t.product_id = product AND t.business_date < on_date ORDER BY t.business_date DESC, t.cycle DESC LIMIT 10) last
    HAVING count(*) > 0
$$;

CREATE OR REPLACE FUNCTION files_for_date(product text, on_date date, of_cycle text) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- Where the files of a run stand, null where its product has none: how many are there and rejected, what is missing and when that usually comes, and the first
-- twenty, rejected ones first. `arrives_at`: the set is complete, and settles until then. `sweep`: what waits for the opening after this run.
    SELECT jsonb_strip_nulls(jsonb_build_object('generation', t.generation, 'altered', t.altered, 'arrives_at', t.due_at,
        'sweep', to_be_swept(product, on_date, of_cycle), 'there', count.there, 'rejected', count.rejected,
        'missing', (SELECT cut(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('what', cut_text(m, 300),
                'usually', usual_receipt(product, on_date, CASE WHEN s.source ? 'slots' THEN m END))) ORDER BY place) FILTER (WHERE place <= 20), 5000, count(*))
            FROM missing_of_set(s.source, product, on_date, input.cycle) WITH ORDINALITY AS missing(m, place)),
        'files', (SELECT cut(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('file', f.file_id, 'slot', f.slot, 'name', cut_text(substr(f.key, length(s.prefix) + 1), 300),
                'received_at', f.received_at, 'size', f.size, 'status', f.status, 'reason', cut_text(f.reason, 200), 'versions', f.versions))
                ORDER BY f.status = 'REJECTED' DESC, f.file_id), 6000)
            FROM (SELECT l.*, (SELECT nullif(count(*), 1) FROM landing_file v WHERE v.bucket = l.bucket AND v.key = l.key) AS versions
                FROM landing_file l WHERE l.product_id = product AND l.business_date = on_date AND l.cycle = input.cycle AND l.kind IN ('data', 'marker', 'manifest')
                AND l.counts ORDER BY l.status = 'REJECTED' DESC, l.file_id LIMIT 20) f)))
    FROM landing_source s
    CROSS JOIN LATERAL (SELECT cycle_of_files(s.source, coalesce(of_cycle, '')) AS cycle) input
    LEFT JOIN landing_set t ON t.product_id = product AND t.business_date = on_date AND t.cycle = input.cycle
    CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE is_there(f)) AS there, count(*) FILTER (WHERE f.status = 'REJECTED') AS rejected
        FROM landing_file f WHERE f.product_id = product AND f.business_date = on_date AND f.cycle = input.cycle AND f.kind = 'data' AND f.counts) count
    WHERE s.product_id = product
$$;

CREATE OR REPLACE FUNCTION files_in_brief(product text, on_date date, of_cycle text) RETURNS text LANGUAGE sql STABLE AS $$
-- `2 files there, 1 rejected, AP missing`; null where the product has none. The first three that are missing by name.
    SELECT concat_ws(', ', format('%s %s there', f ->> 'there', CASE f ->> 'there' WHEN '1' THEN 'file' ELSE 'files' END),
        CASE WHEN f ->> 'rejected' <> '0' THEN (f ->> 'rejected') || ' rejected' END,
        (SELECT cut_text(string_agg(coalesce(m ->> 'what', (m ->> 'more') || ' more'), ' and ' ORDER BY place) FILTER (WHERE place <= 3), 300)
            || CASE WHEN count(*) > 3 THEN ' and ' || count(*) - 3 || ' more' ELSE '' END || ' missing'
            FROM jsonb_array_elements(f -> 'missing') WITH ORDINALITY AS e(m, place) HAVING count(*) > 0))
    FROM files_for_date(product, on_date, of_cycle) f WHERE f IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION has_its_place(f landing_file) RETURNS boolean LANGUAGE sql STABLE AS $$
-- Whether it is a file of a set, or of the next sweep.
    SELECT f.business_date IS NOT NULL OR sweeps(f.product_id)
$$;

CREATE OR REPLACE FUNCTION file_action(numbers bigint[], action text, why text, actor text, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- Retries files that were rejected, failed or ignored, so that they count as they are; or ignores files that have not been used. Gives {files, released}. One
-- that cannot be is refused with all others.
DECLARE
    products text[] := ARRAY(SELECT DISTINCT f.product_id FROM landing_file f WHERE f.file_id = ANY (numbers) AND f.product_id IS NOT NULL);
    done bigint[];
    released integer;
    refused text;
BEGIN
    PERFORM lock_openings(true);
    PERFORM lock_sources(products);
    SELECT string_agg(CASE WHEN f.file_id IS NULL THEN 'no file has the number ' || n
        WHEN NOT f.counts AND f.status <> 'UNMATCHED' THEN format('a newer version of file %s has come', n)
        WHEN action = 'retry_files' AND NOT has_its_place(f) THEN format('file %s has no business date; send it under a name that has one', n)
        ELSE format('file %s is %s', n, f.status) END, '; ' ORDER BY n) INTO refused
    FROM unnest(numbers) n LEFT JOIN landing_file f ON f.file_id = n
    WHERE CASE action WHEN 'retry_files' THEN f.status IN ('REJECTED', 'FAILED', 'IGNORED') AND has_its_place(f) AND f.counts
        ELSE f.status IN ('RECEIVED', 'REJECTED', 'FAILED') AND f.counts OR f.status = 'UNMATCHED' END IS NOT TRUE;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'IllegalTransition: %; % can be %', left(refused, 500),
            CASE action WHEN 'retry_files' THEN 'files that are REJECTED, FAILED or IGNORED' ELSE 'files that are RECEIVED, REJECTED, FAILED or UNMATCHED' END,
            CASE action WHEN 'retry_files' THEN 'retried' ELSE 'ignored' END;
    END IF;
    WITH changed AS (
        UPDATE landing_file f SET status = CASE action WHEN 'retry_files' THEN 'RECEIVED' ELSE 'IGNORED' END, retriable = true, reason = left(why, 1000),
            changed_at = now_is, changed_by = actor
        WHERE f.file_id = ANY (numbers) RETURNING f.file_id
    )
    SELECT array_agg(file_id ORDER BY file_id) INTO done FROM changed;
    SELECT f.released INTO released FROM follow_files(done, now_is) f;
    PERFORM end_notices(notices_of_nothing(products), now_is) WHERE action = 'ignore_files';
    RETURN jsonb_build_object('files', done, 'released', released);
END $$;
