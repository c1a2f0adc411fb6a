package ddl

import (
	"maps"
	"slices"
	"sync"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Building knows the storages that the schema changes of a node are filling, or have filled and not published or dropped
// yet: no descriptor names them, and they are no leftovers. A nil Building knows nothing.
type Building struct {
	mu sync.Mutex
	m  map[topo.StorageID]struct{}
}

// List returns the storages, in order.
func (b *Building) List() []topo.StorageID {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.m))
}

func (b *Building) add(ids []topo.StorageID) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.m == nil {
		b.m = map[topo.StorageID]struct{}{}
	}
	for _, id := range ids {
		b.m[id] = struct{}{}
	}
}

func (b *Building) remove(ids []topo.StorageID) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		delete(b.m, id)
	}
}

// build notes storages before they are filled.
func (x *Tx) build(ids ...topo.StorageID) {
	x.built = append(x.built, ids...)
	x.cfg.Building.add(ids)
}
