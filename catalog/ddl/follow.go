package ddl

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Stored expressions are text over the columns of one table, and their names are few: a change of one is written into the
// texts. (What views name is bound to objects instead: catalog.ViewDep.)

// rewriteExpressions replaces every stored expression of a table by what f makes of it, and reports whether any changed.
func rewriteExpressions(t *catalog.Table, f func(text string) (string, error)) (changed bool, err error) {
	rewrite := func(text *string) {
		if *text == "" || err != nil {
			return
		}
		var out string
		if out, err = f(*text); err == nil && out != *text {
			*text, changed = out, true
		}
	}
	for i := range t.Columns {
		if !t.Columns[i].Dropped {
			rewrite(&t.Columns[i].Default)
		}
	}
	for _, k := range t.Constraints {
		rewrite(&k.Check)
	}
	for _, i := range t.Indexes {
		for k := range i.Columns {
			rewrite(&i.Columns[k].Expr)
		}
		rewrite(&i.Predicate)
	}
	return changed, err
}

// followAttribute renames an attribute of a composite type in the stored expressions that select it; old is the catalog as
// it was. The table whose row type it is, 0 for none, has no columns of its own type.
func (x *Tx) followAttribute(ctx context.Context, old *catalog.Snapshot, own catalog.Oid, from, to string) error {
	var tables []*catalog.Table
	var domains []*catalog.Type
	x.s.over.Tables(func(t *catalog.Table) bool {
		if t.OID != own {
			tables = append(tables, t)
		}
		return true
	})
	x.s.over.Types(func(t *catalog.Type) bool {
		if t.Domain != nil {
			domains = append(domains, t)
		}
		return true
	})
	for _, t := range tables {
		rename := func(text string) (string, error) {
			return x.cfg.Exprs.RenameAttribute(old, x.s.over, t, types.Type{}, text, from, to)
		}
		if changed, err := rewriteExpressions(t.Clone(), rename); err != nil || !changed {
			if err != nil {
				return err
			}
			continue
		}
		c, err := x.alter(ctx, t.OID)
		if err != nil {
			return err
		}
		if _, err := rewriteExpressions(c, rename); err != nil {
			return err
		}
		if err := x.putTable(ctx, c); err != nil {
			return err
		}
	}
	for _, t := range domains {
		if err := x.followInDomain(ctx, old, t, from, to); err != nil {
			return err
		}
	}
	return nil
}

func (x *Tx) followInDomain(ctx context.Context, old *catalog.Snapshot, t *catalog.Type, from, to string) error {
	c := *t
	d := *t.Domain
	c.Domain = &d
	d.Checks = append([]catalog.DomainCheck(nil), d.Checks...)
	changed := false
	rename := func(text *string, value types.Type) error {
		if *text == "" {
			return nil
		}
		out, err := x.cfg.Exprs.RenameAttribute(old, x.s.over, nil, value, *text, from, to)
		if err == nil && out != *text {
			*text, changed = out, true
		}
		return err
	}
	if err := rename(&d.Default, types.Type{}); err != nil {
		return err
	}
	for i := range d.Checks {
		if err := rename(&d.Checks[i].Expr, d.Base); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	return x.put(ctx, &c)
}
