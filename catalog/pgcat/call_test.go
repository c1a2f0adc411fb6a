package pgcat

import (
	"testing"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// arg is an argument with its type.
type arg struct {
	typ types.Oid
	val types.Datum
}

func textArg(s string) arg            { return arg{types.TextOid, str(s)} }
func oidArg(o catalog.Oid) arg        { return arg{types.OidOid, num(o)} }
func intArg(t types.Oid, n int64) arg { return arg{t, num(n)} }

func run(t *testing.T, env *Env, result types.Oid, name string, args ...arg) string {
	t.Helper()
	ts, ds := make([]types.Type, len(args)), make([]types.Datum, len(args))
	for i, a := range args {
		ts[i], ds[i] = types.T(a.typ), a.val
	}
	d, err := New(Config{}).Call(env, name, ts, ds)
	if err != nil {
		return pgerr.From(err).Code + " " + pgerr.From(err).Message
	}
	if d.IsNull() {
		return "NULL"
	}
	return types.Text(result, d, BindIO(env, types.DefaultIOEnv))
}

// The expected texts are PostgreSQL 15's.
func TestFunctionsAnswerAsPostgreSQL(t *testing.T) {
	env := shopEnv()
	shopPath := *env
	shopPath.SearchPath = []string{pgCatalog, "shop"}
	const text = types.TextOid
	for _, c := range []struct{ got, want string }{
		{run(t, env, text, "format_type", oidArg(types.BpcharOid), arg{types.Int4Oid, null}), "character"},
		{run(t, env, text, "format_type", oidArg(types.BpcharOid), intArg(types.Int4Oid, -1)), "bpchar"},
		{run(t, env, text, "format_type", oidArg(types.NumericOid), intArg(types.Int4Oid, 655366)), "numeric(10,2)"},
		{run(t, env, text, "format_type", oidArg(0), intArg(types.Int4Oid, -1)), "-"},
		{run(t, env, text, "format_type", oidArg(99999), intArg(types.Int4Oid, -1)), "???"},
		{run(t, env, types.BoolOid, "pg_table_is_visible", oidArg(17001)), "f"},
		{run(t, &shopPath, types.BoolOid, "pg_table_is_visible", oidArg(17001)), "t"},
		{run(t, env, types.BoolOid, "pg_table_is_visible", oidArg(1259)), "t"},
		{run(t, env, types.BoolOid, "pg_table_is_visible", oidArg(4)), "NULL"},
		{run(t, env, types.RegclassOid, "to_regclass", textArg("shop.parent")), "shop.parent"},
		{run(t, &shopPath, types.RegclassOid, "to_regclass", textArg("Parent")), "parent"},
		{run(t, env, types.RegclassOid, "to_regclass", textArg(`"Parent"`)), "NULL"},
		{run(t, env, types.RegclassOid, "to_regclass", textArg("")), "42602 invalid name syntax"},
		{run(t, env, types.RegclassOid, "regclass", textArg("nosuch")), `42P01 relation "nosuch" does not exist`},
		{run(t, env, types.RegclassOid, "regclass", textArg("pg_class")), "pg_class"},
		{run(t, env, types.RegtypeOid, "to_regtype", textArg("numeric(10,2)[]")), "numeric[]"},
		{run(t, env, types.RegnamespaceOid, "to_regnamespace", textArg("shop")), "shop"},
		{run(t, env, types.RegprocOid, "to_regproc", textArg("lower")), "NULL"},
		{run(t, env, text, "obj_description", oidArg(17010), arg{types.NameOid, str("pg_class")}), "the child"},
		{run(t, env, text, "col_description", oidArg(17010), intArg(types.Int4Oid, 1)), "its key"},
		{run(t, env, text, "pg_get_serial_sequence", textArg("shop.parent"), textArg("id")), "shop.parent_id_seq"},
		{run(t, env, text, "pg_get_serial_sequence", textArg("shop.parent"), textArg("x")),
			`42703 column "x" of relation "parent" does not exist`},
		{run(t, env, text, "pg_get_userbyid", oidArg(10)), "postgres"},
		{run(t, env, text, "pg_get_userbyid", oidArg(77)), "unknown (OID=77)"},
		{run(t, env, types.BoolOid, "has_table_privilege", textArg("shop.parent"), textArg("select, insert with grant option")), "t"},
		{run(t, env, types.BoolOid, "has_table_privilege", textArg("shop.parent"), textArg("fly")),
			`22023 unrecognized privilege type: "fly"`},
		{run(t, env, types.BoolOid, "has_table_privilege", textArg("nobody"), textArg("shop.parent"), textArg("select")),
			`42704 role "nobody" does not exist`},
		{run(t, env, text, "pg_size_pretty", intArg(types.Int8Oid, 10239)), "10239 bytes"},
		{run(t, env, text, "pg_size_pretty", intArg(types.Int8Oid, 10240)), "10 kB"},
		{run(t, env, text, "pg_size_pretty", intArg(types.Int8Oid, 1<<30)), "1024 MB"},
		{run(t, env, text, "pg_size_pretty", intArg(types.Int8Oid, -20481)), "-20 kB"},
		{run(t, env, types.Int8Oid, "pg_size_bytes", textArg("1.5 MB")), "1572864"},
		{run(t, env, types.Int8Oid, "pg_size_bytes", textArg("1 XB")), `22023 invalid size: "1 XB"`},
		{run(t, env, text, "pg_encoding_to_char", intArg(types.Int4Oid, 6)), "UTF8"},
		{run(t, env, types.AclitemArrayOid, "acldefault", intArg(types.CharOid, 'n'), oidArg(10)), "{postgres=UC/postgres}"},
		{run(t, env, text, "pg_no_such_function"), "0A000 function pg_no_such_function is not supported"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}

func TestEverySystemRelationCanBeRead(t *testing.T) {
	s, env := New(Config{}), shopEnv()
	load()
	for _, r := range relations {
		n := 0
		err := s.Rows(env, &r.VirtualTable, func(row []types.Datum) error {
			if len(row) != len(r.Columns) {
				t.Fatalf("%s.%s: a row of %d values for %d columns", r.Schema, r.Name, len(row), len(r.Columns))
			}
			for i, d := range row {
				if d.IsNull() && r.notNull[i] {
					t.Fatalf("%s.%s: %s is NULL", r.Schema, r.Name, r.Columns[i].Name)
				}
				if !d.IsNull() && d.Kind() != r.Columns[i].Type.Kind() {
					t.Fatalf("%s.%s: %s holds a %s", r.Schema, r.Name, r.Columns[i].Name, d.Kind())
				}
			}
			n++
			return nil
		})
		if err != nil {
			t.Errorf("%s.%s: %v", r.Schema, r.Name, err)
		}
	}
}

func TestHiddenRowIDIsNotShown(t *testing.T) {
	env := shopEnv()
	env.Snapshot = env.Snapshot.Put(&catalog.Table{OID: 17100, SchemaID: 17000, Name: "bare", Owner: 10, Version: 1,
		RowStorage: 400, KeyColumns: []catalog.AttNum{2}, DistColumns: []catalog.AttNum{2}, Columns: []catalog.Column{
			{Num: 1, Name: "x", Type: typ(types.Int4Oid, -1)},
			{Num: 2, Name: "rowid", Type: typ(types.Int8Oid, -1), NotNull: true, Hidden: true}}})
	s := New(Config{})
	for _, name := range []string{"pg_attribute", "pg_attrdef"} {
		vt := s.Lookup(pgCatalog, name)
		if err := s.Rows(env, vt, func(row []types.Datum) error {
			if row[0].Int() == 17100 && row[1].Str() != "x" {
				t.Errorf("%s shows %s", name, row[1].Str())
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkColumnsOfATable(b *testing.B) {
	s, env := New(Config{}), shopEnv()
	vt := s.Lookup(pgCatalog, "pg_attribute")
	for b.Loop() {
		n := 0
		_ = s.Rows(env, vt, func(row []types.Datum) error {
			if row[0].Int() == 17001 {
				n++
			}
			return nil
		})
	}
}
