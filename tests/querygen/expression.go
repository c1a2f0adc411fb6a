package querygen

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A generator makes one statement.
type generator struct {
	*rand.Rand
	catalog *Catalog
	aliases int
	// careful: no producers that fail for some of their arguments. Of a query over rows, which row's error comes first
	// is open, so such a query is made of what does not fail.
	careful bool
	// scope are the FROM items whose columns an expression may read, the enclosing queries' first.
	scope []*fromItem
	// keys, when not nil, are all that expressions may read: the query is grouped by them.
	keys []*Node
	// subqueries is how many levels of subqueries may still be opened.
	subqueries int
}

// A fromItem is a table, subquery or function in FROM with its alias.
type fromItem struct {
	alias   string
	columns []Column
}

func newGenerator(c *Catalog, seed, number uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, number)), catalog: c, subqueries: 2}
}

func pick[T any](g *generator, from []T) T { return from[g.IntN(len(from))] }

// chance is true in percent of the cases.
func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) alias(prefix string) string {
	g.aliases++
	return fmt.Sprintf("%s%d", prefix, g.aliases)
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// literal is a constant of type t; ordinary ones are as likely as the edges.
func (g *generator) literal(t Type) *Node {
	from := literals[t]
	if g.chance(60) {
		from = from[:(len(from)+1)/2]
	}
	if g.chance(6) {
		return expr(t, "NULL::", string(t))
	}
	if (t == "int4" || t == "bool") && g.chance(70) {
		if v := pick(g, from); !strings.HasPrefix(v, "-") {
			return expr(t, v)
		}
	}
	if t == "numeric" && g.chance(50) {
		if v := pick(g, from); v[0] >= '0' && v[0] <= '9' {
			return expr(t, "(", v, ")::numeric")
		}
	}
	return expr(t, quote(pick(g, from)), "::", string(t))
}

// column is a reference to a column of type t in scope; nil: there is none.
func (g *generator) column(t Type) *Node {
	if g.keys != nil {
		var found []*Node
		for _, k := range g.keys {
			if k.typ == t {
				found = append(found, k)
			}
		}
		if len(found) == 0 {
			return nil
		}
		copied := *pick(g, found)
		return &copied
	}
	var found []string
	for _, f := range g.scope {
		for _, c := range f.columns {
			if c.typ == t {
				found = append(found, f.alias+"."+c.name)
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	return expr(t, pick(g, found))
}

// expr makes an expression of type t that is at most depth producers deep.
func (g *generator) expr(t Type, depth int) *Node {
	if depth <= 0 || g.chance(12) {
		if g.chance(75) {
			if c := g.column(t); c != nil {
				return c
			}
		}
		return g.literal(t)
	}
	switch n := g.IntN(100); {
	case n < 18:
		if c := g.column(t); c != nil {
			return c
		}
		return g.literal(t)
	case n < 30:
		return g.conditional(t, depth-1)
	case n < 36 && g.subqueries > 0 && len(g.scope) > 0:
		return g.scalarSubquery(t, depth-1)
	case t == "bool" && n < 66:
		return g.condition(depth)
	case n < 74:
		if e := g.syntax(t, depth); e != nil {
			return e
		}
	}
	if ps := g.producers(t); len(ps) > 0 {
		return g.produce(pick(g, ps), depth-1)
	}
	return g.literal(t)
}

// producers are those of type t that may be used here.
func (g *generator) producers(t Type) []*Producer {
	all := g.catalog.byType[t]
	if !g.careful {
		return all
	}
	var out []*Producer
	for _, p := range all {
		if p.total() {
			out = append(out, p)
		}
	}
	return out
}

// produce makes p's expression with arguments of its own.
func (g *generator) produce(p *Producer, depth int) *Node {
	var args []*Node
	for i, a := range p.args {
		args = append(args, g.argument(p, i, a, depth))
	}
	return p.call(args)
}

// argument is the i-th argument of p: where the function has words of its own, one of them as a rule.
func (g *generator) argument(p *Producer, i int, t Type, depth int) *Node {
	if w := words(p, i); w != nil && (g.careful || g.chance(90)) {
		return expr(t, quote(pick(g, w)), "::", string(t))
	}
	if small[p.name] && (t == "int4" || t == "int8" || t == "numeric" || t == "float8") {
		return expr(t, fmt.Sprintf("(%d)::%s", g.IntN(12)-3, t))
	}
	if transcendental.MatchString(p.name + "(") {
		return g.expr(t, 0) // of a result with a last digit of its own a steep function makes anything
	}
	return g.expr(t, depth)
}

// conditional is CASE, COALESCE, NULLIF, GREATEST or LEAST.
func (g *generator) conditional(t Type, depth int) *Node {
	e := func() *Node { return g.expr(t, depth) }
	switch n := g.IntN(5); {
	case n == 0:
		return expr(t, "COALESCE(", list(1, ", ", e(), e()), ")")
	case n == 1 && t != "json" && t != "jsonpath":
		return expr(t, "NULLIF(", e(), ", ", e(), ")")
	case n == 2 && t != "json" && t != "jsonpath" && (canonical[t] || !g.careful):
		return expr(t, pick(g, []string{"GREATEST", "LEAST"}), "(", list(1, ", ", e(), e(), e()), ")")
	case n == 3:
		of := pick(g, []Type{"int4", "text", "bool", "date"})
		return expr(t, "CASE ", g.expr(of, depth), list(1, "", text(" WHEN ", g.expr(of, depth), " THEN ", e()),
			text(" WHEN ", g.expr(of, depth), " THEN ", e())), option(" ELSE ", e()), " END")
	}
	return expr(t, "CASE", list(1, "", text(" WHEN ", g.expr("bool", depth), " THEN ", e()),
		text(" WHEN ", g.expr("bool", depth), " THEN ", e())), option(" ELSE ", e()), " END")
}

// comparable are types that conditions compare.
var comparable = []Type{"int4", "int4", "int2", "int8", "numeric", "text", "text", "varchar", "date", "timestamp", "timestamptz", "interval", "uuid", "bytea",
	"float8", "bool", "mood", "inet", "int4[]", "text[]", "time", "posint", "bpchar", "jsonb", "pair"}

// mixed are types that compare with one another by implicit casts.
var mixed = [][]Type{{"int2", "int4", "int8", "numeric", "float8", "float4"}, {"date", "timestamp", "timestamptz"}, {"text", "varchar"}, {"posint", "int4"}}

// condition is an expression of type bool by syntax of its own.
func (g *generator) condition(depth int) *Node {
	d := depth - 1
	t := pick(g, comparable)
	op := pick(g, []string{"=", "<>", "<", "<=", ">", ">="})
	not := pick(g, []string{"", "", "NOT "})
	switch g.IntN(15) {
	case 0:
		return expr("bool", "(", list(1, " AND ", g.expr("bool", d), g.expr("bool", d)), ")")
	case 1:
		return expr("bool", "(", list(1, " OR ", g.expr("bool", d), g.expr("bool", d)), ")")
	case 2:
		return expr("bool", "(NOT ", g.expr("bool", d), ")")
	case 3:
		return expr("bool", "(", g.expr(t, d), " IS ", not, "NULL)")
	case 4:
		return expr("bool", "(", g.expr("bool", d), " IS ", not, pick(g, []string{"TRUE", "FALSE", "UNKNOWN"}), ")")
	case 5:
		return expr("bool", "(", g.expr(t, d), " ", not, "IN (", list(1, ", ", g.expr(t, d), g.expr(t, d), g.expr(t, d)), "))")
	case 6:
		return expr("bool", "(", g.expr(t, d), " ", not, "BETWEEN ", pick(g, []string{"", "SYMMETRIC "}), g.expr(t, d), " AND ", g.expr(t, d), ")")
	case 7:
		return expr("bool", "(", g.expr(t, d), " IS ", not, "DISTINCT FROM ", g.expr(t, d), ")")
	case 8:
		return expr("bool", "(", g.expr("text", d), " ", not, pick(g, []string{"LIKE ", "ILIKE "}), quote(pick(g, patterns)), ")")
	case 9:
		u := pick(g, comparable)
		return expr("bool", "((", g.expr(t, d), ", ", g.expr(u, d), ") ", op, " (", g.expr(t, d), ", ", g.expr(u, d), "))")
	case 10, 11:
		if g.subqueries > 0 && len(g.scope) > 0 && g.keys == nil {
			return g.subqueryCondition(t, op, not, d)
		}
	case 12:
		if e := pick(g, []Type{"int4", "text", "numeric"}); literals[e+"[]"] != nil {
			return expr("bool", "(", g.expr(e, d), " ", op, " ", pick(g, []string{"ANY", "ALL"}), " (", g.expr(e+"[]", d), "))")
		}
	case 13:
		m := pick(g, mixed)
		return expr("bool", "(", g.expr(pick(g, m), d), " ", op, " ", g.expr(pick(g, m), d), ")")
	}
	return expr("bool", "(", g.expr(t, d), " ", op, " ", g.expr(t, d), ")")
}

// words are the texts that an argument of a function is chosen from; nil: any.
func words(p *Producer, i int) []string {
	if len(p.args) <= i || p.args[i] != "text" && p.args[i] != "name" {
		return nil
	}
	last := i == len(p.args)-1
	switch p.name {
	case "date_trunc", "date_part", "extract":
		if i == 0 {
			return timeFields
		}
		return zones
	case "timezone":
		return zones
	case "encode", "decode":
		return []string{"hex", "base64", "escape"}
	case "to_char", "to_date", "to_timestamp":
		if last && (p.args[0] == "interval" || strings.HasPrefix(string(p.args[0]), "timestamp") || p.name != "to_char") {
			if p.args[0] == "interval" {
				return []string{"YYYY-MM-DD HH24:MI:SS", "DD HH12:MI", "MS US SSSS", "FMYYYY FMMM"}
			}
			return []string{"YYYY-MM-DD HH24:MI:SS", "Day DD Mon YYYY", "HH12:MI AM", "YYYY\"x\"Q WW IW DDD", "FMMonth FMDD", "J", "US MS SSSS", "IYYY-ID", "CC BC", "DD/MM/YY"}
		}
		return []string{"999", "0000.00", "9,999.9", "S999", "999PR", "L9", "9.99EEEE", "RN", "FM999.99", "999MI", "999th", "V99", "SG9"}
	case "regexp_replace", "regexp_match", "regexp_matches", "regexp_split_to_array", "regexp_count", "regexp_instr", "regexp_like", "regexp_substr", "~", "!~", "~*", "!~*", "textregexeq", "texticregexeq":
		switch i {
		case 1:
			return regexps
		case 2, 3, 4, 5, 6:
			if last && len(p.args) > 2 && !(p.name == "regexp_replace" && i == 2) {
				return []string{"g", "i", "", "gi"}
			}
			return []string{`\1`, "x", `[\&]`, ""}
		}
	case "~~", "!~~", "~~*", "!~~*":
		if i == 1 {
			return patterns
		}
	case "format":
		if i == 0 {
			return []string{"%s", "%I", "%L|%s", "%%", "%10s|", "%-5s|", "%2$s", "x"}
		}
	case "convert_from", "convert_to", "length", "pg_char_to_encoding":
		if last && len(p.args) == 2 {
			return []string{"UTF8", "LATIN1"}
		}
	case "similar_to_escape", "like_escape", "similar_escape":
		if i == 1 {
			return []string{"", "#", `\`}
		}
	}
	return nil
}

var (
	timeFields = []string{"year", "month", "day", "hour", "minute", "second", "milliseconds", "microseconds", "week", "quarter", "decade", "century", "millennium", "epoch", "dow", "doy", "isodow", "isoyear", "julian", "timezone"}
	zones      = []string{"UTC", "Europe/Berlin", "America/New_York", "+02", "EST", "Asia/Kolkata"}
	patterns   = []string{"%", "a%", "%b%", "_", "a\\%b", "%o_W%", "", "abc"}
	regexps    = []string{"a", "b+", "^a", "(l+)(o)", "[[:alpha:]]+", "x?", "$", "(a|b)*c", `\d+`, `\mW`, "(?i)HELLO", "a.c", "[^a-z]"}
	// small functions get small numbers: a large one takes them minutes or gigabytes.
	small = map[string]bool{"generate_series": true, "power": true, "pow": true, "^": true, "exp": true, "round": true, "trunc": true, "make_interval": true, "bit": true, "varbit": true, "!": true, "numeric_power": true, "dpow": true, "lcm": true, "numeric_exp": true, "log": true, "ln": true}
)
