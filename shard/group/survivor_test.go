package group

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Of a group of three, one replica survives, and is not flushed: what its log has is read, its end included. A group begins
// from it, and a replica that joins that gets what the log does not have.
func TestAGroupBeginsFromASurvivor(t *testing.T) {
	t.Parallel()
	c, holder := three(t, small)
	cl := &gateway{c: c, to: holder}
	var keys []string
	for i := range 300 {
		keys = append(keys, fmt.Sprint("k", i))
		if _, known, err := cl.put(keys[i]); err != nil || !known {
			t.Fatal(err)
		}
	}
	survivor := holder%3 + 1
	for start := time.Now(); c.node(survivor).g.AppliedIndex() < c.node(holder).g.AppliedIndex(); time.Sleep(time.Millisecond) {
		if time.Since(start) > 10*time.Second {
			t.Fatal("a replica does not follow")
		}
	}
	applied := c.node(survivor).g.AppliedIndex()
	if _, err := OpenSurvivor(c.dirs[survivor], t.TempDir(), slog.New(slog.DiscardHandler)); !errors.Is(err, ErrInUse) {
		t.Errorf("a running node is read: %v", err)
	}
	for i := 1; i <= 3; i++ {
		c.stop(i, true)
	}

	s, err := OpenSurvivor(c.dirs[survivor], t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if s.Node != topo.NodeID(survivor) || s.ClusterID != 77 || len(s.Replicas) != 1 {
		t.Fatalf("survivor %+v", s)
	}
	r := s.Replicas[0]
	if r.Problem != nil || r.Group != testGroup || r.Replica != uint64(survivor) || r.State.AppliedIndex() < applied || r.LastIndex < applied ||
		r.LastTerm == 0 || r.Committed > r.LastIndex {
		t.Errorf("remains %+v, applied %d of %d", r, r.State.AppliedIndex(), applied)
	}
	if len(r.Members.Voters) != 3 || len(r.Members.NonVoting) != 0 || r.Members.Voters[1] != c.addrs[1] {
		t.Errorf("members %+v", r.Members)
	}

	d := newCluster(t, func(c *Config) { c.ClusterID = 78 })
	d.clock.Store(c.clock.Load())
	d.dirs[1] = filepath.Join(d.root, "1")
	if err := r.State.Rewrite(StateFile(d.dirs[1], testGroup, 4), topo.MaxTimestamp, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	d.host(1)
	g, err := d.node(1).Begin(bound(t, 20*time.Second), testGroup, 4)
	if err != nil {
		t.Fatal(err)
	}
	d.node(1).g = g
	if err := g.Compact(bound(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	d.check(keys)
	d.stop(1, false)
	d.host(1)
	d.start(1, GroupOptions{Replica: 4})
	d.holder()
	d.host(2)
	d.grow(2, 5)
	if err := d.node(2).g.CaughtUp(bound(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	m, err := d.node(1).g.Membership(bound(t, 5*time.Second))
	if err != nil || len(m.Voters) != 2 || slices.Contains(m.Removed, 4) {
		t.Errorf("membership %+v, %v", m, err)
	}
	d.check(keys)
}
