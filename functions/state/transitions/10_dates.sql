-- Business dates and schedules. The generator checks the same rules in Python; a property test compares the two.

CREATE OR REPLACE FUNCTION moment(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
-- A moment in UTC as text that sorts as moments do.
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')
$$;

CREATE OR REPLACE FUNCTION known_timezone(zone text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
-- Whether this database knows the time zone. Its list is not the one the metadata was checked with.
BEGIN
    PERFORM timestamptz '2000-01-01 00:00Z' AT TIME ZONE zone;
    RETURN true;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN false;
END $$;

CREATE OR REPLACE FUNCTION iso_weekday(day date) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
-- 1 is Monday, 7 Sunday.
    SELECT extract(isodow FROM day)::integer
$$;

CREATE OR REPLACE FUNCTION is_day_off(day date, weekend integer[], holidays date[]) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT iso_weekday(day) = ANY (weekend) OR day = ANY (holidays)
$$;

CREATE OR REPLACE FUNCTION is_business_day(day date, c calendar) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
-- Without a calendar (a null row) every day is one. Inlined, as all predicates of a line are.
    SELECT c.calendar IS NULL OR NOT is_day_off(day, c.weekend, c.dates)
$$;

CREATE OR REPLACE FUNCTION business_shift(day date, days integer, weekend integer[], holidays date[]) RETURNS date
LANGUAGE plpgsql IMMUTABLE AS $$
-- `day` moved by that many business days; without a calendar (null weekend) every day is one.
DECLARE
    step integer := sign(days);
    rest integer := abs(days);
BEGIN
    IF weekend IS NULL THEN
        RETURN day + days;
    END IF;
    WHILE rest > 0 LOOP
        day := day + step;
        IF NOT is_day_off(day, weekend, holidays) THEN
            rest := rest - 1;
        END IF;
    END LOOP;
    RETURN day;
END $$;

CREATE OR REPLACE FUNCTION shifted(day date, days integer, c calendar) RETURNS date
LANGUAGE sql IMMUTABLE AS $$
-- `day` moved by that many business days of the calendar, or days if there is none. Inlined: most dates need no call.
    SELECT CASE WHEN c.calendar IS NULL OR days = 0 THEN day + days ELSE business_shift(day, days, c.weekend, c.dates) END
$$;

CREATE OR REPLACE FUNCTION near_weekday(day date, target integer) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
-- Whether `day` is the working day of its month nearest to the day `target`; 0 is the last working day.
DECLARE
    first date := date_trunc('month', day)::date;
    last integer := extract(day FROM (date_trunc('month', day) + interval '1 month' - interval '1 day'))::integer;
    wanted integer := CASE target WHEN 0 THEN last ELSE target END;
    weekday integer;
BEGIN
    IF target > last THEN
        RETURN false;
    END IF;
    weekday := iso_weekday(first + wanted - 1);
    IF weekday = 6 THEN
        wanted := CASE WHEN wanted > 1 THEN wanted - 1 ELSE wanted + 2 END;
    ELSIF weekday = 7 THEN
        wanted := CASE WHEN target = 0 OR wanted = last THEN wanted - 2 ELSE wanted + 1 END;
    END IF;
    RETURN extract(day FROM day)::integer = wanted;
END $$;

CREATE OR REPLACE FUNCTION fires_on(s data_product_schedule, day date) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether the schedule's cron expression fires on that local date.
    SELECT extract(month FROM day)::integer = ANY (s.months)
        AND (s.years IS NULL OR extract(year FROM day)::integer = ANY (s.years))
        AND (extract(day FROM day)::integer = ANY (s.month_days)
            OR extract(dow FROM day)::integer + 1 = ANY (s.week_days)
            OR extract(day FROM (date_trunc('month', day) + interval '1 month' - interval '1 day'))::integer
                - extract(day FROM day)::integer = ANY (s.last_days)
            OR (cardinality(s.near_weekdays) > 0 AND EXISTS (SELECT FROM unnest(s.near_weekdays) target WHERE near_weekday(day, target)))
            OR (extract(dow FROM day)::integer + 1 = ANY (s.last_week_days)
                AND extract(month FROM day + 7) <> extract(month FROM day))
            OR (extract(dow FROM day)::integer + 1) || '#' || ((extract(day FROM day)::integer - 1) / 7 + 1) = ANY (s.nth_week_days))
$$;

CREATE OR REPLACE FUNCTION cycle_names(times time[]) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
-- The cycles of a day in order; one without a name where a schedule opens once a day, or where there is none.
    SELECT CASE WHEN cardinality(times) > 1 THEN ARRAY(SELECT to_char(at, 'HH24MI') FROM unnest(times) at ORDER BY at) ELSE '{""}' END
$$;

CREATE OR REPLACE FUNCTION openings_of(s data_product_schedule, after timestamptz, until timestamptz)
RETURNS TABLE (at timestamptz, business_date date, cycle text)
LANGUAGE sql STABLE AS $$
-- Every opening of the schedule after the one moment and until the other. Inlined.
    SELECT fired.at, shifted(day::date, s.date_offset, c), CASE WHEN cardinality(s.times) > 1 THEN to_char(time, 'HH24MI') ELSE '' END
    FROM generate_series(date_trunc('day', after AT TIME ZONE s.timezone), date_trunc('day', until AT TIME ZONE s.timezone), interval '1 day') AS day
    CROSS JOIN unnest(s.times) AS time
    CROSS JOIN LATERAL (SELECT (day::date + time) AT TIME ZONE s.timezone AS at) fired
    LEFT JOIN calendar c ON c.calendar = s.calendar
    WHERE fired.at > after AND fired.at <= until AND fires_on(s, day::date) AND is_business_day(day::date, c)
$$;

CREATE OR REPLACE FUNCTION openings_for(s data_product_schedule, on_date date) RETURNS TABLE (at timestamptz, cycle text)
LANGUAGE sql STABLE AS $$
-- The openings of the schedule for that business date: those of the one day from which it is reached. Inlined.
    SELECT (fired.day + time) AT TIME ZONE s.timezone, CASE WHEN cardinality(s.times) > 1 THEN to_char(time, 'HH24MI') ELSE '' END
    FROM (SELECT) one LEFT JOIN calendar c ON c.calendar = s.calendar
    CROSS JOIN LATERAL (SELECT shifted(on_date, -s.date_offset, c) AS day) fired
    CROSS JOIN unnest(s.times) time
    WHERE fires_on(s, fired.day) AND is_business_day(fired.day, c) AND is_business_day(on_date, c)
$$;

CREATE OR REPLACE FUNCTION opening_for(product text, on_date date, of_cycle text) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
-- When the product's schedule opens that cycle of the business date, or the first of the date where it has no such cycle; null without an opening.
    SELECT coalesce(min(o.at) FILTER (WHERE o.cycle = of_cycle), min(o.at))
    FROM data_product_schedule s CROSS JOIN LATERAL openings_for(s, on_date) o WHERE s.product_id = product
$$;
