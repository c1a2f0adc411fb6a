package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// columnRef resolves a.b.c: a column, or else a parameter of the function whose body is analysed.
func (s *scope) columnRef(c *parse.ColumnRef) (expr.Node, error) {
	if s.env.Variables != nil {
		return s.variableOrColumn(c)
	}
	n, err := s.tableColumn(c)
	if err == nil || s.env.Function == nil || !pgerr.HasCode(err, pgerr.UndefinedColumn) && !pgerr.HasCode(err, pgerr.UndefinedTable) {
		return n, err
	}
	if p, perr := s.functionParam(c); p != nil || perr != nil {
		return p, perr
	}
	return nil, err
}

func (s *scope) tableColumn(c *parse.ColumnRef) (expr.Node, error) {
	if c.Star {
		return s.starredRow(c)
	}
	if why := map[clause]string{inDefault: "cannot use column reference in DEFAULT expression",
		inPartitionBound: "cannot use column reference in partition bound expression"}[s.clause]; why != "" {
		return nil, s.errorf(c.Loc(), pgerr.FeatureNotSupported, "%s", why)
	}
	switch len(c.Fields) {
	case 1:
		if s.domainValue != nil && c.Fields[0] == "value" {
			return &expr.Column{Type: *s.domainValue}, nil
		}
		return s.bareColumn(c.Fields[0], c.Loc())
	case 2:
		return s.qualifiedColumn("", c.Fields[0], c.Fields[1], c.Loc())
	case 3:
		return s.qualifiedColumn(c.Fields[0], c.Fields[1], c.Fields[2], c.Loc())
	case 4:
		return s.qualifiedColumn(c.Fields[1], c.Fields[2], c.Fields[3], c.Loc())
	}
	return nil, s.errorf(c.Loc(), pgerr.SyntaxError, "improper qualified name (too many dotted names): %s", c.Fields.String())
}

// starredRow is t.* as a value: the row.
func (s *scope) starredRow(c *parse.ColumnRef) (expr.Node, error) {
	if len(c.Fields) == 0 || len(c.Fields) > 2 {
		return nil, s.errorf(c.Loc(), pgerr.SyntaxError, "%s.* cannot be used here", c.Fields.String())
	}
	schema := ""
	if len(c.Fields) == 2 {
		schema = c.Fields[0]
	}
	it, level, err := s.findItem(schema, c.Fields.Last(), c.Loc())
	if err != nil {
		return nil, err
	}
	if it == nil {
		return nil, s.missingTable(schema, c.Fields.Last(), c.Loc())
	}
	return s.wholeRow(it, level, c.Loc()), nil
}

func (s *scope) bareColumn(name string, loc int) (expr.Node, error) {
	n, err := s.findColumn(name, loc)
	if n != nil || err != nil {
		return n, err
	}
	if it, level, _ := s.findItem("", name, loc); it != nil {
		if s.clause == inGenerated {
			return nil, s.at(loc, pgerr.New(pgerr.InvalidObjectDefinition, "cannot use whole-row variable in column generation expression").
				WithDetail("This would cause the generated column to depend on its own value."))
		}
		return s.wholeRow(it, level, loc), nil
	}
	return nil, s.missingColumn("", name, loc)
}

// findColumn looks an unqualified column up, from the inner level outward.
func (s *scope) findColumn(name string, loc int) (expr.Node, error) {
	level := 0
	for sc := s; sc != nil; sc = sc.parent {
		n, err := sc.localColumn(name, level, loc)
		if n != nil || err != nil {
			return n, err
		}
		level++
	}
	return nil, nil
}

// localColumn looks a column up at one level.
func (s *scope) localColumn(name string, level, loc int) (expr.Node, error) {
	var found *nsCol
	for _, it := range s.ns {
		if !it.colsVisible || it.lateralOnly && !s.lateral {
			continue
		}
		for i := range it.cols {
			if it.cols[i].name != name {
				continue
			}
			if found != nil {
				return nil, s.errorf(loc, pgerr.AmbiguousColumn, "column reference %q is ambiguous", name)
			}
			if err := s.checkLateral(it, loc); err != nil {
				return nil, err
			}
			found = &it.cols[i]
		}
	}
	if found != nil {
		return found.ref(level, loc), nil
	}
	for _, it := range s.ns {
		if it.colsVisible && (!it.lateralOnly || s.lateral) && len(s.ns) == 1 {
			return s.systemColumn(it, name, level, loc)
		}
	}
	return nil, nil
}

func (s *scope) checkLateral(it *nsItem, loc int) error {
	if it.lateralOnly && !it.lateralOK {
		return s.at(loc, pgerr.New(pgerr.InvalidColumnReference, "invalid reference to FROM-clause entry for table %q", it.name).
			WithDetail("The combining JOIN type must be INNER or LEFT for a LATERAL reference."))
	}
	return nil
}

// findItem finds a FROM item by name, and how many levels out it is.
func (s *scope) findItem(schema, name string, loc int) (*nsItem, int, error) {
	level := 0
	for sc := s; sc != nil; sc = sc.parent {
		var found *nsItem
		for _, it := range sc.ns {
			if !it.relVisible || it.lateralOnly && !sc.lateral || it.name != name || schema != "" && it.schema != schema {
				continue
			}
			if found != nil {
				return nil, 0, s.errorf(loc, pgerr.AmbiguousAlias, "table reference %q is ambiguous", name)
			}
			if err := s.checkLateral(it, loc); err != nil {
				return nil, 0, err
			}
			found = it
		}
		if found != nil {
			return found, level, nil
		}
		level++
	}
	return nil, 0, nil
}

func (s *scope) qualifiedColumn(schema, table, name string, loc int) (expr.Node, error) {
	it, level, err := s.findItem(schema, table, loc)
	if err != nil {
		return nil, err
	}
	if it == nil {
		return nil, s.missingTable(schema, table, loc)
	}
	var found *nsCol
	for i := range it.cols {
		if it.cols[i].name == name {
			if found != nil {
				return nil, s.errorf(loc, pgerr.AmbiguousColumn, "column reference %q is ambiguous", name)
			}
			found = &it.cols[i]
		}
	}
	if found != nil {
		return found.ref(level, loc), nil
	}
	if n, err := s.systemColumn(it, name, level, loc); n != nil || err != nil {
		return n, err
	}
	if !it.funcScalar {
		if n, err := s.attributeCall(s.wholeRow(it, level, loc), name, loc); n != nil || err != nil {
			return n, err
		}
	}
	return nil, s.missingColumn(table, name, loc)
}

// systemColumn resolves tableoid, and refuses what only PostgreSQL's heap has.
func (s *scope) systemColumn(it *nsItem, name string, level, loc int) (expr.Node, error) {
	if it.table == nil && it.virtual == nil {
		return nil, nil
	}
	switch name {
	case "tableoid":
		if s.env.Print {
			return &expr.Var{Rel: it.rel, Col: SystemColumn, Level: level, Type: types.T(types.OidOid), Name: name, Loc: loc}, nil
		}
		return it.tableOID(level, loc), nil
	case "ctid", "xmin", "xmax", "cmin", "cmax":
		switch s.clause {
		case inMergeWhen:
			return nil, s.errorf(loc, pgerr.InvalidColumnReference, "cannot use system column %q in MERGE WHEN condition", name)
		case inGenerated:
			return nil, s.errorf(loc, pgerr.InvalidColumnReference, "cannot use system column %q in column generation expression", name)
		case inCheck:
			return nil, s.errorf(loc, pgerr.InvalidColumnReference, "system column %q reference in check constraint is invalid", name)
		case inIndex, inPredicate:
			return nil, pgerr.New(pgerr.FeatureNotSupported, "index creation on system columns is not supported")
		}
		if n := s.transactionColumn(it, name, level, loc); n != nil {
			return n, nil
		}
		if name == "ctid" && s.ofStoredRow(it, level) {
			return s.ctid(it, level, loc)
		}
		return nil, s.unsupported(loc, "system column \""+name+"\"")
	}
	return nil, nil
}

// ofStoredRow reports whether an item's rows are those that a query finds in a table.
func (s *scope) ofStoredRow(it *nsItem, level int) bool {
	if it.table == nil {
		return false
	}
	sc := s
	for range level {
		sc = sc.parent
	}
	return sc.q != nil && it.rel < len(sc.q.Rels) && sc.q.Rels[it.rel].Kind == RTETable && !sc.rowOnly
}

// transactionColumn is xmin or xmax of a table's row; nil where there is none. A row that is seen was not deleted, and
// nobody's lock is in it: xmax is 0 but for what INSERT … ON CONFLICT returns of a row that it found and locked.
func (s *scope) transactionColumn(it *nsItem, name string, level, loc int) expr.Node {
	if !s.ofStoredRow(it, level) {
		return nil
	}
	sc := s
	for range level {
		sc = sc.parent
	}
	switch {
	case s.env.Print && (name == "xmin" || name == "xmax"):
		return &expr.Var{Level: level, Rel: it.rel, Col: SystemColumn, Type: types.T(types.XidOid), Name: name, Loc: loc}
	case name == "xmin":
		return &expr.Var{Level: level, Rel: it.rel, Col: expr.XminCol, Type: types.T(types.XidOid), Name: name, Loc: loc}
	case name == "xmax" && sc.returns == it.rel+1:
		return &expr.Var{Level: level, Rel: it.rel, Col: expr.XmaxCol, Type: types.T(types.XidOid), Name: name, Loc: loc}
	case name == "xmax":
		return &expr.Const{Type: types.T(types.XidOid), Value: types.NewInt(0), Loc: loc}
	}
	return nil
}

// wholeRow is a reference to a FROM item as a row value.
func (s *scope) wholeRow(it *nsItem, level, loc int) expr.Node {
	if it.funcScalar {
		return it.cols[0].ref(level, loc)
	}
	r := &expr.Row{Type: types.T(types.RecordOid), Whole: true, Loc: loc}
	if s.env.Print {
		r.Type = s.printedRowType(it, level)
	}
	if it.table != nil && !s.env.Print {
		it.tableRow(r, level)
	} else {
		for i := range it.cols {
			r.Fields = append(r.Fields, it.cols[i].ref(level, loc))
			r.Names = append(r.Names, it.cols[i].name)
		}
	}
	if !it.nullable || s.env.Print || it.rel < 0 {
		return r
	}
	// A row that an outer join made up is null, not a row of nulls. But a join's own row is one of its columns.
	sc := s
	for range level {
		sc = sc.parent
	}
	if sc.q.Rels[it.rel].Kind == RTEJoin {
		return r
	}
	real := &expr.IsTest{Arg: it.presence(level), Test: expr.IsNull, Not: true, Loc: -1}
	return &expr.Case{Whens: []expr.When{{Cond: real, Result: r}}, Type: r.Type, Loc: loc}
}

// presence is a column that rows of a FROM item never have null: of a table's primary key or its row id, where it has one.
func (it *nsItem) presence(level int) expr.Node {
	if it.table != nil {
		for i := range it.table.Columns {
			if c := &it.table.Columns[i]; c.NotNull && !c.Dropped {
				return &expr.Var{Level: level, Rel: it.rel, Col: i, Type: c.Type, Name: c.Name, Loc: -1}
			}
		}
	}
	return &expr.Var{Level: level, Rel: it.rel, Col: expr.PresentCol, Type: types.T(types.BoolOid), Loc: -1}
}

// tableRow makes a row of a table as it is now: of its row type, with NULL in the place of columns that are dropped or hidden.
func (it *nsItem) tableRow(r *expr.Row, level int) {
	r.Type = types.T(types.UserOid(types.CompositeClass, it.table.OID))
	columns := it.table.Columns
	if n := len(columns); n > 0 && columns[n-1].Hidden {
		columns = columns[:n-1]
	}
	used := 0
	for i := range columns {
		c := &columns[i]
		if c.Dropped || c.Hidden {
			r.Fields, r.Names = append(r.Fields, &expr.Const{Type: c.Type, Loc: -1}), append(r.Names, "")
			continue
		}
		col := nsCol{name: c.Name, rel: it.rel, col: i, typ: c.Type}
		if used < len(it.cols) && it.cols[used].col == i {
			col = it.cols[used]
			used++
		}
		r.Fields, r.Names = append(r.Fields, col.ref(level, r.Loc)), append(r.Names, col.name)
	}
}

// missingTable is the error for a qualifier that no FROM item has.
func (s *scope) missingTable(schema, table string, loc int) error {
	bad := func() *pgerr.Error {
		return pgerr.New(pgerr.UndefinedTable, "invalid reference to FROM-clause entry for table %q", table)
	}
	for sc := s; sc != nil; sc = sc.parent {
		for _, it := range sc.known() {
			if it.relVisible && it.name == table && (schema == "" || it.schema == schema) {
				return s.at(loc, bad().WithHint("There is an entry for table %q, but it cannot be referenced from this part of the query.", table))
			}
		}
	}
	for sc := s; sc != nil; sc = sc.parent {
		for _, r := range sc.q.Rels {
			if r.Alias == table {
				return s.at(loc, bad().WithHint("There is an entry for table %q, but it cannot be referenced from this part of the query.", table))
			}
		}
	}
	for sc := s; sc != nil; sc = sc.parent {
		for _, it := range sc.ns {
			if it.table != nil && it.table.Name == table && it.name != table || it.virtual != nil && it.virtual.Name == table && it.name != table {
				return s.at(loc, bad().WithHint("Perhaps you meant to reference the table alias %q.", it.name))
			}
		}
	}
	return s.errorf(loc, pgerr.UndefinedTable, "missing FROM-clause entry for table %q", table)
}

// missingColumn is the error for a column that is not there, with PostgreSQL's guess of what was meant.
func (s *scope) missingColumn(table, name string, loc int) error {
	e := pgerr.New(pgerr.UndefinedColumn, "column %q does not exist", name)
	if table != "" {
		e = pgerr.New(pgerr.UndefinedColumn, "column %s.%s does not exist", table, name)
	}
	// A column that exists but may not be seen from here.
	best := maxFuzzy + 1
	var first, second string
	matches := 0
	for sc := s; sc != nil; sc = sc.parent {
		for _, it := range sc.known() {
			if it.rel < 0 {
				continue
			}
			for _, c := range it.cols {
				if c.name == name && table == "" && (!sc.sees(it) || slices.Contains(sc.hidden, it)) {
					return s.at(loc, e.WithHint("There is a column named %q in table %q, but it cannot be referenced from this part of the query.", name, it.name))
				}
				penalty := 0
				if table != "" && it.name != table {
					penalty = levenshtein(table, it.name)
				}
				d := levenshtein(name, c.name)
				if d > len([]rune(name))/2 || d+penalty > maxFuzzy {
					continue
				}
				d += penalty
				full := "\"" + it.name + "." + c.name + "\""
				switch {
				case d < best:
					best, first, second, matches = d, full, "", 1
				case d == best:
					matches++
					second = full
				}
			}
		}
	}
	switch {
	case matches == 1:
		e = e.WithHint("Perhaps you meant to reference the column %s.", first)
	case matches == 2:
		e = e.WithHint("Perhaps you meant to reference the column %s or the column %s.", first, second)
	}
	return s.at(loc, e)
}

// known are the items of a scope, with those that cannot be referenced from where it is.
func (s *scope) known() []*nsItem { return append(s.ns[:len(s.ns):len(s.ns)], s.hidden...) }

func (s *scope) sees(it *nsItem) bool { return !it.lateralOnly || s.lateral }

// maxFuzzy is PostgreSQL's MAX_FUZZY_DISTANCE.
const maxFuzzy = 3

// levenshtein is the edit distance of two names, in characters.
func levenshtein(a, b string) int {
	x, y := []rune(a), []rune(b)
	prev := make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range x {
		cur := slices.Clone(prev)
		cur[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			cur[j+1] = min(prev[j+1]+1, cur[j]+1, prev[j]+cost)
		}
		prev = cur
	}
	return prev[len(y)]
}

// starColumns expands * or table.*.
func (s *scope) starColumns(c *parse.ColumnRef) ([]Target, error) {
	if len(c.Fields) == 0 {
		cols := visibleCols(s.ns)
		if len(cols) == 0 && len(s.ns) == 0 {
			return nil, s.errorf(c.Loc(), pgerr.SyntaxError, "SELECT * with no tables specified is not valid")
		}
		return s.targetsOf(cols, 0, c.Loc()), nil
	}
	if list, ok, err := s.starOfVariable(c); ok || err != nil {
		return list, err
	}
	schema := ""
	table := c.Fields.Last()
	if len(c.Fields) > 1 {
		schema = c.Fields.Schema()
	}
	it, level, err := s.findItem(schema, table, c.Loc())
	if err != nil {
		return nil, err
	}
	if it == nil {
		return nil, s.missingTable(schema, table, c.Loc())
	}
	return s.targetsOf(it.cols, level, c.Loc()), nil
}

func (s *scope) targetsOf(cols []nsCol, level, loc int) []Target {
	out := make([]Target, 0, len(cols))
	for i := range cols {
		if cols[i].noStar {
			continue
		}
		t := Target{Expr: cols[i].ref(level, loc), Name: cols[i].name}
		s.setOrigin(&t)
		out = append(out, t)
	}
	return out
}

// setOrigin notes the table and column of a target that is a plain column.
func (s *scope) setOrigin(t *Target) {
	v, ok := t.Expr.(*expr.Var)
	if !ok {
		return
	}
	sc := s
	for range v.Level {
		sc = sc.parent
	}
	r := sc.q.Rels[v.Rel]
	switch {
	case v.Col == SystemColumn:
	case r.Kind == RTETable && v.Col < 0:
		t.Table, t.Col = r.Table.OID, attNum(expr.SystemAttNum(v.Col))
	case r.Kind == RTETable && v.Col < len(r.Table.Columns):
		t.Table, t.Col = r.Table.OID, r.Table.Columns[v.Col].Num
	case r.Kind == RTECatalog:
		t.Table, t.Col = r.Virtual.OID, attNum(v.Col+1)
	case r.Query != nil && r.Query.SetOp == nil:
		if src := visibleTarget(r.Query, v.Col); src != nil {
			t.Table, t.Col = src.Table, src.Col
		}
	}
}

func visibleTarget(q *Query, i int) *Target {
	for k := range q.Targets {
		if q.Targets[k].Junk {
			continue
		}
		if i == 0 {
			return &q.Targets[k]
		}
		i--
	}
	return nil
}
