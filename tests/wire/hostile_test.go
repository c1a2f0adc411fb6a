// Package wire tests the protocol from outside, with peers that are not this project's: raw bytes, psql, pgx, and
// pgproto3 v2 as a second implementation of the codec.
package wire

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgproto3/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

var node *testenv.Server

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "wire")
	if err != nil {
		panic(err)
	}
	if node, err = testenv.StartPgmqdb(dir, "--max-connections", "20"); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	code := m.Run()
	node.Kill()
	os.RemoveAll(dir)
	os.Exit(code)
}

func dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", node.Port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return c
}

// login returns a frontend past authentication.
func login(t *testing.T) (net.Conn, *pgproto3.Frontend) {
	t.Helper()
	c := dial(t)
	start := &pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersionNumber,
		Parameters: map[string]string{"user": "postgres", "database": "postgres"}}
	hello, err := start.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(hello); err != nil {
		t.Fatal(err)
	}
	f := pgproto3.NewFrontend(pgproto3.NewChunkReader(c), c)
	until(t, f, func(m pgproto3.BackendMessage) bool { _, ok := m.(*pgproto3.ReadyForQuery); return ok })
	return c, f
}

// until receives messages until done, and returns the last error message seen.
func until(t *testing.T, f *pgproto3.Frontend, done func(pgproto3.BackendMessage) bool) *pgproto3.ErrorResponse {
	t.Helper()
	var last *pgproto3.ErrorResponse
	for {
		m, err := f.Receive()
		if err != nil {
			t.Fatalf("receive: %v", err)
		}
		if e, ok := m.(*pgproto3.ErrorResponse); ok {
			c := *e
			last = &c
		}
		if done(m) {
			return last
		}
	}
}

func ready(m pgproto3.BackendMessage) bool { _, ok := m.(*pgproto3.ReadyForQuery); return ok }

// alive checks that others are not disturbed.
func alive(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, node.URL())
	if err != nil {
		t.Fatalf("the server does not answer any more: %v\n%s", err, node.Log())
	}
	defer c.Close(ctx)
	var one int
	if err := c.QueryRow(ctx, "select 1").Scan(&one); err != nil {
		t.Fatal(err)
	}
}

func resident(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", node.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(data), "\n") {
		var kb int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); err == nil {
			return kb >> 10
		}
	}
	return 0
}

func TestHostileStartup(t *testing.T) {
	for name, raw := range map[string][]byte{
		"zero length":      {0, 0, 0, 0, 0, 3, 0, 0},
		"huge length":      {0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0},
		"old protocol":     {0, 0, 0, 8, 0, 2, 0, 0},
		"no terminator":    {0, 0, 0, 12, 0, 3, 0, 0, 'u', 's', 'e', 'r'},
		"no user":          {0, 0, 0, 9, 0, 3, 0, 0, 0},
		"not a PostgreSQL": []byte("GET / HTTP/1.1\r\n\r\n"),
		"empty":            {},
	} {
		c := dial(t)
		_, _ = c.Write(raw)
		_ = c.(*net.TCPConn).CloseWrite()
		if _, err := io.ReadAll(c); err != nil && !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %v", name, err)
		}
	}
	alive(t)
}

func TestHostileMessages(t *testing.T) {
	before := resident(t)
	frame := func(kind byte, length uint32, body string) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{kind}, length), body...)
	}
	for name, raw := range map[string][]byte{
		"Q of length 4":        frame('Q', 4, ""),
		"Q of length 0":        frame('Q', 0, ""),
		"Q without terminator": frame('Q', 8, "abcd"),
		"1 GiB length word":    frame('Q', 1<<30, "select 1"),
		"4 GiB length word":    frame('Q', 0xffffffff, "select 1"),
		"unknown kind":         frame('@', 4, ""),
		"function call":        frame('F', 5, "x"),
		"Bind cut short":       frame('B', 6, "ab"),
		"Bind with counts":     frame('B', 10, "a\x00b\x00\xff\xff"),
		"Parse cut short":      frame('P', 6, "a\x00"),
		"Describe of nothing":  frame('D', 6, "X\x00"),
		"Execute cut short":    frame('E', 5, "a"),
	} {
		c, _ := login(t)
		_, _ = c.Write(raw)
		_ = c.(*net.TCPConn).CloseWrite()
		if _, err := io.ReadAll(c); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %v", name, err)
		}
	}
	alive(t)
	if grown := resident(t) - before; grown > 300 {
		t.Errorf("hostile length words cost %d MiB", grown)
	}
}

func TestHostileSQL(t *testing.T) {
	_, f := login(t)
	for name, c := range map[string]struct{ sql, code string }{
		"60,000 terms":     {"select 1" + strings.Repeat("+1", 60000), "54001"},
		"100,000 unions":   {"select 1" + strings.Repeat(" union select 1", 100000), "54001"},
		"deep parentheses": {"select " + strings.Repeat("(", 50000) + "1" + strings.Repeat(")", 50000), "54001"},
		"invalid UTF-8":    {"select '\xff\xfe'", "22021"},
		"syntax":           {"selec 1", "42601"},
		"out of range":     {"select 99999999999::int", "22003"},
		"unknown option":   {"set nonsense = 1", "42704"},
		"not supported":    {"create publication p for all tables", "0A000"},
	} {
		if err := f.Send(&pgproto3.Query{String: c.sql}); err != nil {
			t.Fatal(err)
		}
		e := until(t, f, ready)
		if e == nil || e.Code != c.code && !(name == "deep parentheses" && e.Code == "42601") {
			t.Errorf("%s: got %+v, want SQLSTATE %s", name, e, c.code)
		}
	}
	alive(t)
}

func TestExtendedProtocolErrors(t *testing.T) {
	_, f := login(t)
	send := func(ms ...pgproto3.FrontendMessage) *pgproto3.ErrorResponse {
		t.Helper()
		for _, m := range append(ms, &pgproto3.Sync{}) {
			if err := f.Send(m); err != nil {
				t.Fatal(err)
			}
		}
		return until(t, f, ready)
	}
	if e := send(&pgproto3.Parse{Name: "p", Query: "select $1::int + $2::int"}); e != nil {
		t.Fatalf("parse: %+v", e)
	}
	for name, c := range map[string]struct {
		bind *pgproto3.Bind
		code string
	}{
		"too few":       {&pgproto3.Bind{PreparedStatement: "p", Parameters: [][]byte{[]byte("1")}}, "08P01"},
		"bad formats":   {&pgproto3.Bind{PreparedStatement: "p", ParameterFormatCodes: []int16{0, 0, 0}, Parameters: [][]byte{[]byte("1"), []byte("2")}}, "08P01"},
		"format 7":      {&pgproto3.Bind{PreparedStatement: "p", ParameterFormatCodes: []int16{7}, Parameters: [][]byte{[]byte("1"), []byte("2")}}, "22023"},
		"not a number":  {&pgproto3.Bind{PreparedStatement: "p", Parameters: [][]byte{[]byte("1"), []byte("x")}}, "22P02"},
		"binary length": {&pgproto3.Bind{PreparedStatement: "p", ParameterFormatCodes: []int16{1}, Parameters: [][]byte{{0}, {0, 0, 0, 1}}}, "08P01"},
		"no statement":  {&pgproto3.Bind{PreparedStatement: "nope"}, "26000"},
	} {
		e := send(c.bind)
		if e == nil || e.Code != c.code && !(name == "binary length" && e.Code == "22P03") {
			t.Errorf("%s: got %+v, want SQLSTATE %s", name, e, c.code)
		}
	}
	if e := send(&pgproto3.Execute{Portal: "nope"}); e == nil || e.Code != "34000" {
		t.Errorf("unknown portal: %+v", e)
	}
	if e := send(&pgproto3.Parse{Name: "p", Query: "select 1"}); e == nil || e.Code != "42P05" {
		t.Errorf("duplicate statement: %+v", e)
	}
}

func TestPortalRowLimits(t *testing.T) {
	_, f := login(t)
	for _, m := range []pgproto3.FrontendMessage{
		&pgproto3.Parse{Query: "select g from generate_series(1, 5) g"}, &pgproto3.Bind{},
		&pgproto3.Execute{MaxRows: 2}, &pgproto3.Execute{MaxRows: 2}, &pgproto3.Execute{MaxRows: 2}, &pgproto3.Sync{},
	} {
		if err := f.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	var seen []string
	until(t, f, func(m pgproto3.BackendMessage) bool {
		switch v := m.(type) {
		case *pgproto3.DataRow:
			seen = append(seen, string(v.Values[0]))
		case *pgproto3.PortalSuspended:
			seen = append(seen, "suspended")
		case *pgproto3.CommandComplete:
			seen = append(seen, string(v.CommandTag))
		case *pgproto3.ErrorResponse:
			t.Errorf("%+v", v)
		}
		return ready(m)
	})
	if got, want := strings.Join(seen, " "), "1 2 suspended 3 4 suspended 5 SELECT 5"; got != want && got != strings.Replace(want, "SELECT 5", "SELECT 1", 1) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCancelAndTimeout(t *testing.T) {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, node.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	done := make(chan error, 1)
	go func() { _, err := c.Exec(ctx, "select pg_sleep(30)"); done <- err }()
	time.Sleep(200 * time.Millisecond)
	if err := c.PgConn().CancelRequest(ctx); err != nil {
		t.Fatal(err)
	}
	var pe *pgconn.PgError
	select {
	case err := <-done:
		if !errors.As(err, &pe) || pe.Code != "57014" || pe.Message != "canceling statement due to user request" {
			t.Errorf("cancel: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("cancel had no effect")
	}
	if _, err := c.Exec(ctx, "set statement_timeout = 100"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err = c.Exec(ctx, "select count(*) from generate_series(1, 1000000000)")
	if !errors.As(err, &pe) || pe.Message != "canceling statement due to statement timeout" || time.Since(start) > 2*time.Second {
		t.Errorf("timeout: %v after %v", err, time.Since(start))
	}
}

func TestConnectionLimit(t *testing.T) {
	ctx := context.Background()
	var open []*pgx.Conn
	defer func() {
		for _, c := range open {
			c.Close(ctx)
		}
	}()
	for i := 0; i < 40; i++ {
		c, err := pgx.Connect(ctx, node.URL())
		if err != nil {
			var pe *pgconn.PgError
			if !errors.As(err, &pe) || pe.Code != "53300" || pe.Message != "sorry, too many clients already" {
				t.Errorf("refused with %v", err)
			}
			return
		}
		open = append(open, c)
	}
	t.Error("40 connections were let in with --max-connections 20")
}

func TestPasswordsAndTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := selfSigned(t, dir)
	pw := filepath.Join(dir, "pw")
	if err := os.WriteFile(pw, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := testenv.StartPgmqdb(dir, "--auth", "scram-sha-256", "--superuser-password-file", pw, "--tls-cert", cert, "--tls-key", key)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	ctx := context.Background()
	url := func(password, mode string) string {
		return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/postgres?sslmode=%s", password, s.Port, mode)
	}
	for _, mode := range []string{"disable", "require"} {
		c, err := pgx.Connect(ctx, url("s3cret", mode))
		if err != nil {
			t.Errorf("sslmode %s: %v", mode, err)
			continue
		}
		c.Close(ctx)
	}
	var pe *pgconn.PgError
	if _, err := pgx.Connect(ctx, url("wrong", "disable")); !errors.As(err, &pe) || pe.Code != "28P01" {
		t.Errorf("wrong password: %v", err)
	}
	if _, err := pgx.Connect(ctx, strings.Replace(url("x", "disable"), "postgres:x", "nobody:x", 1)); !errors.As(err, &pe) || pe.Code != "28P01" {
		t.Errorf("unknown user: %v", err)
	}
}

func selfSigned(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	kb, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: kb}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
