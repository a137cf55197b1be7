-- The limits of the Data API: 64 KiB a row, 1 MiB an answer. Answers are cut by the bytes that it sends, and say how much they leave out.

CREATE OR REPLACE FUNCTION wire_bytes(value text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
-- The bytes of a text as the Data API sends it: as a JSON string, in UTF-8.
    SELECT octet_length(to_json(value)::text)
$$;

CREATE OR REPLACE FUNCTION fitting(list jsonb, bytes integer) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
-- The first elements of the list that fit into so many bytes of an answer.
    SELECT coalesce(jsonb_agg(element ORDER BY place), '[]')
    FROM (SELECT element, place, sum(wire_bytes(element::text)) OVER (ORDER BY place) AS total
        FROM jsonb_array_elements(list) WITH ORDINALITY AS e(element, place)) sized
    WHERE total <= bytes
$$;

CREATE OR REPLACE FUNCTION cut(list jsonb, bytes integer, total bigint) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
-- The list as far as it fits. If that are not all `total` elements, the last element says how many are left out: {"more": n}.
    SELECT CASE WHEN jsonb_array_length(first) < total THEN first || jsonb_build_object('more', total - jsonb_array_length(first)) ELSE first END
    FROM (SELECT fitting(list, bytes) AS first OFFSET 0) fits WHERE list IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION cut(list jsonb, bytes integer) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT cut(list, bytes, jsonb_array_length(list))
$$;

CREATE OR REPLACE FUNCTION cut_text(value text, bytes integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
-- The text as far as it fits into so many bytes of an answer in JSON.
DECLARE
    fits integer := 0;
    longest integer := least(length(value), bytes);
    tried integer;
BEGIN
    IF value IS NULL OR wire_bytes(to_json(value)::text) <= bytes THEN
        RETURN value;
    END IF;
    WHILE fits < longest LOOP  -- halves what is between them: to measure each letter by itself takes a hundred times as long
        tried := (fits + longest + 1) / 2;
        IF wire_bytes(to_json(left(value, tried))::text) <= bytes THEN
            fits := tried;
        ELSE
            longest := tried - 1;
        END IF;
    END LOOP;
    RETURN nullif(left(value, fits), '');
END $$;

CREATE OR REPLACE FUNCTION both_ends(value text, bytes integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
-- As `cut_text`, but a quarter from the beginning and the rest from the end: the exception is the end of a traceback.
    SELECT CASE WHEN wire_bytes(to_json(value)::text) <= bytes THEN value
        ELSE cut_text(value, bytes / 4) || E' \u2026 ' || reverse(cut_text(reverse(value), bytes - bytes / 4 - 10)) END
$$;

CREATE OR REPLACE FUNCTION page_of(entries jsonb) RETURNS TABLE (key text, entry text)
LANGUAGE sql IMMUTABLE AS $$
-- A page of an answer: of the entries [{key, ...}], those that fit. The next page begins after the last key.
    SELECT e ->> 'key', (e - 'key')::text FROM jsonb_array_elements(fitting(entries, 900000)) e
$$;
