-- What people are notified of about files: rejected as they land, left out by a wave of batches, of no source, corrected after their date has ended.

CREATE OR REPLACE FUNCTION store_fact(fact jsonb, due timestamptz) RETURNS void LANGUAGE sql AS $$
-- The alert with this fact is due then.
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'alert ' || key_of_fact(fact), 'alert', (fact ->> 'run_id')::uuid, (fact ->> 'attempt')::integer, fact, due
    ON CONFLICT (effect_key) DO NOTHING
$$;

CREATE OR REPLACE FUNCTION fact_of_notice(n landing_notice) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('kind', 'FILES', 'about', 'landing', 'level', 'product', 'product', n.product_id, 'run_id', n.notice_id,
        'attempt', 1, 'business_date', n.business_date, 'cycle', n.cycle, 'undated', CASE WHEN n.undated THEN true END, 'at', n.opened_at))
$$;

CREATE OR REPLACE FUNCTION fact_of_files(r data_product_status, about text, part text, facts jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
-- A fact about the files of a run; `part` tells those of one attempt apart.
    SELECT facts || jsonb_build_object('kind', 'FILES', 'about', about, 'part', part, 'level', 'product', 'product', r.product_id, 'run_id', r.run_id,
        'attempt', r.attempt, 'business_date', r.business_date, 'cycle', r.cycle)
$$;

CREATE OR REPLACE FUNCTION look_at_notices(notices landing_notice[], now_is timestamptz) RETURNS void LANGUAGE sql AS $$
-- Something has changed about the files of these: their conversations are looked through, as after each change; and once more half a minute later or a
-- little more, for what was being sent meanwhile. However many files come in a half minute, that is one look.
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT concat_ws(' ', 'alert again', md5(concat_ws(' ', n.notice_id, look.at))), 'alert', n.notice_id, 1, fact_of_notice(n), look.at
    FROM unnest(notices) n CROSS JOIN (SELECT to_timestamp(ceil(extract(epoch FROM now_is) / 30) * 30 + 30) AS at) look
    ON CONFLICT (effect_key) DO NOTHING;
    SELECT update_later(a.cause, now_is) FROM alert a WHERE a.run_id = ANY (ARRAY(SELECT n.notice_id FROM unnest(notices) n))
$$;

CREATE OR REPLACE FUNCTION notify_of_rejected(files bigint[], now_is timestamptz) RETURNS void LANGUAGE sql AS $$
-- Those of these files that were rejected as they landed: one alert for each set while it is open, and of what has no date one for each product and day.
    WITH rejected AS (
        SELECT f.product_id, CASE WHEN u.undated THEN (now_is AT TIME ZONE coalesce(l.timezone, 'UTC'))::date ELSE f.business_date END AS business_date,
            CASE WHEN u.undated THEN '' ELSE f.cycle END AS cycle, u.undated, array_agg(f.file_id ORDER BY f.file_id) AS members
        FROM landing_file f JOIN data_product p USING (product_id) LEFT JOIN data_product_schedule l USING (product_id)
        CROSS JOIN LATERAL (SELECT f.business_date IS NULL OR sweeps(f.product_id) AS undated) u  -- the next sweep takes files of any date
        WHERE f.file_id = ANY (files) AND f.status = 'REJECTED' AND f.counts AND wants_alert(p.notify, 'FILES') GROUP BY 1, 2, 3, 4
    ), kept AS (
        INSERT INTO landing_notice AS n (product_id, business_date, cycle, undated, members, opened_at)
        SELECT product_id, business_date, cycle, undated, members, now_is FROM rejected ORDER BY product_id, business_date, cycle, undated
        ON CONFLICT (product_id, business_date, cycle, undated) DO UPDATE SET members = n.members || excluded.members
        RETURNING n
    )
    SELECT store_fact(fact_of_notice(n), now_is), CASE WHEN (n).opened_at <> now_is THEN look_at_notices(ARRAY[n], now_is) END FROM kept
$$;

CREATE OR REPLACE FUNCTION look_at_sets(sets landing_set[], now_is timestamptz) RETURNS void LANGUAGE sql AS $$
-- Files of these sets have come, or count no more.
    SELECT look_at_notices(notices, now_is) FROM (
        SELECT array_agg(n) AS notices FROM unnest(sets) s JOIN landing_notice n USING (product_id, business_date, cycle) WHERE NOT n.undated) open
    WHERE notices IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION end_notices(ended uuid[], now_is timestamptz) RETURNS void LANGUAGE plpgsql AS $$
-- These are over: their conversations say so.
DECLARE
    causes text[];
BEGIN
    IF ended = '{}' THEN
        RETURN;
    END IF;
    DELETE FROM landing_notice WHERE notice_id = ANY (ended);
    WITH passed AS (
        UPDATE alert a SET over_at = now_is WHERE a.run_id = ANY (ended) AND a.over_at IS NULL RETURNING a.cause
    )
    SELECT array_agg(DISTINCT cause) INTO causes FROM passed;
    PERFORM update_later(cause, now_is) FROM unnest(causes) cause;
END $$;

CREATE OR REPLACE FUNCTION notices_of_arrived(sets landing_set[]) RETURNS uuid[] LANGUAGE sql STABLE AS $$
-- The open ones that end when these sets arrive: theirs, and those of files of their products that have no date.
    SELECT coalesce(array_agg(n.notice_id), '{}') FROM landing_notice n
    WHERE EXISTS (SELECT FROM unnest(sets) s WHERE s.product_id = n.product_id AND (n.undated OR (s.business_date, s.cycle) = (n.business_date, n.cycle)))
$$;

CREATE OR REPLACE FUNCTION notices_of_ended(runs uuid[]) RETURNS uuid[] LANGUAGE sql STABLE AS $$
-- Those of the dates of runs that have ended well.
    SELECT coalesce(array_agg(n.notice_id), '{}') FROM landing_notice n
    WHERE NOT n.undated AND EXISTS (SELECT FROM data_product_status r
        WHERE r.run_id = ANY (runs) AND r.product_id = n.product_id AND r.business_date = n.business_date AND n.cycle IN ('', r.cycle))
$$;

CREATE OR REPLACE FUNCTION still_rejected(n landing_notice) RETURNS SETOF landing_file LANGUAGE sql STABLE AS $$
-- The files of the notice that have neither been replaced nor retried nor ignored.
    SELECT f.* FROM landing_file f WHERE f.file_id = ANY (n.members) AND f.status = 'REJECTED' AND f.counts AND f.batch_id IS NULL
$$;

CREATE OR REPLACE FUNCTION notices_of_nothing(products text[]) RETURNS uuid[] LANGUAGE sql STABLE AS $$
-- The open ones of the products that have no file any more.
    SELECT coalesce(array_agg(n.notice_id), '{}') FROM landing_notice n WHERE n.product_id = ANY (products) AND NOT EXISTS (SELECT FROM still_rejected(n))
$$;

CREATE OR REPLACE FUNCTION named_file(f landing_file) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- A file as an alert names it: its `reason` where that says more than the `rules` for which its job rejected it. What S3 says of a denied read has the ARN
-- of the key in it.
    SELECT jsonb_strip_nulls(jsonb_build_object('file', f.file_id, 'name', cut_text(regexp_replace(f.key, '^.*/(?=.)', ''), 300), 'size', f.size,
        'status', f.status, 'reason', CASE WHEN string_to_array(f.reason, '; ') <@ failed.rules THEN NULL ELSE cut_text(f.reason, 400) END,
        'rules', cut_text(failed.listed, 400), 'encryption_key', substring(f.reason FROM 'arn:aws[a-z-]*:kms:[A-Za-z0-9:/_-]+')))
    FROM (SELECT array_agg(c.rule) AS rules, string_agg(c.rule || coalesce(' (' || c.value || ')', ''), '; ' ORDER BY c.rule) AS listed FROM landing_file_check c
        WHERE c.file_id = f.file_id AND c.batch_id = f.batch_id AND c.severity = 'reject' AND NOT c.passed) failed
$$;

CREATE OR REPLACE FUNCTION left_out_by_wave(w landing_wave) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- What of the wave was rejected or has failed: {rejected, failed, files: the first five}; null if nothing was.
    SELECT jsonb_build_object('rejected', count(*) FILTER (WHERE status = 'REJECTED'), 'failed', count(*) FILTER (WHERE status = 'FAILED'),
        'files', jsonb_agg(named_file(f) ORDER BY place) FILTER (WHERE place <= 5))
    FROM (
        SELECT l AS f, l.status, row_number() OVER (ORDER BY l.file_id) AS place
        FROM (SELECT DISTINCT e.file_id, b.batch_id FROM landing_batch b
            CROSS JOIN LATERAL (SELECT * FROM landing_file_error o WHERE o.batch_id = b.batch_id OFFSET 0) e
            WHERE b.run_id = w.run_id AND b.attempt = w.attempt AND b.step = w.step AND b.wave = w.wave) erred
        JOIN landing_file l ON l.file_id = erred.file_id
        WHERE l.batch_id = erred.batch_id AND l.status IN ('REJECTED', 'FAILED')) placed
    HAVING count(*) > 0
$$;

CREATE OR REPLACE FUNCTION notify_of_wave(r data_product_status, w landing_wave, decision text, now_is timestamptz) RETURNS void LANGUAGE sql AS $$
-- The wave of batches is over, and this has been decided next: what it left out is one alert. With `ends` the run is about to fail of it.
    SELECT store_fact(jsonb_strip_nulls(fact_of_files(r, 'batches', 'wave ' || w.wave, found || jsonb_build_object('step', w.step,
        'ends', CASE WHEN decision NOT IN ('load', 'done') THEN true END))), now_is)
    FROM left_out_by_wave(w) found JOIN data_product p ON p.product_id = r.product_id
    WHERE found IS NOT NULL AND w.decision = 'load' AND wants_alert(p.notify, 'FILES')
$$;

CREATE OR REPLACE FUNCTION users_of(run uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- The products that have used what the run has refreshed, directly or not, {count, products: the first ten}; null if there is none.
    WITH RECURSIVE users(run_id) AS (
        SELECT run
        UNION
        SELECT d.run_id FROM users u
        CROSS JOIN LATERAL (SELECT * FROM refresh_event e WHERE e.run_id = u.run_id::text AND e.status = 'COMPLETED' AND e.superseded_at IS NULL OFFSET 0) e
        CROSS JOIN LATERAL (SELECT * FROM data_product_dependencies_events_status i WHERE i.event_key = e.event_key OFFSET 0) d
        CROSS JOIN LATERAL (SELECT * FROM data_product_status s WHERE s.run_id = d.run_id AND uses_inputs(s) OFFSET 0) s
    )
    SELECT jsonb_build_object('count', count(*), 'products', jsonb_agg(product_id ORDER BY product_id) FILTER (WHERE place <= 10))
    FROM (SELECT product_id, row_number() OVER (ORDER BY product_id) AS place FROM (
        SELECT DISTINCT s.product_id FROM users u CROSS JOIN LATERAL run_of(u.run_id) s WHERE u.run_id <> run) each) placed
    HAVING count(*) > 0
$$;

CREATE OR REPLACE FUNCTION files_since_arrival(s landing_set) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- What has come since the set arrived: {count, files: the first five}. The last thousand files of the product are looked at.
    SELECT jsonb_build_object('count', count(*), 'files', coalesce(jsonb_agg(named_file(f) ORDER BY place) FILTER (WHERE place <= 5), '[]'))
    FROM (SELECT f, row_number() OVER (ORDER BY (f).file_id) AS place
        FROM (SELECT o AS f FROM landing_file o WHERE o.product_id = s.product_id ORDER BY o.file_id DESC LIMIT 1000) l
        WHERE ((f).business_date, (f).cycle, (f).kind) = (s.business_date, s.cycle, 'data') AND is_there(f)
            AND ((f).received_at > s.arrived_at OR (f).changed_by <> 'files' AND (f).changed_at > s.arrived_at)) placed  -- or was retried by somebody
$$;

CREATE OR REPLACE FUNCTION notify_of_corrections(sets landing_set[], now_is timestamptz) RETURNS void LANGUAGE sql AS $$
-- Those of these sets that arrive again, after a run has used them: one alert for each generation. Before the arrival, which may start the run again.
    SELECT store_fact(jsonb_strip_nulls(fact_of_files(r, 'corrected', 'generation ' || (s.generation + 1), jsonb_build_object('status', r.status,
        'on_correction', l.source ->> 'on_correction', 'corrected', files_since_arrival(s), 'used_by', users_of(r.run_id),
        'informs', CASE WHEN l.source ->> 'on_correction' = 'ignore' THEN true END))), now_is)
    FROM unnest(sets) s JOIN landing_source l USING (product_id) JOIN data_product p USING (product_id)
    CROSS JOIN LATERAL runs_of_date(s.product_id, s.business_date) r
    WHERE s.generation > 0 AND s.cycle IN ('', r.cycle) AND uses_inputs(r) AND NOT loads_files(r) AND wants_alert(p.notify, 'FILES')
$$;

CREATE OR REPLACE FUNCTION notify_of_unmatched(files bigint[], now_is timestamptz) RETURNS void LANGUAGE sql AS $$
-- Those of these files that are of no source: a digest to the owner of their bucket. It is due five minutes after the first of them, and an hour after the digest before
-- at the earliest; the last minute is left to those that are being recorded.
    WITH lacking AS (
        SELECT b.bucket_id FROM landing_bucket b
        WHERE b.bucket = ANY (ARRAY(SELECT DISTINCT f.bucket FROM landing_file f WHERE f.file_id = ANY (files) AND f.status = 'UNMATCHED'))
            AND b.entry -> 'notify' <> '[]' AND (b.digest_until IS NULL OR b.digest_until <= now_is)
        ORDER BY b.bucket_id FOR UPDATE
    ), digests AS (
        UPDATE landing_bucket b SET digest_from = greatest(b.digest_until, now_is - interval '1 hour'),
            digest_until = greatest(now_is + interval '4 minutes', b.digest_until + interval '1 hour')
        FROM lacking WHERE b.bucket_id = lacking.bucket_id RETURNING b.*
    )
    SELECT store_fact(jsonb_build_object('kind', 'FILES', 'about', 'unmatched', 'informs', true, 'level', 'product', 'product', d.bucket_id,
        'run_id', md5(concat_ws(' ', d.bucket_id, d.digest_until))::uuid, 'attempt', 1, 'business_date', (now_is AT TIME ZONE 'UTC')::date, 'cycle', '',
        'bucket', d.bucket, 'from', d.digest_from, 'until', d.digest_until), d.digest_until + interval '1 minute')
    FROM digests d
$$;

CREATE OR REPLACE FUNCTION take_buckets(of_upload text) RETURNS void LANGUAGE sql AS $$
-- The staged buckets take the place of those of before.
    WITH given AS (
        SELECT key || '#bucket' AS bucket_id, entry ->> 'name' AS bucket, entry FROM catalog_stage WHERE upload = of_upload AND section = 'buckets'
    ), gone AS (
        DELETE FROM landing_bucket b WHERE NOT EXISTS (SELECT FROM given g WHERE g.bucket_id = b.bucket_id)
    )
    INSERT INTO landing_bucket (bucket_id, bucket, entry) SELECT bucket_id, bucket, entry FROM given
    ON CONFLICT (bucket_id) DO UPDATE SET bucket = excluded.bucket, entry = excluded.entry
$$;
