-- The log in PostgreSQL, version 1. Written once by `PostgresLog.ensure_topic`, under a lock.
--
-- A partition's row is updated, and so locked, by every append to the partition until it has committed: offsets are
-- dense, they become visible in their order, and a reader that sees one sees all before it. No sequence does that.

CREATE SCHEMA netledger_log;

CREATE TABLE netledger_log.about (
    version integer NOT NULL,
    is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row)
);

CREATE TABLE netledger_log.topics (
    topic_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL UNIQUE,
    incarnation uuid NOT NULL DEFAULT gen_random_uuid()
);

-- To delete a topic, delete its row. One made again under its name has another id: old appenders and feeds find
-- nothing any more.
CREATE TABLE netledger_log.partitions (
    topic_id bigint NOT NULL REFERENCES netledger_log.topics ON DELETE CASCADE,
    partition integer NOT NULL CHECK (partition >= 0),
    start_offset bigint NOT NULL DEFAULT 0 CHECK (start_offset >= 0),
    end_offset bigint NOT NULL DEFAULT 0 CHECK (end_offset >= start_offset),
    PRIMARY KEY (topic_id, partition)
) WITH (fillfactor = 50);

-- Their partition is named without a foreign key: checking one would cost each record more than storing it does.
CREATE TABLE netledger_log.records (
    topic_id bigint NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    appended_at timestamptz NOT NULL DEFAULT now(),
    headers bytea NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (topic_id, partition, record_offset)
);

CREATE FUNCTION netledger_log.forget_records() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM netledger_log.records WHERE topic_id = OLD.topic_id AND partition = OLD.partition;
    RETURN OLD;
END
$$;

CREATE TRIGGER forget_records AFTER DELETE ON netledger_log.partitions
FOR EACH ROW EXECUTE FUNCTION netledger_log.forget_records();

INSERT INTO netledger_log.about (version) VALUES (1);
