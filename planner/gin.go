package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A GIN index serves the operators of its columns' operator classes, any of its columns as well as the first. It narrows
// rows down: each condition is tested again on the rows that it finds. Which of a condition's keys are worth reading is
// found out by the execution, which can see how many rows have them.

// GinClass returns the operator class of a column of a GIN index.
func GinClass(c *catalog.IndexColumn, typ types.Oid) keyenc.GinClass {
	if k := keyenc.GinClassNamed(c.OpClass); k != 0 {
		return k
	}
	return keyenc.DefaultGinClass(typ)
}

// ginCond is a condition that a GIN index serves.
type ginCond struct {
	c      *conj
	column int // of the index
	op     string
	val    expr.Node
}

// ginCommuted are the operators that say the same of their operands in the other order.
var ginCommuted = map[string]string{"@>": "<@", "<@": "@>", "&&": "&&", "=": "="}

// ginPath fits conditions to a GIN index; nil: it serves none of them.
func (q *query) ginPath(rel int, t *catalog.Table, ix *catalog.Index, conds []*conj, rows float64) *accessPath {
	key := q.keyOperand(rel)
	p := &accessPath{index: ix, columns: ix.Columns, rows: rows}
	for _, c := range conds {
		f, ok := c.node.(*expr.Func)
		if !ok || c.hint || f.Fn.Operator == nil || len(f.Args) != 2 {
			continue
		}
		k := &keyCond{c: c, op: f.Fn.Operator.Name, val: f.Args[1]}
		if !q.known(f.Args[1]) || !key(f.Args[0], k) {
			k = &keyCond{c: c, op: ginCommuted[f.Fn.Operator.Name], val: f.Args[0]}
			if k.op == "" || !q.known(f.Args[0]) || !key(f.Args[1], k) {
				continue
			}
		}
		for i := range ix.Columns {
			col, node := q.indexKey(rel, t, &ix.Columns[i])
			if !GinClass(&ix.Columns[i], t.IndexType(&ix.Columns[i]).Oid).Serves(k.op) || !q.restricts(k, col, node) {
				continue
			}
			p.gin = append(p.gin, &ginCond{c: c, column: i, op: k.op, val: k.val})
			if p.keys++; GinClass(&ix.Columns[i], t.IndexType(&ix.Columns[i]).Oid) == keyenc.GinJSONB && k.op[0] != '?' {
				p.keys++ // keys of objects and values apart, where jsonb_path_ops has them in one
			}
			p.rows = max(1, p.rows*q.selectivity(f))
			break
		}
	}
	if p.gin == nil {
		return nil
	}
	return p
}

// counts reports whether the path's rows are already those that a condition lets through.
func (p *accessPath) counts(n expr.Node) bool {
	return slices.ContainsFunc(p.gin, func(g *ginCond) bool { return g.c.node == n })
}

// fillGin compiles the values of a path by a GIN index.
func (q *query) fillGin(a *Access, t *catalog.Table, p *accessPath) error {
	a.TableRows = q.b.tableRows(t)
	for _, g := range p.gin {
		s, err := q.scalar(g.val, nil, nil)
		if err != nil {
			return err
		}
		a.Gin = append(a.Gin, GinCond{Column: g.column, Op: g.op, Query: s})
	}
	return nil
}
