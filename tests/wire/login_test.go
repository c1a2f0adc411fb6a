package wire

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// A role logs in with its password and may do what was granted to it, and nothing else; its attributes decide whether it may
// log in at all.
func TestAnUnprivilegedRoleLogsIn(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	pw := filepath.Join(dir, "pw")
	if err := os.WriteFile(pw, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := testenv.StartPgmqdb(dir, "--auth", "scram-sha-256", "--superuser-password-file", pw)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	connect := func(user, password, options string) (*pgx.Conn, error) {
		u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: fmt.Sprintf("127.0.0.1:%d", s.Port), Path: "postgres",
			RawQuery: "sslmode=disable" + options}
		return pgx.Connect(ctx, u.String())
	}
	admin, err := connect("postgres", "s3cret", "")
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(ctx)
	run := func(c *pgx.Conn, sql string) {
		t.Helper()
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	refused := func(what string, err error, code, message string) {
		t.Helper()
		var e *pgconn.PgError
		if !errors.As(err, &e) || e.Code != code || e.Message != message {
			t.Errorf("%s: %v, not %s %s", what, err, code, message)
		}
	}
	run(admin, `create table t (a int primary key, b text); insert into t values (1, 'one');
		create role app login password 'app' connection limit 2; create role nologin password 'x'; create role late login password 'late' valid until '2020-01-01';
		create role boss; create role shut login password 'shut';
		grant select on t to app; grant boss to app; grant insert, update on t to boss`)

	app, err := connect("app", "app", "")
	if err != nil {
		t.Fatal(err)
	}
	var value, user string
	if err := app.QueryRow(ctx, "select b, current_user from t where a = $1", 1).Scan(&value, &user); err != nil || value != "one" || user != "app" {
		t.Errorf("%q %q: %v", value, user, err)
	}
	if app.PgConn().ParameterStatus("is_superuser") != "off" || app.PgConn().ParameterStatus("session_authorization") != "app" {
		t.Errorf("is_superuser %s, session_authorization %s", app.PgConn().ParameterStatus("is_superuser"), app.PgConn().ParameterStatus("session_authorization"))
	}
	if _, err := app.Prepare(ctx, "write", "update t set b = $1 where a = 1"); err != nil {
		t.Fatal(err)
	}
	_, err = app.Exec(ctx, "write", "uno")
	if err != nil {
		t.Errorf("what a role inherits it may do: %v", err)
	}
	run(admin, "revoke update on t from boss")
	_, err = app.Exec(ctx, "write", "eins")
	refused("a prepared statement after REVOKE", err, "42501", "permission denied for table t")
	run(admin, "grant update on t to boss")
	if _, err = app.Exec(ctx, "write", "eins"); err != nil {
		t.Errorf("a prepared statement after GRANT: %v", err)
	}
	for sql, message := range map[string]string{
		"delete from t":                      "permission denied for table t",
		"drop table t":                       "must be owner of table t",
		"create table u (a int)":             "permission denied for schema public",
		"create role x":                      "permission denied to create role",
		"set session authorization postgres": "permission denied to set session authorization",
		"select pgmqdb.drain(1)":             "permission denied for function drain",
		"select pgmqdb.remove(1)":            "permission denied for function remove",
		"select pgmqdb.activate(1)":          "permission denied for function activate",
		"select * from pgmqdb.check":         "permission denied for view check",
		"select rolpassword from pg_authid":  "permission denied for table pg_authid",
	} {
		_, err := app.Exec(ctx, sql)
		refused(sql, err, "42501", message)
	}

	second, err := connect("app", "app", "&options=-c%20role%3Dboss")
	if err != nil {
		t.Fatal(err)
	}
	if err := second.QueryRow(ctx, "select current_user").Scan(&user); err != nil || user != "boss" {
		t.Errorf("started as %q: %v", user, err)
	}
	run(second, "insert into t values (2, 'two')")
	_, err = second.Exec(ctx, "table t")
	refused("the other role", err, "42501", "permission denied for table t")
	_, err = connect("app", "app", "")
	refused("a third connection", err, "53300", `too many connections for role "app"`)
	second.Close(ctx)

	_, err = connect("app", "wrong", "")
	refused("a wrong password", err, "28P01", `password authentication failed for user "app"`)
	_, err = connect("nologin", "x", "")
	refused("NOLOGIN", err, "28000", `role "nologin" is not permitted to log in`)
	_, err = connect("late", "late", "")
	refused("VALID UNTIL", err, "28P01", `password authentication failed for user "late"`)
	run(admin, "revoke connect on database postgres from public; grant connect on database postgres to app")
	_, err = connect("shut", "shut", "")
	refused("CONNECT", err, "42501", `permission denied for database "postgres"`)
	run(admin, "alter role app password 'other'")
	_, err = connect("app", "app", "")
	refused("an old password", err, "28P01", `password authentication failed for user "app"`)
}
