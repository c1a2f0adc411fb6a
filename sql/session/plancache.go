package session

import (
	"strings"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// maxCachedPlans bounds the node's cache; when it is full it starts anew, which costs each statement one parse.
const maxCachedPlans = 4096

// planCache keeps plans by statement text for all sessions of a node: a text planned once under a catalog snapshot and
// an effective search path is planned once for each role (who may not look into the same schemas as others) in all of its
// sessions; privileges on relations are checked at each execution. Simple queries are keyed with their literals taken out.
type planCache struct {
	mu sync.RWMutex
	m  map[planKey]*cachedPlan
}

type planKey struct {
	database catalog.Oid
	text     string
	path     string
	role     catalog.Oid
	params   string // the declared parameter types
	extended bool
}

type cachedPlan struct {
	raw     parse.RawStmt
	params  []types.Type
	plan    *planner.Plan
	columns []planner.Output
	target  catalog.Oid
	snap    *catalog.Snapshot

	permissions *sema.Permissions
	rowSecurity bool
}

// planHolds reports whether what was planned for one catalog is right for another: it is where only temporary objects
// changed, and the statement can name none.
func (s *Session) planHolds(made, now *catalog.Snapshot, text string) bool {
	return made == now || made.Alike(now) && catalog.TempSchema(s.searchPath()) == "" && !strings.Contains(text, catalog.TempAlias)
}

// estimatesHold reports whether no table of a plan was analyzed since it was made.
func (s *Session) estimatesHold(p *planner.Plan) bool {
	return p.EstimatesHold(s.node.System.Statistics)
}

func (c *planCache) get(k planKey) *cachedPlan {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.m[k]
}

func (c *planCache) put(k planKey, p *cachedPlan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil || len(c.m) >= maxCachedPlans {
		c.m = map[planKey]*cachedPlan{}
	}
	c.m[k] = p
}

// lookup serves a simple query from the cache, or fills the cache with it; nil when the text is not one that Normalize
// takes (several statements, utility statements, anything unusual): it then goes the plain way.
func (c *planCache) lookup(s *Session, text string) *statement {
	if s.tx.ddl != nil || s.transitions() != nil {
		return nil
	}
	key, lits, ok := parse.Normalize(text)
	if !ok {
		return nil
	}
	path := s.pathKey()
	pk := planKey{database: s.database, text: key, path: path, role: s.role()}
	snap := s.catalog()
	if hit := c.get(pk); hit != nil && s.planHolds(hit.snap, snap, text) && s.estimatesHold(hit.plan) {
		return &statement{raw: hit.raw, text: text, literals: lits, params: hit.params, plan: hit.plan, columns: hit.columns, target: hit.target,
			permissions: hit.permissions, rowSecurity: hit.rowSecurity, madeRole: pk.role, madeFor: snap, madePath: path}
	}
	tree, err := parse.ParseNormalized(key)
	if err != nil || !plannable(tree) {
		return nil
	}
	raw := parse.RawStmt{Stmt: tree, Len: len(text), Text: text}
	st := newStatement("", raw, text, nil)
	st.literals = lits
	s.clockRead.Store(false)
	if s.prepare(st) != nil {
		return nil // the plain way reports the error, with positions in the original text
	}
	if st.products != nil {
		return nil
	}
	if s.clockRead.Load() {
		return st
	}
	c.put(pk, &cachedPlan{raw: raw, params: st.params, plan: st.plan, columns: st.columns, target: st.target, snap: snap,
		permissions: st.permissions, rowSecurity: st.rowSecurity})
	return st
}

// prepared serves a Parse message from the cache, or fills the cache with it; nil when the text needs the plain way.
func (c *planCache) prepared(s *Session, text string, declared []types.Oid) *statement {
	if s.tx.ddl != nil || s.transitions() != nil {
		return nil
	}
	var oids []byte
	for _, o := range declared {
		oids = append(oids, byte(o), byte(o>>8), byte(o>>16), byte(o>>24))
	}
	path := s.pathKey()
	pk := planKey{database: s.database, text: text, path: path, role: s.role(), params: string(oids), extended: true}
	snap := s.catalog()
	if hit := c.get(pk); hit != nil && s.planHolds(hit.snap, snap, text) && s.estimatesHold(hit.plan) {
		return &statement{raw: hit.raw, text: text, declared: declared, params: hit.params, plan: hit.plan,
			columns: hit.columns, target: hit.target, permissions: hit.permissions, rowSecurity: hit.rowSecurity, madeRole: pk.role, madeFor: snap, madePath: path}
	}
	raws, err := parse.Parse(text)
	if err != nil || len(raws) != 1 || !plannable(raws[0].Stmt) {
		return nil
	}
	st := newStatement("", raws[0], text, declared)
	s.clockRead.Store(false)
	if s.prepare(st) != nil {
		return nil
	}
	if s.clockRead.Load() || st.products != nil {
		return st
	}
	c.put(pk, &cachedPlan{raw: st.raw, params: st.params, plan: st.plan, columns: st.columns, target: st.target, snap: snap,
		permissions: st.permissions, rowSecurity: st.rowSecurity})
	return st
}

// literalValues turns the literals of a normalised statement into the values of its parameters.
func literalValues(st *statement, env *types.IOEnv) ([]types.Datum, error) {
	vals := make([]types.Datum, len(st.literals))
	for i, l := range st.literals {
		v, err := types.ParseText(st.params[i], l.Text, env)
		if err != nil {
			return nil, pgerr.From(err).Clone().WithPosition(parse.Position(st.text, l.Pos))
		}
		vals[i] = v
	}
	return vals, nil
}
