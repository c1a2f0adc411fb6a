// Command pgxsuite runs the test suite of pgx v5, PostgreSQL's driver for Go, against PostgreSQL 15 and against pgmqdb, and
// says how much of what passes on the first passes on the second.
//
//	go run ./tests/pgxsuite                               all packages
//	go run ./tests/pgxsuite -packages pgconn,pgtype -v    some, with what the failing tests print
//	go run ./tests/pgxsuite -write                        also write the table into docs/COMPATIBILITY.md
//
// The suite is that of the version in go.mod, from the module cache. Tests for servers of other kinds (unix sockets,
// certificates, PgBouncer, CockroachDB) skip themselves on both.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
)

var (
	only     = flag.String("packages", "", "comma-separated packages below pgx/v5, such as pgtype; . is pgx itself; empty: all")
	verbose  = flag.Bool("v", false, "print what failing tests print")
	write    = flag.Bool("write", false, "write the table into docs/COMPATIBILITY.md")
	failures = flag.Bool("failures", true, "name the tests that pass on PostgreSQL only")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "pgxsuite")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	var packages []string
	if *only != "" {
		packages = strings.Split(*only, ",")
	}
	c, err := compare(context.Background(), dir, packages)
	if err != nil {
		return err
	}
	fmt.Println(c.table())
	if *failures {
		fmt.Println(c.failures(*verbose))
	}
	fmt.Println(c.causes())
	if !*write {
		return nil
	}
	if *only != "" {
		return errors.New("-write needs a run of all packages")
	}
	return scores.Write(c.table())
}

// comparison holds what became of every test on both servers, by package.
type comparison struct {
	packages []string
	pg, our  map[string]outcomes
}

// counts returns how many tests of a package pass on PostgreSQL, and how many of these on pgmqdb.
func (c *comparison) counts(pkg string) (pg, our int) {
	for _, t := range c.pg[pkg].leaves() {
		if c.pg[pkg][t].action == "pass" {
			pg++
			if c.our[pkg].passed(t) {
				our++
			}
		}
	}
	return pg, our
}

func (c *comparison) table() string {
	var b strings.Builder
	b.WriteString("| package | pass on PostgreSQL 15 | of these on pgmqdb | share |\n|---|---|---|---|\n")
	var pg, our int
	for _, p := range c.packages {
		x, y := c.counts(p)
		if x == 0 {
			continue
		}
		pg, our = pg+x, our+y
		fmt.Fprintf(&b, "| %s | %d | %d | %.1f %% |\n", p, x, y, float64(y)*100/float64(x))
	}
	fmt.Fprintf(&b, "| all | %d | %d | %.1f %% |\n", pg, our, float64(our)*100/float64(max(pg, 1)))
	return b.String()
}

// failures lists the tests that pass on PostgreSQL only.
func (c *comparison) failures(output bool) string {
	var b strings.Builder
	for _, p := range c.packages {
		for _, t := range c.pg[p].leaves() {
			if c.pg[p][t].action != "pass" || c.our[p].passed(t) {
				continue
			}
			fmt.Fprintf(&b, "%s %s: %s\n", p, t, c.our[p].why(t))
			if output {
				b.WriteString(c.our[p].output(t))
			}
		}
	}
	return b.String()
}

// causes counts the failures by what the tests print.
func (c *comparison) causes() string {
	n := map[string]int{}
	for _, p := range c.packages {
		for _, t := range c.pg[p].leaves() {
			if c.pg[p][t].action == "pass" && !c.our[p].passed(t) {
				n[general(c.our[p].why(t))]++
			}
		}
	}
	var keys []string
	for k := range n {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if n[a] != n[b] {
			return n[b] - n[a]
		}
		return strings.Compare(a, b)
	})
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "%5d  %s\n", n[k], k)
	}
	return b.String()
}
