package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// slow is how many times PostgreSQL's time a query may take before the figure calls it a defect of the planner.
const slow = 5

// queriesFigure runs the queries of queries.go on both servers, compares their rows, and prints the times.
func queriesFigure(dir string) error {
	pg, err := testenv.StartPostgres(dir, "shared_buffers=512MB", "max_wal_size=4GB", "fsync=off")
	if err != nil {
		return err
	}
	defer pg.Stop()
	limit, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cluster, err := testenv.StartCluster(limit, dir, 1, "--groups", fmt.Sprint(*groups))
	if err != nil {
		return err
	}
	defer cluster.Kill()
	servers := []*testenv.Server{pg, cluster.Nodes[0]}
	for _, s := range servers {
		if err := execAll(s, querySchema...); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	fmt.Println("| query | rows | PostgreSQL 15, ms | pgmqdb, ms | times |\n|---|---|---|---|---|")
	over := 0
	for _, q := range queries {
		if *only != "" && !strings.Contains(","+*only+",", ","+q.name+",") {
			continue
		}
		var took [2]float64
		var rows [2]int
		var sums [2]string
		for i, s := range servers {
			if took[i], rows[i], sums[i], err = timeQuery(s, q.sql); err != nil {
				break
			}
		}
		switch {
		case err != nil:
			fmt.Printf("| %s | failed: %s |\n", q.name, firstLine(err.Error()))
			over++
			continue
		case rows[0] != rows[1] || sums[0] != sums[1]:
			fmt.Printf("| %s | %d and %d: the rows differ |\n", q.name, rows[0], rows[1])
			over++
			continue
		}
		times := took[1] / max(took[0], 0.01)
		mark := ""
		if times > slow {
			mark = " **"
			over++
		}
		fmt.Printf("| %s | %d | %.2f | %.2f | %.1f%s |\n", q.name, rows[0], took[0], took[1], times, mark)
	}
	if over > 0 {
		return fmt.Errorf("%d of %d queries failed, differ or take more than %d times PostgreSQL's time", over, len(queries), slow)
	}
	return nil
}

// queryTurns is how often a query is timed, after it has run once.
const queryTurns = 5

// timeQuery returns the median of a query's times in ms, how many rows it has, and a sum over them, whatever their order.
func timeQuery(s *testenv.Server, sql string) (ms float64, rows int, sum string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return 0, 0, "", err
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(ctx, "set statement_timeout = '20s'"); err != nil {
		return 0, 0, "", err
	}
	var all []float64
	for turn := range queryTurns + 1 {
		start := time.Now()
		res, err := conn.PgConn().Exec(ctx, sql).ReadAll()
		took := float64(time.Since(start).Microseconds()) / 1000
		if err != nil {
			return 0, 0, "", fmt.Errorf("%s: %w", s.Name, err)
		}
		if turn > 0 {
			all = append(all, took)
			continue
		}
		var lines []string
		for _, r := range res {
			for _, row := range r.Rows {
				lines = append(lines, fmt.Sprintf("%q", row))
			}
		}
		slices.Sort(lines)
		rows, sum = len(lines), fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(lines, "\n"))))
	}
	return median(all), rows, sum, nil
}
