// Command regress scores pgmqdb against PostgreSQL's own regression tests: each file of src/test/regress runs through psql
// as pg_regress runs it, and the output of each statement is compared with expected/.
//
//	go run ./tests/regress                         all files
//	go run ./tests/regress -files select,join -v   some, with every difference
//	go run ./tests/regress -write                  also write the table into docs/COMPATIBILITY.md
//
// Which statements count is said in rules.go. The order of rows counts as far as ORDER BY fixes it. The machine's own
// PostgreSQL 15 runs the same way: what it does not score at 100 % is the tool's and the isolated run's fault.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"
)

var (
	only     = flag.String("files", "", "comma-separated files; empty: all")
	verbose  = flag.Bool("v", false, "print every difference, not only the first three of a file")
	causes   = flag.Int("causes", 40, "how many causes of differences to print")
	write    = flag.Bool("write", false, "write the table into docs/COMPATIBILITY.md")
	subjects = flag.String("on", "pgmqdb,postgresql", "servers to score")
	keep     = flag.String("keep", "", "write what psql printed, unit by unit, into this directory")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func chosen() []string {
	if *only == "" {
		return files
	}
	return strings.Split(*only, ",")
}

func run() error {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "regress")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	s, err := openSuite(ctx, filepath.Join(dir, "abs"))
	if err != nil {
		return err
	}
	results := map[string][]*score{}
	for _, subject := range strings.Split(*subjects, ",") {
		scores, err := s.runAll(ctx, subject, dir, chosen())
		if err != nil {
			return err
		}
		results[subject] = scores
	}
	table := scoreTable(results)
	fmt.Println(table)
	fmt.Println(causeTable(results["pgmqdb"], *causes))
	if !*write {
		return nil
	}
	if *only != "" || len(results) != 2 {
		return errors.New("-write needs a run of all files on both servers")
	}
	return scores.Write(table)
}

func (s *suite) runAll(ctx context.Context, subject, dir string, files []string) ([]*score, error) {
	t := pgmqdbTarget(dir)
	if subject == "postgresql" {
		var stop func()
		var err error
		if t, stop, err = postgresTarget(ctx, s, dir); err != nil {
			return nil, err
		}
		defer stop()
	}
	var scores []*score
	for _, f := range files {
		start := time.Now()
		sc, err := s.run(ctx, t, f)
		if err != nil {
			return nil, fmt.Errorf("%s on %s: %w", f, subject, err)
		}
		scores = append(scores, sc)
		e, c, o := sc.counts()
		fmt.Printf("# %s %s: %d of %d, %d left out, %.1f s, in all %.1f s %s\n", subject, f, e, c, o, sc.took.Seconds(), time.Since(start).Seconds(), sc.note)
		printDifferences(os.Stdout, sc)
		if *keep != "" {
			if err := keepOutput(filepath.Join(*keep, f+"."+subject), sc); err != nil {
				return nil, err
			}
		}
	}
	return scores, nil
}
