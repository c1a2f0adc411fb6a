package pgcat

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// describeObject is pg_describe_object(classid, objid, objsubid): NULL for what is not there.
func describeObject(c *call) (types.Datum, error) {
	part, known := c.partOf(c.oid(0), c.oid(1), catalog.AttNum(c.args[2].Int()))
	if !known {
		return null, pgerr.NotSupported("pg_describe_object of an object of that catalog")
	}
	if part.Kind == 0 {
		return null, nil
	}
	return str(c.scope.snap.Describe(c.path, part)), nil
}

// partOf finds an object by its catalog and OID. The part is empty where there is none; known says that the catalog is one
// of those whose objects are parts.
func (c *call) partOf(class, oid catalog.Oid, sub catalog.AttNum) (p catalog.Part, known bool) {
	snap := c.scope.snap
	found := func(ok bool, kind catalog.PartKind) (catalog.Part, bool) {
		if !ok {
			return catalog.Part{}, true
		}
		return catalog.Part{Kind: kind, OID: oid, Sub: sub}, true
	}
	switch class {
	case classClass:
		rel, ok := snap.RelationByOID(oid)
		if !ok {
			return catalog.Part{}, oid >= catalog.FirstNormalOid
		}
		switch rel.Kind {
		case catalog.KindSequence:
			return found(true, catalog.PartSequence)
		case catalog.KindView:
			return found(true, catalog.PartView)
		case catalog.KindIndex:
			return found(true, catalog.PartIndex)
		}
		if sub != 0 {
			return found(rel.Table.Column(sub) != nil, catalog.PartColumn)
		}
		return found(true, catalog.PartTable)
	case classProc:
		return found(snap.Function(oid) != nil, catalog.PartFunction)
	case classNamespace:
		return found(snap.Schema(oid) != nil, catalog.PartSchema)
	case classExtension:
		return found(snap.Extension(oid) != nil, catalog.PartExtension)
	case classType:
		_, ok := c.formatType(oid, -1)
		return found(ok, catalog.PartType)
	case classConstraint:
		_, k := snap.Constraint(oid)
		return found(k != nil, catalog.PartConstraint)
	case classTrigger:
		_, g := snap.Trigger(oid)
		return found(g != nil, catalog.PartTrigger)
	case classOperator:
		o := catalog.ExtensionOperator(oid)
		return found(o != nil && snap.ExtensionNamed(o.Extension) != nil, catalog.PartOperator)
	case classOpclass:
		o := catalog.ExtensionOpClass(oid)
		return found(o != nil && snap.ExtensionNamed(o.Extension) != nil, catalog.PartOpClass)
	case classCast:
		i := slices.IndexFunc(catalog.ExtensionCasts, func(c catalog.ExtensionCast) bool { return c.OID == oid })
		return found(i >= 0 && snap.ExtensionNamed(catalog.ExtensionCasts[i].Extension) != nil, catalog.PartCast)
	case classOpfamily:
		o := catalog.ExtensionOpFamily(oid)
		return found(o != nil && snap.ExtensionNamed(o.Extension) != nil, catalog.PartOpFamily)
	case classPolicy:
		_, q := snap.Policy(oid)
		return found(q != nil, catalog.PartPolicy)
	}
	return catalog.Part{}, false
}
