"""The orchestration state in PostgreSQL: its client, its migrations, and the transitions as SQL functions."""
