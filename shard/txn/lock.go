package txn

import (
	"context"
	"errors"
	"sync"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// maxRetainedBytes bounds the locked versions that a transaction keeps to answer repeated lock requests itself.
const maxRetainedBytes = 1 << 20

// lockCall is the part of a Lock that goes to one group. at[i] is the position of its key i in the request.
type lockCall struct {
	t    *Txn
	g    *groupBuffer
	req  rpc.LockRequest
	at   []int
	resp *rpc.LockResponse
	// met: the transaction had an entry for one of the keys already.
	met bool
}

// Lock takes row locks and fills out, one entry per request. Keys of one group are locked in the order given. When
// several groups are involved all are tried at once without waiting; if one of them would have to wait, those behind it
// let go what they got and the groups are then locked in ascending order, so that two statements over the same keys
// queue up rather than deadlock.
//
// REPEATABLE READ and SERIALIZABLE get 40001 for a version newer than the snapshot, unless the request says Latest.
func (t *Txn) Lock(ctx context.Context, reqs []LockRequest, policy lock.WaitPolicy, out []Locked) error {
	if err := t.ready(ctx, true); err != nil {
		return err
	}
	var few [8]bool
	fresh := few[:]
	if len(reqs) > len(few) {
		fresh = make([]bool, len(reqs))
	}
	if err := t.lockAll(ctx, reqs, policy, out, fresh); err != nil {
		return err
	}
	return t.follow(ctx, reqs, policy, out, fresh)
}

// LockSeen locks a row that a READ COMMITTED statement finds by its key alone, if that takes no wait, and returns its
// version: what reading the row at the statement's snapshot and then locking it would come to, in one call. ok is false when
// it has to be done so: the lock is taken, the row is not there or came there after the snapshot, or it is the transaction's
// own.
func (t *Txn) LockSeen(ctx context.Context, key Key, mode lock.Mode, snapshot topo.Timestamp) (v Version, ok bool, err error) {
	if t.opts.Isolation != ReadCommitted || !t.m.movesRows() {
		return v, false, nil // an older format does not let go of a lock on a key without the row
	}
	var out [1]Locked
	reqs := []LockRequest{{Key: key, Mode: mode, AsOf: snapshot}}
	if err := t.Lock(ctx, reqs, lock.SkipLocked, out[:]); err != nil {
		return v, false, err
	}
	if l := &out[0]; !l.Skipped && !l.Waited && !l.Version.Own && l.Version.thereSince(snapshot) {
		return l.Version, true, nil
	}
	return v, false, nil
}

// lockAll locks the keys of requests. It sets fresh for those on which the transaction had no lock before.
func (t *Txn) lockAll(ctx context.Context, reqs []LockRequest, policy lock.WaitPolicy, out []Locked, fresh []bool) error {
	clear(fresh[:len(reqs)])
	calls := t.planLocks(reqs, policy, out)
	if len(calls) == 0 {
		return nil
	}
	if err := t.runLocks(ctx, calls, policy); err != nil {
		return err
	}
	for i := range calls {
		if err := t.granted(ctx, &calls[i], reqs, out, fresh); err != nil {
			return err
		}
	}
	return nil
}

// Probe waits until no other transaction holds the keys in Update mode, and fills out with their latest versions. It takes
// no lock: what it says holds at that moment.
func (t *Txn) Probe(ctx context.Context, keys []Key, out []Version) error {
	if err := t.Get(ctx, ReadOptions{TS: topo.MaxTimestamp, Own: LatestSeq}, keys, out); err != nil {
		return err
	}
	reqs := make([]LockRequest, 0, len(keys))
	at := make([]int, 0, len(keys))
	t.mu.Lock()
	for i, k := range keys {
		// With a lock of its own on the key, nobody else holds Update.
		if e := t.group(k.Group).find(k.Bytes); e == nil || (e.mode == lock.None && e.last == nil) {
			reqs, at = append(reqs, LockRequest{Key: k, Mode: lock.KeyShare, Latest: true}), append(at, i)
		}
	}
	t.mu.Unlock()
	calls := t.planLocks(reqs, lock.Probe, make([]Locked, len(reqs)))
	if err := t.runLocks(ctx, calls, lock.Probe); err != nil {
		return err
	}
	for i := range calls {
		for j, p := range calls[i].at {
			out[at[p]] = Version{Version: calls[i].resp.Versions[j]}
		}
	}
	return nil
}

// fewLocks is how many locks of one call always have room.
const fewLocks = 16

// planLocks answers what the transaction knows already and sorts the rest by group.
func (t *Txn) planLocks(reqs []LockRequest, policy lock.WaitPolicy, out []Locked) []lockCall {
	t.mu.Lock()
	defer t.mu.Unlock()
	var calls []lockCall
	var c *lockCall
	for i := range reqs {
		r := &reqs[i]
		out[i] = Locked{}
		g := t.group(r.Key.Group)
		var e *entry
		if g.hasEntries(r.Key.Bytes) {
			e = g.find(r.Key.Bytes)
		}
		if e != nil && (e.last != nil || !g.prov.wrote(r.Key.Bytes)) && e.known(r, &out[i].Version) {
			if e.last != nil {
				t.ask(e)
			}
			continue // of an operation that went ahead the entry knows only what it replaced
		}
		if c == nil || c.g != g {
			c = nil
			for j := range calls {
				if calls[j].g == g {
					c = &calls[j]
				}
			}
			if c == nil {
				calls = append(calls, lockCall{t: t, g: g, req: rpc.LockRequest{
					Txn: t.id, Tables: t.lockedBy(), Policy: policy,
					LockTimeoutMS: t.lockTimeout.Milliseconds(), WaitStarted: t.waitStarted,
				}})
				c = &calls[len(calls)-1]
				n := len(reqs) - i
				if n > fewLocks {
					n = min(n, fewLocks+n*3/2/len(t.groups)) // the groups' shares are about equal
				}
				c.req.Keys, c.req.Modes, c.at = make([][]byte, 0, n), make([]lock.Mode, 0, n), make([]int, 0, n)
			}
			g.locked = true
		}
		c.met = c.met || e != nil
		c.req.Keys = append(c.req.Keys, r.Key.Bytes)
		c.req.Modes = append(c.req.Modes, r.Mode)
		c.at = append(c.at, i)
	}
	// Ascending group ids: the order in which groups are locked when some have to wait.
	for i := 1; i < len(calls); i++ {
		for j := i; j > 0 && calls[j].g.id < calls[j-1].g.id; j-- {
			calls[j], calls[j-1] = calls[j-1], calls[j]
		}
	}
	return calls
}

// known answers a request from memory when the lock held is strong enough and the version under it is known.
func (e *entry) known(r *LockRequest, v *Version) bool {
	if e.mode < r.Mode {
		return false
	}
	v.TS, v.KeyVersion = e.seenTS, e.seenKey
	switch {
	case e.last != nil:
		v.Value, v.Own = e.last.value, true
	case e.seenAbsent:
		// Under a lock of any mode nobody else can insert: an insert takes Update.
	case e.hasValue && e.mode >= lock.Share:
		v.Value = e.value
	case r.ExistenceOnly:
		v.Value = []byte{}
	default:
		return false
	}
	return true
}

// runLocks sends the calls.
func (t *Txn) runLocks(ctx context.Context, calls []lockCall, policy lock.WaitPolicy) error {
	if len(calls) > 1 && (policy == lock.Wait || policy == lock.WaitIfExists) {
		done, err := t.tryLocks(ctx, calls)
		if done || err != nil {
			return err
		}
		for i := range calls {
			if calls[i].resp != nil {
				continue
			}
			if err := calls[i].run(ctx); err != nil {
				return groupError(ctx, err)
			}
			calls[i].resp.Waited = true // the first try may have found it taken
		}
		return nil
	}
	if len(calls) == 1 {
		return groupError(ctx, calls[0].run(ctx))
	}
	for _, err := range t.gatherLocks(ctx, calls) {
		if err != nil {
			return groupError(ctx, err)
		}
	}
	return nil
}

func (c *lockCall) run(ctx context.Context) (err error) {
	c.resp, err = c.t.lockAt(ctx, c.g.group, &c.req)
	return err
}

// lockAt takes locks of one group.
func (t *Txn) lockAt(ctx context.Context, g rpc.Group, req *rpc.LockRequest) (*rpc.LockResponse, error) {
	resp, err := g.Lock(ctx, req)
	return resp, t.worded(ctx, err)
}

// gatherLocks makes all calls at the same time and returns what each failed with.
func (t *Txn) gatherLocks(ctx context.Context, calls []lockCall) []error {
	step := make([]rpc.Call, len(calls))
	for i := range calls {
		step[i] = rpc.Call{Group: calls[i].g.group, Lock: &calls[i].req}
	}
	rpc.Gather(ctx, step)
	errs := make([]error, len(calls))
	for i := range step {
		calls[i].resp, errs[i] = step[i].Locks, t.worded(ctx, step[i].Err)
	}
	return errs
}

// worded gives the victim of a deadlock a DETAIL as PostgreSQL words it: the nodes that found it do not know all of its
// sessions.
func (t *Txn) worded(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var e *rpc.Error
	if t.m.cfg.DeadlockDetail != nil && errors.As(err, &e) && e.Deadlock != nil {
		worded := *e
		worded.Detail = t.m.cfg.DeadlockDetail(ctx, e.Deadlock)
		err = &worded
	}
	return err
}

// tryLocks asks all groups at once without waiting. done is false when some lock was taken: the answers of the groups
// from there on are gone then, and what they granted is released.
func (t *Txn) tryLocks(ctx context.Context, calls []lockCall) (done bool, err error) {
	policy := calls[0].req.Policy
	for i := range calls {
		calls[i].req.Policy = lock.NoWait
	}
	errs := t.gatherLocks(ctx, calls)
	first := -1
	for i, err := range errs {
		calls[i].req.Policy = policy
		var e *rpc.Error
		if err == nil {
			continue
		}
		if !errors.As(err, &e) || e.Code != rpc.ErrLockNotAvailable {
			return false, groupError(ctx, err)
		}
		if first < 0 {
			first = i
		}
	}
	if first < 0 {
		return true, nil
	}
	// The first one's earlier keys are locked in order, as they would have been.
	calls[first].resp = nil
	var release []rpc.Call
	for i := first + 1; i < len(calls); i++ {
		calls[i].resp = nil
		if keys := t.notHeld(&calls[i]); len(keys) > 0 {
			release = append(release, rpc.Call{Group: calls[i].g.group, Unlock: unlockRequest(t.id, keys)})
		}
	}
	rpc.Gather(ctx, release)
	for i := range release {
		if err := release[i].Err; err != nil {
			return false, groupError(ctx, err)
		}
	}
	return false, nil
}

// notHeld returns those keys of a call that the transaction had no lock on before it.
func (t *Txn) notHeld(c *lockCall) [][]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	var keys [][]byte
	for _, k := range c.req.Keys {
		if c.g.prov.held(k) {
			continue // locked earlier; what was known of it went ahead with its operation
		}
		if e := c.g.find(k); e == nil || e.mode == lock.None {
			keys = append(keys, k)
		}
	}
	return keys
}

func unlockRequest(id topo.TxnID, keys [][]byte) *rpc.UnlockRequest {
	return &rpc.UnlockRequest{Txn: id, Keys: keys}
}

// granted enters a group's answers into the buffer and judges them.
func (t *Txn) granted(ctx context.Context, c *lockCall, reqs []LockRequest, out []Locked, fresh []bool) error {
	own, err := t.sentAhead(ctx, c)
	if err != nil {
		return err
	}
	if at, since := t.enter(c, own, reqs, out, fresh); since != 0 {
		return t.lostRow(ctx, reqs[at].Key, since, out[at].Version.Version)
	}
	return nil
}

// enter is granted's work in the buffer. A since that is not 0 says that the request at this position cannot be granted: its
// key has changed after that timestamp.
func (t *Txn) enter(c *lockCall, own map[int]ownRow, reqs []LockRequest, out []Locked, fresh []bool) (at int, since topo.Timestamp) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, at := range c.at {
		if c.resp.Skipped != nil && c.resp.Skipped[i] {
			out[at].Skipped = true
			continue
		}
		v := c.resp.Versions[i]
		r := &reqs[at]
		o := &out[at]
		o.Waited = c.resp.Waited
		o.Version.Version = v
		var e *entry
		if c.met {
			e = c.g.entryFor(r.Key.Bytes)
		} else {
			e = c.g.enter(r.Key.Bytes)
		}
		if since := t.judge(e, r, v); since != 0 {
			return at, since
		}
		fresh[at] = e.mode == lock.None && !c.g.prov.held(r.Key.Bytes)
		t.hold(c.g, e, r.Mode, v)
		e.origin = nil
		if e.last != nil {
			o.Version.Value, o.Version.Own = e.last.value, true
		} else if p, ok := own[i]; ok {
			o.Version.Value, o.Version.Own = p.value, true
			if e.origin = p.origin; e.seenAbsent && e.origin == noOrigin {
				e.origin = nil
			}
			t.ask(e)
		}
	}
	return 0, 0
}

// judge compares a granted version with what the transaction relied on before: 0 when it holds, else the timestamp of what
// was relied on. t.mu is held.
func (t *Txn) judge(e *entry, r *LockRequest, v rpc.Version) (since topo.Timestamp) {
	if e.mode >= lock.Share || (e.mode != lock.None && e.last != nil) {
		// No one could have changed the key while the lock was held: it was lost, and another transaction has committed.
		if v.TS != e.seenTS && !(v.Value == nil && e.seenAbsent) {
			return max(e.seenTS, 1)
		}
	} else if e.marks != nil && e.marks.shared && v.KeyVersion != e.marks.sharedVersion && e.last == nil {
		return max(e.seenTS, 1)
	}
	if r.Latest || t.opts.Isolation == ReadCommitted || t.snap == 0 {
		return 0
	}
	seen := v.TS
	if r.Mode == lock.KeyShare && v.Value != nil {
		seen = v.KeyVersion // updates that keep the key do not conflict with KEY SHARE
	}
	if seen > t.snap {
		return t.snap
	}
	return 0
}

func stolen(v rpc.Version) error {
	if v.Value == nil {
		return errConcurrentDelete()
	}
	return errConcurrentUpdate()
}

// hold notes a lock. t.mu is held.
func (t *Txn) hold(g *groupBuffer, e *entry, mode lock.Mode, v rpc.Version) {
	old := e.held
	if mode > e.mode {
		e.mode = mode
	}
	t.retain -= len(e.value)
	e.seenTS, e.seenKey, e.seenAbsent = v.TS, v.KeyVersion, v.Value == nil
	e.value, e.hasValue = nil, false
	if e.mode >= lock.Share && t.retain+len(v.Value) <= maxRetainedBytes {
		e.value, e.hasValue = v.Value, true
		t.retain += len(v.Value)
	}
	if e.mode == old.mode && e.seenTS == old.seenTS {
		return
	}
	t.seq++
	e.held.seq = t.seq
	if t.undoes() {
		old.value, old.hasValue = nil, false
		t.undo = append(t.undo, undo{seq: t.seq, g: g, e: e, kind: undoLock, held: old})
	}
}

// parallel runs f(0..n-1), the last one in the caller, and returns the first error by position.
func parallel(n int, f func(i int) error) error {
	switch n {
	case 0:
		return nil
	case 1:
		return f(0)
	}
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := 0; i < n-1; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = f(i)
		}()
	}
	errs[n-1] = f(n - 1)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
