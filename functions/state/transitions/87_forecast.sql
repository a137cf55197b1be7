-- The forecast of a business date: when each product will be ready, between which moments, and what decides it. Products are computed in sets: after those that wait for
-- nothing, all that wait for these alone, and so on.

CREATE OR REPLACE FUNCTION condition_time(node jsonb, leaves integer[], times float8[]) RETURNS float8
LANGUAGE plpgsql IMMUTABLE AS $$
-- When the condition comes to hold if each of the leaves does at its time; NaN, which is later than any moment, if that is not known.
BEGIN
    IF jsonb_typeof(node) = 'number' THEN
        RETURN coalesce(times[array_position(leaves, node::integer)], 'NaN');
    ELSIF node ? 'all_of' THEN
        RETURN (SELECT max(condition_time(member, leaves, times)) FROM jsonb_array_elements(node -> 'all_of') member);
    END IF;
    RETURN (SELECT min(condition_time(member, leaves, times)) FROM jsonb_array_elements(node -> 'any_of') member);
END $$;

CREATE OR REPLACE FUNCTION usual_moment(product text, on_date date, now_is timestamptz) RETURNS float8
LANGUAGE sql STABLE AS $$
-- When what has not come yet of that date usually comes; NaN where nothing is known of it.
    SELECT coalesce((
        SELECT since.at + later_seconds(u.ranked, width_bucket((seconds_of(now_is) - since.at)::real, u.ranked), seconds_of(now_is) - since.at, 0.5)
        FROM usual_time u LEFT JOIN data_product_schedule s USING (product_id)
        CROSS JOIN LATERAL (SELECT seconds_of(date_begins(on_date, s.timezone)) + u.shifts[iso_weekday(on_date)] AS at) since
        WHERE u.product_id = product AND u.kind = 'ready' ORDER BY u.cycle DESC LIMIT 1), 'NaN')
$$;

CREATE OR REPLACE FUNCTION forecast_inputs(products text[], cycles text[], runs uuid[], waits boolean[], on_date date, now_is timestamptz) RETURNS SETOF forecast_input
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_generic_plan SET enable_nestloop = on AS $$
-- What those of the products wait for that wait.
BEGIN
    RETURN QUERY
    WITH node AS MATERIALIZED (
        SELECT n.number::integer, n.product_id, n.cycle, n.run_id, n.waits FROM unnest(products, cycles, runs, waits) WITH ORDINALITY n(product_id, cycle, run_id, waits, number)
    ), input AS (
        SELECT w.number, d.leaf, d.upstream, d.cycle, d.statuses, d.required_date,
            CASE d.status WHEN 'ARRIVED' THEN seconds_of(coalesce(d.arrived_at, d.changed_at)) END AS at
        FROM node w CROSS JOIN LATERAL inputs_of_run(w.run_id) d WHERE w.waits AND w.run_id IS NOT NULL
        UNION ALL
        SELECT w.number, i.leaf, i.upstream, i.cycle, i.statuses, i.required_date, seconds_of(a.received_at)
        FROM node w CROSS JOIN LATERAL inputs_of(w.product_id, on_date, w.cycle) i
        LEFT JOIN LATERAL (
            SELECT * FROM arrival_for(i.upstream, i.statuses, i.account, i.required_date, now_is - make_interval(secs => i.max_age_seconds), i.cycle)
            WHERE i.required_date IS DISTINCT FROM on_date) a ON true
        WHERE w.waits AND w.run_id IS NULL
    ), place AS MATERIALIZED (
        SELECT product_id, min(number) AS number, count(*) > 1 AS several FROM node GROUP BY product_id
    ), cycle AS MATERIALIZED (
        SELECT n.product_id, n.cycle, n.number FROM node n WHERE n.product_id IN (SELECT p.product_id FROM place p WHERE p.several)
    ), first AS (  -- what takes any cycle of a date takes the first
        SELECT DISTINCT ON (c.product_id) c.product_id, c.number FROM cycle c ORDER BY c.product_id, c.cycle
    )
    SELECT i.number, i.leaf, coalesce(c.number, f.number, p.number, 0),
        coalesce(i.at, CASE WHEN NOT i.statuses && '{COMPLETED,STARTED}' THEN 'NaN'  -- nobody expects it
            WHEN i.required_date <> on_date THEN usual_moment(i.upstream, i.required_date, now_is) WHEN p.number IS NULL THEN 'NaN' END)
    FROM input i LEFT JOIN place p ON p.product_id = i.upstream
    LEFT JOIN cycle c ON c.product_id = i.upstream AND c.cycle = i.cycle LEFT JOIN first f ON f.product_id = i.upstream;
END $$;

CREATE OR REPLACE FUNCTION last_inputs(products text[], runs uuid[], bases text[]) RETURNS TABLE (number integer, source integer)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_nestloop = on AS $$
-- What the runs that go on waited for last.
BEGIN
    RETURN QUERY
    SELECT n.number::integer, min(u.number)::integer
    FROM unnest(runs, bases) WITH ORDINALITY n(run_id, basis, number)
    CROSS JOIN LATERAL (SELECT d.upstream FROM inputs_of_run(n.run_id) d WHERE d.arrived_at IS NOT NULL ORDER BY d.arrived_at DESC LIMIT 1) d
    JOIN unnest(products) WITH ORDINALITY u(product_id, number) ON u.product_id = d.upstream
    WHERE n.basis = 'running' GROUP BY 1;
END $$;

CREATE OR REPLACE FUNCTION forecast_levels(waits boolean[], inputs forecast_input[]) RETURNS TABLE (number integer, level integer)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_generic_plan SET enable_nestloop = off AS $$
-- How many products that wait are one after the other before each is ready; 0 waits for none. There are no cycles; an input that takes the latest refresh of any date
-- could make one, and does not count then.
BEGIN
    RETURN QUERY
    WITH RECURSIVE edge AS MATERIALIZED (
        SELECT i.number, i.source FROM unnest(inputs) i WHERE i.at IS NULL AND waits[i.source]
    ), depth(number, level) AS (
        SELECT n.number::integer, 1 FROM unnest(waits) WITH ORDINALITY n(waits, number) WHERE n.waits AND NOT EXISTS (SELECT FROM edge e WHERE e.number = n.number)
        UNION
        SELECT e.number, d.level + 1 FROM depth d JOIN edge e ON e.source = d.number WHERE d.level < 100
    )
    SELECT n.number::integer, CASE WHEN n.waits THEN coalesce(d.level, 101) ELSE 0 END
    FROM unnest(waits) WITH ORDINALITY n(waits, number) LEFT JOIN (SELECT d.number, max(d.level) AS level FROM depth d GROUP BY 1) d ON d.number = n.number;
END $$;

CREATE OR REPLACE FUNCTION spread(one float8, other float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
-- How far the edge of the sum of two independent times is from its middle, by those of the two.
    SELECT sqrt(one * one + other * other)
$$;

CREATE OR REPLACE FUNCTION forecast_of(on_date date, now_is timestamptz) RETURNS forecast
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_nestloop = off AS $$
-- Each product of that date with when it is ready. What waits starts when its condition holds, after its opening, and takes as long as usual then. A plan for the very
-- list of products would look into it from its beginning for each of them: so plans are generic.
DECLARE
    products text[];                    -- each by its number
    cycles text[];
    runs uuid[];
    attempts integer[];
    statuses text[];
    dues timestamptz[];
    usuals float8[];
    waits boolean[];
    conditions jsonb[];
    opens float8[];
    starts_by float8[];
    ends_by float8[];
    own_basis text[];                   -- of itself: of what waits how long its work takes
    own_low float8[];
    own_middle float8[];
    own_high float8[];
    own_late float8[];
    inputs forecast_input[];
    numbers integer[];                  -- of each place: what waits stands after what it waits for
    places integer[];                   -- of each number
    levels integer[];                   -- of each place
    ready integer;                      -- how many wait for nothing: their places are the first
    either_place integer[];             -- of what does not wait for all of its inputs
    either jsonb[];
    e_place integer[];
    e_leaf integer[];
    e_source integer[];
    e_at float8[];
    bases text[];                       -- by place, with what it waits for, level after level
    lows float8[];
    middles float8[];
    highs float8[];
    lates float8[];
    reasons integer[];
    sources integer[];
    level record;
    one record;
BEGIN
    SELECT array_agg(n.product_id), array_agg(n.cycle), array_agg(n.run_id), array_agg(n.attempt), array_agg(n.status), array_agg(n.due_at), array_agg(n.usual), array_agg(n.waits),
        array_agg(n.condition), array_agg(n.opens), array_agg(n.starts_by), array_agg(n.ends_by), array_agg(n.basis), array_agg(n.low), array_agg(n.middle), array_agg(n.high),
        array_agg(n.late)
    INTO products, cycles, runs, attempts, statuses, dues, usuals, waits, conditions, opens, starts_by, ends_by, own_basis, own_low, own_middle, own_high, own_late
    FROM forecast_nodes(on_date, now_is) n;
    inputs := ARRAY(SELECT i FROM forecast_inputs(products, cycles, runs, waits, on_date, now_is) i);
    SELECT array_agg(o.number), array_agg(o.level), count(*) FILTER (WHERE o.level = 0) INTO numbers, levels, ready
    FROM (SELECT l.number, l.level FROM forecast_levels(waits, inputs) l ORDER BY l.level, l.number) o;
    places := (SELECT array_agg(o.place::integer ORDER BY o.number) FROM unnest(numbers) WITH ORDINALITY o(number, place));
    SELECT array_agg(places[n.number]), array_agg(n.condition) INTO either_place, either
    FROM unnest(waits, conditions) WITH ORDINALITY n(waits, condition, number) WHERE n.waits AND strpos(n.condition::text, 'any_of') > 0;
    SELECT array_agg(i.place), array_agg(i.leaf), array_agg(i.source), array_agg(coalesce(i.at, CASE WHEN i.source = 0 THEN 'NaN'::float8 END)) INTO e_place, e_leaf, e_source, e_at
    FROM (SELECT places[i.number] AS place, i.leaf, coalesce(places[nullif(i.source, 0)], 0) AS source, i.at FROM unnest(inputs) i ORDER BY 1, 2) i;
    SELECT array_agg(n.place::integer), array_agg(0) INTO reasons, sources FROM unnest(numbers[:ready]) WITH ORDINALITY n(number, place);
    FOR one IN SELECT l.number, l.source FROM last_inputs(products, runs, own_basis) l LOOP
        sources[places[one.number]] := places[one.source];
        IF own_late[one.source] > own_late[one.number] THEN
            own_late[one.number] := own_late[one.source];
            reasons[places[one.number]] := places[one.source];
        END IF;
    END LOOP;
    SELECT array_agg(own_basis[n]), array_agg(own_low[n]), array_agg(own_middle[n]), array_agg(own_high[n]), array_agg(own_late[n]) INTO bases, lows, middles, highs, lates
    FROM unnest(numbers[:ready]) n;
    FOR level IN
        SELECT l.first, l.last, e.first AS e_first, e.last AS e_last
        FROM (SELECT u.level, min(u.place)::integer AS first, max(u.place)::integer AS last FROM unnest(levels) WITH ORDINALITY u(level, place) WHERE u.level > 0 GROUP BY u.level) l
        LEFT JOIN (SELECT levels[u.place] AS level, min(u.row)::integer AS first, max(u.row)::integer AS last FROM unnest(e_place) WITH ORDINALITY u(place, row) GROUP BY 1) e USING (level)
        ORDER BY l.level
    LOOP
        WITH edge AS (
            SELECT e.place, e.leaf, e.source, coalesce(e.at, lows[e.source]) AS low, coalesce(e.at, middles[e.source]) AS middle, coalesce(e.at, highs[e.source]) AS high
            FROM unnest(e_place[level.e_first:level.e_last], e_leaf[level.e_first:level.e_last], e_source[level.e_first:level.e_last], e_at[level.e_first:level.e_last])
                e(place, leaf, source, at)
        ), every AS (
            SELECT e.place, max(e.low) AS low, max(e.middle) AS middle, max(e.high) AS high, (max(ARRAY[e.middle, -e.leaf, e.source]))[3]::integer AS source FROM edge e GROUP BY e.place
        ), leaf AS (
            SELECT c.place, c.condition, e.leaf, max(e.low) AS low, max(e.middle) AS middle, max(e.high) AS high, (max(ARRAY[e.middle, e.source]))[2]::integer AS source
            FROM unnest(either_place, either) c(place, condition) JOIN edge e USING (place) GROUP BY c.place, c.condition, e.leaf
        ), first AS (
            SELECT l.place, condition_time(l.condition, array_agg(l.leaf), array_agg(l.low)) AS low, condition_time(l.condition, array_agg(l.leaf), array_agg(l.middle)) AS middle,
                condition_time(l.condition, array_agg(l.leaf), array_agg(l.high)) AS high, array_agg(l.middle) AS each_middle, array_agg(l.source) AS each_source
            FROM leaf l GROUP BY l.place, l.condition
        ), come AS (
            SELECT e.place, coalesce(o.low, e.low) AS low, coalesce(o.middle, e.middle) AS middle, coalesce(o.high, e.high) AS high,
                coalesce(o.each_source[array_position(o.each_middle, o.middle)], e.source) AS source
            FROM every e LEFT JOIN first o USING (place)
        ), start AS (
            SELECT n.*, least(greatest(coalesce(c.low, '-Infinity'), n.opens), n.starts_by) AS s_low, least(greatest(coalesce(c.middle, '-Infinity'), n.opens), n.starts_by) AS s_middle,
                least(greatest(coalesce(c.high, '-Infinity'), n.opens), n.starts_by) AS s_high,
                CASE WHEN coalesce(c.middle, '-Infinity') <= n.opens OR n.starts_by < c.middle THEN 0 ELSE c.source END AS decides
            FROM (SELECT (level.first + n.ordinality - 1)::integer AS place, opens[n.number] AS opens, starts_by[n.number] AS starts_by, ends_by[n.number] AS ends_by,
                    own_basis[n.number] AS basis, own_low[n.number] AS low, own_middle[n.number] AS middle, own_high[n.number] AS high, own_late[n.number] AS late
                FROM unnest(numbers[level.first:level.last]) WITH ORDINALITY n(number, ordinality)) n
            LEFT JOIN come c USING (place)
        ), ready AS (  -- what has no history is ready by its deadline, and without one nobody knows; what decides by another date may be of a later level
            SELECT s.place, s.decides, CASE WHEN s.decides > 0 AND s.basis <> 'held' THEN coalesce(reasons[s.decides], s.decides) ELSE s.place END AS reason,
                CASE WHEN s.decides > 0 AND s.basis <> 'held' THEN coalesce(lates[s.decides], own_late[numbers[s.decides]]) ELSE s.late END AS late,
                CASE WHEN known OR s.basis = 'held' THEN s.basis WHEN s.ends_by = 'NaN' THEN 'unknown' ELSE 'deadline' END AS basis,
                CASE WHEN known THEN s.s_middle + s.middle - spread(s.s_middle - s.s_low, s.middle - s.low) ELSE s.s_low END AS low,
                CASE WHEN known THEN s.s_middle + s.middle
                    ELSE CASE WHEN s.s_middle = 'NaN' THEN s.ends_by ELSE greatest(s.s_middle, s.ends_by) END + CASE WHEN s.middle = 'NaN' THEN 0 ELSE s.middle END END AS middle,
                CASE WHEN NOT known THEN 'NaN' WHEN 'Infinity' IN (s.s_high, s.high) THEN 'Infinity'
                    ELSE s.s_middle + s.middle + spread(s.s_high - s.s_middle, s.high - s.middle) END AS high
            FROM start s CROSS JOIN LATERAL (SELECT s.s_middle <> 'NaN' AND s.middle <> 'NaN' AS known) k
        )
        SELECT array_agg(r.basis ORDER BY r.place) AS basis, array_agg(r.low ORDER BY r.place) AS low, array_agg(r.middle ORDER BY r.place) AS middle,
            array_agg(r.high ORDER BY r.place) AS high, array_agg(r.late ORDER BY r.place) AS late, array_agg(r.reason ORDER BY r.place) AS reason,
            array_agg(r.decides ORDER BY r.place) AS waits_for
        INTO one FROM ready r;
        bases := bases || one.basis;
        lows := lows || one.low;
        middles := middles || one.middle;
        highs := highs || one.high;
        lates := lates || one.late;
        reasons := reasons || one.reason;
        sources := sources || one.waits_for;
    END LOOP;
    SELECT array_agg(bases[p]), array_agg(lows[p]), array_agg(middles[p]), array_agg(highs[p]), array_agg(lates[p]), array_agg(numbers[reasons[p]]),
        array_agg(coalesce(numbers[nullif(sources[p], 0)], 0))
    INTO bases, lows, middles, highs, lates, reasons, sources FROM unnest(places) p;
    RETURN ROW(products, cycles, runs, attempts, statuses, dues, bases, lows, middles, highs, usuals, lates, reasons, sources)::forecast;
END $$;

CREATE OR REPLACE FUNCTION moment_of(seconds float8) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT to_timestamp(nullif(seconds, 'NaN'))
$$;

CREATE OR REPLACE FUNCTION is_at_risk(basis text, middle float8, due_at timestamptz, now_is timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
-- Whether a product is expected to miss its SLA, which is not over: it is more likely than not. Inlined.
    SELECT coalesce(due_at > now_is AND basis NOT IN ('done', 'ended') AND middle > date_part('epoch', due_at) AND middle <> 'NaN', false)
$$;

CREATE OR REPLACE FUNCTION forecast(on_date date, now_is timestamptz)
RETURNS TABLE (
    product_id text, cycle text, run_id uuid, attempt integer, status text, due_at timestamptz, basis text, low timestamptz, expected timestamptz, high timestamptz,
    usual timestamptz, waits_for text, because text, because_basis text, because_late float8, at_risk boolean
)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_generic_plan AS $$
-- Of each product of that date when it is ready (`expected`: as likely before as after; between `low` and `high` in four of five cases; null: not known; `high` is
-- infinite where it stays away until somebody acts), the input that it waits for longest, and the product `because` of which it is then, itself or one before it,
-- `because_late` seconds later than usual.
DECLARE
    f forecast := forecast_of(on_date, now_is);
    products text[] := f.product_id;    -- a variable is an array of which any place is found at once
    bases text[] := f.basis;
BEGIN
    RETURN QUERY
    SELECT n.product_id, n.cycle, n.run_id, n.attempt, n.status, n.due_at, n.basis, moment_of(n.low), moment_of(n.middle), moment_of(n.high), moment_of(n.usual),
        products[n.waits_for], products[n.reason], bases[n.reason], nullif(n.late, 'NaN'), is_at_risk(n.basis, n.middle, n.due_at, now_is)
    FROM unnest(f.product_id, f.cycle, f.run_id, f.attempt, f.status, f.due_at, f.basis, f.low, f.middle, f.high, f.usual, f.late, f.reason, f.waits_for)
        n(product_id, cycle, run_id, attempt, status, due_at, basis, low, middle, high, usual, late, reason, waits_for);
END $$;

CREATE OR REPLACE FUNCTION deciding(f forecast, product text) RETURNS bigint[] LANGUAGE sql STABLE AS $$
-- The places of the product and of what decides when it is ready, input by input.
    WITH RECURSIVE chain(place) AS (
        SELECT n.place FROM unnest(f.product_id) WITH ORDINALITY n(product_id, place) WHERE n.product_id = product
        UNION
        SELECT f.waits_for[c.place] FROM chain c WHERE f.waits_for[c.place] > 0
    )
    SELECT array_agg(c.place) FROM chain c
$$;

CREATE OR REPLACE FUNCTION forecast_answer(on_date date, of_product text, only_at_risk boolean, after text, now_is timestamptz)
RETURNS TABLE (key text, entry text)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
-- The forecast as an answer: of all products, of one with everything before it that decides, or of those at risk, as many after the key `after` as an answer holds, which
-- is all of them up to some ten thousand. A row is a part of the column `key`; a column has a value for each product, separated by commas. Moments are seconds after the beginning of
-- the date in UTC; in `waits_for` and `because` a product of this answer is its number, from 0 on.
DECLARE
    f forecast := forecast_of(on_date, now_is);
    products text[] := f.product_id;    -- a variable is an array of which any place is found at once
    bases text[] := f.basis;
    chosen bigint[] := CASE WHEN of_product IS NOT NULL THEN coalesce(deciding(f, of_product), '{}') END;
    midnight float8 := extract(epoch FROM on_date::timestamp AT TIME ZONE 'UTC');
BEGIN
    RETURN QUERY
    WITH product AS (
        SELECT n.*, concat_ws(' ', n.product_id, nullif(n.cycle, '')) COLLATE "C" AS name, is_at_risk(n.basis, n.middle, n.due_at, now_is) AS at_risk
        FROM unnest(f.product_id, f.cycle, f.status, f.due_at, f.basis, f.low, f.middle, f.high, f.usual, f.late, f.reason, f.waits_for)
            WITH ORDINALITY n(product_id, cycle, status, due_at, basis, low, middle, high, usual, late, reason, waits_for, place)
    ), asked AS (
        SELECT p.*, (chosen IS NULL OR p.place = ANY (chosen)) AND (p.at_risk OR NOT only_at_risk) AND p.name > after AS asked FROM product p
    ), placed AS MATERIALIZED (  -- where some are left out, their names stand in the rows of others
        SELECT a.*, row_number() OVER ordered - 1 AS number,
            a.asked AND (sum(octet_length(a.name) + 90) OVER ordered < 900000 OR sum(octet_length(a.name) + 90) OVER (PARTITION BY a.asked) < 1000000) AS here
        FROM asked a WINDOW ordered AS (PARTITION BY a.asked ORDER BY a.name)
    ), numbered AS MATERIALIZED (  -- by place; -1 is not in this answer
        SELECT array_agg(CASE WHEN p.here THEN p.number::integer ELSE -1 END ORDER BY p.place) AS numbers FROM placed p
    ), made AS (
        SELECT string_agg(p.product_id, ',') AS product, string_agg(p.cycle, ',') AS cycle, string_agg(p.status, ',') AS status, string_agg(p.basis, ',') AS basis,
            string_agg(coalesce(floor(date_part('epoch', p.due_at) - midnight)::text, ''), ',') AS due_at,
            string_agg(CASE WHEN p.low < 'Infinity' THEN floor(p.low - midnight)::text ELSE '' END, ',') AS low,
            string_agg(CASE WHEN p.middle < 'Infinity' THEN floor(p.middle - midnight)::text ELSE '' END, ',') AS expected,
            string_agg(CASE WHEN p.high < 'Infinity' THEN floor(p.high - midnight)::text ELSE '' END, ',') AS high,
            string_agg(CASE WHEN p.usual < 'Infinity' THEN floor(p.usual - midnight)::text ELSE '' END, ',') AS usually_at,
            string_agg(CASE WHEN p.waits_for = 0 THEN '' WHEN p.w < 0 THEN products[p.waits_for] ELSE p.w::text END, ',') AS waits_for,
            string_agg(CASE WHEN p.reason = p.place THEN '' WHEN p.b < 0 THEN products[p.reason] ELSE p.b::text END, ',') AS because,
            string_agg(CASE WHEN p.reason = p.place THEN '' ELSE bases[p.reason] END, ',') AS because_basis,
            string_agg(CASE WHEN p.late < 'Infinity' THEN round(p.late)::text ELSE '' END, ',') AS because_late,
            string_agg(CASE WHEN p.at_risk THEN '1' ELSE '' END, ',') AS at_risk
        FROM (SELECT p.*, (SELECT n.numbers FROM numbered n)[p.waits_for] AS w, (SELECT n.numbers FROM numbered n)[p.reason] AS b
            FROM placed p WHERE p.here ORDER BY p.number) p
    )
    SELECT each.key, substr(each.value, part * 60000 + 1, 60000)
    FROM made m CROSS JOIN LATERAL (VALUES ('product', m.product), ('cycle', m.cycle), ('status', m.status), ('basis', m.basis), ('due_at', m.due_at), ('low', m.low),
        ('expected', m.expected), ('high', m.high), ('usually_at', m.usually_at), ('waits_for', m.waits_for), ('because', m.because), ('because_basis', m.because_basis),
        ('because_late', m.because_late), ('at_risk', m.at_risk)) each(key, value)
    CROSS JOIN LATERAL generate_series(0, (length(each.value) - 1) / 60000) part
    WHERE m.product IS NOT NULL ORDER BY each.key, part;
END $$;

CREATE OR REPLACE FUNCTION forecast_columns(on_date date, of_product text, only_at_risk boolean, after text, now_is timestamptz)
RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- As `forecast_answer`.
    SELECT a.key, a.entry FROM forecast_answer(on_date, of_product, only_at_risk, after, now_is) a
$$;
