-- The questions `mesh` and `search`: what the catalog says of products. Nothing in this file changes anything.

CREATE OR REPLACE FUNCTION days_in_words(s data_product_schedule) RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- On which days a schedule opens, without its calendar; of an expression with no common name, the expression.
    SELECT CASE
        WHEN s.years IS NOT NULL OR cardinality(s.months) < 12 OR s.near_weekdays || s.last_week_days <> '{}' OR s.nth_week_days <> '{}'
            OR (s.week_days <> '{}' AND s.month_days || s.last_days <> '{}') OR (s.month_days <> '{}' AND s.last_days <> '{}') THEN format('cron %s,', s.cron)
        WHEN cardinality(s.month_days) = 31 OR cardinality(s.week_days) = 7 THEN 'daily'
        WHEN s.week_days = '{2,3,4,5,6}' THEN 'on weekdays'
        WHEN s.week_days <> '{}' THEN 'on ' || (SELECT string_agg(('{SUN,MON,TUE,WED,THU,FRI,SAT}'::text[])[d], ', ' ORDER BY d) FROM unnest(s.week_days) d)
        WHEN s.last_days = ARRAY[0] THEN 'on the last day of the month'
        WHEN s.month_days <> '{}' THEN 'on day ' || array_to_string(s.month_days, ', ') || ' of the month'
        ELSE format('cron %s,', s.cron) END
$$;

CREATE OR REPLACE FUNCTION schedule_in_words(s data_product_schedule) RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- `on weekdays at 06:00 America/Chicago, business days of us-banking, for 1 day before`; of more than four openings a day the first, the last and how many.
    SELECT days_in_words(s) || ' at ' || CASE WHEN cardinality(s.times) <= 4 THEN (SELECT string_agg(to_char(t, 'HH24:MI'), ', ' ORDER BY t) FROM unnest(s.times) t)
            ELSE (SELECT format('%s to %s, %s times', to_char(min(t), 'HH24:MI'), to_char(max(t), 'HH24:MI'), count(*)) FROM unnest(s.times) t) END
        || ' ' || s.timezone || coalesce(', business days of ' || s.calendar, '')
        || CASE WHEN s.date_offset = 0 THEN '' ELSE format(', for %s %s %s', abs(s.date_offset), CASE abs(s.date_offset) WHEN 1 THEN 'day' ELSE 'days' END,
            CASE WHEN s.date_offset < 0 THEN 'before' ELSE 'after' END) END
$$;

CREATE OR REPLACE FUNCTION sla_in_words(p data_product) RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- `by 08:00 America/Chicago, 1 day later`, or `within 4:00 hours of its opening`; null without an SLA.
    SELECT CASE WHEN p.complete_by IS NOT NULL THEN 'by ' || to_char(p.complete_by, 'HH24:MI') || ' ' || p.sla_timezone
            || CASE WHEN p.sla_days > 0 THEN format(', %s %s later', p.sla_days, CASE p.sla_days WHEN 1 THEN 'day' ELSE 'days' END) ELSE '' END
        WHEN p.sla_after_seconds IS NOT NULL THEN format('within %s:%s hours of its opening', p.sla_after_seconds / 3600, lpad((p.sla_after_seconds / 60 % 60)::text, 2, '0')) END
$$;

CREATE OR REPLACE FUNCTION catalog_entry(p data_product) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- {product, owner, email, description, account, runs_in, pipeline, schedule, sla}: `pipeline` is true where it runs here.
    SELECT jsonb_strip_nulls(jsonb_build_object('product', p.product_id, 'owner', p.owner, 'email', p.email, 'description', left(p.description, 300),
        'account', p.account, 'runs_in', p.runs_in, 'pipeline', CASE WHEN p.machine IS NOT NULL THEN true END, 'sla', sla_in_words(p),
        'schedule', (SELECT schedule_in_words(s) FROM data_product_schedule s WHERE s.product_id = p.product_id)))
$$;

CREATE OR REPLACE FUNCTION mesh_page(after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The products of the catalog after that one, at most `page`: `catalog_entry` with `inputs`, the upstream of each leaf in order, and the `condition` where one of
-- a group may be enough.
    SELECT p.* FROM page_of((SELECT jsonb_agg(catalog_entry(d) || jsonb_strip_nulls(jsonb_build_object('key', d.product_id,
            'condition', CASE WHEN d.condition::text LIKE '%"any_of"%' THEN d.condition END,
            'inputs', (SELECT jsonb_agg(i.upstream ORDER BY i.leaf) FROM data_product_dependencies i WHERE i.product_id = d.product_id))) ORDER BY d.product_id)
        FROM (SELECT * FROM data_product o WHERE o.active AND o.product_id > after ORDER BY o.product_id LIMIT page) d)) p
$$;

CREATE OR REPLACE FUNCTION current_load(OUT load integer, OUT commit text, OUT committed_at text, OUT loaded_at text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The last load of the catalog; null before the first.
    SELECT l.load_id::integer, l.commit, to_json(l.committed_at) #>> '{}', to_json(l.loaded_at) #>> '{}'
    FROM (SELECT 1) one LEFT JOIN (SELECT * FROM catalog_load ORDER BY load_id DESC LIMIT 1) l ON true
$$;

CREATE OR REPLACE FUNCTION rank_of_word(p data_product, word text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
-- How well a product that has a word in lower case fits it: 0 its name, 1 its name begins with it, 2 has it after a hyphen or is in a domain that begins with it, 3
-- its name has it, 4 its owner begins with it, 5 the name of a job begins with it, 6 its owner or the name of a job has it, 7 its description. Inlined.
    SELECT CASE WHEN word = p.name OR word = p.product_id THEN 0
        WHEN starts_with(p.name, word) OR starts_with(p.product_id, word) AND strpos(word, '/') > 0 THEN 1
        WHEN strpos(p.name, '-' || word) > 0 OR starts_with(p.domain, word) THEN 2
        WHEN strpos(p.product_id, word) > 0 THEN 3
        WHEN starts_with(lower(p.owner), word) THEN 4
        WHEN starts_with(lower(p.jobs), word) OR strpos(lower(p.jobs), ' ' || word) > 0 THEN 5
        WHEN strpos(lower(p.owner), word) > 0 OR strpos(lower(p.jobs), word) > 0 THEN 6 ELSE 7 END
$$;

CREATE OR REPLACE FUNCTION search_products(words jsonb, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
-- The products that have each of the words [text in lower case] in their name, owner, description or the names of their jobs: first those whose name has all, each by
-- how well they fit the first word. At most `page` after the one whose key is `after`: `catalog_entry` with `jobs`.
DECLARE
    patterns text[] := ARRAY(SELECT '%' || regexp_replace(w, '([%_\\])', '\\\1', 'g') || '%' FROM unnest(names_in(words)) w);
    first text := words ->> 0;
BEGIN
    RETURN QUERY
    SELECT p.* FROM page_of((SELECT jsonb_agg(catalog_entry(best.found) || jsonb_strip_nulls(jsonb_build_object('key', numbered(best.rank) || ' ' || (best.found).product_id,
            'jobs', cut_text(nullif((best.found).jobs, ''), 1000))) ORDER BY best.rank, (best.found).product_id COLLATE "C")
        FROM (
            SELECT p AS found, r.rank FROM data_product p
            CROSS JOIN LATERAL (SELECT CASE WHEN p.product_id LIKE ALL (patterns) THEN 0 ELSE 10 END + rank_of_word(p, first) AS rank) r
            WHERE p.active AND p.searched LIKE ALL (patterns)
                AND (after = '' OR (r.rank, p.product_id COLLATE "C") > (split_part(after, ' ', 1)::integer, split_part(after, ' ', 2)))
            ORDER BY r.rank, p.product_id COLLATE "C" LIMIT page) best)) p;
END $$;
