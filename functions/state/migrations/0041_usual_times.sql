-- What forecasts are made from: of each product the last times that it took, and by the clock of a business date the times at which it was ready.

CREATE TABLE usual_time (
    product_id text NOT NULL,           -- also the files of one, and one of another repository
    kind text NOT NULL CHECK (kind IN ('work', 'ready')),  -- from its release to its end; from the beginning of the business date
    cycle text NOT NULL,
    last_date date NOT NULL,            -- the date of the newest
    seconds real[] NOT NULL,            -- the newest last, one a date
    weekdays smallint[] NOT NULL,       -- of their dates, 1 is Monday
    shifts real[] NOT NULL,             -- by how much each weekday differs
    ranked real[] NOT NULL,             -- the seconds without what their weekday adds, in order
    PRIMARY KEY (product_id, kind, cycle)
);

-- The last thirty dates before this release; weekdays differ as soon as more are known.
INSERT INTO usual_time (product_id, kind, cycle, last_date, seconds, weekdays, shifts, ranked)
SELECT p.product_id, took.kind, last.cycle, max(last.business_date), array_agg(took.seconds ORDER BY last.business_date),
    array_agg(extract(isodow FROM last.business_date)::smallint ORDER BY last.business_date), '{0,0,0,0,0,0,0}', array_agg(took.seconds ORDER BY took.seconds)
FROM data_product p LEFT JOIN data_product_schedule s USING (product_id)
CROSS JOIN LATERAL (
    SELECT r.cycle, r.business_date, r.released_at, r.finished_at FROM data_product_status r
    WHERE p.machine IS NOT NULL AND r.product_id = p.product_id AND r.status = 'COMPLETED' AND r.released_at IS NOT NULL
    ORDER BY r.business_date DESC LIMIT 30
) last
CROSS JOIN LATERAL (
    SELECT 'work', extract(epoch FROM last.finished_at - last.released_at)::real
    UNION ALL
    SELECT 'ready', extract(epoch FROM last.finished_at - last.business_date::timestamp AT TIME ZONE coalesce(s.timezone, 'UTC'))::real
) took(kind, seconds)
GROUP BY p.product_id, took.kind, last.cycle;

INSERT INTO usual_time (product_id, kind, cycle, last_date, seconds, weekdays, shifts, ranked)
SELECT p.product_id, 'ready', first.cycle, max(first.business_date), array_agg(first.seconds ORDER BY first.business_date),
    array_agg(extract(isodow FROM first.business_date)::smallint ORDER BY first.business_date), '{0,0,0,0,0,0,0}', array_agg(first.seconds ORDER BY first.seconds)
FROM data_product p LEFT JOIN data_product_schedule s USING (product_id)
CROSS JOIN LATERAL (
    SELECT last.cycle, last.business_date,
        extract(epoch FROM min(last.received_at) - last.business_date::timestamp AT TIME ZONE coalesce(s.timezone, 'UTC'))::real AS seconds
    FROM (SELECT * FROM refresh_event e WHERE e.product_id = p.product_id AND e.status = 'COMPLETED' ORDER BY e.business_date DESC LIMIT 30) last
    GROUP BY last.cycle, last.business_date
) first
WHERE p.machine IS NULL
GROUP BY p.product_id, first.cycle;
