package utility

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

var (
	rewrite = flag.Bool("rewrite", false, "write what the statements answer into the transcripts")
	oracle  = flag.String("oracle", "", "connection string of an empty database of PostgreSQL 15, which then answers for -rewrite")
)

// TestTranscripts runs the statements of testdata and compares what they answer. The answers in postgres_*.txt are
// PostgreSQL 15's own, taken with -rewrite -oracle.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) { runTranscript(t, f) })
	}
}

func runTranscript(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := newCluster(t).session()
	ask := s.run
	if *rewrite && strings.HasPrefix(filepath.Base(file), "postgres_") {
		if *oracle == "" {
			t.Skip("needs -oracle")
		}
		ask = askOracle(t)
	}
	var out strings.Builder
	for i, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		sql, want, _ := strings.Cut(block, "\n----\n")
		sql = strings.TrimSuffix(sql, "\n----")
		got := ask(sql)
		if i > 0 {
			out.WriteString("\n\n")
		}
		fmt.Fprintf(&out, "%s\n----\n%s", sql, got)
		if !*rewrite && strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%s\n  got:  %s\n  want: %s", sql, got, want)
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(out.String()+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// askOracle answers statements by PostgreSQL in a database whose public schema is emptied first.
func askOracle(t *testing.T) func(string) string {
	ctx := context.Background()
	cfg, err := pgconn.ParseConfig(*oracle)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	show := func(e *pgconn.PgError) {
		head := e.Severity + ":  "
		if e.Severity == "ERROR" {
			head = "ERROR:  " + e.Code + ": "
		}
		out = append(out, head+e.Message)
		if e.Detail != "" {
			out = append(out, "DETAIL:  "+e.Detail)
		}
		if e.Hint != "" {
			out = append(out, "HINT:  "+e.Hint)
		}
		if e.Position > 0 {
			out = append(out, fmt.Sprintf("POSITION:  %d", e.Position))
		}
	}
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { show((*pgconn.PgError)(n)) }
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(ctx) })
	reset := "SET client_min_messages = error; DROP SCHEMA IF EXISTS s1, s2, s3 CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public; RESET client_min_messages"
	if _, err := conn.Exec(ctx, reset).ReadAll(); err != nil {
		t.Fatal(err)
	}
	return func(sql string) string {
		out = nil
		if table, ok := strings.CutPrefix(sql, `\d `); ok {
			res := conn.ExecParams(ctx, describeQuery, [][]byte{[]byte(table)}, nil, nil, nil).Read()
			if res.Err != nil {
				t.Fatal(res.Err)
			}
			for _, r := range res.Rows {
				out = append(out, string(r[0]))
			}
			return strings.Join(out, "\n")
		}
		res, err := conn.Exec(ctx, sql).ReadAll()
		var e *pgconn.PgError
		switch {
		case err != nil:
			if ok := asPgError(err, &e); !ok {
				t.Fatal(err)
			}
			show(e)
		default:
			out = append(out, res[len(res)-1].CommandTag.String())
		}
		return strings.Join(out, "\n")
	}
}

// describeQuery prints what session.describe prints of a table.
const describeQuery = `
WITH t AS (SELECT $1::text::regclass AS oid)
SELECT line FROM (
	SELECT 1 AS part, to_char(attnum, '0000') AS ord,
		attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END ||
		CASE attidentity WHEN '' THEN '' ELSE ' identity ' || attidentity::text END AS line
	FROM pg_attribute, t WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped
	UNION ALL
	SELECT 2, conname, conname || ' ' || CASE contype WHEN 'c' THEN 'CHECK' ELSE pg_get_constraintdef(c.oid) END
	FROM pg_constraint c, t WHERE conrelid = t.oid
	UNION ALL
	SELECT 3, i::text, pg_get_indexdef(indexrelid) FROM (SELECT x.*, relname AS i FROM pg_index x JOIN pg_class k ON k.oid = indexrelid) x, t
	WHERE indrelid = t.oid
	UNION ALL
	SELECT 4, s.relname, s.relname || ' ' || format('%s %s %s %s %s %s %s', seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle)
	FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_sequence q ON q.seqrelid = s.oid, t
	WHERE refobjid = t.oid AND d.classid = 'pg_class'::regclass
) x ORDER BY part, ord COLLATE "C"`

func asPgError(err error, e **pgconn.PgError) bool {
	p, ok := err.(*pgconn.PgError)
	*e = p
	return ok
}
