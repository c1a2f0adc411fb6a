package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// inFlight is a prepare that was proposed and has not been applied: reads of its keys wait (section 5, "Commit timestamps").
type inFlight struct {
	keys map[string]bool
	// all: operations were sent ahead of the prepare, and their keys are not in it.
	all   bool
	epoch topo.LeaseEpoch
}

// Group is one raft group: a log, replicas, and the volatile state of its leaseholder.
type Group struct {
	c  *Cluster
	id topo.GroupID

	mu       sync.Mutex
	log      []fsm.Command
	replicas []replica // the first applies at once, the others when the scheduler says so
	applied  []int     // positions in log

	epoch       topo.LeaseEpoch
	locks       *lock.Manager
	flight      map[int]*inFlight
	flightNext  int
	highestRead topo.Timestamp
	cutUntil    time.Time     // of virtual time
	changed     chan struct{} // closed at every change that a reader may wait for
}

func (g *Group) signal() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// apply appends a command to the log and applies it at the leader's replica. g.mu is held.
func (g *Group) apply(cmd fsm.Command) (fsm.Result, error) {
	g.log = append(g.log, cmd)
	res := make([]fsm.Result, 1)
	err := g.replicas[0].Apply(uint64(len(g.log)), []fsm.Command{cmd}, res)
	g.applied[0] = len(g.log)
	g.signal()
	return res[0], err
}

// catchUp applies up to n entries at a follower.
func (g *Group) catchUp(replica, n int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for ; n > 0 && g.applied[replica] < len(g.log); n-- {
		i := g.applied[replica]
		res := make([]fsm.Result, 1)
		if err := g.replicas[replica].Apply(uint64(i+1), []fsm.Command{g.log[i]}, res); err != nil {
			return err
		}
		g.applied[replica]++
	}
	return nil
}

// moveLease makes a new leaseholder: everything that lived in the old one's memory is gone.
func (g *Group) moveLease() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	lease := g.replicas[0].Lease()
	res, err := g.apply(fsm.Command{Epoch: lease.Epoch + 1, Lease: &fsm.Lease{
		Epoch: lease.Epoch + 1, Holder: 1, Incarnation: uint64(lease.Epoch) + 1, AfterIndex: lease.LastIndex}})
	if err != nil {
		return err
	}
	if res.Code != fsm.ResultOK {
		return fmt.Errorf("lease of group %d refused: %d", g.id, res.Code)
	}
	g.epoch = lease.Epoch + 1
	old := g.locks
	g.locks = lock.NewRows(nil)
	g.flight = map[int]*inFlight{}
	g.highestRead = 0
	if !g.c.faults.KeepHighestRead {
		g.highestRead = g.c.clock.next() // a new holder takes a fresh timestamp before its first prepare
	}
	old.Clear()
	g.signal()
	return nil
}

// client is a gateway's view of a group: every call is a message out and a message back.
type client struct {
	g *Group
	n *Node
}

func (g *Group) String() string { return fmt.Sprintf("g%d", g.id) }

func (cl *client) ID() topo.GroupID { return cl.g.id }

// send is a message between gateway and leaseholder. A dead node's messages go nowhere.
func (cl *client) send(ctx context.Context, what string) (fate, error) {
	if err := cl.n.alive(ctx); err != nil {
		return fate{}, err
	}
	f, err := cl.g.c.sched.wait(ctx, "n%d.%d%s g%d %s", cl.n.id, cl.n.epoch, actor(ctx), cl.g.id, what)
	if err == errEnded {
		err = unavailable("ended")
	}
	if err == nil && cl.g.cut() {
		f.answerLost = true
		f.lost = f.lost || f.coin
	}
	if err == nil && f.lost {
		err = unavailable("lost")
	}
	return f, err
}

// cut reports whether the gateways are cut off from the group: their requests or the answers get lost.
func (g *Group) cut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Before(g.cutUntil)
}

func unavailable(detail string) error { return &rpc.Error{Code: rpc.ErrUnavailable, Detail: detail} }

func ownOf(txn topo.TxnID, seq uint64, rb []fsm.SeqRange) fsm.Own {
	return fsm.Own{Txn: txn, Seq: seq, RolledBack: rb}
}

// admit checks the lease epoch and notes a read's timestamp before the state is read. g.mu is held.
func (g *Group) admit(ts topo.Timestamp) {
	if ts != topo.MaxTimestamp && ts > g.highestRead {
		g.highestRead = ts
	}
}

// conflictsFlight reports whether a proposed prepare may write one of the keys. g.mu is held.
func (g *Group) conflictsFlight(hit func(key string) bool) bool {
	if g.c.faults.IgnoreInFlight {
		return false
	}
	for _, f := range g.flight {
		if f.all {
			return true
		}
		for k := range f.keys {
			if hit(k) {
				return true
			}
		}
	}
	return false
}

// read runs f until it meets no pending prepare. f is called with g.mu held.
func (cl *client) read(ctx context.Context, own topo.TxnID, hit func(key string) bool, f func() (*fsm.Pending, error)) error {
	g := cl.g
	met := 0
	for {
		g.mu.Lock()
		changed := g.changed
		busy := g.conflictsFlight(hit)
		var p *fsm.Pending
		var err error
		if !busy {
			p, err = f()
		}
		g.mu.Unlock()
		if err != nil {
			if errors.Is(err, fsm.ErrSnapshotTooOld) {
				return &rpc.Error{Code: rpc.ErrSnapshotTooOld}
			}
			return err
		}
		if !busy && p == nil {
			return nil
		}
		timer := time.NewTimer(20 * time.Millisecond)
		select {
		case <-changed:
		case <-timer.C:
			if met++; p != nil && met > 2 {
				g.recover(ctx, p.Txn, p.Attempt, p.Primary)
			}
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		timer.Stop()
	}
}

type actorKey struct{}

// withActor names the client on whose behalf calls are made, so that the labels of its steps are its own.
func withActor(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, actorKey{}, name)
}

func actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}

// recover has some live node finish an attempt that stands in the way here.
func (g *Group) recover(ctx context.Context, txn topo.TxnID, attempt topo.Attempt, primary topo.GroupID) {
	n := g.c.someNode()
	if n == nil {
		return
	}
	ctx = withActor(ctx, actor(ctx)+" for "+g.String())
	out, err := n.mgr.Recover(ctx, txn, attempt, primary)
	if err != nil {
		return
	}
	cl := &client{g: g, n: n}
	_, _ = cl.Propose(ctx, &fsm.Command{Resolve: &fsm.Resolve{Txn: txn, Attempt: attempt,
		Commit: out.Code == rpc.OutcomeCommitted, TS: out.TS}})
}

// Get implements rpc.Group.
func (cl *client) Get(ctx context.Context, req *rpc.GetRequest) (*rpc.GetResponse, error) {
	if _, err := cl.send(ctx, fmt.Sprintf("get %x", req.Keys[0])); err != nil {
		return nil, err
	}
	resp := &rpc.GetResponse{Versions: make([]rpc.Version, len(req.Keys))}
	g := cl.g
	keys := map[string]bool{}
	for _, k := range req.Keys {
		keys[string(k)] = true
	}
	err := cl.read(ctx, req.Txn, func(k string) bool { return keys[k] }, func() (*fsm.Pending, error) {
		g.admit(req.TS)
		for i, k := range req.Keys {
			v, p, err := g.replicas[0].Get(k, req.TS, ownOf(req.Txn, req.OwnSeq, req.RolledBack))
			if p != nil || err != nil {
				return p, err
			}
			resp.Versions[i] = rpc.Version(v)
		}
		return nil, nil
	})
	return resp, err
}

// Scan implements rpc.Group.
func (cl *client) Scan(ctx context.Context, req *rpc.ScanRequest) (*rpc.ScanResponse, error) {
	if _, err := cl.send(ctx, fmt.Sprintf("scan %x %x", req.Lo, req.Hi)); err != nil {
		return nil, err
	}
	g := cl.g
	var resp *rpc.ScanResponse
	rows := min(req.MaxRows, 5) // many batches, so that much can happen between them
	hit := func(k string) bool {
		return k >= string(req.Lo) && (req.Hi == nil || k < string(req.Hi))
	}
	err := cl.read(ctx, req.Txn, hit, func() (*fsm.Pending, error) {
		g.admit(req.TS)
		resp = &rpc.ScanResponse{}
		resume, p, err := g.replicas[0].Scan(fsm.ScanOptions{Lo: req.Lo, Hi: req.Hi, TS: req.TS, Reverse: req.Reverse,
			KeysOnly: req.KeysOnly, MaxRows: rows, MaxBytes: req.MaxBytes, Own: ownOf(req.Txn, req.OwnSeq, req.RolledBack)},
			func(key, value []byte, ts topo.Timestamp) bool {
				resp.Rows.Append(key, value, ts)
				return true
			})
		resp.Resume = bytes.Clone(resume)
		if resume != nil && resp.Resume == nil {
			resp.Resume = []byte{}
		}
		return p, err
	})
	return resp, err
}

// Lock implements rpc.Group.
func (cl *client) Lock(ctx context.Context, req *rpc.LockRequest) (*rpc.LockResponse, error) {
	f, err := cl.send(ctx, fmt.Sprintf("lock %v %x", req.Txn, req.Keys[0]))
	if err != nil {
		return nil, err
	}
	g := cl.g
	resp := &rpc.LockResponse{Versions: make([]rpc.Version, len(req.Keys))}
	for i, k := range req.Keys {
		g.mu.Lock()
		locks := g.locks
		g.mu.Unlock()
		waited, err := locks.Acquire(ctx, req.Txn, k, req.Modes[i], &lock.Options{Policy: req.Policy, Timeout: 300 * time.Millisecond})
		switch {
		case errors.Is(err, lock.ErrNotAvailable):
			return nil, &rpc.Error{Code: rpc.ErrLockNotAvailable, Key: k}
		case errors.Is(err, lock.ErrTimeout):
			return nil, &rpc.Error{Code: rpc.ErrDeadlock, Key: k, Detail: "simulated"}
		case errors.Is(err, lock.ErrDropped):
			return nil, unavailable("lease moved")
		case err != nil:
			return nil, err
		}
		resp.Waited = resp.Waited || waited
		key := string(k)
		err = cl.read(ctx, req.Txn, func(f string) bool { return f == key }, func() (*fsm.Pending, error) {
			v, p, err := g.replicas[0].Latest(k, req.Txn)
			if p != nil && req.Policy != lock.Wait {
				return nil, &rpc.Error{Code: rpc.ErrLockNotAvailable, Key: k}
			}
			resp.Versions[i] = rpc.Version(v)
			return p, err
		})
		if err != nil {
			return nil, err
		}
	}
	if f.answerLost {
		return nil, unavailable("answer lost")
	}
	return resp, nil
}

// Unlock implements rpc.Group.
func (cl *client) Unlock(ctx context.Context, req *rpc.UnlockRequest) error {
	if _, err := cl.send(ctx, fmt.Sprintf("unlock %v", req.Txn)); err != nil {
		return err
	}
	cl.g.unlock(req.Txn, req.Keys)
	return nil
}

func (g *Group) unlock(txn topo.TxnID, keys [][]byte) {
	g.mu.Lock()
	locks := g.locks
	g.mu.Unlock()
	if keys == nil {
		locks.ReleaseAll(txn)
	}
	for _, k := range keys {
		locks.Release(txn, k)
	}
}

// Outcome implements rpc.Group.
func (cl *client) Outcome(ctx context.Context, txn topo.TxnID, attempt topo.Attempt) (*rpc.OutcomeResponse, error) {
	if _, err := cl.send(ctx, fmt.Sprintf("outcome %v/%d", txn, attempt)); err != nil {
		return nil, err
	}
	cl.g.mu.Lock()
	defer cl.g.mu.Unlock()
	out := cl.g.replicas[0].Outcome(txn, attempt)
	return &rpc.OutcomeResponse{Code: rpc.OutcomeCode(out.Code), TS: out.TS, Primary: out.Primary, Participants: out.Participants}, nil
}

// Propose implements rpc.Group: the request may be lost before it, doubled, or its answer lost.
func (cl *client) Propose(ctx context.Context, cmd *fsm.Command) (fsm.Result, error) {
	what := describe(cmd)
	f, err := cl.send(ctx, what)
	what += actor(ctx)
	if err != nil {
		return fsm.Result{}, err
	}
	c := cl.g.c
	if f.doubled {
		// A copy that arrives whenever it likes, even after its sender's death.
		late := *cmd
		c.spawn(func(ctx context.Context) {
			if _, err := c.sched.wait(ctx, "late g%d %s", cl.g.id, what); err == nil {
				_, _ = cl.g.propose(ctx, &late, "late "+what)
			}
		})
	}
	res, err := cl.g.propose(ctx, cmd, what)
	if err != nil {
		return res, err
	}
	if f.answerLost {
		return fsm.Result{}, &rpc.Error{Code: rpc.ErrAmbiguous, Detail: "answer lost"}
	}
	return res, cl.n.alive(ctx)
}

// propose is the leaseholder's side: register, raise the minimum, put it into the log, apply.
func (g *Group) propose(ctx context.Context, orig *fsm.Command, what string) (fsm.Result, error) {
	cmd := *orig
	g.mu.Lock()
	cmd.Epoch = g.epoch
	slot := -1
	if cmd.Prepare != nil {
		p := *cmd.Prepare
		p.Items = append([]fsm.Item(nil), p.Items...)
		cmd.Prepare = &p
		if g.c.faults.IgnoreShareTS {
			for i := range p.Items {
				if p.Items[i].Kind == fsm.ItemExclusive {
					p.Items[i].F = topo.MaxTimestamp
				}
			}
		}
		// In-flight first, highest read second; later readers of the keys wait.
		f := &inFlight{keys: map[string]bool{}, epoch: g.epoch, all: p.Provisioned.Count > 0}
		for i := range p.Items {
			f.keys[string(p.Items[i].Key)] = true
		}
		slot = g.flightNext
		g.flightNext++
		g.flight[slot] = f
		p.MinTS = max(p.MinTS, g.highestRead+1)
	}
	flight := g.flight
	g.mu.Unlock()
	// The entry is in the log some time later. Its proposer's lease may be over by then.
	if _, err := g.c.sched.wait(g.c.runCtx, "log g%d %s", g.id, what); err != nil {
		return fsm.Result{}, unavailable("ended")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if slot >= 0 {
		delete(flight, slot)
	}
	res, err := g.apply(cmd)
	if err != nil {
		g.c.fail("apply of group %d: %v", g.id, err)
		return res, unavailable(err.Error())
	}
	g.releaseAfter(&cmd, res)
	return res, nil
}

// releaseAfter releases the locks of a transaction that has ended here.
func (g *Group) releaseAfter(cmd *fsm.Command, res fsm.Result) {
	var txn topo.TxnID
	switch {
	case cmd.Prepare != nil && cmd.Prepare.OnePhase && res.Code == fsm.ResultCommitted:
		txn = cmd.Prepare.Txn
	case cmd.Resolve != nil && (cmd.Resolve.Commit || cmd.Resolve.Final):
		txn = cmd.Resolve.Txn
	case cmd.Commit != nil:
		txn = cmd.Commit.Txn
	default:
		return
	}
	g.locks.ReleaseAll(txn)
}

func describe(c *fsm.Command) string {
	switch {
	case c.Prepare != nil:
		return fmt.Sprintf("prepare %v/%d", c.Prepare.Txn, c.Prepare.Attempt)
	case c.Provision != nil:
		return fmt.Sprintf("provision %v %d", c.Provision.Txn, c.Provision.Ops[0].Seq)
	case c.Commit != nil:
		return fmt.Sprintf("record %v/%d", c.Commit.Txn, c.Commit.Attempt)
	case c.Resolve != nil:
		return fmt.Sprintf("resolve %v/%d %v", c.Resolve.Txn, c.Resolve.Attempt, c.Resolve.Commit)
	case c.Tombstone != nil:
		return fmt.Sprintf("tombstone %v/%d", c.Tombstone.Txn, c.Tombstone.Attempt)
	case c.Forget != nil:
		return fmt.Sprintf("forget %v/%d", c.Forget.Txn, c.Forget.Attempt)
	}
	return "command"
}

// NextSequenceValues implements rpc.Group.
func (cl *client) NextSequenceValues(ctx context.Context, req *rpc.SequenceRequest) (*rpc.SequenceResponse, error) {
	return nil, unavailable("not simulated")
}
