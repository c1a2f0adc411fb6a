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

func tableRelation(t *catalog.Table) catalog.Relation {
	return catalog.Relation{Kind: catalog.KindTable, Table: t}
}

// readsTable reports whether the current role may read the table as a whole.
func (c *Context) readsTable(t *catalog.Table) bool {
	if c.Role == 0 || c.Catalog == nil {
		return true
	}
	p, _ := c.Catalog.RelationPrivileges(tableRelation(t), c.Role)
	return p&catalog.PrivSelect != 0
}

// hidesRows reports whether row-level security keeps rows of the table from the current role: messages show none then.
func (c *Context) hidesRows(t *catalog.Table) bool {
	return t.RowSecurity && c.Role != 0 && c.Catalog != nil && c.Catalog.RowSecurityFor(t, c.Role) == catalog.RowSecurityOn
}

// readable reports whether the current role may read columns (attnum-1).
func (c *Context) readable(t *catalog.Table, cols []int) bool {
	if c.hidesRows(t) {
		return false
	}
	if c.readsTable(t) {
		return true
	}
	for _, i := range cols {
		if p, _ := c.Catalog.ColumnPrivileges(tableRelation(t), t.Columns[i].Num, c.Role); p&catalog.PrivSelect == 0 {
			return false
		}
	}
	return true
}

// failingRow is PostgreSQL's "Failing row contains (…)": values in column order, long ones cut to 64 bytes. Who may not read
// the table is shown the columns that he may read or has written, with their names, and nothing where there are none.
func failingRow(c *Context, t *catalog.Table, row []types.Datum) string {
	if c.hidesRows(t) {
		return ""
	}
	var b, names strings.Builder
	all := c.readsTable(t)
	first := true
	for i := range t.Columns {
		col := &t.Columns[i]
		if col.Dropped || col.Hidden || !all && !c.Permissions.Writes(t.OID, col.Num) && !c.readable(t, []int{i}) {
			continue
		}
		if !first {
			b.WriteString(", ")
			names.WriteString(", ")
		}
		first = false
		names.WriteString(col.Name)
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
	switch {
	case first:
		return ""
	case all:
		return "Failing row contains (" + b.String() + ")."
	}
	return "Failing row contains (" + names.String() + ") = (" + b.String() + ")."
}

func errNotNull(c *Context, t *catalog.Table, col *catalog.Column, failing string) error {
	return pgerr.New(pgerr.NotNullViolation, "null value in column %q of relation %q violates not-null constraint", col.Name, t.Name).
		WithDetail("%s", failing).WithTable(schemaName(c, t), t.Name).WithColumn(col.Name)
}

func errCheck(c *Context, t *catalog.Table, name, failing string) error {
	return pgerr.New(pgerr.CheckViolation, "new row for relation %q violates check constraint %q", t.Name, name).
		WithDetail("%s", failing).WithTable(schemaName(c, t), t.Name).WithConstraint(name)
}

// errRowSecurity says that row-level security does not allow a new row; policy is "" for the permissive ones together.
func errRowSecurity(t *catalog.Table, policy string) error {
	if policy == "" {
		return pgerr.New(pgerr.InsufficientPrivilege, "new row violates row-level security policy for table %q", t.Name)
	}
	return pgerr.New(pgerr.InsufficientPrivilege, "new row violates row-level security policy %q for table %q", policy, t.Name)
}

// errTargetSecurity says that row-level security does not allow to change the row that ON CONFLICT found.
func errTargetSecurity(t *catalog.Table, policy string) error {
	if policy == "" {
		return pgerr.New(pgerr.InsufficientPrivilege, "new row violates row-level security policy (USING expression) for table %q", t.Name)
	}
	return pgerr.New(pgerr.InsufficientPrivilege, "new row violates row-level security policy %q (USING expression) for table %q", policy, t.Name)
}

func errViewCheck(c *Context, t *catalog.Table, view string, row []types.Datum) error {
	return pgerr.New(pgerr.WithCheckOptionViolation, "new row violates check option for view %q", view).
		WithDetail("%s", failingRow(c, t, row))
}

// keyText is "(a, b)=(1, 2)", with the names as an index definition prints them.
func keyText(c *Context, t *catalog.Table, cols []keyColumn, row []types.Datum) string {
	var names, vals strings.Builder
	for i, k := range cols {
		if i > 0 {
			names.WriteString(", ")
			vals.WriteString(", ")
		}
		names.WriteString(columnText(c, t, k))
		if row[k.at].IsNull() {
			vals.WriteString("null")
			continue
		}
		vals.Write(types.AppendText(nil, k.oid, row[k.at], ioEnv(c)))
	}
	return "(" + names.String() + ")=(" + vals.String() + ")"
}

// columnText names a key column as an index definition does.
func columnText(c *Context, t *catalog.Table, k keyColumn) string {
	switch {
	case k.expr == "":
		return catalog.QuoteIdent(t.Columns[k.at].Name)
	case c.IndexExpression != nil:
		return c.IndexExpression(c.Catalog, t, k.expr)
	}
	return "(" + k.expr + ")"
}

func errDuplicate(c *Context, t *catalog.Table, x *indexInfo, row []types.Datum) error {
	err := pgerr.New(pgerr.UniqueViolation, "duplicate key value violates unique constraint %q", x.name()).
		WithTable(schemaName(c, t), t.Name).WithConstraint(x.name())
	if !c.readsKey(t, x) {
		return err
	}
	return err.WithDetail("%s", "Key "+keyText(c, t, x.cols, row)+" already exists.")
}

// readsKey reports whether errors may show the values of an index's columns.
func (c *Context) readsKey(t *catalog.Table, x *indexInfo) bool {
	cols := make([]int, len(x.cols))
	for i, k := range x.cols {
		if k.at >= len(t.Columns) && !c.readsTable(t) {
			return false // whose columns it is made of does not count
		}
		cols[i] = k.at
	}
	return c.readable(t, cols)
}

// errExcluded is the error for a row that an exclusion constraint does not admit beside another.
func errExcluded(c *Context, t *catalog.Table, x *indexInfo, row, other []types.Datum) error {
	err := pgerr.New(pgerr.ExclusionViolation, "conflicting key value violates exclusion constraint %q", x.name()).
		WithTable(schemaName(c, t), t.Name).WithConstraint(x.name())
	if !c.readsKey(t, x) {
		return err
	}
	return err.WithDetail("%s", "Key "+keyText(c, t, x.cols, row)+" conflicts with existing key "+keyText(c, t, x.cols, other)+".")
}

// errExcludes is the error for two rows that a new exclusion constraint does not admit beside each other.
func errExcludes(c *Context, t *catalog.Table, x *indexInfo, row, other []types.Datum) error {
	return pgerr.New(pgerr.ExclusionViolation, "could not create exclusion constraint %q", x.name()).
		WithTable(schemaName(c, t), t.Name).WithConstraint(x.name()).
		WithDetail("%s", "Key "+keyText(c, t, x.cols, row)+" conflicts with key "+keyText(c, t, x.cols, other)+".")
}

// errDeferrableArbiter refuses a deferrable constraint that ON CONFLICT would have to look at.
func errDeferrableArbiter(c *Context, t *catalog.Table, x *indexInfo) error {
	return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters").
		WithTable(schemaName(c, t), t.Name).WithConstraint(x.name())
}

func errSecondTime() error {
	return pgerr.New(pgerr.CardinalityViolation, "ON CONFLICT DO UPDATE command cannot affect row a second time").
		WithHint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.")
}

func errSerialize(what string) error {
	return pgerr.New(pgerr.SerializationFailure, "could not serialize access due to concurrent %s", what)
}

// errModifiedByTrigger is the error for a row that a trigger or function has changed meanwhile.
func errModifiedByTrigger(verb string) error {
	return pgerr.New(pgerr.TriggeredDataChangeViolation, "tuple to be %s was already modified by an operation triggered by the current command", verb).
		WithHint("Consider using an AFTER trigger instead of a BEFORE trigger to propagate changes to other rows.")
}
