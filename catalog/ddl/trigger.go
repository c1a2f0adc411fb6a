package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// TriggerSpec is CREATE TRIGGER: Columns are the names of UPDATE OF, and the condition's names are bound as a view's are.
type TriggerSpec struct {
	Name       string
	Replace    bool
	Constraint bool
	Type       catalog.TriggerType
	Function   catalog.Oid
	Columns    []string
	Args       []string
	When       string
	Deps       []catalog.ViewDep
	OldTable   string
	NewTable   string
	From       catalog.Oid
	Deferrable bool
	Deferred   bool
}

// noTriggers is the error for a relation of a kind that has none.
func noTriggers(rel catalog.Relation) error {
	kinds := map[catalog.RelKind]string{catalog.KindIndex: "indexes", catalog.KindSequence: "sequences", catalog.KindMatView: "materialized views"}
	return pgerr.New(pgerr.WrongObjectType, "relation %q cannot have triggers", rel.Name()).
		WithDetail("This operation is not supported for %s.", kinds[rel.Kind])
}

func hasTriggers(rel catalog.Relation) bool {
	return rel.Kind == catalog.KindTable || rel.Kind == catalog.KindView
}

// TriggerRelation finds and locks the relation that a trigger is to be created on.
func (x *Tx) TriggerRelation(ctx context.Context, n Name) (catalog.Relation, error) {
	x.refresh()
	for {
		rel, err := x.find(n)
		if err != nil {
			return rel, err
		}
		if !hasTriggers(rel) {
			return rel, noTriggers(rel)
		}
		if err := x.lockTriggered(ctx, rel, ShareRowExclusiveLock); err != nil {
			return rel, err
		}
		if again, err := x.find(n); err == nil && again.OID() == rel.OID() {
			return again, nil
		}
	}
}

// lockTriggered locks a table or view.
func (x *Tx) lockTriggered(ctx context.Context, rel catalog.Relation, mode LockMode) error {
	if rel.Table != nil {
		return x.lock(ctx, rel.Table.OID, mode)
	}
	return x.lockObjects(ctx, rel.View.ObjectID())
}

// MayTrigger refuses a trigger on a relation to a role without the privilege.
func (x *Tx) MayTrigger(rel catalog.Relation) error {
	if have, _ := x.s.over.RelationPrivileges(rel, x.user()); have&catalog.PrivTrigger == 0 {
		return catalog.DeniedError(rel.Noun(), rel.Name())
	}
	return nil
}

// CreateTrigger is CREATE TRIGGER on a relation that TriggerRelation found.
func (x *Tx) CreateTrigger(ctx context.Context, rel catalog.Relation, s *TriggerSpec) error {
	for _, d := range s.Deps {
		if d.Relation != rel.OID() {
			if err := x.shareRelation(ctx, d.Relation); err != nil {
				return err
			}
		}
	}
	g := catalog.Trigger{Name: s.Name, Function: s.Function, Type: s.Type, State: catalog.TriggerFiresOrigin, Args: s.Args,
		When: s.When, Deps: s.Deps, OldTable: s.OldTable, NewTable: s.NewTable, From: s.From, Deferrable: s.Deferrable, Deferred: s.Deferred}
	for _, name := range s.Columns {
		c := rel.Table.ColumnByName(name)
		if c == nil {
			return errNoColumn(name, rel.Name())
		}
		if slices.Contains(g.Columns, c.Num) {
			return pgerr.New(pgerr.DuplicateColumn, "column %q specified more than once", name)
		}
		g.Columns = append(g.Columns, c.Num)
	}
	var err error
	if g.OID, err = x.newOID(ctx); err != nil {
		return err
	}
	if s.Constraint {
		if g.Constraint, err = x.newOID(ctx); err != nil {
			return err
		}
	}
	if err := x.putTrigger(ctx, rel, g, s.Replace); err != nil {
		return err
	}
	if g.Type&catalog.TriggerRow == 0 || rel.Table == nil {
		return nil
	}
	return x.cloneTriggers(ctx, rel.Table.OID, g.Name, s.Replace)
}

// putTrigger adds a trigger to its relation, or with replace puts it in the place of one of its name.
func (x *Tx) putTrigger(ctx context.Context, rel catalog.Relation, g catalog.Trigger, replace bool) error {
	list := slices.Clone(rel.RelationTriggers())
	at, found := catalog.FindTrigger(list, g.Name)
	if !found {
		return x.putTriggers(ctx, rel, slices.Insert(list, at, g))
	}
	old := &list[at]
	bad := func(what string) error {
		return pgerr.New(pgerr.DuplicateObject, "trigger %q for relation %q "+what, g.Name, rel.Name())
	}
	switch {
	case !replace:
		return bad("already exists")
	case old.Parent != 0 && g.Parent == 0:
		return bad("is an internal or a child trigger")
	case old.Constraint != 0:
		return bad("is a constraint trigger")
	}
	g.OID, g.Comment = old.OID, old.Comment
	list[at] = g
	return x.putTriggers(ctx, rel, list)
}

func (x *Tx) putTriggers(ctx context.Context, rel catalog.Relation, list []catalog.Trigger) error {
	if len(list) == 0 {
		list = nil
	}
	if rel.View != nil {
		v := *rel.View
		v.Triggers = list
		return x.put(ctx, &v)
	}
	t, err := x.alter(ctx, rel.Table.OID)
	if err != nil {
		return err
	}
	t.Triggers = list
	return x.putTable(ctx, t)
}

// cloneTriggers gives the partitions of a table, and theirs, a trigger that the table has now.
func (x *Tx) cloneTriggers(ctx context.Context, table catalog.Oid, name string, replace bool) error {
	t := x.s.over.Table(table)
	if t.Partitioning == nil {
		return nil
	}
	g := t.Relation().TriggerNamed(name)
	for _, child := range t.Children {
		if err := x.lock(ctx, child, ShareRowExclusiveLock); err != nil {
			return err
		}
		if err := x.cloneTrigger(ctx, t, g, child, replace); err != nil {
			return err
		}
		if err := x.cloneTriggers(ctx, child, name, replace); err != nil {
			return err
		}
	}
	return nil
}

// cloneTrigger gives a partition a clone of its parent's trigger.
func (x *Tx) cloneTrigger(ctx context.Context, parent *catalog.Table, g *catalog.Trigger, child catalog.Oid, replace bool) error {
	t := x.s.over.Table(child)
	k := *g
	k.Parent, k.Comment = g.OID, ""
	at := parent.ColumnsIn(t)
	k.Columns = mapColumns(at, g.Columns)
	k.Deps = slices.Clone(g.Deps)
	for i := range k.Deps {
		if d := &k.Deps[i]; d.Relation == parent.OID {
			names := make([]string, len(t.Columns))
			for c, name := range d.Names {
				if at[c] >= 0 {
					names[at[c]] = name
				}
			}
			d.Relation, d.Names, d.Columns = t.OID, names, mapColumns(at, d.Columns)
		}
	}
	var err error
	if k.OID, err = x.newOID(ctx); err != nil {
		return err
	}
	if g.Constraint != 0 {
		if k.Constraint, err = x.newOID(ctx); err != nil {
			return err
		}
	}
	return x.putTrigger(ctx, t.Relation(), k, replace)
}

// mapColumns returns the numbers that a parent's columns have in a child.
func mapColumns(at []int, columns []catalog.AttNum) []catalog.AttNum {
	var out []catalog.AttNum
	for _, n := range columns {
		if k := at[n-1]; k >= 0 {
			out = append(out, catalog.AttNum(k+1))
		}
	}
	return out
}

// attachTriggers gives a new partition, and its own partitions, clones of its parent's triggers of rows.
func (x *Tx) attachTriggers(ctx context.Context, parent, child catalog.Oid) error {
	p := x.s.over.Table(parent)
	for i := range p.Triggers {
		g := &p.Triggers[i]
		if g.Type&catalog.TriggerRow == 0 {
			continue
		}
		if err := x.cloneTrigger(ctx, p, g, child, false); err != nil {
			return err
		}
		if err := x.cloneTriggers(ctx, child, g.Name, false); err != nil {
			return err
		}
	}
	return nil
}

// releaseTriggers drops the clones that a detached partition, and its own partitions, have of its parent's triggers.
func (x *Tx) releaseTriggers(ctx context.Context, child catalog.Oid, gone func(g *catalog.Trigger) bool) error {
	t := x.s.over.Table(child)
	var dropped []catalog.Oid
	for i := range t.Triggers {
		if gone(&t.Triggers[i]) {
			dropped = append(dropped, t.Triggers[i].OID)
		}
	}
	if dropped == nil {
		return nil
	}
	for _, k := range t.Children {
		err := x.releaseTriggers(ctx, k, func(g *catalog.Trigger) bool { return slices.Contains(dropped, g.Parent) })
		if err != nil {
			return err
		}
	}
	list := slices.DeleteFunc(slices.Clone(t.Triggers), func(g catalog.Trigger) bool { return slices.Contains(dropped, g.OID) })
	return x.putTriggers(ctx, t.Relation(), list)
}

// rowTransitions refuses to make a child of a table with a trigger of rows that has transition tables.
func rowTransitions(t *catalog.Table, becoming, where string) error {
	for i := range t.Triggers {
		if g := &t.Triggers[i]; g.Type&catalog.TriggerRow != 0 && (g.OldTable != "" || g.NewTable != "") {
			return pgerr.New(pgerr.FeatureNotSupported, "trigger %q prevents table %q from becoming %s", g.Name, t.Name, becoming).
				WithDetail("ROW triggers with transition tables are not supported %s.", where)
		}
	}
	return nil
}

// removeTrigger takes a trigger from its relation.
func (x *Tx) removeTrigger(ctx context.Context, oid catalog.Oid) error {
	rel, g := x.s.over.Trigger(oid)
	if g == nil {
		return nil
	}
	list := slices.DeleteFunc(slices.Clone(rel.RelationTriggers()), func(k catalog.Trigger) bool { return k.OID == oid })
	return x.putTriggers(ctx, rel, list)
}

func errNoTrigger(name string, rel catalog.Relation) error {
	return pgerr.New(pgerr.UndefinedObject, "trigger %q for table %q does not exist", name, rel.Name())
}

// ownTrigger finds a trigger that the user may change, and holds its relation.
func (x *Tx) ownTrigger(ctx context.Context, n Name, name string, mode LockMode) (catalog.Relation, *catalog.Trigger, error) {
	rel, err := x.find(n)
	if err != nil {
		return rel, nil, err
	}
	if rel.TriggerNamed(name) == nil {
		return rel, nil, errNoTrigger(name, rel)
	}
	if !x.owns(rel.Owner()) {
		return rel, nil, catalog.NotOwnerError("relation", rel.Name())
	}
	if err := x.lockTriggered(ctx, rel, mode); err != nil {
		return rel, nil, err
	}
	if rel, err = x.find(n); err != nil { // it may have changed while the lock was waited for
		return rel, nil, err
	}
	g := rel.TriggerNamed(name)
	if g == nil {
		return rel, nil, errNoTrigger(name, rel)
	}
	return rel, g, nil
}

// DropTrigger is DROP TRIGGER.
func (x *Tx) DropTrigger(ctx context.Context, n Name, name string, missingOK bool, b Behavior) error {
	x.refresh()
	if missingOK && x.skipped(n) {
		return nil
	}
	if rel, err := x.find(n); missingOK && err == nil && rel.TriggerNamed(name) == nil {
		x.notice(pgerr.Notice("trigger %q for relation %q does not exist, skipping", name, n.String()))
		return nil
	}
	_, g, err := x.ownTrigger(ctx, n, name, AccessExclusiveLock)
	if err != nil {
		return err
	}
	return x.dropParts(ctx, []catalog.Part{{Kind: catalog.PartTrigger, OID: g.OID}}, b)
}

// RenameTrigger is ALTER TRIGGER … RENAME; the clones of a partitioned table's follow.
func (x *Tx) RenameTrigger(ctx context.Context, n Name, name, to string) error {
	x.refresh()
	rel, err := x.find(n)
	if err != nil {
		return err
	}
	if !hasTriggers(rel) {
		return noTriggers(rel)
	}
	if err := x.mustOwn(rel); err != nil {
		return err
	}
	if err := x.lockTriggered(ctx, rel, AccessExclusiveLock); err != nil {
		return err
	}
	if rel, err = x.find(n); err != nil {
		return err
	}
	g := rel.TriggerNamed(name)
	if g == nil {
		return errNoTrigger(name, rel)
	}
	if g.Parent != 0 {
		above, _ := x.s.over.Trigger(g.Parent)
		return pgerr.New(pgerr.InternalError, "cannot rename trigger %q on table %q", name, rel.Name()).
			WithHint("Rename the trigger on the partitioned table %q instead.", above.Name())
	}
	return x.renameTrigger(ctx, rel, *g, to)
}

func (x *Tx) renameTrigger(ctx context.Context, rel catalog.Relation, g catalog.Trigger, to string) error {
	if rel.TriggerNamed(to) != nil {
		return pgerr.New(pgerr.DuplicateObject, "trigger %q for relation %q already exists", to, rel.Name())
	}
	list := slices.Clone(rel.RelationTriggers())
	at, _ := catalog.FindTrigger(list, g.Name)
	list = slices.Delete(list, at, at+1)
	g.Name = to
	at, _ = catalog.FindTrigger(list, to)
	if err := x.putTriggers(ctx, rel, slices.Insert(list, at, g)); err != nil {
		return err
	}
	if rel.Table == nil {
		return nil
	}
	for _, child := range rel.Table.Children {
		t := x.s.over.Table(child)
		for _, k := range slices.Clone(t.Triggers) {
			if k.Parent != g.OID {
				continue
			}
			if err := x.lock(ctx, child, AccessExclusiveLock); err != nil {
				return err
			}
			if err := x.renameTrigger(ctx, x.s.over.Table(child).Relation(), k, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// setTriggers is ALTER TABLE … ENABLE and DISABLE TRIGGER: of a name, or of all where it is empty. The clones of a
// partitioned table's trigger follow unless ONLY is said.
func (x *Tx) setTriggers(ctx context.Context, table catalog.Oid, c *AlterCommand, recurse bool) error {
	if c.Name == "" && c.System {
		if err := x.setSystemTriggers(ctx, table, c.State == catalog.TriggerDisabled, recurse, nil); err != nil {
			return err
		}
	}
	t := x.s.over.Table(table)
	found := c.Name == ""
	list := slices.Clone(t.Triggers)
	changed := false
	for i := range list {
		g := &list[i]
		if c.Name != "" && g.Name != c.Name {
			continue
		}
		found = true
		changed = changed || g.State != c.State
		g.State = c.State
		if !recurse || t.Partitioning == nil || g.Type&catalog.TriggerRow == 0 {
			continue
		}
		own := *c
		own.Name = g.Name
		for _, child := range t.Children {
			if err := x.lock(ctx, child, ShareRowExclusiveLock); err != nil {
				return err
			}
			if err := x.setTriggers(ctx, child, &own, true); err != nil {
				return err
			}
		}
	}
	if !found {
		return errNoTrigger(c.Name, t.Relation())
	}
	if !changed {
		return nil
	}
	return x.putTriggers(ctx, t.Relation(), list)
}

// CommentTrigger is COMMENT ON TRIGGER.
func (x *Tx) CommentTrigger(ctx context.Context, n Name, name, text string) error {
	x.refresh()
	rel, g, err := x.ownTrigger(ctx, n, name, ShareUpdateExclusiveLock)
	if err != nil {
		return err
	}
	list := slices.Clone(rel.RelationTriggers())
	at, _ := catalog.FindTrigger(list, g.Name)
	list[at].Comment = text
	return x.putTriggers(ctx, rel, list)
}

// ShareFunction holds a function that a trigger is to call until the commit.
func (x *Tx) ShareFunction(ctx context.Context, f *catalog.Function) error {
	if err := x.shareObject(ctx, f.ObjectID()); err != nil {
		return err
	}
	if x.s.over.Function(f.OID) == nil {
		return pgerr.New(pgerr.UndefinedFunction, "function %s() does not exist", f.Name)
	}
	return nil
}
