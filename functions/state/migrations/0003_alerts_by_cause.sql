-- Whether a failure, or what it is behind, was told already is asked for every alert.

CREATE INDEX alert_of_product ON alert (product_id, kind);
CREATE INDEX alert_because_of ON alert (belongs_to, kind) WHERE belongs_to IS NOT NULL;
