package ddl

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Temporary relations are made, fenced and dropped as all others are. Nobody but their session reads or writes them, but
// others do have to know of them: DROP ROLE, DROP SEQUENCE … CASCADE and their kin find by the catalog what depends on the
// object. So their changes are admitted on every node, too.

// TempSession is what a session's DDL transactions know of its temporary schema.
type TempSession struct {
	// Session becomes the schema's owner.
	Session topo.TxnID
	// Schema is the schema made last, 0 for none; it is not in the catalog where its transaction was rolled back.
	Schema catalog.Oid
	// Implied reports whether new relations of unqualified names are temporary: pg_temp leads search_path.
	Implied func() bool
}

// IsTempSchema reports whether a schema is the session's temporary one.
func (t *TempSession) IsTempSchema(oid catalog.Oid) bool {
	return t != nil && oid != 0 && t.Schema == oid
}

// tempSchema returns the session's temporary schema; it is made where there is none yet.
func (x *Tx) tempSchema(ctx context.Context) (*catalog.Schema, error) {
	t := x.cfg.Temp
	if t == nil {
		return nil, pgerr.Internal("a temporary object outside a session")
	}
	if s := x.s.over.Schema(t.Schema); s != nil {
		return s, nil
	}
	if d := x.s.over.CurrentDatabase(); d != nil && !x.mayMakeTemp(x.user()) {
		return nil, pgerr.New(pgerr.InsufficientPrivilege, "permission denied to create temporary tables in database \"%s\"", d.Name)
	}
	oid, err := x.newOID(ctx)
	if err != nil {
		return nil, err
	}
	s := &catalog.Schema{OID: oid, Name: catalog.TempSchemaName(oid), Owner: catalog.BootstrapRole, Session: t.Session}
	t.Schema = oid
	return s, x.put(ctx, s)
}

// mayMakeTemp reports whether a role has TEMPORARY on the database.
func (x *Tx) mayMakeTemp(role catalog.Oid) bool {
	d := x.s.over.CurrentDatabase()
	if d == nil {
		return true
	}
	p, _ := x.s.over.DatabasePrivileges(d, role)
	return p&catalog.PrivTemporary != 0
}

// relationSchema is creationSchema for a relation of a persistence, which the schema may change (RangeVarAdjustRelationPersistence).
func (x *Tx) relationSchema(ctx context.Context, schema, name string, p catalog.Persistence) (*catalog.Schema, catalog.Persistence, error) {
	if schema == "" && p == catalog.Temporary {
		schema = catalog.TempAlias
	}
	s, err := x.creationSchema(ctx, schema, name)
	if err != nil {
		return nil, p, err
	}
	own := x.cfg.Temp.IsTempSchema(s.OID)
	invalid := func(msg string) error { return pgerr.New(pgerr.InvalidTableDefinition, "%s", msg) }
	switch {
	case own && p == catalog.Unlogged:
		return nil, p, invalid("only temporary relations may be created in temporary schemas")
	case own:
		return s, catalog.Temporary, nil
	case s.Temporary() && p != catalog.Unlogged:
		return nil, p, invalid("cannot create relations in temporary schemas of other sessions")
	case s.Temporary():
		return nil, p, invalid("only temporary relations may be created in temporary schemas")
	case p == catalog.Temporary:
		return nil, p, invalid("cannot create temporary relation in non-temporary schema")
	}
	return s, p, nil
}

// CreationPersistence tells what persistence a new relation will have; errors are left to its creation.
func (x *Tx) CreationPersistence(schema string, p catalog.Persistence) catalog.Persistence {
	x.refresh()
	if schema == catalog.TempAlias || schema == "" && x.cfg.Temp != nil && x.cfg.Temp.Implied() {
		return catalog.Temporary
	}
	if s := x.s.over.SchemaNamed(x.searchPath(), schema); s != nil && x.cfg.Temp.IsTempSchema(s.OID) {
		return catalog.Temporary
	}
	return p
}

// onlyOwnTemp refuses to do something to a temporary table of another session.
func (x *Tx) onlyOwnTemp(t *catalog.Table, verb string) error {
	if t.Persistence == catalog.Temporary && !x.cfg.Temp.IsTempSchema(t.SchemaID) {
		return pgerr.New(pgerr.FeatureNotSupported, "cannot %s temporary tables of other sessions", verb)
	}
	return nil
}

// checkPersistence judges a foreign key by how long its two tables live.
func (x *Tx) checkPersistence(child, parent *catalog.Table) error {
	invalid := func(msg string) error { return pgerr.New(pgerr.InvalidTableDefinition, "%s", msg) }
	switch child.Persistence {
	case catalog.Temporary:
		if parent.Persistence != catalog.Temporary {
			return invalid("constraints on temporary tables may reference only temporary tables")
		}
		if !x.cfg.Temp.IsTempSchema(parent.SchemaID) || !x.cfg.Temp.IsTempSchema(child.SchemaID) {
			return invalid("constraints on temporary tables must involve temporary tables of this session")
		}
	case catalog.Unlogged:
		if parent.Persistence == catalog.Temporary {
			return invalid("constraints on unlogged tables may reference only permanent or unlogged tables")
		}
	default:
		if parent.Persistence != catalog.Permanent {
			return invalid("constraints on permanent tables may reference only permanent tables")
		}
	}
	return nil
}

// setPersistence is SET LOGGED and SET UNLOGGED; the sequences that a table owns go with it.
func (x *Tx) setPersistence(ctx context.Context, t *catalog.Table, p catalog.Persistence) error {
	invalid := func(format string, args ...any) error {
		return pgerr.New(pgerr.InvalidTableDefinition, format, args...)
	}
	if t.Persistence == catalog.Temporary {
		return pgerr.New(pgerr.InvalidTableDefinition, "cannot change logged status of table %q because it is temporary", t.Name).
			WithTable(x.s.over.SchemaName(t.SchemaID), t.Name)
	}
	if t.Persistence == p {
		return nil
	}
	if p == catalog.Permanent {
		for _, k := range t.ForeignKeys() {
			if parent := x.s.over.Table(k.FK.RefTable); parent.OID != t.OID && parent.Persistence != catalog.Permanent {
				return invalid("could not change table %q to logged because it references unlogged table %q", t.Name, parent.Name)
			}
		}
	} else {
		for _, in := range t.Inbound {
			if child := x.s.over.Table(in.Table); child.OID != t.OID && child.Persistence == catalog.Permanent {
				return invalid("could not change table %q to unlogged because it references logged table %q", t.Name, child.Name)
			}
		}
	}
	t.Persistence = p
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	for _, q := range x.s.over.SequencesOwnedBy(t.OID, 0) {
		if err := x.setSequencePersistence(ctx, q.OID, p); err != nil {
			return err
		}
	}
	return nil
}

func (x *Tx) setSequencePersistence(ctx context.Context, oid catalog.Oid, p catalog.Persistence) error {
	if err := x.lockObjects(ctx, x.id(catalog.ClassSequence, oid)); err != nil {
		return err
	}
	q := x.s.over.Sequence(oid)
	if q == nil || q.Persistence == p {
		return nil
	}
	c := *q
	c.Persistence = p
	return x.put(ctx, &c)
}

// SetSequencePersistence is ALTER SEQUENCE … SET LOGGED and SET UNLOGGED.
func (x *Tx) SetSequencePersistence(ctx context.Context, n Name, p catalog.Persistence, missingOK bool) error {
	if err := x.MustOwn(n); err != nil {
		return err
	}
	rel, ok, err := x.findKind(n, catalog.KindSequence, missingOK)
	if err != nil || !ok {
		return err
	}
	if rel.Sequence.Persistence == catalog.Temporary {
		return pgerr.New(pgerr.InvalidTableDefinition, "cannot change logged status of table %q because it is temporary", rel.Name())
	}
	return x.setSequencePersistence(ctx, rel.OID(), p)
}

// tempTables lists the session's temporary tables with an action at the transaction's end.
func (x *Tx) tempTables(action catalog.OnCommit) (out []*catalog.Table) {
	if x.cfg.Temp == nil || x.cfg.Temp.Schema == 0 {
		return nil
	}
	x.s.over.RelationsIn(x.cfg.Temp.Schema, func(r catalog.Relation) bool {
		if r.Kind == catalog.KindTable && r.Table.OnCommit == action {
			out = append(out, r.Table)
		}
		return true
	})
	return out
}

// DropOnCommit drops the tables of ON COMMIT DROP; it comes before BeforeCommit.
func (x *Tx) DropOnCommit(ctx context.Context) error {
	x.refresh()
	var parts []catalog.Part
	for _, t := range x.tempTables(catalog.DropTable) {
		parts = append(parts, catalog.Part{Kind: catalog.PartTable, OID: t.OID})
	}
	return x.dropQuietly(ctx, parts)
}

// DropTemp drops all that is in a temporary schema, and with it the schema itself.
func (x *Tx) DropTemp(ctx context.Context, schema catalog.Oid, itself bool) error {
	x.refresh()
	id := x.id(catalog.ClassSchema, schema)
	if err := x.lockObjects(ctx, id); err != nil {
		return err
	}
	if x.s.over.Schema(schema) == nil {
		return nil
	}
	part := catalog.Part{Kind: catalog.PartSchema, OID: schema}
	if itself {
		return x.dropQuietly(ctx, []catalog.Part{part})
	}
	var parts []catalog.Part
	for _, d := range x.s.over.Dependents(part) {
		parts = append(parts, d.Part)
	}
	return x.dropQuietly(ctx, parts)
}

// dropQuietly drops parts and what depends on them, and says nothing of it.
func (x *Tx) dropQuietly(ctx context.Context, parts []catalog.Part) error {
	if len(parts) == 0 {
		return nil
	}
	plan := &dropPlan{s: x.s.over, onStack: map[catalog.Part]bool{}}
	for _, p := range parts {
		plan.visit(p, target{original: true})
	}
	return x.execute(ctx, plan.targets)
}
