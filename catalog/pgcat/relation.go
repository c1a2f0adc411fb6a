package pgcat

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// relationsData has a line for every system relation: OID, schema, name, relkind, and the columns, each name:type OID with
// :typmod where it has one and ! where it is not null. Domains of the information schema are replaced by their base types,
// which is what RowDescription shows of them.
//
//go:embed pgdata/relations.txt
var relationsData string

// rowsData has the contents of relations that only describe what is built in, in COPY's text format after a line
// "# relation".
//
//go:embed pgdata/rows.txt
var rowsData string

// The schemas that have system relations. pgmqdb is found by name only: it is not listed in pg_namespace or pg_class, so
// that tools which walk the catalog take it neither for a user's schema nor for a part of PostgreSQL's.
const (
	pgCatalog         = catalog.PgCatalogName
	informationSchema = catalog.InformationSchemaName
	pgmqdbSchema      = "pgmqdb"
	toastSchema       = "pg_toast"
)

// relation is a system relation.
type relation struct {
	sema.VirtualTable
	kind    byte // 'r' or 'v'
	notNull []bool
	byName  map[string]int
	blank   []types.Datum // a row of defaults

	builtin     sync.Once
	builtinRows [][]types.Datum
	source      *source
}

// source says how the rows of a relation are made: first those that builtin yields (once), then rows (once for a snapshot
// and scope), then live (for every query).
type source struct {
	columns string // the columns that add fills, separated by blanks; the others keep their defaults
	builtin func(b *builder)
	rows    func(b *builder)
	live    func(b *builder) error

	bound []int
}

// defaults are the values of columns that have no counterpart here, where they are not zero or NULL.
var defaults = map[string]map[string]types.Datum{
	"pg_rewrite": {"ev_qual": types.NewString("<>")},
	"pg_class":   {"relispopulated": yes, "relpersistence": char('p'), "relreplident": char('n'), "reltuples": types.NewFloat(-1)},
	"pg_attribute": {"attislocal": yes, "attcacheoff": num(-1), "attstattarget": num(-1), "atttypmod": num(-1),
		"attidentity": char(0), "attgenerated": char(0), "attcompression": char(0)},
	"pg_type":       {"typisdefined": yes, "typdelim": char(','), "typtypmod": num(-1), "typstorage": char('p')},
	"pg_constraint": {"conislocal": yes, "convalidated": yes, "confupdtype": char(' '), "confdeltype": char(' '), "confmatchtype": char(' ')},
	"pg_index":      {"indisready": yes, "indislive": yes, "indimmediate": yes},
	"pg_proc":       {"procost": types.NewFloat(1), "proparallel": char('s')},
}

var (
	loadOnce     sync.Once
	relations    []*relation
	relationsBy  map[relationName]*relation
	relationsOID map[catalog.Oid]*relation
)

type relationName struct{ schema, name string }

// load reads the embedded tables, on first use.
func load() {
	loadOnce.Do(func() {
		relationsBy, relationsOID = map[relationName]*relation{}, map[catalog.Oid]*relation{}
		for line := range strings.Lines(relationsData) {
			r := parseRelation(strings.Fields(line))
			relations = append(relations, r)
			relationsBy[relationName{r.Schema, r.Name}] = r
			relationsOID[r.OID] = r
		}
		for name, s := range sources() {
			schema, rel, _ := strings.Cut(name, ".")
			r := relationsBy[relationName{schema, rel}]
			r.source = s
			for _, c := range strings.Fields(s.columns) {
				i, ok := r.byName[c]
				if !ok {
					panic("pgcat: " + name + " has no column " + c)
				}
				s.bound = append(s.bound, i)
			}
		}
	})
}

func parseRelation(f []string) *relation {
	r := &relation{kind: f[3][0], byName: map[string]int{}}
	r.OID, r.Schema, r.Name = parseOid(f[0]), f[1], f[2]
	r.Closed, r.View = r.Schema == pgCatalog && closedRelations[r.Name], r.kind == 'v'
	for i, c := range f[4:] {
		c, notNull := strings.CutSuffix(c, "!")
		parts := strings.Split(c, ":")
		t := types.T(parseOid(parts[1]))
		if len(parts) > 2 {
			mod, _ := strconv.Atoi(parts[2])
			t.Mod = int32(mod)
		}
		r.Columns = append(r.Columns, sema.Column{Name: parts[0], Type: t})
		r.notNull = append(r.notNull, notNull)
		r.byName[parts[0]] = i
		d, ok := defaults[r.Name][parts[0]]
		if !ok && notNull && r.Schema == pgCatalog {
			d = zero(t)
		}
		r.blank = append(r.blank, d)
	}
	return r
}

func parseOid(s string) catalog.Oid {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		panic("pgcat: bad OID in the embedded tables: " + s)
	}
	return catalog.Oid(n)
}

// zero is the value of a column that is not null and that nothing sets.
func zero(t types.Type) types.Datum {
	switch t.Kind() {
	case types.KInt:
		return types.NewInt(0)
	case types.KFloat:
		return types.NewFloat(0)
	case types.KArray:
		if t.Oid == types.Int2vectorOid || t.Oid == types.OidvectorOid {
			return types.NewVector(types.ElemOf(t.Oid), nil)
		}
		return types.NewArray1(types.ElemOf(t.Oid), nil)
	}
	return types.NewString("")
}

// builder makes the rows of one relation.
type builder struct {
	*scope
	rel  *relation
	emit func(row []types.Datum)
}

// add makes a row of the values of the source's columns, in their order; the last columns may be left blank.
func (b *builder) add(values ...types.Datum) {
	row := append(make([]types.Datum, 0, len(b.rel.blank)), b.rel.blank...)
	for i, v := range values {
		row[b.rel.source.bound[i]] = v
	}
	b.emit(row)
}

// The values that rows are made of.
var (
	null = types.Null
	yes  = types.NewBool(true)
	no   = types.NewBool(false)
)

func str(s string) types.Datum { return types.NewString(s) }
func num[T ~int | ~int16 | ~int32 | ~int64 | ~uint32 | ~uint64](n T) types.Datum {
	return types.NewInt(int64(n))
}
func flag(b bool) types.Datum { return types.NewBool(b) }
func char(c byte) types.Datum { return types.NewInt(int64(c)) }

// text is a string, or NULL for an empty one.
func text(s string) types.Datum {
	if s == "" {
		return null
	}
	return str(s)
}

func attnums(nums []catalog.AttNum) types.Datum {
	out := make([]types.Datum, len(nums))
	for i, n := range nums {
		out[i] = num(n)
	}
	return types.NewArray1(types.Int2Oid, out)
}

func oids(elem catalog.Oid, list []catalog.Oid) types.Datum {
	out := make([]types.Datum, len(list))
	for i, n := range list {
		out[i] = num(n)
	}
	return types.NewArray1(elem, out)
}

// scope is what the rows of a snapshot depend on besides the snapshot: names are printed as the search path finds them.
type scope struct {
	sys  *System
	env  *Env
	snap *catalog.Snapshot
	defs *printer
}

// Lookup implements sema.VirtualTables: it returns the system relation of a schema (pg_catalog, information_schema or
// pgmqdb), or nil.
func (s *System) Lookup(schema, name string) *sema.VirtualTable {
	load()
	if r := relationsBy[relationName{schema, name}]; r != nil {
		return &r.VirtualTable
	}
	return nil
}

// Rows calls emit for every row of a system relation, in the order of its definition, or for the one row of a sequence.
// The rows must not be changed; they may be kept. An error of emit ends it and is returned.
func (s *System) Rows(env *Env, t *sema.VirtualTable, emit func(row []types.Datum) error) error {
	load()
	r := relationsOID[t.OID]
	if r == nil {
		if q := env.Snapshot.Sequence(t.OID); q != nil && env.SequenceState != nil {
			return sequenceRow(env, q, emit)
		}
		return pgerr.New(pgerr.UndefinedTable, "relation \"%s.%s\" does not exist", t.Schema, t.Name)
	}
	for _, row := range r.fixed() {
		if err := emit(row); err != nil {
			return err
		}
	}
	if r.source == nil {
		return nil
	}
	set := s.rowsOf(env)
	if r.source.rows != nil {
		for _, row := range set.rows(r, env) {
			if err := emit(row); err != nil {
				return err
			}
		}
	}
	if r.source.live == nil {
		return nil
	}
	var failed error
	b := &builder{scope: set.scope(env), rel: r, emit: func(row []types.Datum) {
		if failed == nil {
			failed = emit(row)
		}
	}}
	if err := r.source.live(b); err != nil {
		return err
	}
	return failed
}

// fixed returns the rows that describe what is built in.
func (r *relation) fixed() [][]types.Datum {
	r.builtin.Do(func() {
		r.builtinRows = r.embedded()
		if r.source != nil && r.source.builtin != nil {
			b := &builder{rel: r, emit: func(row []types.Datum) { r.builtinRows = append(r.builtinRows, row) }}
			r.source.builtin(b)
		}
	})
	return r.builtinRows
}

// embedded reads the relation's section of rowsData.
func (r *relation) embedded() (out [][]types.Datum) {
	if r.Schema == pgmqdbSchema {
		return nil
	}
	_, section, ok := strings.Cut(rowsData, "# "+r.Name+"\n")
	if !ok {
		return nil
	}
	section, _, _ = strings.Cut(section, "\n# ")
	io := *types.DefaultIOEnv
	io.RegIn = func(t types.Oid, name string) (uint32, error) { return uint32(procByName(name)), nil }
	for line := range strings.Lines(section) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		row := make([]types.Datum, len(r.Columns))
		for i, f := range fields {
			if f == `\N` {
				continue
			}
			d, err := types.ParseText(r.Columns[i].Type, f, &io)
			if err != nil {
				panic("pgcat: " + r.Name + ": " + err.Error())
			}
			row[i] = d
		}
		out = append(out, row)
	}
	return out
}
