package lock

import "github.com/pgmqdb/pgmqdb/shard/topo"

// ReleaseNode drops what owners of a node hold and wait for, if their liveness epoch is before the one given: the node was
// declared dead under it. Their waits end with ErrDropped. It returns how many owners there were.
func (m *Manager) ReleaseNode(node topo.NodeID, before topo.LivenessEpoch) int {
	n := 0
	var dead []topo.TxnID
	for i := range m.owners {
		os := &m.owners[i]
		dead = dead[:0]
		os.mu.Lock()
		for o := range os.owners {
			if o.Node == node && o.Epoch < before {
				dead = append(dead, o)
			}
		}
		os.mu.Unlock()
		for _, o := range dead {
			m.dropWaits(os, o)
			m.ReleaseAll(o)
		}
		n += len(dead)
	}
	return n
}

// dropWaits ends the owner's waits. A waiter holds a place on its owner's list, so that list has all of them.
func (m *Manager) dropWaits(os *ownerShard, owner topo.TxnID) {
	os.mu.Lock()
	defer os.mu.Unlock()
	ol := os.owners[owner]
	if ol == nil {
		return
	}
	for mine := ol.first; mine != nil; {
		next := mine.onext
		ks := m.keyShard(mine.head.hash)
		ks.mu.Lock()
		if mine.waiting > 0 {
			h := mine.head
			for w := h.qfirst; w != nil; {
				behind := w.next
				if w.hold == mine {
					w.leave(failed, ErrDropped)
				}
				w = behind
			}
			m.wake(h)
			m.settle(os, ks, mine)
		}
		ks.mu.Unlock()
		mine = next
	}
}

// EachHeld calls fn for every mode that is held of every key, until it returns false. The key is valid during the call only,
// and fn may not call the Manager. Keys are seen at slightly different times.
func (m *Manager) EachHeld(fn func(owner topo.TxnID, key []byte, mode Mode) bool) {
	for i := range m.keys {
		if !m.eachHeld(&m.keys[i], fn) {
			return
		}
	}
}

func (m *Manager) eachHeld(ks *keyShard, fn func(owner topo.TxnID, key []byte, mode Mode) bool) bool {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	more := ks.heads.all(func(h *head) bool {
		for o := h.holds; o != nil; o = o.hnext {
			for mode := Mode(1); mode <= maxMode; mode++ {
				if o.modes.Has(mode) && !fn(o.owner, h.key, mode) {
					return false
				}
			}
		}
		return true
	})
	return more && m.eachPacked(ks, func(owner topo.TxnID, key []byte, modes ModeSet) bool {
		for mode := Mode(1); mode <= maxMode; mode++ {
			if modes.Has(mode) && !fn(owner, key, mode) {
				return false
			}
		}
		return true
	})
}
