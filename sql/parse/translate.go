package parse

import (
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// translator turns pg_query's tree into ours.
//
// Each method translates one protobuf message and reads every field that the
// raw grammar can set; what has no place in our tree is refused through
// refuse, so that nothing is dropped. The first refusal sticks in err and
// later ones are ignored: methods go on with nil nodes, which nobody sees.
type translator struct {
	sql  string // text that positions refer to
	base int    // subtracted from locations: bytes put before the caller's text
	lits []LiteralKind
	mode PLMode

	// Locations from cut on are moved by shift: bytes left out of the text that
	// the C parser saw.
	cut, shift int

	err *pgerr.Error
}

// refuse records that a feature has no translation.
func (t *translator) refuse(feature string, loc int) {
	if t.err == nil {
		t.err = pgerr.NotSupported(feature).WithPosition(Position(t.sql, loc))
	}
}

// fail records an error.
func (t *translator) fail(err *pgerr.Error) {
	if t.err == nil {
		t.err = err
	}
}

// unknown refuses a node of a type that does not belong where it is.
func (t *translator) unknown(n *pg.Node, where string) {
	t.refuse(fmt.Sprintf("%s in %s", nodeName(n), where), -1)
}

// nodeName is a node's type for a message, such as "XmlExpr".
func nodeName(n *pg.Node) string {
	if n == nil || n.Node == nil {
		return "empty node"
	}
	m := n.ProtoReflect()
	fd := m.WhichOneof(m.Descriptor().Oneofs().Get(0))
	return string(m.Get(fd).Message().Descriptor().Name())
}

// loc converts a location.
func (t *translator) loc(l int32) Location {
	if l < 0 {
		return -1
	}
	loc := int(l) - t.base
	if t.shift > 0 && loc >= t.cut {
		loc += t.shift
	}
	return Location(loc)
}

// name translates a list of String nodes.
func (t *translator) name(nodes []*pg.Node) Name { return Name(t.strings(nodes)) }

// strings translates a list of String nodes; nil stays nil.
func (t *translator) strings(nodes []*pg.Node) []string {
	if len(nodes) == 0 {
		return nil
	}
	out := make([]string, len(nodes))
	for i, n := range nodes {
		s, ok := n.Node.(*pg.Node_String_)
		if !ok {
			t.unknown(n, "a list of names")
			return nil
		}
		out[i] = s.String_.Sval
	}
	return out
}

func (t *translator) exprs(nodes []*pg.Node) []Expr {
	if len(nodes) == 0 {
		return nil
	}
	out := make([]Expr, len(nodes))
	for i, n := range nodes {
		out[i] = t.expr(n)
	}
	return out
}

func (t *translator) roleSpec(n *pg.RoleSpec) *RoleSpec {
	if n == nil {
		return nil
	}
	return &RoleSpec{Type: RoleSpecType(n.Roletype - 1), Name: n.Rolename, Location: t.loc(n.Location)}
}

func (t *translator) roleSpecs(nodes []*pg.Node) []*RoleSpec {
	var out []*RoleSpec
	for _, n := range nodes {
		r, ok := n.Node.(*pg.Node_RoleSpec)
		if !ok {
			t.unknown(n, "a list of roles")
			return nil
		}
		out = append(out, t.roleSpec(r.RoleSpec))
	}
	return out
}

func (t *translator) alias(n *pg.Alias) *Alias {
	if n == nil {
		return nil
	}
	return &Alias{Name: n.Aliasname, Columns: t.strings(n.Colnames)}
}

func (t *translator) rangeVar(n *pg.RangeVar) *RangeVar {
	if n == nil {
		return nil
	}
	r := &RangeVar{
		Catalog: n.Catalogname, Schema: n.Schemaname, Name: n.Relname, Inh: n.Inh,
		Persistence: Permanent, Alias: t.alias(n.Alias), Location: t.loc(n.Location),
	}
	if n.Relpersistence != "" {
		r.Persistence = Persistence(n.Relpersistence[0])
	}
	return r
}

func (t *translator) rangeVars(nodes []*pg.Node) []*RangeVar {
	if len(nodes) == 0 {
		return nil
	}
	out := make([]*RangeVar, len(nodes))
	for i, n := range nodes {
		r, ok := n.Node.(*pg.Node_RangeVar)
		if !ok {
			t.unknown(n, "a list of relations")
			return nil
		}
		out[i] = t.rangeVar(r.RangeVar)
	}
	return out
}

func (t *translator) typeName(n *pg.TypeName) *TypeName {
	if n == nil {
		return nil
	}
	out := &TypeName{
		Names: t.name(n.Names), Setof: n.Setof, PctType: n.PctType,
		Typmods: t.exprs(n.Typmods), Location: t.loc(n.Location),
	}
	for _, b := range n.ArrayBounds {
		i, ok := b.Node.(*pg.Node_Integer)
		if !ok {
			t.unknown(b, "array bounds")
			return out
		}
		out.ArrayBounds = append(out.ArrayBounds, int(i.Integer.Ival))
	}
	return out
}

func (t *translator) typeNames(nodes []*pg.Node) []*TypeName {
	var out []*TypeName
	for _, n := range nodes {
		if n.Node == nil { // NONE, in an operator's arguments
			out = append(out, nil)
			continue
		}
		tn, ok := n.Node.(*pg.Node_TypeName)
		if !ok {
			t.unknown(n, "a list of types")
			return nil
		}
		out = append(out, t.typeName(tn.TypeName))
	}
	return out
}

func (t *translator) collateClause(n *pg.CollateClause) *CollateClause {
	if n == nil {
		return nil
	}
	return &CollateClause{Arg: t.expr(n.Arg), Name: t.name(n.Collname), Location: t.loc(n.Location)}
}

func (t *translator) defElems(nodes []*pg.Node) []*DefElem {
	if len(nodes) == 0 {
		return nil
	}
	out := make([]*DefElem, len(nodes))
	for i, n := range nodes {
		d, ok := n.Node.(*pg.Node_DefElem)
		if !ok {
			t.unknown(n, "a list of options")
			return nil
		}
		out[i] = t.defElem(d.DefElem)
	}
	return out
}

func (t *translator) defElem(n *pg.DefElem) *DefElem {
	d := &DefElem{
		Namespace: n.Defnamespace, Name: n.Defname,
		Action: DefElemAction(n.Defaction - 1), Location: t.loc(n.Location),
	}
	if n.Arg != nil && n.Arg.Node != nil {
		d.Arg = t.defArg(n.Arg, d.Location)
	}
	return d
}

// defArg translates an option's value. Value nodes (Integer and so on) have no
// location: they take the option's.
func (t *translator) defArg(n *pg.Node, loc Location) DefArg {
	switch a := n.Node.(type) {
	case *pg.Node_String_:
		return NameArg(a.String_.Sval)
	case *pg.Node_Integer:
		return &Const{Kind: ConstInteger, Ival: a.Integer.Ival, Location: loc}
	case *pg.Node_Float:
		return &Const{Kind: ConstFloat, Sval: a.Float.Fval, Location: loc}
	case *pg.Node_Boolean:
		return &Const{Kind: ConstBool, Bval: a.Boolean.Boolval, Location: loc}
	case *pg.Node_AConst:
		return t.aConst(a.AConst)
	case *pg.Node_TypeName:
		return t.typeName(a.TypeName)
	case *pg.Node_RoleSpec:
		return t.roleSpec(a.RoleSpec)
	case *pg.Node_AStar:
		return StarArg{}
	case *pg.Node_VariableSetStmt:
		return SetArg{t.variableSetStmt(a.VariableSetStmt)}
	case *pg.Node_List:
		return t.defListArg(a.List.Items)
	}
	t.unknown(n, "an option")
	return nil
}

func (t *translator) defListArg(items []*pg.Node) DefArg {
	if len(items) == 0 {
		return NameListArg{}
	}
	switch items[0].Node.(type) {
	case *pg.Node_RoleSpec:
		return RoleListArg(t.roleSpecs(items))
	case *pg.Node_DefElem:
		return OptionListArg(t.defElems(items))
	}
	return NameListArg(t.strings(items))
}

// object translates the name of an object in DROP, COMMENT, RENAME, ….
func (t *translator) object(n *pg.Node) *ObjectName {
	if n == nil || n.Node == nil {
		return nil
	}
	switch o := n.Node.(type) {
	case *pg.Node_String_:
		return &ObjectName{Name: Name{o.String_.Sval}}
	case *pg.Node_TypeName:
		return &ObjectName{Type: t.typeName(o.TypeName)}
	case *pg.Node_ObjectWithArgs:
		return t.objectWithArgs(o.ObjectWithArgs)
	case *pg.Node_List:
		return t.objectList(o.List.Items)
	}
	t.unknown(n, "an object's name")
	return nil
}

// objectList translates a dotted name; a domain constraint's begins with the
// domain as a type.
func (t *translator) objectList(items []*pg.Node) *ObjectName {
	out := &ObjectName{}
	for i, it := range items {
		switch o := it.Node.(type) {
		case *pg.Node_String_:
			out.Name = append(out.Name, o.String_.Sval)
		case *pg.Node_TypeName:
			if i > 0 {
				t.unknown(it, "an object's name")
				return nil
			}
			out.Type = t.typeName(o.TypeName)
		default:
			t.unknown(it, "an object's name")
			return nil
		}
	}
	return out
}

func (t *translator) objects(nodes []*pg.Node) []*ObjectName {
	out := make([]*ObjectName, len(nodes))
	for i, n := range nodes {
		out[i] = t.object(n)
	}
	return out
}
