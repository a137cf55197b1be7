-- How long a pipeline may take, by its metadata; null: as long as its steps.

ALTER TABLE data_product ADD COLUMN pipeline_seconds integer;
