-- What each catalog load changed.

CREATE OR REPLACE FUNCTION keep_changes(
    of_load bigint, of_upload text, added text[], altered text[], dropped text[], refused jsonb, calendars_before calendar[]
) RETURNS void
LANGUAGE sql AS $$
-- Keeps how the staged products and calendars differ from those of before. Of a product that was loaded before its source was kept nothing is known
-- but that it changed. An upload without sources is one of the release before.
    WITH given AS (
        SELECT s.key, s.entry, p.source FROM catalog_stage s JOIN data_product p ON p.product_id = s.key
        WHERE s.upload = of_upload AND s.section = 'sources' AND s.entry IS DISTINCT FROM p.source
            AND s.key <> ALL (ARRAY(SELECT each ->> 'product' FROM jsonb_array_elements(refused) each))
    ), taken AS (
        UPDATE data_product p SET source = given.entry FROM given WHERE p.product_id = given.key
    )
    INSERT INTO catalog_change (load_id, name, kind, before, after)
    SELECT of_load, key, 'added', NULL, entry FROM given WHERE key = ANY (added)
    UNION ALL
    SELECT of_load, key, 'changed', source, entry FROM given WHERE key <> ALL (added) AND (source IS NOT NULL OR key = ANY (altered))
    UNION ALL
    SELECT of_load, product_id, 'removed', source, NULL FROM data_product WHERE product_id = ANY (dropped)
    UNION ALL
    SELECT of_load, 'calendars/' || c.calendar, 'changed', to_jsonb(b) - 'calendar', to_jsonb(c) - 'calendar'
    FROM calendar c JOIN unnest(calendars_before) b USING (calendar) WHERE (b.weekend, b.dates) IS DISTINCT FROM (c.weekend, c.dates)
$$;

CREATE OR REPLACE FUNCTION load_at(moment timestamptz) RETURNS catalog_load LANGUAGE sql STABLE AS $$
-- The load whose catalog was in force at that moment.
    SELECT l FROM catalog_load l WHERE l.loaded_at <= moment ORDER BY l.load_id DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION metadata_of(r data_product_status, now_is timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- By which commit's catalog the run goes, {commit, loaded_at}: a run that waits by the one of now, its pipeline by that of its start. Null where
-- that load is not known any more.
    SELECT jsonb_build_object('commit', l.commit, 'loaded_at', l.loaded_at) FROM load_at(coalesce(r.started_at, r.finished_at, now_is)) l
    WHERE l.load_id IS NOT NULL
$$;
