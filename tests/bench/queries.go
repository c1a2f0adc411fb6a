package main

import "fmt"

// query is one of an application's.
type query struct{ name, sql string }

// querySchema makes and fills the tables of -figure queries: a shop in the shape of TPC-H at a scale of 0.02, a blog with a
// tree of categories, and events. Everything follows from row numbers, so that both servers have the same rows.
var querySchema = []string{
	`create table region (r_key int primary key, r_name text)`,
	`create table nation (n_key int primary key, n_name text, n_region int references region)`,
	`create table customer (c_key int primary key, c_name text, c_nation int references nation, c_segment text, c_bal numeric(12,2))`,
	`create table supplier (s_key int primary key, s_name text, s_nation int references nation, s_bal numeric(12,2))`,
	`create table part (p_key int primary key, p_name text, p_brand text, p_type text, p_size int)`,
	`create table partsupp (ps_part int references part, ps_supp int references supplier, ps_qty int, ps_cost numeric(12,2),
		primary key (ps_part, ps_supp))`,
	`create table orders (o_key int primary key, o_cust int references customer, o_status text, o_total numeric(12,2), o_date date,
		o_prio text)`,
	`create table lineitem (l_order int, l_line int, l_part int, l_supp int, l_qty int, l_price numeric(12,2), l_disc numeric(4,2),
		l_flag text, l_ship date, l_commit date, l_receipt date, primary key (l_order, l_line))`,
	`insert into region select i, (array['AFRICA','AMERICA','ASIA','EUROPE','MIDDLE EAST'])[i + 1] from generate_series(0, 4) i`,
	`insert into nation select i, 'NATION ' || i, i % 5 from generate_series(0, 24) i`,
	`insert into customer select i, 'Customer#' || i, i * 7 % 25, (array['BUILDING','AUTO','MACHINERY','HOUSEHOLD','FURNITURE'])[i % 5 + 1],
		(i * 7919 % 1000000) / 100.0 from generate_series(1, 3000) i`,
	`insert into supplier select i, 'Supplier#' || i, i * 11 % 25, (i * 104729 % 1000000) / 100.0 from generate_series(1, 200) i`,
	`insert into part select i, 'part ' || (array['red','green','blue','forest','ivory'])[i % 5 + 1] || ' ' || i, 'Brand#' || i % 25,
		(array['PROMO','STANDARD','ECONOMY'])[i % 3 + 1] || ' ' || (array['BRASS','STEEL','TIN'])[i / 3 % 3 + 1], i % 50 + 1
		from generate_series(1, 4000) i`,
	`insert into partsupp select p, (p * 7 + s * 51) % 200 + 1, (p * s * 37) % 9999, (p * 31 + s * 17) % 100000 / 100.0
		from generate_series(1, 4000) p, generate_series(0, 3) s`,
	`insert into orders select i, i * 7919 % 3000 + 1, (array['O','F','P'])[i % 3 + 1], (i::bigint * 104729 % 40000000) / 100.0,
		date '1992-01-01' + (i * 31 % 2400), (i % 5 + 1) || '-PRIO' from generate_series(1, 30000) i`,
	`insert into lineitem select o, l, (o * 13 + l * 701) % 4000 + 1, ((o * 13 + l * 701) % 4000 + 1) * 7 % 200 + 1, (o + l) % 50 + 1,
		((o * 31 + l * 7) % 100000) / 10.0, (o + l) % 11 / 100.0, (array['N','R','A'])[(o + l) % 3 + 1],
		date '1992-01-01' + (o * 31 % 2400) + l * 9, date '1992-01-01' + (o * 31 % 2400) + (o + l) % 60,
		date '1992-01-01' + (o * 31 % 2400) + l * 9 + o % 30 from generate_series(1, 30000) o, generate_series(1, 4) l`,
	`create index on orders (o_cust)`, `create index on orders (o_date)`, `create index on lineitem (l_part)`,
	`create index on lineitem (l_ship)`,
	`create table category (id int primary key, parent int references category, name text)`,
	`insert into category select i, case when i > 5 then i / 5 end, 'category ' || i from generate_series(1, 5000) i`,
	`create index on category (parent)`,
	`create table users (id int primary key, email text unique, name text, country text, created timestamptz, active bool)`,
	`insert into users select i, 'user' || i || '@example.org', 'Name ' || i * 7919 % 20000, 'C' || i % 50,
		timestamptz '2020-01-01 00:00Z' + i * interval '37 minutes', i % 7 <> 0 from generate_series(1, 20000) i`,
	`create index on users (country, created)`, `create index on users (name)`,
	`create table posts (id int primary key, author int references users, title text, category int references category,
		created timestamptz, likes int, tags text[])`,
	`insert into posts select i, i * 7919 % 20000 + 1, 'Title of ' || i, i * 31 % 5000 + 1,
		timestamptz '2021-01-01 00:00Z' + i * interval '11 minutes', i * 7919 % 1009, array['t' || i % 10, 't' || i % 77]
		from generate_series(1, 100000) i`,
	`create index on posts (author, created)`, `create index on posts (created)`, `create index on posts (category)`,
	`create index on posts (likes)`,
	`create table comments (id int primary key, post int, author int, body text, created timestamptz)`,
	`insert into comments select i, i * 7 % 100000 + 1, i * 13 % 20000 + 1, 'comment number ' || i,
		timestamptz '2021-01-02 00:00Z' + i * interval '5 minutes' from generate_series(1, 200000) i`,
	`create index on comments (post)`, `create index on comments (author)`,
	`create table events (id int primary key, at timestamptz, kind text, data jsonb)`,
	`insert into events select i, timestamptz '2023-01-01 00:00Z' + i * interval '1 minute', 'k' || i % 8,
		jsonb_build_object('user', i % 1000, 'page', '/p/' || i % 300, 'ms', i * 7919 % 5000, 'tags', jsonb_build_array('a' || i % 5, 'b'))
		from generate_series(1, 100000) i`,
	`create index on events (at)`,
	`vacuum analyze region`, `vacuum analyze nation`, `vacuum analyze customer`, `vacuum analyze supplier`, `vacuum analyze part`,
	`vacuum analyze partsupp`, `vacuum analyze orders`, `vacuum analyze lineitem`, `vacuum analyze category`, `vacuum analyze users`,
	`vacuum analyze posts`, `vacuum analyze comments`, `vacuum analyze events`,
}

// queries are what -figure queries times. Those with a LIMIT order by something unique, so that their rows can be compared.
var queries = []query{
	{"TPC-H 1: pricing summary", `select l_flag, sum(l_qty), sum(l_price), sum(l_price * (1 - l_disc)), avg(l_qty), avg(l_price),
		count(*) from lineitem where l_ship <= date '1998-09-02' group by l_flag order by l_flag`},
	{"TPC-H 2: cheapest supplier", `select s_bal, s_name, n_name, p_key from part, supplier, partsupp, nation, region
		where p_key = ps_part and s_key = ps_supp and p_size = 15 and p_type like '%BRASS' and s_nation = n_key and n_region = r_key
		and r_name = 'EUROPE' and ps_cost = (select min(ps_cost) from partsupp, supplier, nation, region where p_key = ps_part
		and s_key = ps_supp and s_nation = n_key and n_region = r_key and r_name = 'EUROPE') order by s_bal desc, n_name, s_name, p_key
		limit 100`},
	{"TPC-H 3: shipping priority", `select l_order, sum(l_price * (1 - l_disc)) as revenue, o_date from customer, orders, lineitem
		where c_segment = 'BUILDING' and c_key = o_cust and l_order = o_key and o_date < date '1995-03-15' and l_ship > date '1995-03-15'
		group by l_order, o_date order by revenue desc, o_date, l_order limit 10`},
	{"TPC-H 4: order priority, EXISTS", `select o_prio, count(*) from orders where o_date >= date '1993-07-01' and o_date < date '1993-10-01'
		and exists (select from lineitem where l_order = o_key and l_commit < l_receipt) group by o_prio order by o_prio`},
	{"TPC-H 5: local supplier volume", `select n_name, sum(l_price * (1 - l_disc)) as revenue from customer, orders, lineitem, supplier,
		nation, region where c_key = o_cust and l_order = o_key and l_supp = s_key and c_nation = s_nation and s_nation = n_key
		and n_region = r_key and r_name = 'ASIA' and o_date >= date '1994-01-01' and o_date < date '1995-01-01' group by n_name
		order by revenue desc`},
	{"TPC-H 6: forecast, ranges", `select sum(l_price * l_disc) from lineitem where l_ship >= date '1994-01-01'
		and l_ship < date '1995-01-01' and l_disc between 0.05 and 0.07 and l_qty < 24`},
	{"TPC-H 9: profit by nation and year", `select n_name, extract(year from o_date) as y, sum(l_price * (1 - l_disc) - ps_cost * l_qty)
		from part, supplier, lineitem, partsupp, orders, nation where s_key = l_supp and ps_supp = l_supp and ps_part = l_part
		and p_key = l_part and o_key = l_order and s_nation = n_key and p_name like '%green%' group by n_name, y order by n_name, y`},
	{"TPC-H 13: LEFT JOIN, distribution", `select n, count(*) from (select c_key, count(o_key) as n from customer left join orders
		on c_key = o_cust and o_prio not like '5%' group by c_key) t group by n order by n`},
	{"TPC-H 17: correlated average", `select sum(l_price) / 7.0 from lineitem, part where p_key = l_part and p_brand = 'Brand#23'
		and l_qty < (select 0.2 * avg(l_qty) from lineitem where l_part = p_key)`},
	{"TPC-H 18: IN with HAVING", `select c_name, o_key, o_total, sum(l_qty) from customer, orders, lineitem where o_key in (select l_order
		from lineitem group by l_order having sum(l_qty) > 180) and c_key = o_cust and o_key = l_order group by c_name, o_key, o_total
		order by o_total desc, o_key limit 100`},
	{"TPC-H 20: nested IN, correlated sum", `select s_name from supplier where s_key in (select ps_supp from partsupp where ps_part in
		(select p_key from part where p_name like 'part forest%') and ps_qty > (select 0.5 * sum(l_qty) from lineitem
		where l_part = ps_part and l_supp = ps_supp and l_ship >= date '1994-01-01')) order by s_name`},
	{"TPC-H 21: EXISTS and NOT EXISTS", `select s_name, count(*) as n from supplier, lineitem l1, orders where s_key = l1.l_supp
		and o_key = l1.l_order and o_status = 'F' and l1.l_receipt > l1.l_commit and exists (select from lineitem l2
		where l2.l_order = l1.l_order and l2.l_supp <> l1.l_supp) and not exists (select from lineitem l3 where l3.l_order = l1.l_order
		and l3.l_supp <> l1.l_supp and l3.l_receipt > l3.l_commit) group by s_name order by n desc, s_name limit 100`},
	{"TPC-H 22: NOT EXISTS, scalar average", `select substr(c_name, 10, 1) as code, count(*), sum(c_bal) from customer where c_bal >
		(select avg(c_bal) from customer where c_bal > 0) and not exists (select from orders where o_cust = c_key and o_total > 390000)
		group by code order by code`},
	{"dashboard: counts with FILTER", `select count(*), count(*) filter (where active), count(distinct country), min(created), max(created)
		from users`},
	{"dashboard: per day", `select date_trunc('day', at) as day, kind, count(*) from events where at >= '2023-02-01' and at < '2023-03-01'
		group by day, kind order by day, kind`},
	{"dashboard: scalar subqueries per row", `select id, name, (select count(*) from posts p where p.author = u.id),
		(select max(created) from comments c where c.author = u.id) from users u where country = 'C7' order by id`},
	{"pagination: ORDER BY key, OFFSET", `select * from posts order by id limit 20 offset 5000`},
	{"pagination: newest first", `select id, title from posts order by created desc limit 20`},
	{"pagination: by likes, then id", `select id, title, likes from posts order by likes desc, id limit 20`},
	{"keyset: row comparison", `select id, created from posts where (created, id) < ('2022-06-01 00:00Z', 40000) order by created desc,
		id desc limit 20`},
	{"keyset: of one author", `select id, created from posts where author = 77 and created < '2023-01-01' order by created desc limit 20`},
	{"join, ORDER BY key LIMIT", `select p.id, p.title, u.name from posts p join users u on u.id = p.author order by p.id limit 20`},
	{"join, newest first, LIMIT", `select p.id, u.name from posts p join users u on u.id = p.author where u.active order by p.created desc
		limit 20`},
	{"LEFT JOIN with counts, LIMIT", `select p.id, count(c.id) from posts p left join comments c on c.post = p.id where p.id <= 500
		group by p.id order by p.id limit 50`},
	{"tree: all below", `with recursive t as (select id, 0 as depth from category where id = 3 union all select c.id, depth + 1
		from t join category c on c.parent = t.id) select depth, count(*) from t group by depth order by depth`},
	{"tree: path to the root", `with recursive t as (select id, parent, name from category where id = 4999 union all
		select c.id, c.parent, c.name from t join category c on c.id = t.parent) select * from t`},
	{"top 3 per group: LATERAL", `select u.id, p.id, p.created from users u cross join lateral (select id, created from posts
		where author = u.id order by created desc limit 3) p where u.country = 'C3' order by u.id, p.created desc`},
	{"top 3 per group: window", `select * from (select id, author, likes, row_number() over (partition by author order by likes desc, id) as n
		from posts) t where n <= 3 and author < 100`},
	{"window: running total", `select id, sum(likes) over (order by id) from posts where id <= 50000`},
	{"DISTINCT ON", `select distinct on (author) author, id, created from posts order by author, created desc`},
	{"EXISTS filter", `select count(*) from users u where exists (select from posts p where p.author = u.id and p.likes > 1000)`},
	{"NOT EXISTS filter", `select count(*) from users u where not exists (select from comments c where c.author = u.id)`},
	{"NOT IN", `select count(*) from posts where id not in (select post from comments where author < 5000)`},
	{"EXISTS or a condition", `select count(*) from users u where country = 'C1' or exists (select from posts p where p.author = u.id
		and p.likes > 1000)`},
	{"OR over two indexes", `select count(*), sum(likes) from posts where author = 77 or category = 33`},
	{"IN list of 1000", ""}, // filled below
	{"LIKE prefix", `select count(*), min(id) from users where name like 'Name 123%'`},
	{"LIKE infix", `select count(*) from posts where title like '%999%'`},
	{"date range by index", `select count(*), sum(likes) from posts where created >= '2022-01-01' and created < '2022-01-15'`},
	{"jsonb: containment", `select count(*) from events where data @> '{"user": 7}'`},
	{"jsonb: by field", `select data->>'page' as page, count(*), avg((data->>'ms')::int) from events where data->>'user' = '7'
		group by page order by page`},
	{"jsonb: paths, grouped", `select data->>'page' as page, count(*) as n from events where (data->>'ms')::int > 2500 group by page
		order by n desc, page limit 10`},
	{"array: overlap", `select count(*) from posts where tags && array['t3', 't5']`},
	{"count of distinct values", `select count(distinct author) from posts`},
	{"count of distinct values by group", `select category, count(distinct author) from posts group by category order by 2 desc, 1 limit 20`},
	{"min and max by index", `select min(created), max(created), max(id), min(likes) from posts`},
	{"DISTINCT of an indexed column", `select distinct category from posts order by category limit 50`},
	{"DISTINCT of all of an indexed column", `select count(*) from (select distinct author from comments) t`},
	{"subquery for each row within a LIMIT", `select id, title, (select count(*) from comments c where c.post = p.id) from posts p
		order by title, id limit 20`},
	{"GROUP BY of key, LIMIT", `select l_order, sum(l_price) from lineitem group by l_order order by l_order limit 20`},
	{"big join on keys", `select count(*), sum(l_price) from orders join lineitem on l_order = o_key`},
	{"FULL JOIN", `select count(*), count(a.id), count(b.post) from posts a full join (select distinct post from comments) b on a.id = b.post`},
	{"UNION with ORDER BY LIMIT", `select id, created from posts union all select id, created from comments order by created, id limit 20`},
	{"sort of all rows", `select id from posts order by title, id offset 99990`},
	{"string_agg", `select author, string_agg(id::text, ',' order by id) from posts where author < 300 group by author order by author`},
	{"percentiles", `select kind, percentile_cont(0.5) within group (order by (data->>'ms')::int) from events group by kind order by kind`},
	{"self-join", `select count(*) from posts a join posts b on a.author = b.author and a.id < b.id`},
	{"range join", `select count(*) from users u join posts p on p.created between u.created and u.created + interval '5 minutes'
		where u.id between 15000 and 15100`},
	{"GROUPING SETS", `select kind, date_trunc('month', at) as m, count(*) from events group by rollup (kind, m) order by kind, m`},
}

func init() {
	in := make([]byte, 0, 8000)
	for i := range 1000 {
		if i > 0 {
			in = append(in, ',')
		}
		in = fmt.Appendf(in, "%d", i*97+1)
	}
	for i := range queries {
		if queries[i].sql == "" {
			queries[i].sql = "select count(*), sum(likes) from posts where id in (" + string(in) + ")"
		}
	}
}
