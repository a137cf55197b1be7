-- Sets of files: those of one business date (and cycle). A set that is complete is an arrival, as a refresh of an upstream is.

CREATE OR REPLACE FUNCTION is_there(f landing_file) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT f.counts AND f.status IN ('RECEIVED', 'CLAIMED', 'PROCESSED')
$$;

CREATE OR REPLACE FUNCTION was_loaded(f landing_file) RETURNS boolean LANGUAGE sql STABLE AS $$
-- Whether the target has, or may have, what the file says: it was PROCESSED once, whatever it is now.
    SELECT f.status = 'PROCESSED' OR EXISTS (SELECT FROM landing_file_history h WHERE h.file_id = f.file_id AND h.status = 'PROCESSED')
$$;

CREATE OR REPLACE FUNCTION files_of_set(product text, on_date date, of_cycle text, of_kind text) RETURNS SETOF landing_file
LANGUAGE sql STABLE AS $$
-- The files that are there, of one kind. Inlined.
    SELECT f.* FROM landing_file f
    WHERE f.product_id = product AND f.business_date = on_date AND f.cycle = of_cycle AND f.kind = of_kind AND f.counts AND is_there(f)
$$;

CREATE OR REPLACE FUNCTION missing_slots(slots jsonb, product text, on_date date, of_cycle text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT slot FROM jsonb_array_elements_text(slots) WITH ORDINALITY AS s(slot, place)
    WHERE NOT EXISTS (SELECT FROM files_of_set(product, on_date, of_cycle, 'data') f WHERE f.slot = s.slot OFFSET 0)
    ORDER BY place
$$;

CREATE OR REPLACE FUNCTION missing_parts(product text, on_date date, of_cycle text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
-- The parts that are missing, by what else the names of the files say. Of those that say different numbers of parts the largest counts. A file
-- without a part is whole.
    WITH given AS (
        SELECT f.facets - 'part' - 'parts' AS of, CASE WHEN f.facets ->> 'part' ~ '^\d{1,6}$' THEN (f.facets ->> 'part')::integer END AS part,
            CASE WHEN f.facets ->> 'parts' ~ '^\d{1,6}$' THEN (f.facets ->> 'parts')::integer ELSE 0 END AS parts
        FROM files_of_set(product, on_date, of_cycle, 'data') f
    )
    SELECT concat_ws(' ', (SELECT string_agg(value, ' ' ORDER BY key) FROM jsonb_each_text(g.of)), number || ' of ' || g.parts)
    FROM (SELECT given.of, max(parts) AS parts, array_agg(part) AS present FROM given GROUP BY given.of) g
    CROSS JOIN LATERAL generate_series(1, g.parts) number
    WHERE (number = ANY (g.present)) IS NOT TRUE
    ORDER BY g.of::text, number
$$;

CREATE OR REPLACE FUNCTION missing_of_manifest(prefix text, product text, on_date date, of_cycle text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
-- The files that the manifest names and that are not there as it says. The ETag of an object that was put in several parts
-- (with a `-`) is no MD5: then it is not compared.
    SELECT e.name || CASE WHEN f.file_id IS NOT NULL AND e.size <> f.size THEN format(' (it has %s bytes, and %s by the manifest)', f.size, e.size)
            WHEN f.file_id IS NOT NULL THEN ' (its MD5 is not that of the manifest)' ELSE '' END
    FROM files_of_set(product, on_date, of_cycle, 'manifest') m
    CROSS JOIN LATERAL jsonb_to_recordset(m.expected) AS e(name text, size bigint, md5 text)
    LEFT JOIN LATERAL (
        SELECT * FROM landing_file l WHERE l.bucket = m.bucket AND l.key = prefix || e.name OFFSET 0) f
        ON f.product_id = product AND f.business_date = on_date AND f.cycle = of_cycle AND is_there(f)
    WHERE f.file_id IS NULL OR e.size <> f.size OR e.md5 <> f.etag AND f.etag ~ '^[0-9a-f]{32}$'
    ORDER BY e.name
$$;

CREATE OR REPLACE FUNCTION missing_of_set(source jsonb, product text, on_date date, of_cycle text) RETURNS SETOF text
LANGUAGE plpgsql STABLE AS $$
-- What is missing, each as people name it; nothing if the set is complete. Each of the ways of `complete` is asked by itself, so that each has its plan.
DECLARE
    complete jsonb := source -> 'complete';
    present integer;
BEGIN
    IF (source ->> 'sweep')::boolean THEN
        RETURN;  -- what an opening took is all
    ELSIF source ? 'slots' THEN
        RETURN QUERY SELECT missing_slots(source -> 'slots', product, on_date, of_cycle);
    ELSIF complete ? 'count' THEN
        present := (SELECT count(*) FROM (SELECT FROM files_of_set(product, on_date, of_cycle, 'data') LIMIT (complete ->> 'count')::integer) first);
        RETURN QUERY SELECT CASE missing WHEN 1 THEN '1 file' ELSE missing || ' files' END
            FROM (SELECT (complete ->> 'count')::integer - present AS missing) m WHERE missing > 0;
    ELSIF complete ? 'manifest' THEN
        IF NOT EXISTS (SELECT FROM files_of_set(product, on_date, of_cycle, 'manifest')) THEN
            RETURN QUERY SELECT 'the manifest ' || (complete #>> '{manifest,name}');
        ELSE
            RETURN QUERY SELECT missing_of_manifest(source ->> 'prefix', product, on_date, of_cycle);
        END IF;
    ELSIF NOT EXISTS (SELECT FROM files_of_set(product, on_date, of_cycle, 'data')) THEN
        RETURN QUERY SELECT 'the first file';
    ELSIF complete ? 'marker' THEN
        RETURN QUERY SELECT 'the marker ' || (complete ->> 'marker') WHERE NOT EXISTS (SELECT FROM files_of_set(product, on_date, of_cycle, 'marker'));
    ELSIF (complete ->> 'parts')::boolean THEN
        RETURN QUERY SELECT missing_parts(product, on_date, of_cycle);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION set_is_complete(source jsonb, product text, on_date date, of_cycle text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
-- Whether nothing is missing. A manifest that names more files than there are is not looked through.
BEGIN
    IF source #> '{complete,manifest}' IS NOT NULL AND (SELECT max(jsonb_array_length(m.expected)) FROM files_of_set(product, on_date, of_cycle, 'manifest') m)
        > (SELECT count(*) FROM files_of_set(product, on_date, of_cycle, 'data')) THEN
        RETURN false;
    END IF;
    RETURN source -> 'complete' IS NOT NULL AND NOT EXISTS (SELECT FROM missing_of_set(source, product, on_date, of_cycle));
END $$;

CREATE OR REPLACE FUNCTION files_metadata(s landing_set, missing jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- What an arrival of the set says of it; `incomplete` is what was missing when it was started nevertheless.
    SELECT jsonb_build_object('files', count(*) FILTER (WHERE is_there(f)), 'rejected', count(*) FILTER (WHERE f.status = 'REJECTED'),
        'generation', s.generation, 'incomplete', missing)
    FROM landing_file f
    WHERE f.product_id = s.product_id AND f.business_date = s.business_date AND f.cycle = s.cycle AND f.kind = 'data' AND f.counts
$$;

CREATE OR REPLACE FUNCTION store_arrivals(sets landing_set[], missing jsonb, now_is timestamptz) RETURNS text[]
LANGUAGE sql AS $$
-- The next generation of each of the sets arrives. Gives the keys of these events. What a set has brought once counts no more when it brings more.
    WITH arrived AS (
        UPDATE landing_set s SET generation = s.generation + 1, altered = false, due_at = NULL, arrived_at = now_is, changed_at = now_is
        FROM unnest(sets) t WHERE (s.product_id, s.business_date, s.cycle) = (t.product_id, t.business_date, t.cycle)
        RETURNING s
    ), stored AS (
        INSERT INTO refresh_event (event_key, product_id, business_date, cycle, status, attempt, refreshed_at, received_at, metadata)
        SELECT concat_ws(' ', 'files', (s).product_id, (s).business_date, (s).cycle, 'g' || (s).generation), files_input((s).product_id),
            (s).business_date, (s).cycle, 'COMPLETED', (s).generation, now_is, now_is, files_metadata(s, missing)
        FROM arrived RETURNING event_key
    )
    SELECT coalesce(array_agg(event_key), '{}') FROM stored
$$;

CREATE OR REPLACE FUNCTION deliver_sets(products text[], now_is timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
-- The sets of these (locked) products that are complete and have settled arrive. Gives how many runs that released. What a correction does to a run that has
-- used the files, `on_correction` says; with rerun_downstream everything that depends on the run is made again with it.
DECLARE
    due landing_set[];
    keys text[];
BEGIN
    SELECT array_agg(s) INTO due FROM (SELECT * FROM landing_set l WHERE l.due_at <= now_is AND l.product_id = ANY (products) FOR UPDATE) s;
    IF due IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM notify_of_corrections(due, now_is);
    keys := store_arrivals(due, '[]', now_is);
    PERFORM end_notices(notices_of_arrived(due), now_is);
    RETURN take_events(keys, keys, '[]', ARRAY(SELECT files_input(s.product_id) FROM landing_source s
        WHERE s.product_id = ANY (products) AND s.source ->> 'on_correction' = 'rerun_downstream'), 'the last file arrived', 'files', now_is);
END $$;

CREATE OR REPLACE FUNCTION runs_without_files(product text, on_date date) RETURNS SETOF data_product_status LANGUAGE sql STABLE AS $$
-- The runs that ended because files were wrong, and wait for others.
    SELECT * FROM runs_of_date(product, on_date) r WHERE r.status = 'ERROR' AND r.error = 'FilesRejected'
$$;

CREATE OR REPLACE FUNCTION alters_its_set(f landing_file) RETURNS boolean LANGUAGE sql STABLE AS $$
-- Whether a file that has come says something new: not a marker, nor a manifest that says the same once more. With `load: cdc` one that is ignored from now on
-- lets those behind it go on.
    SELECT is_there(f) AND (f.kind = 'data' OR f.kind = 'manifest' AND NOT EXISTS (SELECT FROM landing_file l
        WHERE l.bucket = f.bucket AND l.key = f.key AND l.kind = 'manifest' AND l.file_id <> f.file_id AND l.expected = f.expected))
        OR f.status = 'IGNORED' AND is_cdc(f.product_id) AND EXISTS (SELECT FROM runs_without_files(f.product_id, f.business_date))
$$;

CREATE OR REPLACE FUNCTION settle_sets(sets landing_set[], now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- When each of the sets arrives: `settle` after the file that came now, if it is complete and has something new, which does not wait behind a wrong file.
    UPDATE landing_set s SET changed_at = now_is, due_at = CASE WHEN s.altered AND set_is_complete(l.source, s.product_id, s.business_date, s.cycle)
            AND NOT EXISTS (SELECT FROM runs_without_files(s.product_id, s.business_date) r WHERE r.cycle IN (s.cycle, '') AND has_only_stopped(r))
        THEN now_is + make_interval(secs => (l.source ->> 'settle')::integer) END
    FROM unnest(sets) t JOIN landing_source l USING (product_id)
    WHERE (s.product_id, s.business_date, s.cycle) = (t.product_id, t.business_date, t.cycle)
$$;

CREATE OR REPLACE FUNCTION follow_files(files bigint[], now_is timestamptz, OUT superseded integer, OUT released integer)
LANGUAGE plpgsql AS $$
-- What follows of files (of locked products) that came, or that count or not from now on: which version counts, which sets are complete, and which runs open.
DECLARE
    moved bigint[];
    touched landing_set[];
BEGIN
    SELECT coalesce(array_agg(s.file_id), '{}'), count(*) FILTER (WHERE s.status = 'SUPERSEDED') INTO moved, superseded FROM supersede_versions(files, now_is) s;
    PERFORM join_corrected(files);
    INSERT INTO status_change (product_id) SELECT DISTINCT f.product_id FROM landing_file f  -- a set would say it
    WHERE f.file_id = ANY (files || moved) AND f.business_date IS NULL AND f.product_id IS NOT NULL;
    WITH concerned AS (
        -- of most files it can be said without a call, which costs as much as all else that is done for a file here
        SELECT f.product_id, f.business_date, f.cycle, bool_or(CASE WHEN f.kind = 'data' AND is_there(f) THEN true ELSE alters_its_set(f) END) AS altered,
            min(f.received_at) AS first_at
        FROM landing_file f WHERE f.file_id = ANY (files || moved) AND f.product_id IS NOT NULL AND f.business_date IS NOT NULL
        GROUP BY f.product_id, f.business_date, f.cycle
    ), kept AS (
        INSERT INTO landing_set AS s (product_id, business_date, cycle, altered, first_at, changed_at)
        SELECT product_id, business_date, cycle, altered, first_at, now_is FROM concerned ORDER BY product_id, business_date, cycle
        ON CONFLICT (product_id, business_date, cycle) DO UPDATE SET altered = s.altered OR excluded.altered, changed_at = excluded.changed_at
        RETURNING s
    )
    SELECT array_agg(s) INTO touched FROM kept;
    IF touched IS NULL THEN
        released := 0;
        RETURN;
    END IF;
    PERFORM open_runs(wanted, now_is, 'files') FROM (
        SELECT jsonb_agg(jsonb_build_object('product_id', t.product_id, 'business_date', t.business_date, 'cycle', t.cycle)) AS wanted
        FROM unnest(touched) t
        WHERE NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = t.product_id OFFSET 0)
            AND NOT EXISTS (SELECT FROM runs_of_date(t.product_id, t.business_date) r WHERE r.cycle = t.cycle)) opening
    WHERE wanted IS NOT NULL;
    PERFORM look_at_sets(touched, now_is);
    PERFORM settle_sets(touched, now_is);
    released := deliver_sets(ARRAY(SELECT DISTINCT t.product_id FROM unnest(touched) t), now_is);
END $$;

CREATE OR REPLACE FUNCTION settle_files(now_is timestamptz) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Sets that are complete and have settled arrive. Gives how many runs that released.
DECLARE
    products text[] := ARRAY(SELECT DISTINCT s.product_id FROM landing_set s WHERE s.due_at <= now_is);
BEGIN
    IF products = '{}' THEN
        RETURN 0;
    END IF;
    PERFORM lock_openings(true);
    PERFORM lock_sources(products);
    RETURN deliver_sets(products, now_is);
END $$;

CREATE OR REPLACE FUNCTION lock_files_of(run uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
-- Whether the run has files of its own; then nobody records any until the end of the transaction. Before any lock of a run.
DECLARE
    product text := (SELECT s.product_id FROM landing_source s JOIN data_product_status r USING (product_id) WHERE r.run_id = run);
BEGIN
    PERFORM lock_sources(ARRAY[product]) WHERE product IS NOT NULL;
    RETURN product IS NOT NULL;
END $$;

CREATE OR REPLACE FUNCTION take_incomplete_files(r data_product_status, now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- The (locked) run, whose files have not all come, takes those that are there: they arrive, and what comes later is a correction.
DECLARE
    input data_product_dependencies_events_status;
    incomplete landing_set;
    missing jsonb;
BEGIN
    SELECT * INTO input FROM inputs_of_run(r.run_id) d WHERE d.upstream = files_input(r.product_id) AND d.status = 'WAITING';
    IF input.run_id IS NULL THEN
        RETURN;
    END IF;
    SELECT cut(jsonb_agg(m), 4000) INTO missing FROM landing_source s
    CROSS JOIN LATERAL missing_of_set(s.source, r.product_id, r.business_date, input.cycle) m WHERE s.product_id = r.product_id;
    INSERT INTO landing_set AS s (product_id, business_date, cycle, altered, first_at, changed_at)
    VALUES (r.product_id, r.business_date, input.cycle, false, now_is, now_is)
    ON CONFLICT (product_id, business_date, cycle) DO UPDATE SET changed_at = excluded.changed_at
    RETURNING * INTO incomplete;
    PERFORM end_notices(notices_of_arrived(ARRAY[incomplete]), now_is);
    PERFORM supersede_older(store_arrivals(ARRAY[incomplete], coalesce(missing, '[]'), now_is), now_is);
    PERFORM match_arrivals(ARRAY[r.run_id], ARRAY[input.upstream], now_is);
END $$;
