-- The audit of files: one row a version of an object.

CREATE OR REPLACE FUNCTION version_of(version_id text, sequencer text, etag text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- What tells the versions of one object apart: the version, in a bucket without versions the sequencer of the event, and what was found by listing
-- there the ETag. Sequencers are hexadecimal numbers of different lengths, which S3 compares padded with zeros on the right.
    SELECT coalesce('v ' || version_id, 's ' || rpad(sequencer, 32, '0'), 'e ' || etag, '')
$$;

CREATE OR REPLACE FUNCTION date_of_arrival(source jsonb, put_at timestamptz, c calendar) RETURNS date LANGUAGE sql STABLE AS $$
-- The business date of what was put at that moment, where its arrival decides: the day by the clock of the source, the next one from the end of
-- the day on (`day_ends`), and then the next business day.
    SELECT shifted(local.at::date + CASE WHEN local.at::time >= (source #>> '{date,day_ends}')::time THEN 0 ELSE -1 END, 1, c)
    FROM (SELECT put_at AT TIME ZONE (source #>> '{date,timezone}') AS at) local
$$;

CREATE OR REPLACE FUNCTION judged(product text, of_kind text, of_size bigint, put_at timestamptz, named_date date, problem text)
RETURNS TABLE (product_id text, status text, reason text, business_date date)
LANGUAGE sql STABLE AS $$
-- What a file is at first: by its source, its size and its date. The date of the name or of the arrival is moved by the `offset` of the source. Of a source
-- that is swept it has none yet. Of no known source: UNMATCHED.
    SELECT s.product_id, CASE WHEN s.product_id IS NULL THEN 'UNMATCHED' WHEN refused.why IS NOT NULL THEN 'REJECTED' ELSE 'RECEIVED' END,
        refused.why, CASE WHEN is_business_day(day.date, c) THEN day.date END
    FROM (SELECT 1) one
    LEFT JOIN landing_source s ON s.product_id = product
    LEFT JOIN data_product_schedule l ON l.product_id = s.product_id
    LEFT JOIN calendar c ON c.calendar = l.calendar
    CROSS JOIN LATERAL (SELECT CASE WHEN (s.source #>> '{date,arrival}')::boolean THEN date_of_arrival(s.source, put_at, c) ELSE named_date END AS date OFFSET 0) given
    -- by itself, and each once: an argument that is a call keeps `shifted` from being inlined
    CROSS JOIN LATERAL (SELECT CASE WHEN s.product_id IS NOT NULL THEN shifted(given.date, coalesce((s.source #>> '{date,offset}')::integer, 0), c) END AS date OFFSET 0) day
    CROSS JOIN LATERAL (SELECT CASE WHEN problem IS NOT NULL THEN problem
        WHEN of_kind = 'data' AND of_size < (s.source ->> 'min_bytes')::bigint
            THEN format('smaller than %s', CASE s.source ->> 'min_bytes' WHEN '1' THEN '1 byte' ELSE (s.source ->> 'min_bytes') || ' bytes' END)
        WHEN (s.source ->> 'sweep')::boolean THEN NULL
        WHEN day.date IS NULL THEN 'no business date'
        WHEN NOT is_business_day(day.date, c) THEN format('no business date: %s is no business day of the calendar %s', day.date, c.calendar)
        END AS why) refused
$$;

CREATE OR REPLACE FUNCTION learn_sequencers(files jsonb, now_is timestamptz) RETURNS bigint[]
LANGUAGE sql AS $$
-- The event of a file that was found by listing before says in which order its versions were put. Gives the files of which that is known now.
    WITH seen AS (
        SELECT DISTINCT ON (f.bucket, f.key, version_of(f.version_id, NULL, f.etag)) f.bucket, f.key, f.version_id, f.etag,
            rpad(f.sequencer, 32, '0') AS sequencer
        FROM jsonb_to_recordset(files) AS f(bucket text, key text, version_id text, sequencer text, etag text)
        WHERE f.sequencer IS NOT NULL
    ), listed AS MATERIALIZED (
        SELECT l.file_id, s.sequencer, version_of(s.version_id, s.sequencer, s.etag) AS version
        FROM seen s CROSS JOIN LATERAL (
            SELECT * FROM landing_file f WHERE f.bucket = s.bucket AND f.key = s.key AND f.version = version_of(s.version_id, NULL, s.etag) OFFSET 0) l
        WHERE l.sequencer IS NULL AND NOT EXISTS (SELECT FROM landing_file o
            WHERE o.bucket = s.bucket AND o.key = s.key AND o.version = version_of(NULL, s.sequencer, NULL) AND s.version_id IS NULL OFFSET 0)
    ), learned AS (
        UPDATE landing_file l SET sequencer = s.sequencer, version = s.version, how = 'event' FROM listed s WHERE l.file_id = s.file_id RETURNING l.file_id
    )
    SELECT coalesce(array_agg(file_id), '{}') FROM learned
$$;

CREATE OR REPLACE FUNCTION store_files(files jsonb, now_is timestamptz, actor text) RETURNS bigint[]
LANGUAGE sql AS $$
-- A row for each version that has none. Two that store the same ones wait for each other in one order. Gives the new ones. What is listed in a bucket
-- without versions, where events have sequencers and a listing has none, is known by its ETag.
    WITH given AS (
        SELECT DISTINCT ON (f.bucket COLLATE "C", f.key COLLATE "C", f.version COLLATE "C") f.*
        FROM (SELECT r.*, version_of(r.version_id, r.sequencer, r.etag) AS version
            FROM jsonb_to_recordset(files) AS r(product_id text, kind text, bucket text, key text, version_id text, sequencer text, etag text, size bigint,
                event_at timestamptz, how text, latest boolean, business_date date, cycle text, facets jsonb, slot text, reason text, expected jsonb)) f
        ORDER BY f.bucket COLLATE "C", f.key COLLATE "C", f.version COLLATE "C"
    ), stored AS (
        INSERT INTO landing_file (product_id, kind, bucket, key, version, version_id, sequencer, etag, size, event_at, received_at, matched_at, how, latest,
            business_date, cycle, facets, slot, expected, counts, status, reason, changed_at, changed_by)
        SELECT j.product_id, g.kind, g.bucket, g.key, g.version, g.version_id, rpad(g.sequencer, 32, '0'), g.etag, g.size, g.event_at, now_is, now_is, g.how, g.latest,
            j.business_date, coalesce(g.cycle, ''), coalesce(g.facets, '{}'), g.slot, g.expected, j.status <> 'UNMATCHED', j.status,
            left(j.reason, 1000), now_is, actor
        FROM given g CROSS JOIN LATERAL judged(g.product_id, g.kind, g.size, g.event_at, g.business_date, g.reason) j
        WHERE g.sequencer IS NOT NULL OR g.version_id IS NOT NULL OR NOT EXISTS (SELECT FROM landing_file l
            WHERE l.bucket = g.bucket AND l.key = g.key AND l.etag = g.etag AND l.size = g.size OFFSET 0)
        ORDER BY g.bucket COLLATE "C", g.key COLLATE "C", g.version COLLATE "C"
        ON CONFLICT (bucket, key, version) DO NOTHING
        RETURNING file_id
    )
    SELECT coalesce(array_agg(file_id), '{}') FROM stored
$$;

CREATE OR REPLACE FUNCTION versions_in_order(files bigint[])
RETURNS TABLE (file_id bigint, newest boolean, product_id text, swept boolean, business_date date, status text)
LANGUAGE sql STABLE AS $$
-- All versions of the objects of these files, and which is the newest: by sequencer; where one was found by listing, which has none, by the second at which
-- they were put, and within one second by what the listing says is the latest. Not for `load: cdc`, where every version counts. What arrives on another date under the same name is a file of that date; what is swept
-- has the date of its opening, and is compared with all.
    WITH touched AS MATERIALIZED (
        SELECT DISTINCT l.product_id, l.bucket, l.key, swept, CASE WHEN NOT swept THEN l.business_date END AS of_date, CASE WHEN NOT swept THEN l.cycle END AS of_cycle
        FROM landing_file l JOIN landing_source s USING (product_id) CROSS JOIN LATERAL (SELECT (s.source ->> 'sweep')::boolean AS swept) kind
        WHERE l.file_id = ANY (files) AND s.source ->> 'load' = 'full' AND l.status <> 'UNMATCHED'
    ), versions AS (
        SELECT v.*, t.swept, t.of_date, t.of_cycle, bool_and(v.sequencer IS NOT NULL) OVER (PARTITION BY v.bucket, v.key, t.of_date, t.of_cycle) AS by_sequencer
        FROM touched t CROSS JOIN LATERAL (
            SELECT * FROM landing_file l WHERE l.bucket = t.bucket AND l.key = t.key OFFSET 0) v
        WHERE v.product_id = t.product_id AND (t.swept OR v.business_date IS NOT DISTINCT FROM t.of_date AND v.cycle = t.of_cycle) AND v.status <> 'UNMATCHED'
    )
    SELECT v.file_id, row_number() OVER (PARTITION BY v.bucket, v.key, v.of_date, v.of_cycle
        ORDER BY CASE WHEN NOT by_sequencer THEN date_trunc('second', v.event_at) END DESC, NOT by_sequencer AND coalesce(v.latest, false) DESC,
            v.sequencer DESC NULLS LAST, v.file_id DESC) = 1,
        v.product_id, v.swept, v.business_date, v.status
    FROM versions v
$$;

CREATE OR REPLACE FUNCTION supersede_versions(files bigint[], now_is timestamptz) RETURNS TABLE (file_id bigint, status text)
LANGUAGE sql AS $$
-- Of each object of these files the newest version counts. One that waited to be used is SUPERSEDED; and is RECEIVED again if it turns out to be the newest.
-- What a sweep has loaded counts for it all the same. Gives the files of which that changed.
    UPDATE landing_file l SET counts = v.newest, changed_at = now_is, changed_by = 'files',
        status = CASE WHEN v.newest AND l.status = 'SUPERSEDED' THEN 'RECEIVED' WHEN NOT v.newest AND l.status = 'RECEIVED' THEN 'SUPERSEDED' ELSE l.status END,
        reason = CASE WHEN v.newest AND l.status = 'SUPERSEDED' THEN NULL WHEN NOT v.newest AND l.status = 'RECEIVED' THEN 'a newer version came'
            ELSE l.reason END
    FROM versions_in_order(files) v
    WHERE l.file_id = v.file_id AND l.counts <> v.newest
        AND (NOT v.swept OR v.business_date IS NULL OR v.status <> 'PROCESSED' AND loads_batches(v.product_id))
    RETURNING l.file_id, l.status
$$;

CREATE OR REPLACE FUNCTION record_files(
    files jsonb, now_is timestamptz, OUT recorded integer, OUT repeated integer, OUT superseded integer, OUT unmatched integer, OUT rejected integer,
    OUT released integer
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records files that landed (contract: `FileSeen`), each version once. The newest version of an object counts; sets that are complete by it arrive, once
-- they have settled, and the first file of a date opens the run of a product without a schedule. A file recorded before changes nothing.
DECLARE
    added bigint[];
    learned bigint[] := '{}';
BEGIN
    PERFORM lock_openings(true);
    PERFORM lock_sources(ARRAY(SELECT DISTINCT f ->> 'product_id' FROM jsonb_array_elements(files) f WHERE f ->> 'product_id' IS NOT NULL));
    IF files @> '[{"version_id": null}]' THEN
        learned := learn_sequencers(files, now_is);  -- without a version, what was listed would not be known again
    END IF;
    added := store_files(files, now_is, 'files');
    recorded := cardinality(added);
    IF recorded < jsonb_array_length(files) THEN
        learned := learned || learn_sequencers(files, now_is);
    END IF;
    repeated := jsonb_array_length(files) - recorded;
    SELECT f.superseded, f.released INTO superseded, released FROM follow_files(added || learned, now_is) f;
    SELECT count(*) FILTER (WHERE l.status = 'UNMATCHED'), count(*) FILTER (WHERE l.status = 'REJECTED') INTO unmatched, rejected
    FROM landing_file l WHERE l.file_id = ANY (added);
    PERFORM notify_of_rejected(added, now_is) WHERE rejected > 0;
    PERFORM notify_of_unmatched(added, now_is) WHERE unmatched > 0;
END $$;
