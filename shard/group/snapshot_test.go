package group

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// increment locks two keys, and writes the same next number to both.
func increment(n *node) (committed bool, err error) {
	id := n.txn()
	keys := [][]byte{key("x"), key("y")}
	locked, err := n.g.Lock(ctx, &rpc.LockRequest{Txn: id, Keys: keys, Modes: []lock.Mode{lock.NoKeyUpdate, lock.NoKeyUpdate}})
	if err != nil {
		return false, err
	}
	defer n.g.Unlock(ctx, &rpc.UnlockRequest{Txn: id})
	ts, err := n.clock.Timestamp(ctx)
	if err != nil {
		return false, err
	}
	var number int
	fmt.Sscan(string(locked.Versions[0].Value), &number)
	cmd := n.put(id, ts, fmt.Sprint(number+1), "x", "y")
	for i := range cmd.Prepare.Items {
		cmd.Prepare.Items[i].Seen = locked.Versions[i].TS
		cmd.Prepare.Items[i].SeenAbsent = locked.Versions[i].Value == nil
	}
	res, err := n.g.Propose(ctx, cmd)
	return res.Code == fsm.ResultCommitted, err
}

// snapshotReads reads both keys in several ways at one timestamp; a commit beneath a served read would show as a change.
func snapshotReads(n *node, ts topo.Timestamp) ([]string, error) {
	var seen []string
	for range 3 {
		for _, k := range []string{"x", "y"} {
			resp, err := n.g.Get(ctx, &rpc.GetRequest{TS: ts, Keys: [][]byte{key(k)}})
			if err != nil {
				return nil, err
			}
			seen = append(seen, string(resp.Versions[0].Value))
		}
		resp, err := n.g.Scan(ctx, &rpc.ScanRequest{TS: ts, Lo: key("x"), Hi: key("z")})
		if err != nil {
			return nil, err
		}
		for i := range resp.Rows.Len() {
			seen = append(seen, string(resp.Rows.Value(i)))
		}
	}
	return seen, nil
}

func TestASnapshotNeverChangesBesideCommitsAndEpochChanges(t *testing.T) {
	n := open(t, t.TempDir(), nil)
	if ok, err := increment(n); !ok || err != nil {
		t.Fatal(ok, err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	loop := func(do func() error) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := do(); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	var mu sync.Mutex
	committed, snapshots := 1, 0
	for range 6 {
		loop(func() error {
			ok, err := increment(n)
			if ok {
				mu.Lock()
				committed++
				mu.Unlock()
			}
			return err
		})
		loop(func() error {
			// Half of the snapshots lie ahead of the clock, where a prepare's minimum may fall at any moment.
			ts, err := n.clock.Timestamp(ctx)
			if err != nil {
				return err
			}
			time.Sleep(50 * time.Microsecond) // or the readers leave the writers no processor
			seen, err := snapshotReads(n, ts+ts%2*3)
			for _, v := range seen {
				if v != seen[0] {
					return fmt.Errorf("at %d: %v", ts, seen)
				}
			}
			mu.Lock()
			snapshots++
			mu.Unlock()
			return err
		})
	}
	for range 8 {
		time.Sleep(100 * time.Millisecond)
		n.g.fence.Store(true)
		n.kick()
	}
	close(stop)
	wg.Wait()
	if got := n.read(t, topo.MaxTimestamp, "x"); got != fmt.Sprint(committed) {
		t.Errorf("%d commits were acknowledged, the counter says %s", committed, got)
	}
	t.Logf("%d commits, %d snapshots", committed, snapshots)
}

// Who waits for an index must not find what follows the state behind it: a node would plan by the catalog before the snapshot.
func TestASnapshotIsFollowedOnceItHasBeenTakenIn(t *testing.T) {
	from, to := open(t, t.TempDir(), nil), open(t, t.TempDir(), nil)
	for i := range 20 {
		from.mustPut(t, "v", fmt.Sprint(i))
	}
	snap, err := from.g.state.PrepareSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	if err := from.g.state.SaveSnapshot(snap, &stream, nil); err != nil {
		t.Fatal(err)
	}
	called := false
	to.g.recovered = func(s *fsm.State) {
		called = true
		if s.AppliedIndex() != from.g.AppliedIndex() || to.g.FollowedIndex() != 0 {
			t.Errorf("while the snapshot is taken in: applied %d of %d, followed %d", s.AppliedIndex(), from.g.AppliedIndex(), to.g.FollowedIndex())
		}
	}
	if err := (&machine{r: to.g}).RecoverFromSnapshot(&stream, nil); err != nil {
		t.Fatal(err)
	}
	if !called || to.g.FollowedIndex() != to.g.AppliedIndex() {
		t.Errorf("taken in: applied %d, followed %d", to.g.AppliedIndex(), to.g.FollowedIndex())
	}
}
