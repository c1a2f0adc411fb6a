package exec

import (
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

func shop(t testing.TB) *db {
	d := newDB(t)
	d.table("parent", []col{{"id", types.Int4Oid, true}, {"name", types.TextOid, false}, {"email", types.TextOid, false}}, 1, [][]int{{2}}, nil)
	d.table("child", []col{{"id", types.Int4Oid, true}, {"pid", types.Int4Oid, false}, {"v", types.Int4Oid, false}}, 1, nil, [][]int{{1}})
	d.table("heap", []col{{"a", types.Int4Oid, false}, {"b", types.TextOid, false}}, 0, nil, nil)
	exec := func(sql string) {
		if _, err := d.query(sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec("INSERT INTO parent VALUES (1, 'a', 'a@x'), (2, 'b', 'b@x'), (3, 'c', NULL)")
	exec("INSERT INTO child VALUES (10, 1, 5), (11, 1, 6), (12, 2, 7), (13, NULL, 8)")
	exec("INSERT INTO heap VALUES (1, 'x'), (1, 'y'), (NULL, 'z')")
	return d
}

func TestReads(t *testing.T) {
	d := shop(t)
	d.must("SELECT name FROM parent WHERE id = 2", "b\n")
	d.must("SELECT name, id FROM parent WHERE id = $1", "b|2\n", types.NewInt(2))
	d.must("SELECT name FROM parent WHERE id = 7", "")
	d.must("SELECT id FROM parent WHERE email = 'b@x'", "2\n")
	d.must("SELECT id FROM parent WHERE id IN (3, 1, 1, 9)", "1\n3\n")
	d.must("SELECT id FROM child WHERE pid = 1", "10\n11\n")
	d.must("SELECT id FROM child WHERE pid > 1", "12\n")
	d.must("SELECT id FROM child WHERE id > 10 AND id <= 12", "11\n12\n")
	d.must("SELECT id FROM child ORDER BY id DESC LIMIT 2", "13\n12\n")
	d.must("SELECT id FROM child ORDER BY pid DESC, id", "13\n12\n10\n11\n")
	d.must("SELECT id FROM child ORDER BY v LIMIT 2 OFFSET 1", "11\n12\n")
	d.must("SELECT * FROM heap", "1|x\n1|y\nnull|z\n")
	d.must("SELECT DISTINCT a FROM heap", "1\nnull\n")
	d.must("SELECT 1 WHERE false", "")
	d.must("SELECT id FROM parent UNION SELECT pid FROM child", "1\n2\n3\nnull\n")
	d.must("SELECT id FROM parent EXCEPT SELECT pid FROM child", "3\n")
	d.must("SELECT id FROM parent INTERSECT SELECT pid FROM child", "1\n2\n")
	d.must("VALUES (1, 'a'), (2, 'b') ORDER BY 1 DESC", "2|b\n1|a\n")
	d.must("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT n FROM r", "1\n2\n3\n4\n")
	d.must("WITH c AS (SELECT id FROM parent) SELECT a.id FROM c a JOIN c b ON a.id = b.id + 1", "2\n3\n")
}

func TestJoins(t *testing.T) {
	d := shop(t)
	d.must("SELECT p.name, c.id FROM parent p JOIN child c ON c.pid = p.id", "a|10\na|11\nb|12\n")
	d.must("SELECT p.name, c.id FROM parent p LEFT JOIN child c ON c.pid = p.id", "a|10\na|11\nb|12\nc|null\n")
	d.must("SELECT p.name, c.id FROM parent p LEFT JOIN child c ON c.pid = p.id AND c.v > 5", "a|11\nb|12\nc|null\n")
	d.must("SELECT p.name, c.id FROM child c RIGHT JOIN parent p ON c.pid = p.id WHERE c.id IS NULL", "c|null\n")
	d.must("SELECT p.id, c.id FROM parent p FULL JOIN child c ON c.pid = p.id", "1|10\n1|11\n2|12\n3|null\nnull|13\n")
	d.must("SELECT name FROM parent p WHERE EXISTS (SELECT 1 FROM child c WHERE c.pid = p.id)", "a\nb\n")
	d.must("SELECT name FROM parent p WHERE NOT EXISTS (SELECT 1 FROM child c WHERE c.pid = p.id)", "c\n")
	d.must("SELECT name FROM parent WHERE id IN (SELECT pid FROM child)", "a\nb\n")
	d.must("SELECT name FROM parent WHERE id NOT IN (SELECT pid FROM child)", "")
	d.must("SELECT name FROM parent WHERE id NOT IN (SELECT pid FROM child WHERE pid IS NOT NULL)", "c\n")
	d.must("SELECT p.id, (SELECT c.v FROM child c WHERE c.pid = p.id ORDER BY c.v DESC LIMIT 1) FROM parent p", "1|6\n2|7\n3|null\n")
	d.must("SELECT p.id, x.v FROM parent p, LATERAL (SELECT c.v FROM child c WHERE c.pid = p.id ORDER BY v LIMIT 1) x", "1|5\n2|7\n")
	d.must("SELECT p.id, x.v FROM parent p LEFT JOIN LATERAL (SELECT c.v FROM child c WHERE c.pid = p.id ORDER BY v LIMIT 1) x ON true", "1|5\n2|7\n3|null\n")
	d.must("SELECT a.id, b.id FROM parent a, parent b WHERE a.id < b.id", "1|2\n1|3\n2|3\n")
	d.must("SELECT s.n FROM (SELECT name AS n, id FROM parent WHERE id > 1) s WHERE s.id < 3", "b\n")
	d.must("SELECT id, name, v FROM parent JOIN (SELECT pid AS id, v FROM child) c USING (id)", "1|a|5\n1|a|6\n2|b|7\n")
}

func TestWrites(t *testing.T) {
	d := shop(t)
	d.fails("INSERT INTO parent VALUES (1, 'z', NULL)", `duplicate key value violates unique constraint "parent_pkey"`)
	d.fails("INSERT INTO parent VALUES (4, 'z', 'a@x')", `duplicate key value violates unique constraint "parent_email_key"`)
	d.fails("INSERT INTO parent VALUES (NULL, 'z')", `null value in column "id" of relation "parent" violates not-null constraint`)
	d.must("INSERT INTO parent VALUES (4, 'd', 'd@x') RETURNING id, name", "4|d\n")
	d.must("UPDATE parent SET name = name || '!' WHERE id = 1 RETURNING name", "a!\n")
	d.must("UPDATE parent SET email = 'q@x' WHERE id = 1 RETURNING *", "1|a!|q@x\n")
	d.must("SELECT id FROM parent WHERE email = 'a@x'", "")
	d.must("SELECT id FROM parent WHERE email = 'q@x'", "1\n")
	d.must("UPDATE child SET pid = 3 WHERE pid = 1", "")
	d.must("SELECT id FROM child WHERE pid = 3", "10\n11\n")
	d.must("SELECT id FROM child WHERE pid = 1", "")
	d.must("UPDATE child SET id = id + 100 WHERE id = 10", "")
	d.must("SELECT id FROM child WHERE pid = 3", "11\n110\n")
	d.must("UPDATE child SET v = p.id FROM parent p WHERE p.id = child.pid RETURNING child.id, p.name, v", "11|c|3\n110|c|3\n12|b|2\n")
	d.must("DELETE FROM child USING parent p WHERE p.id = child.pid AND p.name = 'c' RETURNING child.id", "11\n110\n")
	d.must("DELETE FROM child RETURNING id", "12\n13\n")
	d.must("SELECT id FROM child WHERE pid = 2", "")
	d.must("WITH x AS (DELETE FROM parent WHERE id = 4 RETURNING id) SELECT id + 1 FROM x", "5\n")
	d.must("SELECT id FROM parent FOR UPDATE", "1\n2\n3\n")
	d.must("SELECT id FROM parent ORDER BY id DESC LIMIT 1 FOR UPDATE SKIP LOCKED", "3\n")
	d.must("SELECT x.n FROM (SELECT name AS n, id FROM parent WHERE id > 1) x WHERE x.id < 3 FOR UPDATE", "b\n")
	d.must("UPDATE parent SET name = 'u' WHERE id IN (SELECT 2) RETURNING id", "2\n")
	d.must("UPDATE heap SET b = 'n' WHERE a IS NULL RETURNING b", "n\n")
}

func TestOnConflict(t *testing.T) {
	d := shop(t)
	d.must("INSERT INTO parent VALUES (1, 'n', 'n@x') ON CONFLICT DO NOTHING RETURNING id", "")
	d.must("INSERT INTO parent VALUES (9, 'n', 'a@x') ON CONFLICT (email) DO UPDATE SET name = excluded.name || parent.name RETURNING id, name", "1|na\n")
	d.must("INSERT INTO parent VALUES (9, 'n', 'z@x'), (1, 'k', NULL) ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING id, name", "9|n\n1|k\n")
	d.fails("INSERT INTO parent VALUES (20, 'n', 't@x'), (21, 'k', 't@x') ON CONFLICT (email) DO UPDATE SET name = excluded.name", "cannot affect row a second time")
}

func TestUpdateMeetsDuplicatesInScanOrder(t *testing.T) {
	d := newDB(t)
	d.table("t", []col{{"id", types.Int4Oid, true}}, 1, nil, nil)
	d.must("INSERT INTO t VALUES (5)", "")
	d.must("UPDATE t SET id = id + 1", "")
	d.must("SELECT id FROM t", "6\n")
	d.must("INSERT INTO t VALUES (8)", "")
	d.must("UPDATE t SET id = id + 1", "")
	d.must("SELECT id FROM t", "7\n9\n")
}

func TestAggregates(t *testing.T) {
	d := shop(t)
	d.must("SELECT count(*) FROM child", "4\n")
	d.must("SELECT count(*), count(pid), sum(v) FROM child WHERE id > 100", "0|0|null\n")
	d.must("SELECT pid, count(*), sum(v) FROM child GROUP BY pid", "1|2|11\n2|1|7\nnull|1|8\n")
	d.must("SELECT pid FROM child GROUP BY pid HAVING count(*) > 1", "1\n")
	d.must("SELECT count(DISTINCT pid) FROM child", "2\n")
	d.must("SELECT count(*) FILTER (WHERE v > 5), pid + 1 FROM child GROUP BY pid ORDER BY pid", "1|2\n1|3\n1|null\n")
	d.must("SELECT p.name, count(c.id) FROM parent p LEFT JOIN child c ON c.pid = p.id GROUP BY p.id", "a|2\nb|1\nc|0\n")
	d.must("SELECT p.name, count(c.id) FROM parent p JOIN child c ON c.pid = p.id GROUP BY p.name ORDER BY 2", "b|1\na|2\n")
	d.must("SELECT (SELECT count(*) FROM child c WHERE c.pid = p.id) AS n FROM parent p GROUP BY p.id ORDER BY n DESC", "2\n1\n0\n")
	d.must("SELECT v FROM child ORDER BY v FETCH FIRST 1 ROW WITH TIES", "5\n")
}

func TestSets(t *testing.T) {
	d := shop(t)
	d.must("SELECT * FROM generate_series(1, 3)", "1\n2\n3\n")
	d.must("SELECT g, o FROM generate_series(5, 6) WITH ORDINALITY AS x(g, o)", "5|1\n6|2\n")
	d.must("SELECT id, generate_series(1, id) FROM parent WHERE id < 3", "1|1\n2|1\n2|2\n")
	d.must("SELECT p.id, g FROM parent p, generate_series(1, p.id) g WHERE p.id < 3", "1|1\n2|1\n2|2\n")
	d.must("SELECT u FROM unnest(ARRAY[3, 4]) u ORDER BY u DESC", "4\n3\n")
	d.must("SELECT generate_series(1, 2), generate_series(1, 3) ORDER BY 2", "1|1\n2|2\nnull|3\n")
	d.must("SELECT min(v), max(v), array_agg(id ORDER BY id DESC), string_agg(id::text, ',' ORDER BY id) FROM child", "5|8|{13,12,11,10}|10,11,12,13\n")
	d.must("SELECT avg(v) FROM child", "6.5000000000000000\n")
}
