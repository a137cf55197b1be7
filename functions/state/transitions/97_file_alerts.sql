-- What alerts about files are about, and what they say.

CREATE OR REPLACE FUNCTION state_of_notice(fact jsonb) RETURNS text LANGUAGE plpgsql AS $$
-- WAITING while it is open, which it stays until the end of the transaction; then what ended it: ARRIVED, the status of the run, or IGNORED.
DECLARE
    since timestamptz := fact ->> 'at';
BEGIN
    PERFORM FROM landing_notice n WHERE n.notice_id = (fact ->> 'run_id')::uuid FOR SHARE;
    IF FOUND THEN
        RETURN 'WAITING';
    ELSIF EXISTS (SELECT FROM landing_set s WHERE s.product_id = fact ->> 'product' AND s.arrived_at >= since
            AND (fact ? 'undated' OR (s.business_date, s.cycle) = ((fact ->> 'business_date')::date, fact ->> 'cycle'))) THEN
        RETURN 'ARRIVED';
    END IF;
    RETURN coalesce((SELECT min(r.status) FROM runs_of_date(fact ->> 'product', (fact ->> 'business_date')::date) r
        WHERE NOT fact ? 'undated' AND fact ->> 'cycle' IN ('', r.cycle) AND r.status IN ('COMPLETED', 'SKIPPED', 'CANCELLED') AND r.finished_at >= since), 'IGNORED');
END $$;

CREATE OR REPLACE FUNCTION notice_as_run(fact jsonb) RETURNS data_product_status LANGUAGE sql AS $$
-- What a fact about files is about that concerns no run, as the row of one; null for other facts.
    SELECT jsonb_populate_record(NULL::data_product_status, jsonb_build_object('run_id', fact -> 'run_id', 'product_id', fact -> 'product',
        'business_date', fact -> 'business_date', 'cycle', fact -> 'cycle', 'attempt', fact -> 'attempt',
        'status', CASE fact ->> 'about' WHEN 'landing' THEN state_of_notice(fact) ELSE 'WAITING' END))
    WHERE fact ->> 'about' IN ('landing', 'unmatched')
        AND (EXISTS (SELECT FROM notified_about(fact ->> 'product')) OR fact ->> 'about' = 'landing')
$$;

CREATE OR REPLACE FUNCTION is_over(r data_product_status, fact jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
-- Whether the trouble that the fact is about has passed. What is late is no risk any more, nor what is due at another time. Files that were corrected are used by a later attempt.
    SELECT CASE WHEN fact ->> 'about' = 'landing' THEN r.status <> 'WAITING'
        WHEN fact ->> 'about' = 'corrected' THEN r.status IN ('COMPLETED', 'SKIPPED', 'CANCELLED') AND r.attempt > (fact ->> 'attempt')::integer
        WHEN fact ->> 'kind' = 'AT_RISK' THEN r.late_notified OR r.due_at IS DISTINCT FROM (fact ->> 'due_at')::timestamptz OR r.status IN ('COMPLETED', 'SKIPPED', 'CANCELLED')
        ELSE fact ->> 'kind' IN ('ERROR', 'LATE', 'FILES') AND r.status IN ('COMPLETED', 'SKIPPED', 'CANCELLED') END
$$;

CREATE OR REPLACE FUNCTION shared_start(one text, other text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
-- How many characters both begin with.
    SELECT coalesce(max(n), 0) FROM generate_series(1, least(length(one), length(other))) n WHERE left(one, n) = left(other, n)
$$;

CREATE OR REPLACE FUNCTION nearest_source(of_bucket text, key text) RETURNS text LANGUAGE sql STABLE AS $$
-- The product in the bucket whose prefix and pattern begin most like the key.
    SELECT s.product_id FROM landing_source s CROSS JOIN LATERAL (SELECT shared_start(key, s.prefix || (s.source ->> 'pattern')) AS length) shared
    WHERE s.bucket = of_bucket AND shared.length > 0 ORDER BY shared.length DESC, s.product_id LIMIT 1
$$;

CREATE OR REPLACE FUNCTION rejected_files(fact jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- Of a set, or of what has no date: {rejected, files: the first five}.
    SELECT jsonb_build_object('rejected', count(f), 'files', coalesce(jsonb_agg(named_file(f) ORDER BY place) FILTER (WHERE place <= 5), '[]'))
    FROM (SELECT l AS f, row_number() OVER (ORDER BY l.file_id) AS place FROM landing_notice n CROSS JOIN LATERAL still_rejected(n) l
        WHERE n.notice_id = (fact ->> 'run_id')::uuid) placed
$$;

CREATE OR REPLACE FUNCTION unmatched_in(fact jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- What came into the bucket in the time of the digest and still is of no source: {unmatched, files: the first five, each with the `nearest` product}.
    SELECT jsonb_build_object('unmatched', count(f), 'files', coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('file', (f).file_id, 'name', cut_text((f).key, 300),
        'size', (f).size, 'nearest', CASE WHEN place <= 5 THEN nearest_source((f).bucket, (f).key) END)) ORDER BY place) FILTER (WHERE place <= 5), '[]'))
    FROM (SELECT l AS f, row_number() OVER (ORDER BY l.file_id) AS place FROM landing_file l
        WHERE l.product_id IS NULL AND l.received_at >= (fact ->> 'from')::timestamptz AND l.received_at < (fact ->> 'until')::timestamptz
            AND l.bucket = fact ->> 'bucket' AND l.status = 'UNMATCHED') placed
$$;

CREATE OR REPLACE FUNCTION files_content(r data_product_status, p data_product, fact jsonb, now_is timestamptz) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
-- What the reader of an alert about files needs first.
DECLARE
    about text := fact ->> 'about';
    run data_product_status;
BEGIN
    IF about <> 'unmatched' AND NOT fact ? 'undated' THEN
        SELECT * INTO run FROM runs_of_date(r.product_id, r.business_date) o WHERE r.cycle IN ('', o.cycle) ORDER BY o.cycle LIMIT 1;
    END IF;
    RETURN jsonb_strip_nulls(fact || CASE about WHEN 'landing' THEN rejected_files(fact) WHEN 'unmatched' THEN unmatched_in(fact) ELSE '{}' END
        || jsonb_build_object('description', p.description, 'owner', p.owner, 'email', p.email, 'since', coalesce(fact ->> 'at', fact ->> 'from', now_is::text)::timestamptz,
            'timezone', coalesce((SELECT timezone FROM data_product_schedule WHERE product_id = p.product_id), p.sla_timezone),
            'execution_arn', CASE WHEN run.attempt = r.attempt AND about = 'batches' THEN run.execution_arn END,
            'set', CASE WHEN run.status = 'WAITING' THEN files_in_brief(r.product_id, r.business_date, r.cycle) END,
            'deadline_at', CASE WHEN run.status = 'WAITING' AND run.released_at IS NULL THEN run.deadline_at END, 'on_deadline', p.on_deadline,
            'sweeps', CASE WHEN fact ? 'undated' AND sweeps(r.product_id) THEN true END,
            'folder', (SELECT jsonb_build_object('bucket', s.bucket, 'prefix', s.prefix) FROM landing_source s WHERE s.product_id = r.product_id),
            'waiting', CASE WHEN about IN ('landing', 'batches') AND NOT fact ? 'undated' THEN products_waiting(r.product_id, r.business_date, now_is) END,
            'elsewhere', CASE WHEN about = 'corrected' THEN waiting_elsewhere(r.product_id, r.business_date) END));
END $$;
