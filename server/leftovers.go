package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// abandonedAfter is how long something of an ended epoch may lie about before a check calls it a problem: whoever holds
// the group's lease finishes it within seconds.
const abandonedAfter = time.Minute

// abandoned remembers since when each prepare, provisional transaction and fence of an ended epoch is known to be in a
// group whose lease this node holds.
type abandoned struct {
	mu    sync.Mutex
	since map[abandonedThing]time.Time
}

type abandonedThing struct {
	Group topo.GroupID
	Kind  string // "prepare", "operations sent ahead" or "fence"
	Txn   topo.TxnID
	Table topo.TableID // of a fence
}

// note takes what there is at some moment: what is not in it any more is forgotten.
func (a *abandoned) note(now time.Time, things []abandonedThing) {
	a.mu.Lock()
	defer a.mu.Unlock()
	since := make(map[abandonedThing]time.Time, len(things))
	for _, x := range things {
		if t, ok := a.since[x]; ok {
			since[x] = t
		} else {
			since[x] = now
		}
	}
	a.since = since
}

// older lists what has been there for longer than d.
func (a *abandoned) older(now time.Time, d time.Duration) []abandonedThing {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []abandonedThing
	for x, t := range a.since {
		if now.Sub(t) > d {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b abandonedThing) int {
		switch {
		case a.Group != b.Group:
			return int(int64(a.Group) - int64(b.Group))
		case a.Txn.Less(b.Txn):
			return -1
		case b.Txn.Less(a.Txn):
			return 1
		}
		return int(int64(a.Table) - int64(b.Table))
	})
	return out
}

// noteAbandoned looks at the groups whose leases are here.
func (s *Server) noteAbandoned() {
	t := s.catalog.Topology()
	var things []abandonedThing
	for _, r := range s.host.Replicas() {
		if _, mine := r.Lease(); !mine {
			continue
		}
		add := func(kind string, txn topo.TxnID, table topo.TableID) {
			if t.Over(txn) {
				things = append(things, abandonedThing{r.ID(), kind, txn, table})
			}
		}
		for _, p := range r.State().PendingList() {
			add("prepare", p.Txn, 0)
		}
		for _, x := range r.State().ProvisionalTxns() {
			add("operations sent ahead", x, 0)
		}
		for _, f := range r.State().Fences() {
			add("fence", f.Txn, f.Table)
		}
	}
	s.abandoned.note(time.Now(), things)
}

// leftovers is what a node says of the groups whose leases it holds.
type leftovers struct {
	Abandoned []abandonedThing
	Marks     []highestMark
	Building  []topo.StorageID // by the node's own schema changes
}

// highestMark is the highest share_ts of a group, and the highest commit timestamp.
type highestMark struct {
	Group    topo.GroupID
	Key      []byte
	ShareTS  topo.Timestamp
	CommitTS topo.Timestamp
}

// leftoversHere answers methodLeftovers.
func (s *Server) leftoversHere(context.Context, *empty) (*leftovers, error) {
	s.noteAbandoned()
	out := &leftovers{Abandoned: s.abandoned.older(time.Now(), abandonedAfter), Building: s.building.List()}
	for _, r := range s.host.Replicas() {
		if _, mine := r.Lease(); mine {
			key, ts := r.State().HighestShare()
			out.Marks = append(out.Marks, highestMark{r.ID(), key, ts, r.State().MaxTS()})
		}
	}
	return out, nil
}

// askLeftovers asks every node that is not known to be dead.
func (s *Server) askLeftovers(ctx context.Context) (map[topo.NodeID]*leftovers, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	t := s.catalog.Topology()
	out := map[topo.NodeID]*leftovers{}
	for _, id := range t.NodeIDs() {
		if n := t.Nodes[id]; n.Dead || n.Epoch == 0 {
			continue
		}
		l, err := askNode[leftovers](ctx, s, id, methodLeftovers, &empty{})
		if err != nil {
			return nil, fmt.Errorf("node %d: %w", id, err)
		}
		out[id] = l
	}
	return out, nil
}

// storagesInUse lists the storages that are no leftovers. The schema changes are asked for first: one that has ended by
// then has left its storages in the catalog, or dropped them.
func (s *Server) storagesInUse(ctx context.Context) (map[topo.StorageID]bool, error) {
	nodes, err := s.askLeftovers(ctx)
	if err != nil {
		return nil, err
	}
	used := map[topo.StorageID]bool{}
	for _, l := range nodes {
		for _, id := range l.Building {
			used[id] = true
		}
	}
	s.catalog.Current().AllTables(func(t *catalog.Table) bool {
		used[t.RowStorage] = true
		for _, x := range t.Indexes {
			used[x.Storage], used[x.Marks] = true, true // 0 is no storage
		}
		return true
	})
	for _, g := range s.catalog.Garbage(math.MaxUint64) {
		used[g.Storage] = true
	}
	return used, nil
}

// checkCluster is the part of a check that looks at the groups from outside.
func (s *Server) checkCluster(ctx context.Context, report func(exec.Finding) error) error {
	if err := s.checkLeftovers(ctx, report); err != nil {
		return err
	}
	return s.compareReplicas(ctx, report)
}

// checkLeftovers reports what ended coordinators left, and marks from the future: a commit timestamp exceeds the last one
// handed out by one at most, so none is above a timestamp drawn after it was seen.
func (s *Server) checkLeftovers(ctx context.Context, report func(exec.Finding) error) error {
	nodes, err := s.askLeftovers(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return report(exec.Finding{Status: exec.NotCompared, Object: "leftovers", Text: err.Error()})
	}
	now, err := s.clock.Timestamp(ctx)
	if err != nil {
		return err
	}
	var found []exec.Finding
	problem := func(g topo.GroupID, key, format string, args ...any) {
		found = append(found, exec.Finding{Status: exec.Problem, Object: fmt.Sprintf("group %d", g), Text: fmt.Sprintf(format, args...), Key: key})
	}
	for _, id := range s.catalog.Topology().NodeIDs() {
		l := nodes[id]
		if l == nil {
			continue
		}
		for _, x := range l.Abandoned {
			problem(x.Group, x.Txn.String(), "%s of a transaction whose coordinator is gone, older than %s", x.Kind, abandonedAfter)
		}
		for _, m := range l.Marks {
			if m.ShareTS > now {
				problem(m.Group, fmt.Sprintf("%x", m.Key), "a shared mark is of timestamp %d, and the last handed out is %d", m.ShareTS, now)
			}
			if m.CommitTS > now {
				problem(m.Group, "", "a commit is of timestamp %d, and the last handed out is %d", m.CommitTS, now)
			}
		}
	}
	var errs []error
	for _, f := range found {
		errs = append(errs, report(f))
	}
	return errors.Join(errs...)
}
