package planner

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Partitions that no row of a query can be in are not read. What the conditions say of a partition key is noted for every
// partitioned table of the tree; with constants the partitions are left out of the plan, with parameters and values of
// enclosing queries when it runs.

// Prune says what is known of the partition keys of one partitioned table.
type Prune struct {
	Table *catalog.Table
	Conds []PruneCond
}

// PruneCond compares a column of the partition key with a value that has no input row.
type PruneCond struct {
	Key   int    // of Table.Partitioning.Keys
	Op    string // = < <= > >= or "in", of an array; "null" and "not null"
	Value *Scalar
}

// constant reports whether a condition's value is known when planning.
func (c *PruneCond) constant() bool {
	if c.Value == nil {
		return true
	}
	_, ok := c.Value.Node.(*expr.Const)
	return ok
}

// prunes notes what conditions over a tree say of its partition keys.
func (q *query) prunes(rel int, r *sema.RTE, conds []*conj) ([]Prune, error) {
	if r.Table.Partitioning == nil {
		return nil, nil
	}
	keys := q.keyConds(rel, conds)
	var out []Prune
	for _, t := range r.Inner {
		p := Prune{Table: t}
		for i := range t.Partitioning.Keys {
			n := t.Partitioning.Keys[i].Num
			if n == 0 {
				continue
			}
			col := r.Table.ColumnByName(t.Columns[n-1].Name)
			if col == nil {
				continue
			}
			for _, k := range keys {
				if k.col != int(col.Num)-1 || k.val == nil { // IS NOT NULL has no value: it is read below
					continue
				}
				s, err := q.scalar(k.val, nil, nil)
				if err != nil {
					return nil, err
				}
				p.Conds = append(p.Conds, PruneCond{Key: i, Op: k.op, Value: s})
			}
			for _, c := range conds {
				if is, ok := c.node.(*expr.IsTest); ok && is.Test == expr.IsNull {
					if v, ok := is.Arg.(*expr.Var); ok && v.Level == 0 && v.Rel == rel && v.Col == int(col.Num)-1 {
						p.Conds = append(p.Conds, PruneCond{Key: i, Op: map[bool]string{false: "null", true: "not null"}[is.Not]})
					}
				}
			}
		}
		if p.Conds != nil {
			out = append(out, p)
		}
	}
	return out, nil
}

// PruneEnv is what leaving partitions out needs.
type PruneEnv struct {
	Catalog    *catalog.Snapshot
	Partitions func(*catalog.Table) (*catalog.Partitions, error)
	Eval       *expr.EvalContext
}

// Leaves returns the leaf partitions of a partitioned table that may have rows that pass the conditions.
func (e *PruneEnv) Leaves(root *catalog.Table, prunes []Prune) (map[catalog.Oid]bool, error) {
	out := map[catalog.Oid]bool{}
	err := e.leaves(root, prunes, out)
	return out, err
}

func (e *PruneEnv) leaves(t *catalog.Table, prunes []Prune, out map[catalog.Oid]bool) error {
	parts := t.Children
	for i := range prunes {
		if prunes[i].Table != t {
			continue
		}
		set, err := e.Partitions(t)
		if err != nil {
			return err
		}
		if parts, err = e.matching(set, &prunes[i]); err != nil {
			return err
		}
	}
	for _, oid := range parts {
		p := e.Catalog.Table(oid)
		if p == nil || p.Partitioning == nil {
			out[oid] = true
			continue
		}
		if err := e.leaves(p, prunes, out); err != nil {
			return err
		}
	}
	return nil
}

func (e *PruneEnv) matching(set *catalog.Partitions, p *Prune) ([]catalog.Oid, error) {
	tests := make([]catalog.KeyTest, len(set.Types))
	for i := range p.Conds {
		c := &p.Conds[i]
		none, err := e.test(&tests[c.Key], c, set.Types[c.Key])
		if err != nil || none {
			return nil, err
		}
	}
	return set.Matching(tests, func(key []types.Datum) (uint64, error) { return expr.PartitionHash(set.Types, key) })
}

// test adds a condition to what is known of a column; none says that nothing passes it.
func (e *PruneEnv) test(t *catalog.KeyTest, c *PruneCond, to types.Type) (none bool, err error) {
	switch c.Op {
	case "null":
		none = t.Known && !t.Null
		t.Known, t.Null = true, true
		return none, nil
	case "not null":
		none = t.Null
		t.Known = true
		return none, nil
	}
	if t.Null {
		return true, nil
	}
	t.Known = true
	d, err := c.Value.EvalRow(e.Eval, nil)
	if err != nil {
		return false, nil // it is for whoever judges the rows
	}
	if d.IsNull() {
		return true, nil
	}
	from := c.Value.Node.ResultType()
	if c.Op == "in" {
		values := []types.Datum{}
		for _, v := range d.Array().Elems {
			if v.IsNull() {
				continue
			}
			v, ok := converted(v, types.T(types.ElemOf(from.Oid)), to)
			if !ok {
				return false, nil
			}
			values = append(values, v)
		}
		e.equal(t, values, to)
		return len(t.Eq) == 0, nil
	}
	d, ok := converted(d, from, to)
	if !ok {
		return false, nil
	}
	b := &catalog.KeyBound{Value: d, Inclusive: len(c.Op) == 2}
	switch c.Op {
	case "=":
		e.equal(t, []types.Datum{d}, to)
		return len(t.Eq) == 0, nil
	case "<", "<=":
		if t.Hi == nil || types.Compare(to.Oid, d, t.Hi.Value) < 0 {
			t.Hi = b
		}
	case ">", ">=":
		if t.Lo == nil || types.Compare(to.Oid, d, t.Lo.Value) > 0 {
			t.Lo = b
		}
	}
	return false, nil
}

// equal leaves only some values wanted.
func (e *PruneEnv) equal(t *catalog.KeyTest, values []types.Datum, typ types.Type) {
	if !t.In {
		t.In, t.Eq = true, values
		return
	}
	var both []types.Datum
	for _, v := range values {
		for _, w := range t.Eq {
			if types.Equal(typ.Oid, v, w) {
				both = append(both, v)
				break
			}
		}
	}
	t.Eq = both
}

// converted returns a value in a partition key's type; ok is false where it has no equal there.
func converted(d types.Datum, from, to types.Type) (types.Datum, bool) {
	if from.Oid == to.Oid {
		return d, true
	}
	v, err := types.Cast(d, from, types.Type{Oid: to.Oid, Mod: -1}, types.Explicit, types.DefaultIOEnv)
	if err != nil {
		return types.Null, false
	}
	back, err := types.Cast(v, types.Type{Oid: to.Oid, Mod: -1}, types.Type{Oid: from.Oid, Mod: -1}, types.Explicit, types.DefaultIOEnv)
	return v, err == nil && types.Equal(from.Oid, back, d)
}
