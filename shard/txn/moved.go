package txn

import (
	"context"
	"encoding/binary"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Rows that move. Move gives a row another key: the old key's version then says where the row went (see shard/fsm/moved.go),
// and a lock request that names the row by a time at which it was seen (LockRequest.AsOf) follows it there.
//
// A transaction may move a row several times, and put another in its place. What the log keeps is one step per key: from where
// the row was when the transaction began to where it is in the end. So an operation that puts a row which came from elsewhere
// remembers from where (its origin), and every further move of the row notes its new place at the origin.

var (
	// noOrigin is the origin of a row that the transaction inserted: nobody else can have seen it.
	noOrigin = &Key{}
	// gone is the place of a row that was deleted.
	gone = &Key{}
)

// movesRows reports whether all groups understand that rows move.
func (m *Manager) movesRows() bool { return m.cfg.Format != nil && m.cfg.Format() >= fsm.FormatMoved }

// Move buffers the move of the row under from, which is locked Update, to the key to, locked Update and free, with this value.
func (t *Txn) Move(from, to Key, value []byte) {
	if !t.m.movesRows() {
		t.Delete(from, 0)
		t.Put(to, value, 0)
		return
	}
	if value == nil {
		value = []byte{}
	}
	origin := t.origin(from)
	t.write(from, op{})
	t.write(to, op{value: value, origin: origin})
	t.moved(origin, &to)
}

// moved notes where the row is now that was at its origin.
func (t *Txn) moved(origin, to *Key) {
	if origin != noOrigin {
		t.mark(*origin, false, func(m *marks) { m.moved = to })
	}
}

// origin returns where the row under key was when the transaction began.
func (t *Txn) origin(key Key) *Key {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.group(key.Group)
	e := g.find(key.Bytes)
	if t.m.cfg.Faults.ForgottenOrigins {
		return &key
	}
	if e != nil {
		if origin := e.comesFrom(); origin != nil {
			return origin
		}
	}
	absent := e != nil && e.seenAbsent
	if e == nil || e.mode == lock.None {
		if seen, ok := g.prov.seen(key.Bytes); ok {
			absent = seen.absent()
		}
	}
	if absent {
		return noOrigin
	}
	return &key
}

// comesFrom returns the origin of the row under the entry's key, nil where whether the key held a row when the transaction
// began tells: the row is that one, or else was inserted.
func (e *entry) comesFrom() *Key {
	switch {
	case e.last == nil:
		return e.origin
	case e.last.origin == nil && !e.last.keeps && !e.seenAbsent:
		return noOrigin
	}
	return e.last.origin
}

// ask notes that the transaction's own row under the entry was locked, so that the statement may write it. Until then its
// origin is kept where it cannot be told otherwise. t.mu is held.
func (t *Txn) ask(e *entry) {
	if e.comesFrom() != nil {
		e.asked = t.stmtSeq + 1
	}
}

// awaitsMove says that the current statement may be about to write the own row under the entry, and needs its origin.
func (t *Txn) awaitsMove(e *entry) bool { return e.asked == t.stmtSeq+1 && e.comesFrom() != nil }

// place identifies the key over all groups.
func (k *Key) place() string { return string(appendLink(nil, k)) }

// appendLink encodes a key with its group, as items and versions have it.
func appendLink(buf []byte, k *Key) []byte {
	return append(binary.AppendUvarint(buf, uint64(k.Group)), k.Bytes...)
}

func parseLink(link []byte) (Key, error) {
	group, n := binary.Uvarint(link)
	if n <= 0 {
		return Key{}, pgerr.New(pgerr.DataCorrupted, "malformed place of a moved row")
	}
	return Key{Group: topo.GroupID(group), Bytes: link[n:len(link):len(link)]}, nil
}

// movedItem emits where the row went that was under the key when the transaction began.
func (m *marks) movedItem(key []byte, emit func(Seq, fsm.Item)) {
	switch m.moved {
	case nil:
	case gone:
		// Instead of where it was before.
		emit(m.seq, fsm.Item{Kind: fsm.ItemMoved, Mode: lock.Update, Key: key})
	default:
		emit(m.seq, fsm.Item{Kind: fsm.ItemMoved, Mode: lock.Update, Key: key, Value: appendLink(nil, m.moved)})
	}
}

// ownRow is a row of the transaction's own that went ahead; a nil value is a deletion.
type ownRow struct {
	value  []byte
	origin *Key // nil: the key itself
}

// parseOrigin decodes what fsm.State.Origin says.
func parseOrigin(link []byte) (*Key, error) {
	switch {
	case link == nil:
		return noOrigin, nil
	case len(link) == 0:
		return nil, nil
	}
	k, err := parseLink(link)
	return &k, err
}

// thereSince reports whether a version is of the row that its key held at a timestamp: one that came later has a later key version.
func (v *Version) thereSince(ts topo.Timestamp) bool { return v.Exists() && v.KeyVersion <= ts }

// follow finds the rows of requests with AsOf that are no longer under their keys: those that moved are locked where they
// are now, however often they moved, and the others are gone. The locks on the keys that they left go, unless the
// transaction had them before (fresh).
func (t *Txn) follow(ctx context.Context, reqs []LockRequest, policy lock.WaitPolicy, out []Locked, fresh []bool) error {
	var lost []int // positions in out of the rows looked for
	for i := range reqs {
		if l := &out[i]; reqs[i].AsOf != 0 && !l.Skipped && !l.Version.Own && !l.Version.thereSince(reqs[i].AsOf) {
			lost = append(lost, i)
		}
	}
	if len(lost) == 0 || !t.m.movesRows() {
		return nil
	}
	at := make([]LockRequest, len(lost)) // what each was last looked for with
	left := make([]bool, len(lost))
	for j, i := range lost {
		at[j], left[j] = reqs[i], fresh[i]
	}
	// stay are the keys whose locks are wanted. Rows that others have left may have come there.
	stay := map[string]struct{}{}
	for j, i := 0, 0; i < len(reqs); i++ {
		if j < len(lost) && lost[j] == i {
			j++
			continue
		}
		stay[reqs[i].Key.place()] = struct{}{}
	}
	for {
		ends, err := t.ends(ctx, at)
		if err != nil {
			return err
		}
		if err := t.leave(ctx, at, left, stay); err != nil {
			return err
		}
		n := 0
		for j, i := range lost {
			out[i] = Locked{Waited: true}
			if ends[j].link == nil {
				continue
			}
			key, err := parseLink(ends[j].link)
			if err != nil {
				return err
			}
			lost[n] = i
			at[n] = at[j]
			at[n].Key, at[n].AsOf = key, ends[j].ts
			n++
		}
		if n == 0 {
			return nil
		}
		lost, at, left = lost[:n], at[:n], left[:n]
		found := make([]Locked, n)
		if err := t.lockAll(ctx, at, policy, found, left); err != nil {
			return err
		}
		n = 0
		for j, i := range lost {
			out[i] = found[j]
			out[i].Waited, out[i].At = true, &Key{Group: at[j].Key.Group, Bytes: at[j].Key.Bytes}
			if l := &found[j]; !l.Skipped && !l.Version.Own && !l.Version.thereSince(at[j].AsOf) {
				lost[n], at[n], left[n] = i, at[j], left[j]
				n++
			} else {
				stay[at[j].Key.place()] = struct{}{}
			}
		}
		if n == 0 {
			return nil
		}
		lost, at, left = lost[:n], at[:n], left[:n]
	}
}

// rowEnd is when a row left its key, 0 when it did not, and where it went; a nil link is a deletion.
type rowEnd struct {
	ts   topo.Timestamp
	link []byte
}

// ends asks when and how rows that were seen under their keys ended there.
func (t *Txn) ends(ctx context.Context, rows []LockRequest) ([]rowEnd, error) {
	type call struct {
		g   *groupBuffer
		req rpc.GetRequest
		at  []int
	}
	var calls []*call
	t.mu.Lock()
	byGroup := map[topo.GroupID]*call{}
	for i := range rows {
		k := &rows[i].Key
		c := byGroup[k.Group]
		if c == nil {
			c = &call{g: t.group(k.Group), req: rpc.GetRequest{TS: topo.MaxTimestamp, Tables: t.tables, Txn: t.id}}
			byGroup[k.Group], calls = c, append(calls, c)
		}
		c.req.Keys, c.req.Since, c.at = append(c.req.Keys, k.Bytes), append(c.req.Since, rows[i].AsOf), append(c.at, i)
	}
	t.mu.Unlock()
	out := make([]rowEnd, len(rows))
	err := parallel(len(calls), func(i int) error {
		c := calls[i]
		resp, err := c.g.group.Get(ctx, &c.req)
		if err != nil {
			return err
		}
		for j, at := range c.at {
			out[at] = rowEnd{resp.Versions[j].TS, resp.Links[j]}
		}
		return nil
	})
	return out, groupError(ctx, err)
}

// leave lets go of the locks on keys that rows have left: those that the transaction took to find the rows.
func (t *Txn) leave(ctx context.Context, rows []LockRequest, fresh []bool, stay map[string]struct{}) error {
	keys := map[*groupBuffer][][]byte{}
	var order []*groupBuffer
	t.mu.Lock()
	for i := range rows {
		g := t.group(rows[i].Key.Group)
		e := g.find(rows[i].Key.Bytes)
		if _, wanted := stay[rows[i].Key.place()]; wanted || !fresh[i] || e == nil || e.mode == lock.None || e.last != nil || e.marks != nil {
			continue
		}
		t.retain -= len(e.value)
		e.held = held{}
		if keys[g] == nil {
			order = append(order, g)
		}
		keys[g] = append(keys[g], e.key)
	}
	t.mu.Unlock()
	return groupError(ctx, parallel(len(order), func(i int) error {
		return order[i].group.Unlock(ctx, unlockRequest(t.id, keys[order[i]]))
	}))
}

// lostRow is the serialization failure of a row that key held at ts, and that another transaction has ended or changed since.
func (t *Txn) lostRow(ctx context.Context, key Key, ts topo.Timestamp, v rpc.Version) error {
	if !t.m.movesRows() {
		return stolen(v)
	}
	ends, err := t.ends(ctx, []LockRequest{{Key: key, AsOf: ts}})
	switch {
	case ctx.Err() != nil:
		return err
	case err != nil:
		return stolen(v) // which is certain
	case ends[0].ts == 0 || ends[0].link != nil:
		return errConcurrentUpdate()
	}
	if v.Value != nil { // it came after ts, unless it took the place of one that was there
		var before [1]Version
		if err := t.Get(ctx, ReadOptions{TS: ts, Own: t.StatementSeq()}, []Key{key}, before[:]); err == nil && !before[0].Exists() {
			return errConcurrentUpdate()
		}
	}
	return errConcurrentDelete()
}
