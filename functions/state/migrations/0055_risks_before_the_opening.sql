-- Openings that are expected to miss their SLA before anybody makes them.

ALTER TABLE unmade_opening
    ADD COLUMN risk_due_at timestamptz  -- the due time of which somebody was notified that it will probably be missed; a run that is opened later is not notified again
;
