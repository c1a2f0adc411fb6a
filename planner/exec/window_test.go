package exec

import (
	"strings"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/planner"
)

// A frame of 80,001 rows around each of 100,000 costs what 100,000 rows cost: adding up every frame would take minutes.
func TestWideMovingFramesAreLinear(t *testing.T) {
	d := newDB(t)
	start := time.Now()
	d.must(`SELECT sum(s), max(c), sum(a) FROM (SELECT sum(i) OVER w s, count(*) OVER w c, avg(i::numeric) OVER w a FROM generate_series(1, 100000) i
		WINDOW w AS (ORDER BY i ROWS BETWEEN 50000 PRECEDING AND 30000 FOLLOWING)) q`, "291339383365000|80001|4400055000.000000000000\n")
	d.must(`SELECT sum(s), max(c) FROM (SELECT min(i) OVER w s, max(-i) OVER w c FROM generate_series(1, 100000) i
		WINDOW w AS (ORDER BY i ROWS BETWEEN 50000 PRECEDING AND 30000 FOLLOWING)) q`, "1250075000|-1\n")
	d.must(`SELECT sum(s) FROM (SELECT sum(i) OVER (ORDER BY i RANGE BETWEEN 40000 PRECEDING AND 40000 FOLLOWING) s FROM generate_series(1, 100000) i) q`,
		"320006200030000\n")
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
}

// What a window holds is one partition: it fits work_mem or the statement fails, and the number of partitions is no matter.
func TestWindowKeepsWithinWorkMem(t *testing.T) {
	d := newDB(t)
	run := func(sql string) error {
		c := d.context()
		c.WorkMemBytes = 1 << 20
		cur, err := Open(c, d.plan(sql))
		if err != nil {
			t.Fatal(err)
		}
		defer cur.Close()
		for {
			if b, err := cur.Next(0); err != nil || b == nil {
				return err
			}
		}
	}
	if err := run("SELECT count(*) OVER () FROM generate_series(1, 200000) i"); err == nil || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("a partition beyond work_mem: %v", err)
	}
	if err := run("SELECT sum(i) OVER (ORDER BY i) FROM generate_series(1, 20000) i"); err != nil {
		t.Errorf("a partition within work_mem: %v", err)
	}
}

// One sort serves the windows whose order is the beginning of it.
func TestWindowsShareSorts(t *testing.T) {
	d := shop(t)
	plan := strings.Join(planner.Explain(d.plan(`SELECT sum(v) OVER (PARTITION BY pid ORDER BY id), rank() OVER (PARTITION BY pid), count(*) OVER (),
		lag(id) OVER (ORDER BY v) FROM child`)), "\n")
	if got := strings.Count(plan, "WindowAgg"); got != 4 {
		t.Errorf("%d WindowAggs, want 4:\n%s", got, plan)
	}
	if got := strings.Count(plan, "Sort  "); got != 2 {
		t.Errorf("%d sorts, want 2:\n%s", got, plan)
	}
}
