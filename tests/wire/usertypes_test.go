package wire

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// pgx finds users' types in the catalog and then speaks their binary forms.
func TestPgxSpeaksUserTypesInBinary(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres", node.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, s := range []string{"create type hue as enum ('red', 'green')", "create domain few as int check (value < 10)",
		"create type spot as (h hue, n int, note text)", "create table spots (id int primary key, h hue, hs hue[], s spot, f few)"} {
		if _, err := conn.Exec(ctx, s); err != nil {
			t.Fatal(s, err)
		}
	}
	for _, name := range []string{"hue", "_hue", "spot"} {
		typ, err := conn.LoadType(ctx, name)
		if err != nil {
			t.Fatal(name, err)
		}
		conn.TypeMap().RegisterType(typ)
	}
	type spot struct {
		H    string
		N    int32
		Note *string
	}
	note := "a \"quoted\" (note)"
	want := spot{"green", 7, &note}
	if _, err := conn.Exec(ctx, "insert into spots values (1, $1, $2, $3, $4)", "red", []string{"green", "red"}, want, 5); err != nil {
		t.Fatal(err)
	}
	var h string
	var hs []string
	var s spot
	var f int32
	if err := conn.QueryRow(ctx, "select h, hs, s, f from spots where h = $1 and s = $2::spot", "red", want).Scan(&h, &hs, &s, &f); err != nil {
		t.Fatal(err)
	}
	if h != "red" || len(hs) != 2 || hs[0] != "green" || s.H != want.H || s.N != want.N || s.Note == nil || *s.Note != note || f != 5 {
		t.Fatalf("%q %q %+v %d", h, hs, s, f)
	}
	for what, q := range map[string]string{"22P02": "insert into spots (id, h) values (2, 'blue')", "23514": "insert into spots (id, f) values (2, 10)"} {
		if _, err := conn.Exec(ctx, q); err == nil || !hasCode(err, what) {
			t.Fatalf("%s: %v", q, err)
		}
	}
	if _, err := conn.Exec(ctx, "insert into spots (id, f) values (2, $1)", 11); err == nil || !hasCode(err, "23514") {
		t.Fatal(err)
	}
}

func hasCode(err error, code string) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == code
}
