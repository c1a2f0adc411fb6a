package querygen

import "strings"

// groupBy is a GROUP BY clause over the keys; sets tells that it has grouping sets, so that a key may be NULL for not being
// grouped by.
func (g *generator) groupBy(keys []*Node) (clause *Node, sets bool) {
	by := list(1, ", ", keys...)
	if !g.chance(45) {
		return text(" GROUP BY ", by), false
	}
	one := func() *Node {
		switch g.IntN(4) {
		case 0:
			return text("ROLLUP (", by, ")")
		case 1:
			return text("CUBE (", by, ")")
		case 2:
			return text("GROUPING SETS ((", by, "), ())")
		}
		each := list(1, ", ")
		for range 1 + g.IntN(3) {
			set := []any{"("}
			for i, k := range keys[:g.IntN(len(keys)+1)] {
				if i > 0 {
					set = append(set, ", ")
				}
				set = append(set, k)
			}
			each.parts = append(each.parts, text(append(set, ")")...))
		}
		for _, k := range keys { // each key is grouped by somewhere
			each.parts = append(each.parts, text("(", k, ")"))
		}
		return text("GROUPING SETS (", each, ")")
	}
	switch g.IntN(5) {
	case 0:
		return text(" GROUP BY (), ", one()), true
	case 1:
		return text(" GROUP BY ", by, ", ", one()), true
	case 2:
		return text(" GROUP BY ", pick(g, []string{"", "DISTINCT ", "ALL "}), one(), ", ", one()), true
	}
	return text(" GROUP BY ", one()), true
}

// orderedSet is an ordered-set aggregate of type t over the rows in scope; nil: there is none of the type.
func (g *generator) orderedSet(t Type, items []*fromItem) *Node {
	fraction := pick(g, []string{"0", "0.25", "0.5", "1"})
	scope := g.scope
	g.scope = items
	defer func() { g.scope = scope }()
	of := func(t Type) *Node { return g.expr(t, 1) }
	desc := pick(g, []string{"", " DESC"})
	switch {
	case t == "float8" && g.chance(50):
		return expr(t, "percentile_cont(", fraction, ") WITHIN GROUP (ORDER BY ", of("int4"), desc, ")", g.filter(1))
	case t == "int8" && g.chance(60):
		of1 := pick(g, []Type{"int4", "text", "bool", "date"})
		return expr(t, pick(g, []string{"rank", "dense_rank"}), "(", g.literal(of1), ") WITHIN GROUP (ORDER BY ", of(of1), desc, ")", g.filter(1))
	case t == "int4" || t == "text" || t == "date" || t == "int8" || t == "bool":
		if g.chance(50) {
			return expr(t, "mode() WITHIN GROUP (ORDER BY ", of(t), desc, ")", g.filter(1))
		}
		return expr(t, "percentile_disc(", fraction, ") WITHIN GROUP (ORDER BY ", of(t), desc, ")", g.filter(1))
	}
	return nil
}

// overGroups is a window function over the groups of a query, whose order is that of all keys.
func (g *generator) overGroups(t Type, keys []*Node) *Node {
	if len(keys) == 0 || t != "int8" {
		return nil
	}
	by := []any{}
	for i, k := range keys {
		if i > 0 {
			by = append(by, ", ")
		}
		by = append(by, k)
	}
	frame := ""
	call := pick(g, []string{"rank()", "dense_rank()", "sum(count(*))", "count(*)"})
	if strings.HasPrefix(call, "sum") && g.chance(50) {
		frame = " GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW"
	}
	return expr(t, call, text(append(append([]any{" OVER (ORDER BY "}, by...), frame, ")")...), "::int8")
}
