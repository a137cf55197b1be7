-- Everything that a recipient is sent about one cause is one conversation. Before, each run had one, and only by the messages that had been sent.

CREATE TABLE alert_conversation (
    cause text NOT NULL,                -- what its alerts go back to: product and business date, the scheduler, an account
    channel text NOT NULL,
    target text NOT NULL,
    pages boolean NOT NULL,
    updates boolean NOT NULL,           -- whether the channel edits what it has sent
    state text CHECK (state IN ('OPEN', 'RESOLVED')),  -- null: nothing was wrong yet
    severity integer,
    opening text,                       -- the alert whose headline it has
    first_message text,                 -- by which the service knows its first message
    covered integer NOT NULL DEFAULT 0, -- how many runs in trouble the last message spoke of
    reminders integer NOT NULL DEFAULT 0,
    opened_at timestamptz,
    notified_at timestamptz,            -- when it was last opened, updated or reopened
    reminded_at timestamptz,
    resolved_at timestamptz,
    busy_with text,                     -- the alert that a sender has, until `busy_until`: two at once make one thread
    busy_until timestamptz,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (cause, channel, target)
);

-- Over: the run has recovered, or its trouble has another cause by now.
ALTER TABLE alert ADD COLUMN cause text, ADD COLUMN over_at timestamptz;
CREATE INDEX alert_of_cause ON alert (cause) WHERE cause IS NOT NULL;
ALTER TABLE alert_delivery ADD COLUMN cause text, ADD COLUMN action text, ADD COLUMN severity integer, ADD COLUMN covered integer,
    ADD COLUMN not_before timestamptz,  -- it is kept back until then
    ADD COLUMN about jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT alert_delivery_action_check CHECK (action IN ('inform', 'open', 'update', 'resolve', 'reopen'));

-- Fallback, quiet hours, maintenance, reminders.
ALTER TABLE data_product ADD COLUMN alerting jsonb NOT NULL DEFAULT '{}';

CREATE TABLE alert_mute (
    muted text PRIMARY KEY,             -- a product or a domain
    until timestamptz NOT NULL,
    reason text,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL
);

CREATE FUNCTION follow_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM end_troubles(ARRAY(SELECT run_id FROM changed WHERE event IN ('completed', 'skipped', 'cancelled')));
    RETURN NULL;
END $$;

CREATE TRIGGER status_ended AFTER UPDATE ON data_product_status
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION follow_ends();

CREATE INDEX alert_conversation_changed ON alert_conversation (changed_at);
