package txn

import (
	"context"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The commit protocol, as the coordinator runs it.
//
//	draw ts                      after the last lock or wait
//	prepare in every group       in parallel; the primary's prepare lists the participants
//	all prepared?                committed, at the greatest of the groups' minima: acknowledge
//	commit record at the primary in the background; it makes the primary's own writes visible
//	resolve in the others        only after the record has applied
//	forget everywhere            only after all have resolved
//
// With one group the prepare itself commits. An attempt is committed exactly when every one of its prepares has applied;
// nothing else decides, so anyone can find out (recover.go). An attempt that was refused somewhere could still become
// complete by a late copy of the refused prepare. Therefore, before the coordinator gives up or tries again with another
// content (attempt n+1), it forbids attempt n in a group that lacks its prepare: a tombstone. If the tombstone finds the
// prepare there after all, the attempt goes on. Proposing the same prepare of the same attempt again is always safe.
//
// Failure of the coordinator between any two steps leaves prepares behind that Recover decides by the same rule.

const (
	maxAttempts = fsm.MaxAttempts
	// retryPause is the first pause between two tries of one proposal; it doubles up to maxRetryPause.
	retryPause    = 5 * time.Millisecond
	maxRetryPause = 200 * time.Millisecond
)

// pause waits for d; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Commit ends the transaction. Nil: it is committed. 08007: the outcome could not be found out in time; it is still being
// finished in the background. Any other error: it has no effect.
func (t *Txn) Commit(ctx context.Context) error {
	if err := t.ready(ctx, true); err != nil {
		t.Rollback(ctx)
		return err
	}
	t.mu.Lock()
	if t.phase != phaseActive {
		t.mu.Unlock()
		return errEnded()
	}
	if !t.hasWrites() {
		t.phase = phaseEnded
		t.mu.Unlock()
		t.end(ctx, nil)
		t.acknowledge(0)
		return nil
	}
	t.phase = phaseCommitting
	t.mu.Unlock()
	c := &commit{t: t, ctx: ctx}
	ts, err := c.run()
	t.mu.Lock()
	t.phase = phaseEnded
	t.mu.Unlock()
	if err != nil {
		if t.registered {
			t.m.unregister(t)
		}
		return err
	}
	t.acknowledge(ts)
	if t.registered {
		t.m.unregister(t)
	}
	return nil
}

// acknowledge runs the hooks: the outcome is certain.
func (t *Txn) acknowledge(ts topo.Timestamp) {
	for _, f := range t.onCommit {
		f(ts)
	}
	t.onCommit = nil
}

// end releases what an ended transaction holds: its snapshot, and its locks in all groups but those in released.
func (t *Txn) end(ctx context.Context, released map[topo.GroupID]bool) {
	if t.registered {
		t.m.unregister(t)
	}
	t.unlockAll(ctx, released)
}

// unlockAll releases the locks in all groups but those in released. It waits, so that the session's next transaction does
// not meet them, but not for a group that cannot be reached: that one hears of it later.
func (t *Txn) unlockAll(ctx context.Context, released map[topo.GroupID]bool) {
	var groups []*groupBuffer
	for _, g := range t.groups {
		if g.locked && !released[g.id] {
			groups = append(groups, g)
		}
	}
	if len(groups) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	step := make([]rpc.Call, len(groups))
	for i, g := range groups {
		step[i] = rpc.Call{Group: g.group, Unlock: unlockRequest(t.id, nil)}
	}
	rpc.Gather(ctx, step)
	for i := range step {
		if step[i].Err != nil {
			t.m.background(func(ctx context.Context) { t.unlockLater(ctx, step[i].Group) })
		}
	}
}

// unlockLater releases the transaction's locks in a group, however long it takes: a leaseholder keeps them as long as it
// holds the lease and this node lives.
func (t *Txn) unlockLater(ctx context.Context, g rpc.Group) {
	for wait := retryPause; pause(ctx, wait); wait = min(2*wait, maxRetryPause) {
		if g.Unlock(ctx, unlockRequest(t.id, nil)) == nil {
			return
		}
	}
}

// Rollback ends the transaction without effect: it releases the locks and drops what was sent ahead.
func (t *Txn) Rollback(ctx context.Context) {
	t.mu.Lock()
	if t.phase != phaseActive {
		t.mu.Unlock()
		return
	}
	t.phase = phaseEnded
	wait := t.unlocking
	t.mu.Unlock()
	if wait != nil {
		<-wait
	}
	released := map[topo.GroupID]bool{}
	for _, g := range t.groups {
		if g.prov.sent > 0 {
			released[g.id] = true
		}
	}
	if len(released) > 0 {
		t.dropProvisions(noAttempt)
	}
	t.end(ctx, released)
}

// dropProvisions aborts, in the background, the transaction in the groups that hold operations sent ahead.
func (t *Txn) dropProvisions(attempt topo.Attempt) {
	for _, g := range t.groups {
		if g.prov.sent == 0 {
			continue
		}
		t.m.background(func(ctx context.Context) {
			// A Provision that arrives behind the abort is refused by the outcome; settle keeps that rare.
			_ = g.prov.settle(ctx)
			_, _ = t.m.propose(ctx, g.group, &fsm.Command{Resolve: &fsm.Resolve{Txn: t.id, Attempt: attempt, Final: true}})
			if g.group.Unlock(ctx, unlockRequest(t.id, nil)) != nil {
				t.unlockLater(ctx, g.group)
			}
		})
	}
}

// commit is one run of the protocol.
type commit struct {
	t       *Txn
	ctx     context.Context // the session's: its end aborts while that is still possible
	attempt topo.Attempt
	ts      topo.Timestamp
	parts   []*participant
}

func (c *commit) run() (topo.Timestamp, error) {
	t := c.t
	if err := c.sendAhead(); err != nil {
		return 0, c.fail(groupError(c.ctx, err))
	}
	if !t.registered {
		// The horizon stays below the timestamps of this commit until its outcome is known here: what others finish and
		// forget meanwhile can still be looked up, rather than being mistaken for what never was.
		t.m.register(t)
	}
	for c.attempt = 1; ; c.attempt++ {
		ts, err := t.m.timestamp(c.ctx)
		if err != nil {
			return 0, c.fail(err)
		}
		c.ts = ts
		c.parts = t.buildAttempt(c.attempt, ts)
		if len(c.parts) == 0 {
			t.unlockAll(c.ctx, nil)
			return ts, nil
		}
		c.proposeAll()
		if ts, ok := c.committed(); ok {
			return ts, c.succeed(ts)
		}
		dead, err := c.kill()
		if err != nil {
			c.leave()
			return 0, err
		}
		if !dead {
			ts, ok := c.committed()
			if !ok {
				c.leave()
				return 0, errUnknownOutcome("The prepares were found complete, but not their timestamps.")
			}
			return ts, c.succeed(ts)
		}
		if err := c.reason(); err != nil {
			return 0, c.fail(err)
		}
		if c.attempt >= maxAttempts {
			return 0, c.fail(errConcurrentUpdate())
		}
		if c.abortAttempt(false) == nil {
			attempt, groups := c.attempt, c.groups()
			t.m.forget(t.id, attempt, groups)
		}
		if !pause(c.ctx, c.jitter()) {
			return 0, c.fail(canceled(c.ctx))
		}
	}
}

// jitter spreads the attempts of transactions that keep meeting; it depends on the ids only, so that runs repeat.
func (c *commit) jitter() time.Duration {
	h := (c.t.id.Seq*0x9E3779B97F4A7C15 + uint64(c.t.id.Node)*0xBF58476D1CE4E5B9 + uint64(c.attempt)) >> 40
	return time.Duration(h%uint64(c.attempt)) * retryPause
}

// sendAhead provisions the rest in groups where something was sent ahead already, or whose part is too big for a prepare.
func (c *commit) sendAhead() error {
	t := c.t
	for _, g := range t.groups {
		if g.prov.sent > 0 || (g.bytes > maxPrepareBytes && g.prepareBytes() > maxPrepareBytes) {
			if err := t.provisionGroup(c.ctx, g, true); err != nil {
				return err
			}
		}
	}
	for _, g := range t.groups {
		if g.prov.sent > 0 {
			if err := g.prov.settle(c.ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// prepareBytes is about the size of the group's part as items of a prepare.
func (g *groupBuffer) prepareBytes() int {
	n := 0
	g.tree.Scan(func(e *entry) bool {
		n += len(e.key) + itemOverhead
		if e.last != nil {
			n += len(e.last.value)
		}
		if e.marks != nil {
			n += len(e.key) + itemOverhead
		}
		return true
	})
	return n
}

// proposeAll proposes the attempt's prepares and fills in what became of each: it is held, refused or out of time.
func (c *commit) proposeAll() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), c.t.m.cfg.OutcomeTimeout)
	defer cancel()
	ps := make([]*proposal, len(c.parts))
	for i, p := range c.parts {
		p.proposal = proposal{group: p.g.group, cmd: &fsm.Command{Format: p.format, Prepare: p.prepare}}
		ps[i] = &p.proposal
	}
	proposeAll(ctx, ps)
	var met []*participant
	for _, p := range c.parts {
		p.classify()
		if p.pending() {
			met = append(met, p)
		}
	}
	parallel(len(met), func(i int) error {
		c.await(ctx, met[i])
		return nil
	})
}

// pending reports whether the prepare was refused for another transaction's.
func (p *participant) pending() bool { return p.err == nil && p.res.Code == fsm.ResultPending }

// await lets the transaction whose prepare was met end, and helps it to after a while; then it proposes the same prepare
// again.
func (c *commit) await(ctx context.Context, p *participant) {
	m := c.t.m
	wait := time.Millisecond
	waited := time.Duration(0)
	for p.pending() {
		if c.ctx.Err() != nil || waited > m.cfg.OutcomeTimeout/2 || c.yields(p, waited) {
			return // stays refused
		}
		if waited >= m.cfg.PendingGrace {
			m.recoverAt(ctx, p.g.group, p.res.Other, p.res.OtherAttempt, p.res.OtherPrimary)
		}
		if !pause(ctx, wait) {
			return
		}
		waited += wait
		wait = min(2*wait, maxRetryPause/8)
		p.insist(ctx, false)
		p.classify()
	}
}

// yields decides between two transactions that may be waiting for each other's prepares, which only read ranges bring
// about (rows are locked): the one that began later gives way first.
func (c *commit) yields(p *participant, waited time.Duration) bool {
	if c.t.opts.Isolation != Serializable {
		return false
	}
	if p.res.Other.Less(c.t.id) {
		return waited >= c.t.m.cfg.PendingGrace/4
	}
	return waited >= c.t.m.cfg.PendingGrace
}

func (p *participant) classify() {
	p.state = partUnknown
	if p.err != nil {
		return
	}
	switch p.res.Code {
	case fsm.ResultPrepared:
		p.state = partPrepared
	case fsm.ResultCommitted:
		p.state = partCommitted
	case fsm.ResultOK:
		p.state = partPrepared
		if p.prepare.OnePhase {
			p.state = partCommitted
		}
	case fsm.ResultAborted:
		p.state = partDead
	default:
		p.state = partRefused
	}
}

// committed reports whether every prepare of the attempt has applied, and the commit timestamp.
func (c *commit) committed() (ts topo.Timestamp, ok bool) {
	for _, p := range c.parts {
		if p.state == partCommitted {
			return p.res.TS, true // someone else has found it complete
		}
	}
	for _, p := range c.parts {
		if p.state != partPrepared || p.prepare.OnePhase {
			return 0, false
		}
		ts = max(ts, p.res.TS)
	}
	return ts, true
}

// kill makes sure that the attempt can never be complete: by a tombstone in a group that lacks its prepare. dead is false
// when every prepare turned out to be there (or the attempt committed); an error means that neither could be found out.
// The horizon stays below a commit only while its coordinator's liveness epoch lasts: once that is over the others may have
// finished the attempt, and have forgotten it, and a group that does not know it any more says so (ResultHorizon).
func (c *commit) kill() (dead bool, err error) {
	for _, p := range c.parts {
		if p.state == partDead {
			return true, nil
		}
	}
	if c.t.m.cfg.Faults.NoAttemptRule {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), c.t.m.cfg.OutcomeTimeout)
	defer cancel()
	// Groups that refused come first: they most likely lack the prepare, and they answer.
	for _, state := range []partState{partRefused, partUnknown} {
		for _, p := range c.parts {
			if p.state != state {
				continue
			}
			if !p.logged {
				return true, nil // its prepare never left the gateway, so the attempt cannot be complete
			}
			if p.state == partRefused && p.res.Code == fsm.ResultHorizon && !p.doubt {
				return true, nil // every copy came too late, and so will every other
			}
			res, e := c.t.m.propose(ctx, p.g.group, &fsm.Command{Tombstone: &fsm.Tombstone{
				Txn: c.t.id, Attempt: c.attempt, TS: c.ts}})
			if e != nil {
				err = e
				continue
			}
			switch res.Code {
			case fsm.ResultPrepared:
				p.state, p.res = partPrepared, res
			case fsm.ResultCommitted:
				p.state, p.res = partCommitted, res
				return false, nil
			case fsm.ResultAborted, fsm.ResultOK:
				return true, nil
			default:
				err = &rpc.Error{Code: rpc.ErrAmbiguous, Detail: "the attempt could not be forbidden"}
			}
		}
	}
	if err != nil {
		return false, errUnknownOutcome(err.Error())
	}
	return false, nil
}

// reason says why a dead attempt ends the transaction; nil when another attempt may do better.
func (c *commit) reason() error {
	if c.ctx.Err() != nil {
		return canceled(c.ctx)
	}
	for _, p := range c.parts {
		switch p.state {
		case partRefused:
			if err := c.refusal(p); err != nil {
				return err
			}
		case partUnknown:
			if p.err != nil {
				if retryable(p.err) {
					return errUnavailable(p.err.Error())
				}
				return groupError(c.ctx, p.err)
			}
		}
	}
	return nil
}

// refusal judges one group's refusal; nil when another attempt may succeed.
func (c *commit) refusal(p *participant) error {
	t := c.t
	switch p.res.Code {
	case fsm.ResultVersion, fsm.ResultFenced:
		return ErrSchemaChanged
	case fsm.ResultShared:
		return c.recheck(p)
	case fsm.ResultPending:
		if t.opts.Isolation == Serializable {
			return errDependencies()
		}
		return nil
	case fsm.ResultConflict:
		if t.opts.Isolation == Serializable && p.res.Item >= 0 && p.res.Item < len(p.entries) && p.entries[p.res.Item] == nil {
			return errDependencies()
		}
		if t.opts.Isolation != ReadCommitted {
			return errConcurrentUpdate()
		}
		return c.relock(p)
	case fsm.ResultHorizon:
		return errUnavailable("The commit took longer than the garbage-collection horizon waits.")
	}
	return errUnavailable("A group refused the transaction's prepare.")
}

// relock takes the lock of the item that was refused again and compares versions: if nothing has changed, only the lock
// was lost, and the commit may be tried again.
func (c *commit) relock(p *participant) error {
	if p.res.Item < 0 || p.res.Item >= len(p.entries) || p.entries[p.res.Item] == nil {
		return errConcurrentUpdate()
	}
	e := p.entries[p.res.Item]
	mode := max(e.mode, lock.KeyShare)
	resp, err := c.t.lockAt(c.ctx, p.g.group, &rpc.LockRequest{
		Txn: c.t.id, Tables: p.prepare.Tables, Keys: [][]byte{e.key}, Modes: []lock.Mode{mode},
		LockTimeoutMS: c.t.lockTimeout.Milliseconds(), WaitStarted: c.t.waitStarted,
	})
	if err != nil {
		return groupError(c.ctx, err)
	}
	p.g.locked = true
	v := resp.Versions[0]
	it := &p.prepare.Items[p.res.Item]
	switch {
	case it.Kind == fsm.ItemSharedMark:
		if v.Value != nil && v.KeyVersion == it.Seen {
			return nil
		}
	case it.SeenAbsent:
		if v.Value == nil && v.TS == it.Seen {
			return nil
		}
	case v.Value != nil && v.TS == it.Seen:
		return nil
	}
	return stolen(v)
}

// recheck scans the children of a key again, which gained some since its mark's timestamp.
func (c *commit) recheck(p *participant) error {
	if p.res.Item < 0 || p.res.Item >= len(p.entries) || p.entries[p.res.Item] == nil {
		return &ErrChildrenChanged{Key: Key{Group: p.g.id}}
	}
	e := p.entries[p.res.Item]
	key := Key{Group: p.g.id, Bytes: e.key}
	if e.marks == nil || e.marks.recheck == nil || p.g.prov.sent > 0 {
		return &ErrChildrenChanged{Key: key}
	}
	// Take the lock back first: otherwise children go on coming.
	if _, err := c.t.lockAt(c.ctx, p.g.group, &rpc.LockRequest{Txn: c.t.id, Tables: p.prepare.Tables,
		Keys: [][]byte{e.key}, Modes: []lock.Mode{lock.Update}, WaitStarted: c.t.waitStarted}); err != nil {
		return groupError(c.ctx, err)
	}
	p.g.locked = true
	f, err := c.t.m.timestamp(c.ctx)
	if err != nil {
		return err
	}
	if err := e.marks.recheck(c.ctx, f); err != nil {
		return err
	}
	c.t.MarkExclusive(key, f)
	return nil
}

// abortAttempt resolves a dead attempt as aborted in all its groups. final says that no attempt follows.
func (c *commit) abortAttempt(final bool) error {
	if c.t.m.cfg.Faults.NoAttemptRule {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), c.t.m.cfg.OutcomeTimeout)
	defer cancel()
	_, err := proposeEverywhere(ctx, c.groups(), &fsm.Command{Resolve: &fsm.Resolve{
		Txn: c.t.id, Attempt: c.attempt, TS: c.ts, Final: final}})
	return err
}

func (c *commit) groups() []rpc.Group {
	groups := make([]rpc.Group, 0, len(c.parts))
	for _, p := range c.parts {
		groups = append(groups, p.g.group)
	}
	return groups
}

// fail ends the transaction without effect. The attempt, if one was proposed, is dead. The cleaning up goes on in the
// background; the locks go at once, since nothing of the attempt can commit any more.
func (c *commit) fail(err error) error {
	t := c.t
	if len(c.parts) == 0 {
		t.dropProvisions(noAttempt)
	} else {
		t.m.background(func(ctx context.Context) {
			d := *c
			d.ctx = ctx
			if d.abortAttempt(true) == nil {
				t.m.forget(t.id, d.attempt, d.groups())
			}
		})
	}
	t.unlockAll(c.ctx, nil)
	return err
}

// leave hands a commit of unknown outcome to the background, which finds out as long as the process lives.
func (c *commit) leave() {
	t := c.t
	t.m.background(func(ctx context.Context) {
		primary := c.parts[0].prepare.Primary
		for wait := retryPause; ; wait = min(2*wait, 5*time.Second) {
			if _, err := t.m.Recover(ctx, t.id, c.attempt, primary); err == nil {
				break
			}
			if !pause(ctx, wait) {
				return
			}
		}
		t.unlockAll(ctx, nil)
	})
}

// succeed finishes a committed attempt. It returns at once; locks in groups that hold no prepare are released.
func (c *commit) succeed(ts topo.Timestamp) error {
	t := c.t
	// Locks go with the resolve. Those of a large transaction go at once, and what the gateway knows of its keys: the
	// resolve is where its memory peaks, and whoever gets such a lock meets the prepare.
	released := map[topo.GroupID]bool{}
	large := false
	for _, p := range c.parts {
		sent := p.g.prov.sent > 0
		// A one-phase commit whose answer was lost had nobody there to release the locks.
		released[p.g.id] = !sent && !p.prepare.OnePhase || p.prepare.OnePhase && p.err == nil
		large = large || sent
		p.g.tree, p.g.slab, p.g.prov.keys = nil, nil, seenTable{}
		p.reuse()
	}
	if large {
		t.unlockAll(c.ctx, released)
		for _, p := range c.parts {
			released[p.g.id] = true
		}
	}
	if len(c.parts) > 1 {
		primary := c.parts[0].prepare.Primary
		t.m.background(func(ctx context.Context) { _ = t.m.finish(ctx, t.id, c.attempt, primary, c.groups(), ts) })
	}
	t.unlockAll(c.ctx, released)
	return nil
}

// finish records a committed attempt at its primary, resolves it in all participants and forgets it. It gives up when ctx
// ends or a group refuses; whoever meets the rest goes on with it.
func (m *Manager) finish(ctx context.Context, id topo.TxnID, attempt topo.Attempt, primary topo.GroupID, groups []rpc.Group, ts topo.Timestamp) error {
	others := make([]rpc.Group, 0, len(groups))
	for _, g := range groups {
		if g.ID() != primary {
			others = append(others, g) // the record itself makes the primary's writes visible
		}
	}
	if m.cfg.Faults.ResolveBeforeCommitRecord {
		if err := m.resolve(ctx, id, attempt, others, ts); err != nil {
			return err
		}
		for _, g := range others {
			if err := m.proposeForget(ctx, g, []fsm.AttemptID{{Txn: id, Attempt: attempt}}); err != nil {
				return err
			}
		}
		return m.record(ctx, id, attempt, m.cfg.Groups(primary), ts)
	}
	if err := m.record(ctx, id, attempt, m.cfg.Groups(primary), ts); err != nil {
		return err
	}
	if err := m.resolve(ctx, id, attempt, others, ts); err != nil {
		return err
	}
	m.forget(id, attempt, groups)
	return nil
}

// resolve makes a committed attempt visible in groups.
func (m *Manager) resolve(ctx context.Context, id topo.TxnID, attempt topo.Attempt, groups []rpc.Group, ts topo.Timestamp) error {
	results, err := proposeEverywhere(ctx, groups, &fsm.Command{Resolve: &fsm.Resolve{
		Txn: id, Attempt: attempt, Commit: true, TS: ts, Final: true}})
	for i := 0; i < len(results) && err == nil; i++ {
		if code := results[i].res.Code; code != fsm.ResultCommitted && code != fsm.ResultOK {
			err = &rpc.Error{Code: rpc.ErrCorrupt, Detail: "a participant does not know the attempt that has committed"}
		}
	}
	return err
}

func (m *Manager) record(ctx context.Context, id topo.TxnID, attempt topo.Attempt, g rpc.Group, ts topo.Timestamp) error {
	res, err := m.propose(ctx, g, &fsm.Command{Commit: &fsm.CommitRecord{Txn: id, Attempt: attempt, TS: ts}})
	if err == nil && res.Code != fsm.ResultCommitted && res.Code != fsm.ResultOK {
		err = &rpc.Error{Code: rpc.ErrCorrupt, Detail: "the primary does not know the attempt that has committed"}
	}
	return err
}
