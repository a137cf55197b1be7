-- Rerun of a product whose steps load files: what the next attempt loads.

CREATE OR REPLACE FUNCTION files_to_load(r data_product_status) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- How many files, and bytes of them, the next attempt loads, and how many it loads with all files, {files, bytes, all_files, all_bytes}: without them those that
-- are not PROCESSED. Those that were rejected when they landed are never loaded; null where no step loads files.
    SELECT jsonb_build_object('files', count(*) FILTER (WHERE status <> 'PROCESSED'), 'bytes', coalesce(sum(size) FILTER (WHERE status <> 'PROCESSED'), 0),
        'all_files', count(*), 'all_bytes', coalesce(sum(size), 0))
    FROM files_of_run(r) f
    WHERE (status IN ('RECEIVED', 'CLAIMED', 'PROCESSED', 'FAILED') OR status = 'REJECTED' AND batch_id IS NOT NULL) AND file_id <> ALL ((SELECT corrected_files(r))::bigint[])
        AND file_id NOT IN (SELECT overtaken_files(r))
    HAVING EXISTS (SELECT FROM data_pipeline_config c WHERE c.product_id = r.product_id AND c.settings ? 'batches')
$$;

CREATE OR REPLACE FUNCTION allow_retries(runs uuid[]) RETURNS void
LANGUAGE sql AS $$
-- A person runs these again: their next attempts also try the files of which a job has said that no retry helps.
    UPDATE landing_file SET retriable = true
    WHERE file_id = ANY (ARRAY(SELECT f.file_id FROM data_product_status r CROSS JOIN LATERAL files_of_run(r) f WHERE r.run_id = ANY (runs) AND NOT f.retriable))
$$;

CREATE OR REPLACE FUNCTION take_rejected_files(r data_product_status, actor text, now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- The next attempt of a run that ended because its files were rejected would wait for corrected ones: who runs it again wants these tried again, by the rules and the
-- job as they are now. They count again, and the set arrives at once if nothing else is missing.
DECLARE
    again bigint[];
BEGIN
    IF NOT EXISTS (SELECT FROM inputs_of_run(r.run_id) d WHERE d.upstream = files_input(r.product_id) AND d.status = 'WAITING') THEN
        RETURN;
    END IF;
    WITH changed AS (
        UPDATE landing_file l SET status = 'RECEIVED', tries = 0, retriable = true, reason = 'tried again by a rerun', changed_at = now_is, changed_by = actor
        FROM files_of_run(r) f WHERE l.file_id = f.file_id AND (f.status = 'FAILED' OR f.status = 'REJECTED' AND f.batch_id IS NOT NULL)
            AND f.file_id <> ALL ((SELECT corrected_files(r))::bigint[])
        RETURNING l.file_id
    )
    SELECT coalesce(array_agg(file_id), '{}') INTO again FROM changed;
    PERFORM follow_files(again, now_is);
    UPDATE landing_set s SET due_at = now_is FROM landing_file f
    WHERE f.file_id = again[1] AND (s.product_id, s.business_date, s.cycle) = (f.product_id, f.business_date, f.cycle) AND s.due_at > now_is;
    PERFORM deliver_sets(ARRAY[r.product_id], now_is);
END $$;

CREATE OR REPLACE FUNCTION rerun_files(
    product text, on_date date, of_cycle text, downstream boolean, all_files boolean, actor text, now_is timestamptz
) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- As `rerun`, by an operator. The attempt of the product says in `files` what it loads (`files_to_load`). With `all_files` files that were loaded are loaded
-- again: they are RECEIVED. What runs again downstream loads what it would by itself.
DECLARE
    attempts jsonb := rerun(product, on_date, of_cycle, downstream, 'rerun', actor, now_is);
    r data_product_status;
    loads jsonb;
BEGIN
    SELECT * INTO r FROM runs_of_date(product, on_date) d WHERE d.cycle = of_cycle;
    loads := files_to_load(r);
    IF loads IS NOT NULL THEN
        PERFORM take_rejected_files(r, actor, now_is);
    END IF;
    IF NOT all_files THEN
        RETURN CASE WHEN loads IS NULL THEN attempts ELSE jsonb_set(attempts, '{0,files}', loads) END;
    ELSIF loads IS NULL THEN
        RAISE EXCEPTION 'IllegalTransition: %; run it again without --all-files', CASE
            WHEN EXISTS (SELECT FROM landing_source s WHERE s.product_id = product)
                THEN format('no step of %s loads files in batches, so every attempt reads what its job reads', product)
            ELSE product || ' has no files' END;
    END IF;
    UPDATE landing_file l SET status = 'RECEIVED', tries = 0, batch_id = NULL, reason = 'loaded again by a rerun', changed_at = now_is, changed_by = actor
    FROM files_of_run(r) f WHERE l.file_id = f.file_id AND f.status = 'PROCESSED' AND f.file_id NOT IN (SELECT overtaken_files(r));
    RETURN jsonb_set(attempts, '{0,files}', loads || '{"again": true}');
END $$;
