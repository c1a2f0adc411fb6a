package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// storedNode is an expression of the catalog over a range-table entry of the query; nil for one that no longer analyses.
func (q *query) storedNode(rel int, t *catalog.Table, text string, kind sema.ExprKind) expr.Node {
	key := storedKey{t.OID, text, kind}
	n, ok := q.b.stored[key]
	if !ok {
		n = q.b.analyseStored(t, text, kind)
		if q.b.stored == nil {
			q.b.stored = map[storedKey]expr.Node{}
		}
		q.b.stored[key] = n
	}
	if n == nil || rel == 0 {
		return n
	}
	n, _ = expr.Rewrite(n, func(k expr.Node) (expr.Node, error) {
		if v, ok := k.(*expr.Var); ok {
			c := *v
			c.Rel = rel
			return &c, nil
		}
		return k, nil
	})
	return n
}

// storedKey names an expression that the catalog stores of a table.
type storedKey struct {
	table catalog.Oid
	text  string
	kind  sema.ExprKind
}

func (b *builder) analyseStored(t *catalog.Table, text string, kind sema.ExprKind) expr.Node {
	e, err := parse.ParseExpr(text)
	if err != nil {
		return nil
	}
	env := &sema.Env{Catalog: b.env.Catalog, SearchPath: []string{catalog.PublicName}, NoParams: true}
	n, err := sema.AnalyzeExpr(e, sema.ExprScope{Kind: kind, Table: t}, env)
	if err != nil {
		return nil
	}
	return expr.Fold(sema.InlineExpr(n, env))
}

// admits reports whether conditions of a query let it read through an index: those of a partial one must imply its
// predicate.
func (q *query) admits(rel int, t *catalog.Table, ix *catalog.Index, conds []*conj) bool {
	if ix.Predicate == "" {
		return true
	}
	p := q.storedNode(rel, t, ix.Predicate, sema.PredicateExpr)
	if p == nil {
		return false
	}
	nodes := make([]expr.Node, len(conds))
	params := false
	for i, c := range conds {
		nodes[i] = expr.Fold(c.node)
		params = params || hasParam(c.node) && q.mentions(c.node, rel, ix.PredicateUses)
	}
	if expr.Implied(p, nodes) {
		return true
	}
	q.b.plan.WantsLiterals = q.b.plan.WantsLiterals || params
	return false
}

// mentions reports whether a condition is about one of some columns of a table.
func (q *query) mentions(n expr.Node, rel int, cols []catalog.AttNum) bool {
	found := false
	visit(n, func(m expr.Node) bool {
		v, ok := m.(*expr.Var)
		found = found || ok && v.Level == 0 && v.Rel == rel && slices.Contains(cols, catalog.AttNum(v.Col+1))
		return !found
	})
	return found
}

func hasParam(n expr.Node) bool {
	found := false
	visit(n, func(m expr.Node) bool {
		_, ok := m.(*expr.Param)
		found = found || ok
		return !found
	})
	return found
}

// onExpressions reports whether a table has an index on an expression.
func onExpressions(t *catalog.Table) bool {
	for _, ix := range t.Indexes {
		for i := range ix.Columns {
			if ix.Columns[i].Num == 0 {
				return true
			}
		}
	}
	return false
}

func isColumn(n expr.Node) bool {
	_, ok := n.(*expr.Var)
	return ok
}

// indexKey identifies a key column of an index of entry rel: attnum-1, or for an expression its node.
func (q *query) indexKey(rel int, t *catalog.Table, c *catalog.IndexColumn) (col int, node expr.Node) {
	if c.Num != 0 {
		return int(c.Num) - 1, nil
	}
	node = q.storedNode(rel, t, c.Expr, sema.IndexExpr)
	if node == nil {
		return -1, nil
	}
	if node = stripCast(node); isColumn(node) {
		return node.(*expr.Var).Col, nil
	}
	return -1, node
}
