package main

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// leaseFigure measures reads of a cluster whose leaseholders serve them by themselves, and of one whose leaseholders ask
// raft about each (ReadIndex): a program built with the tag readindex. Both clusters run at the same time, and take turns.
func leaseFigure(dir string) error {
	limit, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	var clusters [2]*testenv.Cluster
	for i, tags := range []string{"", "readindex"} {
		at := filepath.Join(dir, "lease"+tags)
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		c, err := testenv.StartClusterWith(limit, tags, at, *nodes, "--groups", fmt.Sprint(*groups))
		if err != nil {
			return err
		}
		defer c.Kill()
		clusters[i] = c
		if err := accounts(c.Nodes[0]); err != nil {
			return err
		}
	}
	point := func(ctx context.Context, c *pgx.Conn, rnd *rand.Rand, _ int64) error {
		var email, name string
		return c.QueryRow(ctx, `select email, name from w_acct where id = $1`, rnd.Intn(parents)+1).Scan(&email, &name)
	}
	many := func(ctx context.Context, c *pgx.Conn, rnd *rand.Rand, _ int64) error {
		ids := make([]int64, 20)
		for i := range ids {
			ids[i] = int64(rnd.Intn(parents) + 1)
		}
		var n int64
		return c.QueryRow(ctx, `select sum(n) from w_acct where id = any($1)`, ids).Scan(&n)
	}
	counts, err := clientCounts()
	if err != nil {
		return err
	}
	fmt.Printf("\n%d nodes, %d data groups; each figure is the median of %d turns of %.0f s.\n\n", *nodes, *groups, leaseTurns, *seconds)
	fmt.Println("| reads | clients | with the lease, ops/s | asking raft, ops/s | ratio | CPU of an operation, ms |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, w := range []struct {
		what string
		f    op
	}{{"1 key", point}, {"20 keys, of all groups", many}} {
		for _, n := range counts {
			rates, cost, err := inTurns(clusters, n, w.f)
			if err != nil {
				return err
			}
			fmt.Printf("| %s | %d | %.0f | %.0f | %.2f | %.2f, %.2f |\n", w.what, n, rates[0], rates[1], rates[1]/rates[0], cost[0], cost[1])
		}
	}
	return nil
}

const leaseTurns = 3

// inTurns measures the clusters one after the other, several times. cost is the CPU of an operation in milliseconds.
func inTurns(clusters [2]*testenv.Cluster, clients int, f op) (rates, cost [2]float64, err error) {
	var all, costs [2][]float64
	for range leaseTurns {
		for i, c := range clusters {
			before, start := used(c.Nodes), time.Now()
			v, err := rate(c.Nodes, clients, f)
			if err != nil {
				return rates, cost, err
			}
			cpu := used(c.Nodes).cpu - before.cpu
			all[i] = append(all[i], v)
			costs[i] = append(costs[i], cpu.Seconds()*1000/(v*time.Since(start).Seconds()))
		}
	}
	for i := range clusters {
		rates[i], cost[i] = median(all[i]), median(costs[i])
	}
	return rates, cost, nil
}
