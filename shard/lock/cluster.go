package lock

import (
	"hash/maphash"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// What managers need that hold parts of one lock table on several nodes (package lockmgr).

// unruled is a class in which nothing conflicts.
var unruled = Class{Name: "advisory", Counted: true, Modes: advisory.Modes}

// NewRecord returns a manager that grants everything: a record of the advisory locks that a node's own sessions hold
// elsewhere.
func NewRecord() *Manager { return New(unruled, nil) }

// Strong are the table-lock modes that conflict with a weak mode (AccessShare, RowShare, RowExclusive) or with themselves.
// The weak ones conflict with strong ones alone.
const Strong ModeSet = 1<<ShareUpdateExclusiveLock | 1<<ShareLock | 1<<ShareRowExclusiveLock | 1<<ExclusiveLock |
	1<<AccessExclusiveLock

// Adopt gives owner a mode of key that it was granted elsewhere, past all who wait. What others hold is in the way only
// where force is not set; then nothing is granted, and the answer is false. An owner that has the mode keeps it as it is.
func (m *Manager) Adopt(owner topo.TxnID, key []byte, mode Mode, force bool) bool {
	hash := maphash.Bytes(m.seed, key)
	os, ks := m.ownerShard(owner), m.keyShard(hash)
	for {
		os.mu.Lock()
		ks.mu.Lock()
		l, packed := ks.packs.find(hash, key)
		if !packed {
			break
		}
		holder := m.packers.owner(l.owner)
		ks.mu.Unlock()
		os.mu.Unlock()
		m.unpack(holder, hash, key)
	}
	defer os.mu.Unlock()
	defer ks.mu.Unlock()
	h := ks.find(hash, key)
	if h == nil {
		h = ks.newHead(hash, key)
	}
	mine := h.find(owner)
	if !force && h.conflictsWithOthers(mine, m.class.Conflicts[mode]) {
		return false
	}
	if mine == nil {
		mine = ks.newHold(h, owner)
		os.link(mine)
	}
	if !mine.modes.Has(mode) {
		h.grant(mine, mode)
	}
	return true
}

// ReleaseOf drops the modes given that owner holds of key, however often it acquired them.
func (m *Manager) ReleaseOf(owner topo.TxnID, key []byte, modes ModeSet) {
	m.release(owner, key, modes, func(h *head, mine *hold) bool {
		h.revoke(mine, modes)
		return true
	})
}

// HeldBy returns what an owner holds: its keys, and the modes of each.
func (m *Manager) HeldBy(owner topo.TxnID) (keys [][]byte, modes []ModeSet) {
	os := m.ownerShard(owner)
	os.mu.Lock()
	defer os.mu.Unlock()
	ol := os.owners[owner]
	if ol == nil {
		return nil, nil
	}
	for mine := ol.first; mine != nil; mine = mine.onext {
		ks := m.keyShard(mine.head.hash)
		ks.mu.Lock()
		if mine.modes != 0 {
			keys, modes = append(keys, append([]byte(nil), mine.head.key...)), append(modes, mine.modes)
		}
		ks.mu.Unlock()
	}
	for i := range m.keys {
		if ol.packed == 0 {
			break
		}
		ks := &m.keys[i]
		ks.mu.Lock()
		m.eachPacked(ks, func(o topo.TxnID, key []byte, set ModeSet) bool {
			if o == owner {
				keys, modes = append(keys, append([]byte(nil), key...)), append(modes, set)
			}
			return true
		})
		ks.mu.Unlock()
	}
	return keys, modes
}

// Holds reports whether owner holds anything or waits for something.
func (m *Manager) Holds(owner topo.TxnID) bool {
	os := m.ownerShard(owner)
	os.mu.Lock()
	defer os.mu.Unlock()
	return os.owners[owner] != nil
}

// TableModeName returns the name of a table-lock mode that pg_locks shows.
func TableModeName(m Mode) string { return tables.Modes[m] }

// AdvisoryModeName returns the name of an advisory-lock mode that pg_locks shows.
func AdvisoryModeName(m Mode) string { return advisory.Modes[m] }
