-- Backfills that open a limited number of runs at once, and go on as these end.

CREATE TABLE backfill (
    backfill_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    what text NOT NULL,                 -- a product or a domain
    first_date date NOT NULL,
    last_date date NOT NULL,
    at_once integer NOT NULL CHECK (at_once > 0),
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    ended_at timestamptz,               -- every run has been opened and has ended, or an operator stopped it
    stopped_by text,
    error text                          -- why the next runs could not be opened; it is tried again
);
CREATE INDEX backfill_open ON backfill (backfill_id) WHERE ended_at IS NULL;

CREATE TABLE backfill_run (
    backfill_id integer NOT NULL REFERENCES backfill ON DELETE CASCADE,
    place integer NOT NULL,             -- in this order: by date, and what others need before these
    product_id text NOT NULL,
    business_date date NOT NULL,
    cycle text NOT NULL,
    opens_at timestamptz,               -- by its schedule
    taken_at timestamptz,               -- when it had its turn: it was opened, or was open by then, or can be opened no more
    PRIMARY KEY (backfill_id, place)
);
CREATE INDEX backfill_run_of ON backfill_run (product_id, business_date, cycle);
