package querygen

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Producer makes an expression of a type from expressions of other types.
type Producer struct {
	kind string // "function", "operator", "cast", "aggregate", "window" or "set"
	name string
	args []Type
	typ  Type
	// preferred: its arguments resolve to it without casts of theirs.
	variadic bool
}

// A Catalog has what the generator composes expressions from.
type Catalog struct {
	known      map[Type]bool        // types that have literals and that the subject supports
	byType     map[Type][]*Producer // functions, operators and casts
	aggregates map[Type][]*Producer
	windows    map[Type][]*Producer
	sets       []*Producer // set-returning functions
	all        []*Producer
	// unsupported are the producers that pgmqdb answers as unsupported or unknown.
	unsupported []string
}

// excluded are functions whose results are not a function of the arguments and the data, or that act on the server.
// Families of names end in an asterisk.
var excluded = []string{
	"pg_*", "current_*", "now", "transaction_timestamp", "statement_timestamp", "inet_client_*", "inet_server_*", "has_*", "version", "session_user",
	"ts_*", "to_regclass", "to_reg*", "obj_description", "col_description", "shobj_description", "txid_*", "query_to_*", "table_to_*", "cursor_to_*",
	"schema_to_*", "database_to_*", "row_security_active", "binary_upgrade_*", "lo_*", "lo*", "getdatabaseencoding", "format_type", "set_config", "setval",
	"nextval", "currval", "lastval", "age", // age(x) counts from today
	"hash*", "jsonb_hash*", "interval_hash*", "timestamp_hash*", "time_hash*", "timetz_hash*", "uuid_hash*", "numeric_hash*", "*hash", "*hashextended",
	"*_hash", "*_hash_extended", // the hash of a value is the server's own
	"*_support", "*_sortsupport", "*in", "*out", "*recv", "*send", "*typmodin", "*typmodout", "*sel", "*joinsel", "*_larger", "*_smaller", "*_accum*",
	"*_combine", "*_serialize", "*_deserialize", "*_transfn", "*_finalfn", "in_range", "gin*", "gist*", "spg_*", "brin*", "bt*", "array_typanalyze",
	"xml*", "makeaclitem", "acl*", "hasho*", "amvalidate", "RI_*", "suppress_*", "mxid_age", "pg_ls*", "cash_words", "inet_gist*", "range_gist*",
	"internal_*", "unique_key_recheck", "generate_subscripts", "*_inv", "fmgr_*", "char_length_support", "unknown*", "cstring*", "void*", "regexp_fixed_prefix",
	"enum_first", "enum_last", "enum_range", // on a NULL of the type, made by hand
	"repeat", "lpad", "rpad", "array_fill", // gigabytes at a large count
	"sleep", "icu_*", "normalize", "is_normalized", "unicode_*", "convert*", "timeofday", "clock_timestamp", "random", "setseed", "gen_random_uuid",
	"getpgusername", "currtid*", "dsimple_*", "dsnowball_*", "prsd_*", "tsvector_*", "websearch_*", "plainto_*", "phraseto_*", "to_ts*", "json_to_ts*", "jsonb_to_ts*",
	"index_*", "numeric_abbrev*", "loread", "nameconcatoid", "be_*", "oidvector*", "int2vector*", "array_unnest_support",
	"json_populate_record", "jsonb_populate_record", // of a row type, not of what any other polymorphic function takes
	"to_number", // a known fault: it takes its digits wherever they stand, and not where the template has them
	"factorial", // minutes at a large number
}

func isExcluded(name string) bool {
	for _, p := range excluded {
		switch {
		case strings.HasPrefix(p, "*") && strings.HasSuffix(name, p[1:]),
			strings.HasSuffix(p, "*") && strings.HasPrefix(name, p[:len(p)-1]), p == name:
			return name != "min" && name != "bin" && name != "asin" && name != "sin"
		}
	}
	return false
}

// shortNames are the names by which the literals and tables call types that format_type spells out.
var shortNames = map[string]Type{
	"boolean": "bool", "smallint": "int2", "integer": "int4", "bigint": "int8", "double precision": "float8", "real": "float4",
	"character varying": "varchar", "character": "bpchar", "time without time zone": "time", "time with time zone": "timetz",
	"timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz", "bit varying": "varbit",
	"integer[]": "int4[]", "bigint[]": "int8[]", "double precision[]": "float8[]",
}

func shortName(s string) Type {
	if t, ok := shortNames[s]; ok {
		return t
	}
	return Type(s)
}

// polymorphs are the assignments of polymorphic types that are made: element, array, and another range.
var polymorphs = []struct{ elem, array Type }{{"int4", "int4[]"}, {"text", "text[]"}, {"numeric", "numeric[]"}, {"jsonb", "jsonb[]"}}

const catalogQuery = `
SELECT kind, name, array_to_string(args, '|'), res, retset, var FROM (
 SELECT 'function'||prokind::text AS kind, proname::text AS name, (SELECT array_agg(format_type(a, NULL) ORDER BY i) FROM unnest(proargtypes) WITH ORDINALITY u(a, i)) AS args,
   format_type(prorettype, NULL) AS res, proretset AS retset, provariadic <> 0 AS var
 FROM pg_proc WHERE pronamespace = 11 AND provolatile IN ('i', 's') AND prokind IN ('f', 'a', 'w')
   AND oid NOT IN (SELECT aggfinalfn FROM pg_aggregate UNION SELECT aggtransfn FROM pg_aggregate) AND (prokind <> 'a' OR oid IN (SELECT aggfnoid FROM pg_aggregate WHERE aggkind = 'n'))
 UNION ALL
 SELECT 'operator', oprname::text, CASE WHEN oprleft = 0 THEN ARRAY[format_type(oprright, NULL)] ELSE ARRAY[format_type(oprleft, NULL), format_type(oprright, NULL)] END,
   format_type(oprresult, NULL), false, false FROM pg_operator WHERE oprcode <> 0
 UNION ALL
 SELECT 'cast', '', ARRAY[format_type(castsource, NULL)], format_type(casttarget, NULL), false, false FROM pg_cast
) x ORDER BY 1, 2, 3, 4`

// loadCatalog reads the oracle's functions, operators and casts of the types that have literals, and leaves out what the
// subject answers as unsupported.
func loadCatalog(ctx context.Context, oracle, subject *server) (*Catalog, error) {
	res, err := oracle.Exec(ctx, catalogQuery).ReadAll()
	if err != nil {
		return nil, err
	}
	known := map[Type]bool{}
	for t, values := range literals {
		o, err := run(ctx, subject, "SELECT "+quote(values[0])+"::"+string(t))
		if err != nil {
			return nil, err
		}
		known[t] = code(o) != "0A000" && code(o) != "42704"
	}
	c := &Catalog{known: known, byType: map[Type][]*Producer{}, aggregates: map[Type][]*Producer{}, windows: map[Type][]*Producer{}}
	for _, row := range res[0].Rows {
		p := &Producer{kind: string(row[0]), name: string(row[1]), typ: shortName(string(row[3])), variadic: string(row[5]) == "t"}
		if len(row[2]) > 0 {
			for a := range strings.SplitSeq(string(row[2]), "|") {
				p.args = append(p.args, shortName(a))
			}
		}
		set := string(row[4]) == "t"
		switch p.kind {
		case "functionf":
			p.kind = "function"
			if set {
				p.kind = "set"
			}
		case "functiona":
			p.kind = "aggregate"
		case "functionw":
			p.kind = "window"
		}
		if isExcluded(p.name) || p.makesBadText() {
			continue
		}
		for _, q := range instances(p) {
			c.add(q)
		}
	}
	for t := range literals {
		c.add(&Producer{kind: "cast", args: []Type{t}, typ: "text"})
		c.add(&Producer{kind: "cast", args: []Type{"text"}, typ: t})
	}
	return c, c.probe(ctx, subject)
}

// makesBadText tells of "char" to bpchar, which takes the byte as it is: PostgreSQL makes of ” a text of a zero byte, and of
// a byte of an umlaut what is no UTF-8.
func (p *Producer) makesBadText() bool {
	return p.typ == "bpchar" && len(p.args) > 0 && p.args[0] == `"char"`
}

// instances are the producers that p becomes when its polymorphic types are assigned.
func instances(p *Producer) []*Producer {
	poly := strings.HasPrefix(string(p.typ), "any")
	for _, a := range p.args {
		poly = poly || strings.HasPrefix(string(a), "any")
	}
	if !poly {
		return []*Producer{p}
	}
	var out []*Producer
	for _, as := range polymorphs {
		assign := func(t Type) Type {
			switch t {
			case "anyelement", "anynonarray", "anycompatible", "anycompatiblenonarray", `"any"`:
				return as.elem
			case "anyarray", "anycompatiblearray":
				return as.array
			}
			return t
		}
		q := *p
		q.args = nil
		for _, a := range p.args {
			q.args = append(q.args, assign(a))
		}
		q.typ = assign(p.typ)
		out = append(out, &q)
	}
	return out
}

func (c *Catalog) add(p *Producer) {
	if p.kind != "set" && !c.known[p.typ] {
		return
	}
	for _, a := range p.args {
		if !c.known[a] {
			return
		}
	}
	c.all = append(c.all, p)
}

// call is the producer's expression over arguments that stand in parentheses or are atoms.
func (p *Producer) call(args []*Node) *Node {
	switch p.kind {
	case "operator":
		if len(args) == 1 {
			return expr(p.typ, "(", p.name, " ", args[0], ")")
		}
		return expr(p.typ, "(", args[0], " ", p.name, " ", args[1], ")")
	case "cast":
		return expr(p.typ, "(", args[0], ")::"+string(p.typ))
	}
	name := p.name
	switch name {
	case "position", "overlay", "substring", "trim", "date_part", "timezone", "interval", "time", "timestamp", "char", "bit", "varchar", "numeric", "float4", "float8", "int2", "int4", "int8", "bool", "overlaps", "xmlexists", "collation_for":
		name = `pg_catalog."` + name + `"`
	}
	parts := []any{name, "("}
	for i, a := range args {
		if i > 0 {
			parts = append(parts, ", ")
		}
		if p.variadic && i == len(args)-1 && strings.HasSuffix(string(p.args[i]), "[]") {
			parts = append(parts, "VARIADIC ")
		}
		parts = append(parts, a)
	}
	return expr(p.typ, append(parts, ")")...)
}

// probe asks the subject about each producer with NULLs and keeps those that it knows.
func (c *Catalog) probe(ctx context.Context, subject *server) error {
	var kept []*Producer
	for _, p := range c.all {
		var args []*Node
		for _, a := range p.args {
			args = append(args, text("NULL::", string(a)))
		}
		sql := "SELECT " + p.call(args).String()
		switch p.kind {
		case "window":
			sql += " OVER ()"
		case "set":
			sql = "SELECT * FROM " + p.call(args).String()
		}
		_, err := subject.Exec(ctx, sql).ReadAll()
		if subject.IsClosed() {
			return fmt.Errorf("probing %s: %w", sql, err)
		}
		if o := failure(err); o != nil && (o.Code == "0A000" || o.Code == "42883" || o.Code == "42704") {
			c.unsupported = append(c.unsupported, sql+" -- "+o.Message)
			continue
		}
		kept = append(kept, p)
	}
	c.all = kept
	for _, p := range kept {
		switch p.kind {
		case "aggregate":
			c.aggregates[p.typ] = append(c.aggregates[p.typ], p)
		case "window":
			c.windows[p.typ] = append(c.windows[p.typ], p)
		case "set":
			c.sets = append(c.sets, p)
		default:
			c.byType[p.typ] = append(c.byType[p.typ], p)
		}
	}
	return nil
}

// types are the types that have producers, in order.
func (c *Catalog) types() []Type { return slices.Sorted(maps.Keys(c.byType)) }
