package pgcat

import (
	"slices"
	"strconv"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// The names that a query is printed with. Relations and columns may be called otherwise by now than when the query was
// stored, and two that differed then may be called alike: entries of the range table get names that differ
// (set_rtable_names), and columns get aliases where their own names would make a reference ambiguous, or where USING and
// NATURAL need both sides' columns to have one name (set_deparse_for_query and what it calls).

// namespace holds the names that a query's range table is printed with.
type namespace struct {
	query *sema.Query
	rels  []relNames
	// unique says that USING's names must differ from all others of the query, which holds of names in using: a merged column
	// that is neither side's own can only be named bare.
	unique bool
	using  []string
}

// relNames are the names of an entry of the range table: deparse_columns.
type relNames struct {
	name string   // empty for a join without an alias
	cols []string // by place in the entry's columns; empty for those that are dropped
	show bool     // the list of columns is printed
	// list are the names of the columns that the entry has when the text is read again, and fresh tells those that it got
	// since the query was stored.
	list  []string
	fresh []bool
	// Of a join: the merged columns. Of any entry: the names that joins around it merge by.
	using, around []string
}

// name chooses the names of a query's range table.
func (d *deparser) name(q *sema.Query) *namespace {
	ns := &namespace{query: q, rels: make([]relNames, len(q.Rels))}
	d.nameRels(ns)
	ns.unique = ns.dangerous(q.From)
	ns.mergeNames(q.From, nil)
	for i, r := range q.Rels {
		if r.Kind == sema.RTEJoin {
			ns.nameJoin(r, &ns.rels[i])
		} else {
			ns.nameColumns(r, &ns.rels[i])
		}
	}
	return ns
}

// nameRels names the entries: no two alike, and none like one of a query around.
func (d *deparser) nameRels(ns *namespace) {
	used := map[string]int{}
	for _, s := range d.spaces {
		for _, r := range s.rels {
			if r.name != "" {
				used[r.name] = 0
			}
		}
	}
	for i, r := range ns.query.Rels {
		base := r.Alias
		switch {
		case r.Written != nil:
			base = r.Written.Name
		case r.Kind == sema.RTEJoin:
			continue
		case r.Table != nil:
			base = r.Table.Name
		case r.View != nil:
			base = r.View.Name
		case r.Virtual != nil:
			base = r.Virtual.Name
		}
		name := base
		for {
			if _, taken := used[name]; !taken {
				break
			}
			used[base]++
			name = base + "_" + strconv.Itoa(used[base])
		}
		used[name] = 0
		ns.rels[i].name = name
	}
}

// sides are the sides of a join in the order in which they were written.
func sides(j *sema.Join) (left, right sema.JoinNode) {
	if j.Swapped {
		return j.Right, j.Left
	}
	return j.Left, j.Right
}

// shape is the join's entry in the range table; nil for a comma.
func (ns *namespace) shape(j *sema.Join) (*sema.RTE, *relNames) {
	if j.Comma {
		return nil, nil
	}
	return ns.query.Rels[j.Entry], &ns.rels[j.Entry]
}

// dangerous looks for a merged column of a join without an alias that is neither side's own (has_dangerous_join_using).
func (ns *namespace) dangerous(n sema.JoinNode) bool {
	j, ok := n.(*sema.Join)
	if !ok {
		return false
	}
	if e, _ := ns.shape(j); e != nil && e.Written == nil && slices.Contains(e.Shape.Computed, true) {
		return true
	}
	return ns.dangerous(j.Left) || ns.dangerous(j.Right)
}

// mergeNames settles the names of merged columns and hands them down to the sides (set_using_names); around are those of the
// joins around.
func (ns *namespace) mergeNames(n sema.JoinNode, around []string) {
	j, ok := n.(*sema.Join)
	if !ok {
		return
	}
	left, right := sides(j)
	e, names := ns.shape(j)
	if e == nil {
		ns.mergeNames(left, around)
		ns.mergeNames(right, around)
		return
	}
	if e.Written == nil { // it can give no new names itself
		for i, name := range names.cols {
			if name != "" {
				ns.handDown(e.Shape, i, name)
			}
		}
	}
	around = slices.Clip(around)
	for i, name := range e.Shape.Using {
		names.expand(len(e.Shape.Using))
		if names.cols[i] != "" {
			name = names.cols[i]
		} else {
			if e.Written != nil && i < len(e.Written.Columns) {
				name = e.Written.Columns[i]
			}
			name = ns.uniqueName(names, name)
			if ns.unique {
				ns.using = append(ns.using, name)
			}
			names.cols[i] = name
		}
		names.using = append(names.using, name)
		around = append(around, name)
		ns.handDown(e.Shape, i, name)
	}
	ns.rels[e.Shape.Left].around, ns.rels[e.Shape.Right].around = around, around
	ns.mergeNames(left, around)
	ns.mergeNames(right, around)
}

// handDown makes the name of column i of a join that of the sides' columns that it is.
func (ns *namespace) handDown(s *sema.JoinShape, i int, name string) {
	set := func(side, place int) {
		if place >= 0 {
			r := &ns.rels[side]
			r.expand(place + 1)
			r.cols[place] = name
		}
	}
	set(s.Left, s.LeftCols[i])
	set(s.Right, s.RightCols[i])
}

func (r *relNames) expand(n int) {
	for len(r.cols) < n {
		r.cols = append(r.cols, "")
	}
}

// uniqueName makes a column name one that the entry has not, nor the merged columns around it (make_colname_unique).
func (ns *namespace) uniqueName(r *relNames, name string) string {
	taken := func(s string) bool {
		return slices.Contains(r.cols, s) || slices.Contains(r.list, s) || slices.Contains(ns.using, s) || slices.Contains(r.around, s)
	}
	out := name
	for i := 1; taken(out); i++ {
		tail := "_" + strconv.Itoa(i)
		out = name[:min(len(name), maxNameLength-len(tail))] + tail
	}
	return out
}

// maxNameLength is NAMEDATALEN - 1.
const maxNameLength = 63

// nameColumns settles the column names of an entry that is no join, and whether their list is printed
// (set_relation_column_names).
func (ns *namespace) nameColumns(r *sema.RTE, n *relNames) {
	var aliases []string
	if r.Written != nil {
		aliases = r.Written.Columns
	}
	known := len(r.Columns)
	if r.Known != nil {
		known = len(r.Known)
	}
	n.expand(len(r.Columns))
	changed := false
	place := 0
	var list []string
	for i, c := range r.Columns {
		if r.Table != nil && (r.Table.Columns[i].Dropped || r.Table.Columns[i].Hidden) {
			n.cols[i] = ""
			if i < len(r.Known) && r.Known[i] != "" {
				place++ // dropped since
			}
			continue
		}
		name := n.cols[i]
		if name == "" {
			name = c.Name
			if place < len(aliases) {
				name = aliases[place]
			}
			name = ns.uniqueName(n, name)
			n.cols[i] = name
		}
		place++
		list, n.fresh = append(list, name), append(n.fresh, i >= known)
		changed = changed || name != c.Name
	}
	n.list = list
	switch {
	case r.Kind == sema.RTETable || r.View != nil || r.Kind == sema.RTECatalog:
		n.show = changed
	case r.Kind == sema.RTEFunction:
		n.show = true
	default:
		n.show = changed || len(aliases) > 0
	}
}

// nameJoin settles the column names of a join (set_join_column_names).
func (ns *namespace) nameJoin(r *sema.RTE, n *relNames) {
	s := r.Shape
	left, right := &ns.rels[s.Left], &ns.rels[s.Right]
	n.expand(len(r.Columns))
	changed := false
	for i := len(n.using); i < len(r.Columns); i++ {
		own := ""
		if s.LeftCols[i] >= 0 {
			own = left.cols[s.LeftCols[i]]
		} else {
			own = right.cols[s.RightCols[i]]
		}
		switch {
		case own == "": // dropped since
			n.cols[i] = ""
			continue
		case r.Written == nil:
			n.cols[i] = own
			continue
		case n.cols[i] == "":
			name := own
			if i < len(r.Written.Columns) {
				name = r.Written.Columns[i]
			}
			n.cols[i] = ns.uniqueName(n, name)
		}
		changed = changed || n.cols[i] != own
	}
	n.list, n.fresh = slices.Clone(n.using), make([]bool, len(n.using))
	side := func(from *relNames, places []int) {
		at := -1 // the place of the side's column in its own entry
		for k, name := range from.list {
			fresh := from.fresh[k]
			if !fresh {
				for at++; from.cols[at] == ""; at++ {
				}
				i := slices.Index(places, at)
				if i < len(n.using) {
					continue // merged
				}
				name = n.cols[i]
			} else if r.Written != nil {
				own := name
				name = ns.uniqueName(n, name)
				changed = changed || name != own
			}
			n.list, n.fresh = append(n.list, name), append(n.fresh, fresh)
		}
	}
	side(left, s.LeftCols)
	side(right, s.RightCols)
	n.show = r.Written != nil && changed
}

// lookup finds the entry that a variable refers to, and its names.
func (d *deparser) lookup(rel, level int) (*sema.RTE, *relNames) {
	at := len(d.spaces) - 1 - level
	if at < 1 || rel >= len(d.spaces[at].rels) {
		return nil, nil
	}
	return d.spaces[at].query.Rels[rel], &d.spaces[at].rels[rel]
}

func (d *deparser) variableName(n *expr.Var) string {
	if n.Col < 0 {
		return n.Name
	}
	if _, r := d.lookup(n.Rel, n.Level); r != nil && n.Col < len(r.cols) {
		return r.cols[n.Col]
	}
	return ""
}

// qualified prints a column with the name of its table; a merged column of a join without an alias has none.
func (d *deparser) qualified(n *expr.Var) {
	e, r := d.lookup(n.Rel, n.Level)
	column := d.variableName(n)
	if r == nil || r.name == "" && e.Kind != sema.RTEJoin || column == "" {
		d.failed = true
		return
	}
	if r.name != "" {
		d.b.WriteString(catalog.QuoteIdent(r.name) + ".")
	}
	d.b.WriteString(catalog.QuoteIdent(column))
}

// wholeRow prints a whole row; cast adds its type, as the select list needs it.
func (d *deparser) wholeRow(n *expr.Row, cast bool) {
	if len(n.Fields) == 0 {
		d.failed = true
		return
	}
	v, ok := n.Fields[0].(*expr.Var)
	if !ok {
		d.failed = true
		return
	}
	_, r := d.lookup(v.Rel, v.Level)
	if len(d.spaces) == 0 && d.table != nil {
		r = &relNames{name: d.table.Name}
	}
	if r == nil || r.name == "" {
		d.failed = true
		return
	}
	d.b.WriteString(catalog.QuoteIdent(r.name) + ".*")
	if cast {
		d.label(n.Type)
	}
}
