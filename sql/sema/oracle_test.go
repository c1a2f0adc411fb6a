package sema

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// rewrite makes the golden files anew from a PostgreSQL 15 at -oracle, whose database is scratch.
var (
	rewrite = flag.Bool("rewrite", false, "write the golden files from the oracle's answers")
	oracle  = flag.String("oracle", "", "connection string of a PostgreSQL 15")
)

const schemaSQL = `
create table t (id int primary key, a int, b text not null default 'x', c numeric(10,2), d timestamptz default now(), e varchar(5), f bool, g jsonb, h int[]);
create table u (id bigint generated always as identity primary key, t_id int, name text unique, v float8 constraint u_v_check check (v > 0));
create table w (x int, y int, z text, unique (x, y));
create view vw as select id, b from t;
create table agg (g int, i int2, j int4, k int8, f float8, r float4, n numeric, s text, b bool, ts timestamp, iv interval, a int[]);
insert into agg values (1, 1, 10, 100, 1.5, 1.25, 1.10, 'x', true, '2024-01-01', '1 day', '{1,2}'),
 (1, 2, 20, 200, 2.5, 2.25, 2.205, 'y', false, '2024-02-01', '2 hours', '{3,4}'),
 (1, null, null, null, null, null, null, null, null, null, null, null),
 (2, 3, 30, 9223372036854775807, 3, 3, 3, 'z', true, '2023-05-05', '3 mons', '{0,9}'),
 (2, 3, -7, 9223372036854775807, 3, -3, 100, 'x', true, '2025-05-05', '-1 day', '{5,5}');
`

// testCatalog has the tables of schemaSQL.
func testCatalog() *catalog.Snapshot {
	s := catalog.NewSnapshot()
	s = s.Put(&catalog.Schema{OID: catalog.PublicSchema, Name: "public"})
	col := func(n int, name string, t types.Type) catalog.Column {
		return catalog.Column{Num: catalog.AttNum(n), Name: name, Type: t}
	}
	tt := &catalog.Table{OID: 16400, SchemaID: catalog.PublicSchema, Name: "t", KeyColumns: []catalog.AttNum{1}, DistColumns: []catalog.AttNum{1}}
	tt.Columns = []catalog.Column{col(1, "id", types.T(types.Int4Oid)), col(2, "a", types.T(types.Int4Oid)), col(3, "b", types.T(types.TextOid)),
		col(4, "c", types.Type{Oid: types.NumericOid, Mod: types.MakeNumericMod(10, 2)}), col(5, "d", types.T(types.TimestamptzOid)),
		col(6, "e", types.Type{Oid: types.VarcharOid, Mod: 9}), col(7, "f", types.T(types.BoolOid)), col(8, "g", types.T(types.JsonbOid)),
		col(9, "h", types.T(types.Int4ArrayOid))}
	tt.Columns[0].NotNull, tt.Columns[2].NotNull = true, true
	tt.Columns[2].Default, tt.Columns[4].Default = "'x'::text", "now()"
	tt.Indexes = []*catalog.Index{{OID: 16401, Name: "t_pkey", Unique: true, Primary: true, RowKey: true, Columns: []catalog.IndexColumn{{Num: 1}}, Constraint: 16402}}
	tt.Constraints = []*catalog.Constraint{{OID: 16402, Name: "t_pkey", Type: catalog.PrimaryKey, Columns: []catalog.AttNum{1}, Index: 16401}}
	s = s.Put(tt)
	u := &catalog.Table{OID: 16410, SchemaID: catalog.PublicSchema, Name: "u", KeyColumns: []catalog.AttNum{1}, DistColumns: []catalog.AttNum{1}}
	u.Columns = []catalog.Column{col(1, "id", types.T(types.Int8Oid)), col(2, "t_id", types.T(types.Int4Oid)), col(3, "name", types.T(types.TextOid)), col(4, "v", types.T(types.Float8Oid))}
	u.Columns[0].Identity, u.Columns[0].Sequence, u.Columns[0].NotNull = catalog.IdentityAlways, 16420, true
	u.Indexes = []*catalog.Index{{OID: 16411, Name: "u_pkey", Unique: true, Primary: true, RowKey: true, Columns: []catalog.IndexColumn{{Num: 1}}, Constraint: 16412},
		{OID: 16413, Name: "u_name_key", Unique: true, Columns: []catalog.IndexColumn{{Num: 3}}, Constraint: 16414}}
	u.Constraints = []*catalog.Constraint{{OID: 16412, Name: "u_pkey", Type: catalog.PrimaryKey, Columns: []catalog.AttNum{1}, Index: 16411},
		{OID: 16414, Name: "u_name_key", Type: catalog.Unique, Columns: []catalog.AttNum{3}, Index: 16413},
		{OID: 16415, Name: "u_v_check", Type: catalog.Check, Check: "(v > (0)::double precision)"}}
	s = s.Put(u)
	s = s.Put(&catalog.Sequence{OID: 16420, SchemaID: catalog.PublicSchema, Name: "u_id_seq", Type: types.Int8Oid})
	w := &catalog.Table{OID: 16430, SchemaID: catalog.PublicSchema, Name: "w"}
	w.Columns = []catalog.Column{col(1, "x", types.T(types.Int4Oid)), col(2, "y", types.T(types.Int4Oid)), col(3, "z", types.T(types.TextOid)), col(4, "rowid", types.T(types.Int8Oid))}
	w.Columns[3].Hidden = true
	w.Indexes = []*catalog.Index{{OID: 16431, Name: "w_x_y_key", Unique: true, Columns: []catalog.IndexColumn{{Num: 1}, {Num: 2}}, Constraint: 16432}}
	w.Constraints = []*catalog.Constraint{{OID: 16432, Name: "w_x_y_key", Type: catalog.Unique, Columns: []catalog.AttNum{1, 2}, Index: 16431}}
	s = s.Put(w)
	ag := &catalog.Table{OID: 16450, SchemaID: catalog.PublicSchema, Name: "agg"}
	for i, o := range []types.Oid{types.Int4Oid, types.Int2Oid, types.Int4Oid, types.Int8Oid, types.Float8Oid, types.Float4Oid, types.NumericOid,
		types.TextOid, types.BoolOid, types.TimestampOid, types.IntervalOid, types.Int4ArrayOid} {
		ag.Columns = append(ag.Columns, col(i+1, strings.Fields("g i j k f r n s b ts iv a")[i], types.T(o)))
	}
	s = s.Put(ag)
	return s.Put(&catalog.View{OID: 16440, SchemaID: catalog.PublicSchema, Name: "vw", Query: "SELECT id, b FROM t",
		Columns: []catalog.Column{col(1, "id", types.T(types.Int4Oid)), col(2, "b", types.T(types.TextOid))}})
}

func testEnv(sql string) *Env {
	return &Env{Catalog: testCatalog(), SearchPath: []string{"public"}, Text: sql}
}

func readLines(t *testing.T, name string) []string {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []string
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		out = append(out, sc.Text())
	}
	return out
}

func connect(t *testing.T) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(context.Background(), *oracle)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"drop schema public cascade; create schema public", schemaSQL, "set timezone to 'UTC'"} {
		if _, err := c.Exec(context.Background(), q).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// errorLine is how a golden file shows an error.
func errorLine(code, msg, detail, hint string, pos int) string {
	s := fmt.Sprintf("ERROR %s %s", code, msg)
	if pos > 0 {
		s += fmt.Sprintf(" @%d", pos)
	}
	if detail != "" {
		s += " DETAIL: " + detail
	}
	if hint != "" {
		s += " HINT: " + hint
	}
	return strings.ReplaceAll(s, "\n", "\\n")
}

func oracleError(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return "FAILED " + err.Error()
	}
	return errorLine(e.Code, e.Message, e.Detail, e.Hint, int(e.Position))
}

func ourError(err error) string {
	e := pgerr.From(err)
	return errorLine(e.Code, e.Message, e.Detail, e.Hint, e.Position)
}

// golden compares answers with a golden file, or rewrites it.
func golden(t *testing.T, name string, lines []string, ask func(c *pgconn.PgConn, line string) string, answer func(line string) string) {
	path := "testdata/" + name
	if *rewrite {
		c := connect(t)
		defer c.Close(context.Background())
		var b strings.Builder
		for _, l := range lines {
			b.WriteString(ask(c, l) + "\n")
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := readLines(t, name)
	if len(want) != len(lines) {
		t.Fatalf("%s has %d lines for %d questions", path, len(want), len(lines))
	}
	bad := 0
	for i, l := range lines {
		if got := answer(l); got != want[i] {
			bad++
			t.Errorf("%s\n got %s\nwant %s", l, got, want[i])
		}
	}
	if bad > 0 {
		t.Logf("%d of %d differ", bad, len(lines))
	}
}

// TestExpressionsAgreeWithPostgreSQL evaluates expressions row by row and over a batch.
func TestExpressionsAgreeWithPostgreSQL(t *testing.T) {
	lines := readLines(t, "expressions.sql")
	golden(t, "expressions.golden", lines, askExpression, func(l string) (s string) {
		defer func() {
			if r := recover(); r != nil {
				s = fmt.Sprintf("PANIC %v", r)
			}
		}()
		return evaluate("select " + l)
	})
}

func askExpression(c *pgconn.PgConn, l string) string {
	r := c.ExecParams(context.Background(), "select "+l, nil, nil, nil, nil).Read()
	if r.Err != nil {
		return oracleError(r.Err)
	}
	t := types.FormatType(types.T(types.Oid(r.FieldDescriptions[0].DataTypeOID)))
	if r.Rows[0][0] == nil {
		return t + " NULL"
	}
	return t + " = " + strings.ReplaceAll(string(r.Rows[0][0]), "\n", "\\n")
}

func evaluate(sql string) string {
	stmt, err := parse.ParseOne(sql)
	if err != nil {
		return ourError(err)
	}
	a, err := Analyze(stmt, testEnv(sql))
	if err != nil {
		return ourError(err)
	}
	n := a.Query.Targets[0].Expr
	c, err := expr.Compile(n, nil)
	if err != nil {
		return ourError(err)
	}
	ctx := &expr.EvalContext{Context: context.Background(), TxnTime: time.Now(), StatementTime: time.Now(), Subplan: toySubplan}
	d, err := c.EvalRow(ctx, nil)
	out := types.NewVec(n.ResultType(), 3)
	verr := c.Eval(ctx, &types.Batch{N: 3}, &out)
	if err != nil {
		if verr == nil {
			return "the batch form did not fail"
		}
		return ourError(err)
	}
	if verr != nil {
		return "the batch form failed: " + verr.Error()
	}
	typ := types.FormatType(types.T(n.ResultType().Oid))
	if d.IsNull() {
		return typ + " NULL"
	}
	text := types.Text(n.ResultType().Oid, d, regNames)
	for i := range 3 {
		if v := types.Text(n.ResultType().Oid, out.Get(i), regNames); v != text {
			return "the batch form gave " + v + " for " + text
		}
	}
	return typ + " = " + strings.ReplaceAll(text, "\n", "\\n")
}

// regNames shows the types that regtype values stand for.
var regNames = func() *types.IOEnv {
	env := *types.DefaultIOEnv
	env.RegOut = func(t types.Oid, v uint32) (string, bool) {
		return types.FormatType(types.T(types.Oid(v))), t == types.RegtypeOid
	}
	return &env
}()

// toySubplan runs the few subqueries of the test: VALUES-like selects with constant results.
func toySubplan(ctx *expr.EvalContext, plan any, _ []types.Datum, yield func([]types.Datum) (bool, error)) error {
	q := plan.(*Query)
	if q.Where != nil {
		c, err := expr.Compile(q.Where, nil)
		if err != nil {
			return err
		}
		if d, err := c.EvalRow(ctx, nil); err != nil || !d.Bool() {
			return err
		}
	}
	var row []types.Datum
	for _, t := range q.Targets {
		c, err := expr.Compile(t.Expr, nil)
		if err != nil {
			return err
		}
		d, err := c.EvalRow(ctx, nil)
		if err != nil {
			return err
		}
		row = append(row, d)
	}
	_, err := yield(row)
	return err
}

// TestStatementsAgreeWithPostgreSQL compares result columns, parameter types and errors.
func TestStatementsAgreeWithPostgreSQL(t *testing.T) {
	var lines []string
	for _, l := range readLines(t, "statements.sql") {
		if l != "" && !strings.HasPrefix(l, "--") {
			lines = append(lines, l)
		}
	}
	golden(t, "statements.golden", lines, askColumns, func(l string) string { return describeIn(l, testEnv(l)) })
}

func askColumns(c *pgconn.PgConn, l string) string {
	d, err := c.Prepare(context.Background(), "", l, nil)
	if err != nil {
		return oracleError(err)
	}
	var out []string
	for _, f := range d.Fields {
		out = append(out, f.Name+" "+types.FormatType(types.Type{Oid: types.Oid(f.DataTypeOID), Mod: f.TypeModifier}))
	}
	var ps []string
	for _, p := range d.ParamOIDs {
		ps = append(ps, types.FormatType(types.T(types.Oid(p))))
	}
	return "(" + strings.Join(out, ", ") + ") params (" + strings.Join(ps, ", ") + ")"
}

func describeIn(l string, env *Env) (s string) {
	defer func() {
		if r := recover(); r != nil {
			s = fmt.Sprintf("PANIC %v", r)
		}
	}()
	stmt, err := parse.ParseOne(l)
	if err != nil {
		return ourError(err)
	}
	a, err := Analyze(stmt, env)
	if err != nil {
		return ourError(err)
	}
	var out, ps []string
	for _, c := range a.Columns() {
		out = append(out, c.Name+" "+types.FormatType(c.Expr.ResultType()))
	}
	for _, p := range a.Params {
		ps = append(ps, types.FormatType(p))
	}
	return "(" + strings.Join(out, ", ") + ") params (" + strings.Join(ps, ", ") + ")"
}

// TestDeparseAgreesWithPostgreSQL prints CHECK expressions as pg_get_constraintdef shows them, and reads them back.
func TestDeparseAgreesWithPostgreSQL(t *testing.T) {
	lines := readLines(t, "checks.sql")
	golden(t, "checks.golden", lines, func(c *pgconn.PgConn, l string) string {
		ctx := context.Background()
		if _, err := c.Exec(ctx, "alter table t drop constraint if exists k; alter table t add constraint k check ("+l+")").ReadAll(); err != nil {
			return oracleError(err)
		}
		r := c.ExecParams(ctx, "select pg_get_expr(conbin, conrelid) from pg_constraint where conname = 'k'", nil, nil, nil, nil).Read()
		return strings.ReplaceAll(string(r.Rows[0][0]), "\n", "\\n")
	}, func(l string) string {
		out := deparseCheck(l)
		again := deparseCheck(strings.ReplaceAll(out, "\\n", "\n"))
		if third := deparseCheck(strings.ReplaceAll(again, "\\n", "\n")); third != again || strings.HasPrefix(again, "ERROR") {
			return out + " reads back as " + again
		}
		return out
	})
}

func deparseCheck(l string) string {
	e, err := parse.ParseExpr(l)
	if err != nil {
		return ourError(err)
	}
	env := testEnv("")
	n, err := AnalyzeExpr(e, ExprScope{Kind: CheckExpr, Table: env.Catalog.Table(16400)}, env)
	if err != nil {
		return ourError(err)
	}
	return strings.ReplaceAll(expr.Deparse(n, nil, nil), "\n", "\\n")
}

// fileTables are PostgreSQL's own system relations, by their columns.
type fileTables map[string]*VirtualTable

func (f fileTables) Lookup(schema, name string) *VirtualTable { return f[schema+"."+name] }

func systemRelations(t *testing.T) fileTables {
	out := fileTables{}
	for _, l := range readLines(t, "system_relations.tsv") {
		f := strings.Split(l, "\t")
		v := &VirtualTable{Schema: f[0], Name: f[1]}
		fmt.Sscan(f[2], &v.OID)
		for _, c := range strings.Split(f[3], ",") {
			p := strings.Split(c, ":")
			col := Column{Name: p[0]}
			fmt.Sscan(p[1], &col.Type.Oid)
			fmt.Sscan(p[2], &col.Type.Mod)
			v.Columns = append(v.Columns, col)
		}
		out[f[0]+"."+f[1]] = v
	}
	return out
}

// TestIntrospectionQueriesAreUnderstood analyses what psql and ORMs ask the system catalog.
func TestIntrospectionQueriesAreUnderstood(t *testing.T) {
	virtual := systemRelations(t)
	golden(t, "introspection.golden", readLines(t, "introspection.sql"), askColumns, func(l string) string {
		env := testEnv(l)
		env.Virtual = virtual
		return describeIn(l, env)
	})
}

// aggRows are the rows of the table agg of schemaSQL.
var aggRows = [][]string{
	{"1", "1", "10", "100", "1.5", "1.25", "1.10", "x", "t", "2024-01-01", "1 day", "{1,2}"},
	{"1", "2", "20", "200", "2.5", "2.25", "2.205", "y", "f", "2024-02-01", "2 hours", "{3,4}"},
	{"1"},
	{"2", "3", "30", "9223372036854775807", "3", "3", "3", "z", "t", "2023-05-05", "3 mons", "{0,9}"},
	{"2", "3", "-7", "9223372036854775807", "3", "-3", "100", "x", "t", "2025-05-05", "-1 day", "{5,5}"},
}

func aggBatch(t *testing.T, table *catalog.Table) *types.Batch {
	t.Helper()
	ts := make([]types.Type, len(table.Columns))
	for i, c := range table.Columns {
		ts[i] = c.Type
	}
	b := types.NewBatch(ts, len(aggRows))
	for _, r := range aggRows {
		row := make([]types.Datum, len(ts))
		for i, s := range r {
			d, err := types.ParseText(ts[i], s, types.DefaultIOEnv)
			if err != nil {
				t.Fatal(err)
			}
			row[i] = d
		}
		b.AppendRow(row)
	}
	return b
}

// TestAggregatesAgreeWithPostgreSQL computes aggregates of two groups by batches, by rows, and merged from two parts.
func TestAggregatesAgreeWithPostgreSQL(t *testing.T) {
	batch := aggBatch(t, testCatalog().Table(16450))
	golden(t, "aggregates.golden", readLines(t, "aggregates.sql"), func(c *pgconn.PgConn, l string) string {
		r := c.ExecParams(context.Background(), "select g, "+l+" from agg group by g order by g", nil, nil, nil, nil).Read()
		if r.Err != nil {
			return oracleError(r.Err)
		}
		out := types.FormatType(types.T(types.Oid(r.FieldDescriptions[1].DataTypeOID)))
		for _, row := range r.Rows {
			out += " | " + string(row[1])
		}
		return out
	}, func(l string) string { return aggregate(l, batch) })
}

func aggregate(l string, in *types.Batch) string {
	sql := "select " + l + " from agg"
	stmt, err := parse.ParseOne(sql)
	if err != nil {
		return ourError(err)
	}
	an, err := Analyze(stmt, testEnv(""))
	if err != nil {
		return ourError(err)
	}
	agg := an.Query.Targets[0].Expr.(*expr.Aggregate)
	var ts []types.Type
	var cols []*types.Vec
	ctx := &expr.EvalContext{Context: context.Background()}
	for _, a := range agg.Args {
		n, _ := expr.Rewrite(a, func(k expr.Node) (expr.Node, error) {
			if v, ok := k.(*expr.Var); ok {
				return &expr.Column{Index: v.Col, Type: v.Type}, nil
			}
			return k, nil
		})
		c, err := expr.Compile(n, nil)
		if err != nil {
			return ourError(err)
		}
		v := types.NewVec(n.ResultType(), in.N)
		if err := c.Eval(ctx, in, &v); err != nil {
			return ourError(err)
		}
		cols, ts = append(cols, &v), append(ts, n.ResultType())
	}
	groups := []int32{0, 0, 0, 1, 1}
	results := map[string]string{}
	for name, add := range map[string]func() (expr.AggState, error){
		"batch": func() (expr.AggState, error) {
			s := agg.Fn.NewState(ts, agg.Type)
			s.Grow(2)
			return s, s.Accumulate(ctx, groups, cols, nil, in.N)
		},
		"rows": func() (expr.AggState, error) {
			s := agg.Fn.NewState(ts, agg.Type)
			s.Grow(2)
			for i := range in.N {
				var row []types.Datum
				for _, c := range cols {
					row = append(row, c.Get(i))
				}
				if err := s.AccumulateRow(ctx, int(groups[i]), row); err != nil {
					return s, err
				}
			}
			return s, nil
		},
		"merge": func() (expr.AggState, error) {
			a, b := agg.Fn.NewState(ts, agg.Type), agg.Fn.NewState(ts, agg.Type)
			a.Grow(2)
			b.Grow(2)
			if err := a.Accumulate(ctx, groups, cols, []int32{0, 3}, in.N); err != nil {
				return a, err
			}
			if err := b.Accumulate(ctx, groups, cols, []int32{1, 2, 4}, in.N); err != nil {
				return a, err
			}
			return a, a.Merge(ctx, b, []int32{0, 1})
		},
	} {
		s, err := add()
		out := types.FormatType(types.T(agg.Type.Oid))
		for g := range 2 {
			if err != nil {
				break
			}
			var d types.Datum
			d, err = s.Result(ctx, g)
			out += " | " + types.Text(agg.Type.Oid, d, types.DefaultIOEnv)
		}
		if err != nil {
			out = ourError(err)
		}
		results[name] = out
	}
	if results["rows"] != results["batch"] || results["merge"] != results["batch"] {
		return fmt.Sprint(results)
	}
	return results["batch"]
}
