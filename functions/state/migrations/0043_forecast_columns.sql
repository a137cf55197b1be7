-- A forecast is made of columns, and what its products are made of has a type of its own. What repairs take is learned as well.

DROP FUNCTION IF EXISTS forecast_page(date, text, boolean, text, integer, timestamptz);
DROP FUNCTION IF EXISTS forecast(date, timestamptz);
DROP FUNCTION IF EXISTS condition_time(jsonb, float8[]);
DROP TYPE forecast_node CASCADE;
DROP TYPE forecast_input CASCADE;

CREATE TYPE forecast_node AS (          -- a product with its run of the date, one that is still to be opened, or one that is refreshed elsewhere
    number integer,
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
CREATE TYPE forecast_input AS (
    number integer,                     -- of the product that waits
    leaf integer,
    source integer,                     -- the number of what it waits for; 0: of another date, or not known
    at float8                           -- when it came, or one of another date usually comes; null: by its source
);
CREATE TYPE forecast AS (               -- of all products of a date, each at its place; moments are seconds since 1970, NaN is unknown
    product_id text[],
    cycle text[],
    run_id uuid[],
    attempt integer[],
    status text[],
    due_at timestamptz[],
    basis text[],
    low float8[],
    middle float8[],
    high float8[],
    usual float8[],
    late float8[],                      -- by how much its `reason` is later than usual
    reason integer[],                   -- the product because of which it is ready then: itself, or one before it
    waits_for integer[]                 -- the one of its inputs that comes last; 0: none
);

ALTER TABLE usual_time DROP CONSTRAINT usual_time_kind_check;
-- From its release to its end; from the beginning of the business date; from a failure to the release of the attempt that completed.
ALTER TABLE usual_time ADD CONSTRAINT usual_time_kind_check CHECK (kind IN ('work', 'ready', 'repair'));
