CREATE DOMAIN public.dependency_event AS text
	CONSTRAINT dependency_event_check CHECK ((VALUE = ANY (ARRAY['opened'::text, 'arrived'::text, 'reopened'::text, 'added'::text, 'removed'::text, 'kept'::text, 'waived'::text, 'unwaived'::text])));
CREATE TYPE public.forecast AS (
	product_id text[],
	cycle text[],
	run_id uuid[],
	attempt integer[],
	status text[],
	due_at timestamp with time zone[],
	basis text[],
	low double precision[],
	middle double precision[],
	high double precision[],
	usual double precision[],
	late double precision[],
	reason integer[],
	waits_for integer[]
);
CREATE TYPE public.forecast_input AS (
	number integer,
	leaf integer,
	source integer,
	at double precision
);
CREATE TYPE public.forecast_node AS (
	product_id text,
	cycle text,
	run_id uuid,
	attempt integer,
	status text,
	due_at timestamp with time zone,
	basis text,
	waits boolean,
	condition jsonb,
	opens double precision,
	starts_by double precision,
	ends_by double precision,
	low double precision,
	middle double precision,
	high double precision,
	usual double precision,
	late double precision
);
CREATE DOMAIN public.run_event AS text
	CONSTRAINT run_event_check CHECK ((VALUE = ANY (ARRAY['opened'::text, 'waiting'::text, 'released'::text, 'repaired'::text, 'started'::text, 'completed'::text, 'failed'::text, 'skipped'::text, 'cancelled'::text, 'late'::text, 'held'::text, 'hold_removed'::text, 'rerun'::text, 'restarted'::text, 'started_again'::text, 'condition_changed'::text, 'outdated'::text, 'resumed'::text, 'waived'::text, 'due_changed'::text, 'held_over'::text, 'left_shadow'::text])));
CREATE TABLE public.alert (
    alert_key text NOT NULL,
    run_id uuid NOT NULL,
    product_id text NOT NULL,
    attempt integer NOT NULL,
    kind text NOT NULL,
    fact jsonb NOT NULL,
    root_cause text,
    notified_at timestamp with time zone CONSTRAINT alert_told_at_not_null NOT NULL,
    cause text,
    over_at timestamp with time zone,
    CONSTRAINT alert_kind_check CHECK ((kind = ANY (ARRAY['ERROR'::text, 'LATE'::text, 'AT_RISK'::text, 'COMPLETED'::text, 'STARTED'::text, 'SKIPPED'::text, 'OUTDATED'::text, 'FILES'::text])))
);
CREATE TABLE public.alert_conversation (
    cause text NOT NULL,
    channel text NOT NULL,
    target text NOT NULL,
    pages boolean NOT NULL,
    updates boolean NOT NULL,
    state text,
    severity integer,
    opening text,
    first_message text,
    covered integer DEFAULT 0 NOT NULL,
    reminders integer DEFAULT 0 NOT NULL,
    opened_at timestamp with time zone,
    notified_at timestamp with time zone,
    reminded_at timestamp with time zone,
    resolved_at timestamp with time zone,
    busy_with text,
    busy_until timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    files integer DEFAULT 0 NOT NULL,
    CONSTRAINT alert_conversation_state_check CHECK ((state = ANY (ARRAY['OPEN'::text, 'RESOLVED'::text])))
);
CREATE TABLE public.data_product_status (
    run_id uuid DEFAULT gen_random_uuid() NOT NULL,
    product_id text NOT NULL,
    business_date date NOT NULL,
    cycle text DEFAULT ''::text NOT NULL,
    attempt integer DEFAULT 1 NOT NULL,
    status text DEFAULT 'WAITING'::text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    deadline_at timestamp with time zone NOT NULL,
    held boolean DEFAULT false NOT NULL,
    released_at timestamp with time zone,
    release_reason text,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    execution_arn text,
    task_token text,
    waiting_since timestamp with time zone,
    error text,
    cause text,
    late_notified boolean DEFAULT false CONSTRAINT data_product_status_late_told_not_null NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL,
    event public.run_event NOT NULL,
    resume_until timestamp with time zone,
    outdated_at timestamp with time zone,
    runs_again boolean DEFAULT false NOT NULL,
    due_at timestamp with time zone,
    held_over_at timestamp with time zone,
    cascades boolean DEFAULT false NOT NULL,
    shadow boolean DEFAULT false NOT NULL,
    CONSTRAINT data_product_status_status_check CHECK ((status = ANY (ARRAY['WAITING'::text, 'PROCESSING'::text, 'COMPLETED'::text, 'ERROR'::text, 'SKIPPED'::text, 'CANCELLED'::text])))
);
CREATE TABLE public.data_product (
    product_id text NOT NULL,
    domain text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    owner text NOT NULL,
    email text,
    machine text,
    execution_prefix text,
    condition jsonb,
    deadline_seconds integer,
    on_deadline text,
    refresh_event boolean NOT NULL,
    visibility text NOT NULL,
    complete_by time without time zone,
    notify jsonb DEFAULT '[]'::jsonb NOT NULL,
    digest text NOT NULL,
    active boolean DEFAULT true NOT NULL,
    held boolean DEFAULT false NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL,
    runs_in text,
    former_cycles text[],
    cycles_changed_at timestamp with time zone,
    opening_error text,
    account text,
    needs text[],
    resume_seconds integer DEFAULT 86400,
    sla_timezone text,
    sla_days integer,
    sla_after_seconds integer,
    sla_since timestamp with time zone,
    source jsonb,
    pipeline_seconds integer,
    alerting jsonb DEFAULT '{}'::jsonb NOT NULL,
    jobs text DEFAULT ''::text NOT NULL,
    searched text GENERATED ALWAYS AS (lower(((((((product_id || ' '::text) || owner) || ' '::text) || jobs) || ' '::text) || description))) STORED,
    signal jsonb,
    dataset jsonb,
    lineage boolean DEFAULT false NOT NULL,
    CONSTRAINT data_product_on_deadline_check CHECK ((on_deadline = ANY (ARRAY['fail'::text, 'start'::text, 'skip'::text]))),
    CONSTRAINT data_product_visibility_check CHECK ((visibility = ANY (ARRAY['mesh'::text, 'domain'::text])))
);
CREATE TABLE public.landing_file (
    file_id bigint NOT NULL,
    product_id text,
    kind text NOT NULL,
    bucket text NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    version text NOT NULL COLLATE pg_catalog."C",
    version_id text,
    sequencer text COLLATE pg_catalog."C",
    etag text,
    size bigint NOT NULL,
    event_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    matched_at timestamp with time zone NOT NULL,
    how text NOT NULL,
    business_date date,
    cycle text DEFAULT ''::text NOT NULL,
    facets jsonb NOT NULL,
    slot text,
    expected jsonb,
    counts boolean NOT NULL,
    status text NOT NULL,
    reason text,
    batch_id bigint,
    tries integer DEFAULT 0 NOT NULL,
    rows_read bigint,
    rows_written bigint,
    rows_rejected bigint,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL,
    retriable boolean DEFAULT true NOT NULL,
    latest boolean,
    CONSTRAINT landing_file_check CHECK (((status <> 'UNMATCHED'::text) OR (product_id IS NULL))),
    CONSTRAINT landing_file_how_check CHECK ((how = ANY (ARRAY['event'::text, 'listed'::text, 'manual'::text]))),
    CONSTRAINT landing_file_kind_check CHECK ((kind = ANY (ARRAY['data'::text, 'marker'::text, 'manifest'::text]))),
    CONSTRAINT landing_file_status_check CHECK ((status = ANY (ARRAY['RECEIVED'::text, 'CLAIMED'::text, 'PROCESSED'::text, 'REJECTED'::text, 'FAILED'::text, 'SUPERSEDED'::text, 'IGNORED'::text, 'UNMATCHED'::text])))
)
WITH (fillfactor='50');
CREATE TABLE public.job_run (
    job_run_id text NOT NULL,
    run_id uuid,
    attempt integer,
    step text,
    job text NOT NULL,
    state text DEFAULT 'STARTED'::text NOT NULL,
    message text,
    task_token text,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    type text DEFAULT 'glue'::text NOT NULL,
    handle jsonb DEFAULT '{}'::jsonb NOT NULL,
    error text,
    stop_asked_at timestamp with time zone,
    expires_at timestamp with time zone,
    asked_in integer,
    ready_at timestamp with time zone,
    CONSTRAINT job_run_state_check CHECK ((state = ANY (ARRAY['STARTED'::text, 'SUCCEEDED'::text, 'FAILED'::text, 'TIMEOUT'::text, 'STOPPED'::text])))
);
CREATE TABLE public.archive_page (
    page_id uuid DEFAULT gen_random_uuid() NOT NULL,
    kind text NOT NULL,
    business_date date NOT NULL,
    before timestamp with time zone NOT NULL,
    keys text[] NOT NULL,
    products text[] NOT NULL,
    entries integer NOT NULL,
    claimed_until timestamp with time zone,
    location text,
    archived_at timestamp with time zone,
    CONSTRAINT archive_page_kind_check CHECK ((kind = ANY (ARRAY['runs'::text, 'refresh_events'::text])))
);
CREATE TABLE public.data_product_dependencies_events_status (
    run_id uuid NOT NULL,
    leaf integer NOT NULL,
    cycle text DEFAULT '*'::text NOT NULL,
    upstream text NOT NULL,
    account text,
    statuses text[] NOT NULL,
    required_date date,
    not_before timestamp with time zone,
    status text DEFAULT 'WAITING'::text NOT NULL,
    event_key text,
    arrived_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    event public.dependency_event NOT NULL,
    max_age_seconds integer,
    waived_at timestamp with time zone,
    waived_by text,
    waive_reason text,
    CONSTRAINT data_product_dependencies_events_status_status_check CHECK ((status = ANY (ARRAY['WAITING'::text, 'ARRIVED'::text])))
);
CREATE TABLE public.alert_delivery (
    alert_key text NOT NULL,
    channel text NOT NULL,
    target text NOT NULL,
    state text DEFAULT 'DUE'::text NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    message_id text,
    outcome text,
    changed_at timestamp with time zone NOT NULL,
    cause text,
    action text,
    severity integer,
    covered integer,
    not_before timestamp with time zone,
    about jsonb DEFAULT '{}'::jsonb NOT NULL,
    files integer,
    CONSTRAINT alert_delivery_action_check CHECK ((action = ANY (ARRAY['inform'::text, 'open'::text, 'update'::text, 'resolve'::text, 'reopen'::text]))),
    CONSTRAINT alert_delivery_state_check CHECK ((state = ANY (ARRAY['DUE'::text, 'SENDING'::text, 'SENT'::text, 'UNKNOWN'::text, 'SUPPRESSED'::text])))
);
CREATE TABLE public.refresh_event (
    event_key text NOT NULL,
    product_id text NOT NULL,
    account text,
    business_date date NOT NULL,
    cycle text NOT NULL,
    status text NOT NULL,
    run_id text,
    attempt integer,
    refreshed_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    metadata jsonb NOT NULL,
    superseded_at timestamp with time zone,
    cause text,
    CONSTRAINT refresh_event_status_check CHECK ((status = ANY (ARRAY['STARTED'::text, 'COMPLETED'::text, 'ERROR'::text, 'SKIPPED'::text, 'CANCELLED'::text, 'REOPENED'::text])))
);
CREATE TABLE public.data_product_dependencies (
    product_id text NOT NULL,
    leaf integer NOT NULL,
    upstream text NOT NULL,
    account text,
    statuses text[] NOT NULL,
    offset_days integer NOT NULL,
    max_age_seconds integer,
    cycle text NOT NULL,
    cycles text[] NOT NULL,
    on_update text DEFAULT 'notify'::text NOT NULL,
    CONSTRAINT data_product_dependencies_on_update_check CHECK ((on_update = ANY (ARRAY['rerun'::text, 'notify'::text, 'ignore'::text])))
);
CREATE TABLE public.calendar (
    calendar text NOT NULL,
    weekend integer[] NOT NULL,
    dates date[] NOT NULL
);
CREATE TABLE public.data_product_schedule (
    product_id text NOT NULL,
    cron text NOT NULL,
    timezone text NOT NULL,
    date_offset integer NOT NULL,
    calendar text,
    times time without time zone[] NOT NULL,
    months integer[] NOT NULL,
    month_days integer[] NOT NULL,
    week_days integer[] NOT NULL,
    years integer[],
    last_days integer[] NOT NULL,
    near_weekdays integer[] NOT NULL,
    last_week_days integer[] NOT NULL,
    nth_week_days text[] NOT NULL,
    opened_until timestamp with time zone NOT NULL,
    known_since timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL
);
CREATE TABLE public.existing_job_run (
    job_run_id text NOT NULL,
    type text NOT NULL,
    job text NOT NULL,
    product_id text,
    step text,
    business_date date,
    cycle text,
    state text NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    problem text,
    seen_at timestamp with time zone NOT NULL
);
CREATE TABLE public.existing_run (
    product_id text NOT NULL,
    business_date date NOT NULL,
    cycle text NOT NULL,
    status text NOT NULL,
    attempt integer NOT NULL,
    started_at timestamp with time zone,
    began_at timestamp with time zone,
    ended_at timestamp with time zone,
    completed_at timestamp with time zone,
    CONSTRAINT existing_run_status_check CHECK ((status = ANY (ARRAY['STARTED'::text, 'COMPLETED'::text, 'ERROR'::text])))
);
CREATE TABLE public.signal (
    signal_key text NOT NULL,
    product_id text NOT NULL,
    business_date date NOT NULL,
    cycle text NOT NULL,
    status text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    attempt integer,
    cause text,
    facts jsonb NOT NULL,
    CONSTRAINT signal_status_check CHECK ((status = ANY (ARRAY['COMPLETED'::text, 'ERROR'::text])))
);
CREATE TABLE public.landing_notice (
    notice_id uuid DEFAULT gen_random_uuid() NOT NULL,
    product_id text NOT NULL,
    business_date date NOT NULL,
    cycle text NOT NULL,
    undated boolean NOT NULL,
    members bigint[] NOT NULL,
    opened_at timestamp with time zone NOT NULL
);
CREATE TABLE public.data_product_dependencies_events_status_history (
    history_id bigint CONSTRAINT data_product_dependencies_events_status_his_history_id_not_null NOT NULL,
    run_id uuid NOT NULL,
    leaf integer NOT NULL,
    cycle text NOT NULL,
    upstream text CONSTRAINT data_product_dependencies_events_status_histo_upstream_not_null NOT NULL,
    status text NOT NULL,
    event_key text,
    changed_at timestamp with time zone CONSTRAINT data_product_dependencies_events_status_his_changed_at_not_null NOT NULL,
    event public.dependency_event NOT NULL,
    required_date date,
    changed_by text,
    reason text
);
CREATE TABLE public.data_product_status_history (
    history_id bigint NOT NULL,
    run_id uuid NOT NULL,
    product_id text NOT NULL,
    business_date date NOT NULL,
    cycle text NOT NULL,
    attempt integer NOT NULL,
    status text NOT NULL,
    released_at timestamp with time zone,
    release_reason text,
    execution_arn text,
    error text,
    cause text,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL,
    event public.run_event NOT NULL
);
CREATE TABLE public.effect (
    effect_id bigint NOT NULL,
    effect_key text NOT NULL,
    kind text NOT NULL,
    run_id uuid,
    attempt integer,
    payload jsonb NOT NULL,
    due_at timestamp with time zone NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    claimed_until timestamp with time zone,
    done_at timestamp with time zone,
    outcome text,
    failing_since timestamp with time zone,
    parked_at timestamp with time zone,
    CONSTRAINT effect_kind_check CHECK ((kind = ANY (ARRAY['start_execution'::text, 'stop_execution'::text, 'task_success'::text, 'task_failure'::text, 'put_event'::text, 'alert'::text, 'lineage'::text])))
);
CREATE TABLE public.backfill (
    backfill_id integer NOT NULL,
    what text NOT NULL,
    first_date date NOT NULL,
    last_date date NOT NULL,
    at_once integer NOT NULL,
    made_at timestamp with time zone NOT NULL,
    made_by text NOT NULL,
    ended_at timestamp with time zone,
    stopped_by text,
    error text,
    CONSTRAINT backfill_at_once_check CHECK ((at_once > 0))
);
CREATE TABLE public.landing_set (
    product_id text NOT NULL,
    business_date date NOT NULL,
    cycle text NOT NULL,
    generation integer DEFAULT 0 NOT NULL,
    altered boolean NOT NULL,
    due_at timestamp with time zone,
    first_at timestamp with time zone NOT NULL,
    arrived_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL
);
CREATE TABLE public.landing_wave (
    run_id uuid NOT NULL,
    attempt integer NOT NULL,
    step text NOT NULL,
    wave integer NOT NULL,
    entered_at text NOT NULL,
    decision text NOT NULL,
    message text,
    planned_at timestamp with time zone NOT NULL,
    files jsonb,
    CONSTRAINT landing_wave_decision_check CHECK ((decision = ANY (ARRAY['load'::text, 'done'::text, 'rejected'::text, 'failed'::text, 'exhausted'::text, 'remaining'::text])))
);
CREATE TABLE public.catalog_load (
    load_id bigint NOT NULL,
    commit text NOT NULL,
    committed_at timestamp with time zone NOT NULL,
    loaded_at timestamp with time zone NOT NULL,
    loaded_by text NOT NULL,
    inserted text[] NOT NULL,
    changed text[] NOT NULL,
    removed text[] NOT NULL,
    unchanged integer NOT NULL,
    refused jsonb DEFAULT '[]'::jsonb NOT NULL
);
CREATE TABLE public.landing_batch (
    batch_id bigint NOT NULL,
    run_id uuid NOT NULL,
    attempt integer NOT NULL,
    step text NOT NULL,
    wave integer NOT NULL,
    number integer NOT NULL,
    members bigint[] NOT NULL,
    files integer GENERATED ALWAYS AS (cardinality(members)) STORED NOT NULL,
    bytes bigint NOT NULL,
    status text NOT NULL,
    job_run_id text,
    planned_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    late bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    CONSTRAINT landing_batch_status_check CHECK ((status = ANY (ARRAY['PLANNED'::text, 'RECORDED'::text, 'FAILED'::text])))
);
CREATE TABLE public.landing_file_history (
    file_id bigint NOT NULL,
    history_id bigint NOT NULL,
    status text NOT NULL,
    reason text,
    batch_id bigint,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL
);
CREATE TABLE public.cluster_use (
    run_id uuid NOT NULL,
    attempt integer NOT NULL,
    cluster text NOT NULL,
    job_run_id text,
    task_token text
);
CREATE TABLE public.unmade_opening (
    run_id uuid DEFAULT gen_random_uuid() NOT NULL,
    product_id text NOT NULL,
    business_date date NOT NULL,
    cycle text NOT NULL,
    opens_at timestamp with time zone,
    due_at timestamp with time zone,
    late_at timestamp with time zone,
    passed_over_at timestamp with time zone,
    risk_due_at timestamp with time zone
);
CREATE TABLE public.usual_time (
    product_id text NOT NULL,
    kind text NOT NULL,
    cycle text NOT NULL,
    last_date date NOT NULL,
    seconds real[] NOT NULL,
    weekdays smallint[] NOT NULL,
    shifts real[] NOT NULL,
    ranked real[] NOT NULL,
    "least" real GENERATED ALWAYS AS (ranked[1]) STORED,
    low real GENERATED ALWAYS AS (ranked[(1 + (round(((0.1)::double precision * ((cardinality(ranked) - 1))::double precision)))::integer)]) STORED,
    middle real GENERATED ALWAYS AS (ranked[(1 + (round(((0.5)::double precision * ((cardinality(ranked) - 1))::double precision)))::integer)]) STORED,
    high real GENERATED ALWAYS AS (ranked[(1 + (round(((0.9)::double precision * ((cardinality(ranked) - 1))::double precision)))::integer)]) STORED,
    CONSTRAINT usual_time_kind_check CHECK ((kind = ANY (ARRAY['work'::text, 'ready'::text, 'repair'::text])))
);
CREATE TABLE public.alert_mute (
    muted text NOT NULL,
    until timestamp with time zone NOT NULL,
    reason text,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL
);
CREATE TABLE public.application_mode (
    one boolean DEFAULT true NOT NULL,
    shadow boolean NOT NULL,
    since timestamp with time zone NOT NULL,
    changed_by text NOT NULL,
    CONSTRAINT application_mode_one_check CHECK (one)
);
ALTER TABLE public.backfill ALTER COLUMN backfill_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.backfill_backfill_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.backfill_files (
    backfill_id integer NOT NULL,
    business_date date NOT NULL,
    cycle text NOT NULL,
    fate text NOT NULL,
    files bigint NOT NULL,
    known bigint NOT NULL,
    bytes bigint NOT NULL,
    CONSTRAINT backfill_files_fate_check CHECK ((fate = ANY (ARRAY['taken'::text, 'rejected'::text, 'completed'::text, 'archived'::text])))
);
CREATE TABLE public.backfill_listing (
    backfill_id integer NOT NULL,
    prefix text NOT NULL,
    counts_only boolean NOT NULL,
    key text,
    version_id text,
    objects bigint DEFAULT 0 NOT NULL,
    others bigint DEFAULT 0 NOT NULL,
    undated bigint DEFAULT 0 NOT NULL,
    outside bigint DEFAULT 0 NOT NULL,
    listed_at timestamp with time zone
);
CREATE TABLE public.backfill_run (
    backfill_id integer NOT NULL,
    place integer NOT NULL,
    product_id text NOT NULL,
    business_date date NOT NULL,
    cycle text NOT NULL,
    opens_at timestamp with time zone,
    taken_at timestamp with time zone
);
CREATE TABLE public.catalog_change (
    load_id bigint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    before jsonb,
    after jsonb,
    CONSTRAINT catalog_change_kind_check CHECK ((kind = ANY (ARRAY['added'::text, 'changed'::text, 'removed'::text])))
);
ALTER TABLE public.catalog_load ALTER COLUMN load_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.catalog_load_load_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.catalog_stage (
    upload text NOT NULL,
    section text NOT NULL,
    key text NOT NULL,
    entry jsonb NOT NULL,
    staged_at timestamp with time zone
);
CREATE TABLE public.data_pipeline_config (
    product_id text NOT NULL,
    step text NOT NULL,
    "position" integer NOT NULL,
    type text NOT NULL,
    resource text NOT NULL,
    timeout_seconds integer NOT NULL,
    retry jsonb,
    settings jsonb NOT NULL
);
CREATE TABLE public.data_pipeline_parameters (
    product_id text NOT NULL,
    step text NOT NULL,
    name text NOT NULL,
    value jsonb NOT NULL
);
ALTER TABLE public.data_product_dependencies_events_status_history ALTER COLUMN history_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.data_product_dependencies_events_status_history_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.data_product_hold_history (
    hold_id bigint NOT NULL,
    product_id text NOT NULL,
    held boolean NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL
);
ALTER TABLE public.data_product_hold_history ALTER COLUMN hold_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.data_product_hold_history_hold_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE public.data_product_status_history ALTER COLUMN history_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.data_product_status_history_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.domain_operators (
    domain text NOT NULL,
    operators text[] NOT NULL
);
ALTER TABLE public.effect ALTER COLUMN effect_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.effect_effect_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.effect_history (
    history_id bigint NOT NULL,
    effect_id bigint NOT NULL,
    run_id uuid,
    event text NOT NULL,
    outcome text,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL,
    CONSTRAINT effect_history_event_check CHECK ((event = ANY (ARRAY['parked'::text, 'retried'::text])))
);
ALTER TABLE public.effect_history ALTER COLUMN history_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.effect_history_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.execution_asked (
    run_id uuid NOT NULL,
    asked_in integer NOT NULL
);
ALTER TABLE public.landing_batch ALTER COLUMN batch_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.landing_batch_batch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.landing_bucket (
    bucket_id text NOT NULL,
    bucket text NOT NULL,
    entry jsonb NOT NULL,
    digest_from timestamp with time zone,
    digest_until timestamp with time zone
);
CREATE TABLE public.landing_file_check (
    file_id bigint NOT NULL,
    batch_id bigint,
    rule text NOT NULL,
    severity text NOT NULL,
    passed boolean NOT NULL,
    value text,
    CONSTRAINT landing_file_check_severity_check CHECK ((severity = ANY (ARRAY['reject'::text, 'warn'::text])))
);
CREATE TABLE public.landing_file_error (
    error_id bigint NOT NULL,
    file_id bigint NOT NULL,
    batch_id bigint,
    at timestamp with time zone NOT NULL,
    error text NOT NULL,
    cause text
);
ALTER TABLE public.landing_file_error ALTER COLUMN error_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.landing_file_error_error_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE public.landing_file ALTER COLUMN file_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.landing_file_file_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE public.landing_file_history ALTER COLUMN history_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.landing_file_history_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.landing_source (
    product_id text NOT NULL,
    bucket text NOT NULL,
    prefix text NOT NULL,
    source jsonb NOT NULL,
    digest text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    listed_at timestamp with time zone NOT NULL
);
CREATE TABLE public.last_tick (
    of_function text NOT NULL,
    began_at timestamp with time zone NOT NULL,
    CONSTRAINT last_tick_of_function_check CHECK ((of_function = ANY (ARRAY['scheduler'::text, 'monitor'::text])))
);
CREATE TABLE public.missed_deadline (
    run_id uuid NOT NULL,
    attempt integer NOT NULL,
    decision text NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    CONSTRAINT missed_deadline_decision_check CHECK ((decision = ANY (ARRAY['fail'::text, 'skip'::text])))
);
CREATE SEQUENCE public.monitor_tick
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
CREATE TABLE public.retention (
    last boolean DEFAULT true NOT NULL,
    ran_at timestamp with time zone NOT NULL,
    report jsonb NOT NULL,
    CONSTRAINT retention_last_check CHECK (last)
);
CREATE TABLE public.risk_notice (
    run_id uuid NOT NULL,
    due_at timestamp with time zone NOT NULL,
    noted_at timestamp with time zone NOT NULL
);
CREATE TABLE public.run_metadata (
    run_id uuid NOT NULL,
    attempt integer NOT NULL,
    metadata jsonb NOT NULL
);
CREATE TABLE public.schema_migration (
    name text NOT NULL,
    digest text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.schema_release (
    one boolean DEFAULT true NOT NULL,
    commit text NOT NULL,
    committed_at timestamp with time zone NOT NULL,
    CONSTRAINT schema_release_one_check CHECK (one)
);
CREATE TABLE public.status_change (
    changed_in xid8 DEFAULT pg_current_xact_id() NOT NULL,
    business_date date,
    product_id text
);
CREATE TABLE public.status_mark (
    noted_at timestamp with time zone NOT NULL,
    "position" xid8 NOT NULL
);
CREATE TABLE public.unused_signal (
    kind text NOT NULL,
    subject text NOT NULL,
    product_id text NOT NULL,
    refused boolean NOT NULL,
    reason text NOT NULL,
    example text,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.alert_conversation
    ADD CONSTRAINT alert_conversation_pkey PRIMARY KEY (cause, channel, target);
ALTER TABLE ONLY public.alert_delivery
    ADD CONSTRAINT alert_delivery_pkey PRIMARY KEY (alert_key, channel, target);
ALTER TABLE ONLY public.alert_mute
    ADD CONSTRAINT alert_mute_pkey PRIMARY KEY (muted);
ALTER TABLE ONLY public.alert
    ADD CONSTRAINT alert_pkey PRIMARY KEY (alert_key);
ALTER TABLE ONLY public.application_mode
    ADD CONSTRAINT application_mode_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.archive_page
    ADD CONSTRAINT archive_page_pkey PRIMARY KEY (page_id);
ALTER TABLE ONLY public.backfill_files
    ADD CONSTRAINT backfill_files_pkey PRIMARY KEY (backfill_id, business_date, cycle, fate);
ALTER TABLE ONLY public.backfill_listing
    ADD CONSTRAINT backfill_listing_pkey PRIMARY KEY (backfill_id);
ALTER TABLE ONLY public.backfill
    ADD CONSTRAINT backfill_pkey PRIMARY KEY (backfill_id);
ALTER TABLE ONLY public.backfill_run
    ADD CONSTRAINT backfill_run_pkey PRIMARY KEY (backfill_id, place);
ALTER TABLE ONLY public.calendar
    ADD CONSTRAINT calendar_pkey PRIMARY KEY (calendar);
ALTER TABLE ONLY public.catalog_change
    ADD CONSTRAINT catalog_change_pkey PRIMARY KEY (load_id, name);
ALTER TABLE ONLY public.catalog_load
    ADD CONSTRAINT catalog_load_pkey PRIMARY KEY (load_id);
ALTER TABLE ONLY public.catalog_stage
    ADD CONSTRAINT catalog_stage_pkey PRIMARY KEY (upload, section, key);
ALTER TABLE ONLY public.cluster_use
    ADD CONSTRAINT cluster_use_pkey PRIMARY KEY (run_id);
ALTER TABLE ONLY public.data_pipeline_config
    ADD CONSTRAINT data_pipeline_config_pkey PRIMARY KEY (product_id, step);
ALTER TABLE ONLY public.data_pipeline_parameters
    ADD CONSTRAINT data_pipeline_parameters_pkey PRIMARY KEY (product_id, step, name);
ALTER TABLE ONLY public.data_product_dependencies_events_status
    ADD CONSTRAINT data_product_dependencies_events_status_pkey PRIMARY KEY (run_id, leaf, cycle);
ALTER TABLE ONLY public.data_product_dependencies
    ADD CONSTRAINT data_product_dependencies_pkey PRIMARY KEY (product_id, leaf);
ALTER TABLE ONLY public.data_product_hold_history
    ADD CONSTRAINT data_product_hold_history_pkey PRIMARY KEY (hold_id);
ALTER TABLE ONLY public.data_product
    ADD CONSTRAINT data_product_pkey PRIMARY KEY (product_id);
ALTER TABLE ONLY public.data_product_schedule
    ADD CONSTRAINT data_product_schedule_pkey PRIMARY KEY (product_id);
ALTER TABLE ONLY public.data_product_status
    ADD CONSTRAINT data_product_status_pkey PRIMARY KEY (run_id);
ALTER TABLE ONLY public.data_product_status
    ADD CONSTRAINT data_product_status_product_id_business_date_cycle_key UNIQUE (product_id, business_date, cycle);
ALTER TABLE ONLY public.domain_operators
    ADD CONSTRAINT domain_operators_pkey PRIMARY KEY (domain);
ALTER TABLE ONLY public.effect
    ADD CONSTRAINT effect_effect_key_key UNIQUE (effect_key);
ALTER TABLE ONLY public.effect_history
    ADD CONSTRAINT effect_history_pkey PRIMARY KEY (history_id);
ALTER TABLE ONLY public.effect
    ADD CONSTRAINT effect_pkey PRIMARY KEY (effect_id);
ALTER TABLE ONLY public.execution_asked
    ADD CONSTRAINT execution_asked_pkey PRIMARY KEY (run_id);
ALTER TABLE ONLY public.existing_job_run
    ADD CONSTRAINT existing_job_run_pkey PRIMARY KEY (job_run_id);
ALTER TABLE ONLY public.existing_run
    ADD CONSTRAINT existing_run_pkey PRIMARY KEY (business_date, product_id, cycle);
ALTER TABLE ONLY public.job_run
    ADD CONSTRAINT job_run_pkey PRIMARY KEY (job_run_id);
ALTER TABLE ONLY public.landing_batch
    ADD CONSTRAINT landing_batch_pkey PRIMARY KEY (batch_id);
ALTER TABLE ONLY public.landing_batch
    ADD CONSTRAINT landing_batch_run_id_attempt_step_wave_number_key UNIQUE (run_id, attempt, step, wave, number);
ALTER TABLE ONLY public.landing_bucket
    ADD CONSTRAINT landing_bucket_pkey PRIMARY KEY (bucket_id);
ALTER TABLE ONLY public.landing_file
    ADD CONSTRAINT landing_file_bucket_key_version_key UNIQUE (bucket, key, version);
ALTER TABLE ONLY public.landing_file_error
    ADD CONSTRAINT landing_file_error_pkey PRIMARY KEY (error_id);
ALTER TABLE ONLY public.landing_file_history
    ADD CONSTRAINT landing_file_history_pkey PRIMARY KEY (file_id, history_id);
ALTER TABLE ONLY public.landing_file
    ADD CONSTRAINT landing_file_pkey PRIMARY KEY (file_id);
ALTER TABLE ONLY public.landing_notice
    ADD CONSTRAINT landing_notice_notice_id_key UNIQUE (notice_id);
ALTER TABLE ONLY public.landing_notice
    ADD CONSTRAINT landing_notice_pkey PRIMARY KEY (product_id, business_date, cycle, undated);
ALTER TABLE ONLY public.landing_set
    ADD CONSTRAINT landing_set_pkey PRIMARY KEY (product_id, business_date, cycle);
ALTER TABLE ONLY public.landing_source
    ADD CONSTRAINT landing_source_pkey PRIMARY KEY (product_id);
ALTER TABLE ONLY public.landing_wave
    ADD CONSTRAINT landing_wave_pkey PRIMARY KEY (run_id, attempt, step, wave);
ALTER TABLE ONLY public.landing_wave
    ADD CONSTRAINT landing_wave_run_id_attempt_step_entered_at_key UNIQUE (run_id, attempt, step, entered_at);
ALTER TABLE ONLY public.last_tick
    ADD CONSTRAINT last_tick_pkey PRIMARY KEY (of_function);
ALTER TABLE ONLY public.missed_deadline
    ADD CONSTRAINT missed_deadline_pkey PRIMARY KEY (run_id, attempt);
ALTER TABLE ONLY public.refresh_event
    ADD CONSTRAINT refresh_event_pkey PRIMARY KEY (event_key);
ALTER TABLE ONLY public.retention
    ADD CONSTRAINT retention_pkey PRIMARY KEY (last);
ALTER TABLE ONLY public.risk_notice
    ADD CONSTRAINT risk_notice_pkey PRIMARY KEY (run_id, due_at);
ALTER TABLE ONLY public.run_metadata
    ADD CONSTRAINT run_metadata_pkey PRIMARY KEY (run_id, attempt);
ALTER TABLE ONLY public.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.schema_release
    ADD CONSTRAINT schema_release_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.signal
    ADD CONSTRAINT signal_pkey PRIMARY KEY (signal_key);
ALTER TABLE ONLY public.status_mark
    ADD CONSTRAINT status_mark_pkey PRIMARY KEY (noted_at);
ALTER TABLE ONLY public.unmade_opening
    ADD CONSTRAINT unmade_opening_pkey PRIMARY KEY (run_id);
ALTER TABLE ONLY public.unmade_opening
    ADD CONSTRAINT unmade_opening_product_id_business_date_cycle_key UNIQUE (product_id, business_date, cycle);
ALTER TABLE ONLY public.unused_signal
    ADD CONSTRAINT unused_signal_pkey PRIMARY KEY (kind, subject, product_id, refused);
ALTER TABLE ONLY public.usual_time
    ADD CONSTRAINT usual_time_pkey PRIMARY KEY (product_id, kind, cycle);
CREATE INDEX alert_conversation_changed ON public.alert_conversation USING btree (changed_at);
CREATE INDEX alert_delivery_to ON public.alert_delivery USING btree (channel, target) WHERE (message_id IS NOT NULL);
CREATE INDEX alert_notified ON public.alert USING btree (notified_at) WHERE 
CASE
    WHEN (notified_at IS NULL) THEN false
    ELSE true
END;
CREATE INDEX alert_of ON public.alert USING btree (run_id);
CREATE INDEX alert_of_cause ON public.alert USING btree (cause) WHERE (cause IS NOT NULL);
CREATE INDEX alert_of_product ON public.alert USING btree (product_id, ((fact ->> 'business_date'::text)));
CREATE INDEX alert_of_root_cause ON public.alert USING btree (root_cause, ((fact ->> 'business_date'::text))) WHERE (root_cause IS NOT NULL);
CREATE INDEX archive_page_archived ON public.archive_page USING btree (archived_at);
CREATE INDEX archive_page_begun ON public.archive_page USING btree (page_id) WHERE 
CASE
    WHEN (archived_at IS NULL) THEN true
    ELSE false
END;
CREATE INDEX archive_page_of_date ON public.archive_page USING btree (business_date);
CREATE INDEX backfill_listing_open ON public.backfill_listing USING btree (backfill_id) WHERE (listed_at IS NULL);
CREATE INDEX backfill_open ON public.backfill USING btree (backfill_id) WHERE (ended_at IS NULL);
CREATE INDEX backfill_run_of ON public.backfill_run USING btree (product_id, business_date, cycle);
CREATE INDEX catalog_change_of ON public.catalog_change USING btree (name, load_id);
CREATE INDEX cluster_use_of ON public.cluster_use USING btree (cluster);
CREATE INDEX data_pipeline_config_of_resource ON public.data_pipeline_config USING btree (resource, type);
CREATE INDEX data_product_dependencies_upstream ON public.data_product_dependencies USING btree (upstream);
CREATE INDEX data_product_hold_history_at ON public.data_product_hold_history USING btree (changed_at);
CREATE INDEX data_product_hold_history_of ON public.data_product_hold_history USING btree (product_id, hold_id);
CREATE INDEX data_product_machine ON public.data_product USING btree (machine) WHERE (machine IS NOT NULL);
CREATE INDEX data_product_signal ON public.data_product USING btree (((signal ->> 'subject'::text))) WHERE (signal IS NOT NULL);
CREATE INDEX data_product_status_finished ON public.data_product_status USING btree (finished_at);
CREATE INDEX data_product_status_followed ON public.data_product_status USING btree (product_id, resume_until) WHERE 
CASE
    WHEN ((resume_until IS NULL) AND (outdated_at IS NULL)) THEN false
    ELSE true
END;
CREATE INDEX data_product_status_history_run ON public.data_product_status_history USING btree (run_id);
CREATE INDEX data_product_status_of_date ON public.data_product_status USING btree (business_date, product_id);
CREATE INDEX data_product_status_open ON public.data_product_status USING btree (product_id) WHERE 
CASE
    WHEN (status = ANY (ARRAY['WAITING'::text, 'PROCESSING'::text])) THEN true
    ELSE false
END;
CREATE INDEX data_product_status_punctual ON public.data_product_status USING btree (due_at) WHERE 
CASE
    WHEN (late_notified OR (due_at IS NULL) OR (status = ANY (ARRAY['COMPLETED'::text, 'SKIPPED'::text, 'CANCELLED'::text]))) THEN false
    ELSE true
END;
CREATE INDEX dependencies_events_history_run ON public.data_product_dependencies_events_status_history USING btree (run_id);
CREATE INDEX dependencies_waiting_for ON public.data_product_dependencies_events_status USING btree (upstream, required_date) WHERE 
CASE
    WHEN (status = 'WAITING'::text) THEN true
    ELSE false
END;
CREATE INDEX effect_done ON public.effect USING btree (done_at) WHERE 
CASE
    WHEN (done_at IS NULL) THEN false
    ELSE true
END;
CREATE INDEX effect_due ON public.effect USING btree (due_at, effect_id) WHERE 
CASE
    WHEN ((done_at IS NULL) AND (parked_at IS NULL)) THEN true
    ELSE false
END;
CREATE INDEX effect_history_of ON public.effect_history USING btree (effect_id);
CREATE INDEX effect_history_of_run ON public.effect_history USING btree (run_id);
CREATE INDEX effect_of ON public.effect USING btree (run_id);
CREATE INDEX effect_parked ON public.effect USING btree (effect_id) WHERE 
CASE
    WHEN ((done_at IS NULL) AND (parked_at IS NOT NULL)) THEN true
    ELSE false
END;
CREATE INDEX existing_job_run_of ON public.existing_job_run USING btree (product_id, business_date, cycle, step, started_at);
CREATE INDEX existing_job_run_seen ON public.existing_job_run USING btree (seen_at);
CREATE INDEX existing_job_run_unmatched ON public.existing_job_run USING btree (seen_at, job_run_id) WHERE (product_id IS NULL);
CREATE INDEX inputs_of_event ON public.data_product_dependencies_events_status USING btree (event_key) WHERE (event_key IS NOT NULL);
CREATE INDEX job_run_of ON public.job_run USING btree (run_id);
CREATE INDEX job_run_of_nobody ON public.job_run USING btree (changed_at) WHERE 
CASE
    WHEN (run_id IS NULL) THEN true
    ELSE false
END;
CREATE INDEX job_run_unfinished ON public.job_run USING btree (asked_in NULLS FIRST, started_at) WHERE 
CASE
    WHEN (state = 'STARTED'::text) THEN true
    ELSE false
END;
CREATE INDEX landing_bucket_name ON public.landing_bucket USING btree (bucket);
CREATE INDEX landing_file_check_of ON public.landing_file_check USING btree (file_id);
CREATE INDEX landing_file_error_of ON public.landing_file_error USING btree (file_id);
CREATE INDEX landing_file_error_of_batch ON public.landing_file_error USING btree (batch_id);
CREATE INDEX landing_file_of_product ON public.landing_file USING btree (product_id, file_id) WHERE (file_id > 0);
CREATE INDEX landing_file_of_set ON public.landing_file USING btree (product_id, business_date, cycle, kind, slot) WHERE counts;
CREATE INDEX landing_file_to_match ON public.landing_file USING btree (bucket, matched_at, file_id) WHERE (product_id IS NULL);
CREATE INDEX landing_file_unmatched ON public.landing_file USING btree (received_at, file_id) WHERE (product_id IS NULL);
CREATE INDEX landing_set_date ON public.landing_set USING btree (business_date);
CREATE INDEX landing_set_due ON public.landing_set USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX landing_source_bucket ON public.landing_source USING btree (bucket);
CREATE INDEX refresh_event_latest ON public.refresh_event USING btree (product_id, refreshed_at);
CREATE INDEX refresh_event_of ON public.refresh_event USING btree (product_id, business_date);
CREATE INDEX refresh_event_of_date ON public.refresh_event USING btree (business_date, product_id);
CREATE INDEX refresh_event_of_run ON public.refresh_event USING btree (run_id) WHERE (run_id IS NOT NULL);
CREATE INDEX refresh_event_received ON public.refresh_event USING btree (received_at);
CREATE INDEX signal_heard ON public.signal USING btree (product_id, received_at);
CREATE INDEX signal_of ON public.signal USING btree (product_id, business_date, cycle);
CREATE INDEX signal_received ON public.signal USING btree (received_at);
CREATE INDEX status_change_since ON public.status_change USING btree (changed_in);
CREATE INDEX unmade_opening_of_date ON public.unmade_opening USING btree (business_date, product_id);
CREATE INDEX unmade_opening_passed_over ON public.unmade_opening USING btree (passed_over_at) WHERE (passed_over_at IS NOT NULL);
CREATE INDEX unused_signal_last ON public.unused_signal USING btree (last_at);
CREATE INDEX usual_moments ON public.usual_time USING btree (kind, product_id, cycle) INCLUDE ("least", low, middle, high, shifts);
CREATE TRIGGER batch_launched_shown AFTER INSERT ON public.job_run FOR EACH ROW WHEN ((new.handle ? 'batch'::text)) EXECUTE FUNCTION public.note_run();
CREATE TRIGGER batch_updated_shown AFTER UPDATE ON public.landing_batch REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_runs();
CREATE TRIGGER dependencies_inserted AFTER INSERT ON public.data_product_dependencies_events_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.keep_dependency_history();
CREATE TRIGGER dependencies_inserted_noted AFTER INSERT ON public.data_product_dependencies_events_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_changed_runs();
CREATE TRIGGER dependencies_updated AFTER UPDATE ON public.data_product_dependencies_events_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.keep_dependency_history();
CREATE TRIGGER dependencies_updated_noted AFTER UPDATE ON public.data_product_dependencies_events_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_changed_runs();
CREATE TRIGGER effect_failing_shown AFTER UPDATE ON public.effect FOR EACH ROW WHEN (((old.failing_since IS DISTINCT FROM new.failing_since) OR (old.parked_at IS DISTINCT FROM new.parked_at) OR ((new.failing_since IS NOT NULL) AND (old.done_at IS DISTINCT FROM new.done_at)))) EXECUTE FUNCTION public.note_run();
CREATE TRIGGER effect_kept_back BEFORE INSERT OR UPDATE OF done_at, payload ON public.effect FOR EACH ROW WHEN ((new.done_at IS NULL)) EXECUTE FUNCTION public.keep_back_effect();
CREATE TRIGGER event_deleted_shown AFTER DELETE ON public.refresh_event REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_archived();
CREATE TRIGGER event_inserted_shown AFTER INSERT ON public.refresh_event REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_events();
CREATE TRIGGER event_updated_shown AFTER UPDATE ON public.refresh_event REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_events();
CREATE TRIGGER file_updated AFTER UPDATE ON public.landing_file FOR EACH ROW WHEN ((((old.status IS DISTINCT FROM new.status) OR (old.reason IS DISTINCT FROM new.reason)) AND (NOT ((old.status = 'RECEIVED'::text) AND (old.changed_at = old.received_at) AND (old.changed_by = 'files'::text) AND (new.changed_at <> old.changed_at))))) EXECUTE FUNCTION public.keep_file_history();
CREATE TRIGGER inputs_updated_shown AFTER UPDATE ON public.data_product_dependencies_events_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_runs();
CREATE TRIGGER load_shown AFTER INSERT ON public.catalog_load FOR EACH STATEMENT EXECUTE FUNCTION public.note_load();
CREATE TRIGGER opening_inserted_shown AFTER INSERT ON public.unmade_opening REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_status_changes();
CREATE TRIGGER opening_updated_shown AFTER UPDATE ON public.unmade_opening REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_status_changes();
CREATE TRIGGER product_changed_shown AFTER UPDATE ON public.data_product FOR EACH ROW WHEN (((old.held IS DISTINCT FROM new.held) OR (old.opening_error IS DISTINCT FROM new.opening_error))) EXECUTE FUNCTION public.note_changed_product();
CREATE TRIGGER set_inserted_shown AFTER INSERT ON public.landing_set REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_status_changes();
CREATE TRIGGER set_updated_shown AFTER UPDATE ON public.landing_set REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_status_changes();
CREATE TRIGGER status_deleted_shown AFTER DELETE ON public.data_product_status REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_archived();
CREATE TRIGGER status_ended AFTER UPDATE ON public.data_product_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.follow_ends();
CREATE TRIGGER status_inserted AFTER INSERT ON public.data_product_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.keep_status_history();
CREATE TRIGGER status_inserted_noted AFTER INSERT ON public.data_product_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_changed_runs();
CREATE TRIGGER status_inserted_shown AFTER INSERT ON public.data_product_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_status_changes();
CREATE TRIGGER status_updated AFTER UPDATE ON public.data_product_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.keep_status_history();
CREATE TRIGGER status_updated_noted AFTER UPDATE ON public.data_product_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_changed_runs();
CREATE TRIGGER status_updated_shown AFTER UPDATE ON public.data_product_status REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_status_changes();
CREATE TRIGGER wave_inserted_shown AFTER INSERT ON public.landing_wave REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_runs();
CREATE TRIGGER wave_updated_shown AFTER UPDATE ON public.landing_wave REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_runs();
ALTER TABLE ONLY public.alert_delivery
    ADD CONSTRAINT alert_delivery_alert_key_fkey FOREIGN KEY (alert_key) REFERENCES public.alert(alert_key);
ALTER TABLE ONLY public.backfill_files
    ADD CONSTRAINT backfill_files_backfill_id_fkey FOREIGN KEY (backfill_id) REFERENCES public.backfill(backfill_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.backfill_listing
    ADD CONSTRAINT backfill_listing_backfill_id_fkey FOREIGN KEY (backfill_id) REFERENCES public.backfill(backfill_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.backfill_run
    ADD CONSTRAINT backfill_run_backfill_id_fkey FOREIGN KEY (backfill_id) REFERENCES public.backfill(backfill_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.catalog_change
    ADD CONSTRAINT catalog_change_load_id_fkey FOREIGN KEY (load_id) REFERENCES public.catalog_load(load_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.cluster_use
    ADD CONSTRAINT cluster_use_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.data_product_status(run_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.data_pipeline_config
    ADD CONSTRAINT data_pipeline_config_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.data_product(product_id);
ALTER TABLE ONLY public.data_pipeline_parameters
    ADD CONSTRAINT data_pipeline_parameters_product_id_step_fkey FOREIGN KEY (product_id, step) REFERENCES public.data_pipeline_config(product_id, step) ON DELETE CASCADE;
ALTER TABLE ONLY public.data_product_dependencies_events_status
    ADD CONSTRAINT data_product_dependencies_events_status_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.data_product_status(run_id);
ALTER TABLE ONLY public.data_product_dependencies
    ADD CONSTRAINT data_product_dependencies_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.data_product(product_id);
ALTER TABLE ONLY public.data_product_hold_history
    ADD CONSTRAINT data_product_hold_history_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.data_product(product_id);
ALTER TABLE ONLY public.data_product_schedule
    ADD CONSTRAINT data_product_schedule_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.data_product(product_id);
ALTER TABLE ONLY public.data_product_status
    ADD CONSTRAINT data_product_status_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.data_product(product_id);
ALTER TABLE ONLY public.effect_history
    ADD CONSTRAINT effect_history_effect_id_fkey FOREIGN KEY (effect_id) REFERENCES public.effect(effect_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.execution_asked
    ADD CONSTRAINT execution_asked_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.data_product_status(run_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.job_run
    ADD CONSTRAINT job_run_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.data_product_status(run_id);
ALTER TABLE ONLY public.landing_batch
    ADD CONSTRAINT landing_batch_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.data_product_status(run_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.landing_file_check
    ADD CONSTRAINT landing_file_check_file_id_fkey FOREIGN KEY (file_id) REFERENCES public.landing_file(file_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.landing_file_error
    ADD CONSTRAINT landing_file_error_file_id_fkey FOREIGN KEY (file_id) REFERENCES public.landing_file(file_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.landing_source
    ADD CONSTRAINT landing_source_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.data_product(product_id);
ALTER TABLE ONLY public.landing_wave
    ADD CONSTRAINT landing_wave_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.data_product_status(run_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.missed_deadline
    ADD CONSTRAINT missed_deadline_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.data_product_status(run_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.risk_notice
    ADD CONSTRAINT risk_notice_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.data_product_status(run_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.run_metadata
    ADD CONSTRAINT run_metadata_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.data_product_status(run_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.unmade_opening
    ADD CONSTRAINT unmade_opening_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.data_product(product_id);
