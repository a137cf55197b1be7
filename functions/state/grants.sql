-- What the roles of the functions may do. It is run at the end of each migration, for what that has added.
-- The owner of the database migrates. `reader` cannot write. `worker` changes runs, and of the metadata only what runs change. `keeper` loads the metadata
-- and deletes what has outlived its time.

DO $$ DECLARE role text; BEGIN
    FOREACH role IN ARRAY '{headgate_reader,headgate_worker,headgate_keeper}'::text[] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                EXECUTE format('CREATE ROLE %I LOGIN', role);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database of the server has just made it
        END;
    END LOOP;
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO headgate_keeper', current_database());
END $$;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM headgate_reader, headgate_worker, headgate_keeper;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO headgate_reader, headgate_worker, headgate_keeper;
GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO headgate_worker, headgate_keeper;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO headgate_worker, headgate_keeper;
REVOKE INSERT, UPDATE, DELETE ON schema_migration, schema_release FROM headgate_worker, headgate_keeper;
REVOKE INSERT, UPDATE, DELETE ON application_mode, calendar, catalog_change, catalog_load, catalog_stage, data_pipeline_config, data_pipeline_parameters,
    data_product_dependencies, domain_operators, status_mark FROM headgate_worker;
REVOKE INSERT, DELETE ON data_product, data_product_schedule, landing_source FROM headgate_worker;
REVOKE UPDATE, DELETE ON data_product_status_history, data_product_dependencies_events_status_history, data_product_hold_history, effect_history,
    landing_file_history, status_change
    FROM headgate_worker;
