// Command bench measures pgmqdb against PostgreSQL 15, both started by it, in the same run on the same machine, and
// prints a table of ratios: the workloads W1 to W15 of docs/benchmarks.md. Machines differ and are shared; the ratio of two
// figures from one run is what says something.
//
// With -figure it measures one thing of pgmqdb alone instead: "join", what it takes to move data to a node that joins, and
// what clients notice meanwhile; or "lease", reads with the lease and without. "queries" compares the times of an
// application's queries with PostgreSQL's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

var (
	seconds  = flag.Float64("seconds", 10, "how long each timed row runs")
	only     = flag.String("only", "", "comma-separated workloads, such as W1,W5; empty: all")
	write    = flag.String("write", "", "also write the table to this file, before the sections that it has")
	groups   = flag.Int("groups", 4, "data groups of pgmqdb")
	profiles = flag.String("profiles", "", "also write profiles of pgmqdb's CPU and allocations of each measurement into this directory")
	ours     = flag.Bool("ours", false, "measure pgmqdb only")
	clients  = flag.String("clients", "1,8,32", "numbers of clients")
	figure   = flag.String("figure", "", "measure this of pgmqdb instead: join (-mib of data move to a node that joins -nodes others, under a "+
		"load of the last number of -clients) lease (reads with and without the lease, at each number of -clients) or queries (an application's queries, on PostgreSQL too)")
	mib   = flag.Int("mib", 1024, "MiB of rows that -figure join loads")
	nodes = flag.Int("nodes", 1, "nodes of pgmqdb; the clients of W1 to W10 are spread over them")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// result is one row of the table.
type result struct {
	id, work, clients string
	unit              string // "ops/s", more is better; or "ms", less is better
	pg, our           float64
}

// ratio is how pgmqdb stands to PostgreSQL: 1 is equal, more is better whatever the unit.
func (r result) ratio() float64 {
	if r.our == 0 || r.pg == 0 {
		return 0
	}
	if r.unit == "ms" {
		return r.pg / r.our
	}
	return r.our / r.pg
}

type bench struct {
	pg, our *testenv.Server
	nodes   []*testenv.Server // our and the others of its cluster
	counts  []int
	results []result
	dir     string
}

func run() error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	switch *figure {
	case "":
	case "join":
		return joinFigure(dir)
	case "lease":
		return leaseFigure(dir)
	case "queries":
		return queriesFigure(dir)
	default:
		return fmt.Errorf("there is no figure %q", *figure)
	}
	b := &bench{dir: dir}
	if b.counts, err = clientCounts(); err != nil {
		return err
	}
	if !*ours {
		if b.pg, err = testenv.StartPostgres(dir, "shared_buffers=512MB", "max_wal_size=4GB"); err != nil {
			return err
		}
		defer b.pg.Stop()
	}
	limit, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cluster, err := testenv.StartCluster(limit, dir, *nodes, "--groups", fmt.Sprint(*groups))
	if err != nil {
		return err
	}
	defer cluster.Kill()
	b.our, b.nodes = cluster.Nodes[0], cluster.Nodes
	for _, w := range workloads {
		if *only != "" && !strings.Contains(","+*only+",", ","+w.id+",") {
			continue
		}
		start := time.Now()
		if err := w.run(b, w); err != nil {
			fmt.Printf("%s failed: %v\n", w.id, err)
			if pe := (*pgconn.PgError)(nil); errors.As(err, &pe) {
				fmt.Println(pe.Detail)
			}
			b.results = append(b.results, result{id: w.id, work: w.what + " — failed: " + firstLine(err.Error())})
		}
		fmt.Printf("# %s took %.0f s, pgmqdb resident %d MiB\n", w.id, time.Since(start).Seconds(), residentMiB(b.our.PID()))
	}
	table := b.table()
	fmt.Println(table)
	if *write != "" {
		return writePage(*write, page(table))
	}
	return nil
}

// writePage replaces the page's beginning, the table of one node; the sections behind it are kept.
func writePage(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if i := strings.Index(string(old), "\n## "); i >= 0 {
		text = strings.TrimRight(text, "\n") + "\n" + string(old[i:])
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// clientCounts are the numbers of clients to measure with.
func clientCounts() (counts []int, err error) {
	for _, c := range strings.Split(*clients, ",") {
		var n int
		if _, err := fmt.Sscan(c, &n); err != nil {
			return nil, fmt.Errorf("-clients %s: %w", *clients, err)
		}
		counts = append(counts, n)
	}
	return counts, nil
}

func firstLine(s string) string {
	l, _, _ := strings.Cut(s, "\n")
	return l
}

func residentMiB(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(data), "\n") {
		var kb int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); err == nil {
			return kb >> 10
		}
	}
	return 0
}

func (b *bench) table() string {
	var s strings.Builder
	s.WriteString("| id | work | clients | unit | PostgreSQL 15 | pgmqdb | ratio |\n|---|---|---|---|---|---|---|\n")
	for _, r := range b.results {
		fmt.Fprintf(&s, "| %s | %s | %s | %s | %.0f | %.0f | %.2f |\n", r.id, r.work, r.clients, r.unit, r.pg, r.our, r.ratio())
	}
	return s.String()
}

func page(table string) string {
	return fmt.Sprintf(`# Benchmarks

`+"`make bench`"+` starts a PostgreSQL 15 and a cluster of pgmqdb (nodes: %d, data groups: %d) on the same machine and runs each
workload against one and then the other. The load generator (pgx, prepared statements) shares the cores. Ratio: 1 is
PostgreSQL's speed, more is faster; for times it is PostgreSQL's time over ours. Timed rows ran %.0f s each, after the
loaded data was flushed, with flushes going on. Both servers fsync each commit.

%s
`, *nodes, *groups, *seconds, table)
}

// both runs f against PostgreSQL and then pgmqdb.
func (b *bench) both(f func(s *testenv.Server) error) error {
	for _, s := range []*testenv.Server{b.pg, b.our} {
		if s == nil {
			continue
		}
		if err := f(s); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}

// exec runs statements on a server; a CHECKPOINT after loading is part of many.
func execAll(s *testenv.Server, statements ...string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, st := range statements {
		if _, err := conn.Exec(ctx, st, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("%.60s: %w", st, err)
		}
	}
	return nil
}

// copyRows loads n rows with COPY.
func copyRows(s *testenv.Server, table string, columns []string, n int, row func(i int) []any) (time.Duration, error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	var text strings.Builder
	for i := 0; i < n; i++ {
		for j, v := range row(i) {
			if j > 0 {
				text.WriteByte('\t')
			}
			fmt.Fprint(&text, v)
		}
		text.WriteByte('\n')
	}
	start := time.Now()
	_, err = conn.PgConn().CopyFrom(ctx, strings.NewReader(text.String()),
		fmt.Sprintf("copy %s (%s) from stdin", table, strings.Join(columns, ",")))
	return time.Since(start), err
}

// pgbench runs PostgreSQL's own load generator and returns its transactions a second.
func pgbench(s *testenv.Server, args ...string) (float64, error) {
	base := []string{"-h", "127.0.0.1", "-p", fmt.Sprint(s.Port), "-U", "postgres"}
	out, err := exec.Command("/usr/lib/postgresql/15/bin/pgbench", append(append(base, args...), "postgres")...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	for _, line := range strings.Split(string(out), "\n") {
		var tps float64
		if _, err := fmt.Sscanf(line, "tps = %f", &tps); err == nil {
			return tps, nil
		}
	}
	return 0, nil
}

// profiled runs f with, if asked for, profiles of pgmqdb's CPU and allocations being taken meanwhile.
func profiled(s *testenv.Server, name string, f func() error) error {
	if *profiles == "" || s.HTTP == 0 {
		return f()
	}
	var taken sync.WaitGroup
	taken.Go(func() { takeProfile(s, "profile", name) })
	taken.Go(func() { takeProfile(s, "allocs", name+"-allocs") })
	err := f()
	taken.Wait()
	return err
}

func takeProfile(s *testenv.Server, kind, name string) {
	res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/debug/pprof/%s?seconds=%d", s.HTTP, kind, max(1, int(*seconds))))
	if err != nil {
		log.Print(err)
		return
	}
	defer res.Body.Close()
	out, err := os.Create(filepath.Join(*profiles, name+".pprof"))
	if err != nil {
		log.Print(err)
		return
	}
	defer out.Close()
	_, _ = io.Copy(out, res.Body)
}
