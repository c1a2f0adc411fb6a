package sema

import (
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// TestLiteralsOfNormalizedStatementsGetTheirTypes: a literal is typed as the constant that it was.
func TestLiteralsOfNormalizedStatementsGetTheirTypes(t *testing.T) {
	for _, c := range []struct {
		sql  string
		want []types.Oid
	}{
		{"select * from t where id = 5 and b = 'x'", []types.Oid{types.Int4Oid, types.TextOid}},
		{"select * from t where d > '2024-01-01' and c < 1.5", []types.Oid{types.TimestamptzOid, types.NumericOid}},
		{"insert into t (id, b, e, h) values (1, 'x', 'abc', '{1}')", []types.Oid{types.Int4Oid, types.TextOid, types.VarcharOid, types.Int4ArrayOid}},
		{"update t set a = 3000000000, g = '{}' where id = 7", []types.Oid{types.Int8Oid, types.JsonbOid, types.Int4Oid}},
		{"select * from t where b in ('x', 'y')", []types.Oid{types.TextOid, types.TextOid}},
		{"select * from t where b between 'a' and 'c'", []types.Oid{types.TextOid, types.TextOid}},
	} {
		key, lits, ok := parse.Normalize(c.sql)
		if !ok {
			t.Errorf("%s is not normalized", c.sql)
			continue
		}
		stmt, err := parse.ParseNormalized(key)
		if err != nil {
			t.Fatal(err)
		}
		a, err := Analyze(stmt, testEnv(""))
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		if len(a.Literals) != len(lits) || len(lits) != len(c.want) {
			t.Errorf("%s: %d types for %d literals", c.sql, len(a.Literals), len(lits))
			continue
		}
		for i, want := range c.want {
			if a.Literals[i].Oid != want {
				t.Errorf("%s: literal %d is %s", c.sql, i+1, types.FormatType(a.Literals[i]))
			}
		}
	}
}

func literalRows(kinds string, texts ...string) *parse.InsertStmt {
	l := &parse.LiteralRows{NumCols: 3}
	for i := range kinds {
		l.Kinds = append(l.Kinds, parse.LiteralKind(kinds[i]))
		l.Texts = append(l.Texts, texts[i])
		l.Locs = append(l.Locs, int32(i))
	}
	col := func(name string) *parse.ResTarget { return &parse.ResTarget{Name: name, Location: -1} }
	return &parse.InsertStmt{Relation: &parse.RangeVar{Name: "t", Location: -1}, Cols: []*parse.ResTarget{col("id"), col("e"), col("c")},
		Select: &parse.SelectStmt{LiteralRows: l}}
}

// TestLongValuesListsBecomeColumns: literals go into columns of the table's types, with its errors.
func TestLongValuesListsBecomeColumns(t *testing.T) {
	a, err := Analyze(literalRows("isnlzi", "1", "abc", "1.239", "2", "", "7"), testEnv(""))
	if err != nil {
		t.Fatal(err)
	}
	b := a.DML.Source.LiteralRows
	got := ""
	for r := range b.N {
		for c := range b.Cols {
			got += types.Text(b.Cols[c].Type.Oid, b.Cols[c].Get(r), types.DefaultIOEnv) + ";"
		}
	}
	if got != "1;abc;1.24;2;;7.00;" {
		t.Errorf("columns hold %q", got)
	}
	for want, stmt := range map[string]*parse.InsertStmt{
		pgerr.InvalidTextRepresentation: literalRows("sss", "x", "abc", "1"), pgerr.StringDataRightTruncation: literalRows("isi", "1", "abcdef", "1"),
		pgerr.DatatypeMismatch: literalRows("tsi", "", "a", "1"), pgerr.NumericValueOutOfRange: literalRows("lsi", "3000000000", "a", "1"),
	} {
		if _, err := Analyze(stmt, testEnv("")); pgerr.Code(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestConflictTargetsFindTheirIndexes: columns in any order, constraints by name, 42P10 for what no unique index has.
func TestConflictTargetsFindTheirIndexes(t *testing.T) {
	for sql, want := range map[string]string{
		"insert into w (x) values (1) on conflict (y, x) do nothing":                    "w_x_y_key",
		"insert into u (name) values ('a') on conflict on constraint u_pkey do nothing": "u_pkey",
		"insert into u (name) values ('a') on conflict (name) do update set v = 1":      "u_name_key",
		"insert into t (id) values (1) on conflict (a) do nothing":                      "",
	} {
		stmt, err := parse.ParseOne(sql)
		if err != nil {
			t.Fatal(err)
		}
		a, err := Analyze(stmt, testEnv(sql))
		if want == "" {
			if !pgerr.HasCode(err, pgerr.InvalidColumnReference) {
				t.Errorf("%s: %v", sql, err)
			}
			continue
		}
		if err != nil || len(a.DML.Conflict.Arbiters) != 1 || a.DML.Conflict.Arbiters[0].Name != want {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// TestDefaultsAndChecksAreInTheStatement: columns left out get their DEFAULT, identity columns their sequence's value.
func TestDefaultsAndChecksAreInTheStatement(t *testing.T) {
	sql := "insert into u (name) values ('a')"
	stmt, err := parse.ParseOne(sql)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Analyze(stmt, testEnv(sql))
	if err != nil {
		t.Fatal(err)
	}
	f, ok := a.DML.Defaults[0].(*expr.Func)
	if !ok || f.Fn.Name != "nextval" {
		t.Errorf("the identity column's default is %v", a.DML.Defaults[0])
	}
	if len(a.DML.Checks) != 1 || a.DML.Checks[0].Name != "u_v_check" {
		t.Errorf("checks are %v", a.DML.Checks)
	}
}
