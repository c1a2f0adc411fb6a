package utility

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// expression analyses an expression of the statement and makes its stored form: its own source text, in which relation
// names given to nextval and other regclass arguments are replaced by OIDs.
func (e *Env) expression(x parse.Expr, text string, scope sema.ExprScope) (*ddl.Expression, expr.Node, error) {
	env := e.sema()
	node, err := sema.AnalyzeExpr(x, scope, env)
	if err != nil {
		return nil, nil, err
	}
	out := &ddl.Expression{Text: strings.TrimSpace(text)}
	if text == "" {
		out.Text = parse.Deparse(x)
	}
	if err = e.bindNames(out, scope); err != nil {
		return nil, nil, err
	}
	expr.Walk(node, func(n expr.Node) bool {
		if v, ok := n.(*expr.Var); ok && scope.Table != nil && v.Col < len(scope.Table.Columns) {
			if name := scope.Table.Columns[v.Col].Name; !slices.Contains(out.Columns, name) {
				out.Columns = append(out.Columns, name)
			}
		}
		return true
	})
	return out, node, nil
}

// bindNames makes an expression's text independent of names: literals that were read as regclass values are replaced by the
// relations' OIDs, types and labels of users by references. It lists the sequences and types.
func (e *Env) bindNames(x *ddl.Expression, scope sema.ExprScope) error {
	text := x.Text
	tree, err := parse.ParseExpr(text)
	if err != nil {
		return err
	}
	env := e.sema()
	env.Text, env.AsWritten = text, true
	node, err := sema.AnalyzeExpr(tree, scope, env)
	if err != nil {
		return err
	}
	edits, used := e.typeEdits(tree, text, env)
	edits = append(edits, unqualify(tree, text)...)
	x.Types = used
	expr.Walk(node, func(n expr.Node) bool {
		if change, oid, ok := callEdit(n, text); ok {
			if edits = addEdit(edits, change); !slices.Contains(x.Functions, oid) {
				x.Functions = append(x.Functions, oid)
			}
		}
		if oid := operatorDep(n); oid != 0 && !slices.Contains(x.Functions, oid) {
			x.Functions = append(x.Functions, oid)
		}
		k, ok := n.(*expr.Const)
		if !ok {
			return true
		}
		if change, ok := enumEdit(k, text); ok {
			edits = append(edits, change)
			x.Types = addType(x.Types, k.Type)
		}
		if k.Type.Oid != types.RegclassOid || k.Value.IsNull() || k.Loc < 0 || k.Loc >= len(text) {
			return true
		}
		oid := catalog.Oid(k.Value.Int())
		if env.Catalog.Sequence(oid) != nil && !slices.Contains(x.Sequences, oid) {
			x.Sequences = append(x.Sequences, oid)
		}
		if _, known := env.Catalog.RelationByOID(oid); known && text[k.Loc] == '\'' {
			edits = append(edits, edit{k.Loc, literalLen(text[k.Loc:]), "'" + strconv.Itoa(int(oid)) + "'"})
		}
		return true
	})
	x.Text = applyEdits(text, edits)
	return nil
}

// unqualify takes the table's name off references to its columns, so that it may be renamed and moved.
func unqualify(tree any, text string) (edits []edit) {
	walkTree(tree, func(n any) {
		c, ok := n.(*parse.ColumnRef)
		if !ok || len(c.Fields) < 2 || c.Loc() < 0 || c.Loc() >= len(text) {
			return
		}
		edits = append(edits, edit{c.Loc(), qualifierLen(text[c.Loc():], len(c.Fields)-1), ""})
	})
	return edits
}

// literalLen returns the length of the quoted literal at the start of s, quotes included.
func literalLen(s string) int {
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			i++
			continue
		}
		return i + 1
	}
	return len(s)
}

// constant evaluates an expression that is no column's value but one for all rows; ok is false when it is volatile.
func (e *Env) constant(node expr.Node) (text string, isNull, ok bool, err error) {
	if expr.ContainsVolatile(node) {
		return "", false, false, nil
	}
	c, err := expr.Compile(node, nil)
	if err != nil {
		return "", false, false, err
	}
	eval := e.Eval
	if eval == nil {
		eval = &expr.EvalContext{IOEnv: e.IOEnv}
	}
	d, err := c.EvalRow(eval, nil)
	if err != nil || d.IsNull() {
		return "", true, true, err
	}
	return string(types.AppendText(nil, node.ResultType().Oid, d, types.DefaultIOEnv)), false, true, nil
}

// Expressions implements ddl.Expressions.
type Expressions struct{}

// RenameColumn implements ddl.Expressions: it edits the column references in the text where they stand.
func (Expressions) RenameColumn(text, old, new string) (string, error) {
	tree, err := parse.ParseExpr(text)
	if err != nil {
		return "", err
	}
	var locs []int
	walkTree(tree, func(n any) {
		if c, ok := n.(*parse.ColumnRef); ok && len(c.Fields) > 0 && c.Fields.Last() == old {
			locs = append(locs, c.Loc()+qualifierLen(text[c.Loc():], len(c.Fields)-1))
		}
	})
	slices.Sort(locs)
	slices.Reverse(locs)
	for _, l := range slices.Compact(locs) {
		n := identLen(text[l:])
		if n == 0 {
			return "", pgerr.Internal("no column name at %d of %q", l, text)
		}
		text = text[:l] + catalog.QuoteIdent(new) + text[l+n:]
	}
	return text, nil
}

// IndexType implements ddl.Expressions.
func (Expressions) IndexType(snap *catalog.Snapshot, t *catalog.Table, text string, predicate bool) (types.Type, string, error) {
	tree, err := parse.ParseExpr(text)
	if err != nil {
		return types.Type{}, "", err
	}
	kind := sema.IndexExpr
	if predicate {
		kind = sema.PredicateExpr
	}
	n, err := sema.AnalyzeExpr(tree, sema.ExprScope{Kind: kind, Table: t},
		&sema.Env{Catalog: snap, SearchPath: []string{catalog.PublicName}, NoParams: true})
	if err != nil {
		return types.Type{}, "", err
	}
	if expr.ContainsMutable(n) {
		return types.Type{}, "", errMutableIndex(kind)
	}
	return n.ResultType(), sema.FigureName(tree), nil
}

// errMutableIndex refuses functions whose results may change.
func errMutableIndex(kind sema.ExprKind) error {
	what := "expression"
	if kind == sema.PredicateExpr {
		what = "predicate"
	}
	return pgerr.New(pgerr.InvalidObjectDefinition, "functions in index %s must be marked IMMUTABLE", what)
}

// Same implements ddl.Expressions.
func (Expressions) Same(a, b string) bool {
	if a == b {
		return true
	}
	x, err := parse.ParseExpr(a)
	if err != nil {
		return false
	}
	y, err := parse.ParseExpr(b)
	return err == nil && parse.Equal(x, y)
}

// identLen returns the length of the identifier at the start of s.
func identLen(s string) int {
	if s != "" && s[0] == '"' {
		for i := 1; i < len(s); i++ {
			if s[i] == '"' {
				if i+1 < len(s) && s[i+1] == '"' {
					i++
					continue
				}
				return i + 1
			}
		}
		return 0
	}
	i := 0
	for i < len(s) && (s[i] == '_' || s[i] == '$' || s[i] >= 0x80 ||
		s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z') {
		i++
	}
	return i
}

// qualifierLen returns the length of n qualifiers with their dots at the start of s.
func qualifierLen(s string, n int) int {
	at := 0
	for ; n > 0; n-- {
		at += identLen(s[at:])
		for at < len(s) && (s[at] == ' ' || s[at] == '.') {
			at++
		}
	}
	return at
}
