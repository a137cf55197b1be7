-- Forecasts read three moments of what is usual, and all known times only of what runs or has not come. A product's place in the list is its number.

-- `low`: one case in ten is not longer; `high`: one case in ten is longer.
ALTER TABLE usual_time
    ADD least real GENERATED ALWAYS AS (ranked[1]) STORED,
    ADD low real GENERATED ALWAYS AS (ranked[1 + round(0.1::float8 * (cardinality(ranked) - 1))::integer]) STORED,
    ADD middle real GENERATED ALWAYS AS (ranked[1 + round(0.5::float8 * (cardinality(ranked) - 1))::integer]) STORED,
    ADD high real GENERATED ALWAYS AS (ranked[1 + round(0.9::float8 * (cardinality(ranked) - 1))::integer]) STORED;
CREATE INDEX usual_moments ON usual_time (kind, product_id, cycle) INCLUDE (least, low, middle, high, shifts);

DROP FUNCTION IF EXISTS openings_of_date(date);
DROP FUNCTION IF EXISTS ranked_at(real[], float8);
DROP TYPE forecast_node CASCADE;
CREATE TYPE forecast_node AS (          -- a product with its run of the date, one that is still to be opened, or one that is refreshed elsewhere
    product_id text,
    cycle text,
    run_id uuid,
    attempt integer,
    status text,
    due_at timestamptz,
    basis text,                         -- done, running, waiting, held, failed, ended, source; of what has no history also schedule, deadline, unknown
    waits boolean,                      -- for others
    condition jsonb,
    opens float8,                       -- of what waits: it starts not before this,
    starts_by float8,                   -- and then with what has come;
    ends_by float8,                     -- its deadline
    low float8,                         -- ready between `low` and `high` in four of five cases; of what waits how long its work takes
    middle float8,
    high float8,
    usual float8,                       -- when it is usually ready
    late float8                         -- by how much it is later than usual by itself
);
