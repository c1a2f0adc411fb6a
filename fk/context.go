package fk

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// PostgreSQL runs referential actions as SQL statements, and an error within one carries the statement's text as CONTEXT.
// Clients see it, so errors of actions have the same text here.

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// statement is the text of PostgreSQL's query for an action: assigned are the SET items, none for a DELETE.
func (k *Key) statement(assigned []string) string {
	var b strings.Builder
	table := only(k.DeclaredOn) + quoted(k.DeclaredSchema) + "." + quoted(k.DeclaredOn.Name)
	if assigned == nil {
		b.WriteString("DELETE FROM " + table)
	} else {
		b.WriteString("UPDATE " + table + " SET " + strings.Join(assigned, ", "))
	}
	first := 1
	if len(assigned) > 0 && strings.Contains(assigned[0], "$1") {
		first = len(assigned) + 1 // ON UPDATE CASCADE: the new key's values come first
	}
	for i, c := range k.ChildCols {
		if i == 0 {
			b.WriteString(" WHERE ")
		} else {
			b.WriteString(" AND ")
		}
		b.WriteString(param(first+i) + " OPERATOR(pg_catalog.=) " + quoted(k.Child.Columns[c].Name))
	}
	return b.String()
}

// InCheck adds the CONTEXT of a check's query to an error of locking the parent.
func (k *Key) InCheck(err *pgerr.Error) error {
	var b strings.Builder
	b.WriteString("SELECT 1 FROM " + only(k.Parent) + quoted(k.ParentSchema) + "." + quoted(k.Parent.Name) + " x")
	for i, c := range k.ParentCols {
		if i == 0 {
			b.WriteString(" WHERE ")
		} else {
			b.WriteString(" AND ")
		}
		b.WriteString(quoted(k.Parent.Columns[c].Name) + " OPERATOR(pg_catalog.=) " + param(1+i))
	}
	return err.WithWhere("SQL statement \"%s FOR KEY SHARE OF x\"", b.String())
}

func only(t *catalog.Table) string {
	if t.Partitioning != nil {
		return ""
	}
	return "ONLY "
}

func param(n int) string {
	if n < 10 {
		return "$" + string(rune('0'+n))
	}
	return "$" + string(rune('0'+n/10)) + string(rune('0'+n%10))
}

// assignments are the SET items of an action on the columns.
func (k *Key) assignments(action catalog.Action, cols []int) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = quoted(k.Child.Columns[c].Name) + " = "
		switch action {
		case catalog.SetNull:
			out[i] += "NULL"
		case catalog.SetDefault:
			out[i] += "DEFAULT"
		default:
			out[i] += param(i + 1)
		}
	}
	return out
}

// finding adds the action's CONTEXT line to the error of a child that another transaction has changed too lately.
func (k *Key) finding(err error, assigned []string) error {
	if !pgerr.HasCode(err, pgerr.SerializationFailure) {
		return err
	}
	return k.within(err, assigned)
}

// within adds the action's CONTEXT line to an error of its writes. The error of a foreign key itself has none: it comes
// from the trigger that fires later.
func (k *Key) within(err error, assigned []string) error {
	if err == nil {
		return nil
	}
	e, ok := err.(*pgerr.Error)
	if !ok || e.Code == pgerr.ForeignKeyViolation || e.Where != "" {
		return err
	}
	return e.Clone().WithWhere("SQL statement \"%s\"", k.statement(assigned))
}
