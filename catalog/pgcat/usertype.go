package pgcat

import (
	"github.com/pgmqdb/pgmqdb/catalog"
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
		num(t.mod), num(t.Collation), t.def, t.acl)
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
		b.pgType(row)
		b.pgType(typeRow{Info: types.Lookup(t.ArrayOID()), name: t.ArrayName, namespace: t.SchemaID, owner: t.Owner,
			subscript: "array_subscript_handler", mod: -1})
		return true
	})
}

// typeDepends are the dependencies of types, and of columns on types.
func (b *builder) typeDepends() {
	b.snap.Types(func(t *catalog.Type) bool {
		b.depend(classType, t.OID, 0, classNamespace, t.SchemaID, 0, catalog.Normal)
		b.depend(classType, t.ArrayOID(), 0, classType, t.OID, 0, catalog.Internal)
		return true
	})
	b.snap.Tables(func(t *catalog.Table) bool {
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
		if n.snap.Type(elem) == nil {
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
