package querygen

import "fmt"

// syntax makes an expression of type t by syntax of its own: constructors, subscripts, fields, and what the standard spells
// with keywords; nil: there is none of the type.
func (g *generator) syntax(t Type, depth int) *Node {
	d := depth - 1
	e := func(t Type) *Node { return g.expr(t, d) }
	small := func() string { return fmt.Sprint(g.IntN(5)) }
	switch t {
	case "int4", "text":
		switch g.IntN(4) {
		case 0:
			return expr(t, "(", e(t+"[]"), ")[", small(), "]")
		case 1:
			return expr(t, "(", e("pair"), ").", map[Type]string{"int4": "x", "text": "y"}[t])
		}
		if t == "int4" {
			return expr(t, "POSITION(", e("text"), " IN ", e("text"), ")")
		}
		return g.keywordText(e, small)
	case "int4[]", "text[]":
		of := t[:len(t)-2]
		switch g.IntN(3) {
		case 0:
			return expr(t, "(", e(t), ")[", small(), ":", pick(g, []string{"", "1", "2", "3"}), "]")
		case 1:
			if g.subqueries > 0 && len(g.scope) > 0 && g.keys == nil {
				return g.arraySubquery(t, of, d)
			}
		}
		return expr(t, "ARRAY[", list(1, ", ", e(of), e(of), e(of)), "]::", string(t))
	case "numeric":
		of := pick(g, []Type{"date", "timestamp", "timestamptz", "interval", "time"})
		fields := []string{"hour", "minute", "second", "microseconds"}
		switch of {
		case "date":
			fields = []string{"year", "month", "day", "dow", "doy", "week", "quarter", "isoyear", "century", "julian"}
		case "timestamp", "timestamptz", "interval":
			fields = append(fields, "year", "month", "day", "quarter", "decade", "epoch")
		}
		return expr(t, "EXTRACT(", pick(g, fields), " FROM ", e(of), ")")
	case "timestamp", "timestamptz":
		other := map[Type]Type{"timestamp": "timestamptz", "timestamptz": "timestamp"}[t]
		if g.careful { // at the ends of time only this zone stays within
			return expr(t, "(", e(other), " AT TIME ZONE 'UTC')")
		}
		return expr(t, "(", e(other), " AT TIME ZONE ", quote(pick(g, zones)), ")")
	case "pair":
		return expr(t, "ROW(", e("int4"), ", ", e("text"), ")::pair")
	case "jsonb":
		return expr(t, "(", e(t), ")[", pick(g, []string{"'a'", "0", "'b'", "-1"}), "]")
	case "bool":
		return g.rowTest(e)
	}
	return nil
}

// keywordText is a function of text that the standard spells with keywords.
func (g *generator) keywordText(e func(Type) *Node, small func() string) *Node {
	switch g.IntN(4) {
	case 0:
		return expr("text", "SUBSTRING(", e("text"), " FROM ", small(), " FOR ", small(), ")")
	case 1:
		return expr("text", "OVERLAY(", e("text"), " PLACING ", e("text"), " FROM ", fmt.Sprint(1+g.IntN(3)), option(" FOR ", small()), ")")
	case 2:
		return expr("text", "TRIM(", pick(g, []string{"BOTH", "LEADING", "TRAILING"}), " ", e("text"), " FROM ", e("text"), ")")
	}
	return expr("text", "(", e("text"), ` COLLATE "C")`)
}

// rowTest is a test of rows.
func (g *generator) rowTest(e func(Type) *Node) *Node {
	t, u := pick(g, comparable), pick(g, comparable)
	not := pick(g, []string{"", "NOT "})
	switch g.IntN(5) {
	case 0:
		return expr("bool", "(ROW(", e(t), ", ", e(u), ") IS ", not, "DISTINCT FROM ROW(", e(t), ", ", e(u), "))")
	case 1:
		return expr("bool", "(ROW(", e(t), ", ", e(u), ") IS ", not, "NULL)")
	case 2:
		return expr("bool", "(", e("pair"), " IS ", not, "NULL)")
	case 3:
		return expr("bool", "((", e(t), ", ", e(u), ") ", not, "IN ((", e(t), ", ", e(u), "), (", e(t), ", ", e(u), ")))")
	}
	return expr("bool", "(", e("text"), " ", not, pick(g, []string{"LIKE", "ILIKE"}), " ", pick(g, []string{"ANY", "ALL"}), " (ARRAY[",
		list(1, ", ", text(quote(pick(g, patterns))), text(quote(pick(g, patterns)))), "]))")
}

// arraySubquery is ARRAY(SELECT …) in a stated order.
func (g *generator) arraySubquery(t, of Type, depth int) *Node {
	g.subqueries--
	defer func() { g.subqueries++ }()
	from, items := g.from(1)
	return g.within(items, func() *Node {
		return expr(t, "ARRAY(SELECT ", g.expr(of, depth), " FROM ", from, option(" WHERE ", g.expr("bool", depth)), " ORDER BY ", g.order(items), ")")
	})
}
