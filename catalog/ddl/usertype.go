package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func errNoType(n Name) *pgerr.Error {
	return pgerr.New(pgerr.UndefinedObject, "type %q does not exist", n.String()).WithPosition(n.Pos)
}

func errTypeExists(name string) *pgerr.Error {
	return pgerr.New(pgerr.DuplicateObject, "type %q already exists", name)
}

// newType makes a type of a class in a schema, under names that are free.
func (x *Tx) newType(ctx context.Context, class types.UserClass, n Name) (*catalog.Type, error) {
	x.refresh()
	schema, err := x.creationSchema(ctx, n.Schema, n.Name)
	if err != nil {
		return nil, err
	}
	if err := x.claimTypeName(ctx, schema.OID, n.Name); err != nil {
		return nil, err
	}
	oid, err := x.newOID(ctx)
	if err != nil {
		return nil, err
	}
	return &catalog.Type{
		OID: types.UserOid(class, oid), SchemaID: schema.OID, Name: n.Name, ArrayName: x.arrayTypeName(schema.OID, n.Name), Owner: x.user(),
	}, nil
}

// CheckNewType refuses a name that a new type cannot have.
func (x *Tx) CheckNewType(ctx context.Context, n Name) error {
	x.refresh()
	schema, err := x.creationSchema(ctx, n.Schema, n.Name)
	if err == nil && x.typeNameTaken(schema.OID, n.Name) && x.arrayOfType(schema.OID, n.Name) == nil {
		err = errTypeExists(n.Name)
	}
	return err
}

// arrayOfType is the type whose array type has a name; nil where the name is another's.
func (x *Tx) arrayOfType(schema catalog.Oid, name string) *catalog.Type {
	if oid, ok := x.s.over.TypeIn(schema, name); ok {
		return x.s.over.Type(types.ElemOf(oid))
	}
	return nil
}

// claimTypeName makes a name free for a type: an array type that has it makes way (moveArrayTypeName).
func (x *Tx) claimTypeName(ctx context.Context, schema catalog.Oid, name string) error {
	if !x.typeNameTaken(schema, name) {
		return nil
	}
	t := x.arrayOfType(schema, name)
	if t == nil {
		return errTypeExists(name)
	}
	if err := x.lockObjects(ctx, t.ObjectID()); err != nil {
		return err
	}
	if t = x.s.over.Type(t.OID); t == nil || t.ArrayName != name {
		return x.claimTypeName(ctx, schema, name)
	}
	c := t.Clone()
	c.ArrayName = x.arrayTypeName(schema, t.Name)
	return x.put(ctx, c)
}

// typeNameTaken reports whether a schema has a type of that name: a user's, or the row type of a table or view.
func (x *Tx) typeNameTaken(schema catalog.Oid, name string) bool {
	oid, ok := x.s.over.TypeIn(schema, name)
	if elem := types.ElemOf(oid); elem.Class() == types.CompositeClass && x.s.over.Type(elem) == nil {
		return false // a relation's array type makes way
	}
	return ok
}

// arrayTypeName is makeArrayTypeName: the name behind an underscore, or behind more until it is free.
func (x *Tx) arrayTypeName(schema catalog.Oid, name string) string {
	for {
		name = catalog.Truncate("_"+name, catalog.MaxNameBytes)
		if !x.typeNameTaken(schema, name) {
			return name
		}
	}
}

// lockType resolves a type's name and locks its descriptor for change, which is its owner's right.
func (x *Tx) lockType(ctx context.Context, n Name) (*catalog.Type, error) {
	for {
		x.refresh()
		t, err := x.findType(n)
		if err != nil {
			return nil, err
		}
		if !x.owns(t.Owner) {
			return nil, catalog.NotOwnerError("type", t.Name)
		}
		if err := x.lockObjects(ctx, t.ObjectID()); err != nil {
			return nil, err
		}
		if again, ok := x.s.over.LookupType(x.searchPath(), n.Schema, n.Name); ok && again == t.OID {
			return x.s.over.Type(again), nil
		}
	}
}

func (x *Tx) findType(n Name) (*catalog.Type, error) {
	if n.Schema != "" && x.s.over.SchemaNamed(x.searchPath(), n.Schema) == nil {
		return nil, errNoSchema(n.Schema).WithPosition(n.Pos)
	}
	oid, ok := x.s.over.LookupType(x.searchPath(), n.Schema, n.Name)
	if !ok {
		return nil, errNoType(n)
	}
	if t := x.s.over.Type(oid); t != nil {
		return t, nil
	}
	if oid.Class() == types.CompositeClass {
		return nil, pgerr.New(pgerr.WrongObjectType, "%s is a table's row type", types.FormatType(types.T(oid))).WithHint("Use ALTER TABLE instead.")
	}
	elem := types.ElemOf(oid)
	return nil, pgerr.New(pgerr.WrongObjectType, "cannot alter array type %s", types.FormatType(types.T(oid))).
		WithHint("You can alter type %s, which will alter the array type as well.", types.FormatType(types.T(elem)))
}

// CreateEnum is CREATE TYPE … AS ENUM.
func (x *Tx) CreateEnum(ctx context.Context, n Name, labels []string) error {
	t, err := x.newType(ctx, types.EnumClass, n)
	if err != nil {
		return err
	}
	if len(labels) > 0 {
		first, err := x.cfg.Alloc.OIDs(ctx, len(labels))
		if err != nil {
			return err
		}
		keys := types.FirstKeys(len(labels))
		for i, l := range labels {
			if err := checkLabel(l); err != nil {
				return err
			}
			if slices.Contains(labels[:i], l) {
				return pgerr.New(pgerr.UniqueViolation, "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"").
					WithDetail("Key (enumtypid, enumlabel)=(%d, %s) already exists.", t.OID, l)
			}
			t.Labels = append(t.Labels, types.EnumLabel{Oid: first + catalog.Oid(i), Label: l, Key: keys[i], Order: float32(i + 1)})
		}
	}
	return x.put(ctx, t)
}

func checkLabel(l string) error {
	if len(l) > catalog.MaxNameBytes {
		return pgerr.New(pgerr.InvalidName, "invalid enum label %q", l).
			WithDetail("Labels must be %d bytes or less.", catalog.MaxNameBytes)
	}
	return nil
}

// EnumValue is ALTER TYPE … ADD VALUE: Neighbor is the label of BEFORE or AFTER, empty for neither.
type EnumValue struct {
	Label       string
	Neighbor    string
	After       bool
	IfNotExists bool
}

// AddEnumValue adds a value to an enum. It may not be used until the transaction has committed.
func (x *Tx) AddEnumValue(ctx context.Context, n Name, v EnumValue) error {
	t, err := x.lockEnum(ctx, n)
	if err != nil {
		return err
	}
	if err := checkLabel(v.Label); err != nil {
		return err
	}
	if labelIndex(t, v.Label) >= 0 {
		e := pgerr.New(pgerr.DuplicateObject, "enum label %q already exists", v.Label)
		if v.IfNotExists {
			n := pgerr.Notice("enum label %q already exists, skipping", v.Label)
			n.Code = e.Code
			x.notice(n)
			return nil
		}
		return e
	}
	at := len(t.Labels)
	if v.Neighbor != "" {
		if at = labelIndex(t, v.Neighbor); at < 0 {
			return errNoLabel(v.Neighbor)
		}
		if v.After {
			at++
		}
	}
	oid, err := x.newOID(ctx)
	if err != nil {
		return err
	}
	t.Labels = slices.Insert(t.Labels, at, types.EnumLabel{
		Oid: oid, Label: v.Label, Key: keyAt(t.Labels, at), Order: orderAt(t.Labels, at), Unsafe: true,
	})
	return x.put(ctx, t)
}

func errNoLabel(l string) error {
	return pgerr.New(pgerr.InvalidParameterValue, "%q is not an existing enum label", l)
}

// keyAt returns the key of a label inserted before labels[at].
func keyAt(labels []types.EnumLabel, at int) string {
	var below, above string
	if at > 0 {
		below = labels[at-1].Key
	}
	if at < len(labels) {
		above = labels[at].Key
	}
	return types.KeyBetween(below, above)
}

// orderAt returns the enumsortorder of a label inserted before labels[at], as AddEnumLabel chooses it: when float4 has no
// number left between the neighbours, all are numbered anew. It is for show; the key is what orders values.
func orderAt(labels []types.EnumLabel, at int) float32 {
	switch {
	case len(labels) == 0:
		return 1
	case at == len(labels):
		return labels[at-1].Order + 1
	case at == 0:
		return labels[0].Order - 1
	}
	lo, hi := labels[at-1].Order, labels[at].Order
	mid := float32((float64(lo) + float64(hi)) / 2)
	if mid == lo || mid == hi {
		for i := range labels {
			labels[i].Order = float32(i + 1)
		}
		return float32(at) + 0.5
	}
	return mid
}

// RenameEnumValue is ALTER TYPE … RENAME VALUE.
func (x *Tx) RenameEnumValue(ctx context.Context, n Name, from, to string) error {
	t, err := x.lockEnum(ctx, n)
	if err != nil {
		return err
	}
	if err := checkLabel(to); err != nil {
		return err
	}
	at := labelIndex(t, from)
	if at < 0 {
		return errNoLabel(from)
	}
	if labelIndex(t, to) >= 0 {
		return pgerr.New(pgerr.DuplicateObject, "enum label %q already exists", to)
	}
	t.Labels[at].Label = to
	return x.put(ctx, t)
}

// isRowType refuses a table's row type where a type of another kind is meant.
func (x *Tx) isRowType(n Name, meant string) error {
	x.refresh()
	oid, _ := x.s.over.LookupType(x.searchPath(), n.Schema, n.Name)
	if oid.Class() == types.CompositeClass && x.s.over.Type(oid) == nil {
		return pgerr.New(pgerr.WrongObjectType, "%s is not %s", types.FormatType(types.T(oid)), meant)
	}
	return nil
}

// builtinType returns the built-in type of a name, or nil.
func builtinType(n Name) *types.Info {
	if n.Schema != "" && n.Schema != catalog.PgCatalogName {
		return nil
	}
	return types.ByName(n.Name)
}

// lockEnum locks an enum and returns a copy to be changed and put.
func (x *Tx) lockEnum(ctx context.Context, n Name) (*catalog.Type, error) {
	if in := builtinType(n); in != nil {
		return nil, pgerr.New(pgerr.WrongObjectType, "%s is not an enum", in.SQLName)
	}
	if err := x.isRowType(n, "an enum"); err != nil {
		return nil, err
	}
	t, err := x.lockType(ctx, n)
	if err != nil {
		return nil, err
	}
	if t.OID.Class() != types.EnumClass {
		return nil, pgerr.New(pgerr.WrongObjectType, "%s is not an enum", types.FormatType(types.T(t.OID)))
	}
	return t.Clone(), nil
}

func labelIndex(t *catalog.Type, label string) int {
	return slices.IndexFunc(t.Labels, func(l types.EnumLabel) bool { return l.Label == label })
}

// RenameType is ALTER TYPE … RENAME TO.
func (x *Tx) RenameType(ctx context.Context, n Name, to string) error {
	t, err := x.lockType(ctx, n)
	if err != nil {
		return err
	}
	if err := x.claimTypeName(ctx, t.SchemaID, to); err != nil {
		return err
	}
	c := x.s.over.Type(t.OID).Clone()
	c.Name, c.ArrayName = to, x.arrayTypeName(t.SchemaID, to)
	return x.put(ctx, c)
}

// SetTypeSchema is ALTER TYPE … SET SCHEMA.
func (x *Tx) SetTypeSchema(ctx context.Context, n Name, schema string) error {
	t, err := x.lockType(ctx, n)
	if err != nil {
		return err
	}
	s, err := x.creationSchema(ctx, schema, t.Name)
	if err != nil {
		return err
	}
	if old := x.s.over.Schema(t.SchemaID); s.OID != t.SchemaID && (s.Temporary() || old != nil && old.Temporary()) {
		return pgerr.New(pgerr.FeatureNotSupported, "cannot move objects into or out of temporary schemas")
	}
	if s.OID == t.SchemaID {
		return nil
	}
	if x.typeNameTaken(s.OID, t.Name) {
		return pgerr.New(pgerr.DuplicateObject, "type %q already exists in schema %q", t.Name, s.Name)
	}
	c := t.Clone()
	c.SchemaID, c.ArrayName = s.OID, x.arrayTypeName(s.OID, t.Name)
	return x.put(ctx, c)
}

// SetTypeOwner is ALTER TYPE … OWNER TO.
func (x *Tx) SetTypeOwner(ctx context.Context, n Name, owner string) error {
	t, err := x.lockType(ctx, n)
	if err != nil {
		return err
	}
	r := x.s.over.RoleByName(owner)
	if r == nil {
		return errNoRole(owner)
	}
	c := t.Clone()
	c.Owner = r.OID
	return x.put(ctx, c)
}

// CommentType is COMMENT ON TYPE; an empty text removes the comment.
func (x *Tx) CommentType(ctx context.Context, n Name, text string) error {
	t, err := x.lockType(ctx, n)
	if err != nil {
		return err
	}
	c := t.Clone()
	c.Comment = text
	return x.put(ctx, c)
}

// DropTypes is DROP TYPE and, with domain set, DROP DOMAIN.
func (x *Tx) DropTypes(ctx context.Context, names []Name, domain, missingOK bool, b Behavior) error {
	var parts []catalog.Part
	for _, n := range names {
		x.refresh()
		if in := builtinType(n); in != nil {
			return pgerr.New(pgerr.DependentObjectsStillExist, "cannot drop type %s because it is required by the database system", in.SQLName)
		}
		if n.Schema != "" && x.s.over.SchemaNamed(x.searchPath(), n.Schema) == nil && missingOK {
			x.notice(pgerr.Notice("schema %q does not exist, skipping", n.Schema))
			continue
		}
		if _, err := x.findType(n); pgerr.HasCode(err, pgerr.UndefinedObject) && missingOK {
			x.notice(pgerr.Notice("type %q does not exist, skipping", n.String()))
			continue
		}
		oid, _ := x.s.over.LookupType(x.searchPath(), n.Schema, n.Name)
		if r, ok := x.s.over.RelationByOID(oid.Serial()); ok && oid == r.RowType() {
			rel := x.s.over.Describe(x.searchPath(), relationPart(r))
			return pgerr.New(pgerr.DependentObjectsStillExist, "cannot drop type %s because %s requires it", types.FormatType(types.T(oid)), rel).
				WithHint("You can drop %s instead.", rel)
		}
		if types.ElemOf(oid) != 0 {
			array, elem := types.FormatType(types.T(oid)), types.FormatType(types.T(types.ElemOf(oid)))
			return pgerr.New(pgerr.DependentObjectsStillExist, "cannot drop type %s because type %s requires it", array, elem).
				WithHint("You can drop type %s instead.", elem)
		}
		t, err := x.lockType(ctx, n)
		if err != nil {
			return err
		}
		if domain && t.OID.Class() != types.DomainClass {
			return pgerr.New(pgerr.WrongObjectType, "%q is not a domain", n.String())
		}
		if p := (catalog.Part{Kind: catalog.PartType, OID: t.OID}); !slices.Contains(parts, p) {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return x.dropParts(ctx, parts, b)
}

// shareTypes holds the user types of columns against being dropped before what uses them is committed.
func (x *Tx) shareTypes(ctx context.Context, ts ...types.Type) error {
	for _, t := range ts {
		oid := catalog.TypeOf(t)
		if oid == 0 || x.s.over.Type(oid) == nil {
			continue
		}
		if err := x.shareObject(ctx, x.id(catalog.ClassType, oid)); err != nil {
			return err
		}
		if x.s.over.Type(oid) == nil {
			return pgerr.New(pgerr.UndefinedObject, "type with OID %d does not exist", oid)
		}
	}
	return nil
}
