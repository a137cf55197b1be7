-- Lanes of files: those with equal values of the groups of `together`. With `load: cdc` the files of a lane are loaded one after the other.

CREATE OR REPLACE FUNCTION batches_of(r data_product_status, of_step text) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- How the step loads files, as metadata has it.
    SELECT c.settings -> 'batches' FROM data_pipeline_config c WHERE c.product_id = r.product_id AND c.step = of_step
$$;

CREATE OR REPLACE FUNCTION bytes_of(size text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT left(size, -2)::bigint * CASE right(size, 2) WHEN 'GB' THEN 1000000000 ELSE 1000000 END
$$;

CREATE OR REPLACE FUNCTION is_cdc(product text) RETURNS boolean LANGUAGE sql STABLE AS $$
-- Whether every version of a file of the product counts, in their order.
    SELECT EXISTS (SELECT FROM landing_source s WHERE s.product_id = product AND s.source ->> 'load' = 'cdc')
$$;

CREATE OR REPLACE FUNCTION lane_of(facets jsonb, together jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
-- The values of the groups of `together`, of which there are four at most. Written one by one it is inlined: with a query in it, it takes twenty times as long.
    SELECT ARRAY[facets ->> (together ->> 0), facets ->> (together ->> 1), facets ->> (together ->> 2), facets ->> (together ->> 3)]
$$;

CREATE OR REPLACE FUNCTION sorted_as(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- In the collation "C" numbers, as numbers, before other texts; nothing first.
    SELECT CASE WHEN value IS NULL THEN '' WHEN value ~ '^[0-9]+$' THEN '0' || lpad(length(ltrim(value, '0'))::text, 4, '0') || ltrim(value, '0') ELSE '1' || value END
$$;

CREATE OR REPLACE FUNCTION in_order(facets jsonb, by jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
-- What sorts files by the values of these groups, as `lane_of`.
    SELECT ARRAY[sorted_as(facets ->> (by ->> 0)), sorted_as(facets ->> (by ->> 1)), sorted_as(facets ->> (by ->> 2)), sorted_as(facets ->> (by ->> 3))]
$$;

CREATE OR REPLACE FUNCTION files_in_lanes(r data_product_status, of_step text)
RETURNS TABLE (file_id bigint, status text, lane text[], place bigint, corrected boolean, stopped_at bigint, free boolean, late boolean)
LANGUAGE sql STABLE AS $$
-- The files of the run, each with its place in its lane: by the groups of `order`, and then as they were put, which within one key the sequencer says. A newer
-- version of a file that was rejected or has failed has corrected that, and takes its place. A lane is stopped at the first file that was rejected or has
-- failed; `free` files can be claimed. `late` ones come before one that has been loaded.
    WITH settings AS (
        SELECT s -> 'together' AS together, (s -> 'order') - 'arrival' AS by FROM batches_of(r, of_step) s
    ), counting AS (
        SELECT f.file_id, f.bucket, f.key, f.sequencer, f.event_at, f.latest, f.status, f.facets, min(f.file_id) OVER object AS object,
            bool_and(f.sequencer IS NOT NULL) OVER object AS by_sequencer
        FROM files_of_run(r) f WHERE f.status <> 'IGNORED' WINDOW object AS (PARTITION BY f.bucket, f.key)
    ), versions AS (
        SELECT c.*, row_number() OVER version AS version, max(event_at) OVER version AS put_at,
            status IN ('REJECTED', 'FAILED') AND lead(c.file_id) OVER version IS NOT NULL AS corrected,
            count(*) FILTER (WHERE status NOT IN ('REJECTED', 'FAILED')) OVER version
                - (status NOT IN ('REJECTED', 'FAILED'))::integer AS used_before
        FROM counting c
        WINDOW version AS (PARTITION BY bucket, key ORDER BY CASE WHEN NOT by_sequencer THEN date_trunc('second', event_at) END,
            NOT by_sequencer AND coalesce(latest, false), sequencer NULLS FIRST, file_id)
    ), corrections AS (
        SELECT v.*, min(put_at) OVER (PARTITION BY bucket, key, used_before) AS in_place_of FROM versions v
    ), placed AS (
        SELECT o.*, row_number() OVER (PARTITION BY lane COLLATE "C" ORDER BY by_groups COLLATE "C", in_place_of, object, version) AS place
        FROM (SELECT c.*, lane_of(c.facets, s.together) AS lane, in_order(c.facets, s.by) AS by_groups FROM corrections c CROSS JOIN settings s) o
    ), lanes AS (
        SELECT p.*, min(place) FILTER (WHERE status IN ('REJECTED', 'FAILED') AND NOT corrected) OVER of_lane AS stopped_at,
            bool_or(status = 'CLAIMED') OVER of_lane AS claimed, max(place) FILTER (WHERE status = 'PROCESSED') OVER of_lane AS loaded_to
        FROM placed p WINDOW of_lane AS (PARTITION BY lane COLLATE "C")
    )
    SELECT file_id, status, lane, place, corrected, stopped_at, status = 'RECEIVED' AND NOT claimed AND (place > stopped_at) IS NOT TRUE,
        (place < loaded_to) IS TRUE
    FROM lanes
$$;

CREATE OR REPLACE FUNCTION corrected_files(r data_product_status) RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
-- The files of the run that were rejected or have failed, and of which a newer version came, with `load: cdc`. Otherwise such a file does not count any more.
BEGIN
    RETURN CASE WHEN is_cdc(r.product_id) THEN ARRAY(SELECT l.file_id FROM files_in_lanes(r, NULL) l WHERE l.corrected) ELSE '{}' END;
END $$;

CREATE OR REPLACE FUNCTION has_files_to_load(r data_product_status) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
-- Whether a step of the run that loads files would find some.
BEGIN
    IF is_cdc(r.product_id) THEN
        RETURN EXISTS (SELECT FROM data_pipeline_config c CROSS JOIN LATERAL files_in_lanes(r, c.step) l
            WHERE c.product_id = r.product_id AND c.settings ? 'batches' AND l.free);
    END IF;
    RETURN EXISTS (SELECT FROM files_of_run(r) f WHERE f.status = 'RECEIVED');
END $$;

CREATE OR REPLACE FUNCTION stopped_lanes(r data_product_status, of_step text, OUT decision text, OUT message text)
LANGUAGE sql STABLE AS $$
-- Where lanes have stopped, at files that were rejected or have failed, and how many files wait behind these; nulls if none has.
    WITH lanes AS (
        SELECT lane, stopped_at, min(file_id) FILTER (WHERE place = stopped_at) AS at, count(*) FILTER (WHERE status = 'RECEIVED' AND place > stopped_at) AS behind
        FROM files_in_lanes(r, of_step) WHERE stopped_at IS NOT NULL GROUP BY lane, stopped_at
    ), stops AS (
        SELECT l.behind, f.status, row_number() OVER (ORDER BY f.file_id) AS n, format('files%s stop at %s (file %s, %s: %s)',
            (SELECT ' of ' || string_agg(concat_ws(' ', name, l.lane[n]), ', ' ORDER BY n)
                FROM jsonb_array_elements_text(batches_of(r, of_step) -> 'together') WITH ORDINALITY AS e(name, n)),
            regexp_replace(f.key, '^.*/', ''), f.file_id, f.status, coalesce(f.reason, 'no reason given')) AS stop
        FROM lanes l CROSS JOIN LATERAL (SELECT * FROM landing_file one WHERE one.file_id = l.at OFFSET 0) f
    )
    SELECT CASE WHEN bool_or(status = 'FAILED') THEN 'failed' WHEN count(*) > 0 THEN 'rejected' END,
        string_agg(format('%s, and %s %s behind it', stop, behind, CASE behind WHEN 1 THEN 'waits' ELSE 'wait' END), '; ' ORDER BY n) FILTER (WHERE n <= 5)
            || CASE WHEN count(*) > 5 THEN format('; and %s more lanes', count(*) - 5) ELSE '' END
    FROM stops
$$;

CREATE OR REPLACE FUNCTION has_only_stopped(r data_product_status) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether all that is left of the files of the run waits in lanes that have stopped.
    SELECT coalesce(bool_or(l.stopped_at IS NOT NULL) AND NOT bool_or(l.free), false)
    FROM data_pipeline_config c CROSS JOIN LATERAL files_in_lanes(r, c.step) l
    WHERE is_cdc(r.product_id) AND c.product_id = r.product_id AND c.settings ? 'batches'
$$;
