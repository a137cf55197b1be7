-- A file that was RECEIVED as it landed and is claimed costs no row of history: its own row says when it was received. A trigger of rows whose condition is false
-- costs nothing, while one of the statement copies each row twice before it looks.

DROP TRIGGER file_updated ON landing_file;
DROP FUNCTION keep_file_history();

CREATE FUNCTION keep_file_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO landing_file_history (file_id, status, reason, batch_id, changed_at, changed_by)
    VALUES (old.file_id, old.status, old.reason, old.batch_id, old.changed_at, old.changed_by);
    RETURN NULL;
END $$;

CREATE TRIGGER file_updated AFTER UPDATE ON landing_file FOR EACH ROW
    WHEN ((old.status, old.reason) IS DISTINCT FROM (new.status, new.reason)
        AND NOT (old.status = 'RECEIVED' AND old.changed_at = old.received_at AND old.changed_by = 'files' AND new.changed_at <> old.changed_at))
    EXECUTE FUNCTION keep_file_history();
