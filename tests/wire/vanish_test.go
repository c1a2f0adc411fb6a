package wire

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgproto3/v2"
	"github.com/jackc/pgx/v5"
)

// A client that goes away in the middle of a statement takes its session along: the statement is interrupted, the
// transaction rolled back and its locks released, long before the statement would have ended.
func TestTheSessionOfAVanishedClientEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, node.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	exec := func(sql string) {
		t.Helper()
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	sleeping := func() (n int) {
		t.Helper()
		if err := c.QueryRow(ctx, "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	// vanish leaves a session with a row lock and a running statement behind. Nobody sends a CancelRequest.
	vanish := func(setting string) {
		t.Helper()
		conn, f := login(t)
		for _, q := range []string{setting, "begin", "select * from vanish for update"} {
			if err := f.Send(&pgproto3.Query{String: q}); err != nil {
				t.Fatal(err)
			}
			if e := until(t, f, ready); e != nil {
				t.Fatal(e.Message)
			}
		}
		if err := f.Send(&pgproto3.Query{String: "select pg_sleep(60)"}); err != nil {
			t.Fatal(err)
		}
		for sleeping() == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		_ = f.Send(&pgproto3.Terminate{}) // unread bytes must not hide the end
		conn.Close()
	}
	exec("create table vanish (id int primary key); insert into vanish values (1); set lock_timeout = '10s'")
	t.Cleanup(func() { _, _ = c.Exec(context.Background(), "drop table vanish") })
	for _, setting := range []string{"", "set client_connection_check_interval = '100ms'"} {
		vanish(setting)
		exec("update vanish set id = id") // waits for the lost session's lock
		for sleeping() > 0 {
			time.Sleep(10 * time.Millisecond)
		}
	}
	// With 0 nobody looks.
	vanish("set client_connection_check_interval = 0")
	time.Sleep(3 * time.Second)
	if n := sleeping(); n != 1 {
		t.Errorf("client_connection_check_interval = 0: %d sessions are left, want 1", n)
	}
	exec("select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(60)'")
}
