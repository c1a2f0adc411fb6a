// Package testenv starts the servers that end-to-end tests and benchmarks talk to: a private PostgreSQL 15 and pgmqdb
// nodes, each a process of its own on free loopback ports, with its data in a temporary directory.
package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// postgresBin is where Debian's postgresql-15 has its programs.
const postgresBin = "/usr/lib/postgresql/15/bin"

// Server is a running server that speaks PostgreSQL's protocol.
type Server struct {
	Name string
	Host string // its address
	Port int
	HTTP int // port of pgmqdb's metrics and profiles; 0: none
	// Cluster is the port where a pgmqdb node listens for the others.
	Cluster int
	Dir     string

	namespace string // the network namespace of the process; empty: the test's own
	password  string // of user postgres; empty: none is asked for
	tags      string // that its program is built with
	args      []string
	cmd       *exec.Cmd
	out       *os.File
	stop      func() error
	done      chan struct{}
}

// URL is a connection string for the superuser and the database postgres.
func (s *Server) URL() string {
	return (&url.URL{Scheme: "postgres", User: url.UserPassword("postgres", s.password), Path: "postgres",
		Host: net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), RawQuery: "sslmode=disable"}).String()
}

// The ports that FreePort gives out lie below those that the kernel takes for outgoing connections: one of those could
// take a port between its choice and its use.
const (
	firstPort = 10000
	lastPort  = 32000
)

var portsGiven sync.Map // int -> true

// FreePort returns a port that nobody listens on, and that was not given out by this process before.
func FreePort() (int, error) {
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if _, given := portsGiven.LoadOrStore(port, true); given {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		return port, l.Close()
	}
	return 0, errors.New("testenv: no free port")
}

// StartPostgres initialises and starts a private PostgreSQL 15 in dir. As root it runs as the user postgres, since
// PostgreSQL refuses to run as root.
func StartPostgres(dir string, settings ...string) (*Server, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "pg")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	for p := dir; p != "/" && p != os.TempDir(); p = filepath.Dir(p) {
		_ = os.Chmod(p, 0o755) // the user postgres must get there
	}
	attr, err := asPostgres(data)
	if err != nil {
		return nil, err
	}
	run := func(name string, args ...string) error {
		cmd := exec.Command(filepath.Join(postgresBin, name), args...)
		cmd.SysProcAttr = attr
		cmd.Dir = data
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", name, err, out)
		}
		return nil
	}
	if err := run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"); err != nil {
		return nil, err
	}
	opts := fmt.Sprintf("-p %d -k %s -c listen_addresses=127.0.0.1 -c max_connections=200", port, data)
	for _, s := range settings {
		opts += " -c " + s
	}
	if err := run("pg_ctl", "-D", data, "-o", opts, "-w", "-t", "60", "-l", filepath.Join(data, "log"), "start"); err != nil {
		return nil, err
	}
	stop := func() error { return run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop") }
	return &Server{Name: "postgresql", Host: "127.0.0.1", Port: port, Dir: data, stop: stop}, nil
}

func asPostgres(data string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(data, uid, gid); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

var builds struct {
	sync.Mutex
	byTags map[string]func() (string, error)
}

// Binary builds the pgmqdb program once per test process and returns its path.
func Binary() (string, error) { return BinaryWith("") }

// BinaryWith is Binary with build tags.
func BinaryWith(tags string) (string, error) {
	builds.Lock()
	if builds.byTags == nil {
		builds.byTags = map[string]func() (string, error){}
	}
	build := builds.byTags[tags]
	if build == nil {
		build = sync.OnceValues(func() (string, error) {
			removeOldBinaries()
			dir, err := os.MkdirTemp("", fmt.Sprintf(binaryDir, os.Getpid()))
			if err != nil {
				return "", err
			}
			path := filepath.Join(dir, "pgmqdb")
			out, err := exec.Command("go", "build", "-tags", tags, "-o", path, "github.com/pgmqdb/pgmqdb/cmd/pgmqdb").CombinedOutput()
			if err != nil {
				return "", fmt.Errorf("go build: %w\n%s", err, out)
			}
			return path, nil
		})
		builds.byTags[tags] = build
	}
	builds.Unlock()
	return build()
}

// binaryDir is the directory of a test process's programs. No test process can know that it is the last to use its own,
// so that the next one removes it.
const binaryDir = "pgmqdb-bin-%d-*"

func removeOldBinaries() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), "pgmqdb-bin-*"))
	for _, dir := range dirs {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(dir), "pgmqdb-bin-%d-", &pid); err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir)
		}
	}
}

// StartPgmqdb starts a single node with its data in dir/data and waits until it serves.
func StartPgmqdb(dir string, args ...string) (*Server, error) {
	s, err := newPgmqdb(dir, args)
	if err != nil {
		return nil, err
	}
	return s, s.Start()
}

func newPgmqdb(dir string, args []string) (*Server, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	cluster, err := FreePort()
	if err != nil {
		return nil, err
	}
	http, err := FreePort()
	if err != nil {
		return nil, err
	}
	s := &Server{Name: "pgmqdb", Host: "127.0.0.1", Port: port, HTTP: http, Cluster: cluster, Dir: filepath.Join(dir, "data")}
	s.arguments(args)
	return s, nil
}

func (s *Server) arguments(more []string) {
	s.args = append([]string{"start", "--data", s.Dir, "--listen", fmt.Sprintf("%s:%d", s.Host, s.Port),
		"--cluster-listen", s.ClusterAddress(), "--http", fmt.Sprintf("127.0.0.1:%d", s.HTTP)}, more...)
}

// ClusterAddress is where the node listens for other nodes.
func (s *Server) ClusterAddress() string { return fmt.Sprintf("%s:%d", s.Host, s.Cluster) }

// InPlace is a node at the same addresses with another data directory. It is not started.
func (s *Server) InPlace(dir string) *Server {
	n := &Server{Name: s.Name, Host: s.Host, Port: s.Port, HTTP: s.HTTP, Cluster: s.Cluster, Dir: dir}
	n.arguments(nil)
	return n
}

// StartAsync runs the node's process and does not wait until it serves: one node of a stopped cluster cannot by itself.
func (s *Server) StartAsync() error {
	bin, err := BinaryWith(s.tags)
	if err != nil {
		return err
	}
	if s.out == nil {
		if s.out, err = os.OpenFile(s.Dir+".log", os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644); err != nil {
			return err
		}
	}
	s.cmd = exec.Command(bin, s.args...)
	if s.namespace != "" { // ip becomes the program: the process id is the node's
		s.cmd = exec.Command("ip", append([]string{"netns", "exec", s.namespace, bin}, s.args...)...)
	}
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	// The node dies with the test process, however that ends.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) { _ = cmd.Wait(); close(done) }(s.cmd, s.done)
	return nil
}

// Start runs the node's process (again, after Kill or Stop) and waits until it serves.
func (s *Server) Start() error {
	if err := s.StartAsync(); err != nil {
		return err
	}
	return s.Await(60 * time.Second)
}

// Await waits until the node answers clients.
func (s *Server) Await(limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for time.Now().Before(deadline) {
		select {
		case <-s.done:
			return fmt.Errorf("pgmqdb exited at once:\n%s", s.Log())
		default:
		}
		if exec.Command(filepath.Join(postgresBin, "pg_isready"), "-q", "-h", s.Host, "-p", strconv.Itoa(s.Port)).Run() == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("pgmqdb does not answer:\n%s", s.Log())
}

// Log returns what the node printed.
func (s *Server) Log() string {
	b, _ := os.ReadFile(s.Dir + ".log")
	if len(b) > 8000 {
		b = b[len(b)-8000:]
	}
	return string(b)
}

// PID is the node's process id.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Kill is kill -9.
func (s *Server) Kill() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}

// Pause stops the node's process as SIGSTOP does; Resume lets it go on.
func (s *Server) Pause() { _ = s.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume undoes Pause.
func (s *Server) Resume() { _ = s.cmd.Process.Signal(syscall.SIGCONT) }

// Running reports whether the node's process has not ended.
func (s *Server) Running() bool {
	select {
	case <-s.done:
		return false
	default:
		return s.cmd != nil
	}
}

// Stop ends the server in good order, pgmqdb with SIGTERM.
func (s *Server) Stop() error {
	if s.stop != nil {
		return s.stop()
	}
	if s.cmd == nil || s.cmd.Process == nil {
		return nil
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
		return nil
	case <-time.After(30 * time.Second):
		s.Kill()
		return fmt.Errorf("pgmqdb did not stop within 30 s of SIGTERM:\n%s", s.Log())
	}
}

// PSQL runs psql with the arguments and standard input, and returns its interleaved output and error output.
func (s *Server) PSQL(ctx context.Context, input string, args ...string) (string, error) {
	base := []string{"-X", "-h", s.Host, "-p", strconv.Itoa(s.Port), "-U", "postgres", "-d", "postgres"}
	cmd := exec.CommandContext(ctx, "psql", append(base, args...)...)
	cmd.Stdin = bytes.NewBufferString(input)
	cmd.Env = append(os.Environ(), "PGTZ=UTC", "LC_ALL=C.UTF-8", "PAGER=cat", "PGCONNECT_TIMEOUT=10", "PGPASSWORD="+s.password)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
