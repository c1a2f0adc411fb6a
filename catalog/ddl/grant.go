package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// GrantSpec is GRANT and REVOKE of privileges on objects.
type GrantSpec struct {
	Grant       bool
	GrantOption bool // WITH GRANT OPTION; REVOKE: GRANT OPTION FOR
	Behavior    Behavior
	// Kind is the kind of object as written: ACLRelation for TABLE, which any relation may be, or ACLSequence, ACLSchema,
	// ACLDatabase and ACLFunction.
	Kind catalog.ACLKind
	// All is ALL PRIVILEGES; otherwise Privileges are those on whole objects, and Columns those on columns.
	All        bool
	Privileges catalog.Privilege
	Columns    []ColumnPrivileges
	Grantees   []catalog.Oid // 0 is PUBLIC
	// Objects are the OIDs of the objects, of relations, schemas, databases or functions.
	Objects []catalog.Oid
}

// ColumnPrivileges are privileges of one GRANT on columns.
type ColumnPrivileges struct {
	Privileges catalog.Privilege // 0: ALL
	Columns    []string
}

// Grant changes the ACLs of objects.
func (x *Tx) Grant(ctx context.Context, g *GrantSpec) error {
	if err := x.shareRoles(ctx, g.Grant, g.Grantees); err != nil {
		return err
	}
	for _, oid := range g.Objects {
		var err error
		switch g.Kind {
		case catalog.ACLSchema:
			err = x.grantSchema(ctx, g, oid)
		case catalog.ACLDatabase:
			err = x.grantDatabase(ctx, g, oid)
		case catalog.ACLFunction:
			err = x.grantFunction(ctx, g, oid)
		default:
			err = x.grantRelation(ctx, g, oid)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// shareRoles holds whom something is granted to, and the grantor.
func (x *Tx) shareRoles(ctx context.Context, grant bool, grantees []catalog.Oid) error {
	if !grant {
		return nil
	}
	for _, r := range append([]catalog.Oid{x.user()}, grantees...) {
		if err := x.shareRole(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// aclTarget is an object whose ACL changes.
type aclTarget struct {
	kind       catalog.ACLKind
	noun, name string // noun as in "permission denied for table t"
	column     string
	owner      catalog.Oid
	acl        []catalog.ACLItem // effective
	others     []catalog.ACLItem // of a column: its relation's, whose grant options count too
	held       func(role catalog.Oid) (privileges, grantable catalog.Privilege)
	all        bool
	wanted     catalog.Privilege
}

// change is the part of ExecGrant_… that is the same for all objects: it returns the new ACL.
func (x *Tx) change(g *GrantSpec, t *aclTarget) ([]catalog.ACLItem, error) {
	merged := append(slices.Clone(t.others), t.acl...)
	grantor, options := x.s.over.BestGrantor(x.user(), t.wanted, merged, t.owner)
	if options == 0 {
		privileges, grantable := t.held(grantor)
		if all := t.kind.All(); privileges&all == 0 && grantable&all == 0 {
			if t.column != "" {
				return nil, pgerr.New(pgerr.InsufficientPrivilege, "permission denied for column \"%s\" of relation \"%s\"", t.column, t.name)
			}
			return nil, catalog.DeniedError(t.noun, t.name)
		}
	}
	give := t.wanted & options
	x.warnOfGrant(g, t, give)
	return x.s.over.Apply(t.acl, t.owner, &catalog.ACLChange{Grant: g.Grant, GrantOption: g.GrantOption,
		Cascade: g.Behavior == Cascade, Grantor: grantor, Grantees: g.Grantees, Privileges: give})
}

// warnOfGrant tells of privileges that could not be granted or revoked for want of grant options.
func (x *Tx) warnOfGrant(g *GrantSpec, t *aclTarget, give catalog.Privilege) {
	verb, code := "were granted for", pgerr.WarningPrivilegeNotGranted
	if !g.Grant {
		verb, code = "could be revoked for", pgerr.WarningPrivilegeNotRevoked
	}
	quantity := ""
	switch {
	case give == 0:
		quantity = "no"
	case !t.all && give != t.wanted:
		quantity = "not all"
	default:
		return
	}
	if t.column != "" {
		x.notice(pgerr.NewWarning(code, "%s privileges %s column \"%s\" of relation \"%s\"", quantity, verb, t.column, t.name))
		return
	}
	x.notice(pgerr.NewWarning(code, "%s privileges %s \"%s\"", quantity, verb, t.name))
}

// wanted returns the privileges of a GRANT on an object of a kind.
func (g *GrantSpec) wanted(kind catalog.ACLKind) catalog.Privilege {
	if g.All {
		return kind.All()
	}
	return g.Privileges
}

func (x *Tx) grantSchema(ctx context.Context, g *GrantSpec, oid catalog.Oid) error {
	if err := x.lockObjects(ctx, x.id(catalog.ClassSchema, oid)); err != nil {
		return err
	}
	s := x.s.over.Schema(oid)
	if s == nil {
		return pgerr.New(pgerr.InvalidSchemaName, "schema with OID %d does not exist", oid)
	}
	c := *s
	var err error
	c.ACL, err = x.change(g, &aclTarget{kind: catalog.ACLSchema, noun: "schema", name: s.Name, owner: s.Owner,
		acl: catalog.ACLSchema.Effective(s.ACL, s.Owner), all: g.All, wanted: g.wanted(catalog.ACLSchema),
		held: func(role catalog.Oid) (catalog.Privilege, catalog.Privilege) {
			return x.s.over.SchemaPrivileges(s, role)
		}})
	if err != nil {
		return err
	}
	return x.put(ctx, &c)
}

func (x *Tx) grantDatabase(ctx context.Context, g *GrantSpec, oid catalog.Oid) error {
	if err := x.lockObjects(ctx, x.id(catalog.ClassDatabase, oid)); err != nil {
		return err
	}
	d := x.s.over.Database(oid)
	if d == nil {
		return pgerr.New(pgerr.UndefinedDatabase, "database with OID %d does not exist", oid)
	}
	c := *d
	var err error
	c.ACL, err = x.change(g, &aclTarget{kind: catalog.ACLDatabase, noun: "database", name: d.Name, owner: d.Owner,
		acl: catalog.ACLDatabase.Effective(d.ACL, d.Owner), all: g.All, wanted: g.wanted(catalog.ACLDatabase),
		held: func(role catalog.Oid) (catalog.Privilege, catalog.Privilege) {
			return x.s.over.DatabasePrivileges(d, role)
		}})
	if err != nil {
		return err
	}
	return x.put(ctx, &c)
}

// lockRelation locks the descriptor of a relation by OID, without its table's lock: what it changes is no part of plans.
func (x *Tx) lockRelation(ctx context.Context, oid catalog.Oid) (catalog.Relation, error) {
	rel, ok := x.s.over.RelationByOID(oid)
	if ok {
		id := x.id(catalog.ClassTable, oid)
		switch rel.Kind {
		case catalog.KindSequence:
			id.Class = catalog.ClassSequence
		case catalog.KindView:
			id.Class = catalog.ClassView
		case catalog.KindIndex:
			id.OID = rel.Table.OID
		}
		if err := x.lockObjects(ctx, id); err != nil {
			return rel, err
		}
		rel, ok = x.s.over.RelationByOID(oid)
	}
	if !ok {
		return rel, pgerr.New(pgerr.UndefinedTable, "relation with OID %d does not exist", oid)
	}
	return rel, nil
}

// putRelation writes a relation's changed descriptor; a table keeps its schema version, which plans depend on.
func (x *Tx) putRelation(ctx context.Context, rel catalog.Relation) error {
	switch rel.Kind {
	case catalog.KindSequence:
		return x.put(ctx, rel.Sequence)
	case catalog.KindView:
		return x.put(ctx, rel.View)
	}
	return x.put(ctx, rel.Table)
}

// cloneRelation returns a copy of a relation's descriptor that may be altered.
func cloneRelation(rel catalog.Relation) catalog.Relation {
	switch rel.Kind {
	case catalog.KindSequence:
		q := *rel.Sequence
		rel.Sequence = &q
	case catalog.KindView:
		v := *rel.View
		v.Columns = slices.Clone(v.Columns)
		rel.View = &v
	case catalog.KindTable, catalog.KindMatView:
		rel.Table = rel.Table.Clone()
	}
	return rel
}

func setRelationACL(rel catalog.Relation, acl []catalog.ACLItem) {
	switch rel.Kind {
	case catalog.KindSequence:
		rel.Sequence.ACL = acl
	case catalog.KindView:
		rel.View.ACL = acl
	case catalog.KindTable, catalog.KindMatView:
		rel.Table.ACL = acl
	}
}

// relationWanted judges the privileges of a GRANT against the kind that a relation turned out to be.
func (x *Tx) relationWanted(g *GrantSpec, rel catalog.Relation) (catalog.Privilege, error) {
	wanted := g.wanted(rel.ACLKind())
	switch {
	case rel.Kind == catalog.KindIndex:
		return 0, pgerr.New(pgerr.WrongObjectType, "\"%s\" is an index", rel.Name())
	case g.Kind == catalog.ACLSequence && rel.Kind != catalog.KindSequence:
		return 0, pgerr.New(pgerr.WrongObjectType, "\"%s\" is not a sequence", rel.Name())
	case g.Kind == catalog.ACLSequence:
	case rel.Kind == catalog.KindSequence:
		if all := catalog.ACLSequence.All(); wanted&^all != 0 {
			x.notice(pgerr.NewWarning(pgerr.InvalidGrantOperation, "sequence \"%s\" only supports USAGE, SELECT, and UPDATE privileges", rel.Name()))
			wanted &= all
		}
	case wanted&^catalog.ACLRelation.All() != 0:
		return 0, pgerr.New(pgerr.InvalidGrantOperation, "invalid privilege type %s for table", "USAGE")
	}
	return wanted, nil
}

// grantRelation is ExecGrant_Relation: the relation's own privileges, then its columns'.
func (x *Tx) grantRelation(ctx context.Context, g *GrantSpec, oid catalog.Oid) error {
	rel, err := x.lockRelation(ctx, oid)
	if err != nil {
		return err
	}
	wanted, err := x.relationWanted(g, rel)
	if err != nil {
		return err
	}
	rel = cloneRelation(rel)
	columns := map[catalog.AttNum]catalog.Privilege{}
	implied := wanted & catalog.ACLColumn.All()
	if g.Grant {
		implied = 0
	}
	if implied != 0 {
		// What is revoked on a relation is revoked on its columns too.
		rel.Columns(func(n catalog.AttNum, _ *catalog.Column) { columns[n] |= implied })
	}
	before := rel.ACLKind().Effective(rel.ACL(), rel.Owner())
	if wanted != 0 {
		noun := "table"
		if rel.Kind == catalog.KindSequence {
			noun = "sequence"
		}
		acl, err := x.change(g, &aclTarget{kind: rel.ACLKind(), noun: noun, name: rel.Name(), owner: rel.Owner(), acl: before,
			all: g.All, wanted: wanted,
			held: func(role catalog.Oid) (catalog.Privilege, catalog.Privilege) {
				return x.s.over.RelationPrivileges(rel, role)
			}})
		if err != nil {
			return err
		}
		setRelationACL(rel, acl)
	}
	if err := x.columnsWanted(g, rel, columns); err != nil {
		return err
	}
	if implied != 0 {
		if err := x.revokeSystemColumns(g, rel, before, implied); err != nil {
			return err
		}
	}
	if err := x.grantColumns(g, rel, before, columns); err != nil {
		return err
	}
	return x.putRelation(ctx, rel)
}

// revokeSystemColumns says what PostgreSQL says of the columns that have no privileges of their own here: nothing, unless
// the current role may revoke nothing.
func (x *Tx) revokeSystemColumns(g *GrantSpec, rel catalog.Relation, before []catalog.ACLItem, wanted catalog.Privilege) error {
	var names []string
	switch rel.Kind {
	case catalog.KindTable, catalog.KindMatView:
		names = []string{"tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"}
	case catalog.KindSequence:
		names = []string{"tableoid", "cmax", "xmax", "cmin", "xmin", "ctid", "last_value", "log_cnt", "is_called"}
	}
	for _, name := range names {
		_, err := x.change(g, &aclTarget{kind: catalog.ACLColumn, noun: "table", name: rel.Name(), column: name, owner: rel.Owner(),
			others: before, all: wanted == catalog.ACLColumn.All(), wanted: wanted,
			held: func(role catalog.Oid) (catalog.Privilege, catalog.Privilege) {
				return x.s.over.RelationPrivileges(rel, role)
			}})
		if err != nil {
			return err
		}
	}
	return nil
}

// columnsWanted adds the privileges that GRANT names for columns.
func (x *Tx) columnsWanted(g *GrantSpec, rel catalog.Relation, columns map[catalog.AttNum]catalog.Privilege) error {
	for _, cp := range g.Columns {
		p := cp.Privileges
		if p == 0 {
			p = catalog.ACLColumn.All()
		}
		for _, n := range catalog.PrivilegeNames {
			if p&^catalog.ACLColumn.All()&n.Bit != 0 {
				return pgerr.New(pgerr.InvalidGrantOperation, "invalid privilege type %s for column", n.Name)
			}
		}
		if rel.Kind == catalog.KindSequence && p&^catalog.PrivSelect != 0 {
			x.notice(pgerr.NewWarning(pgerr.InvalidGrantOperation, "sequence \"%s\" only supports SELECT column privileges", rel.Name()))
			p &= catalog.PrivSelect
		}
		for _, name := range cp.Columns {
			found := false
			rel.Columns(func(n catalog.AttNum, c *catalog.Column) {
				if c.Name == name {
					columns[n] |= p
					found = true
				}
			})
			switch {
			case found:
			case systemColumns[name] && rel.Kind == catalog.KindTable:
				return pgerr.NotSupported("a privilege on system column \"" + name + "\"")
			case rel.Kind == catalog.KindSequence:
				return pgerr.NotSupported("a privilege on a column of a sequence")
			default:
				return errNoColumn(name, rel.Name())
			}
		}
	}
	return nil
}

// grantColumns is ExecGrant_Attribute for every column concerned. before is the relation's ACL as it was.
func (x *Tx) grantColumns(g *GrantSpec, rel catalog.Relation, before []catalog.ACLItem, columns map[catalog.AttNum]catalog.Privilege) error {
	nums := make([]catalog.AttNum, 0, len(columns))
	for n := range columns {
		nums = append(nums, n)
	}
	slices.Sort(nums)
	for _, n := range nums {
		c, wanted := rel.Column(n), columns[n]
		if wanted == 0 {
			continue
		}
		acl, err := x.change(g, &aclTarget{kind: catalog.ACLColumn, noun: "table", name: rel.Name(), column: c.Name, owner: rel.Owner(),
			acl: c.ACL, others: before, all: wanted == catalog.ACLColumn.All(), wanted: wanted,
			held: func(role catalog.Oid) (catalog.Privilege, catalog.Privilege) {
				p, o := x.s.over.RelationPrivileges(rel, role)
				cp, co := x.s.over.ColumnPrivileges(rel, n, role)
				return p | cp, o | co
			}})
		if err != nil {
			return err
		}
		if c.ACL = acl; len(acl) == 0 {
			c.ACL = nil
		}
	}
	return nil
}
