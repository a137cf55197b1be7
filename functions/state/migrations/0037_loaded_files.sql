-- What a step that loads files has made of them, as of its end, {statuses, reasons, of}: questions about a day read it, and not the files. Null while files
-- are left to load.

ALTER TABLE landing_wave ADD COLUMN files jsonb;
