-- What was told to whom: a fact once, and each of its deliveries once.

CREATE TABLE alert (
    alert_key text PRIMARY KEY,         -- kind, level, step, run and attempt: the same fact twice is one
    run_id uuid NOT NULL,
    product_id text NOT NULL,
    attempt integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('ERROR', 'LATE', 'COMPLETED', 'STARTED', 'SKIPPED')),
    fact jsonb NOT NULL,
    belongs_to text,                    -- the product whose failure is behind this one
    told_at timestamptz NOT NULL
);
CREATE INDEX alert_of ON alert (run_id);

CREATE TABLE alert_delivery (
    alert_key text NOT NULL REFERENCES alert,
    channel text NOT NULL CHECK (channel IN ('slack', 'email', 'opsgenie', 'webhook')),
    target text NOT NULL,
    state text NOT NULL DEFAULT 'DUE' CHECK (state IN ('DUE', 'SENDING', 'SENT', 'UNKNOWN', 'SUPPRESSED')),
    tries integer NOT NULL DEFAULT 0,
    message_id text,                    -- by which the service knows it: later messages go under it
    outcome text,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (alert_key, channel, target)
);
