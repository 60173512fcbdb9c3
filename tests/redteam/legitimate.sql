# Statements that the policy must let through, and that DuckDB must run over the dataset
# "ecommerce". The format is that of refused.sql: "-- class: NAME [flags]", and a line of three
# hyphens between statements.
# flags: total   the outermost ORDER BY names every output column; without the flag the verdict
#                must not say so
#        random  it takes a sample without a seed
-- class: plain
SELECT * FROM orders
---
SELECT order_id, total FROM orders WHERE status = 'completed' LIMIT 10
---
select ORDER_ID from ORDERS where TOTAL > 100
---
SELECT o.order_id AS id, o.total * 1.2 AS gross FROM orders AS o WHERE o.total BETWEEN 10 AND 100
---
SELECT * FROM ecommerce.orders
---
SELECT * FROM "ECOMMERCE"."Orders" o JOIN main.order_items i ON o.order_id = i.order_id
---
SELECT DISTINCT status FROM orders
---
SELECT count(*), count(DISTINCT customer_id), sum(total), avg(total), min(total), max(total) FROM orders
---
SELECT 1
---
SELECT 1 + 2 * 3 - 4 / 5 % 6 // 7 AS x, 2 ** 3 AS y, 2 ^ 3 AS z, -1 AS n, 5! AS f, @(-3) AS a
---
VALUES (1, 'a'), (2, 'b')
---
TABLE orders
---
(SELECT 1)
---
SELECT 1;
---
  ;;SELECT 1;;
---
SELECT NULL, true, false, 1.5, 1e3, 'x', $$it's$$, E'a\tb', 12345678901234567890123
---
SELECT order_id FROM orders WHERE order_id IN (1001, 1002, 1003) AND NOT returned OR total IS NULL
---
SELECT CASE WHEN total > 100 THEN 'big' WHEN total > 10 THEN 'mid' ELSE 'small' END AS size, CASE status WHEN 'completed' THEN 1 END AS c FROM orders
---
SELECT coalesce(NULL, 1), ifnull(NULL, 2), nullif(1, 1), if(true, 1, 2), greatest(1, 2), least(1, 2)
---
SELECT total IS NOT DISTINCT FROM NULL, returned IS TRUE, returned IS NOT FALSE, total NOTNULL FROM orders
---
SELECT * FROM orders LIMIT 10 OFFSET 5
---
SELECT * FROM orders LIMIT 10%
---
SELECT * FROM orders FETCH FIRST 3 ROWS ONLY
---
SELECT * FROM orders LIMIT (SELECT 3) OFFSET (SELECT 1)
---
SELECT TRY(1 / 0), TRY_CAST('x' AS INTEGER)
-- class: order by [total]
SELECT status FROM orders ORDER BY status
---
SELECT status, count(*) AS n FROM orders GROUP BY status ORDER BY n DESC, status
---
SELECT status, total FROM orders ORDER BY 2 DESC NULLS LAST, 1
---
SELECT * FROM orders ORDER BY ALL
---
SELECT status, sum(total) FROM orders GROUP BY ALL ORDER BY ALL DESC
---
SELECT status, count(*) FROM orders GROUP BY status ORDER BY count(*) DESC, status
---
SELECT o.status, o.order_id FROM orders o ORDER BY order_id, status
---
SELECT o.status, i.price FROM orders o JOIN order_items i USING (order_id) ORDER BY i.price, o.status
---
SELECT status AS s, total AS t FROM orders ORDER BY T, S
---
SELECT order_id FROM orders UNION SELECT item_id FROM order_items ORDER BY order_id
---
SELECT status FROM orders UNION ALL SELECT name FROM inventory ORDER BY 1
---
SELECT DISTINCT category FROM order_items ORDER BY category LIMIT 3
---
SELECT upper(status), order_id + 1 AS next FROM orders ORDER BY upper(status), next
---
SELECT (SELECT max(total) FROM orders) AS m ORDER BY m
---
SELECT status, unnest([1, 2]) AS u FROM orders ORDER BY ALL
-- class: order by some
SELECT status, total FROM orders ORDER BY total
---
SELECT * FROM orders ORDER BY order_id
---
SELECT * FROM orders ORDER BY order_id, customer_id, order_date, total, status, returned
---
SELECT COLUMNS('.*id') FROM orders ORDER BY order_id, customer_id
---
SELECT status, total FROM orders ORDER BY COLUMNS(*), 1
---
SELECT order_id AS a, total AS b FROM orders ORDER BY a, a
---
SELECT total AS status, status AS x FROM orders ORDER BY status, total
---
SELECT total AS a, order_id + 1, customer_id AS total FROM orders ORDER BY a, total
---
SELECT name COLLATE NOCASE AS n FROM inventory ORDER BY n
---
SELECT n FROM (SELECT name COLLATE NOCASE AS n FROM inventory) ORDER BY n
---
SELECT n FROM (SELECT name COLLATE NOCASE AS n FROM inventory) ORDER BY ALL
---
SELECT status, count(*) FROM orders GROUP BY status ORDER BY -count(*), status
---
SELECT status FROM (SELECT status FROM orders ORDER BY ALL)
---
SELECT unnest({'a': 1, 'b': 2}) ORDER BY 1
---
SELECT order_id AS total, total + 1 FROM orders ORDER BY total, total + 1
---
SELECT order_id AS id, total FROM orders UNION ALL BY NAME SELECT total, order_id AS id FROM orders ORDER BY id, total
---
SELECT i.order_id, o.order_id FROM orders o LEFT JOIN order_items i ON i.order_id = o.order_id ORDER BY i.order_id
---
SELECT 1 AS a, 2 AS b ORDER BY 1
-- class: grouping
SELECT status, sum(total) FROM orders GROUP BY status HAVING sum(total) > 100
---
SELECT status, sum(total) FROM orders GROUP BY ALL
---
SELECT status, sum(total) FROM orders GROUP BY 1
---
SELECT status, returned, count(*), grouping(status), grouping_id(status, returned) FROM orders GROUP BY GROUPING SETS ((status), (returned), ())
---
SELECT status, returned, count(*) FROM orders GROUP BY ROLLUP (status, returned)
---
SELECT status, returned, count(*) FROM orders GROUP BY CUBE (status, returned)
---
SELECT category, sum(quantity) FILTER (WHERE discount > 0) AS discounted, sum(quantity) FROM order_items GROUP BY category
---
SELECT sum(total) FILTER (status = 'completed') / sum(total) AS share FROM orders
---
SELECT date_trunc('month', order_date) AS month, sum(total) FROM orders GROUP BY month ORDER BY month
---
SELECT string_agg(name, ', ' ORDER BY name DESC), list(stock ORDER BY stock), array_agg(DISTINCT category) FROM inventory
---
SELECT arg_max(name, stock), arg_min(name, stock, 3), max_by(name, stock), mode(category), any_value(category), first(name ORDER BY name) FROM inventory
---
SELECT bool_and(returned), bool_or(returned), count_if(returned), product(quantity) FROM orders JOIN order_items USING (order_id)
---
SELECT histogram(category), approx_count_distinct(name), entropy(category), kurtosis(stock), skewness(stock) FROM inventory
---
SELECT corr(price, quantity), covar_pop(price, quantity), regr_slope(price, quantity), regr_r2(price, quantity) FROM order_items
---
SELECT stddev(total), stddev_pop(total), variance(total), var_pop(total), sem(total), mad(total) FROM orders
-- class: quantiles
SELECT median(total), quantile_cont(total, 0.9), quantile_cont(total, [0.25, 0.5, 0.75]), quantile_disc(total, 0.5), approx_quantile(total, 0.5) FROM orders
---
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total DESC), percentile_disc(0.9) WITHIN GROUP (ORDER BY total), mode() WITHIN GROUP (ORDER BY status) FROM orders
---
SELECT status, quantile_cont(total, 0.95) FILTER (WHERE NOT returned) FROM orders GROUP BY status
-- class: window functions
SELECT order_id, row_number() OVER (ORDER BY total DESC), rank() OVER w, dense_rank() OVER w, percent_rank() OVER w, cume_dist() OVER w, ntile(4) OVER w FROM orders WINDOW w AS (PARTITION BY status ORDER BY total)
---
SELECT order_date, sum(total) OVER (ORDER BY order_date ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) FROM orders
---
SELECT order_date, avg(total) OVER (ORDER BY order_date RANGE BETWEEN INTERVAL 7 DAYS PRECEDING AND INTERVAL 1 DAY FOLLOWING EXCLUDE CURRENT ROW) FROM orders
---
SELECT total - lag(total) OVER (ORDER BY order_id), lead(total, 2, 0) OVER (ORDER BY order_id), first_value(total IGNORE NULLS) OVER (PARTITION BY status ORDER BY order_id), last_value(total) OVER (ORDER BY order_id), nth_value(total, 2) OVER (ORDER BY order_id) FROM orders
---
SELECT count(*) FILTER (WHERE returned) OVER (PARTITION BY status), sum(DISTINCT total) OVER (), rank(ORDER BY total) OVER (ORDER BY order_id) FROM orders
---
SELECT status, sum(sum(total)) OVER (ORDER BY status) FROM orders GROUP BY status
---
SELECT total / sum(total) OVER () AS share FROM orders
---
SELECT sum(total) OVER w2 FROM orders WINDOW w AS (PARTITION BY status), w2 AS (w ORDER BY order_id GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES)
---
SELECT fill(total) OVER (ORDER BY order_id) FROM orders
-- class: qualify
SELECT * FROM orders QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY total DESC) = 1
---
SELECT category, product_id, sum(quantity) AS n FROM order_items GROUP BY category, product_id QUALIFY rank() OVER (PARTITION BY category ORDER BY n DESC) <= 3
-- class: pivot and unpivot
PIVOT orders ON status IN ('completed', 'returned') USING sum(total) GROUP BY customer_id
---
SELECT * FROM (PIVOT orders ON status IN ('completed', 'cancelled') USING sum(total) AS s, count(*) AS n) p
---
SELECT * FROM orders PIVOT (sum(total) FOR status IN ('completed' AS done, 'returned' AS back) GROUP BY returned)
---
FROM order_items PIVOT (sum(price) FOR category IN ('Books', 'Toys') quantity IN (1, 2))
---
WITH o AS (SELECT status, total FROM orders) PIVOT o ON status IN ('completed') USING avg(total)
---
UNPIVOT (SELECT order_id, total, customer_id::DECIMAL(10,2) AS c FROM orders) ON total, c INTO NAME measure VALUE amount
---
SELECT * FROM (SELECT stock, product_id FROM inventory) UNPIVOT INCLUDE NULLS (v FOR n IN (stock, product_id))
---
UNPIVOT (SELECT product_id, stock FROM inventory) ON COLUMNS(* EXCLUDE (product_id)) INTO NAME n VALUE v
-- class: joins
SELECT o.order_id, i.price FROM orders o JOIN order_items i ON o.order_id = i.order_id
---
SELECT * FROM orders o LEFT JOIN order_items i USING (order_id) RIGHT JOIN inventory v USING (product_id) FULL JOIN (SELECT 1 AS x) q ON true
---
SELECT * FROM orders NATURAL JOIN order_items
---
SELECT * FROM orders CROSS JOIN inventory LIMIT 1
---
SELECT * FROM orders, inventory WHERE orders.order_id = inventory.product_id
---
SELECT * FROM orders SEMI JOIN order_items USING (order_id)
---
SELECT * FROM orders ANTI JOIN order_items USING (order_id)
---
SELECT * FROM orders POSITIONAL JOIN inventory
---
SELECT * FROM orders a ASOF JOIN orders b ON a.customer_id = b.customer_id AND a.order_date > b.order_date
---
SELECT * FROM orders a ASOF LEFT JOIN orders b USING (customer_id, order_date)
---
SELECT o.order_id, x.n FROM orders o, LATERAL (SELECT count(*) AS n FROM order_items i WHERE i.order_id = o.order_id) x
---
SELECT o.order_id, t.* FROM orders o LEFT JOIN LATERAL (SELECT max(price) AS m FROM order_items i WHERE i.order_id = o.order_id) t ON true
---
SELECT * FROM orders a JOIN orders b ON a.customer_id = b.customer_id AND a.order_id < b.order_id
-- class: subqueries
SELECT * FROM orders WHERE total > (SELECT avg(total) FROM orders)
---
SELECT * FROM orders o WHERE EXISTS (SELECT 1 FROM order_items i WHERE i.order_id = o.order_id AND i.category = 'Books')
---
SELECT * FROM orders WHERE order_id NOT IN (SELECT order_id FROM order_items)
---
SELECT * FROM orders WHERE total >= ALL (SELECT total FROM orders) OR total = ANY (SELECT price FROM order_items)
---
SELECT (SELECT max(total) FROM orders) - total FROM orders
---
SELECT ARRAY(SELECT category FROM inventory ORDER BY 1), (FROM orders SELECT count(*))
---
SELECT * FROM (SELECT status, count(*) n FROM orders GROUP BY 1) t(s, c) WHERE c > 1
---
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) v(id, name) JOIN inventory USING (name)
---
SELECT (order_id, status) IN (SELECT order_id, status FROM orders) FROM orders
-- class: CTEs
WITH o AS (SELECT * FROM orders WHERE NOT returned) SELECT count(*) FROM o
---
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a), c AS (SELECT * FROM a, b) SELECT * FROM c, (SELECT * FROM a) d
---
WITH orders AS (SELECT * FROM orders WHERE total > 10) SELECT count(*) FROM orders
---
WITH o(id, amount) AS MATERIALIZED (SELECT order_id, total FROM orders) SELECT sum(amount) FROM o
---
WITH o AS NOT MATERIALIZED (FROM orders) FROM o SELECT count(*)
---
SELECT * FROM (WITH o AS (SELECT 1 AS x) SELECT * FROM o) t, (WITH o AS (SELECT 2 AS y) SELECT * FROM o) u
---
WITH o AS (SELECT 1 AS x) SELECT (SELECT max(x) FROM o), (WITH p AS (SELECT x FROM o) SELECT sum(x) FROM p) FROM o WHERE x IN (SELECT x FROM o) ORDER BY (SELECT x FROM o) LIMIT (SELECT x FROM o)
---
WITH a AS (SELECT 1) (WITH b AS (SELECT 2) SELECT * FROM a, b) UNION ALL SELECT 3, 4
---
WITH "my cte" AS (SELECT 1 AS "a b") SELECT "a b" FROM "My CTE"
---
WITH "data.csv" AS (SELECT 1 AS x) SELECT * FROM "data.csv"
---
WITH duckdb_tables AS (SELECT 1 AS x) SELECT * FROM duckdb_tables
-- class: recursive CTEs
WITH RECURSIVE days(d) AS (SELECT DATE '2026-01-01' UNION ALL SELECT d + 1 FROM days WHERE d < DATE '2026-01-31') SELECT d, (SELECT count(*) FROM orders WHERE order_date = d) FROM days
---
WITH RECURSIVE f(n, x) AS (SELECT 1, 1::HUGEINT UNION ALL SELECT n + 1, x * (n + 1) FROM f WHERE n < 20) SELECT max(x) FROM f
---
WITH RECURSIVE a AS (SELECT 1 AS x), r AS (SELECT x FROM a UNION SELECT r.x + 1 FROM r, a WHERE r.x < 5), z AS (SELECT * FROM r) SELECT * FROM z
---
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM (SELECT * FROM r) t WHERE n < 3) SELECT * FROM r
---
WITH RECURSIVE r(k, v) USING KEY (k) AS (SELECT 1, 1 UNION SELECT k, v + 1 FROM recurring.r WHERE v < 3) SELECT * FROM r
---
WITH RECURSIVE orders(n) AS (SELECT min(order_id) FROM orders UNION ALL SELECT n + 1 FROM orders WHERE n < 5) SELECT * FROM orders
-- class: set operations
SELECT order_id FROM orders UNION SELECT item_id FROM order_items
---
SELECT order_id FROM orders UNION ALL SELECT item_id FROM order_items EXCEPT SELECT product_id FROM inventory
---
SELECT category FROM order_items INTERSECT ALL SELECT category FROM inventory
---
SELECT 1 AS a, 2 AS b UNION ALL BY NAME SELECT 3 AS b
---
(SELECT order_id FROM orders ORDER BY total LIMIT 1) UNION ALL (SELECT order_id FROM orders ORDER BY total DESC LIMIT 1)
-- class: lists, structs and maps
SELECT [1, 2, 3] AS l, {'a': 1, 'b': 'x'} AS s, MAP {'k': 1} AS m, ARRAY[1, 2], row(1, 2), (1, 'a')
---
SELECT l[1], l[2:3], l[:2], l[-1], l[1:3:2], s.a, s['a'], m['k'], (s).b FROM (SELECT [1, 2, 3] AS l, {'a': 1, 'b': 'x'} AS s, MAP {'k': 1} AS m)
---
SELECT list_transform([1, 2, 3], x -> x * 2), list_filter([1, 2, 3], lambda x: x > 1), list_reduce([1, 2, 3], (a, b) -> a + b), list_transform([1, 2], lambda x, i: x + i)
---
SELECT [x * 2 FOR x IN [1, 2, 3] IF x > 1]
---
SELECT list_sum(list(total)), list_aggregate(list(total), 'avg'), list_aggr([1, 2], 'string_agg', '|'), len(list(total)), list_sort(list(status), 'DESC'), list_distinct(list(status)) FROM orders
---
SELECT [3, 1].list_sort().list_reverse(), ('abc').upper(), (status || 'x').upper().length() FROM orders
---
SELECT status.upper(), orders.status.length() FROM orders
---
SELECT unnest([1, 2, 3]), unnest({'a': 1, 'b': 2}), generate_subscripts([5, 6], 1)
---
SELECT unnest([{'a': [1, 2]}], recursive := true)
---
SELECT list_contains([1, 2], 1), [1, 2] && [2], [1] <@ [1, 2], [1, 2] @> [1], list_position([5, 6], 6), flatten([[1], [2]]), list_zip([1], [2]), 2 IN [1, 2]
---
SELECT struct_pack(a := 1, b := 2), struct_extract({'a': 1}, 'a'), struct_insert({'a': 1}, b := 2), struct_keys({'a': 1})
---
SELECT map_keys(m), map_values(m), map_entries(m), element_at(m, 'a'), cardinality(m), map_from_entries([('x', 1)]) FROM (SELECT MAP(['a', 'b'], [1, 2]) AS m)
---
SELECT * FROM unnest([1, 2, 3]) WITH ORDINALITY AS t(x, i)
---
SELECT o FROM orders o LIMIT 1
---
SELECT list_cosine_similarity([1.0, 2.0], [2.0, 1.0]), array_distance([1.0, 2.0]::FLOAT[2], [2.0, 1.0]::FLOAT[2])
-- class: text and regular expressions
SELECT upper(name), lower(name), length(name), left(name, 2), right(name, 2), substring(name, 1, 3), substring(name FROM 2 FOR 3), trim(name), trim(BOTH 'x' FROM name), replace(name, 'a', 'b'), split_part(name, ' ', 1), lpad(name, 10, '.'), reverse(name), repeat('=', 3), concat(name, 1), concat_ws('-', name, 2), position('a' IN name), strpos(name, 'a'), starts_with(name, 'A'), format('{}: {}', name, stock), printf('%d', stock) FROM inventory
---
SELECT regexp_matches(name, '^[A-Z]'), regexp_extract(name, '(\w+) (\d+)', 2), regexp_extract(name, '(\w+) (\d+)', ['a', 'b']), regexp_replace(name, '[aeiou]', '*', 'g'), regexp_split_to_array(name, ' '), regexp_extract_all(name, '\w'), string_split(name, ' ') FROM inventory
---
SELECT * FROM inventory WHERE name LIKE 'A%' OR name ILIKE '%b%' OR name NOT LIKE '50\%%' ESCAPE '\' OR name SIMILAR TO '[a-z]+' OR name ~ 'x.*' OR name !~ 'y' OR name GLOB 'A*' OR name ^@ 'A'
---
SELECT levenshtein(name, 'x'), jaccard(name, 'x'), jaro_winkler_similarity(name, 'x'), strip_accents(name), ascii(name), chr(65), md5(name), sha256(name), hash(name), base64(encode(name)), hex(name), url_encode(name), bar(stock, 0, 500, 10) FROM inventory
---
SELECT name COLLATE NOCASE = 'ABC', name COLLATE de, name COLLATE NOCASE.NOACCENT FROM inventory
---
SELECT name || ' ' || category, name || stock FROM inventory
-- class: dates and times
SELECT current_date, current_timestamp, now(), today(), localtimestamp, current_time, localtime, CURRENT_DATE - INTERVAL 30 DAYS
---
SELECT * FROM orders WHERE order_date >= current_date - 30 AND order_date < now()
---
SELECT extract(year FROM order_date), date_part('dow', order_date), year(order_date), month(order_date), dayname(order_date), monthname(order_date), weekofyear(order_date), quarter(order_date), last_day(order_date), strftime(order_date, '%Y-%m'), epoch(order_date) FROM orders
---
SELECT date_trunc('week', order_date), date_diff('day', order_date, DATE '2026-01-31'), datediff('month', order_date, current_date), date_add(order_date, INTERVAL 1 MONTH), time_bucket(INTERVAL '7 days', order_date), age(order_date), age(DATE '2026-01-31', order_date) FROM orders
---
SELECT DATE '2026-01-31', TIMESTAMP '2026-01-31 14:05:00', TIMESTAMPTZ '2026-01-31 14:05:00+00', TIME '14:05:00', INTERVAL '1' YEAR, INTERVAL 3 HOURS, INTERVAL '1 day 2 hours', to_days(3), make_date(2026, 1, 31), strptime('31.01.2026', '%d.%m.%Y'), try_strptime('x', '%Y'), to_timestamp(0)
---
SELECT (order_date::TIMESTAMP AT TIME ZONE 'America/New_York') AT TIME ZONE 'Europe/Berlin', timezone('UTC', now()) FROM orders
---
SELECT * FROM range(DATE '2026-01-01', DATE '2026-01-05', INTERVAL 1 DAY) t(d) LEFT JOIN orders ON order_date = d
---
SELECT * FROM generate_series(TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-02', INTERVAL 6 HOUR)
-- class: series
SELECT * FROM range(10)
---
SELECT i, i * i FROM range(1, 10, 2) t(i)
---
SELECT * FROM generate_series(1, 3) AS g(x), unnest([x, x + 1]) AS u(y)
---
SELECT range(5), generate_series(1, 3), unnest(range(3))
---
SELECT o.order_id, u.c FROM orders o, unnest([o.status, 'x']) AS u(c)
-- class: star
SELECT * EXCLUDE (total) FROM orders
---
SELECT * EXCLUDE total REPLACE (upper(status) AS status) RENAME (order_id AS id) FROM orders
---
SELECT o.* EXCLUDE (o.status), i.* FROM orders o JOIN order_items i USING (order_id)
---
SELECT COLUMNS(*) FROM orders
---
SELECT min(COLUMNS(*)), max(COLUMNS('.*_id')) FROM orders
---
SELECT COLUMNS(c -> c LIKE '%id') FROM orders
---
SELECT COLUMNS(['status', 'total']), COLUMNS(* EXCLUDE (total)) FROM orders
---
SELECT COLUMNS('(\w+)_id') AS '\1' FROM orders
---
SELECT * LIKE '%id' FROM orders
---
SELECT coalesce(*COLUMNS(['total', 'order_id'])) FROM orders
---
SELECT * FROM orders WHERE COLUMNS(*) IS NOT NULL
---
SELECT DISTINCT ON (customer_id) customer_id, order_date, total FROM orders ORDER BY customer_id, order_date DESC
-- class: from first
FROM orders
---
FROM orders SELECT status, total WHERE total > 10
---
FROM orders WHERE returned LIMIT 3
---
FROM orders SELECT count(*) GROUP BY status
-- class: sample
SELECT * FROM orders USING SAMPLE reservoir(3 ROWS) REPEATABLE (42)
---
SELECT * FROM orders TABLESAMPLE bernoulli(50%) REPEATABLE (1)
---
SELECT * FROM orders USING SAMPLE 10 PERCENT (bernoulli, 42)
-- class: sample without a seed [random]
SELECT * FROM orders USING SAMPLE 3
---
SELECT count(*) FROM orders TABLESAMPLE 10%
---
SELECT * FROM (SELECT * FROM orders USING SAMPLE 50%) t
-- class: casts
SELECT total::INTEGER, CAST(total AS DOUBLE), TRY_CAST(status AS DATE), total::VARCHAR(10), total::DECIMAL(18, 4), '1'::TINYINT, '1'::HUGEINT, '1'::UBIGINT, 'x'::BLOB, '101'::BIT, '{"a":1}'::JSON, [1]::INTEGER[], [1]::BIGINT[1], {'a': 1}::STRUCT(a BIGINT), MAP {'a': 1}::MAP(VARCHAR, BIGINT), 'a'::ENUM ('a', 'b'), '00000000-0000-0000-0000-000000000000'::UUID, '1 day'::INTERVAL, 1::FLOAT4, 'x'::TEXT, true::BOOL, NULL::INT FROM orders
---
SELECT typeof(total), typeof(order_date) FROM orders LIMIT 1
---
SELECT 'inf'::DOUBLE, 'nan'::FLOAT, isnan('nan'::DOUBLE), isinf(1.0::DOUBLE)
-- class: JSON
SELECT j->'a', j->>'a', json_extract(j, '$.b[0]'), json_extract_string(j, '$.a'), json_array_length(j, '$.b'), json_keys(j), json_type(j), json_valid('x') FROM (SELECT '{"a":1,"b":[2]}'::JSON AS j)
---
SELECT to_json({'a': 1}), json_object('a', 1), json_array(1, 2), json_group_array(status), json_group_object(status, total) FROM orders
-- class: mathematics
SELECT abs(-1), round(1.234, 2), floor(1.5), ceil(1.5), sqrt(2), ln(2), log10(100), exp(1), power(2, 3), mod(7, 3), sign(-2), trunc(1.9), pi(), sin(1), atan2(1, 2), degrees(1), gcd(4, 6), factorial(5), bit_count(7), 5 & 3, 5 | 3, xor(5, 3), 1 << 4, 16 >> 2, ~5
-- class: words that do no harm
SELECT 'drop table orders; --' AS s, 'DELETE' AS "delete" FROM orders
---
SELECT 1 -- ; DROP TABLE orders
---
SELECT 1 /* ; COPY orders TO 'x' /* nested */ */ + 1
---
SELECT status AS "drop", total AS "update; delete", order_date AS created_at FROM orders
---
SELECT "update", "insert", "select" FROM (SELECT 1 AS "update", 2 AS "insert", 3 AS "select")
---
SELECT t."user", t.current_user FROM (SELECT 1 AS "user", 2 AS "current_user") t
---
SELECT * FROM orders WHERE status IN ('drop', 'attach', 'copy', 'read_csv(''/etc/passwd'')', 'PRAGMA')
---
SELECT 'https://example.com/a.csv' AS url, '/etc/passwd' AS path
---
SELECT ')))(((' AS a, $$ ((( $$ AS b, $x$ '" $$ ((( $x$ AS c, "((" FROM (SELECT 1 AS "((")
---
SELECT 'Zoë' AS "Größe", '日本' AS 日本, '😀' AS smile
---
SELECT count(*) AS "count", sum(total) AS "random", max(total) AS "version" FROM orders
---
SELECT copy.total AS load, attach.price AS install FROM orders AS copy JOIN order_items AS attach USING (order_id)
---
SELECT random, version, uuid FROM (SELECT 1 AS random, 2 AS version, 3 AS uuid)
---
SELECT 1 AS call, 2 AS "set", 3 AS explain
---
SELECT total FROM　orders --  ;
