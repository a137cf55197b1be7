-- The cycles of a product before they changed last, and when that was; null: they never have. Without a name: one opening a day.
ALTER TABLE data_product ADD COLUMN former_cycles text[], ADD COLUMN cycles_changed_at timestamptz;
