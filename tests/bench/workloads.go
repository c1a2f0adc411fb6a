package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// workload is one row of the list, possibly with several client counts.
type workload struct {
	id, what string
	run      func(b *bench, w workload) error
}

// op is one operation of one client; seq is unique over the clients of a run.
type op func(ctx context.Context, c *pgx.Conn, rnd *rand.Rand, seq int64) error

var errExhausted = errors.New("no more rows to work on")

// rate measures operations a second of n clients, spread over the servers.
func rate(servers []*testenv.Server, n int, f op) (float64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration((*seconds*3+30)*float64(time.Second)))
	defer cancel()
	conns := make([]*pgx.Conn, n)
	for i := range conns {
		c, err := pgx.Connect(ctx, servers[i%len(servers)].URL())
		if err != nil {
			return 0, err
		}
		defer c.Close(context.Background())
		conns[i] = c
	}
	var seq, done atomic.Int64
	var failed atomic.Value
	var wg sync.WaitGroup
	start := time.Now()
	deadline := start.Add(time.Duration(*seconds * float64(time.Second)))
	for i, c := range conns {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rnd := rand.New(rand.NewSource(int64(i) + time.Now().UnixNano()))
			for time.Now().Before(deadline) {
				if err := f(ctx, c, rnd, seq.Add(1)); err != nil {
					if !errors.Is(err, errExhausted) {
						failed.CompareAndSwap(nil, err)
					}
					return
				}
				done.Add(1)
			}
		}()
	}
	wg.Wait()
	elapsed := time.Since(start).Seconds()
	if err, ok := failed.Load().(error); ok {
		return 0, err
	}
	return float64(done.Load()) / elapsed, nil
}

// rated runs an operation at every client count on both servers; reset, if not nil, runs before each.
func (b *bench) rated(w workload, reset func(s *testenv.Server) error, f op) error {
	for _, n := range b.counts {
		r := result{id: w.id, work: w.what, clients: fmt.Sprint(n), unit: "ops/s"}
		err := b.both(func(s *testenv.Server) error {
			if reset != nil {
				if err := reset(s); err != nil {
					return err
				}
			}
			return b.measured(w, s, &r, fmt.Sprintf("%s-%d", w.id, n), func(s *testenv.Server) (float64, error) {
				servers := []*testenv.Server{s}
				if s == b.our {
					servers = b.nodes
				}
				return rate(servers, n, f)
			})
		})
		if err != nil {
			return err
		}
		b.add(r)
	}
	return nil
}

// measured takes one server's rate into r, and tells what an operation cost when the server is pgmqdb.
func (b *bench) measured(w workload, s *testenv.Server, r *result, name string, run func(*testenv.Server) (float64, error)) error {
	return profiled(s, name, func() error {
		if s == b.pg {
			v, err := run(s)
			r.pg = v
			return err
		}
		before, start := used(b.nodes), time.Now()
		v, err := run(s)
		if v > 0 {
			fmt.Printf("# %s an operation: %s\n", w.id, used(b.nodes).each(before, v*time.Since(start).Seconds()))
		}
		r.our = v
		return err
	})
}

func (b *bench) add(r result) {
	b.results = append(b.results, r)
	fmt.Printf("%-4s %3s clients: PostgreSQL %9.0f  pgmqdb %9.0f %s  ratio %.2f\n", r.id, r.clients, r.pg, r.our, r.unit, r.ratio())
}

// timed measures one statement's time on both servers: the median of three.
func (b *bench) timed(w workload, prepare, measure func(s *testenv.Server) error) error {
	r := result{id: w.id, work: w.what, clients: "1", unit: "ms"}
	err := b.both(func(s *testenv.Server) error {
		var ms []float64
		var took float64
		for i := 0; i < 3; i++ {
			if prepare != nil {
				if err := prepare(s); err != nil {
					return err
				}
			}
			start := time.Now()
			if err := profiled(s, fmt.Sprintf("%s-%d", w.id, i), func() error {
				err := measure(s)
				took = float64(time.Since(start).Microseconds()) / 1000
				return err
			}); err != nil {
				return err
			}
			ms = append(ms, took)
		}
		v := median(ms)
		if s == b.pg {
			r.pg = v
		} else {
			r.our = v
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.add(r)
	return nil
}

func median(v []float64) float64 {
	for i := range v {
		for j := i; j > 0 && v[j] < v[j-1]; j-- {
			v[j], v[j-1] = v[j-1], v[j]
		}
	}
	return v[len(v)/2]
}

// exec1 runs a statement and maps an expected SQLSTATE to success.
func exec1(ctx context.Context, c *pgx.Conn, want string, sql string, args ...any) error {
	_, err := c.Exec(ctx, sql, args...)
	if want == "" {
		return err
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) && pe.Code == want {
		return nil
	}
	if err == nil {
		return fmt.Errorf("expected SQLSTATE %s", want)
	}
	return err
}

const parents = 100000

func accounts(s *testenv.Server) error {
	if err := execAll(s, `drop table if exists w_child, w_acct`,
		`create table w_acct (id bigint primary key, email text, name text, n int)`); err != nil {
		return err
	}
	if _, err := copyRows(s, "w_acct", []string{"id", "email", "name", "n"}, parents, func(i int) []any {
		return []any{i + 1, fmt.Sprintf("user%d@example.org", i), fmt.Sprintf("User number %d", i), i % 1000}
	}); err != nil {
		return err
	}
	return execAll(s, "vacuum analyze w_acct", "checkpoint")
}

func childTable(s *testenv.Server) error {
	return execAll(s, `drop table if exists w_child`,
		`create table w_child (id bigint primary key, parent_id bigint references w_acct on delete restrict, note text)`,
		`create index on w_child (parent_id)`)
}

// family makes parents with children for the cascades.
func family(s *testenv.Server, n, children int) error {
	if err := execAll(s, `drop table if exists w_kid, w_par`, `create table w_par (id bigint primary key, name text)`,
		`create table w_kid (id bigint primary key, par bigint references w_par on delete cascade, note text)`,
		`create index on w_kid (par)`); err != nil {
		return err
	}
	if _, err := copyRows(s, "w_par", []string{"id", "name"}, n, func(i int) []any { return []any{i + 1, "p"} }); err != nil {
		return err
	}
	if _, err := copyRows(s, "w_kid", []string{"id", "par", "note"}, n*children, func(i int) []any {
		return []any{i + 1, i/children + 1, "kid"}
	}); err != nil {
		return err
	}
	return execAll(s, "vacuum analyze w_par", "vacuum analyze w_kid", "checkpoint")
}

var workloads = []workload{
	{"W1", "SELECT by primary key", func(b *bench, w workload) error {
		if err := b.both(accounts); err != nil {
			return err
		}
		return b.rated(w, nil, func(ctx context.Context, c *pgx.Conn, rnd *rand.Rand, _ int64) error {
			var email, name string
			return c.QueryRow(ctx, `select email, name from w_acct where id = $1`, rnd.Intn(parents)+1).Scan(&email, &name)
		})
	}},
	{"W2", "INSERT one row, no FK", func(b *bench, w workload) error {
		return b.rated(w, func(s *testenv.Server) error {
			return execAll(s, `drop table if exists w_ins`, `create table w_ins (id bigint primary key, name text, n int)`)
		}, func(ctx context.Context, c *pgx.Conn, _ *rand.Rand, seq int64) error {
			return exec1(ctx, c, "", `insert into w_ins values ($1, $2, $3)`, seq, "a name of some length", 7)
		})
	}},
	{"W3", "INSERT child, random one of 100k parents", func(b *bench, w workload) error {
		if err := b.both(accounts); err != nil {
			return err
		}
		return b.rated(w, childTable, func(ctx context.Context, c *pgx.Conn, rnd *rand.Rand, seq int64) error {
			return exec1(ctx, c, "", `insert into w_child values ($1, $2, $3)`, seq, rnd.Intn(parents)+1, "note")
		})
	}},
	{"W4", "INSERT orphan child, 23503 expected", func(b *bench, w workload) error {
		if err := b.both(accounts); err != nil {
			return err
		}
		return b.rated(w, childTable, func(ctx context.Context, c *pgx.Conn, rnd *rand.Rand, seq int64) error {
			return exec1(ctx, c, "23503", `insert into w_child values ($1, $2, $3)`, seq, rnd.Intn(parents)+1+2*parents, "note")
		})
	}},
	{"W5", "DELETE parent, CASCADE to 20 children", func(b *bench, w workload) error {
		const n = 40000
		return b.rated(w, func(s *testenv.Server) error { return family(s, n, 20) },
			func(ctx context.Context, c *pgx.Conn, _ *rand.Rand, seq int64) error {
				if seq > n {
					return errExhausted
				}
				return exec1(ctx, c, "", `delete from w_par where id = $1`, seq)
			})
	}},
	{"W6", "DELETE root, cascade 1 -> 10 -> 100", func(b *bench, w workload) error {
		const n = 6000
		return b.rated(w, func(s *testenv.Server) error { return threeLevels(s, n) },
			func(ctx context.Context, c *pgx.Conn, _ *rand.Rand, seq int64) error {
				if seq > n {
					return errExhausted
				}
				return exec1(ctx, c, "", `delete from w_l1 where id = $1`, seq)
			})
	}},
	{"W7", "DELETE parent under RESTRICT, 23503 expected", func(b *bench, w workload) error {
		if err := b.both(func(s *testenv.Server) error {
			if err := accounts(s); err != nil {
				return err
			}
			if err := childTable(s); err != nil {
				return err
			}
			_, err := copyRows(s, "w_child", []string{"id", "parent_id", "note"}, parents, func(i int) []any {
				return []any{i + 1, i + 1, "n"}
			})
			return err
		}); err != nil {
			return err
		}
		return b.rated(w, nil, func(ctx context.Context, c *pgx.Conn, rnd *rand.Rand, _ int64) error {
			return exec1(ctx, c, "23503", `delete from w_acct where id = $1`, rnd.Intn(parents)+1)
		})
	}},
	{"W8", "UPDATE a non-key column by primary key", func(b *bench, w workload) error {
		if err := b.both(accounts); err != nil {
			return err
		}
		return b.rated(w, nil, func(ctx context.Context, c *pgx.Conn, rnd *rand.Rand, _ int64) error {
			return exec1(ctx, c, "", `update w_acct set n = n + 1 where id = $1`, rnd.Intn(parents)+1)
		})
	}},
	{"W9", "INSERT ON CONFLICT (email) DO UPDATE, 20k e-mails", func(b *bench, w workload) error {
		return b.rated(w, func(s *testenv.Server) error {
			return execAll(s, `drop table if exists w_up`,
				`create table w_up (id bigserial primary key, email text unique, n int)`)
		}, func(ctx context.Context, c *pgx.Conn, rnd *rand.Rand, _ int64) error {
			return exec1(ctx, c, "", `insert into w_up (email, n) values ($1, 1) on conflict (email) do update set n = w_up.n + 1`,
				fmt.Sprintf("u%d@example.org", rnd.Intn(20000)))
		})
	}},
	{"W10", "one INSERT of 1,000 VALUES with an FK, literals", func(b *bench, w workload) error {
		if err := b.both(accounts); err != nil {
			return err
		}
		return b.rated(w, childTable, func(ctx context.Context, c *pgx.Conn, rnd *rand.Rand, seq int64) error {
			var sql strings.Builder
			sql.WriteString("insert into w_child values ")
			for i := int64(0); i < 1000; i++ {
				if i > 0 {
					sql.WriteByte(',')
				}
				fmt.Fprintf(&sql, "(%d,%d,'note %d')", seq*1000+i, rnd.Intn(parents)+1, i)
			}
			_, err := c.Exec(ctx, sql.String(), pgx.QueryExecModeSimpleProtocol)
			return err
		})
	}},
	{"W11", "COPY 100k rows", runCopy},
	{"W12", "DELETE 1 parent with 100k children, CASCADE", func(b *bench, w workload) error {
		return b.timed(w, func(s *testenv.Server) error { return family(s, 1, 100000) },
			func(s *testenv.Server) error { return execAll(s, `delete from w_par where id = 1`) })
	}},
	{"W13", "pgbench scale 10, prepared", runPgbench},
	{"W14", "ALTER TABLE ADD FOREIGN KEY on 1M rows", func(b *bench, w workload) error {
		if err := b.both(million); err != nil {
			return err
		}
		return b.timed(w, func(s *testenv.Server) error {
			return execAll(s, `alter table w_big drop constraint if exists w_big_fk`)
		}, func(s *testenv.Server) error {
			return execAll(s, `alter table w_big add constraint w_big_fk foreign key (par) references w_bigpar`)
		})
	}},
	{"W15", "join 1M children with 100k parents, GROUP BY 1,000 groups", func(b *bench, w workload) error {
		if err := b.both(million); err != nil {
			return err
		}
		return b.timed(w, nil, func(s *testenv.Server) error {
			return execAll(s, `select p.grp, count(*), sum(c.n) from w_big c join w_bigpar p on p.id = c.par group by p.grp order by p.grp`)
		})
	}},
}

func threeLevels(s *testenv.Server, n int) error {
	if err := execAll(s, `drop table if exists w_l3, w_l2, w_l1`, `create table w_l1 (id bigint primary key)`,
		`create table w_l2 (id bigint primary key, up bigint references w_l1 on delete cascade)`,
		`create table w_l3 (id bigint primary key, up bigint references w_l2 on delete cascade)`,
		`create index on w_l2 (up)`, `create index on w_l3 (up)`); err != nil {
		return err
	}
	for level, rows := range []int{n, n * 10, n * 100} {
		cols, table := []string{"id", "up"}, fmt.Sprintf("w_l%d", level+1)
		if level == 0 {
			cols = cols[:1]
		}
		if _, err := copyRows(s, table, cols, rows, func(i int) []any {
			return []any{i + 1, i/10 + 1}[:len(cols)]
		}); err != nil {
			return err
		}
	}
	return execAll(s, "vacuum analyze w_l1", "vacuum analyze w_l2", "vacuum analyze w_l3", "checkpoint")
}

func runCopy(b *bench, w workload) error {
	if err := b.both(accounts); err != nil {
		return err
	}
	for _, fk := range []bool{false, true} {
		r := result{id: w.id, work: w.what + ", without FK", clients: "1", unit: "ms"}
		if fk {
			r.work = w.what + ", with FK"
		}
		err := b.both(func(s *testenv.Server) error {
			var ms []float64
			for i := 0; i < 3; i++ {
				if err := childTable(s); err != nil {
					return err
				}
				if !fk {
					if err := execAll(s, `alter table w_child drop constraint w_child_parent_id_fkey`); err != nil {
						return err
					}
				}
				d, err := copyRows(s, "w_child", []string{"id", "parent_id", "note"}, 100000, func(i int) []any {
					return []any{i + 1, i*7919%parents + 1, "a note"}
				})
				if err != nil {
					return err
				}
				ms = append(ms, float64(d.Microseconds())/1000)
			}
			if s == b.pg {
				r.pg = median(ms)
			} else {
				r.our = median(ms)
			}
			return nil
		})
		if err != nil {
			return err
		}
		b.add(r)
	}
	return nil
}

func runPgbench(b *bench, w workload) error {
	if err := b.both(func(s *testenv.Server) error {
		_, err := pgbench(s, "-i", "-s", "10", "-q")
		return err
	}); err != nil {
		return err
	}
	for _, script := range []string{"tpcb-like", "select-only"} {
		for _, n := range b.counts {
			r := result{id: w.id, work: w.what + ": " + script, clients: fmt.Sprint(n), unit: "ops/s"}
			err := b.both(func(s *testenv.Server) error {
				return b.measured(w, s, &r, fmt.Sprintf("%s-%s-%d", w.id, script, n), func(s *testenv.Server) (float64, error) {
					return pgbench(s, "-n", "-b", script, "-M", "prepared", "-c", fmt.Sprint(n), "-j", "2", "-T", fmt.Sprintf("%.0f", *seconds))
				})
			})
			if err != nil {
				return err
			}
			b.add(r)
		}
	}
	return nil
}

var millionLoaded = map[string]bool{}

func million(s *testenv.Server) error {
	if millionLoaded[s.Name] {
		return nil
	}
	if err := execAll(s, `drop table if exists w_big, w_bigpar`, `create table w_bigpar (id bigint primary key, grp int)`,
		`create table w_big (id bigint primary key, par bigint, n int)`, `create index on w_big (par)`); err != nil {
		return err
	}
	if _, err := copyRows(s, "w_bigpar", []string{"id", "grp"}, 100000, func(i int) []any { return []any{i + 1, i % 1000} }); err != nil {
		return err
	}
	if _, err := copyRows(s, "w_big", []string{"id", "par", "n"}, 1000000, func(i int) []any {
		return []any{i + 1, i*7919%100000 + 1, i % 100}
	}); err != nil {
		return err
	}
	millionLoaded[s.Name] = true
	return execAll(s, "vacuum analyze w_bigpar", "vacuum analyze w_big", "checkpoint")
}
