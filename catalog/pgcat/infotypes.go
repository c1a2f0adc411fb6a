package pgcat

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// infoTypeSources are the views of information_schema about types, and what it says of the implementation.
func infoTypeSources() map[string]*source {
	const udt = "udt_catalog udt_schema udt_name "
	const table = "table_catalog table_schema table_name "
	const domain = "domain_catalog domain_schema domain_name "
	const object = "object_catalog object_schema object_name object_type "
	const grants = "grantor grantee " + udt + "privilege_type is_grantable"
	return map[string]*source{
		"information_schema.attributes": {columns: udt + "attribute_name ordinal_position is_nullable data_type character_maximum_length " +
			"character_octet_length collation_catalog collation_schema collation_name numeric_precision numeric_precision_radix numeric_scale " +
			"datetime_precision interval_type attribute_udt_catalog attribute_udt_schema attribute_udt_name dtd_identifier " +
			"is_derived_reference_attribute", rows: infoAttributes},
		"information_schema.user_defined_types": {columns: "user_defined_type_catalog user_defined_type_schema user_defined_type_name " +
			"user_defined_type_category is_instantiable", rows: infoUserTypes},
		"information_schema.udt_privileges":      {columns: grants, rows: func(b *builder) { infoTypePrivileges(b, (*builder).concerned) }},
		"information_schema.role_udt_grants":     {columns: grants, rows: func(b *builder) { infoTypePrivileges(b, (*builder).enabled) }},
		"information_schema.column_domain_usage": {columns: domain + table + "column_name", rows: infoDomainColumns},
		"information_schema.column_udt_usage":    {columns: udt + table + "column_name", rows: infoTypeColumns},
		"information_schema.domain_udt_usage":    {columns: udt + domain, rows: infoDomainTypes},
		"information_schema.collations": {columns: "collation_catalog collation_schema collation_name pad_attribute", rows: func(b *builder) {
			b.eachCollation(func(schema, name types.Datum, _ catalog.Oid) { b.add(str(b.env.Database), schema, name, str("NO PAD")) })
		}},
		"information_schema.collation_character_set_applicability": {columns: "collation_catalog collation_schema collation_name character_set_name",
			rows: func(b *builder) {
				b.eachCollation(func(schema, name types.Datum, _ catalog.Oid) { b.add(str(b.env.Database), schema, name, str("UTF8")) })
			}},
		"information_schema.data_type_privileges": {columns: object + "dtd_identifier", rows: infoDescriptors},
		"information_schema.element_types": {columns: object + "collection_type_identifier data_type collation_catalog collation_schema " +
			"collation_name " + udt + "dtd_identifier", rows: infoElements},
	}
}

// typePrivileges returns what a role may do with a type that a user created.
func (s *scope) typePrivileges(t *catalog.Type, role catalog.Oid) (privileges, grantable catalog.Privilege) {
	if role == 0 || s.snap.Superuser(role) {
		return ^catalog.Privilege(0), ^catalog.Privilege(0)
	}
	return s.snap.Held(catalog.ACLType.Effective(t.ACL, t.Owner), t.Owner, role)
}

// seesType reports whether the current role owns a type or may use it.
func (b *builder) seesType(t *catalog.Type) bool {
	p, _ := b.typePrivileges(t, b.env.Role)
	return b.owns(t.Owner) || p&catalog.PrivUsage != 0
}

// eachComposite calls f for the standalone composite types that the current role owns or may use.
func (b *builder) eachComposite(f func(t *catalog.Type, schema types.Datum)) {
	b.snap.Types(func(t *catalog.Type) bool {
		if t.OID.Class() == types.CompositeClass && b.seesType(t) {
			f(t, str(b.snap.SchemaName(t.SchemaID)))
		}
		return true
	})
}

// collation names the collation of values: nothing for the database's own.
func (b *builder) collation(own catalog.Oid, t types.Type) (db, schema, name types.Datum) {
	if own == 0 {
		if in := types.Lookup(t.Oid); in != nil {
			own = in.Collation
		}
	}
	if own == 0 || own == catalog.DefaultCollation {
		return null, null, null
	}
	return str(b.env.Database), str(pgCatalog), str(collationName(own))
}

func infoAttributes(b *builder) {
	db := str(b.env.Database)
	b.eachComposite(func(t *catalog.Type, schema types.Datum) {
		for i, a := range t.Attrs {
			if a.Dropped {
				continue
			}
			d := b.snap.Type(a.Type.Domain)
			dataType, udtSchema, udt := b.declaredType(a.Type)
			length, octets := charLength(a.Type)
			precision, radix, scale := numericShape(a.Type)
			fraction, fields := timeShape(a.Type)
			collDB, collSchema, coll := b.collation(0, a.Type)
			b.add(db, schema, str(t.Name), str(a.Name), num(i+1), yesNo(d == nil || !d.Domain.NotNull), dataType, length, octets, collDB, collSchema,
				coll, precision, radix, scale, fraction, fields, db, udtSchema, udt, str(itoa(int64(i+1))), str("NO"))
		}
	})
}

// declaredType is how the views that do not look through domains name a type.
func (b *builder) declaredType(t types.Type) (dataType, schema, name types.Datum) {
	return b.dataType(types.T(t.Declared()))
}

func infoUserTypes(b *builder) {
	b.eachComposite(func(t *catalog.Type, schema types.Datum) {
		b.add(str(b.env.Database), schema, str(t.Name), str("STRUCTURED"), str("YES"))
	})
}

// infoTypePrivileges lists USAGE on composite types, row types of relations among them.
func infoTypePrivileges(b *builder, wanted func(*builder, catalog.ACLItem) bool) {
	b.each(pgCatalog, "pg_type", func(t tuple) {
		if t.get("typtype").Int() == 'c' {
			b.typeGrants(t, wanted, func(grantor, grantee, schema, name, grantable types.Datum) {
				b.add(grantor, grantee, str(b.env.Database), schema, name, str("TYPE USAGE"), grantable)
			})
		}
	})
}

// typeGrants calls f for the grants of USAGE on a row of pg_type.
func (b *builder) typeGrants(t tuple, wanted func(*builder, catalog.ACLItem) bool, f func(grantor, grantee, schema, name, grantable types.Datum)) {
	owner, acl := t.oid("typowner"), []catalog.ACLItem(nil)
	if u := b.snap.Type(t.oid("oid")); u != nil {
		acl = u.ACL
	}
	for _, a := range catalog.ACLType.Effective(acl, owner) {
		if wanted(b, a) && a.Privileges&catalog.PrivUsage != 0 {
			f(str(ownerName(b.snap, a.Grantor)), b.granteeName(a), str(b.snap.SchemaName(t.oid("typnamespace"))), t.get("typname"),
				b.grantable(a, owner, catalog.PrivUsage))
		}
	}
}

// eachColumn calls f for the columns of all tables and views, the system's too.
func (b *builder) eachColumn(f func(schema types.Datum, table string, c *catalog.Column)) {
	systemRelations(func(r *relation, _ catalog.Oid) {
		for i, c := range r.Columns {
			f(str(r.Schema), r.Name, &catalog.Column{Num: catalog.AttNum(i + 1), Name: c.Name, Type: c.Type})
		}
	})
	one := func(rel catalog.Relation) bool {
		schema := str(b.snap.SchemaName(rel.SchemaID()))
		rel.Columns(func(_ catalog.AttNum, c *catalog.Column) { f(schema, rel.Name(), c) })
		return true
	}
	b.snap.Tables(func(t *catalog.Table) bool { return t.MatView != nil || one(t.Relation()) })
	b.snap.Views(func(v *catalog.View) bool { return one(catalog.Relation{Kind: catalog.KindView, View: v}) })
}

// typeOwner is pg_type.typowner.
func (b *builder) typeOwner(oid catalog.Oid) catalog.Oid {
	if !oid.IsUser() {
		return catalog.BootstrapRole
	}
	if elem := types.ElemOf(oid); elem != 0 {
		oid = elem
	}
	if t := b.snap.Type(oid); t != nil {
		return t.Owner
	}
	if rel, ok := b.snap.RelationByOID(oid.Serial()); ok {
		return rel.Owner()
	}
	return catalog.BootstrapRole
}

func infoDomainColumns(b *builder) {
	db := str(b.env.Database)
	b.eachColumn(func(schema types.Datum, table string, c *catalog.Column) {
		if d := b.snap.Type(c.Type.Domain); d != nil && d.Domain != nil && b.owns(d.Owner) {
			b.add(db, str(b.snap.SchemaName(d.SchemaID)), str(d.Name), db, schema, str(table), str(c.Name))
		}
	})
}

func infoTypeColumns(b *builder) {
	db := str(b.env.Database)
	b.eachColumn(func(schema types.Datum, table string, c *catalog.Column) {
		oid := c.Type.Declared()
		if d := b.snap.Type(oid); d != nil && d.Domain != nil {
			oid = d.Domain.Base.Declared()
		}
		if b.owns(b.typeOwner(oid)) {
			_, udtSchema, udt := b.dataType(types.T(oid))
			b.add(db, udtSchema, udt, db, schema, str(table), str(c.Name))
		}
	})
}

func infoDomainTypes(b *builder) {
	db := str(b.env.Database)
	b.snap.Types(func(t *catalog.Type) bool {
		if t.Domain != nil && b.owns(b.typeOwner(t.Domain.Base.Declared())) {
			_, schema, udt := b.declaredType(t.Domain.Base)
			b.add(db, schema, udt, db, str(b.snap.SchemaName(t.SchemaID)), str(t.Name))
		}
		return true
	})
}

// eachCollation calls f for the collations of the database's encoding.
func (b *builder) eachCollation(f func(schema, name types.Datum, owner catalog.Oid)) {
	b.each(pgCatalog, "pg_collation", func(c tuple) {
		if e := c.get("collencoding").Int(); e == -1 || e == encodingUTF8 {
			f(str(b.snap.SchemaName(c.oid("collnamespace"))), c.get("collname"), c.oid("collowner"))
		}
	})
}

// descriptor names a data type in data_type_privileges.
type descriptor struct{ schema, object, kind, id string }

func (b *builder) eachDescriptor(f func(d descriptor)) {
	for _, v := range []struct{ view, kind, schema, name string }{
		{"attributes", "USER-DEFINED TYPE", "udt_schema", "udt_name"}, {"columns", "TABLE", "table_schema", "table_name"},
		{"domains", "DOMAIN", "domain_schema", "domain_name"}, {"parameters", "ROUTINE", "specific_schema", "specific_name"},
		{"routines", "ROUTINE", "specific_schema", "specific_name"},
	} {
		b.each(informationSchema, v.view, func(t tuple) {
			d := descriptor{schema: t.get(v.schema).Str(), object: t.get(v.name).Str(), kind: v.kind}
			if id := t.get("dtd_identifier"); !id.IsNull() {
				d.id = id.Str()
			}
			f(d)
		})
	}
}

func infoDescriptors(b *builder) {
	b.eachDescriptor(func(d descriptor) {
		b.add(str(b.env.Database), str(d.schema), str(d.object), str(d.kind), text(d.id))
	})
}

// infoElements describes the elements of what is an array and listed by data_type_privileges.
func infoElements(b *builder) {
	db := str(b.env.Database)
	listed := map[descriptor]bool{}
	b.eachDescriptor(func(d descriptor) { listed[d] = true })
	add := func(d descriptor, t types.Type, collation catalog.Oid) {
		in := types.Lookup(t.Declared())
		if in == nil || in.ElemOid == 0 || in.Len != -1 || !listed[d] {
			return
		}
		dataType, schema, udt := b.dataType(types.T(in.ElemOid))
		if dataType.Str() == "ARRAY" { // of an element's type the view does not say that
			dataType = str(b.snap.FormatType(b.env.SearchPath, types.T(in.ElemOid)))
		}
		collDB, collSchema, coll := null, null, null
		if collation != 0 {
			collDB, collSchema, coll = b.collation(collation, t)
		}
		b.add(db, str(d.schema), str(d.object), str(d.kind), str(d.id), dataType, collDB, collSchema, coll, db, schema, udt, str("a"+d.id))
	}
	b.eachColumn(func(schema types.Datum, table string, c *catalog.Column) {
		collation := c.Collation
		if in := types.Lookup(c.Type.Oid); collation == 0 && in != nil {
			collation = in.Collation
		}
		add(descriptor{schema.Str(), table, "TABLE", itoa(int64(c.Num))}, c.Type, collation)
	})
	b.snap.Types(func(t *catalog.Type) bool {
		schema := b.snap.SchemaName(t.SchemaID)
		for i, a := range t.Attrs {
			if in := types.Lookup(a.Type.Oid); !a.Dropped && in != nil {
				add(descriptor{schema, t.Name, "USER-DEFINED TYPE", itoa(int64(i + 1))}, a.Type, in.Collation)
			}
		}
		if t.Domain != nil {
			add(descriptor{schema, t.Name, "DOMAIN", "1"}, t.Domain.Base, t.Domain.Collation)
		}
		return true
	})
	b.each(pgCatalog, "pg_proc", func(p tuple) {
		name := b.procName(p.get("proname").Str(), p.oid("pronamespace"), p.oid("oid"))
		for i, oid := range append([]types.Datum{p.get("prorettype")}, parameterTypes(p)...) {
			add(descriptor{name.schema.Str(), name.specific.Str(), "ROUTINE", itoa(int64(i))}, types.T(catalog.Oid(oid.Int())), 0)
		}
	})
}
