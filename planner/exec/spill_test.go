package exec

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// spillDB has two tables whose rows are more than the smallest work_mem holds, with NULLs, equal keys and values of many
// kinds.
func spillDB(t testing.TB) *db {
	d := newDB(t)
	rng := rand.New(rand.NewSource(3))
	cols := []col{{"id", types.Int4Oid, true}, {"k", types.Int4Oid, false}, {"s", types.TextOid, false}, {"n", types.NumericOid, false},
		{"f", types.Float8Oid, false}, {"a", types.Int4ArrayOid, false}}
	for _, name := range []string{"big", "other"} {
		d.table(name, cols, 1, nil, nil)
		for from := 0; from < 9000; from += 1000 {
			var rows []string
			for id := from; id < from+1000; id++ {
				k := fmt.Sprint(rng.Intn(3000))
				if rng.Intn(20) == 0 {
					k = "NULL"
				}
				rows = append(rows, fmt.Sprintf("(%d, %s, 'text %d %s', %d.%d, %d.25, ARRAY[%d, NULL, %d])", id, k, rng.Intn(4000),
					strings.Repeat("x", rng.Intn(40)), rng.Intn(1000), rng.Intn(10), rng.Intn(50), rng.Intn(9), id))
			}
			d.must("INSERT INTO "+name+" VALUES "+strings.Join(rows, ", "), "")
		}
	}
	return d
}

// spillQueries need more than 64 kB in one operator each.
var spillQueries = []string{
	"SELECT id, k, s, n, a FROM big ORDER BY s, k NULLS FIRST, id DESC",
	"SELECT id FROM big ORDER BY k DESC, n, f",
	"SELECT id, a FROM big ORDER BY n LIMIT 3000 OFFSET 10",
	"SELECT b.id, o.id, o.s FROM big b JOIN other o ON b.k = o.k",
	"SELECT b.id, o.id FROM big b LEFT JOIN other o ON b.k = o.k AND o.f > 30 AND b.id < o.id",
	"SELECT b.id, o.id FROM big b RIGHT JOIN other o ON b.s = o.s",
	"SELECT b.id, o.id FROM big b FULL JOIN other o ON b.k = o.k AND b.s = o.s",
	"SELECT id FROM big b WHERE EXISTS (SELECT FROM other o WHERE o.s = b.s)",
	"SELECT id FROM big b WHERE NOT EXISTS (SELECT FROM other o WHERE o.k = b.k AND o.id <> b.id)",
	"SELECT id FROM big WHERE s NOT IN (SELECT s FROM other WHERE id > 3)",
	"SELECT id FROM big WHERE k NOT IN (SELECT k FROM other)",
	"SELECT b.id, o.s FROM (SELECT * FROM big WHERE id < 40) b LEFT JOIN other o ON b.f = o.f",
	"SELECT k, count(*), sum(n), min(s), max(f) FROM big GROUP BY k",
	"SELECT s, n, count(*) FROM big GROUP BY s, n",
	"SELECT s || '', k, count(k) FILTER (WHERE f > 20) FROM big GROUP BY 1, 2",
	"SELECT k, f, grouping(k), count(*) FROM big GROUP BY GROUPING SETS ((k, f), (s), ())",
	"SELECT k, string_agg(s, ',' ORDER BY s, id) FROM big GROUP BY k",
	"SELECT k % 3, count(DISTINCT s), array_agg(DISTINCT s) FROM big GROUP BY 1",
	"SELECT count(DISTINCT s), count(DISTINCT n), sum(DISTINCT k) FROM big",
	"SELECT array_agg(id ORDER BY s DESC, id) FROM big",
	"SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY s) FROM big",
	"SELECT k % 5, percentile_disc(ARRAY[0.9, 0.1, 0.5, 0, 1]) WITHIN GROUP (ORDER BY s DESC), percentile_cont(0.3) WITHIN GROUP (ORDER BY f + id), mode() WITHIN GROUP (ORDER BY s) FROM big GROUP BY 1",
	"SELECT k % 5, rank('text 3') WITHIN GROUP (ORDER BY s), dense_rank('text 3') WITHIN GROUP (ORDER BY s DESC), cume_dist('text 3', 50) WITHIN GROUP (ORDER BY s, k), percent_rank(7) WITHIN GROUP (ORDER BY k NULLS FIRST) FROM big GROUP BY 1",
	"SELECT k % 5, string_agg(DISTINCT s, '|' ORDER BY s DESC), count(DISTINCT s) FILTER (WHERE id % 3 = 0), sum(DISTINCT f + id % 2000) FROM big GROUP BY 1",
	"SELECT k % 5, percentile_disc(0.5) WITHIN GROUP (ORDER BY s), count(DISTINCT s) FROM big GROUP BY GROUPING SETS ((1), ())",
	"SELECT DISTINCT s FROM big",
	"SELECT DISTINCT a[1:2], n, s FROM big",
	"SELECT DISTINCT ON (k) k, s, id FROM big ORDER BY k, s, id",
	"SELECT DISTINCT ON (k, f) f, k, s FROM big ORDER BY f, k DESC, id",
	"SELECT s FROM big UNION SELECT s FROM other",
	"SELECT s FROM big INTERSECT SELECT s FROM other",
	"SELECT s, k FROM big EXCEPT SELECT s, k FROM other",
	"SELECT k FROM big INTERSECT ALL SELECT k FROM other",
	"SELECT k FROM big EXCEPT ALL SELECT k FROM other",
	"SELECT id, row_number() OVER (ORDER BY s, id), sum(k) OVER (ORDER BY s, id ROWS 5 PRECEDING), lag(s, 700) OVER (ORDER BY s, id) FROM big",
	"SELECT id, count(*) OVER (PARTITION BY k % 2), min(s) OVER (PARTITION BY k % 2 ORDER BY id ROWS BETWEEN 20 PRECEDING AND CURRENT ROW) FROM big",
	"SELECT id, first_value(s) OVER w, last_value(s) OVER w, nth_value(a, 3) OVER w FROM big WINDOW w AS (ORDER BY f, id GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW)",
	"SELECT id, sum(n) OVER (PARTITION BY f ORDER BY id RANGE BETWEEN 100 PRECEDING AND 10 FOLLOWING), ntile(7) OVER (ORDER BY id) FROM big",
	"SELECT id, rank() OVER (ORDER BY k), cume_dist() OVER (ORDER BY k) FROM big",
	"WITH c AS MATERIALIZED (SELECT * FROM big) SELECT a.id, b.s, b.a FROM c a JOIN c b ON a.id = b.id + 1",
	"WITH c AS MATERIALIZED (SELECT s FROM big) SELECT (SELECT count(*) FROM c), (SELECT max(s) FROM c)",
	"WITH RECURSIVE r(n, s) AS (SELECT id, s FROM big WHERE id < 5000 UNION ALL SELECT n + 5000, s || '+' FROM r WHERE n < 10000) SELECT n, s FROM r",
	"WITH RECURSIVE r(n) AS (SELECT id FROM big UNION SELECT n + 9000 FROM r WHERE n < 12000) SELECT n FROM r",
	"WITH RECURSIVE r(n, s) AS (SELECT id % 100, s FROM big WHERE id < 100 UNION SELECT (n * 7 + d) % 20000, 'node ' || (n * 7 + d) % 20000 FROM r, (VALUES (1), (2), (3)) v(d)) SELECT n, s FROM r",
	"WITH RECURSIVE r(n) AS (VALUES (0) UNION SELECT (n + 1) % 9000 FROM r) SELECT n FROM r",
	"SELECT b.id, o.id FROM (SELECT * FROM big WHERE id < 20) b LEFT JOIN other o ON o.id > b.id * 400",
	"SELECT b.id, x.id FROM (SELECT * FROM big WHERE id < 12) b, LATERAL (SELECT o.id, o.s FROM other o WHERE o.id > b.id OFFSET 0) x",
	"SELECT b.id, (SELECT count(DISTINCT o.s) FROM other o WHERE o.id > b.id) FROM big b WHERE b.id < 5",
}

// runWith runs a query with a work_mem in kB and returns its rows and how many temporary files it used.
func (d *db) runWith(space *TempSpace, sql string, workMemKB, workers int) (string, int64, error) {
	p := d.plan(sql)
	c := d.context()
	c.Temp, c.WorkMemBytes, c.HashMemMultiplier, c.Workers = space, int64(workMemKB)<<10, 1, workers
	before := space.Use.Files.Load()
	d.txn.start = d.txn.seq
	var out []byte
	_, err := Run(c, p, func(b *types.Batch) error {
		for i := range b.N {
			for k := range p.Columns {
				out = append(out, '|')
				if v := b.Cols[k].Get(i); v.IsNull() {
					out = append(out, "null"...)
				} else {
					out = types.AppendText(out, p.Columns[k].Type.Oid, v, types.DefaultIOEnv)
				}
			}
			out = append(out, '\n')
		}
		return nil
	})
	return string(out), space.Use.Files.Load() - before, err
}

func tempSpace(t testing.TB) *TempSpace {
	dir, err := OpenTempDir(t.TempDir() + "/tmp")
	if err != nil {
		t.Fatal(err)
	}
	return &TempSpace{Dir: dir, Use: dir.Use("db"), PID: 7, LimitKB: -1}
}

func (s *TempSpace) check(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(s.Dir.Path)
	if err != nil || len(left) > 0 || s.used.Load() != 0 {
		t.Errorf("%d files of %d bytes are left (%v)", len(left), s.used.Load(), err)
	}
}

// TestMemoryDoesNotShow runs queries with the smallest work_mem and with 1 GB: the rows are the same.
func TestMemoryDoesNotShow(t *testing.T) {
	d, space := spillDB(t), tempSpace(t)
	for _, sql := range spillQueries {
		want, files, err := d.runWith(space, sql, 1<<20, 1)
		if err != nil || files != 0 {
			t.Errorf("%s: %v, with %d files", sql, err, files)
			continue
		}
		for workers := 1; workers < 4; workers += 2 {
			got, files, err := d.runWith(space, sql, 64, workers)
			if err != nil {
				t.Errorf("%s: %v", sql, err)
				continue
			}
			if files == 0 {
				t.Errorf("%s: nothing went to a file", sql)
			}
			if got != want && (orderedSQL.MatchString(sql) || sortLines(got) != sortLines(want)) {
				t.Errorf("%s (%d workers): %d bytes of rows with 64 kB, %d with 1 GB", sql, workers, len(got), len(want))
			}
			space.check(t)
		}
	}
}

// TestTempFileLimit sees temp_file_limit, a full disk and a cancellation end a query without leaving files.
func TestTempFileLimit(t *testing.T) {
	d, space := spillDB(t), tempSpace(t)
	code := func(sql, want, text string) {
		t.Helper()
		_, _, err := d.runWith(space, sql, 64, 1)
		var e *pgerr.Error
		if !errors.As(err, &e) || e.Code != want || !strings.Contains(e.Message, text) {
			t.Errorf("%s: %v", sql, err)
		}
		space.check(t)
	}
	space.LimitKB = 16
	for _, sql := range spillQueries[:8] {
		code(sql, pgerr.ConfigurationLimitExceeded, "temporary file size exceeds temp_file_limit (16kB)")
	}
	space.LimitKB = -1
	space.Dir.Full = func() bool { return true }
	for _, sql := range spillQueries[:8] {
		code(sql, pgerr.DiskFull, "No space left on device")
	}
	space.Dir.Full = nil

	p := d.plan(spillQueries[3])
	ctx, cancel := context.WithCancel(context.Background())
	c := d.context()
	c.Context, c.Temp, c.WorkMemBytes = ctx, space, 64<<10
	cur, err := Open(c, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cur.Next(0); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(space.Dir.Path); len(left) == 0 {
		t.Error("a join in the middle has no file")
	}
	cancel()
	for err == nil {
		_, err = cur.Next(0)
	}
	cur.Close()
	space.check(t)
}

// TestLeftoversGo sees what a killed process left removed when the directory is opened again.
func TestLeftoversGo(t *testing.T) {
	space := tempSpace(t)
	var files fileSet
	f, err := files.create(space)
	if err != nil {
		t.Fatal(err)
	}
	defer f.remove()
	if _, err := f.append([]byte("rows")); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(space.Dir.Path); err != nil || len(left) != 1 || left[0].Name() != "pgsql_tmp7.0" {
		t.Fatalf("%v, %v", left, err)
	}
	if _, err := OpenTempDir(space.Dir.Path); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(space.Dir.Path); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// TestAnalyzeTellsOfDisk sees EXPLAIN ANALYZE say what went to disk.
func TestAnalyzeTellsOfDisk(t *testing.T) {
	d, space := spillDB(t), tempSpace(t)
	explain := func(sql string, kb int64) string {
		p := d.plan(sql)
		c := d.context()
		c.Temp, c.WorkMemBytes, c.Analyze = space, kb<<10, &Instrumentation{}
		if _, err := Run(c, p, nil); err != nil {
			t.Fatal(err)
		}
		return strings.Join(explainLines(p, planner.ExplainOptions{Costs: true, Timing: true, Stats: c.Analyze.Stats}), "\n")
	}
	for _, c := range []struct {
		sql   string
		kb    int64
		match string
	}{
		{"SELECT s FROM big ORDER BY s", 64, "Sort Method: external merge  Disk: "},
		{"SELECT s FROM big ORDER BY s", 1 << 20, "Sort Method: quicksort  Memory: "},
		{"SELECT s FROM big ORDER BY s LIMIT 3", 1 << 20, "Sort Method: top-N heapsort  Memory: "},
		{"SELECT s FROM big ORDER BY s LIMIT 3", 64, "Sort Method: top-N heapsort  Memory: "},
		{"SELECT count(*) FROM big GROUP BY s", 64, "kB  Disk Usage: "},
		{"SELECT count(*) FROM big GROUP BY s", 1 << 20, "Batches: 1  Memory Usage: "},
		{"SELECT b.id FROM big b JOIN other o ON b.s = o.s", 1 << 20, "  Batches: 1  Memory Usage: "},
	} {
		if got := explain(c.sql, c.kb); !strings.Contains(got, c.match) {
			t.Errorf("%s with %d kB:\n%s", c.sql, c.kb, got)
		}
	}
	if got := explain("SELECT b.id FROM big b JOIN other o ON b.s = o.s", 64); strings.Contains(got, "Batches: 1 ") {
		t.Errorf("a join in parts says\n%s", got)
	}
}
