package planner

import (
	"math"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The costs that EXPLAIN prints, in PostgreSQL's units: reading a page in sequence is 1. The order of joins is weighed by
// joinorder.go's; these follow from a finished plan, and decide between two of a query.
const (
	pageBytes         = 8192
	rowHeaderBytes    = 24
	cpuTupleCost      = 0.01
	cpuIndexTupleCost = 0.005
	cpuOperatorCost   = 0.0025
	keyReadCost       = 0.29 // finding a key's place
	rowReadCost       = 0.1  // reading, with many others, the row that an entry names
)

// cost is when a node's first and last rows come.
type cost struct{ startup, total float64 }

// coster computes costs, those of each node once.
type coster struct {
	env   *Env
	costs map[Node]cost
}

// of computes the cost of a node from those of its inputs.
func (e *coster) of(n Node) cost {
	if c, ok := e.costs[n]; ok {
		return c
	}
	var in cost
	inputs := n.Inputs()
	for i, k := range inputs {
		c := e.of(k)
		if i == 0 {
			in.startup = c.startup
		}
		in.total += c.total
	}
	rows := n.Base().Rows
	c := cost{in.startup, in.total + cpuTupleCost*rows}
	switch n := n.(type) {
	case *Scan:
		c = e.scanCost(n)
	case *Values, *LiteralRows, *FunctionScan, *VirtualScan, *CTEScan, *WorkTableScan:
		c = cost{0, cpuTupleCost * rows}
	case *Filter:
		c = cost{in.startup, in.total + cpuOperatorCost*inputRows(n.Input)}
	case *Project:
		c = cost{in.startup, in.total + cpuOperatorCost*rows*float64(len(n.Exprs))}
	case *Sort:
		k := inputRows(n.Input)
		runs := max(1, n.Runs)
		sorting := 2 * cpuOperatorCost * k * math.Log2(max(2, k/runs))
		c.startup = in.startup + (in.total-in.startup+sorting)/runs
		c.total = in.total + sorting + cpuOperatorCost*rows
	case *HashJoin:
		l, r := e.of(n.Left), e.of(n.Right)
		if n.looksUp() {
			c = e.lookupCost(n.Lookup)
			break
		}
		keys := float64(len(n.LeftKeys))
		c.startup = l.startup + r.total + (cpuOperatorCost*keys+cpuTupleCost)*inputRows(n.Right)
		c.total = c.startup + l.total - l.startup + cpuOperatorCost*keys*inputRows(n.Left) + cpuTupleCost*rows
		first, all := e.spillCost(n)
		c.startup, c.total = c.startup+first, c.total+all
	case *MergeJoin:
		l, r := e.of(n.Left), e.of(n.Right)
		c.startup = l.startup + r.startup
		c.total = l.total + r.total + cpuOperatorCost*float64(len(n.Keys))*(inputRows(n.Left)+inputRows(n.Right)) + cpuTupleCost*rows
	case *LookupJoin:
		c = e.lookupCost(n)
	case *NestLoop:
		c = e.loopCost(n)
	case *Aggregate:
		k := inputRows(n.Input)
		work := cpuOperatorCost * k * float64(len(n.Keys)+len(n.Aggs))
		c.total = in.total + work + cpuTupleCost*rows
		if c.startup = in.total + work; n.Sorted {
			c.startup = in.startup + (in.total-in.startup)/max(1, rows)
		}
	case *Distinct:
		k := inputRows(n.Input)
		c.total = in.total + cpuOperatorCost*k*float64(len(n.Cols))
		if !n.Sorted {
			c.startup = in.startup
		}
	case *Limit:
		if k := inputRows(n.Input); k > 0 {
			c.total = in.startup + (in.total-in.startup)*min(1, max(rows, n.Read)/k)
		}
	case *With:
		c = in
		for _, k := range inputs[1:] {
			c.startup += e.of(k).total
		}
	}
	if e.costs == nil {
		e.costs = map[Node]cost{}
	}
	e.costs[n] = c
	return c
}

// inputRows is how many rows a node gets from an input.
func inputRows(n Node) float64 { return n.Base().Rows }

// scanCost is that of reading a table whole, or by a key.
func (e *coster) scanCost(n *Scan) cost {
	quals := 0.0
	if n.Filter != nil {
		quals = cpuOperatorCost
	}
	if n.Access.FullScan() {
		rows := float64(unknownRows)
		if f := e.env.RowCount; f != nil {
			if k := f(n.Table); k >= 0 {
				rows = float64(k)
			}
		}
		width := rowHeaderBytes
		for i := range n.Table.Columns {
			width += typeWidth(n.Table.Columns[i].Type)
		}
		c := cost{0, math.Ceil(rows*float64(width)/pageBytes) + (cpuTupleCost+quals)*rows}
		if n.Access.Ordered {
			c.total += 2 * cpuOperatorCost * rows
		}
		return c
	}
	read := max(n.Rows, n.Read)
	c := cost{keyReadCost, keyReadCost + (cpuIndexTupleCost+cpuTupleCost+quals)*read}
	switch {
	case n.Access.IndexOnly && n.Access.Unbounded():
		c = cost{0, math.Ceil(read*float64(entryWidth(n))/pageBytes) + (cpuTupleCost+quals)*read}
	case n.Access.Index != nil && !n.Access.IndexOnly: // each entry leads to a row elsewhere
		c.total += rowReadCost * read
	}
	if n.Access.Ordered {
		c.total += 2 * cpuOperatorCost * read
	}
	return c
}

// entryWidth is about how many bytes an entry of a scan's index has.
func entryWidth(n *Scan) int {
	width := rowHeaderBytes / 2
	for i := range n.Access.Columns {
		width += typeWidth(n.Table.IndexType(&n.Access.Columns[i]))
	}
	for _, c := range n.Table.KeyColumns {
		width += typeWidth(n.Table.Columns[c-1].Type)
	}
	return width
}

// lookupCost is that of reading, for each row of the left side, its partners by key.
func (e *coster) lookupCost(n *LookupJoin) cost {
	l := e.of(n.Left)
	matches := max(n.Inner.Rows, n.Inner.Read)
	each := keyReadCost + (cpuIndexTupleCost+cpuTupleCost)*matches
	if !n.Inner.Access.Point { // all groups are asked
		each += 3 * keyReadCost
		if !n.Inner.Access.IndexOnly {
			each += rowReadCost * matches
		}
	}
	return cost{l.startup, l.total + inputRows(n.Left)*each + cpuTupleCost*n.Rows}
}

func (e *coster) loopCost(n *NestLoop) cost {
	l, r := e.of(n.Left), e.of(n.Right)
	left := inputRows(n.Left)
	if n.Lateral {
		return cost{l.startup + r.startup, l.total + left*r.total + cpuTupleCost*n.Rows}
	}
	pairs := left * inputRows(n.Right)
	return cost{l.startup + r.startup, l.total + r.total + (cpuOperatorCost+cpuTupleCost/4)*pairs + cpuTupleCost*n.Rows}
}

// rowWidth is about how many bytes a row has.
func rowWidth(ts []types.Type) int {
	n := 0
	for _, t := range ts {
		n += typeWidth(t)
	}
	return n
}

// typeWidth is PostgreSQL's get_typavgwidth: half of a declared length where it is long, 32 where nothing is known.
func typeWidth(t types.Type) int {
	info := types.Lookup(t.Oid)
	if info == nil {
		return 32
	}
	if info.Len > 0 {
		return int(info.Len)
	}
	if (t.Oid == types.VarcharOid || t.Oid == types.BpcharOid) && t.Mod > 4 {
		n := int(t.Mod - 4)
		switch {
		case t.Oid == types.BpcharOid || n <= 32:
			return n + 4
		case n < 1000:
			return 32 + (n-32)/2
		}
		return 32 + (1000-32)/2
	}
	return 32
}
