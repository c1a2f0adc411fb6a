package pgcat

import (
	"slices"
	"strings"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// maxSnapshots bounds the snapshots whose rows are kept: the current one under the few search paths in use, and the
// overlays of some running DDL transactions.
const maxSnapshots = 8

// snapshotRows keeps the rows made from one snapshot, and the printed definitions, for one scope.
type snapshotRows struct {
	sys  *System
	snap *catalog.Snapshot
	key  string // search path, database and role
	defs *printer

	mu   sync.Mutex
	sets map[*relation]*rowSet
}

// rowSet is the content of one relation.
type rowSet struct {
	once sync.Once
	rows [][]types.Datum
}

func scopeKey(env *Env) string {
	var b strings.Builder
	for _, s := range env.SearchPath {
		b.WriteString(s)
		b.WriteByte(0)
	}
	b.WriteByte(0)
	b.WriteString(env.Database)
	b.WriteByte(0)
	b.WriteString(itoa(int64(env.Role)))
	return b.String()
}

// rowsOf returns the rows kept for the env's snapshot and scope.
func (s *System) rowsOf(env *Env) *snapshotRows {
	key := scopeKey(env)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range s.recent {
		if r.snap == env.Snapshot && r.key == key {
			copy(s.recent[1:i+1], s.recent[:i])
			s.recent[0] = r
			return r
		}
	}
	r := &snapshotRows{sys: s, snap: env.Snapshot, key: key, sets: map[*relation]*rowSet{}}
	r.defs = newPrinter(env.Snapshot, slices.Clone(env.SearchPath), &s.analyses)
	r.defs.system = s
	if len(s.recent) < maxSnapshots {
		s.recent = append(s.recent, nil)
	}
	copy(s.recent[1:], s.recent)
	s.recent[0] = r
	return r
}

func (r *snapshotRows) scope(env *Env) *scope {
	return &scope{sys: r.sys, env: env, snap: r.snap, defs: r.defs}
}

func (r *snapshotRows) set(rel *relation) *rowSet {
	r.mu.Lock()
	defer r.mu.Unlock()
	set := r.sets[rel]
	if set == nil {
		set = &rowSet{}
		r.sets[rel] = set
	}
	return set
}

// rows returns the snapshot's rows of a relation.
func (r *snapshotRows) rows(rel *relation, env *Env) [][]types.Datum {
	set := r.set(rel)
	set.once.Do(func() {
		b := &builder{scope: r.scope(env), rel: rel, emit: func(row []types.Datum) { set.rows = append(set.rows, row) }}
		rel.source.rows(b)
	})
	return set.rows
}

// maxAnalyses bounds the analysed expressions that are kept.
const maxAnalyses = 1 << 14

// analyses keeps stored expressions as typed trees. A tree depends on its table's descriptor alone (other objects are in
// it by OID), so it outlives the snapshot; printing it anew for each snapshot is cheap.
type analyses struct {
	mu    sync.Mutex
	trees map[analysisKey]expr.Node
}

type analysisKey struct {
	table  *catalog.Table
	column catalog.AttNum // 0 for a CHECK
	text   string
}

// tree returns the kept tree, or what analyse makes; an error is not kept.
func (a *analyses) tree(key analysisKey, analyse func() (expr.Node, error)) (expr.Node, error) {
	a.mu.Lock()
	n := a.trees[key]
	a.mu.Unlock()
	if n != nil {
		return n, nil
	}
	n, err := analyse()
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.trees == nil || len(a.trees) >= maxAnalyses {
		a.trees = map[analysisKey]expr.Node{}
	}
	a.trees[key] = n
	return n, nil
}
