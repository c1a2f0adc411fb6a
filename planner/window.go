package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// WindowAgg computes the functions of one window over rows sorted by Partition and Order. Output: the input's columns, then
// one for each function.
type WindowAgg struct {
	Props
	Input     Node
	Partition []SortKey
	Order     []SortKey
	// Frame is made of parse.Frame bits; Start and End are the offsets of the bounds that have one, without input columns.
	Frame      int
	Start, End *Scalar
	Funcs      []WindowCall
}

// WindowCall is a function of a WindowAgg: Fn or Agg is set.
type WindowCall struct {
	Fn     *expr.WindowFunction
	Agg    *expr.AggFunction
	Args   []*Scalar
	Filter *Scalar
	Type   types.Type
}

// Inputs implements Node.
func (n *WindowAgg) Inputs() []Node { return []Node{n.Input} }

// windower plans the windows of a query over rows of node. The rows' first columns are those of the input, named by ids and
// pos or found by below; the columns that windows add stand behind them.
type windower struct {
	q      *query
	node   Node
	in     *layout
	below  replacer
	sorted *rowOrder // of node's rows
	// keys are the columns of window keys that were computed, calls those of window functions, by fingerprint.
	keys, calls map[string]int
}

// planWindows computes all window functions of the targets. It returns the layout and the replacer for what is above.
func (q *query) planWindows(n Node, in *layout, rep replacer, order *rowOrder) (Node, *layout, replacer, *rowOrder, error) {
	w := &windower{q: q, node: n, below: rep, sorted: order, keys: map[string]int{}, calls: map[string]int{}}
	w.in = &layout{ts: slices.Clone(n.Base().Types)}
	if in != nil {
		w.in.ids, w.in.pos = in.ids, in.pos
	}
	byWindow := make([][]*expr.WindowFunc, len(q.q.Windows))
	seen := map[string]bool{}
	for _, t := range q.q.Targets {
		visit(t.Expr, func(m expr.Node) bool {
			f, ok := m.(*expr.WindowFunc)
			if ok && !seen[w.print(f)] {
				seen[w.print(f)] = true
				byWindow[f.Window] = append(byWindow[f.Window], f)
			}
			return !ok
		})
	}
	if err := w.computeKeys(byWindow); err != nil {
		return nil, nil, nil, nil, err
	}
	if err := w.plan(byWindow); err != nil {
		return nil, nil, nil, nil, err
	}
	return w.node, w.in, w.replacer(), w.sorted, nil
}

func (w *windower) print(n expr.Node) string { return fingerprint(w.q.expand(n)) }

func (w *windower) replacer() replacer {
	return func(n expr.Node) (expr.Node, bool) {
		if f, ok := n.(*expr.WindowFunc); ok {
			if i, ok := w.calls[w.print(f)]; ok {
				return &expr.Column{Index: i, Type: f.Type}, true
			}
		}
		if w.below != nil {
			return w.below(n)
		}
		return nil, false
	}
}

// computeKeys adds a column for every key of a used window that is more than a column, so that sorting and what compares
// rows afterwards see the same values.
func (w *windower) computeKeys(used [][]*expr.WindowFunc) error {
	var err error
	if w.node, w.in, w.below, err = w.q.setKeys(w.node, w.in, w.below, w.allKeys(used)); err != nil {
		return err
	}
	w.in.ts = slices.Clone(w.node.Base().Types)
	var exprs []*Scalar
	for i, t := range w.in.ts {
		exprs = append(exprs, w.q.columnScalar(i, t))
	}
	width := len(exprs)
	key := func(n expr.Node) error {
		f := w.print(n)
		if _, ok := w.keys[f]; ok {
			return nil
		}
		s, err := w.q.scalar(n, w.in, w.below)
		if err != nil {
			return err
		}
		if c, ok := s.Node.(*expr.Column); ok {
			w.keys[f] = c.Index
			return nil
		}
		w.keys[f] = len(exprs)
		exprs = append(exprs, s)
		return nil
	}
	for _, n := range w.allKeys(used) {
		if err := key(n); err != nil {
			return err
		}
	}
	if len(exprs) > width {
		w.node = w.q.project(w.node, exprs)
		w.in.ts = slices.Clone(w.node.Base().Types)
	}
	return nil
}

// allKeys are the keys of all used windows.
func (w *windower) allKeys(used [][]*expr.WindowFunc) []expr.Node {
	var out []expr.Node
	for i, calls := range used {
		if len(calls) == 0 {
			continue
		}
		def := &w.q.q.Windows[i]
		out = append(out, def.Partition...)
		for _, k := range def.OrderBy {
			out = append(out, k.Expr)
		}
	}
	return out
}

// windowOrder is the order that a window needs its rows in.
type windowOrder struct {
	window           int
	partition, order []SortKey
	all              []SortKey
	want             []orderKey // all, in the terms of the rows' order
}

func (w *windower) order(i int) windowOrder {
	def := &w.q.q.Windows[i]
	o := windowOrder{window: i}
	for _, n := range def.Partition {
		o.partition = append(o.partition, SortKey{Col: w.keys[w.print(n)], Type: n.ResultType()})
	}
	for _, k := range def.OrderBy {
		o.order = append(o.order, SortKey{Col: w.keys[w.print(k.Expr)], Type: k.Expr.ResultType(), Desc: k.Desc, NullsFirst: k.NullsFirst})
	}
	nodes := slices.Clone(def.Partition)
	for _, k := range def.OrderBy {
		nodes = append(nodes, k.Expr)
	}
	for i, k := range slices.Concat(o.partition, o.order) {
		if !slices.ContainsFunc(o.all, func(h SortKey) bool { return h.Col == k.Col }) {
			o.all = append(o.all, k)
			o.want = append(o.want, orderKey{node: nodes[i], print: w.q.orderPrint(nodes[i]), desc: k.Desc, nullsFirst: k.NullsFirst})
		}
	}
	return o
}

// plan stacks the windows. One sort serves all windows whose order is the beginning of it, the longest first.
func (w *windower) plan(used [][]*expr.WindowFunc) error {
	var left []windowOrder
	for i, calls := range used {
		if len(calls) > 0 {
			left = append(left, w.order(i))
		}
	}
	slices.SortStableFunc(left, func(a, b windowOrder) int { return len(b.all) - len(a.all) })
	for len(left) > 0 {
		sorted := left[0].all
		if srt := w.q.sort(w.node, sorted, left[0].want, w.sorted); srt != nil {
			w.node, w.sorted = srt, &rowOrder{keys: left[0].want}
		}
		var rest []windowOrder
		for _, o := range left {
			if len(o.all) > len(sorted) || !slices.Equal(o.all, sorted[:len(o.all)]) {
				rest = append(rest, o)
				continue
			}
			if err := w.add(o, used[o.window]); err != nil {
				return err
			}
		}
		left = rest
	}
	return nil
}

// add puts a WindowAgg over what is planned so far.
func (w *windower) add(o windowOrder, calls []*expr.WindowFunc) error {
	def := &w.q.q.Windows[o.window]
	n := &WindowAgg{Input: w.node, Partition: o.partition, Order: o.order, Frame: def.Frame}
	var err error
	if n.Start, err = w.offset(def.Start); err != nil {
		return err
	}
	if n.End, err = w.offset(def.End); err != nil {
		return err
	}
	ts := slices.Clone(w.in.ts)
	for _, f := range calls {
		c := WindowCall{Fn: f.Fn, Agg: f.Agg, Type: f.Type}
		if c.Args, err = w.q.scalars(guarded(f.Args, f.Filter), w.in, w.below); err != nil {
			return err
		}
		if f.Filter != nil {
			if c.Filter, err = w.q.scalar(f.Filter, w.in, w.below); err != nil {
				return err
			}
		}
		n.Funcs = append(n.Funcs, c)
	}
	for _, f := range calls {
		w.calls[w.print(f)] = len(ts)
		ts = append(ts, f.Type)
	}
	n.Props = w.q.b.props(ts, w.node.Base().Rows)
	w.node = n
	w.in = &layout{ids: w.in.ids, pos: w.in.pos, ts: ts}
	return nil
}

func (w *windower) offset(n expr.Node) (*Scalar, error) {
	if n == nil {
		return nil, nil
	}
	return w.q.scalar(n, nil, nil)
}
