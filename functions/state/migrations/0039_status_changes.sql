-- What has changed in the answers of `status`, so that a page that shows a date asks only for that.

-- Rows are added by every transaction that changes something that `status` shows, and found by its number. A transaction that began earlier may become
-- visible later: a reader goes on from the oldest transaction that was under way when it read (decision 69).
CREATE TABLE status_change (
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    business_date date,                 -- null: every date
    product_id text                     -- null: every product
);
CREATE INDEX status_change_since ON status_change (changed_in);

-- How far the changes had come when the retention ran: what is older than two days is found by its number. Nothing is known of before the first.
CREATE TABLE status_mark (
    noted_at timestamptz PRIMARY KEY,
    position xid8 NOT NULL
);
INSERT INTO status_mark VALUES ('-infinity', pg_current_xact_id());

CREATE FUNCTION note_status_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO status_change (business_date, product_id) SELECT DISTINCT business_date, product_id FROM changed;
    RETURN NULL;
END $$;

CREATE TRIGGER status_inserted_shown AFTER INSERT ON data_product_status
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_status_changes();
CREATE TRIGGER status_updated_shown AFTER UPDATE ON data_product_status
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_status_changes();
CREATE TRIGGER opening_inserted_shown AFTER INSERT ON unmade_opening
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_status_changes();
CREATE TRIGGER opening_updated_shown AFTER UPDATE ON unmade_opening
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_status_changes();
CREATE TRIGGER set_inserted_shown AFTER INSERT ON landing_set
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_status_changes();
CREATE TRIGGER set_updated_shown AFTER UPDATE ON landing_set
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_status_changes();

-- By the events of some dates it is expected on others.
CREATE FUNCTION note_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO status_change (product_id) SELECT DISTINCT product_id FROM changed;
    RETURN NULL;
END $$;

CREATE TRIGGER event_inserted_shown AFTER INSERT ON refresh_event
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_events();
CREATE TRIGGER event_updated_shown AFTER UPDATE ON refresh_event
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_events();

-- Inputs that arrive, or are waited for again, and batches of files. Tables of a trigger have no statistics: the runs are found by their key all the same.
CREATE FUNCTION note_runs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO status_change (business_date, product_id)
    SELECT DISTINCT r.business_date, r.product_id FROM (SELECT DISTINCT run_id FROM changed) c
    CROSS JOIN LATERAL (SELECT s.business_date, s.product_id FROM data_product_status s WHERE s.run_id = c.run_id OFFSET 0) r;
    RETURN NULL;
END $$;

CREATE TRIGGER inputs_updated_shown AFTER UPDATE ON data_product_dependencies_events_status
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_runs();

CREATE TRIGGER wave_inserted_shown AFTER INSERT ON landing_wave
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_runs();
CREATE TRIGGER wave_updated_shown AFTER UPDATE ON landing_wave
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_runs();
CREATE TRIGGER batch_updated_shown AFTER UPDATE ON landing_batch
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_runs();

-- What goes to the archive, which is many products of one date.
CREATE FUNCTION note_archived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO status_change (business_date, product_id) SELECT DISTINCT business_date, NULL FROM changed;
    RETURN NULL;
END $$;

CREATE TRIGGER status_deleted_shown AFTER DELETE ON data_product_status
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_archived();
CREATE TRIGGER event_deleted_shown AFTER DELETE ON refresh_event
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_archived();

CREATE FUNCTION note_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO status_change (business_date, product_id)
    SELECT r.business_date, r.product_id FROM data_product_status r WHERE r.run_id = NEW.run_id;
    RETURN NULL;
END $$;

CREATE TRIGGER effect_failing_shown AFTER UPDATE ON effect FOR EACH ROW
    WHEN (OLD.failing_since IS DISTINCT FROM NEW.failing_since OR OLD.parked_at IS DISTINCT FROM NEW.parked_at
        OR NEW.failing_since IS NOT NULL AND OLD.done_at IS DISTINCT FROM NEW.done_at)
    EXECUTE FUNCTION note_run();

CREATE TRIGGER batch_launched_shown AFTER INSERT ON job_run FOR EACH ROW WHEN (NEW.handle ? 'batch') EXECUTE FUNCTION note_run();

CREATE FUNCTION note_changed_product() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO status_change (product_id) VALUES (NEW.product_id);
    RETURN NULL;
END $$;

CREATE TRIGGER product_changed_shown AFTER UPDATE ON data_product FOR EACH ROW
    WHEN (OLD.held IS DISTINCT FROM NEW.held OR OLD.opening_error IS DISTINCT FROM NEW.opening_error)
    EXECUTE FUNCTION note_changed_product();

-- A load may change every product.
CREATE FUNCTION note_load() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO status_change DEFAULT VALUES;
    RETURN NULL;
END $$;

CREATE TRIGGER load_shown AFTER INSERT ON catalog_load FOR EACH STATEMENT EXECUTE FUNCTION note_load();
