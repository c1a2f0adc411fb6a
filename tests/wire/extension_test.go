package wire

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// pgx speaks citext in both formats: unknown to it as text, and once it is loaded in binary, in arrays too.
func TestPgxSpeaksCitext(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres", node.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, s := range []string{"create extension citext", "create table people (id int primary key, email citext unique, tags citext[])"} {
		if _, err := conn.Exec(ctx, s); err != nil {
			t.Fatal(s, err)
		}
	}
	speak := func(how string, id int) {
		email := fmt.Sprintf("Someone%d@Example.com", id)
		if _, err := conn.Exec(ctx, "insert into people values ($1, $2, $3)", id, email, []string{"Red", "blue"}); err != nil {
			t.Fatal(how, err)
		}
		var got string
		var tags []string
		if err := conn.QueryRow(ctx, "select email, tags from people where email = $1 and tags @> $2",
			fmt.Sprintf("SOMEONE%d@example.COM", id), []string{"RED"}).Scan(&got, &tags); err != nil {
			t.Fatal(how, err)
		}
		if got != email || len(tags) != 2 || tags[0] != "Red" {
			t.Fatalf("%s: %q %q", how, got, tags)
		}
		_, err := conn.Exec(ctx, "insert into people (id, email) values ($1, $2)", id+100, fmt.Sprintf("someone%d@EXAMPLE.com", id))
		if !hasCode(err, "23505") {
			t.Fatalf("%s: a second holder of the address: %v", how, err)
		}
	}
	speak("text", 1)
	conn.TypeMap().RegisterType(&pgtype.Type{Name: "citext", OID: oidOf(ctx, t, conn, "citext"), Codec: pgtype.TextCodec{}})
	array, err := conn.LoadType(ctx, "_citext")
	if err != nil {
		t.Fatal(err)
	}
	conn.TypeMap().RegisterType(array)
	speak("binary", 2)
	rows, err := conn.Query(ctx, "select email from people where email > $1 order by email", pgx.QueryResultFormats{pgx.BinaryFormatCode}, "a")
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(all) != 2 || all[0] != "Someone1@Example.com" {
		t.Fatal(all, err)
	}
}

func oidOf(ctx context.Context, t *testing.T, conn *pgx.Conn, name string) (oid uint32) {
	t.Helper()
	if err := conn.QueryRow(ctx, "select $1::regtype::oid", name).Scan(&oid); err != nil {
		t.Fatal(err)
	}
	return oid
}
