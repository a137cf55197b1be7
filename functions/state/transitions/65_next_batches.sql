-- Which files come next, and in which batches.

CREATE OR REPLACE FUNCTION most_of(all_files integer, last landing_batch) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
-- How many files a batch has at most with a file that was in that batch before: half of one whose job run failed.
    SELECT least(all_files, CASE WHEN last.status = 'FAILED' THEN greatest(last.files / 2, 1) ELSE all_files END)
$$;

CREATE OR REPLACE FUNCTION held_objects(r data_product_status, of_step text) RETURNS text[] LANGUAGE sql STABLE AS $$
-- The keys of the files that batches of the run still have. When the next ones are planned these are what job runs load that were given up and have not stopped:
-- of two versions at once the older could be written last.
    SELECT coalesce(array_agg(DISTINCT l.key), '{}') FROM landing_batch b CROSS JOIN LATERAL unnest(b.members) m(file_id)
    CROSS JOIN LATERAL (SELECT * FROM landing_file one WHERE one.file_id = m.file_id OFFSET 0) l
    WHERE b.run_id = r.run_id AND b.step = of_step AND b.status = 'PLANNED' AND l.batch_id = b.batch_id AND l.status = 'CLAIMED'
$$;

CREATE OR REPLACE FUNCTION next_of_lanes(r data_product_status, of_step text, all_files integer, all_bytes bigint)
RETURNS TABLE (file_id bigint, size bigint, most integer, lane text[], place bigint, late boolean)
LANGUAGE sql STABLE AS $$
-- With `load: cdc`: of each lane the first files, as many as go into one batch. The first one goes into a batch however large it is.
    WITH free AS (
        SELECT l.*, f.size, most_of(all_files, b) AS most
        FROM files_in_lanes(r, of_step) l CROSS JOIN LATERAL (SELECT * FROM landing_file one WHERE one.file_id = l.file_id OFFSET 0) f
        LEFT JOIN landing_batch b ON b.batch_id = f.batch_id
        WHERE l.free
    ), counted AS (
        SELECT *, first_value(most) OVER in_order AS first_most, row_number() OVER in_order AS n, sum(size) OVER in_order AS total
        FROM free WINDOW in_order AS (PARTITION BY lane ORDER BY place)
    ), chosen AS (
        SELECT *, bool_and(most = first_most AND n <= most AND (n = 1 OR total <= all_bytes)) OVER (PARTITION BY lane ORDER BY place) AS taken FROM counted
    )
    SELECT file_id, size, most, lane, place, late FROM chosen WHERE taken
$$;

CREATE OR REPLACE FUNCTION batches_of_lanes(r data_product_status, of_step text)
RETURNS TABLE (file_id bigint, size bigint, number bigint, place bigint, late boolean)
LANGUAGE plpgsql STABLE AS $$
-- The files that can be claimed, by the number of their batch and their place in it. A lane is in one batch; only one that is larger has several. What is left
-- of a batch depends on all lanes before it, so they are gone through one after the other.
DECLARE
    settings jsonb := batches_of(r, of_step);
    all_files integer := settings ->> 'max_files';
    all_bytes bigint := bytes_of(settings ->> 'max_bytes');
    cdc boolean := is_cdc(r.product_id);
    held text[] := held_objects(r, of_step);
    most integer := 0;
    files bigint;
    bytes numeric;
    f record;
BEGIN
    number := 0;
    place := 0;
    FOR f IN
        WITH free AS (
            SELECT * FROM next_of_lanes(r, of_step, all_files, all_bytes) WHERE cdc
            UNION ALL
            SELECT l.file_id, l.size, most_of(all_files, b), lane_of(l.facets, settings -> 'together'), l.file_id, false
            FROM files_of_run(r) l LEFT JOIN landing_batch b ON b.batch_id = l.batch_id WHERE l.status = 'RECEIVED' AND l.key <> ALL (held) AND NOT cdc
        )
        SELECT l.*, row_number() OVER lane AS n, count(*) OVER whole AS files, sum(l.size) OVER whole AS bytes, min(l.file_id) OVER whole AS first
        FROM free l WINDOW whole AS (PARTITION BY l.most, l.lane), lane AS (PARTITION BY l.most, l.lane ORDER BY l.place)
        ORDER BY l.most DESC, first, l.lane, l.place
    LOOP
        IF f.most <> most OR files + 1 > most OR bytes + f.size > all_bytes OR f.n = 1 AND (files + f.files > most OR bytes + f.bytes > all_bytes) THEN
            number := number + 1;
            most := f.most;
            files := 0;
            bytes := 0;
        END IF;
        files := files + 1;
        bytes := bytes + f.size;
        place := place + 1;
        file_id := f.file_id;
        size := f.size;
        late := f.late;
        RETURN NEXT;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION next_batches(r data_product_status, of_step text)
RETURNS TABLE (file_id bigint, size bigint, number bigint, place bigint, late boolean)
LANGUAGE plpgsql STABLE SET work_mem = '32MB' AS $$
-- The files that can be claimed, oldest first, each with the number of its batch. A batch closes at the most files or bytes; what one gave back comes in
-- batches of half its size. A file that is larger than a batch is alone.
DECLARE
    settings jsonb := batches_of(r, of_step);
    all_files integer := settings ->> 'max_files';
    all_bytes bigint := bytes_of(settings ->> 'max_bytes');
    held text[] := held_objects(r, of_step);
BEGIN
    IF settings ? 'together' OR is_cdc(r.product_id) THEN
        RETURN QUERY SELECT * FROM batches_of_lanes(r, of_step);
        RETURN;
    END IF;
    RETURN QUERY
    WITH free AS (
        SELECT f.file_id, f.size, most_of(all_files, b) AS most FROM files_of_run(r) f LEFT JOIN landing_batch b ON b.batch_id = f.batch_id
        WHERE f.status = 'RECEIVED' AND f.key <> ALL (held)
    ), counted AS (
        SELECT *, row_number() OVER oldest AS n, sum(f.size) OVER oldest AS total FROM free f WINDOW oldest AS (PARTITION BY most, f.size > all_bytes ORDER BY f.file_id)
    )
    SELECT c.file_id, c.size, dense_rank() OVER (ORDER BY most DESC, c.size > all_bytes, (n - 1) / most + (total - c.size)::bigint / all_bytes), c.file_id, false FROM counted c;
END $$;
