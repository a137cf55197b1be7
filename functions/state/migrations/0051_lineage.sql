-- Attempts as run events of OpenLineage.

ALTER TABLE data_product
    ADD COLUMN dataset jsonb,                       -- {namespace, name} in OpenLineage; null: derived from the product's name
    ADD COLUMN lineage boolean NOT NULL DEFAULT false
;
ALTER TABLE effect DROP CONSTRAINT effect_kind_check;
ALTER TABLE effect ADD CONSTRAINT effect_kind_check
    CHECK (kind IN ('start_execution', 'stop_execution', 'task_success', 'task_failure', 'put_event', 'alert', 'lineage'));
