-- Since when a schedule opens runs: since it was loaded, or since the application left shadow. Nobody was to make an opening of before. Of schedules that were loaded
-- before this was kept, openings of any time count.

ALTER TABLE data_product_schedule ADD COLUMN known_since timestamptz NOT NULL DEFAULT '-infinity';
