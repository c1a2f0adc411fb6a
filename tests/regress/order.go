package main

import "slices"

// inRowOrder are functions whose result hangs on the order in which rows come to them.
var inRowOrder = map[string]bool{
	"array_agg": true, "string_agg": true, "json_agg": true, "jsonb_agg": true, "json_object_agg": true, "jsonb_object_agg": true,
	"xmlagg": true,
}

// inWindowOrder are window functions that number or pick rows.
var inWindowOrder = map[string]bool{
	"row_number": true, "ntile": true, "lag": true, "lead": true, "first_value": true, "last_value": true, "nth_value": true,
}

// frameByRows is FRAMEOPTION_ROWS of PostgreSQL's parsenodes.h.
const frameByRows = 0x4

// choosesByOrder reports whether the rows of a statement, not only their order, hang on the order in which a table is
// scanned: nothing in the statement says it. LIMIT or DISTINCT ON without ORDER BY; array_agg and its kind without; a window
// without ORDER BY that counts rows. A single subquery with ORDER BY as FROM does say it, and so do VALUES and functions.
func choosesByOrder(stmt node) bool {
	var ctes []string
	walk("", stmt, func(_ string, n node) {
		if c := text(n, "ctename"); c != "" {
			ctes = append(ctes, c)
		}
	})
	chooses := false
	walk("", stmt, func(_ string, n node) {
		if n["targetList"] == nil && n["larg"] == nil || !scans(n, ctes) {
			return
		}
		if n["sortClause"] == nil && (n["limitCount"] != nil && !isZero(n["limitCount"]) || n["limitOffset"] != nil || picksDistinct(n)) {
			chooses = true
		}
		for _, t := range list(n["targetList"]) {
			if countsRows(t, list(n["windowClause"])) {
				chooses = true
			}
		}
	})
	return chooses
}

// isZero recognises LIMIT 0, whose rows are the same in any order.
func isZero(v any) bool {
	n, _ := v.(node)
	c, _ := n["A_Const"].(node)
	i, ok := c["ival"].(node)
	return ok && i["ival"] == nil
}

// picksDistinct recognises DISTINCT ON: a plain DISTINCT has an empty expression.
func picksDistinct(n node) bool {
	for _, d := range list(n["distinctClause"]) {
		if len(d.(node)) > 0 {
			return true
		}
	}
	return false
}

// scans reports whether a SELECT reads a table in its FROM in the table's own order.
func scans(n node, ctes []string) bool {
	from := list(n["fromClause"])
	if len(from) == 1 {
		if sub, ok := from[0].(node)["RangeSubselect"].(node); ok {
			if q, ok := sub["subquery"].(node); ok {
				if s, ok := q["SelectStmt"].(node); ok && s["sortClause"] != nil {
					return false
				}
			}
		}
	}
	found := false
	look := func(_ string, m node) {
		if r := text(m, "relname"); r != "" && !slices.Contains(ctes, r) {
			found = true
		}
	}
	walk("", n["fromClause"], look)
	for _, arm := range []string{"larg", "rarg"} {
		walk("", n[arm], look)
	}
	return found
}

func countsRows(target any, windows []any) bool {
	counts := false
	walk("", target, func(name string, f node) {
		if name == "SelectStmt" || f["funcname"] == nil {
			return
		}
		fn := lastName(f["funcname"])
		over, windowed := f["over"].(node)
		if !windowed {
			counts = counts || inRowOrder[fn] && f["agg_order"] == nil
			return
		}
		if ref := text(over, "name") + text(over, "refname"); ref != "" {
			for _, w := range windows {
				if d, ok := w.(node)["WindowDef"].(node); ok && text(d, "name") == ref && d["orderClause"] != nil {
					return
				}
			}
		}
		options, _ := over["frameOptions"].(float64)
		if over["orderClause"] == nil && (inWindowOrder[fn] || inRowOrder[fn] || int(options)&frameByRows != 0) {
			counts = true
		}
	})
	return counts
}
