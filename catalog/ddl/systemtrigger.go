package ddl

import (
	"context"
	"strconv"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// PostgreSQL's foreign keys are triggers: on the referencing table one that checks what is written, on the referenced table one
// that acts when a key goes. ENABLE and DISABLE TRIGGER ALL mean these, too. Here a foreign key says of itself whether its
// checks are off, and the referenced table of each foreign key that references it whether its actions are: so what changes is
// the descriptor of the table that was named, and the schema change of that table is what keeps writes by the old state out.
// Nothing is checked when they are turned on again.

// systemTrigger names the first trigger that PostgreSQL would have made for a constraint of the table; "" where there is none.
func systemTrigger(t *catalog.Table) string {
	name := func(prefix string, constraint catalog.Oid) string {
		return prefix + strconv.FormatUint(uint64(constraint), 10)
	}
	for _, c := range t.Constraints {
		if c.Deferrable && c.Type == catalog.PrimaryKey || c.Deferrable && c.Type == catalog.Unique {
			return name("PK_ConstraintTrigger_", c.OID)
		}
	}
	if len(t.Inbound) > 0 {
		return name("RI_ConstraintTrigger_a_", t.Inbound[0].Constraint)
	}
	if keys := t.ForeignKeys(); len(keys) > 0 {
		return name("RI_ConstraintTrigger_c_", keys[0].OID)
	}
	return ""
}

// setSystemTriggers turns the foreign keys of a table, and those that reference it, on or off for what is written to it. of
// are the foreign keys of the partitioned table above whose copies alone are meant; nil: all.
func (x *Tx) setSystemTriggers(ctx context.Context, table catalog.Oid, off, recurse bool, of map[catalog.Oid]bool) error {
	t := x.s.over.Table(table)
	if name := systemTrigger(t); name != "" && !x.superuser() {
		return pgerr.New(pgerr.InsufficientPrivilege, "permission denied: \"%s\" is a system trigger", name)
	}
	meant := map[catalog.Oid]bool{}
	changed := false
	note := func(c *catalog.Constraint, now bool) {
		if c != nil && (of == nil || of[c.Parent]) {
			meant[c.OID] = true
			changed = changed || now != off
		}
	}
	for _, c := range t.ForeignKeys() {
		note(c, c.FK.Unchecked)
	}
	for _, in := range t.Inbound {
		if child := x.s.over.Table(in.Table); child != nil {
			note(child.ConstraintByOID(in.Constraint), in.Inactive)
		}
	}
	if changed {
		c, err := x.alter(ctx, table)
		if err != nil {
			return err
		}
		for _, k := range c.ForeignKeys() {
			if meant[k.OID] {
				k.FK.Unchecked = off
			}
		}
		for i := range c.Inbound {
			if in := &c.Inbound[i]; meant[in.Constraint] {
				in.Inactive = off
			}
		}
		if err := x.putTable(ctx, c); err != nil {
			return err
		}
	}
	if !recurse || t.Partitioning == nil || len(meant) == 0 {
		return nil
	}
	for _, child := range t.Children {
		if err := x.lock(ctx, child, ShareRowExclusiveLock); err != nil {
			return err
		}
		if err := x.setSystemTriggers(ctx, child, off, true, meant); err != nil {
			return err
		}
	}
	return nil
}
