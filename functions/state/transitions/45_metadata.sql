-- What the work of a run passes on with its refresh event, and what it takes from those of its inputs.

CREATE OR REPLACE FUNCTION signalled_by(metadata jsonb) RETURNS text LANGUAGE sql STABLE AS $$
-- By which event of another system a refresh became known, from what its event passes on; null where its producer has published it.
    SELECT cut_text(CASE metadata ->> 'signal'
        WHEN 'openlineage' THEN format('a run of %s', metadata ->> 'job')
        WHEN 'states' THEN format('the execution %s', split_part(metadata ->> 'execution', ':execution:', 2))
        WHEN 'table' THEN format('%s of the table %s', metadata ->> 'change', metadata ->> 'table')
        WHEN 'object' THEN format('s3://%s/%s', metadata ->> 'bucket', metadata ->> 'key') END, 300)
$$;

CREATE OR REPLACE FUNCTION refresh_metadata(run uuid, of_attempt integer) RETURNS jsonb LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- What the work of the attempt has passed on, {<name>: value}.
    SELECT coalesce((SELECT m.metadata FROM run_metadata m WHERE m.run_id = run AND m.attempt = of_attempt), '{}')
$$;

CREATE OR REPLACE FUNCTION record_metadata(run uuid, of_attempt integer, given jsonb) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Adds to what the attempt passes on; a name that is given again has the later value. Gives all of it: at most 50 names, and 16 KiB.
DECLARE
    r data_product_status := locked_run_in('PROCESSING', run, of_attempt, 'so its work passes nothing on');
    whole jsonb;
BEGIN
    INSERT INTO run_metadata AS m (run_id, attempt, metadata) VALUES (run, of_attempt, given)
    ON CONFLICT (run_id, attempt) DO UPDATE SET metadata = m.metadata || excluded.metadata
    RETURNING metadata INTO whole;
    IF octet_length(whole::text) > 16384 OR (SELECT count(*) FROM jsonb_object_keys(whole)) > 50 THEN
        RAISE EXCEPTION 'TooMuch: % for % passes on % names and % bytes of metadata; an event takes at most 50 and 16,384', r.product_id, r.business_date,
            (SELECT count(*) FROM jsonb_object_keys(whole)), octet_length(whole::text);
    END IF;
    RETURN whole;
END $$;

CREATE OR REPLACE FUNCTION upstream_value(r data_product_status, upstream_name text, key text) RETURNS text
LANGUAGE plpgsql STABLE STRICT AS $$
-- What `key` stands for in the metadata of the latest refresh that the run has arrived by, of the upstream `<domain>/<product>` or `<product>`.
DECLARE
    e refresh_event;
    found text;
BEGIN
    SELECT f.* INTO e FROM inputs_of_run(r.run_id) d JOIN refresh_event f USING (event_key)
    WHERE d.status = 'ARRIVED' AND upstream_name IN (d.upstream, split_part(d.upstream, '/', 2))
    ORDER BY f.refreshed_at DESC, f.event_key LIMIT 1;
    found := e.metadata ->> key;
    IF e.event_key IS NULL THEN
        RAISE EXCEPTION 'UnknownMetadata: {upstream.%.%} has no value: no refresh of % has arrived for %', upstream_name, key, upstream_name, r.business_date;
    ELSIF found IS NULL THEN
        RAISE EXCEPTION 'UnknownMetadata: {upstream.%.%} has no value: the refresh of % for % has %', upstream_name, key, e.product_id, e.business_date,
            coalesce('only ' || (SELECT string_agg(name, ', ' ORDER BY name) FROM jsonb_object_keys(e.metadata) name), 'no metadata');
    END IF;
    RETURN found;
END $$;

CREATE OR REPLACE FUNCTION trim_quotes(text_in_json text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT substr(text_in_json, 2, length(text_in_json) - 2)
$$;

CREATE OR REPLACE FUNCTION fill_upstream(value jsonb, r data_product_status) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- `value` with each {upstream.<name>.<key>} in a text in it, at any depth, replaced. What stands for it is escaped as it is within a text, and is not
-- looked through for placeholders.
    WITH form AS (SELECT '\{upstream\.([a-z0-9/-]+)\.([A-Za-z_][A-Za-z0-9_]*)\}' AS pattern)
    SELECT string_agg(piece || coalesce(trim_quotes(to_json(upstream_value(r, names[1], names[2]))::text), ''), '' ORDER BY place)::jsonb
    FROM form
    CROSS JOIN LATERAL regexp_split_to_table(value::text, pattern) WITH ORDINALITY AS pieces(piece, place)
    LEFT JOIN LATERAL (SELECT * FROM regexp_matches(value::text, pattern, 'g') WITH ORDINALITY AS found(names, number)) found ON number = place
$$;
