package main

import (
	"encoding/json"
	"regexp"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// node is a piece of a parse tree as JSON has it.
type node = map[string]any

var psqlVariable = regexp.MustCompile(`(^|[^:\w\]]):(?:'(\w+)'|"(\w+)"|([A-Za-z_]\w*))`)

// parseTree returns the statements of a unit as PostgreSQL's grammar sees them, or nil for text that is none. psql's
// variables count as what they stand for: a string, a name, a number.
func parseTree(sql string) []node {
	text, err := pg.ParseToJSON(sql)
	if err != nil {
		sql = psqlVariable.ReplaceAllStringFunc(sql, func(m string) string {
			p := psqlVariable.FindStringSubmatch(m)
			switch {
			case p[2] != "":
				return p[1] + "'" + p[2] + "'"
			case p[3] != "":
				return p[1] + `"` + p[3] + `"`
			}
			return p[1] + "1"
		})
		if text, err = pg.ParseToJSON(sql); err != nil {
			return nil
		}
	}
	var tree struct {
		Stmts []struct{ Stmt node }
	}
	if json.Unmarshal([]byte(text), &tree) != nil {
		return nil
	}
	var stmts []node
	for _, s := range tree.Stmts {
		stmts = append(stmts, s.Stmt)
	}
	return stmts
}

// kind returns the name of a statement's node and its fields.
func kind(stmt node) (string, node) {
	for k, v := range stmt {
		if fields, ok := v.(node); ok {
			return k, fields
		}
	}
	return "", nil
}

// walk calls f for every object of the tree, with the name under which it stands.
func walk(name string, v any, f func(name string, n node)) {
	switch v := v.(type) {
	case node:
		f(name, v)
		for k, c := range v {
			walk(k, c, f)
		}
	case []any:
		for _, c := range v {
			walk(name, c, f)
		}
	}
}

// text returns a string field.
func text(n node, field string) string {
	s, _ := n[field].(string)
	return s
}

// lastName returns the last part of a qualified name: a list of String nodes, or a List of them.
func lastName(v any) string {
	switch v := v.(type) {
	case []any:
		if len(v) > 0 {
			return lastName(v[len(v)-1])
		}
	case node:
		for _, k := range []string{"List", "TypeName", "ObjectWithArgs", "String"} {
			if inner, ok := v[k].(node); ok {
				v = inner
				break
			}
		}
		for _, k := range []string{"sval", "relname"} {
			if s := text(v, k); s != "" {
				return s
			}
		}
		for _, k := range []string{"items", "names", "objname"} {
			if l, ok := v[k]; ok {
				return lastName(l)
			}
		}
	}
	return ""
}

// orderOf says what of a result's order counts, by the statements of a unit and by what the names of cursors and prepared
// statements stand for.
func orderOf(stmts []node, named map[string]order) order {
	o := order{strict: true}
	for _, s := range stmts {
		one := orderOfStatement(s, named)
		if !one.strict {
			o.strict = false
		}
		o.keys = append(o.keys, one.keys...)
		o.lines = o.lines || one.lines
	}
	return o
}

func orderOfStatement(s node, named map[string]order) order {
	k, f := kind(s)
	switch k {
	case "SelectStmt":
		return orderOfQuery(f)
	case "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt":
		return order{}
	case "CopyStmt":
		o := order{}
		if q, ok := f["query"].(node); ok {
			o = orderOfStatement(q, named)
		}
		o.lines, o.keys = !o.strict, nil
		return o
	case "PrepareStmt", "DeclareCursorStmt":
		if q, ok := f["query"].(node); ok {
			named[text(f, "name")+text(f, "portalname")] = orderOfStatement(q, named)
		}
	case "ExecuteStmt":
		if o, ok := named[text(f, "name")]; ok {
			return o
		}
	case "FetchStmt":
		if o, ok := named[text(f, "portalname")]; ok {
			return o
		}
	}
	return order{strict: true}
}

// orderOfQuery reads ORDER BY. Without it the order is free, with it only where the rows differ in it.
func orderOfQuery(f node) order {
	list, _ := f["sortClause"].([]any)
	if len(list) == 0 {
		return order{}
	}
	o := order{strict: true}
	for _, e := range list {
		by, _ := e.(node)["SortBy"].(node)
		key := sortKey(by["node"])
		if key == "" {
			return order{strict: true}
		}
		o.keys = append(o.keys, key)
	}
	return o
}

// sortKey returns an output column's name, its position as digits, or nothing for an expression.
func sortKey(v any) string {
	n, _ := v.(node)
	if ref, ok := n["ColumnRef"].(node); ok {
		return lastName(ref["fields"])
	}
	if c, ok := n["A_Const"].(node); ok {
		if i, ok := c["ival"].(node); ok {
			if x, ok := i["ival"].(float64); ok {
				return strings.TrimSuffix(jsonNumber(x), ".0")
			}
		}
	}
	return ""
}

func jsonNumber(x float64) string {
	b, _ := json.Marshal(x)
	return string(b)
}
