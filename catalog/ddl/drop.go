package ddl

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// maxReportedDependents bounds the lines of DETAIL (MAX_REPORTED_DEPS).
const maxReportedDependents = 100

// target is a part that a DROP takes with it, in the order of deletion: dependents before what they depend on.
type target struct {
	part     catalog.Part
	original bool
	auto     bool
	dependee catalog.Part // through which it was reached
}

// dropPlan is PostgreSQL's findDependentObjects.
type dropPlan struct {
	s       *catalog.Snapshot
	targets []target
	onStack map[catalog.Part]bool
}

func (d *dropPlan) index(p catalog.Part) int {
	return slices.IndexFunc(d.targets, func(t target) bool { return t.part == p })
}

// covered reports whether p is within a target already: itself, or a column of a table that goes.
func (d *dropPlan) covered(p catalog.Part) bool {
	if p.Kind == catalog.PartColumn || p.Kind == catalog.PartDefault {
		return d.index(catalog.Part{Kind: catalog.PartTable, OID: p.OID}) >= 0
	}
	return false
}

func (d *dropPlan) visit(p catalog.Part, t target) {
	if d.onStack[p] || d.covered(p) {
		return
	}
	if i := d.index(p); i >= 0 {
		d.targets[i].original = d.targets[i].original || t.original
		d.targets[i].auto = d.targets[i].auto || t.auto
		return
	}
	d.onStack[p] = true
	for _, dep := range d.s.Dependents(p) {
		next := target{part: dep.Part, auto: dep.Type != catalog.Normal, dependee: p}
		part := dep.Part
		if owner, ok := d.s.Requires(part); ok && dep.Type == catalog.Normal && !d.onStack[owner] {
			part, next.part = owner, owner
		}
		d.visit(part, next)
	}
	delete(d.onStack, p)
	t.part = p
	d.targets = append(d.targets, t)
}

// dropParts drops parts and, with Cascade, what depends on them; with Restrict it refuses where something does that is no
// part of what goes.
func (x *Tx) dropParts(ctx context.Context, parts []catalog.Part, b Behavior) error {
	for _, p := range parts {
		if owner, ok := x.s.over.Requires(p); ok && !slices.Contains(parts, owner) {
			return x.requiredError(p, owner)
		}
	}
	plan := &dropPlan{s: x.s.over, onStack: map[catalog.Part]bool{}}
	for _, p := range parts {
		plan.visit(p, target{original: true})
	}
	if err := x.reportDependents(plan.targets, parts, b); err != nil {
		return err
	}
	return x.execute(ctx, plan.targets)
}

func (x *Tx) requiredError(p, owner catalog.Part) error {
	path := x.searchPath()
	ownerText := x.s.over.Describe(path, owner)
	return pgerr.New(pgerr.DependentObjectsStillExist, "cannot drop %s because %s requires it",
		x.s.over.Describe(path, p), ownerText).WithHint("You can drop %s instead.", ownerText)
}

func (x *Tx) reportDependents(targets []target, originals []catalog.Part, b Behavior) error {
	path := x.searchPath()
	var lines []string
	for i := len(targets) - 1; i >= 0; i-- {
		t := &targets[i]
		if t.original || t.auto {
			continue
		}
		desc := x.s.over.Describe(path, t.part)
		if b == Restrict {
			lines = append(lines, desc+" depends on "+x.s.over.Describe(path, t.dependee))
		} else {
			lines = append(lines, "drop cascades to "+desc)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	count := len(lines)
	if count > maxReportedDependents {
		rest := count - maxReportedDependents
		noun := "objects"
		if rest == 1 {
			noun = "object"
		}
		lines = append(lines[:maxReportedDependents], fmt.Sprintf("and %d other %s (see server log for list)", rest, noun))
	}
	detail := strings.Join(lines, "\n")
	if b == Restrict {
		msg := "cannot drop desired object(s) because other objects depend on them"
		if len(originals) == 1 {
			msg = "cannot drop " + x.s.over.Describe(path, originals[0]) + " because other objects depend on it"
		}
		return pgerr.New(pgerr.DependentObjectsStillExist, "%s", msg).WithDetail("%s", detail).
			WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
	}
	if count == 1 {
		x.notice(pgerr.Notice("%s", lines[0]))
	} else {
		x.notice(pgerr.Notice("drop cascades to %d other objects", count).WithDetail("%s", detail))
	}
	return nil
}

// execute carries a plan out: first the locks on every table concerned, then the parts of tables that stay, then whole
// objects.
func (x *Tx) execute(ctx context.Context, targets []target) error {
	gone := map[catalog.Oid]bool{}
	for _, t := range targets {
		if t.part.Kind == catalog.PartTable {
			gone[t.part.OID] = true
		}
	}
	for _, t := range targets {
		if tab := x.tableOf(t.part); tab != 0 {
			if err := x.lock(ctx, tab, AccessExclusiveLock); err != nil {
				return err
			}
		}
	}
	for _, t := range targets {
		if err := x.executeOne(ctx, t.part, gone); err != nil {
			return err
		}
	}
	return nil
}

// tableOf returns the table whose descriptor holds a part, or 0.
func (x *Tx) tableOf(p catalog.Part) catalog.Oid {
	switch p.Kind {
	case catalog.PartTable, catalog.PartColumn, catalog.PartDefault:
		return p.OID
	case catalog.PartIndex:
		if t, _ := x.s.over.Index(p.OID); t != nil {
			return t.OID
		}
	case catalog.PartConstraint:
		if t, _ := x.s.over.Constraint(p.OID); t != nil {
			return t.OID
		}
	case catalog.PartRule:
		if rel, _ := x.s.over.Rule(p.OID); rel.Table != nil {
			return rel.Table.OID
		}
	case catalog.PartPolicy:
		if t, _ := x.s.over.Policy(p.OID); t != nil {
			return t.OID
		}
	case catalog.PartTrigger:
		if rel, _ := x.s.over.Trigger(p.OID); rel.Table != nil {
			return rel.Table.OID
		}
	}
	return 0
}

func (x *Tx) executeOne(ctx context.Context, p catalog.Part, gone map[catalog.Oid]bool) error {
	tab := x.tableOf(p)
	switch p.Kind {
	case catalog.PartTable:
		return x.dropTable(ctx, p.OID, gone)
	case catalog.PartSequence:
		q := x.s.over.Sequence(p.OID)
		if err := x.garbage(ctx, catalog.GarbageSequence, q.Storage); err != nil {
			return err
		}
		return x.remove(ctx, q)
	case catalog.PartView:
		return x.remove(ctx, x.s.over.View(p.OID))
	case catalog.PartRule:
		if tab == 0 || !gone[tab] {
			return x.removeRule(ctx, p.OID)
		}
	case catalog.PartPolicy:
		if tab != 0 && !gone[tab] {
			return x.removePolicy(ctx, tab, p.OID)
		}
		return nil
	case catalog.PartTrigger:
		if tab == 0 || !gone[tab] {
			return x.removeTrigger(ctx, p.OID)
		}
	case catalog.PartType:
		if x.s.over.Type(p.OID) == nil {
			return nil // an array type, which goes with its element type, or a row type, which goes with its table
		}
		return x.remove(ctx, x.s.over.Type(p.OID))
	case catalog.PartFunction:
		return x.remove(ctx, x.s.over.Function(p.OID))
	case catalog.PartExtension:
		return x.remove(ctx, x.s.over.Extension(p.OID))
	case catalog.PartSchema:
		return x.remove(ctx, x.s.over.Schema(p.OID))
	case catalog.PartConstraint:
		if gone[tab] {
			return x.detachParent(ctx, p.OID, gone)
		}
		return x.dropConstraint(ctx, tab, p.OID, gone)
	}
	if tab == 0 || gone[tab] {
		return nil
	}
	t, err := x.alter(ctx, tab)
	if err != nil {
		return err
	}
	switch p.Kind {
	case catalog.PartDefault:
		c := &t.Columns[p.Sub-1]
		c.Default, c.DefaultDeps, c.Generated, c.Uses = "", nil, false, nil
	case catalog.PartColumn:
		dropColumnFrom(t, p.Sub)
	case catalog.PartIndex:
		if i := t.IndexByOID(p.OID); i == nil || i.Constraint != 0 {
			return nil // goes with its constraint
		}
		if err := x.dropIndexFrom(ctx, t, p.OID); err != nil {
			return err
		}
	}
	return x.putTable(ctx, t)
}

// dropTable removes a table. Its foreign keys were detached from their parents before.
func (x *Tx) dropTable(ctx context.Context, oid catalog.Oid, gone map[catalog.Oid]bool) error {
	t, err := x.alter(ctx, oid) // for the new version: plans against the old one are to fail
	if err != nil {
		return err
	}
	if err := x.unlinkParents(ctx, t, gone); err != nil {
		return err
	}
	if err := x.garbage(ctx, catalog.GarbageRows, tableStorages(t)...); err != nil {
		return err
	}
	return x.remove(ctx, t)
}

// detachParent takes a foreign key of a table that goes out of the table that it references, where that stays.
func (x *Tx) detachParent(ctx context.Context, constraint catalog.Oid, gone map[catalog.Oid]bool) error {
	t, c := x.s.over.Constraint(constraint)
	if c == nil || c.FK == nil || c.FK.RefTable == t.OID || gone[c.FK.RefTable] {
		return nil
	}
	if err := x.lock(ctx, c.FK.RefTable, AccessExclusiveLock); err != nil {
		return err
	}
	p, err := x.alter(ctx, c.FK.RefTable)
	if err != nil {
		return err
	}
	p.Inbound = slices.DeleteFunc(p.Inbound, func(in catalog.InboundFK) bool { return in.Constraint == constraint })
	return x.putTable(ctx, p)
}

// dropConstraint removes a constraint, its index and its link to a parent.
func (x *Tx) dropConstraint(ctx context.Context, table, oid catalog.Oid, gone map[catalog.Oid]bool) error {
	if err := x.detachParent(ctx, oid, gone); err != nil {
		return err
	}
	t, err := x.alter(ctx, table)
	if err != nil {
		return err
	}
	c := t.ConstraintByOID(oid)
	if c == nil {
		return nil
	}
	t.Constraints = slices.DeleteFunc(t.Constraints, func(k *catalog.Constraint) bool { return k.OID == oid })
	if c.FK != nil && c.FK.RefTable == t.OID {
		t.Inbound = slices.DeleteFunc(t.Inbound, func(in catalog.InboundFK) bool { return in.Constraint == oid })
	}
	if c.Index != 0 {
		if err := x.dropIndexFrom(ctx, t, c.Index); err != nil {
			return err
		}
	}
	if c.Type == catalog.PrimaryKey {
		return x.rewrite(ctx, t, nil)
	}
	return x.putTable(ctx, t)
}

func (x *Tx) dropIndexFrom(ctx context.Context, t *catalog.Table, oid catalog.Oid) error {
	i := t.IndexByOID(oid)
	if i == nil {
		return nil
	}
	t.Indexes = slices.DeleteFunc(t.Indexes, func(k *catalog.Index) bool { return k.OID == oid })
	if i.RowKey {
		return nil
	}
	if i.Excludes() {
		return x.garbage(ctx, catalog.GarbageRows, i.Storage, i.Marks)
	}
	return x.garbage(ctx, catalog.GarbageRows, i.Storage)
}

// dropColumnFrom leaves the column's place, as stored rows are positional, under PostgreSQL's name for a dropped one.
func dropColumnFrom(t *catalog.Table, n catalog.AttNum) {
	c := &t.Columns[n-1]
	*c = catalog.Column{
		Num: n, Type: c.Type, Dropped: true, Hidden: c.Hidden,
		Name: fmt.Sprintf("........pg.dropped.%d........", n),
	}
}

// Drop is DROP TABLE, INDEX, SEQUENCE and VIEW.
func (x *Tx) Drop(ctx context.Context, kind catalog.RelKind, names []Name, missingOK bool, b Behavior) error {
	x.refresh()
	var parts []catalog.Part
	for _, n := range names {
		p, ok, err := x.dropTarget(ctx, kind, n, missingOK)
		if err != nil {
			return err
		}
		if ok && !slices.Contains(parts, p) {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return x.dropParts(ctx, parts, b)
}

func (x *Tx) dropTarget(ctx context.Context, kind catalog.RelKind, n Name, missingOK bool) (p catalog.Part, ok bool, err error) {
	words := kindNouns[kind]
	if n.Schema != "" && x.s.over.SchemaNamed(x.searchPath(), n.Schema) == nil {
		if missingOK {
			x.notice(pgerr.Notice("schema %q does not exist, skipping", n.Schema))
			return p, false, nil
		}
		return p, false, errNoSchema(n.Schema)
	}
	if err := x.s.over.CheckSchemaUsage(n.Schema, x.user()); err != nil {
		return p, false, err
	}
	for {
		rel, found := x.s.over.LookupRelation(x.searchPath(), n.Schema, n.Name)
		if !found {
			if missingOK {
				x.notice(pgerr.Notice("%s %q does not exist, skipping", words.noun, n.String()))
				return p, false, nil
			}
			e := pgerr.New(pgerr.UndefinedTable, "%s %q does not exist", words.noun, n.String())
			if kind == catalog.KindIndex {
				e.Code = pgerr.UndefinedObject
			}
			return p, false, e
		}
		if rel.Kind != kind {
			return p, false, pgerr.New(pgerr.WrongObjectType, "%q is not %s", n.Name, words.article).WithHint("%s", kindNouns[rel.Kind].drop)
		}
		if s := x.s.over.Schema(rel.SchemaID()); s == nil || !x.owns(s.Owner) {
			if err := x.mustOwn(rel); err != nil {
				return p, false, err
			}
		}
		if rel.Table != nil {
			if err := x.lock(ctx, rel.Table.OID, AccessExclusiveLock); err != nil {
				return p, false, err
			}
		}
		again, found := x.s.over.LookupRelation(x.searchPath(), n.Schema, n.Name)
		if found && again.OID() == rel.OID() {
			return relationPart(rel), true, nil
		}
	}
}

func relationPart(rel catalog.Relation) catalog.Part {
	kind := map[catalog.RelKind]catalog.PartKind{
		catalog.KindTable: catalog.PartTable, catalog.KindIndex: catalog.PartIndex,
		catalog.KindSequence: catalog.PartSequence, catalog.KindView: catalog.PartView, catalog.KindMatView: catalog.PartTable,
	}[rel.Kind]
	return catalog.Part{Kind: kind, OID: rel.OID()}
}

// DropSchemas is DROP SCHEMA.
func (x *Tx) DropSchemas(ctx context.Context, names []string, missingOK bool, b Behavior) error {
	var parts []catalog.Part
	for _, n := range names {
		x.refresh()
		if x.s.over.SchemaByName(n) == nil && missingOK {
			x.notice(pgerr.Notice("schema %q does not exist, skipping", n))
			continue
		}
		s, err := x.lockSchema(ctx, n)
		if err != nil {
			return err
		}
		if err := x.mustOwnSchema(s); err != nil {
			return err
		}
		if s.OID == catalog.PgCatalogSchema {
			return pgerr.New(pgerr.DependentObjectsStillExist, "cannot drop schema %s because it is required by the database system", s.Name)
		}
		parts = append(parts, catalog.Part{Kind: catalog.PartSchema, OID: s.OID})
	}
	if len(parts) == 0 {
		return nil
	}
	return x.dropParts(ctx, parts, b)
}
