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

const (
	// proposeTimeout is after how long a proposal's outcome is unknown to its proposer.
	proposeTimeout = 3 * leaseDuration
	// meetAgain is how long a reader waits for what stands in its way before it looks again, or helps.
	meetAgain = 20 * time.Millisecond
)

// inFlight is a prepare that was proposed and has not been applied: reads of its keys at or above min wait (section 5,
// "Commit timestamps").
type inFlight struct {
	keys map[string]bool
	all  bool // operations were sent ahead of the prepare, and their keys are not in it
	min  topo.Timestamp
}

// waiter is a proposal of this process that has not come back.
type waiter struct {
	done       chan fsm.Result
	flight     *inFlight // its registration, if it is a prepare
	proposedNS int64
	epoch      topo.LeaseEpoch
	orphaned   bool // its caller was told that the outcome is unknown
}

// seat is one process's replica of one group, and what its memory holds as a leaseholder: what shard/group.Replica is.
type seat struct {
	g *Group
	n *Node

	mu      sync.Mutex
	st      replica
	applied int
	rule    leaseRule
	// floored: floor is above what earlier holders served.
	floored     bool
	floor       topo.Timestamp
	highestRead topo.Timestamp
	flight      map[*inFlight]bool
	waiters     map[*waiter]bool
	fence       bool // the own epoch has to be raised: an own proposal's outcome is unknown
	acquiring   bool
	keeping     bool
	changed     chan struct{} // closed at every change that somebody may wait for

	locks *lock.Manager
}

func newSeat(g *Group, n *Node) (*seat, error) {
	st, err := g.open(n)
	if err != nil {
		return nil, err
	}
	s := &seat{g: g, n: n, st: st, applied: int(st.AppliedIndex()), flight: map[*inFlight]bool{}, waiters: map[*waiter]bool{},
		changed: make(chan struct{}), locks: lock.NewRows(nil)}
	// An earlier incarnation's lease is not this process's.
	s.rule = leaseRule{self: n.id, incarnation: uint64(n.epoch), info: st.Lease(), lastForeign: n.m.bootNS()}
	return s, nil
}

func (s *seat) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *seat) faults() *Faults {
	if s.g.c.faults.DataGroupsOnly && s.g.id == topo.CatalogGroup {
		return &Faults{}
	}
	return &s.g.c.faults
}

// apply applies up to n entries of the log. The scheduler calls it.
func (s *seat) apply(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for last := s.g.lastIndex(); n > 0 && s.applied < last; n-- {
		e := &s.g.log[s.applied]
		var res [1]fsm.Result
		if err := s.st.Apply(uint64(s.applied+1), []fsm.Command{e.cmd}, res[:]); err != nil {
			return err
		}
		s.applied++
		s.observe(e, res[0])
	}
	s.signal()
	return nil
}

// observe is what the replica makes of an entry just applied. s.mu is held.
func (s *seat) observe(e *entry, res fsm.Result) {
	var proposedNS int64
	if e.by == s.n {
		proposedNS = e.cmd.ProposedAtNS
	}
	was := s.rule.mine
	if s.rule.applied(s.n.m.bootNS(), s.st.Lease(), e.cmd.Lease != nil, proposedNS) {
		// What was registered belongs to older epochs, whose commands apply refuses from here on.
		clear(s.flight)
		for w := range s.waiters {
			if w.orphaned {
				delete(s.waiters, w)
			}
		}
		if !s.rule.mine || !was {
			s.floored = false
			s.locks.Clear()
		}
		s.fence = false
	}
	if e.by != s.n {
		return
	}
	w := e.w
	if !s.waiters[w] {
		return
	}
	delete(s.waiters, w)
	delete(s.flight, w.flight)
	if w.orphaned {
		return
	}
	if res.Code != fsm.ResultStaleEpoch {
		from := w.proposedNS
		if s.faults().LeaseFromApply {
			from = s.n.m.bootNS()
		}
		s.rule.extend(from, w.epoch)
	}
	w.done <- res
}

// tick asks for the lease when it is this replica's to ask for. The scheduler calls it.
func (s *seat) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.acquiring || s.rule.mine && !s.fence || !s.rule.mine && s.g.leader != s.n.id {
		return
	}
	lease, ok := s.rule.claim(s.n.m.bootNS(), s.st.Lease(), s.faults())
	if !ok {
		return
	}
	s.acquiring = true
	cmd := fsm.Command{Lease: lease}
	s.g.c.spawn(func() {
		_, _ = s.send(s.g.c.runCtx, lease.Epoch, cmd, nil, fmt.Sprintf("lease %d", lease.Epoch))
		s.mu.Lock()
		s.acquiring = false
		s.mu.Unlock()
	})
}

// send sees a command through the log. f is a prepare's registration: it ends when the command's fate is certain.
func (s *seat) send(ctx context.Context, epoch topo.LeaseEpoch, cmd fsm.Command, f *inFlight, what string) (fsm.Result, error) {
	s.mu.Lock()
	cmd.Epoch, cmd.ProposedAtNS = epoch, s.n.m.bootNS()
	w := &waiter{done: make(chan fsm.Result, 1), flight: f, proposedNS: cmd.ProposedAtNS, epoch: epoch}
	s.waiters[w] = true
	s.mu.Unlock()
	s.g.propose(entry{cmd: cmd, by: s.n, w: w}, what)
	timer := time.NewTimer(proposeTimeout)
	select {
	case <-ctx.Done():
		// The caller gives up; what becomes of the proposal matters to others yet.
		s.g.c.spawn(func() { s.outlast(w, timer) })
	case res := <-w.done:
		timer.Stop()
		return res, nil
	case <-timer.C:
		s.orphan(w)
	case <-s.n.dead:
		timer.Stop()
	case <-s.g.c.runCtx.Done():
		timer.Stop()
	}
	return fsm.Result{}, errAmbiguous
}

var errAmbiguous = &rpc.Error{Code: rpc.ErrAmbiguous, Detail: "no answer from the log"}

// outlast waits for a proposal whose caller has gone.
func (s *seat) outlast(w *waiter, timer *time.Timer) {
	defer timer.Stop()
	select {
	case <-w.done:
	case <-timer.C:
		s.orphan(w)
	case <-s.n.dead:
	case <-s.g.c.runCtx.Done():
	}
}

// orphan notes that nobody knows what becomes of a proposal: the own epoch has to be raised, so that apply refuses it from
// then on. Its registration stays until then.
func (s *seat) orphan(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.orphaned = true
	s.fence = s.fence || s.rule.mine
}

// step is a point at which the node may be paused or killed.
func (s *seat) step(ctx context.Context, what string) error {
	_, err := s.g.c.sched.wait(ctx, place{on: [2]*machine{s.n.m}, dead: s.n.dead}, "n%d.%d g%d %s%s", s.n.id, s.n.epoch, s.g.id, what, actor(ctx))
	return callError(err)
}

// callError is what a caller sees of a step that did not come.
func callError(err error) error {
	if err == errEnded || err == errDead {
		return unavailable(err.Error())
	}
	return err
}

func (s *seat) notHolder() error {
	e := &rpc.Error{Code: rpc.ErrNotLeaseholder}
	if h := s.rule.info.Holder; h != s.n.id {
		e.Holder = h
	}
	return e
}

// confirm returns the epoch under which this process held the lease at some time during the call. A reader raises the
// highest served read before it calls, and reads the state after.
func (s *seat) confirm(ctx context.Context) (topo.LeaseEpoch, error) {
	for {
		s.mu.Lock()
		if !s.rule.mine {
			defer s.mu.Unlock()
			return 0, s.notHolder()
		}
		epoch, left := s.rule.info.Epoch, s.rule.left(s.n.m.bootNS())
		s.mu.Unlock()
		if left < int64(leaseDuration)/4 {
			s.keepAlive(epoch)
		}
		if left > 0 || s.faults().HolderIgnoresExpiry {
			return epoch, nil
		}
		if err := s.readIndex(ctx); err != nil {
			return 0, err
		}
		s.mu.Lock()
		same := s.rule.mine && s.rule.info.Epoch == epoch
		s.mu.Unlock()
		if same {
			return epoch, nil
		}
	}
}

// readIndex returns once everything that was committed when it was called has been applied here.
func (s *seat) readIndex(ctx context.Context) error {
	deadline := time.Now().Add(proposeTimeout)
	if err := s.step(ctx, "asks for the read index"); err != nil {
		return err
	}
	for s.g.cutOff(s.n.id) {
		if time.Now().After(deadline) {
			return unavailable("no read index")
		}
		if !sleep(ctx, s.n.dead, 3*time.Millisecond) {
			return unavailable("no read index")
		}
	}
	return s.await(ctx, deadline, s.g.lastIndex())
}

// await returns once the entry at index has been applied here.
func (s *seat) await(ctx context.Context, deadline time.Time, index int) error {
	for {
		s.mu.Lock()
		applied, changed := s.applied, s.changed
		s.mu.Unlock()
		if applied >= index {
			return nil
		}
		if !wait(ctx, s.n.dead, changed, time.Until(deadline)) {
			return unavailable("behind")
		}
	}
}

// keepAlive proposes a command without effect, one at a time: there are readers, and nobody writes.
func (s *seat) keepAlive(epoch topo.LeaseEpoch) {
	s.mu.Lock()
	start := !s.keeping
	s.keeping = true
	s.mu.Unlock()
	if !start {
		return
	}
	s.g.c.spawn(func() {
		_, _ = s.send(s.g.c.runCtx, epoch, fsm.Command{Horizon: &fsm.Horizon{}}, nil, "keepalive")
		s.mu.Lock()
		s.keeping = false
		s.mu.Unlock()
	})
}

// floorReads makes sure that the first prepare of a new holder comes after every read that earlier holders served.
func (s *seat) floorReads(ctx context.Context) error {
	s.mu.Lock()
	done, epoch := s.floored, s.rule.info.Epoch
	s.mu.Unlock()
	if done || s.faults().KeepHighestRead {
		return nil
	}
	ts, err := s.n.Timestamp(ctx)
	if err == nil {
		err = s.step(ctx, "takes its floor") // several may have shared a question
	}
	if err != nil {
		return unavailable(err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.floor = max(s.floor, ts)
	s.floored = s.floored || s.rule.info.Epoch == epoch
	return nil
}

func ownOf(txn topo.TxnID, seq uint64, rb []fsm.SeqRange) fsm.Own {
	return fsm.Own{Txn: txn, Seq: seq, RolledBack: rb}
}

// serve notes a read's timestamp before the lease is looked at.
func (s *seat) serve(ts topo.Timestamp) {
	if ts == topo.MaxTimestamp {
		return
	}
	s.mu.Lock()
	s.highestRead = max(s.highestRead, ts)
	s.mu.Unlock()
}

// enter is how a read begins: the highest served read, the lease, the tables' versions. Then the node may be paused, and
// go on with what it has learnt.
func (s *seat) enter(ctx context.Context, ts topo.Timestamp, tables []topo.TableVersion) error {
	s.serve(ts)
	if _, err := s.confirm(ctx); err != nil {
		return err
	}
	if err := s.admit(ctx, ts, tables); err != nil {
		return err
	}
	return s.step(ctx, "reads")
}

// admit checks the schema versions that a read was planned against, before and after it, as package group does; an older
// version is not admitted though the read's snapshot may see no later one: that needs a catalog.
func (s *seat) admit(ctx context.Context, ts topo.Timestamp, tables []topo.TableVersion) error {
	for _, tv := range tables {
		for met := 0; ; met++ {
			s.mu.Lock()
			now := s.st.TableSchema(tv.Table, ts)
			changed := s.changed
			s.mu.Unlock()
			stale := tv.Version < now.Version
			if !stale && (now.Fence == nil || tv.Version >= now.Fence.Version || !now.Published) {
				break
			}
			if now.Fence == nil || met > 20 {
				return &rpc.Error{Code: rpc.ErrTableVersion, Table: tv.Table}
			}
			if !wait(ctx, s.n.dead, changed, meetAgain) {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err := s.step(ctx, "meets a fence"); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// conflicts reports whether a proposed prepare may write one of the keys at or below ts. s.mu is held.
func (s *seat) conflicts(ts topo.Timestamp, hit func(key string) bool) bool {
	if s.faults().IgnoreInFlight || ts == topo.MaxTimestamp {
		return false
	}
	for f := range s.flight {
		if f.min > ts {
			continue
		}
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

// read runs f, with s.mu held, until it meets no pending prepare.
func (s *seat) read(ctx context.Context, ts topo.Timestamp, hit func(key string) bool, f func() (*fsm.Pending, error)) error {
	for met := 0; ; {
		s.mu.Lock()
		changed := s.changed
		busy := s.conflicts(ts, hit)
		var p *fsm.Pending
		var err error
		if !busy {
			p, err = f()
		}
		s.mu.Unlock()
		switch {
		case errors.Is(err, fsm.ErrSnapshotTooOld):
			return &rpc.Error{Code: rpc.ErrSnapshotTooOld}
		case errors.Is(err, fsm.ErrClosed):
			return unavailable("closed")
		case err != nil:
			return err
		case !busy && p == nil:
			return nil
		}
		if !wait(ctx, s.n.dead, changed, meetAgain) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if s.n.isDead() {
				return unavailable("dead")
			}
			if met++; p != nil && met > 2 {
				_ = s.n.mgr.RecoverStuck(withActor(ctx, actor(ctx)+" for "+s.g.String()), p.Txn, p.Attempt, p.Primary)
			}
		}
		if err := s.step(ctx, "looks again"); err != nil {
			return err
		}
	}
}

// wait returns true when ch is closed, false after d or when nobody waits any more.
func wait(ctx context.Context, dead, ch <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ch:
		return true
	case <-timer.C:
	case <-ctx.Done():
	case <-dead:
	}
	return false
}

// sleep returns false when it was cut short.
func sleep(ctx context.Context, dead <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-dead:
	}
	return false
}

func (s *seat) get(ctx context.Context, req *rpc.GetRequest) (*rpc.GetResponse, error) {
	if err := s.enter(ctx, req.TS, req.Tables); err != nil {
		return nil, err
	}
	resp := &rpc.GetResponse{Versions: make([]rpc.Version, len(req.Keys))}
	links := make([][]byte, len(req.Keys))
	if req.Links || req.Since != nil {
		resp.Links = links
	}
	keys := map[string]bool{}
	for _, k := range req.Keys {
		keys[string(k)] = true
	}
	err := s.read(ctx, req.TS, func(k string) bool { return keys[k] }, func() (*fsm.Pending, error) {
		for i, k := range req.Keys {
			own := ownOf(req.Txn, req.OwnSeq, req.RolledBack)
			if req.Since != nil {
				at, to, p, err := s.st.Moved(k, req.Since[i], req.Txn)
				if p != nil || err != nil {
					return p, err
				}
				resp.Versions[i], links[i] = rpc.Version{TS: at}, to
				continue
			}
			if req.Links {
				links[i] = s.st.Origin(k, own)
			}
			v, p, err := s.st.Get(k, req.TS, own)
			if p != nil || err != nil {
				return p, err
			}
			resp.Versions[i] = rpc.Version(v)
		}
		return nil, nil
	})
	if err == nil {
		err = s.admit(ctx, req.TS, req.Tables)
	}
	return resp, err
}

func (s *seat) scan(ctx context.Context, req *rpc.ScanRequest) (*rpc.ScanResponse, error) {
	if err := s.enter(ctx, req.TS, req.Tables); err != nil {
		return nil, err
	}
	var resp *rpc.ScanResponse
	rows := min(req.MaxRows, 5) // many batches, so that much can happen between them
	hit := func(k string) bool { return inRanges(k, req.Lo, req.Hi, req.Ranges) }
	err := s.read(ctx, req.TS, hit, func() (*fsm.Pending, error) {
		resp = &rpc.ScanResponse{}
		resume, p, err := s.st.Scan(fsm.ScanOptions{Lo: req.Lo, Hi: req.Hi, Ranges: req.Ranges, TS: req.TS, Reverse: req.Reverse,
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
	if err == nil {
		err = s.admit(ctx, req.TS, req.Tables)
	}
	return resp, err
}

// inRanges reports whether a key is in [lo, hi) and, if there are any, in one of the ranges.
func inRanges(k string, lo, hi []byte, ranges []fsm.KeyRange) bool {
	in := ranges == nil
	for _, r := range ranges {
		in = in || k >= string(r.Lo) && (r.Hi == nil || k < string(r.Hi))
	}
	return in && k >= string(lo) && (hi == nil || k < string(hi))
}

// lockTimeout is about 300 ms, and no two transactions' end at the same moment: who gives up first decides who is granted.
func lockTimeout(t topo.TxnID) time.Duration {
	return 300*time.Millisecond + time.Duration(t.Node)*7919*time.Microsecond + time.Duration(t.Epoch)*641*time.Microsecond +
		time.Duration(t.Seq)*13*time.Microsecond
}

func (s *seat) lock(ctx context.Context, req *rpc.LockRequest) (*rpc.LockResponse, error) {
	if _, err := s.confirm(ctx); err != nil {
		return nil, err
	}
	if err := s.admit(ctx, topo.MaxTimestamp, req.Tables); err != nil {
		return nil, err
	}
	// Those whom one entry has let go on queue up in the order that the seed says.
	if err := s.step(ctx, "queues for a lock"); err != nil {
		return nil, err
	}
	resp := &rpc.LockResponse{Versions: make([]rpc.Version, len(req.Keys))}
	for i, k := range req.Keys {
		waited, err := s.locks.Acquire(ctx, req.Txn, k, req.Modes[i], &lock.Options{Policy: req.Policy, Timeout: lockTimeout(req.Txn)})
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
		if waited {
			// The lease may have gone while we waited, and with it the right to say what is latest.
			if _, err := s.confirm(ctx); err != nil {
				return nil, err
			}
		}
		if err := s.step(ctx, "reads under a lock"); err != nil {
			return nil, err
		}
		resp.Waited = resp.Waited || waited
		err = s.read(ctx, topo.MaxTimestamp, nil, func() (*fsm.Pending, error) {
			v, p, err := s.st.Latest(k, req.Txn)
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
	return resp, nil
}

func (s *seat) unlock(txn topo.TxnID, keys [][]byte) {
	if keys == nil {
		s.locks.ReleaseAll(txn)
	}
	for _, k := range keys {
		s.locks.Release(txn, k)
	}
}

func (s *seat) outcome(ctx context.Context, txn topo.TxnID, attempt topo.Attempt) (*rpc.OutcomeResponse, error) {
	if _, err := s.confirm(ctx); err != nil {
		return nil, err
	}
	if err := s.step(ctx, "reads an outcome"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.st.Outcome(txn, attempt)
	return &rpc.OutcomeResponse{Code: rpc.OutcomeCode(out.Code), TS: out.TS, Primary: out.Primary, Participants: out.Participants}, nil
}

// propose is the leaseholder's side: register, raise the minimum, put it into the log.
func (s *seat) propose(ctx context.Context, orig *fsm.Command, what string) (fsm.Result, error) {
	cmd := *orig
	s.mu.Lock()
	if !s.rule.mine {
		defer s.mu.Unlock()
		return fsm.Result{}, s.notHolder()
	}
	epoch := s.rule.info.Epoch
	s.mu.Unlock()
	var f *inFlight
	if cmd.Prepare != nil {
		if err := s.floorReads(ctx); err != nil {
			return fsm.Result{}, &rpc.Error{Code: rpc.ErrNotProposed, Detail: err.Error()}
		}
		f = s.register(&cmd)
	}
	res, err := s.send(ctx, epoch, cmd, f, what)
	if err == nil {
		s.releaseAfter(&cmd, res)
	}
	return res, err
}

// register puts a prepare's keys into the register, and then raises its minimum above the highest served read.
func (s *seat) register(cmd *fsm.Command) *inFlight {
	p := *cmd.Prepare
	p.Items = append([]fsm.Item(nil), p.Items...)
	cmd.Prepare = &p
	if s.faults().IgnoreShareTS {
		for i := range p.Items {
			if p.Items[i].Kind == fsm.ItemExclusive {
				p.Items[i].F = topo.MaxTimestamp
			}
		}
	}
	if s.faults().NoTableVersions {
		p.Tables = nil
	}
	f := &inFlight{keys: map[string]bool{}, all: p.Provisioned.Count > 0}
	for i := range p.Items {
		if writes(&p.Items[i]) {
			f.keys[string(p.Items[i].Key)] = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight[f] = true
	p.MinTS = max(p.MinTS, s.floor+1, s.highestRead+1)
	f.min = p.MinTS
	return f
}

// releaseAfter releases the locks of a transaction that has ended here.
func (s *seat) releaseAfter(cmd *fsm.Command, res fsm.Result) {
	switch {
	case cmd.Prepare != nil && cmd.Prepare.OnePhase && res.Code == fsm.ResultCommitted:
		s.locks.ReleaseAll(cmd.Prepare.Txn)
	case cmd.Commit != nil && res.Code == fsm.ResultCommitted:
		s.locks.ReleaseAll(cmd.Commit.Txn)
	case cmd.Resolve != nil && (cmd.Resolve.Commit || cmd.Resolve.Final) && res.Code != fsm.ResultStaleEpoch:
		s.locks.ReleaseAll(cmd.Resolve.Txn)
	}
}

// The catalog group's seat is the oracle's tso.Group.

// windowSequence is where the end of the last window of timestamps is logged.
const windowSequence topo.StorageID = 0

// ConfirmLease implements tso.Group.
func (s *seat) ConfirmLease(ctx context.Context) (topo.LeaseEpoch, error) {
	// The value has been drawn: a pause here must not let it be handed out under an epoch that is over.
	if err := s.step(ctx, "confirms the oracle's lease"); err != nil {
		return 0, err
	}
	if s.faults().OracleKeepsWindow && s.n.oracleEpoch != 0 {
		return s.n.oracleEpoch, nil
	}
	epoch, err := s.confirm(ctx)
	if err == nil {
		s.n.oracleEpoch = epoch
	}
	return epoch, err
}

// LoggedWindow implements tso.Group.
func (s *seat) LoggedWindow(ctx context.Context) (topo.Timestamp, error) {
	if _, err := s.confirm(ctx); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, _ := s.st.Sequence(windowSequence)
	return topo.Timestamp(q.Last), nil
}

// LogWindow implements tso.Group.
func (s *seat) LogWindow(ctx context.Context, epoch topo.LeaseEpoch, end topo.Timestamp) error {
	cmd := fsm.Command{Sequence: &fsm.Sequence{ID: windowSequence, Last: int64(end), IsCalled: true}}
	res, err := s.send(ctx, epoch, cmd, nil, fmt.Sprintf("window %d", end))
	if err == nil && res.Code != fsm.ResultOK {
		err = &rpc.Error{Code: rpc.ErrNotProposed, Detail: "the lease has moved"}
	}
	if err != nil {
		s.n.oracleEpoch = 0
	}
	return err
}
