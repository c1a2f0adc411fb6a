package utility

import (
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// RenameTable implements ddl.Expressions. References to columns are stored without the table's name, so that whole rows are
// all that names it.
func (Expressions) RenameTable(text string, t *catalog.Table, to string) (string, error) {
	tree, err := parse.ParseExpr(text)
	if err != nil {
		return "", err
	}
	var edits []edit
	walkTree(tree, func(n any) {
		c, ok := n.(*parse.ColumnRef)
		if ok && len(c.Fields) == 1 && c.Fields[0] == t.Name && (c.Star || t.ColumnByName(t.Name) == nil) {
			edits = append(edits, edit{c.Loc(), identLen(text[c.Loc():]), catalog.QuoteIdent(to)})
		}
	})
	return applyEdits(text, edits), nil
}

// RenameAttribute implements ddl.Expressions. The syntax tree does not say where a selected attribute is named: each place
// that may be one is tried, and the right ones are those with which the text means by the new catalog what it meant by the
// old.
func (Expressions) RenameAttribute(old, new *catalog.Snapshot, t *catalog.Table, value types.Type, text, from, to string) (string, error) {
	places := attributePlaces(text, from)
	if len(places) == 0 {
		return text, nil
	}
	was, err := meaning(old, t, value, text)
	if err != nil {
		return text, nil // a text that no longer means anything stays what it is
	}
	means := func(text string) bool {
		n, err := meaning(new, t, value, text)
		return err == nil && expr.Equal(was, n)
	}
	if means(text) {
		return text, nil
	}
	var edits []edit
	for _, at := range places {
		edits = append(edits, edit{at, identLen(text[at:]), catalog.QuoteIdent(to)})
	}
	if all := applyEdits(text, slices.Clone(edits)); means(all) {
		return all, nil
	}
	for _, e := range edits {
		if one := applyEdits(text, []edit{e}); means(one) {
			return one, nil
		}
	}
	return "", pgerr.NotSupported("renaming an attribute that a stored expression selects next to another of that name")
}

// meaning analyses a stored expression over a table, or a domain's over VALUE.
func meaning(snap *catalog.Snapshot, t *catalog.Table, value types.Type, text string) (expr.Node, error) {
	tree, err := parse.ParseExpr(text)
	if err != nil {
		return nil, err
	}
	env := &sema.Env{Catalog: snap, SearchPath: []string{catalog.PublicName}, NoParams: true}
	scope := sema.ExprScope{Kind: sema.IndexExpr, Table: t}
	if value.Oid != 0 {
		scope = sema.ExprScope{Kind: sema.DomainCheckExpr, Type: value}
	}
	return sema.AnalyzeExpr(tree, scope, env)
}

// attributePlaces finds where a name follows a dot behind a parenthesis, a bracket or another name.
func attributePlaces(text, name string) (out []int) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'':
			i += literalLen(text[i:]) - 1
		case c == '.':
			at := i + 1
			for at < len(text) && text[at] == ' ' {
				at++
			}
			if n := identLen(text[at:]); n > 0 && identValue(text[at:at+n]) == name {
				out = append(out, at)
			}
		case c == '"':
			i += max(identLen(text[i:])-1, 0)
		}
	}
	return out
}

// identValue is what an identifier's text stands for.
func identValue(s string) string {
	if strings.HasPrefix(s, `"`) {
		return strings.ReplaceAll(s[1:len(s)-1], `""`, `"`)
	}
	return strings.ToLower(s)
}
