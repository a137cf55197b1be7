-- When the scheduler and the monitor were called last, for `health`.
CREATE TABLE last_tick (
    of_function text PRIMARY KEY CHECK (of_function IN ('scheduler', 'monitor')),
    began_at timestamptz NOT NULL
);
