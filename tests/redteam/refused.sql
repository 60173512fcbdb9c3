# Statements that the policy must refuse. A "-- class: NAME [flags]" line names the class of the
# statements after it; a line of three hyphens ends a statement; lines that start with # before
# the first class are notes. The dataset is "ecommerce": orders, order_items, inventory.
# flags: invalid    not SQL at all to the engine: VALIDATION_ERROR, else SQL_POLICY_VIOLATION
#        dangerous  reads or writes a file, uses the network, loads code or changes settings: with
#                   the policy off, the engine's lock or the OS must hold it
#        state      changes the memory of the process only, or shows what is in it
-- class: files [dangerous]
SELECT * FROM read_csv('/etc/passwd')
---
SELECT * FROM read_csv_auto('/etc/passwd', header = false)
---
SELECT content FROM read_text('/etc/passwd')
---
SELECT * FROM read_blob('/proc/self/environ')
---
SELECT * FROM read_parquet('/tmp/askcsv-redteam.parquet')
---
SELECT * FROM parquet_scan('/tmp/askcsv-redteam.parquet')
---
SELECT * FROM parquet_metadata('/tmp/askcsv-redteam.parquet')
---
SELECT * FROM parquet_schema('/tmp/askcsv-redteam.parquet')
---
SELECT * FROM parquet_kv_metadata('/tmp/askcsv-redteam.parquet')
---
SELECT * FROM parquet_file_metadata('/tmp/askcsv-redteam.parquet')
---
SELECT * FROM parquet_bloom_probe('/tmp/askcsv-redteam.parquet', 'a', 1)
---
SELECT * FROM read_json('/etc/passwd')
---
SELECT * FROM read_json_auto('/proc/self/status')
---
SELECT * FROM read_json_objects('/etc/passwd', format = 'unstructured')
---
SELECT * FROM read_ndjson('/etc/passwd')
---
SELECT * FROM read_ndjson_objects('/etc/passwd')
---
SELECT * FROM sniff_csv('/etc/passwd')
---
SELECT * FROM read_duckdb('/tmp/askcsv-redteam.db')
---
SELECT * FROM glob('/etc/*')
---
SELECT count(*) FROM glob('/proc/*/environ')
---
SELECT (SELECT string_agg(content, '') FROM read_text('/etc/hostname')) AS x FROM orders LIMIT 1
---
WITH x AS (SELECT * FROM read_csv('/etc/passwd')) SELECT * FROM x
---
SELECT * FROM orders WHERE EXISTS (FROM read_text('/etc/shadow'))
---
SELECT * FROM orders, LATERAL (SELECT * FROM read_text('/etc/passwd')) t
---
SELECT * FROM orders LIMIT (SELECT count(*) FROM glob('/*'))
---
SELECT * FROM orders ORDER BY (SELECT max(size) FROM read_blob('/etc/passwd'))
---
SELECT sum(total) FILTER (WHERE (SELECT count(*) FROM glob('/*')) > 0) FROM orders
---
SELECT sum(total) OVER (ORDER BY (SELECT count(*) FROM glob('/*'))) FROM orders
---
PIVOT (FROM read_csv('/etc/passwd')) ON column0 IN ('a') USING count(*)
---
SELECT 1 UNION ALL SELECT count(*) FROM read_text('/etc/passwd')
-- class: replacement scans [dangerous]
SELECT * FROM '/etc/passwd'
---
SELECT * FROM "/etc/passwd"
---
SELECT * FROM '/tmp/askcsv-redteam.csv'
---
FROM "/tmp/askcsv-redteam.csv"
---
TABLE "/tmp/askcsv-redteam.json"
---
SELECT * FROM '/tmp/askcsv-redteam.parquet'
---
SELECT * FROM main."/tmp/askcsv-redteam.csv"
---
SELECT * FROM ecommerce."/tmp/askcsv-redteam.csv"
---
SELECT * FROM '/proc/self/environ.csv'
---
SELECT * FROM orders JOIN '/tmp/askcsv-redteam.csv' f ON true
---
WITH "/tmp/askcsv-redteam.csv" AS (SELECT * FROM "/tmp/askcsv-redteam.csv") SELECT * FROM "/tmp/askcsv-redteam.csv"
---
SELECT * FROM './data.csv'
---
SELECT * FROM '../orders.csv'
---
SELECT * FROM 'orders.csv'
---
PIVOT '/tmp/askcsv-redteam.csv' ON a IN (1) USING count(*)
-- class: network [dangerous]
SELECT * FROM 'https://127.0.0.1:9/x.csv'
---
SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')
---
SELECT * FROM read_parquet('s3://askcsv-redteam/x.parquet')
---
SELECT * FROM read_text('hf://datasets/x/y.txt')
---
SELECT * FROM "gcs://bucket/x.csv"
---
SELECT * FROM read_csv('ftp://127.0.0.1/x')
---
ATTACH 'http://127.0.0.1:9/x.db' AS x
---
CREATE SECRET s (TYPE S3, KEY_ID 'a', SECRET 'b')
---
SELECT * FROM postgres_scan('host=127.0.0.1', 'public', 't')
---
SELECT * FROM sqlite_scan('/tmp/askcsv-redteam.sqlite', 't')
---
SELECT http_get('http://127.0.0.1:9/')
-- class: extensions [dangerous]
INSTALL httpfs
---
LOAD httpfs
---
FORCE INSTALL spatial FROM 'http://127.0.0.1:9'
---
INSTALL sqlite FROM community
---
LOAD '/tmp/askcsv-redteam.duckdb_extension'
---
UPDATE EXTENSIONS
-- class: attach, copy and export [dangerous]
ATTACH '/tmp/askcsv-redteam.db' AS x
---
ATTACH DATABASE 'askcsv-redteam.db' (READ_ONLY)
---
COPY orders TO '/tmp/askcsv-redteam.out.csv'
---
COPY (SELECT 1) TO '/tmp/askcsv-redteam.out.parquet' (FORMAT parquet)
---
COPY orders FROM '/etc/passwd'
---
EXPORT DATABASE '/tmp/askcsv-redteam.out'
---
IMPORT DATABASE '/tmp/askcsv-redteam.out'
---
COPY FROM DATABASE memory TO x
---
COPY (SELECT 1) TO '/dev/stdout'
-- class: attach in memory [state]
ATTACH ':memory:' AS x
---
DETACH memory
---
USE temp
-- class: settings [dangerous]
SET enable_external_access = true
---
SET lock_configuration = false
---
SET memory_limit = '100GB'
---
SET GLOBAL temp_directory = '/tmp/askcsv-redteam.tmp'
---
SET SESSION threads = 64
---
RESET memory_limit
---
SET home_directory = '/root'
---
SET extension_directory = '/tmp/askcsv-redteam.ext'
---
SET log_query_path = '/tmp/askcsv-redteam.log'
---
SET profile_output = '/tmp/askcsv-redteam.json'
---
PRAGMA enable_profiling = 'json'
---
PRAGMA profiling_output = '/tmp/askcsv-redteam.json'
---
PRAGMA memory_limit = '100GB'
-- class: settings that pass the lock [state]
SET VARIABLE x = 1
---
SET schema = 'temp'
---
SET search_path = 'information_schema'
---
USE memory.main
---
RESET VARIABLE x
---
PRAGMA enable_verification
---
PRAGMA disable_optimizer
---
PRAGMA enable_progress_bar
-- class: pragmas [state]
PRAGMA version
---
PRAGMA database_list
---
PRAGMA table_info('orders')
---
PRAGMA storage_info('orders')
---
PRAGMA show_tables
---
PRAGMA database_size
---
PRAGMA platform
---
CALL pragma_version()
---
SELECT * FROM pragma_table_info('orders')
---
SELECT * FROM pragma_storage_info('orders')
---
SELECT * FROM pragma_database_size()
---
SELECT * FROM pragma_version()
---
SELECT * FROM pragma_platform()
---
SELECT * FROM pragma_user_agent()
---
SELECT * FROM pragma_collations()
---
SELECT * FROM pragma_metadata_info()
---
SELECT * FROM pragma_show('orders')
-- class: environment [state]
SELECT getenv('HOME')
---
SELECT current_setting('memory_limit')
---
SELECT getvariable('x')
---
SELECT version()
---
SELECT current_user
---
SELECT CURRENT_USER FROM orders
---
SELECT user
---
SELECT session_user, total FROM orders
---
SELECT current_role
---
SELECT current_catalog
---
SELECT current_schema
---
SELECT "current_user"
---
SELECT current_database()
---
SELECT current_schema()
---
SELECT current_schemas(true)
---
SELECT current_query()
---
SELECT current_query_id()
---
SELECT current_connection_id()
---
SELECT current_transaction_id()
---
SELECT txid_current()
---
SELECT in_search_path('memory', 'main')
---
SELECT pg_catalog.current_database()
---
SELECT inet_server_addr()
---
SELECT pg_postmaster_start_time()
---
SELECT * FROM pg_timezone_names()
---
SELECT * FROM icu_calendar_names()
---
SELECT total FROM orders WHERE status = current_setting('timezone')
-- class: catalog [state]
SELECT * FROM duckdb_tables()
---
SELECT * FROM duckdb_settings()
---
SELECT * FROM duckdb_functions()
---
SELECT * FROM duckdb_secrets()
---
SELECT * FROM duckdb_logs()
---
SELECT * FROM duckdb_logs
---
SELECT * FROM duckdb_databases()
---
SELECT * FROM duckdb_variables()
---
SELECT * FROM duckdb_extensions()
---
SELECT * FROM duckdb_memory()
---
SELECT * FROM duckdb_temporary_files()
---
SELECT * FROM duckdb_prepared_statements()
---
SELECT * FROM duckdb_external_file_cache()
---
SELECT * FROM duckdb_table_sample('orders')
---
SELECT * FROM duckdb_columns
---
SELECT * FROM information_schema.tables
---
SELECT * FROM "information_schema"."columns"
---
SELECT * FROM INFORMATION_SCHEMA.SCHEMATA
---
SELECT * FROM sqlite_master
---
SELECT * FROM pg_catalog.pg_tables
---
SELECT * FROM pg_class
---
SELECT * FROM system.information_schema.tables
---
SELECT * FROM memory.main.orders
---
SELECT * FROM system.main.duckdb_tables
---
SELECT * FROM temp.orders
---
SELECT * FROM pg_settings
---
SELECT * FROM which_secret('s3://x', 's3')
---
SELECT pg_get_viewdef(1)
---
SELECT has_table_privilege('orders', 'select')
---
SELECT format_type(1, 2)
---
SELECT stats(total) FROM orders
---
SELECT vector_type(total) FROM orders
---
SELECT pg_typeof(total) FROM orders
-- class: describe [state]
DESCRIBE orders
---
DESC orders
---
SHOW orders
---
SHOW TABLES
---
SHOW ALL TABLES
---
SHOW DATABASES
---
SUMMARIZE orders
---
DESCRIBE SELECT 1
---
SELECT * FROM (DESCRIBE orders)
---
SELECT * FROM (SHOW ALL TABLES) t
---
SELECT column_name FROM (SUMMARIZE orders)
---
WITH x AS (FROM (SHOW TABLES)) SELECT * FROM x
---
EXPLAIN SELECT * FROM orders
---
EXPLAIN ANALYZE SELECT * FROM orders
-- class: DDL and DML [state]
CREATE TABLE x AS SELECT 1
---
CREATE TEMP TABLE x (a INT)
---
CREATE VIEW v AS SELECT 1
---
CREATE OR REPLACE VIEW orders AS SELECT 1
---
CREATE SCHEMA s
---
CREATE MACRO f(a) AS a + 1
---
CREATE FUNCTION now() AS 1
---
CREATE SEQUENCE s
---
CREATE TYPE mood AS ENUM ('a', 'b')
---
CREATE INDEX i ON orders (total)
---
DROP TABLE orders
---
DROP SCHEMA main CASCADE
---
DROP MACRO now
---
ALTER TABLE orders ADD COLUMN x INT
---
INSERT INTO orders VALUES (1)
---
INSERT INTO orders SELECT * FROM orders RETURNING *
---
UPDATE orders SET total = 0
---
DELETE FROM orders
---
TRUNCATE orders
---
MERGE INTO orders USING inventory ON false WHEN NOT MATCHED THEN DO NOTHING
---
COMMENT ON TABLE orders IS 'x'
---
WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x
---
WITH x AS (SELECT 1) INSERT INTO orders SELECT * FROM x
---
SELECT * INTO x FROM orders
---
SELECT * FROM orders FOR UPDATE
---
VACUUM
---
ANALYZE
---
CHECKPOINT
---
BEGIN TRANSACTION
---
COMMIT
---
ROLLBACK
-- class: several statements [state]
SELECT 1; SELECT 2
---
SELECT 1; DROP TABLE orders
---
SELECT 1;; SELECT 2
---
SELECT 1; -- two
SELECT 2;
---
; SELECT 1 ; ; SELECT 2
---
SELECT 1 /* ; */ ; DELETE FROM orders
---
SELECT ';'; SELECT 2
---
SELECT $$;$$; SET VARIABLE x = 1
---
DROP TABLE orders; SELECT 1
---
SELECT 1; PRAGMA version; SELECT 2
-- class: several statements with files [dangerous]
SELECT 1; COPY orders TO '/tmp/askcsv-redteam.out.csv'
---
SELECT 1; ATTACH '/tmp/askcsv-redteam.db'
---
/* SELECT 1 */ COPY (SELECT 1) TO '/tmp/askcsv-redteam.out.csv'
-- class: prepared statements and parameters [state]
PREPARE p AS SELECT 1
---
EXECUTE p
---
DEALLOCATE p
---
SELECT * FROM orders WHERE total > $1
---
SELECT * FROM orders WHERE total > ?
---
SELECT $name
---
SELECT * FROM range(?)
---
CALL range(3)
---
CALL enable_logging()
-- class: SQL from text [state]
SELECT * FROM query('SELECT 1')
---
FROM query_table('orders')
---
SELECT * FROM query_table(['orders', 'inventory'])
---
SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))
---
PRAGMA json_execute_serialized_sql('{}')
---
SELECT json_serialize_sql('SELECT 1')
---
SELECT json_serialize_plan('SELECT * FROM orders')
---
SELECT json_deserialize_sql('{}')
---
SELECT * FROM sql_auto_complete('SEL')
---
CALL check_peg_parser('SELECT 1')
---
SELECT "query"('SELECT 1')
---
SELECT * FROM QUERY('SELECT 1')
---
SELECT * FROM "main".query('SELECT 1')
-- class: SQL from text that reads files [dangerous]
SELECT * FROM query('SELECT * FROM read_csv(''/etc/passwd'')')
---
SELECT * FROM query_table('/tmp/askcsv-redteam.csv')
---
SELECT * FROM query($$ FROM '/etc/passwd' $$)
-- class: tables by name [state]
SELECT * FROM histogram_values(duckdb_settings, name)
---
FROM histogram_values('orders', total)
---
SELECT * FROM histogram(orders, total)
---
SELECT * FROM summary((SELECT 1))
---
SELECT * FROM seq_scan('orders')
-- class: logging and profiling [state]
SELECT * FROM enable_logging()
---
SELECT * FROM enable_logging('QueryLog', storage = 'stdout')
---
SELECT * FROM disable_logging()
---
SELECT * FROM truncate_duckdb_logs()
---
SELECT write_log('x')
---
SELECT write_log('{"status":"success"}', level := 'error') FROM orders
---
SELECT * FROM enable_profiling()
---
SELECT * FROM disable_profiling()
---
SELECT * FROM duckdb_logs_parsed('QueryLog')
---
SELECT parse_duckdb_log_message('QueryLog', 'x')
---
SELECT * FROM enable_peg_parser()
---
SELECT * FROM checkpoint()
---
SELECT * FROM force_checkpoint()
-- class: logging and profiling to files [dangerous]
SELECT * FROM enable_logging('QueryLog', storage = 'file', storage_path = '/tmp/askcsv-redteam.log')
---
SELECT * FROM enable_profiling(save_location = '/tmp/askcsv-redteam.json')
-- class: CTE tricks [state]
WITH x AS (SELECT 1) SELECT * FROM (SELECT * FROM duckdb_tables) y
---
SELECT * FROM (WITH duckdb_settings AS (SELECT 1) SELECT * FROM duckdb_settings) a, duckdb_settings b
---
WITH duckdb_settings AS (SELECT * FROM duckdb_settings) SELECT * FROM duckdb_settings
---
WITH a AS (SELECT * FROM duckdb_logs), duckdb_logs AS (SELECT 1) SELECT * FROM a
---
WITH RECURSIVE a AS (SELECT * FROM sqlite_master), sqlite_master AS (SELECT 1) SELECT * FROM a
---
WITH RECURSIVE sqlite_master AS (SELECT name FROM sqlite_master UNION ALL SELECT name FROM sqlite_master) SELECT * FROM sqlite_master
---
WITH RECURSIVE sqlite_master AS (SELECT * FROM sqlite_master) SELECT * FROM sqlite_master
---
WITH tables AS (SELECT 1) SELECT * FROM information_schema.tables
---
WITH t AS (SELECT 1) SELECT * FROM main.t
---
WITH t AS (SELECT 1) SELECT * FROM ecommerce.t
---
WITH a AS (WITH b AS (SELECT 1) SELECT * FROM b) SELECT * FROM a, b
---
SELECT (WITH b AS (SELECT 1) SELECT * FROM b), (SELECT * FROM b)
---
(WITH pg_class AS (SELECT 1) SELECT * FROM pg_class) UNION ALL SELECT oid FROM pg_class
---
WITH r AS (SELECT 1) SELECT * FROM recurring.r
---
WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT n + 1 FROM recurring.q WHERE n < 3) SELECT * FROM r
-- class: qualified, quoted and cased [state]
SELECT "getvariable"('x')
---
SELECT GetVariable('x')
---
SELECT main.getvariable('x')
---
SELECT system.main.current_setting('threads')
---
SELECT "system"."main"."current_setting"('threads')
---
SELECT pg_catalog.version()
---
SELECT ('x').getvariable()
---
SELECT status.getvariable() FROM orders
---
SELECT orders.status.current_setting() FROM orders
---
SELECT system.main.upper('x')
---
SELECT memory.upper('x')
---
SELECT * FROM system.main.range(3)
---
SELECT * FROM memory.range(3)
---
SELECT * FROM Information_Schema.Tables
---
SELECT * FROM OTHER.orders
---
SELECT * FROM "main"."duckdb_tables"
---
SELECT * FROM ecommerce.duckdb_tables
-- class: qualified, quoted and cased with files [dangerous]
SELECT * FROM ReAd_CsV('/etc/passwd')
---
SELECT * FROM "read_csv"('/etc/passwd')
---
SELECT * FROM main.read_text('/etc/passwd')
---
SELECT * FROM system.main.read_text('/etc/passwd')
---
SELECT * FROM "system"."main"."glob"('/etc/*')
---
SELECT * FROM read_text/**/('/etc/passwd')
---
SELECT * FROM read_text -- (
('/etc/passwd')
-- class: unicode spaces [dangerous]
SELECT * FROM read_text('/etc/passwd')
---
SELECT * FROM　read_text('/etc/passwd')
---
COPY orders TO '/tmp/askcsv-redteam.out.csv'
---
﻿COPY orders TO '/tmp/askcsv-redteam.out.csv'
---
​ATTACH '/tmp/askcsv-redteam.db'
---
SELECT 1; COPY orders TO '/tmp/askcsv-redteam.out.csv'
---
SELECT * FROM⁠read_blob ('/etc/passwd')
-- class: comments [dangerous]
/* /* nested */ */ COPY orders TO '/tmp/askcsv-redteam.out.csv'
---
-- SELECT 1
COPY orders TO '/tmp/askcsv-redteam.out.csv'
---
SELECT 1 -- '
; COPY orders TO '/tmp/askcsv-redteam.out.csv' -- '
---
SELECT '/*'; COPY orders TO '/tmp/askcsv-redteam.out.csv' --*/'
-- class: macros and variables [state]
CREATE MACRO upper(x) AS 'gone'
---
CREATE OR REPLACE TEMP MACRO current_date() AS DATE '1999-01-01'
---
SELECT get_block_size('memory')
---
SELECT json_group_object(getvariable('a'), 1)
-- class: random
SELECT random()
---
SELECT * FROM orders ORDER BY random()
---
SELECT uuid()
---
SELECT gen_random_uuid()
---
SELECT uuidv4(), 1
---
SELECT uuidv7()
---
SELECT setseed(0.5)
---
SELECT reservoir_quantile(total, 0.5) FROM orders
---
SELECT nextval('s')
---
SELECT currval('s')
---
SELECT list_transform([1, 2], x -> random())
---
SELECT RANDOM() FROM orders
---
SELECT main.random()
---
SELECT system.main.random()
-- class: the real time
SELECT system.main.now()
---
SELECT system.now()
---
SELECT main.now()
---
SELECT memory.main.now()
---
SELECT temp.now()
---
SELECT "system".main."current_date"()
---
SELECT system.current_date()
---
SELECT pg_catalog.now()
---
SELECT main.today()
---
SELECT system.main.get_current_timestamp()
---
SELECT system.main.age(DATE '2020-01-01')
---
SELECT main.age(order_date) FROM orders
---
SELECT order_date.age() FROM orders
---
SELECT system.main.current_localtimestamp()
---
SELECT TIMETZ '10:00:00+00' AT TIME ZONE 'America/New_York'
---
SELECT CAST(CURRENT_TIME AS TIME WITH TIME ZONE)
---
SELECT pg_conf_load_time()
-- class: types
SELECT 'orders'::regclass
---
SELECT 'a'::mood
---
SELECT CAST(1 AS main.mood)
---
SELECT TRY_CAST('x' AS INET)
---
SELECT mood 'happy'
---
SELECT [1]::mood[]
---
SELECT CAST({'a': 1} AS STRUCT(a mood))
---
SELECT CAST(MAP {'a': 1} AS MAP(VARCHAR, mood))
---
SELECT 'POINT (0 0)'::GEOMETRY
---
SELECT 1::VARIANT
---
SELECT 'INTEGER'::TYPE
---
SELECT 1::UNION(a INT, b VARCHAR)
---
SELECT make_type('INTEGER')
---
SELECT get_type(1)
---
SELECT cast_to_type(1, NULL::VARCHAR)
---
SELECT from_json('{"a":1}', '{"a":"mood"}')
---
SELECT json_transform('{"a":1}', '{"a":"INTEGER"}')
---
SELECT enum_range(NULL::mood)
---
SELECT enum_first('a'::ENUM('a', 'b'))
-- class: aggregates by name
SELECT list_aggregate([1, 2], 'reservoir_quantile', 0.5)
---
SELECT list_aggr([1, 2], 'random')
---
SELECT array_aggregate([1], 'read_csv')
---
SELECT aggregate([1], 'su' || 'm')
---
SELECT list_aggregate([total], status) FROM orders
---
SELECT list_aggregate([1], (SELECT 'sum'))
---
SELECT array_aggr([1])
---
SELECT x.list_aggregate('reservoir_quantile', 0.5) FROM (SELECT [1, 2] AS x)
---
SELECT [1, 2].list_aggregate('getvariable')
-- class: only delays or stops
SELECT sleep_ms(1000)
---
SELECT pg_sleep(10)
---
SELECT error('x')
---
SELECT CASE WHEN total > 0 THEN error('total is ' || total) END FROM orders
-- class: the engine's insides
SELECT sum(total) EXPORT_STATE FROM orders
---
SELECT finalize(sum(total) EXPORT_STATE) FROM orders
---
SELECT combine(a, b) FROM orders
---
SELECT create_sort_key(total, 'ASC') FROM orders
---
SELECT __internal_compress_string_ubigint('x')
---
SELECT icu_collate_de('x')
---
SELECT * FROM test_all_types()
---
SELECT * FROM arrow_scan(1, 2, 3)
---
SELECT st_geomfromwkb('x')
---
SELECT * FROM repeat_row(1, num_rows = 3)
---
SELECT * FROM json_each('[1]')
---
SELECT * FROM orders AT (VERSION => 1)
---
SELECT * FROM orders AT (TIMESTAMP => now())
---
SELECT DEFAULT
---
SELECT 'a' COLLATE "no such"
---
SELECT no_such_function(1)
---
SELECT summ(total) FROM orders
---
SELECT 1 === 2
---
SELECT * FROM order_item
-- class: pivots
PIVOT orders ON status USING sum(total)
---
SELECT * FROM (PIVOT orders ON status USING sum(total))
---
PIVOT orders ON status IN (SELECT DISTINCT status FROM orders) USING sum(total)
---
FROM orders PIVOT (sum(total) FOR status IN mood)
---
PIVOT orders ON status IN (getenv('HOME')) USING sum(total)
---
PIVOT orders ON status IN ('completed') USING getvariable('x')
---
PIVOT orders ON (status || getvariable('x')) IN ('completed') USING sum(total)
---
PIVOT duckdb_settings ON name IN ('threads') USING any_value(value)
---
UNPIVOT duckdb_settings ON value INTO NAME n VALUE v
-- class: other places for a call [state]
SELECT DISTINCT ON (getvariable('x')) * FROM orders
---
SELECT * REPLACE (getvariable('x') AS total) FROM orders
---
SELECT COLUMNS(c -> getvariable(c) = 'x') FROM orders
---
SELECT * FROM orders GROUP BY getvariable('x')
---
SELECT status FROM orders GROUP BY status HAVING getvariable('x') = 1
---
SELECT * FROM orders QUALIFY getvariable('x') = 1
---
SELECT * FROM orders WINDOW w AS (ORDER BY getvariable('x')) QUALIFY row_number() OVER w = 1
---
SELECT * FROM orders JOIN inventory ON getvariable('x') = 1
---
SELECT * FROM orders LIMIT getvariable('x')
---
SELECT * FROM orders OFFSET getvariable('x')
---
VALUES (getvariable('x'))
---
SELECT * FROM range(getvariable('x'))
---
SELECT * FROM unnest([getvariable('x')])
---
SELECT {'a': getvariable('x')}
---
SELECT [getvariable('x')]
---
SELECT MAP {'a': getvariable('x')}
---
SELECT [getvariable(x) FOR x IN [1, 2]]
---
SELECT [x FOR x IN [1, 2] IF getvariable('x') = x]
---
SELECT list_transform([1], lambda x: getvariable('x'))
---
SELECT CASE getvariable('x') WHEN 1 THEN 2 END
---
SELECT CASE WHEN true THEN getvariable('x') END
---
SELECT CASE WHEN true THEN 1 ELSE getvariable('x') END
---
SELECT CAST(getvariable('x') AS INT)
---
SELECT TRY(getvariable('x'))
---
SELECT getvariable('x') IN (1, 2)
---
SELECT 1 IN (getvariable('x'))
---
SELECT 1 BETWEEN getvariable('x') AND 2
---
SELECT getvariable('x') COLLATE NOCASE
---
SELECT [1, 2][getvariable('x')]
---
SELECT [1, 2][1:getvariable('x')]
---
SELECT string_agg(status, ',' ORDER BY getvariable('x')) FROM orders
---
SELECT lag(total, getvariable('x')) OVER (ORDER BY order_id) FROM orders
---
SELECT sum(total) OVER (PARTITION BY getvariable('x')) FROM orders
---
SELECT sum(total) OVER (ORDER BY order_id ROWS BETWEEN getvariable('x') PRECEDING AND CURRENT ROW) FROM orders
---
SELECT 1 = ANY (SELECT getvariable('x'))
---
SELECT ARRAY(SELECT getvariable('x'))
---
SELECT INTERVAL (getvariable('x')) DAY
---
SELECT getvariable('x') AT TIME ZONE 'UTC'
---
SELECT EXTRACT(year FROM getvariable('x'))
---
SELECT 1 UNION SELECT getvariable('x')
---
SELECT x.a FROM (SELECT getvariable('x') AS a) x
---
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE getvariable('x') = n) SELECT * FROM r
---
SELECT unnest([getvariable('x')])
---
SELECT struct_pack(a := getvariable('x'))
---
WITH RECURSIVE r(k, v) USING KEY (k) AS (SELECT 1, getvariable('x') UNION SELECT k, v + 1 FROM r WHERE v < 3) SELECT * FROM r
---
SELECT 1 FROM orders GROUP BY GROUPING SETS ((getvariable('x')))
---
SELECT 1 FROM orders GROUP BY ROLLUP (getvariable('x'))
---
SELECT 1 FROM orders GROUP BY CUBE (getvariable('x'), 1)
---
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY getvariable('x')) FROM orders
---
SELECT percentile_cont(getvariable('x')) WITHIN GROUP (ORDER BY total) FROM orders
---
SELECT total IN getvariable('x') FROM orders
---
SELECT total IS DISTINCT FROM getvariable('x') FROM orders
---
SELECT status LIKE 'x' ESCAPE getvariable('x') FROM orders
---
SELECT status SIMILAR TO getvariable('x') FROM orders
---
SELECT COLUMNS(* REPLACE (getvariable('x') AS total)) FROM orders
---
SELECT COLUMNS(* EXCLUDE (total)) + getvariable('x') FROM orders
---
SELECT a: getvariable('x')
---
SELECT * FROM x: (SELECT getvariable('x'))
---
SELECT ('a').concat(getvariable('x'))
---
SELECT TRIM(getvariable('x') FROM 'y')
---
SELECT SUBSTRING('abc' FROM getvariable('x') FOR 2)
---
SELECT POSITION(getvariable('x') IN 'y')
---
SELECT * FROM orders a ASOF JOIN orders b ON a.order_id >= getvariable('x')
---
SELECT sum(total) OVER (ORDER BY order_id ROWS BETWEEN 1 PRECEDING AND getvariable('x') FOLLOWING) FROM orders
---
SELECT lag(total, 1, getvariable('x')) OVER (ORDER BY order_id) FROM orders
---
SELECT sum(total) FILTER (WHERE getvariable('x')) OVER () FROM orders
---
SELECT rank(ORDER BY getvariable('x')) OVER () FROM orders
---
SELECT sum(total ORDER BY getvariable('x')) OVER () FROM orders
---
UNPIVOT (SELECT getvariable('x') AS a) ON a INTO NAME n VALUE v
---
UNPIVOT orders ON getvariable('x') INTO NAME n VALUE v
---
UNPIVOT orders ON (total + getvariable('x')) AS a INTO NAME n VALUE v
---
UNPIVOT orders ON COLUMNS(c -> getvariable(c)) INTO NAME n VALUE v
---
PIVOT orders ON status IN ('a') USING sum(getvariable('x'))
---
PIVOT orders ON status IN ('a') USING sum(total) ORDER BY getvariable('x')
---
PIVOT orders ON status IN ('a') USING sum(total) LIMIT getvariable('x')
---
PIVOT orders ON status IN (SELECT getvariable('x')) USING sum(total)
---
SELECT [1,2][1:2:getvariable('x')]
---
SELECT {'a': 1}.b, getvariable('x').y
---
SELECT (getvariable('x')).y
---
SELECT getvariable('x')[1]
---
SELECT * FROM (VALUES (1)) t(a) WHERE a = SOME (SELECT getvariable('x'))
---
SELECT * FROM generate_series(1, getvariable('x')) WITH ORDINALITY
---
SELECT NOT getvariable('x')
---
SELECT -getvariable('x'), +getvariable('x')
---
SELECT getvariable('x')!
---
SELECT getvariable('x') IS NULL
---
SELECT grouping(getvariable('x')) FROM orders GROUP BY 1
---
SELECT row(getvariable('x'))
---
SELECT (1, getvariable('x'))
---
SELECT CAST(getvariable('x') AS STRUCT(a INT))
---
SELECT 1 ORDER BY getvariable('x')
---
SELECT 1 UNION SELECT 2 ORDER BY getvariable('x')
---
SELECT 1 UNION SELECT 2 LIMIT getvariable('x')
---
SELECT 1 UNION (SELECT 2 LIMIT getvariable('x'))
---
SELECT * FROM orders o JOIN (SELECT getvariable('x') a) b ON true
---
SELECT lambda x: getvariable('x')
---
SELECT EXISTS (SELECT getvariable('x'))
---
FROM orders SELECT getvariable('x')
---
SELECT * FROM orders, getvariable('x')
---
SELECT MAP([getvariable('x')], [1])
---
SELECT list_aggregate([getvariable('x')], 'sum')
---
SELECT list_aggregate([1], 'quantile', getvariable('x'))
---
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL (SELECT n+1 FROM r WHERE n < 3 ORDER BY getvariable('x'))) SELECT * FROM r
---
WITH a AS MATERIALIZED (SELECT getvariable('x')) SELECT 1
---
WITH a AS (SELECT 1), b AS (SELECT getvariable('x')) SELECT * FROM a
---
SELECT DISTINCT ON (status, getvariable('x')) status FROM orders
---
SELECT * EXCLUDE (total) REPLACE (getvariable('x') AS status) RENAME (order_id AS x) FROM orders
---
SELECT o.* REPLACE (getvariable('x') AS status) FROM orders o
---
SELECT * LIKE getvariable('x') FROM orders
---
SELECT *COLUMNS(c -> getvariable(c)) FROM orders
---
SELECT struct_pack(*COLUMNS(c -> getvariable(c))) FROM orders
---
SELECT unnest(getvariable('x'), recursive := true)
---
SELECT unnest([1], max_depth := getvariable('x'))
---
SELECT 1 AT TIME ZONE getvariable('x')
---
SELECT format('{}', getvariable('x'))
---
SELECT CASE 1 WHEN getvariable('x') THEN 2 END
---
SELECT #1, getvariable('x')
---
SELECT * FROM (TABLE orders) QUALIFY getvariable('x')
---
SELECT * FROM orders NATURAL JOIN (SELECT getvariable('x'))
---
SELECT * FROM orders POSITIONAL JOIN (SELECT getvariable('x'))
---
SELECT ARRAY[getvariable('x')]
---
SELECT 'a' IN ('b', getvariable('x'))
---
SELECT getvariable('x') COLLATE de
-- class: not SQL [invalid]
SELECT * FORM orders
---
.read /etc/passwd
---
.shell id
---
SELECT
---
SELECT 'unterminated
---
GRANT ALL ON orders TO x
---
SELECT * FROM orders WHERE
---
/* never closed
---
-- only a comment
---
;
---
{"sql": "SELECT 1"}
---
SELECT 'x'.upper(
---
SELECT 1e999
---
SELECT * FROM orders LIMIT
