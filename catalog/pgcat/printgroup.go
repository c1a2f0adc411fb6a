package pgcat

import (
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// groupBy prints GROUP BY.
func (d *deparser) groupBy(q *sema.Query) {
	if len(q.GroupBy) == 0 && q.GroupingSets == nil {
		return
	}
	d.keyword(" GROUP BY ", -indentStd, indentStd, 1)
	if q.GroupDistinct {
		d.b.WriteString("DISTINCT ")
	}
	if q.GroupingSets == nil {
		for i, g := range q.GroupBy {
			d.comma(i)
			d.sortExpr(g)
		}
		return
	}
	for i, g := range q.GroupingTree {
		d.comma(i)
		d.groupingSet(q, g, true)
	}
}

// groupingSet prints an item of GROUP BY; bare leaves out the parentheses around a single expression
// (get_rule_groupingset).
func (d *deparser) groupingSet(q *sema.Query, g *sema.GroupingSet, bare bool) {
	switch g.Kind {
	case parse.GroupingSetEmpty:
		d.b.WriteString("()")
		return
	case parse.GroupingSetSimple:
		bare = bare && len(g.Refs) == 1
		if !bare {
			d.b.WriteByte('(')
		}
		for i, r := range g.Refs {
			d.comma(i)
			d.sortExpr(q.GroupBy[r])
		}
		if !bare {
			d.b.WriteByte(')')
		}
		return
	case parse.GroupingSetRollup:
		d.b.WriteString("ROLLUP(")
	case parse.GroupingSetCube:
		d.b.WriteString("CUBE(")
	case parse.GroupingSetSets:
		d.b.WriteString("GROUPING SETS (")
	}
	for i, c := range g.Content {
		d.comma(i)
		d.groupingSet(q, c, g.Kind != parse.GroupingSetSets)
	}
	d.b.WriteByte(')')
}
