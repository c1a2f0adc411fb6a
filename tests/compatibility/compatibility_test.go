package compatibility

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

var update = flag.Bool("update", false, "bring the lists of docs/COMPATIBILITY.md up to date; say about a new entry what it needs")

// generic are the parts of features that name nothing by themselves: what they stand for is in the lists of statements, types
// and functions.
var generic = map[string]bool{"…": true, "… in …": true, "function …": true, "aggregate …": true, "operator …": true,
	"type …": true, "… names": true}

// check compares a list of the page with what is true.
func check(t *testing.T, name string, want []string, read func(string) []string, write func(old string, want []string) string) {
	t.Helper()
	p, err := readPage()
	if err != nil {
		t.Fatal(err)
	}
	body, err := p.list(name)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := p.setList(name, write(body, want)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(pagePath, []byte(p.text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have := read(body)
	for _, w := range want {
		if !slices.Contains(have, w) {
			t.Errorf("the list %q of docs/COMPATIBILITY.md lacks `%s`; go test ./tests/compatibility -update adds it", name, w)
		}
	}
	for _, h := range have {
		if !slices.Contains(want, h) {
			t.Errorf("the list %q of docs/COMPATIBILITY.md has `%s`, which is supported; go test ./tests/compatibility -update drops it", name, h)
		}
	}
}

func listed(body string) []string {
	names, _ := entries(body)
	return names
}

// What the code refuses by name is on the page, and nothing else.
func TestPageListsTheFeaturesThatTheCodeRefuses(t *testing.T) {
	s, err := readSource("../..")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range s.features() {
		if !generic[f.name] {
			names = append(names, f.name)
		}
	}
	if len(names) < 20 {
		t.Fatalf("only %d features found: does the code still raise them by pgerr.NotSupported?", len(names))
	}
	check(t, "features", names, listed, merge)
}

func TestPageListsTheMissingTypes(t *testing.T) {
	check(t, "types", missingTypes(), inlined, func(_ string, want []string) string { return inline(want) })
}

func TestPageListsTheMissingFunctions(t *testing.T) {
	check(t, "functions", missingFunctions(), inlined, func(_ string, want []string) string { return inline(want) })
}

// Every SQL command of PostgreSQL 15 is tried: those that answer 0A000 are on the page.
func TestPageListsTheCommandsThatAreRefused(t *testing.T) {
	b, err := os.ReadFile("testdata/commands.sql")
	if err != nil {
		t.Fatal(err)
	}
	server, err := testenv.StartPgmqdb(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Kill()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var refused []string
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		name, sql, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("testdata/commands.sql: %q", line)
		}
		answer, err := try(ctx, server, sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if answer != nil && answer.Code == "0A000" {
			refused = append(refused, name)
		} else if answer != nil && strings.HasPrefix(answer.Code, "XX") {
			t.Errorf("%s: %s", sql, answer.Message)
		}
	}
	check(t, "commands", refused, inlined, func(_ string, want []string) string { return inline(want) })
}

// try runs a statement on a connection of its own and returns the server's error.
func try(ctx context.Context, server *testenv.Server, sql string) (*pgconn.PgError, error) {
	conn, err := pgx.Connect(ctx, server.URL())
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	if strings.HasPrefix(sql, "copy ") {
		_, err = conn.PgConn().CopyFrom(ctx, strings.NewReader(""), sql)
	} else {
		_, err = conn.PgConn().Exec(ctx, sql).ReadAll()
	}
	var answer *pgconn.PgError
	if err != nil && !errors.As(err, &answer) {
		return nil, fmt.Errorf("no answer: %w", err)
	}
	return answer, nil
}
