package exec

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The constraint errors, in PostgreSQL's words.

func schemaName(c *Context, t *catalog.Table) string {
	if c.Catalog == nil {
		return ""
	}
	return c.Catalog.SchemaName(t.SchemaID)
}

func ioEnv(c *Context) *types.IOEnv {
	if c.Eval != nil {
		return c.Eval.IO()
	}
	return types.DefaultIOEnv
}

// failingRow is PostgreSQL's "Failing row contains (…)": values in column order, long ones cut to 64 bytes.
func failingRow(c *Context, t *catalog.Table, row []types.Datum) string {
	var b strings.Builder
	b.WriteString("Failing row contains (")
	first := true
	for i := range t.Columns {
		if t.Columns[i].Dropped || t.Columns[i].Hidden {
			continue
		}
		if !first {
			b.WriteString(", ")
		}
		first = false
		if row[i].IsNull() {
			b.WriteString("null")
			continue
		}
		s := string(types.AppendText(nil, t.Columns[i].Type.Oid, row[i], ioEnv(c)))
		if len(s) > 64 {
			cut := 64
			for cut > 0 && s[cut]&0xc0 == 0x80 {
				cut--
			}
			s = s[:cut] + "..."
		}
		b.WriteString(s)
	}
	b.WriteString(").")
	return b.String()
}

func errNotNull(c *Context, t *catalog.Table, col *catalog.Column, row []types.Datum) error {
	return pgerr.New(pgerr.NotNullViolation, "null value in column %q of relation %q violates not-null constraint", col.Name, t.Name).
		WithDetail("%s", failingRow(c, t, row)).WithTable(schemaName(c, t), t.Name).WithColumn(col.Name)
}

func errCheck(c *Context, t *catalog.Table, name string, row []types.Datum) error {
	return pgerr.New(pgerr.CheckViolation, "new row for relation %q violates check constraint %q", t.Name, name).
		WithDetail("%s", failingRow(c, t, row)).WithTable(schemaName(c, t), t.Name).WithConstraint(name)
}

// keyText is "(a, b)=(1, 2)", with the names as an index definition prints them.
func keyText(c *Context, t *catalog.Table, cols []keyColumn, row []types.Datum) string {
	var names, vals strings.Builder
	for i, k := range cols {
		if i > 0 {
			names.WriteString(", ")
			vals.WriteString(", ")
		}
		names.WriteString(catalog.QuoteIdent(t.Columns[k.at].Name))
		if row[k.at].IsNull() {
			vals.WriteString("null")
			continue
		}
		vals.Write(types.AppendText(nil, k.oid, row[k.at], ioEnv(c)))
	}
	return "(" + names.String() + ")=(" + vals.String() + ")"
}

func errDuplicate(c *Context, t *catalog.Table, x *indexInfo, row []types.Datum) error {
	return pgerr.New(pgerr.UniqueViolation, "duplicate key value violates unique constraint %q", x.name()).
		WithDetail("%s", "Key "+keyText(c, t, x.cols, row)+" already exists.").
		WithTable(schemaName(c, t), t.Name).WithConstraint(x.name())
}

func errSecondTime() error {
	return pgerr.New(pgerr.CardinalityViolation, "ON CONFLICT DO UPDATE command cannot affect row a second time").
		WithHint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.")
}

func errSerialize(what string) error {
	return pgerr.New(pgerr.SerializationFailure, "could not serialize access due to concurrent %s", what)
}
