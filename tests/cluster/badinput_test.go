package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// startAnother is start for tests with more than one cluster, which have called abreast themselves.
func startAnother(t *testing.T, n int, args ...string) *cluster {
	t.Helper()
	limit, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	c, err := testenv.StartCluster(limit, t.TempDir(), n, args...)
	if err != nil {
		t.Fatal(err)
	}
	return harness(t, c)
}

// startArgs are those of a node with its data in dir, on free ports.
func startArgs(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	out := []string{"start", "--data", dir, "--http", ""}
	for _, o := range []string{"--listen", "--cluster-listen"} {
		p, err := testenv.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, o, fmt.Sprintf("127.0.0.1:%d", p))
	}
	return append(out, args...)
}

// refusesToStart runs a node that has to end by itself, with want in its last words, and returns how long that took.
func refusesToStart(t *testing.T, limit time.Duration, want string, args []string) time.Duration {
	t.Helper()
	bin, err := testenv.Binary()
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	out, err := exec.CommandContext(short, bin, args...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); short.Err() != nil || !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), want) {
		t.Errorf("%v after %v, want exit status 1 and %q; it said:\n%s", err, time.Since(began).Round(time.Millisecond), want, out)
	}
	return time.Since(began)
}

func clusterAddress(s *testenv.Server) string { return fmt.Sprintf("127.0.0.1:%d", s.Cluster) }

// A node of one cluster is not let into another, and neither of them changes.
func TestJoiningAnotherCluster(t *testing.T) {
	abreast(t)
	c, other := startAnother(t, 1), startAnother(t, 1)
	c.Nodes[0].Kill()
	identity := filepath.Join(c.Nodes[0].Dir, "cluster.json")
	before, err := os.ReadFile(identity)
	if err != nil {
		t.Fatal(err)
	}
	refusesToStart(t, 10*time.Second, "belongs to node 1 of cluster", startArgs(t, c.Nodes[0].Dir, "--join", clusterAddress(other.Nodes[0])))
	if after, _ := os.ReadFile(identity); string(after) != string(before) {
		t.Errorf("the identity has changed from\n%sto\n%s", before, after)
	}
	other.expect(0, 1, `select count(*) from pgmqdb.nodes`)
	if err := c.Nodes[0].Start(); err != nil {
		t.Fatal(err)
	}
	c.expect(0, 1, `select count(*) from pgmqdb.nodes`)
}

// authority makes certificates.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.issue("ca", nil, nil)
	return a
}

func (a *authority) issue(name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: parent == nil, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if parent == nil {
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, b := range map[string]*pem.Block{name + ".crt": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(a.dir, file), pem.EncodeToMemory(b), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return out, key
}

// options are a node's: a certificate of the authority, and trust in those of trusts.
func (a *authority) options(trusts *authority) []string {
	a.issue("node", a.cert, a.key)
	return []string{"--cluster-cert", filepath.Join(a.dir, "node.crt"), "--cluster-key", filepath.Join(a.dir, "node.key"),
		"--cluster-ca", filepath.Join(trusts.dir, "ca.crt")}
}

// A join without a certificate that the cluster accepts, or towards nodes that are not trusted, ends with the reason.
func TestJoiningWithoutTheRightCertificate(t *testing.T) {
	abreast(t)
	ours, theirs := newAuthority(t), newAuthority(t)
	c := startAnother(t, 1, ours.options(ours)...)
	c.join()
	at := clusterAddress(c.Nodes[0])
	join := func(want string, args ...string) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "node")
		refusesToStart(t, 10*time.Second, want, startArgs(t, dir, append(args, "--join", at)...))
		if _, err := os.Stat(filepath.Join(dir, "cluster.json")); err == nil {
			t.Errorf("%s: the node has an identity", want)
		}
	}
	join("demands a certificate")
	join("refuses this node's certificate: tls: unknown certificate authority", theirs.options(ours)...)
	join("is not trusted: x509: certificate signed by unknown authority", theirs.options(theirs)...)
	c.expect(0, 2, `select count(*) from pgmqdb.nodes`)
	plain := startAnother(t, 1)
	at = clusterAddress(plain.Nodes[0])
	join("does not use certificates", ours.options(ours)...)
	// A member that comes back with a wrong one gets no answer from anybody either.
	c.Nodes[1].Kill()
	refusesToStart(t, 20*time.Second, "is not trusted", startArgs(t, c.Nodes[1].Dir, theirs.options(theirs)...))
	if err := c.Nodes[1].Start(); err != nil {
		t.Fatal(err)
	}
}

// A copy of a data directory does not run beside the original, not even as a voter; the original may be killed and started
// again at once, at another address too.
func TestACopiedDataDirectory(t *testing.T) {
	abreast(t)
	c := startAnother(t, 3)
	c.must(0, `create table t (id int primary key)`)
	var all sync.WaitGroup
	for i, s := range c.Nodes[:2] { // the first node, which joined nobody, and another
		dir := filepath.Join(t.TempDir(), "copy")
		s.Pause() // the copy is as good as one made of a stopped node
		err := os.CopyFS(dir, os.DirFS(s.Dir))
		s.Resume()
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			refusesToStart(t, 20*time.Second, fmt.Sprintf("node %d is running at %s", i+1, clusterAddress(s)), startArgs(t, dir))
			// It has not come as far as raft, which counts its starts.
			was, _ := os.ReadFile(filepath.Join(s.Dir, "node.json"))
			if now, err := os.ReadFile(filepath.Join(dir, "node.json")); err != nil || string(now) != string(was) {
				t.Errorf("the copy has opened its data: %s, %v", now, err)
			}
		})
	}
	all.Wait()
	for i := range c.Nodes {
		c.must(i, `insert into t values ($1)`, i)
	}
	s := c.Nodes[2]
	s.Kill()
	began := time.Now()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Logf("back at its address after %v", time.Since(began).Round(time.Millisecond))
	s.Kill()
	began = time.Now()
	moved := exec.Command(mustBinary(t), startArgs(t, s.Dir)...)
	moved.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := moved.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = moved.Process.Kill(); _ = moved.Wait() }()
	for c.count(0, `select count(*) from pgmqdb.nodes where node_id = 3 and state = 'live' and address <> $1`, clusterAddress(s)) == 0 {
		if time.Since(began) > 10*time.Second {
			t.Fatal("a node that was killed and started at another address does not get in")
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("back at another address after %v", time.Since(began).Round(time.Millisecond))
}

func mustBinary(t *testing.T) string {
	t.Helper()
	bin, err := testenv.Binary()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// impostor answers hello as a node of some cluster does.
type impostor struct {
	clock   time.Duration
	version uint8
}

func (p impostor) Group(topo.GroupID) rpc.Group { return nil }

func (p impostor) Call(_ context.Context, method string, _ []byte) ([]byte, error) {
	if method != "hello" {
		return nil, pgerr.Internal("%s is not expected", method)
	}
	return json.Marshal(map[string]any{"Cluster": 7, "Node": 1, "Run": "x", "Version": "9.9", "ClusterVersion": p.version,
		"ClockNS": time.Now().Add(p.clock).UnixNano()})
}

// A binary that is too old for a cluster, and a machine whose clock is far off, are not let in.
func TestOldBinariesAndWrongClocks(t *testing.T) {
	abreast(t)
	run := func(p impostor) string {
		m, err := rpc.Listen("127.0.0.1:0", nil)
		if err != nil {
			t.Fatal(err)
		}
		s := rpc.NewServer(rpc.ServerConfig{Handler: p, Log: slog.Default()})
		go func() { _ = s.Serve(m.Calls()) }()
		t.Cleanup(func() { s.Stop(); m.Close() })
		return m.Addr().String()
	}
	for want, p := range map[string]impostor{
		"clock is off by 1h0m0s":                {clock: time.Hour, version: 1},
		"clock is off by 11s":                   {clock: -11 * time.Second, version: 1},
		"understands command format 2, and the": {version: 3},
		"join is not expected":                  {clock: 8 * time.Second, version: 1}, // it goes on
	} {
		refusesToStart(t, 10*time.Second, want, startArgs(t, filepath.Join(t.TempDir(), "n"), "--join", run(p)))
	}
	// The cluster itself says no as well.
	c := startAnother(t, 1)
	client := rpc.NewClient(rpc.ClientConfig{})
	defer client.Close()
	for method, body := range map[string]string{
		"join":     `{"Instance": "old", "Address": "127.0.0.1:1", "SQL": "127.0.0.1:2"}`,
		"register": fmt.Sprintf(`{"Node": 1, "Cluster": %d}`, clusterOf(t, c.Nodes[0])),
	} {
		_, err := client.Call(ctx, clusterAddress(c.Nodes[0]), method, []byte(body))
		if pgerr.Code(err) != pgerr.ObjectNotInPrerequisiteState || !strings.Contains(err.Error(), "too old") {
			t.Errorf("%s by an old program: %v", method, err)
		}
	}
	c.expect(0, 1, `select count(*) from pgmqdb.nodes`)
}

func clusterOf(t *testing.T, s *testenv.Server) uint64 {
	t.Helper()
	var id struct{ Cluster uint64 }
	b, err := os.ReadFile(filepath.Join(s.Dir, "cluster.json"))
	if err == nil {
		err = json.Unmarshal(b, &id)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id.Cluster
}

// A node that groups cannot spare is neither drained nor removed, and the last one stays. With a majority gone, statements end
// in time and say why.
func TestNodesThatCannotBeSpared(t *testing.T) {
	abreast(t)
	c := startAnother(t, 3)
	c.must(0, `create table t (id int primary key)`)
	c.Nodes[2].Kill()
	for c.count(0, `select count(*) from pgmqdb.nodes where node_id = 3 and state in ('dead', 'suspect')`) == 0 {
		time.Sleep(50 * time.Millisecond)
	}
	for _, f := range []string{"drain", "remove"} {
		var pe *pgconn.PgError
		refused := func() bool {
			_, err := c.dbs[0].Exec(ctx, `select pgmqdb.`+f+`(2)`)
			return errors.As(err, &pe) && pe.Code == "55000" && strings.Contains(pe.Message, "too few replicas of groups 1, 2, 3, 4 and 5 would be alive")
		}
		// Node 3 may have led the catalog: where heartbeats are slow, its successor has not heard of the others yet.
		listed := regexp.MustCompile(`Group 5 has voters on nodes 1, 2 and 3, not alive: 3[;.]`)
		ok := refused()
		for end := time.Now().Add(10 * time.Second); ok && !listed.MatchString(pe.Detail) && time.Now().Before(end); ok = refused() {
			time.Sleep(200 * time.Millisecond)
		}
		if !ok || !listed.MatchString(pe.Detail) {
			t.Errorf("%s: %+v", f, pe)
		}
		c.refused(0, "42704", `select pgmqdb.`+f+`(9)`)
	}
	c.expect(0, 0, `select count(*) from pgmqdb.nodes where state in ('draining', 'removing')`)

	statements := []string{`insert into t values (1)`, `select count(*) from t`, `create table u (id int)`, `select 1`}
	conns := make([]*pgx.Conn, len(statements))
	for i := range conns {
		var err error
		if conns[i], err = pgx.Connect(ctx, c.Nodes[0].URL()); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close(ctx)
	}
	c.Nodes[1].Kill()
	ends := func(conn *pgx.Conn, sql string, codes ...string) {
		began := time.Now()
		_, err := conn.Exec(ctx, sql)
		if took := time.Since(began); !slices.Contains(codes, code(err)) || took > 25*time.Second {
			t.Errorf("%s without a majority: %v after %v", sql, err, took)
		}
	}
	var all sync.WaitGroup
	for i, sql := range statements[:3] {
		all.Go(func() { ends(conns[i], sql, "40001", "08007", "57P03") })
	}
	all.Wait()
	_, err := pgx.Connect(ctx, c.Nodes[0].URL())
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Code != "57P03" || pe.Detail != "Nodes 2 and 3 do not answer, of the catalog group's 3 voters: it needs 2." {
		t.Errorf("a connection without a majority: %+v", pe)
	}
	if long() {
		ends(conns[3], statements[3], "57P03")
	}

	alone := startAnother(t, 1)
	for _, f := range []string{"drain", "remove"} {
		if _, err := alone.dbs[0].Exec(ctx, `select pgmqdb.`+f+`(1)`); code(err) != "55000" || !strings.Contains(err.Error(), "it is the last one") {
			t.Errorf("%s of the only node: %v", f, err)
		}
	}
}

// A cancel request reaches the session through whichever node it comes to, if it knows the secret; the views of sessions and
// locks are the same from each.
func TestCancelRequestsAndActivityOverNodes(t *testing.T) {
	abreast(t)
	c := startAnother(t, 1)
	c.join()
	c.must(0, `create table t (id int primary key)`)
	c.must(0, `insert into t values (1)`)
	holder, err := pgx.Connect(ctx, c.Nodes[0].URL())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close(ctx)
	if _, err := holder.Exec(ctx, `begin; update t set id = id where id = 1`); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, c.Nodes[1].URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	done := make(chan error, 1)
	go func() {
		_, err := conn.Exec(ctx, `select from t where id = 1 for update`)
		done <- err
	}()
	pid := conn.PgConn().PID()
	const waits = `select count(*) from pg_stat_activity a join pg_locks l using (pid) where pid = $1 and state = 'active' and not granted`
	for i := range 2 {
		for began := time.Now(); c.count(i, waits, pid) == 0; time.Sleep(10 * time.Millisecond) {
			if time.Since(began) > 5*time.Second {
				t.Fatalf("node %d does not show the session that waits", i+1)
			}
		}
		c.expect(i, 1, `select count(distinct pid) from pg_locks where pid = $1 and locktype = 'relation'`, holder.PgConn().PID())
	}
	cancel := func(secret []byte) {
		t.Helper()
		// A copy of the session's keys, sent to the other node.
		to, err := pgx.Connect(ctx, c.Nodes[0].URL())
		if err != nil {
			t.Fatal(err)
		}
		h, err := to.PgConn().Hijack()
		if err != nil {
			t.Fatal(err)
		}
		defer h.Conn.Close()
		h.PID, h.SecretKey = pid, secret
		pc, err := pgconn.Construct(h)
		if err != nil {
			t.Fatal(err)
		}
		if err := pc.CancelRequest(ctx); err != nil {
			t.Fatal(err)
		}
	}
	secret := conn.PgConn().SecretKey()
	wrong := append([]byte{secret[0] ^ 1}, secret[1:]...)
	cancel(wrong)
	select {
	case err := <-done:
		t.Fatalf("a wrong secret ended the statement: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	cancel(secret)
	select {
	case err := <-done:
		if code(err) != "57014" {
			t.Errorf("cancelled through another node: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("a cancel request through another node does nothing")
	}
}
