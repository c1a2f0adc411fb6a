package pgcat

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// typeSources are the catalogs of what users' types consist of; pg_type itself is among the built-in sources.
func typeSources() map[string]*source {
	return map[string]*source{
		"pg_catalog.pg_enum": {columns: "oid enumtypid enumsortorder enumlabel", rows: func(b *builder) {
			b.snap.Types(func(t *catalog.Type) bool {
				for _, l := range t.Labels {
					b.add(num(l.Oid), num(t.OID), types.NewFloat(float64(l.Order)), str(l.Label))
				}
				return true
			})
		}},
	}
}

// typeRow is what differs between the rows of pg_type.
type typeRow struct {
	*types.Info
	name      string
	namespace catalog.Oid
	owner     catalog.Oid
	rel       catalog.Oid
	subscript string
	notNull   bool
	base      catalog.Oid
	mod       int32
	def       types.Datum
	acl       types.Datum
}

func (b *builder) pgType(t typeRow) {
	proc := func(name string) types.Datum { return num(procByName(name)) }
	b.add(num(t.Oid), str(t.name), num(t.namespace), num(t.owner), num(t.Len), flag(t.ByVal), char(t.Type), char(t.Category),
		flag(t.Preferred), num(t.rel), proc(t.subscript), num(t.ElemOid), num(t.ArrayOid), proc(t.Input), proc(t.Output),
		proc(t.Receive), proc(t.Send), proc(t.ModIn), proc(t.ModOut), char(t.Align), char(t.Storage), flag(t.notNull), num(t.base),
		num(t.mod), num(t.Collation), t.def, t.def, t.acl)
}

func typeRows(b *builder) {
	for i := range types.All() {
		t := &types.All()[i]
		subscript := ""
		switch {
		case t.ElemOid != 0 && t.Len == -1:
			subscript = "array_subscript_handler"
		case t.ElemOid != 0:
			subscript = "raw_array_subscript_handler"
		case t.Oid == types.JsonbOid:
			subscript = "jsonb_subscript_handler"
		}
		b.pgType(typeRow{Info: t, name: t.Name, namespace: catalog.PgCatalogSchema, owner: catalog.BootstrapRole, subscript: subscript, mod: -1})
	}
}

// userTypeRows are the types that users created, each with its array type.
func userTypeRows(b *builder) {
	b.snap.Types(func(t *catalog.Type) bool {
		row := typeRow{Info: types.Lookup(t.OID), name: t.Name, namespace: t.SchemaID, owner: t.Owner, mod: -1,
			acl: aclDatum(b.snap, t.ACL)}
		if d := t.Domain; d != nil {
			b.domainType(&row, t)
		}
		if t.OID.Class() == types.CompositeClass {
			row.rel = t.OID.Serial()
		}
		b.pgType(row)
		b.pgType(typeRow{Info: types.Lookup(t.ArrayOID()), name: t.ArrayName, namespace: t.SchemaID, owner: t.Owner,
			subscript: "array_subscript_handler", mod: -1})
		return true
	})
	b.snap.Tables(func(t *catalog.Table) bool {
		b.rowType(catalog.Relation{Kind: catalog.KindTable, Table: t})
		return true
	})
	b.snap.Views(func(v *catalog.View) bool {
		b.rowType(catalog.Relation{Kind: catalog.KindView, View: v})
		return true
	})
}

// rowType adds the row type of a relation and its array type.
func (b *builder) rowType(r catalog.Relation) {
	oid := r.RowType()
	row := typeRow{Info: types.Lookup(oid), name: r.Name(), namespace: r.SchemaID(), owner: r.Owner(), rel: r.OID(), mod: -1}
	b.pgType(row)
	row.Info, row.name, row.rel, row.subscript = types.Lookup(types.ArrayOf(oid)), catalog.Truncate("_"+r.Name(), catalog.MaxNameBytes), 0,
		"array_subscript_handler"
	b.pgType(row)
}

// compositeClasses are the rows of pg_class of standalone composite types.
func (b *builder) compositeClasses() {
	b.snap.Types(func(t *catalog.Type) bool {
		if t.OID.Class() == types.CompositeClass {
			b.add(num(t.OID.Serial()), str(t.Name), num(t.SchemaID), num(t.Owner), num(0), num(0), types.NewFloat(0), no, char('c'),
				num(len(t.Attrs)), num(0), no, no, char('n'), null, null, num(t.OID), char('p'), yes, num(0), no, no, null)
		}
		return true
	})
}

// compositeAttributes are the rows of pg_attribute of standalone composite types.
func (b *builder) compositeAttributes() {
	b.snap.Types(func(t *catalog.Type) bool {
		for i, a := range t.Attrs {
			b.attribute(t.OID.Serial(), &catalog.Column{Num: catalog.AttNum(i + 1), Name: a.Name, Type: a.Type, Dropped: a.Dropped})
		}
		return true
	})
}

// domainType completes the row of a domain by what it has of its base type.
func (b *builder) domainType(row *typeRow, t *catalog.Type) {
	d := t.Domain
	in := *types.Lookup(d.Base.Oid)
	in.Oid, in.ArrayOid, in.Type, in.Preferred, in.ElemOid = t.OID, t.ArrayOID(), 'd', false, 0
	in.Input, in.Receive, in.ModIn, in.ModOut = "domain_in", "domain_recv", "", ""
	in.Collation = d.Collation
	row.Info, row.notNull, row.base, row.mod = &in, d.NotNull, d.Base.Declared(), d.Base.Mod
	if d.Default != "" {
		row.def = str(b.defs.domainExpr(d.Default, t, true, false))
	}
}

// domainConstraints are the rows of pg_constraint of domains.
func (b *builder) domainConstraints() {
	b.snap.Types(func(t *catalog.Type) bool {
		if t.Domain == nil {
			return true
		}
		for _, c := range t.Domain.Checks {
			b.add(num(c.OID), str(c.Name), num(t.SchemaID), char('c'), no, no, flag(c.Validated), num(0), num(0), num(0), char(' '), char(' '),
				char(' '), no, null, null, null, null, null, null, str(c.Expr), num(t.OID), num(0), yes, num(0), null)
		}
		return true
	})
}

// domainExpr prints a domain's default or check.
func (p *printer) domainExpr(text string, t *catalog.Type, isDefault, pretty bool) string {
	e, err := parse.ParseExpr(text)
	if err != nil {
		return text
	}
	scope := sema.ExprScope{Kind: sema.DomainCheckExpr, Type: t.Domain.Base}
	if isDefault {
		scope = sema.ExprScope{Kind: sema.DefaultExpr, Column: t.Name, Type: t.Domain.Base}
	}
	n, err := sema.AnalyzeExpr(e, scope, &sema.Env{Catalog: p.snap, SearchPath: p.path, NoParams: true, IOEnv: p.io})
	if err != nil {
		return text
	}
	d := deparser{printer: p, pretty: pretty}
	d.node(n, false)
	if d.failed {
		return text
	}
	return d.b.String()
}

// domainConstraint prints a constraint of a domain as pg_get_constraintdef does.
func (p *printer) domainConstraint(t *catalog.Type, c *catalog.DomainCheck, pretty bool) string {
	return catalog.DomainConstraintDef(c, p.domainExpr(c.Expr, t, false, pretty))
}

// domainRows is information_schema.domains.
func domainRows(b *builder) {
	db := str(b.env.Database)
	b.snap.Types(func(t *catalog.Type) bool {
		d := t.Domain
		if d == nil || !b.seesType(t) {
			return true
		}
		in := types.Lookup(d.Base.Oid)
		dataType, udtSchema, udt := b.dataType(t.DomainType(false))
		shape := d.Base
		if shape.Domain != 0 {
			shape = types.T(shape.Domain)
		}
		length, octets := charLength(shape)
		precision, radix, scale := numericShape(shape)
		datetime, interval := timeShape(shape)
		collDB, collSchema, coll := null, null, null
		if d.Collation != 0 && d.Collation != catalog.DefaultCollation && in.Collation != 0 {
			collDB, collSchema, coll = db, str(pgCatalog), str(collationName(d.Collation))
		}
		def := null
		if d.Default != "" {
			def = str(b.defs.domainExpr(d.Default, t, true, false))
		}
		b.add(db, str(b.snap.SchemaName(t.SchemaID)), str(t.Name), dataType, length, octets, collDB, collSchema, coll, precision, radix,
			scale, datetime, interval, def, db, udtSchema, udt, str("1"))
		return true
	})
}

// domainConstraintRows is information_schema.domain_constraints.
func domainConstraintRows(b *builder) {
	db := str(b.env.Database)
	b.snap.Types(func(t *catalog.Type) bool {
		if t.Domain == nil || !b.seesType(t) {
			return true
		}
		schema := str(b.snap.SchemaName(t.SchemaID))
		for _, c := range t.Domain.Checks {
			b.add(db, schema, str(c.Name), db, schema, str(t.Name), str("NO"), str("NO"))
		}
		return true
	})
}

// dataType is how the information schema names a type, and of a domain its base: data_type, udt_schema and udt_name.
func (b *builder) dataType(t types.Type) (dataType, schema, name types.Datum) {
	if d := b.snap.Type(t.Domain); d != nil {
		if over := b.snap.Type(d.Domain.Base.Domain); over != nil {
			return str("USER-DEFINED"), str(b.snap.SchemaName(over.SchemaID)), str(over.Name)
		}
	}
	in := types.Lookup(t.Oid)
	if in == nil { // of the signature of a function that cannot be called
		return null, null, null
	}
	if !t.Oid.IsUser() {
		dataType = str(types.FormatType(types.T(t.Oid)))
		if in.ElemOid != 0 && in.Len == -1 {
			dataType = str("ARRAY")
		}
		return dataType, str(pgCatalog), str(in.Name)
	}
	elem := t.Oid
	dataType = str("USER-DEFINED")
	if in.ElemOid != 0 {
		elem, dataType = in.ElemOid, str("ARRAY")
	}
	if u := b.snap.Type(elem); u != nil {
		name = str(u.Name)
		if in.ElemOid != 0 {
			name = str(u.ArrayName)
		}
		return dataType, str(b.snap.SchemaName(u.SchemaID)), name
	}
	r, ok := b.snap.RelationByOID(elem.Serial())
	if !ok {
		return dataType, null, null
	}
	name = str(r.Name())
	if in.ElemOid != 0 {
		name = str(catalog.Truncate("_"+r.Name(), catalog.MaxNameBytes))
	}
	return dataType, str(b.snap.SchemaName(r.SchemaID())), name
}

// typeDepends are the dependencies of types, and of columns on types.
func (b *builder) typeDepends() {
	b.snap.Types(func(t *catalog.Type) bool {
		b.depend(classType, t.OID, 0, classNamespace, t.SchemaID, 0, catalog.Normal)
		b.depend(classType, t.ArrayOID(), 0, classType, t.OID, 0, catalog.Internal)
		for i, a := range t.Attrs {
			if a.Type.Declared().IsUser() && !a.Dropped {
				b.depend(classClass, t.OID.Serial(), catalog.AttNum(i+1), classType, a.Type.Declared(), 0, catalog.Normal)
			}
		}
		if t.OID.Class() == types.CompositeClass {
			b.depend(classClass, t.OID.Serial(), 0, classType, t.OID, 0, catalog.Internal)
		}
		if r := t.Range; r != nil {
			if r.Subtype.Declared().IsUser() {
				b.depend(classType, t.OID, 0, classType, r.Subtype.Declared(), 0, catalog.Normal)
			}
			b.depend(classType, types.MultirangeOf(t.OID), 0, classType, t.OID, 0, catalog.Internal)
		}
		if d := t.Domain; d != nil {
			if d.Base.Declared().IsUser() {
				b.depend(classType, t.OID, 0, classType, d.Base.Declared(), 0, catalog.Normal)
			}
			for _, c := range d.Checks {
				b.depend(classConstraint, c.OID, 0, classType, t.OID, 0, catalog.Auto)
			}
		}
		return true
	})
	b.snap.Tables(func(t *catalog.Table) bool {
		if t.OfType != 0 {
			b.depend(classClass, t.OID, 0, classType, t.OfType, 0, catalog.Normal)
		}
		for _, c := range t.LiveColumns() {
			if c.Type.Declared().IsUser() {
				b.depend(classClass, t.OID, c.Num, classType, c.Type.Declared(), 0, catalog.Normal)
			}
		}
		return true
	})
}

// formatType is format_type; false for a number that is no type's.
func (n *regNames) formatType(oid catalog.Oid, mod int32) (string, bool) {
	if oid.IsUser() {
		elem := oid
		if e := types.ElemOf(oid); e != 0 {
			elem = e
		}
		if !n.snap.HasType(elem) {
			return "", false
		}
	} else if types.Lookup(oid) == nil {
		return "", false
	}
	return n.snap.FormatType(n.path, types.Type{Oid: oid, Mod: mod}), true
}

// userTypeIn finds a user type by name, without a schema along the search path.
func (n *regNames) userTypeIn(schema, name string, array bool) (catalog.Oid, bool) {
	oid, ok := n.snap.LookupType(n.path, schema, name)
	if ok && array && types.ElemOf(oid) == 0 {
		oid = types.ArrayOf(oid)
	}
	return oid, ok
}
