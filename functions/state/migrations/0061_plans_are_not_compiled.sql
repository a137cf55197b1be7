-- Where PostgreSQL has LLVM, it compiles every plan that is estimated to be expensive. Up to version 17 a table that is read whole in spite of
-- `enable_seqscan = off` is estimated so: each call would compile dozens of plans, for longer than it works.

DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET jit = off', current_database()); END $$;
