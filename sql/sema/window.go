package sema

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Window is a window of a query: an entry of its WINDOW clause, or what an OVER clause says.
type Window struct {
	Name, Refname string // "" for none
	Partition     []expr.Node
	OrderBy       []expr.SortKey
	// OrderCopied says that OrderBy is that of the window Refname.
	OrderCopied bool
	// Frame is made of parse.Frame bits. Start and End are the offsets of bounds that have one.
	Frame      int
	Start, End expr.Node
}

// Frame bits that come in pairs.
const (
	FrameStartOffset = parse.FrameStartOffsetPreceding | parse.FrameStartOffsetFollowing
	FrameEndOffset   = parse.FrameEndOffsetPreceding | parse.FrameEndOffsetFollowing
	FrameExclusion   = parse.FrameExcludeCurrentRow | parse.FrameExcludeGroup | parse.FrameExcludeTies
)

// noWindows is why window functions are not allowed, "" where they are.
func (c clause) noWindows() string {
	switch c {
	case inSelect, inOrderBy, inDistinctOn:
		return ""
	case inJoinOn:
		return "window functions are not allowed in JOIN conditions"
	case inFromFunction:
		return "window functions are not allowed in functions in FROM"
	case inDefault:
		return "window functions are not allowed in DEFAULT expressions"
	case inCheck:
		return "window functions are not allowed in check constraints"
	case inIndex:
		return "window functions are not allowed in index expressions"
	case inPredicate:
		return "window functions are not allowed in index predicates"
	case inPartitionKey:
		return "window functions are not allowed in partition key expressions"
	case inPartitionBound:
		return "window functions are not allowed in partition bound"
	case inGenerated:
		return "window functions are not allowed in column generation expressions"
	case inTransform:
		return "window functions are not allowed in transform expressions"
	case inExecute:
		return "window functions are not allowed in EXECUTE parameters"
	case inCall:
		return "window functions are not allowed in CALL arguments"
	case inCopyWhere:
		return "window functions are not allowed in COPY FROM WHERE conditions"
	case inTriggerWhen:
		return "window functions are not allowed in trigger WHEN conditions"
	case inWindowPartition, inWindowOrder, inFrameRange, inFrameRows, inFrameGroups:
		return "window functions are not allowed in window definitions"
	}
	if n := c.name(); n != "" {
		return "window functions are not allowed in " + n
	}
	return "window functions are not allowed here"
}

// windowFunc analyses a call with OVER, its arguments analysed already.
func (s *scope) windowFunc(f *parse.FuncCall, r *expr.Resolved, args []expr.Node) (expr.Node, error) {
	loc := f.Loc()
	n := &expr.WindowFunc{Fn: r.Window, Agg: r.Agg, Star: f.AggStar, Loc: loc}
	if r.Agg != nil && !r.Agg.Supported() {
		return nil, s.unsupported(loc, "aggregate "+expr.Signature(r.Agg.Name, r.Agg.Args))
	}
	if u := aggregateDef(r); u != nil && u.FinalModifies {
		return nil, pgerr.New(pgerr.FeatureNotSupported, "aggregate function %s does not support use as a window function",
			s.env.Catalog.FunctionSignature(s.env.SearchPath, s.env.Catalog.Function(u.Oid)))
	}
	args, result, err := s.aggregateArgs(f, r, args)
	if err != nil {
		return nil, err
	}
	n.Args, n.Type = args, result
	switch {
	case f.AggDistinct:
		return nil, s.errorf(loc, pgerr.FeatureNotSupported, "DISTINCT is not implemented for window functions")
	case r.Agg != nil && len(args) == 0 && !f.AggStar:
		return nil, s.errorf(loc, pgerr.WrongObjectType, "%s(*) must be used to call a parameterless aggregate function", f.Name.String())
	case len(f.AggOrder) > 0:
		return nil, s.errorf(loc, pgerr.FeatureNotSupported, "aggregate ORDER BY is not implemented for window functions")
	case r.Agg == nil && f.AggFilter != nil:
		return nil, s.errorf(loc, pgerr.FeatureNotSupported, "FILTER is not implemented for non-aggregate window functions")
	}
	for _, a := range args {
		if set := containsSet(a); set != nil {
			return nil, s.at(set.Loc, pgerr.New(pgerr.FeatureNotSupported, "window function calls cannot contain set-returning function calls").
				WithHint("You might be able to move the set-returning function into a LATERAL FROM item."))
		}
		if w := containsWindow(a); w != nil {
			return nil, s.errorf(w.Loc, pgerr.WindowingError, "window function calls cannot be nested")
		}
	}
	if f.AggFilter != nil {
		done := s.in(inFilter)
		n.Filter, err = s.boolExpr(f.AggFilter, "FILTER")
		done()
		if err != nil {
			return nil, err
		}
	}
	if why := s.clause.noWindows(); why != "" {
		return nil, s.errorf(loc, pgerr.WindowingError, "%s", why)
	}
	s.q.HasWindows = true
	n.Window, err = s.windowOf(f.Over)
	return n, err
}

// windowOf finds the window that an OVER clause means, or adds it to those to be analysed.
func (s *scope) windowOf(d *parse.WindowDef) (int, error) {
	if d.Name != "" {
		for i, w := range s.windows {
			if w.Name == d.Name {
				return i, nil
			}
		}
		return 0, s.errorf(d.Loc(), pgerr.UndefinedObject, "window %q does not exist", d.Name)
	}
	for i, w := range s.windows {
		if w.Refname == d.Refname && w.FrameOptions == d.FrameOptions && parse.Equal(w.Partition, d.Partition) &&
			parse.Equal(w.Order, d.Order) && parse.Equal(w.StartOffset, d.StartOffset) && parse.Equal(w.EndOffset, d.EndOffset) {
			return i, nil
		}
	}
	s.windows = append(s.windows, d)
	return len(s.windows) - 1, nil
}

// windowClause analyses all windows, once everything that may use one has been.
func (s *scope) windowClause() error {
	for _, d := range s.windows {
		w, err := s.window(d)
		if err != nil {
			return err
		}
		s.q.Windows = append(s.q.Windows, w)
	}
	return nil
}

func (s *scope) findWindow(name string) *Window {
	for i := range s.q.Windows {
		if s.q.Windows[i].Name == name {
			return &s.q.Windows[i]
		}
	}
	return nil
}

func (s *scope) window(d *parse.WindowDef) (Window, error) {
	w := Window{Name: d.Name, Refname: d.Refname, Frame: d.FrameOptions}
	fail := func(code, format string, args ...any) (Window, error) {
		return w, s.errorf(d.Loc(), code, format, args...)
	}
	if d.Name != "" && s.findWindow(d.Name) != nil {
		return fail(pgerr.WindowingError, "window %q is already defined", d.Name)
	}
	var ref *Window
	if d.Refname != "" {
		if ref = s.findWindow(d.Refname); ref == nil {
			return fail(pgerr.UndefinedObject, "window %q does not exist", d.Refname)
		}
	}
	if err := s.windowKeys(&w, d); err != nil {
		return w, err
	}
	if ref != nil {
		switch {
		case len(w.Partition) > 0:
			return fail(pgerr.WindowingError, "cannot override PARTITION BY clause of window %q", d.Refname)
		case len(w.OrderBy) > 0 && len(ref.OrderBy) > 0:
			return fail(pgerr.WindowingError, "cannot override ORDER BY clause of window %q", d.Refname)
		case ref.Frame != parse.FrameDefaults:
			err := pgerr.New(pgerr.WindowingError, "cannot copy window %q because it has a frame clause", d.Refname)
			if d.Name == "" && len(w.OrderBy) == 0 && d.FrameOptions == parse.FrameDefaults {
				err = err.WithHint("Omit the parentheses in this OVER clause.")
			}
			return w, s.at(d.Loc(), err)
		}
		w.Partition = ref.Partition
		if len(w.OrderBy) == 0 {
			w.OrderBy, w.OrderCopied = ref.OrderBy, true
		}
	}
	if w.Frame&parse.FrameRange != 0 && w.Frame&(FrameStartOffset|FrameEndOffset) != 0 && len(w.OrderBy) != 1 {
		return fail(pgerr.WindowingError, "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column")
	}
	if w.Frame&parse.FrameGroups != 0 && len(w.OrderBy) == 0 {
		return fail(pgerr.WindowingError, "GROUPS mode requires an ORDER BY clause")
	}
	var err error
	if w.Start, err = s.frameOffset(&w, d.StartOffset); err != nil {
		return w, err
	}
	w.End, err = s.frameOffset(&w, d.EndOffset)
	return w, err
}

// windowKeys analyses PARTITION BY and ORDER BY, whose items are always expressions over the FROM clause.
func (s *scope) windowKeys(w *Window, d *parse.WindowDef) error {
	for _, sb := range d.Order {
		n, err := s.windowKey(sb.Node, inWindowOrder)
		if err != nil {
			return err
		}
		k := expr.SortKey{Expr: n}
		if k.Desc, k.NullsFirst, err = s.direction(sb, n); err != nil {
			return err
		}
		if !hasSortKey(w.OrderBy, n) {
			w.OrderBy = append(w.OrderBy, k)
		}
	}
	for _, e := range d.Partition {
		n, err := s.windowKey(e, inWindowPartition)
		if err != nil {
			return err
		}
		if t := oidOf(n); t != types.RecordOid && (expr.EqualityOf(t) == nil || expr.LessThanOf(t) == nil) {
			return s.at(locOf(n), noEquality(t))
		}
		dup := false
		for _, p := range w.Partition {
			dup = dup || expr.Equal(p, n)
		}
		if !dup {
			w.Partition = append(w.Partition, n)
		}
	}
	return nil
}

func hasSortKey(keys []expr.SortKey, n expr.Node) bool {
	for _, k := range keys {
		if expr.Equal(k.Expr, n) {
			return true
		}
	}
	return false
}

func (s *scope) windowKey(e parse.Expr, c clause) (expr.Node, error) {
	if r, ok := e.(*parse.RowExpr); ok && c == inWindowPartition && !r.Explicit && len(r.Args) == 1 {
		e = r.Args[0]
	}
	n, err := s.exprIn(e, c)
	if err != nil {
		return nil, err
	}
	return s.resolveUnknown(n)
}

// frameOffset analyses the offset of a frame's bound.
func (s *scope) frameOffset(w *Window, e parse.Expr) (expr.Node, error) {
	if e == nil {
		return nil, nil
	}
	c, to := inFrameRows, types.Int8Oid
	switch {
	case w.Frame&parse.FrameRange != 0:
		c = inFrameRange
	case w.Frame&parse.FrameGroups != 0:
		c = inFrameGroups
	}
	n, err := s.exprIn(e, c)
	if err != nil {
		return nil, err
	}
	construct := c.name()[len("window "):]
	if c == inFrameRange {
		if to, err = s.rangeOffsetType(oidOf(w.OrderBy[0].Expr), n); err != nil {
			return nil, err
		}
	}
	if n, err = s.coerceSpecific(n, to, construct); err != nil {
		return nil, err
	}
	var bad error
	walkVars(n, func(v *expr.Var, level int) {
		if level == 0 && bad == nil {
			bad = s.errorf(v.Loc, pgerr.InvalidColumnReference, "argument of %s must not contain variables", construct)
		}
	})
	return n, bad
}

// rangeOffsetType chooses the in_range function for a sort column and an offset, by the type of the latter.
func (s *scope) rangeOffsetType(column types.Oid, offset expr.Node) (types.Oid, error) {
	given := oidOf(offset)
	preferred := given
	if given == types.UnknownOid {
		preferred = column
	}
	all := expr.RangeOffsets(column)
	if all == nil {
		if column == types.VarcharOid {
			column = types.TextOid // the type that the operator family sorts
		}
		return 0, s.errorf(locOf(offset), pgerr.FeatureNotSupported, "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s", typeString(column))
	}
	var chosen types.Oid
	matches := 0
	for _, t := range all {
		if !expr.CanCoerce([]types.Oid{given}, []types.Oid{t}, types.Implicit) {
			continue
		}
		if matches++; chosen != preferred {
			chosen = t
		}
	}
	what := "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s and offset type %s"
	hint := "Cast the offset value to an appropriate type."
	switch {
	case matches == 0:
	case matches == 1 || chosen == preferred:
		return chosen, nil
	default:
		what = "RANGE with offset PRECEDING/FOLLOWING has multiple interpretations for column type %s and offset type %s"
		hint = "Cast the offset value to the exact intended type."
	}
	return 0, s.at(locOf(offset), pgerr.New(pgerr.FeatureNotSupported, what, typeString(column), typeString(given)).WithHint(hint))
}

func containsWindow(n expr.Node) (found *expr.WindowFunc) {
	expr.Walk(n, func(k expr.Node) bool {
		if w, ok := k.(*expr.WindowFunc); ok && found == nil {
			found = w
		}
		return found == nil
	})
	return found
}

func containsSet(n expr.Node) (found *expr.SetReturning) {
	expr.Walk(n, func(k expr.Node) bool {
		if f, ok := k.(*expr.SetReturning); ok && found == nil {
			found = f
		}
		return found == nil
	})
	return found
}
