-- What a forecast is made of. Moments and times are seconds, moments since 1970; NaN is unknown.

CREATE TYPE forecast_node AS (          -- a product with its run of the date, one that is still to be opened, or one that is refreshed elsewhere
    number integer,
    product_id text,
    cycle text,
    run_id uuid,
    attempt integer,
    status text,
    due_at timestamptz,
    basis text,                         -- done, running, waiting, held, failed, ended, source; of what has no history also schedule, deadline, unknown
    condition jsonb,
    opens float8,                       -- of what waits: it starts not before this,
    starts_by float8,                   -- and then with what has come;
    ends_by float8,                     -- its deadline
    low float8,                         -- ready between `low` and `high` in four of five cases; of what waits how long its work takes
    middle float8,
    high float8,
    usual float8,                       -- when it is usually ready
    late float8,                        -- by how much its `reason` is later than usual
    reason integer,                     -- the product because of which it is ready then: itself, or one before it
    waits_for integer                   -- the one of its inputs that comes last; 0: none
);
CREATE TYPE forecast_input AS (
    number integer,                     -- of the product that waits
    leaf integer,
    source integer,                     -- the number of what it waits for; 0: of another date, or not known
    at float8                           -- when it came, or one of another date usually comes; null: by its source
);
