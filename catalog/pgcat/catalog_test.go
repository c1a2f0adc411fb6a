package pgcat

import (
	goflag "flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The golden files hold what PostgreSQL 15 answers for testdata/schema.sql. go test -rewrite asks a server again: psql
// takes its address from the PG* variables.
var rewrite = goflag.Bool("rewrite", false, "ask PostgreSQL for the golden files")

func typ(oid types.Oid, mod int32) types.Type { return types.Type{Oid: oid, Mod: mod} }

// shop builds the snapshot that testdata/schema.sql describes.
func shop() *catalog.Snapshot {
	const role = catalog.BootstrapRole
	parent := &catalog.Table{OID: 17001, SchemaID: 17000, Name: "parent", Owner: role, Version: 1, RowStorage: 300,
		KeyColumns: []catalog.AttNum{1}, DistColumns: []catalog.AttNum{1},
		Columns: []catalog.Column{
			{Num: 1, Name: "id", Type: typ(types.Int4Oid, -1), NotNull: true, Default: "nextval('17002'::regclass)", DefaultDeps: []catalog.Oid{17002}, Sequence: 17002},
			{Num: 2, Name: "code", Type: typ(types.VarcharOid, 14), NotNull: true},
			{Num: 3, Name: "amount", Type: typ(types.NumericOid, types.MakeNumericMod(10, 2)), Default: "0.5"},
			{Num: 4, Name: "Odd Name", Type: typ(types.TextOid, -1), Default: "'it''s'"},
			{Num: 5, Name: "created", Type: typ(types.TimestamptzOid, -1), Default: "now()"},
			{Num: 6, Name: "tags", Type: typ(types.Int4ArrayOid, -1)},
			{Num: 7, Name: "c", Type: typ(types.BpcharOid, 7)},
		},
		Indexes: []*catalog.Index{
			{OID: 17003, Name: "parent_pkey", Storage: 300, Unique: true, Primary: true, RowKey: true, Constraint: 17004, Columns: []catalog.IndexColumn{{Num: 1}}},
			{OID: 17005, Name: "parent_code_key", Storage: 301, Unique: true, Constraint: 17006, Columns: []catalog.IndexColumn{{Num: 2}}},
		},
		Constraints: []*catalog.Constraint{
			{OID: 17004, Name: "parent_pkey", Type: catalog.PrimaryKey, Columns: []catalog.AttNum{1}, Index: 17003, Validated: true},
			{OID: 17006, Name: "parent_code_key", Type: catalog.Unique, Columns: []catalog.AttNum{2}, Index: 17005, Validated: true, Deferrable: true},
			{OID: 17007, Name: "parent_amount_check", Type: catalog.Check, Columns: []catalog.AttNum{3}, Check: "amount > 0", Validated: true},
			{OID: 17008, Name: "parent_code_check", Type: catalog.Check, Columns: []catalog.AttNum{2, 3}, Validated: true,
				Check: "code <> '' and length(code) < 10 or amount is null"},
		},
		Inbound: []catalog.InboundFK{{Table: 17010, Constraint: 17012}},
	}
	child := &catalog.Table{OID: 17010, SchemaID: 17000, Name: "child", Owner: role, Version: 1, RowStorage: 310,
		KeyColumns: []catalog.AttNum{1, 2}, DistColumns: []catalog.AttNum{1, 2}, Comment: "the child",
		Columns: []catalog.Column{
			{Num: 1, Name: "a", Type: typ(types.Int4Oid, -1), NotNull: true, Comment: "its key"},
			{Num: 2, Name: "b", Type: typ(types.Int8Oid, -1), NotNull: true, Default: "-1"},
			{Num: 3, Name: "parent_id", Type: typ(types.Int4Oid, -1)},
			{Num: 4, Name: "d", Type: typ(types.DateOid, -1), Default: "current_date"},
			{Num: 5, Name: "f", Type: typ(types.Float8Oid, -1), Default: "1"},
			{Num: 6, Name: "flag", Type: typ(types.BoolOid, -1), NotNull: true, Default: "true"},
		},
		Indexes: []*catalog.Index{
			{OID: 17011, Name: "child_pkey", Storage: 310, Unique: true, Primary: true, RowKey: true, Constraint: 17013, Columns: []catalog.IndexColumn{{Num: 1}, {Num: 2}}},
			{OID: 17014, Name: "child_b_idx", Storage: 311, Columns: []catalog.IndexColumn{{Num: 2, Desc: true, NullsFirst: true}, {Num: 1, NullsFirst: true}}},
			{OID: 17015, Name: "child_hash", Storage: 312, Method: "hash", Columns: []catalog.IndexColumn{{Num: 3}}},
		},
		Constraints: []*catalog.Constraint{
			{OID: 17013, Name: "child_pkey", Type: catalog.PrimaryKey, Columns: []catalog.AttNum{1, 2}, Index: 17011, Validated: true},
			{OID: 17012, Name: "child_fk", Type: catalog.Foreign, Columns: []catalog.AttNum{3}, Validated: true, Deferrable: true, Deferred: true,
				FK: &catalog.ForeignKey{RefTable: 17001, RefColumns: []catalog.AttNum{1}, RefIndex: 17003, Match: catalog.MatchSimple,
					OnDelete: catalog.Cascade, OnUpdate: catalog.Restrict}},
			{OID: 17016, Name: "child_in", Type: catalog.Check, Columns: []catalog.AttNum{1}, Check: "a in (1, 2, 3)", Validated: true},
			{OID: 17017, Name: "child_arith", Type: catalog.Check, Columns: []catalog.AttNum{1, 6}, Validated: true,
				Check: "(a + 1) * 2 - a > 0 and not flag is null"},
			{OID: 17018, Name: "child_between", Type: catalog.Check, Columns: []catalog.AttNum{1}, Check: "a between 1 and 10", Validated: true},
		},
	}
	snap := catalog.NewSnapshot()
	for _, o := range []catalog.Object{
		&catalog.Role{OID: role, Name: "postgres", Superuser: true, Login: true, Inherit: true, CreateRole: true, CreateDB: true, Replication: true, BypassRLS: true, ConnLimit: -1},
		&catalog.Database{OID: catalog.DefaultDatabase, Name: "postgres", Owner: role},
		&catalog.Schema{OID: catalog.PgCatalogSchema, Name: pgCatalog, Owner: role},
		&catalog.Schema{OID: catalog.InformationSchema, Name: informationSchema, Owner: role},
		&catalog.Schema{OID: catalog.PublicSchema, Name: "public", Owner: catalog.RoleDatabaseOwner, ACL: []catalog.ACLItem{
			{Grantee: catalog.RoleDatabaseOwner, Grantor: catalog.RoleDatabaseOwner, Privileges: catalog.PrivUsage | catalog.PrivCreate},
			{Grantor: catalog.RoleDatabaseOwner, Privileges: catalog.PrivUsage},
		}},
		&catalog.Schema{OID: 17000, Name: "shop", Owner: role},
		&catalog.Sequence{OID: 17002, SchemaID: 17000, Name: "parent_id_seq", Owner: role, Type: types.Int4Oid, Start: 1, Increment: 1, Min: 1,
			Max: 1<<31 - 1, Cache: 1, OwnedByTab: 17001, OwnedByCol: 1},
		parent, child,
	} {
		snap = snap.Put(o)
	}
	return snap
}

func shopEnv() *Env {
	env := &Env{Snapshot: shop(), SearchPath: []string{pgCatalog, "public"}, Role: catalog.BootstrapRole, Database: "postgres", IO: types.DefaultIOEnv}
	return env
}

// column is a column of a golden query with the reg type that shows its value.
type column struct{ name, reg string }

func parseColumn(s string) column {
	name, reg, _ := strings.Cut(s, "::")
	return column{name, reg}
}

// goldenQuery is a line of testdata/queries.txt: relation, filter (column=value or column~prefix) and columns.
type goldenQuery struct {
	relation, value string
	prefix          bool
	columns         []column // the first is the filter's
}

func queries(t *testing.T) (out []goldenQuery) {
	for line := range strings.Lines(read(t, "queries.txt")) {
		f := strings.Fields(line)
		i := strings.IndexAny(f[1], "=~")
		q := goldenQuery{relation: f[0], value: f[1][i+1:], prefix: f[1][i] == '~', columns: []column{parseColumn(f[1][:i])}}
		for _, c := range f[2:] {
			q.columns = append(q.columns, parseColumn(c))
		}
		out = append(out, q)
	}
	return out
}

func (q goldenQuery) sql() string {
	var cols []string
	for _, c := range q.columns {
		e := c.name
		if c.reg != "" {
			e += "::" + c.reg
		}
		cols = append(cols, "coalesce(("+e+")::text, 'NULL')")
	}
	cond := cols[0] + " = '" + q.value + "'"
	if q.prefix {
		cond = cols[0] + " like '" + q.value + "%'"
	}
	if strings.HasSuffix(q.relation, "pg_attribute") {
		cond += " and attnum > 0"
	}
	return "select concat_ws(' | ', " + strings.Join(cols, ", ") + ") from " + q.relation + " where " + cond
}

func (q goldenQuery) run(t *testing.T, s *System, env *Env) (out []string) {
	io := BindIO(env, types.DefaultIOEnv)
	schema, name, _ := strings.Cut(q.relation, ".")
	vt := s.Lookup(schema, name)
	if vt == nil {
		t.Fatalf("no relation %s", q.relation)
	}
	err := s.Rows(env, vt, func(row []types.Datum) error {
		var cells []string
		for _, c := range q.columns {
			i := slices.IndexFunc(vt.Columns, func(v sema.Column) bool { return v.Name == c.name })
			o := vt.Columns[i].Type.Oid
			if c.reg != "" {
				o = types.ByName(c.reg).Oid
			}
			if row[i].IsNull() {
				cells = append(cells, "NULL")
			} else {
				cells = append(cells, boolText(o, types.Text(o, row[i], io)))
			}
		}
		if cells[0] == q.value || q.prefix && strings.HasPrefix(cells[0], q.value) {
			out = append(out, strings.Join(cells, " | "))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// boolText is a value as ::text shows it, where bool differs from its output function.
func boolText(o types.Oid, s string) string {
	if o == types.BoolOid {
		return map[string]string{"t": "true", "f": "false"}[s]
	}
	return s
}

func read(t *testing.T, name string) string {
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// ask runs SQL on PostgreSQL in a transaction with the test's schema, which is then rolled back.
func ask(t *testing.T, sql string) []string {
	script := "begin;\n" + read(t, "schema.sql") + "\nset client_min_messages = error;\n" + sql + ";\nrollback;\n"
	cmd := exec.Command("psql", "-XqAt", "-v", "ON_ERROR_STOP=1")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

func golden(t *testing.T, name string, expect func() []string, got []string) {
	if *rewrite {
		if err := os.WriteFile("testdata/"+name, []byte(strings.Join(expect(), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.Split(strings.TrimSuffix(read(t, name), "\n"), "\n")
	for i := 0; i < max(len(want), len(got)); i++ {
		w, g := "(none)", "(none)"
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if w != g {
			t.Errorf("line %d\nPostgreSQL %s\n      here %s", i+1, w, g)
		}
	}
}

func TestCatalogRowsAreThoseOfPostgreSQL(t *testing.T) {
	s, env := New(Config{}), shopEnv()
	var got []string
	for _, q := range queries(t) {
		rows := q.run(t, s, env)
		slices.Sort(rows)
		got = append(append(got, "# "+q.relation), rows...)
	}
	golden(t, "rows.golden", func() (want []string) {
		for _, q := range queries(t) {
			rows := ask(t, q.sql())
			slices.Sort(rows)
			want = append(append(want, "# "+q.relation), rows...)
		}
		return want
	}, got)
}

func TestDefinitionsPrintAsRuleutilsPrintsThem(t *testing.T) {
	s, env := New(Config{}), shopEnv()
	var got []string
	call := func(name string, args ...types.Datum) string {
		ts := make([]types.Type, len(args))
		for i := range ts {
			ts[i] = types.T(types.OidOid)
		}
		d, err := s.Call(env, name, ts, args)
		if err != nil {
			t.Fatal(err)
		}
		return d.Str()
	}
	env.Snapshot.Tables(func(tab *catalog.Table) bool {
		for _, c := range tab.Constraints {
			got = append(got, c.Name+": "+call("pg_get_constraintdef", num(c.OID))+" / "+call("pg_get_constraintdef", num(c.OID), yes))
		}
		for _, i := range tab.Indexes {
			got = append(got, i.Name+": "+call("pg_get_indexdef", num(i.OID))+" / "+call("pg_get_indexdef", num(i.OID), num(0), yes))
		}
		for _, c := range tab.LiveColumns() {
			if c.Default != "" {
				got = append(got, c.Name+": "+call("pg_get_expr", str(defaultTree(c)), num(tab.OID))+" / "+call("pg_get_expr", str(defaultTree(c)), num(tab.OID), yes))
			}
		}
		return true
	})
	slices.Sort(got)
	golden(t, "definitions.golden", func() []string {
		want := ask(t, `select conname || ': ' || pg_get_constraintdef(oid) || ' / ' || pg_get_constraintdef(oid, true) from pg_constraint where connamespace = 'shop'::regnamespace
			union all select relname || ': ' || pg_get_indexdef(oid) || ' / ' || pg_get_indexdef(oid, 0, true) from pg_class where relkind = 'i' and relnamespace = 'shop'::regnamespace
			union all select attname || ': ' || pg_get_expr(adbin, adrelid) || ' / ' || pg_get_expr(adbin, adrelid, true) from pg_attrdef d join pg_attribute a on adrelid = attrelid and adnum = attnum where adrelid::regclass::text like 'shop.%'`)
		slices.Sort(want)
		return want
	}, got)
}
