// Package pgbench runs PostgreSQL's own load generator: its initialisation and built-in scripts, in each protocol mode.
package pgbench

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

func TestPgbench(t *testing.T) {
	s, err := testenv.StartPgmqdb(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	run := func(args ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		base := []string{"-h", "127.0.0.1", "-p", fmt.Sprint(s.Port), "-U", "postgres"}
		out, err := exec.CommandContext(ctx, "/usr/lib/postgresql/15/bin/pgbench", append(append(base, args...), "postgres")...).CombinedOutput()
		if err != nil || strings.Contains(string(out), "ERROR") {
			t.Errorf("pgbench %v: %v\n%s", args, err, out)
		}
	}
	run("-i", "-s", "1", "-q", "--foreign-keys")
	for _, mode := range []string{"simple", "extended", "prepared"} {
		for _, script := range []string{"tpcb-like", "simple-update", "select-only"} {
			run("-n", "-b", script, "-M", mode, "-c", "4", "-j", "2", "-t", "50")
		}
	}
	ctx := context.Background()
	c, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	// Every tpcb-like transaction moved one amount through all three tables and wrote it down.
	var accounts, tellers, branches, history, rows int
	if err := c.QueryRow(ctx, `select (select sum(abalance) from pgbench_accounts), (select sum(tbalance) from pgbench_tellers),
		(select sum(bbalance) from pgbench_branches), (select sum(delta) from pgbench_history), (select count(*) from pgbench_history)`).
		Scan(&accounts, &tellers, &branches, &history, &rows); err != nil {
		t.Fatal(err)
	}
	if accounts != history || rows != 2*3*200 {
		t.Errorf("accounts hold %d, history adds up to %d in %d rows", accounts, history, rows)
	}
	if tellers != branches {
		t.Errorf("tellers hold %d, branches %d", tellers, branches)
	}
}
