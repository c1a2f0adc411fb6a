package group

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
)

func small(c *Config) { c.SnapshotEntries = 200 }

// alone starts a group of one on node 1 and commits some rows.
func alone(t testing.TB, rows int) *cluster {
	t.Helper()
	c := newCluster(t, small)
	c.host(1)
	began := time.Now()
	if err := c.start(1, GroupOptions{Replica: 1}).WaitReady(bound(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Logf("a lone voter was ready %v after its start", time.Since(began))
	cl := &gateway{c: c, to: 1}
	for i := range rows {
		if _, _, err := cl.put(fmt.Sprint("early", i)); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestAGroupGrowsFromOneToThreeUnderWritesAndItsLeaderDies(t *testing.T) {
	t.Parallel()
	c := alone(t, 700)
	if l := c.node(1).g.proposer.limit; l != inFlightAlone {
		t.Errorf("%d batches in flight alone", l)
	}
	reader, err := c.node(1).nh.GetLogReader(uint64(testGroup))
	if err != nil {
		t.Fatal(err)
	}
	if first, _ := reader.GetRange(); first < 100 {
		t.Errorf("the log begins at %d: nobody needs a snapshot", first)
	}
	w := c.write(3)
	began := time.Now()
	c.host(2)
	c.host(3)
	c.grow(2, 2)
	c.grow(3, 3)
	t.Logf("grew to three in %v, longest pause of a client %v", time.Since(began), w.takePause())
	m, err := c.node(1).g.Membership(bound(t, 5*time.Second))
	if err != nil || len(m.Voters) != 3 || len(m.NonVoting) != 0 || m.Voters[3] != c.addrs[3] || m.ConfigChangeID == 0 {
		t.Fatalf("membership %+v, %v", m, err)
	}
	time.Sleep(2 * memberInterval)
	c.node(1).g.proposer.mu.Lock()
	if l := c.node(1).g.proposer.limit; l != inFlightWithPeers {
		t.Errorf("%d batches in flight with peers", l)
	}
	c.node(1).g.proposer.mu.Unlock()

	// A promoted learner that restarts is a voter, once its snapshot says so from the start on: with node 1 away it is needed.
	log, err := c.node(2).nh.GetLogReader(uint64(testGroup))
	if err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); log.Snapshot().Membership.Addresses[2] == ""; time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > 20*time.Second {
			t.Fatal("no snapshot was taken after the promotion")
		}
	}
	c.stop(2, false)
	c.host(2)
	watched := 0
	c.start(2, GroupOptions{Replica: 2, NonVoting: true, Join: true, BeforeStart: func(*fsm.State) { watched++ }})
	if _, err := os.Stat(c.node(2).dir.learnerFile(testGroup, 2)); !os.IsNotExist(err) || watched != 1 {
		t.Errorf("started as a learner (%v), with %d states to watch", err, watched)
	}
	if err := c.node(2).g.CaughtUp(bound(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	w.takePause()
	began = time.Now()
	c.stop(1, true)
	second := c.holder()
	t.Logf("node %d took the lease %v after the holder died", second, time.Since(began))
	time.Sleep(200 * time.Millisecond)
	t.Logf("a client's longest pause at the failover: %v", w.takePause())
	c.check(w.end())

	c.host(1)
	c.start(1, GroupOptions{Replica: 1})
	c.check([]string{"early0", "early699"})
}

func TestAReplicaIsReplacedUnderANewIDAfterItsDataWasRemoved(t *testing.T) {
	t.Parallel()
	c := alone(t, 300)
	c.host(2)
	c.host(3)
	c.grow(2, 2)
	c.grow(3, 3)
	w := c.write(2)
	ctx := bound(t, 30*time.Second)
	leader := c.node(c.holder()).g
	if err := leader.RemoveReplica(ctx, leader.ReplicaID()); !errors.Is(err, ErrRemoveSelf) {
		t.Errorf("a leader that removes itself: %v", err)
	}
	for range 2 {
		if err := leader.RemoveReplica(ctx, 3); err != nil {
			t.Fatal(err)
		}
	}
	if err := leader.AddNonVoting(ctx, 3, c.addrs[3]); !errors.Is(err, ErrReplicaRemoved) {
		t.Errorf("a removed id: %v", err)
	}
	if err := leader.AddNonVoting(ctx, 5, c.addrs[2]); !errors.Is(err, ErrAddressInUse) {
		t.Errorf("an address twice: %v", err)
	}
	if err := leader.Promote(ctx, 5, c.addrs[3]); !errors.Is(err, ErrNotLearner) {
		t.Errorf("promoting nobody: %v", err)
	}
	old := c.node(3).dir.stateFile(testGroup, 3)
	if err := c.node(3).StopGroup(testGroup, true); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) || c.node(3).nh.HasNodeInfo(uint64(testGroup), 3) {
		t.Errorf("data is left: %v", err)
	}
	c.node(3).g = nil
	c.grow(3, 4)
	m, err := leader.Membership(ctx)
	if err != nil || len(m.Voters) != 3 || !slices.Equal(m.Removed, []uint64{3}) {
		t.Errorf("membership %+v, %v", m, err)
	}
	c.check(w.end())

	// Back to one: two leave, the last one serves alone.
	leader = c.node(c.holder()).g
	for id := range m.Voters {
		if id != leader.ReplicaID() {
			if err := leader.RemoveReplica(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, known, err := (&gateway{c: c, to: c.holder()}).put("alone again"); !known || err != nil {
		t.Error(err)
	}
	for _, n := range c.all() {
		if n.g != leader {
			if err := n.StopGroup(testGroup, true); err != nil {
				t.Error(err)
			}
			n.g = nil
		}
	}
}

func TestALearnerIsToldWhereToGoAndNeverLeads(t *testing.T) {
	t.Parallel()
	c := alone(t, 10)
	c.host(2)
	leader := c.node(1).g
	if err := leader.AddNonVoting(bound(t, 10*time.Second), 2, c.addrs[2]); err != nil {
		t.Fatal(err)
	}
	g := c.start(2, GroupOptions{Replica: 2, Join: true, NonVoting: true})
	if err := g.CaughtUp(bound(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if g.AppliedIndex() < leader.AppliedIndex() {
		t.Errorf("caught up at %d of %d", g.AppliedIndex(), leader.AppliedIndex())
	}
	c.stop(2, true)
	c.host(2)
	g = c.start(2, GroupOptions{Replica: 2}) // what it is, the log says
	if err := g.CaughtUp(bound(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err := g.Get(ctx, &rpc.GetRequest{TS: c.now(), Keys: [][]byte{key("early0")}})
	var e *rpc.Error
	if !errors.As(err, &e) || e.Code != rpc.ErrNotLeaseholder || e.Holder != 1 || time.Since(began) > 100*time.Millisecond {
		t.Errorf("a learner answers %v after %v", err, time.Since(began))
	}
	if err := leader.TransferLease(bound(t, time.Second), 2); !errors.Is(err, ErrNotVoter) {
		t.Errorf("transfer to a learner: %v", err)
	}
	if v := leader.Voters(); len(v) != 1 {
		t.Errorf("voters: %v", v)
	}
	c.check(nil)
}

func TestALostStateFileIsToldApartAndTheReplicaIsRebuilt(t *testing.T) {
	t.Parallel()
	c := alone(t, 500)
	c.host(2)
	c.host(3)
	c.grow(2, 2)
	c.grow(3, 3)
	cl := &gateway{c: c, to: 1}
	for i := range 300 {
		if _, _, err := cl.put(fmt.Sprint("late", i)); err != nil {
			t.Fatal(err)
		}
	}
	if h := c.holder(); h == 3 {
		if err := c.node(3).g.TransferLease(bound(t, 5*time.Second), 1); err != nil {
			t.Fatal(err)
		}
	}
	path := c.node(3).dir.stateFile(testGroup, 3)
	c.stop(3, false)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	start := func() error {
		_, err := c.node(3).StartGroup(GroupOptions{ID: testGroup, Replica: 3})
		return err
	}
	c.host(3)
	if err := os.WriteFile(path, bytes.Repeat([]byte("junk"), 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := start(); !errors.Is(err, ErrReplicaLost) {
		t.Errorf("damaged: %v", err)
	}
	os.Remove(path)
	if err := start(); !errors.Is(err, ErrReplicaLost) {
		t.Errorf("missing: %v", err)
	}
	empty, err := fsm.Open(path, fsm.Options{InitialMmapBytes: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	empty.Close()
	if err := start(); !errors.Is(err, ErrReplicaLost) {
		t.Errorf("older than raft's snapshot: %v", err)
	}
	// The undamaged file is fine, whatever was tried before.
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	if err := c.node(3).StopGroup(testGroup, false); err != nil {
		t.Fatal(err)
	}
	os.Remove(path)
	ctx := bound(t, 20*time.Second)
	if err := start(); !errors.Is(err, ErrReplicaLost) {
		t.Fatal(err)
	}
	if err := c.node(c.holder()).g.RemoveReplica(ctx, 3); err != nil {
		t.Fatal(err)
	}
	if err := c.node(3).RemoveReplicaData(testGroup, 3); err != nil {
		t.Fatal(err)
	}
	c.node(3).g = nil
	c.grow(3, 4)
	c.check([]string{"early0", "late299"})
}

func TestADirectoryKeepsItsCluster(t *testing.T) {
	t.Parallel()
	c := newCluster(t, nil)
	c.host(1)
	c.stop(1, false)
	other := Config{Dir: c.dirs[1], Node: 1, RaftAddress: c.addrs[1], ClusterID: 78,
		Transport: &TransportConfig{Listener: cutListener{}, Dial: c.dial(1)}}
	if h, err := Open(other); err == nil {
		h.Close()
		t.Error("opened for another cluster")
	}
	if _, err := Open(Config{Dir: t.TempDir(), Node: 1, RaftAddress: "x"}); err == nil {
		t.Error("a raft address without a transport")
	}
}

// A data directory that comes from another host serves.
func TestADirectoryOfAnotherHost(t *testing.T) {
	t.Parallel()
	c := alone(t, 300)
	c.stop(1, false)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	raft := filepath.Join(c.dirs[1], raftDir)
	if err := os.Rename(filepath.Join(raft, host), filepath.Join(raft, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	c.host(1)
	if err := c.start(1, GroupOptions{Replica: 1}).WaitReady(bound(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	c.check([]string{"early0", "early299"})
}
