package pgcat

import (
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// call is one call of a function about the catalog.
type call struct {
	*scope
	regNames
	name  string
	types []types.Type
	args  []types.Datum
}

// function computes a result. Arguments of strict functions are not NULL.
type function func(c *call) (types.Datum, error)

// Call runs a function about the catalog or the server, by pg_proc.proname. args are those of the overload that argTypes
// tell. Functions that it does not know return 0A000.
func (s *System) Call(env *Env, name string, argTypes []types.Type, args []types.Datum) (types.Datum, error) {
	load()
	f := functions[name]
	if f == nil {
		return types.Null, pgerr.NotSupported("function " + name)
	}
	set := s.rowsOf(env)
	return f(&call{scope: set.scope(env), regNames: regNames{snap: env.Snapshot, path: env.SearchPath, role: env.Role}, name: name, types: argTypes, args: args})
}

func (c *call) oid(i int) catalog.Oid { return catalog.Oid(c.args[i].Int()) }

func (c *call) flag(i int) bool { return i < len(c.args) && c.args[i].Bool() }

// textual reports whether an argument is a name rather than an OID.
func (c *call) textual(i int) bool { return c.types[i].Kind() == types.KString }

// functions are the functions by name.
var functions map[string]function

func init() {
	functions = map[string]function{
		"format_type": formatType, "obj_description": objDescription, "col_description": colDescription,
		"shobj_description": sharedDescription, "pg_get_constraintdef": constraintDef, "pg_get_indexdef": indexDef,
		"pg_get_expr": getExpr, "pg_get_viewdef": viewDef, "pg_get_ruledef": ruleDef, "pg_get_userbyid": userByID, "pg_get_serial_sequence": serialSequence,
		"acldefault": aclDefault, "pg_describe_object": describeObject,

		"pg_table_is_visible": tableVisible, "pg_type_is_visible": typeVisible,
		"pg_operator_is_visible": operatorVisible, "pg_collation_is_visible": embeddedVisible("pg_collation"),
		"pg_opclass_is_visible": embeddedVisible("pg_opclass"), "pg_opfamily_is_visible": embeddedVisible("pg_opfamily"),
		"pg_ts_config_is_visible": embeddedVisible("pg_ts_config"), "pg_ts_dict_is_visible": embeddedVisible("pg_ts_dict"),
		"pg_ts_parser_is_visible":      embeddedVisible("pg_ts_parser"),
		"pg_ts_template_is_visible":    embeddedVisible("pg_ts_template"),
		"pg_conversion_is_visible":     constant(null),
		"pg_statistics_obj_is_visible": constant(null),

		"to_regclass": toReg(types.RegclassOid), "to_regtype": toReg(types.RegtypeOid), "to_regnamespace": toReg(types.RegnamespaceOid),
		"to_regrole": toReg(types.RegroleOid), "to_regproc": toReg(types.RegprocOid), "to_regprocedure": toReg(types.RegprocedureOid),
		"to_regoper": toReg(types.RegoperOid), "to_regoperator": toReg(types.RegoperatorOid),
		"to_regcollation": toReg(types.RegcollationOid), "regclass": regCast(types.RegclassOid),
		"regclassin": regCast(types.RegclassOid), "regtypein": regCast(types.RegtypeOid), "regprocin": regCast(types.RegprocOid),
		"regprocedurein": regCast(types.RegprocedureOid), "regoperin": regCast(types.RegoperOid),
		"regoperatorin": regCast(types.RegoperatorOid), "regnamespacein": regCast(types.RegnamespaceOid),
		"regrolein": regCast(types.RegroleOid), "regcollationin": regCast(types.RegcollationOid),
		"regconfigin": regCast(types.RegconfigOid), "regdictionaryin": regCast(types.RegdictionaryOid),
		"regclassout": regText(types.RegclassOid), "regtypeout": regText(types.RegtypeOid), "regprocout": regText(types.RegprocOid),
		"regprocedureout": regText(types.RegprocedureOid), "regoperout": regText(types.RegoperOid),
		"regoperatorout": regText(types.RegoperatorOid), "regnamespaceout": regText(types.RegnamespaceOid),
		"regroleout": regText(types.RegroleOid), "regcollationout": regText(types.RegcollationOid),
		"regconfigout": regText(types.RegconfigOid), "regdictionaryout": regText(types.RegdictionaryOid),
	}
	for _, group := range []map[string]function{privilegeFunctions(), serverFunctions(), functionFunctions()} {
		for name, f := range group {
			functions[name] = f
		}
	}
}

func constant(d types.Datum) function {
	return func(*call) (types.Datum, error) { return d, nil }
}

func formatType(c *call) (types.Datum, error) {
	if c.args[0].IsNull() {
		return null, nil
	}
	oid := c.oid(0)
	if oid == 0 {
		return str("-"), nil
	}
	if len(c.args) < 2 || c.args[1].IsNull() {
		return c.typeText(oid, -1), nil
	}
	mod := int32(c.args[1].Int())
	if mod < 0 { // a modifier is given as absent: "character" would mean character(1)
		base, suffix := oid, ""
		if e := types.ElemOf(oid); e != 0 {
			base, suffix = e, "[]"
		}
		switch base {
		case types.BpcharOid:
			return str("bpchar" + suffix), nil
		case types.BitOid:
			return str(`"bit"` + suffix), nil
		}
	}
	return c.typeText(oid, mod), nil
}

func (c *call) typeText(oid catalog.Oid, mod int32) types.Datum {
	s, ok := c.formatType(oid, mod)
	if !ok {
		s = "???"
	}
	return str(s)
}

// classByName are the catalogs that obj_description knows comments of.
var classByName = map[string]catalog.Oid{
	"pg_trigger": classTrigger, "pg_rewrite": classRewrite, "pg_class": classClass, "pg_namespace": classNamespace, "pg_constraint": classConstraint, "pg_am": classAm,
	"pg_language": classLanguage, "pg_type": classType, "pg_database": classDatabase, "pg_authid": classAuthID,
	"pg_proc": classProc, "pg_extension": classExtension,
	"pg_ts_dict": classTSDict, "pg_ts_parser": classTSParser, "pg_ts_config": classTSConfig, "pg_ts_template": classTSTemplate,
}

func objDescription(c *call) (types.Datum, error) {
	if len(c.args) == 1 {
		for _, class := range []catalog.Oid{classClass, classConstraint, classNamespace, classType, classProc} {
			if t, ok := c.defs.comment(class, c.oid(0), 0); ok {
				return str(t), nil
			}
		}
		return null, nil
	}
	if t, ok := c.defs.comment(classByName[c.args[1].Str()], c.oid(0), 0); ok {
		return str(t), nil
	}
	return null, nil
}

func colDescription(c *call) (types.Datum, error) {
	if t, ok := c.defs.comment(classClass, c.oid(0), catalog.AttNum(c.args[1].Int())); ok && c.args[1].Int() != 0 {
		return str(t), nil
	}
	return null, nil
}

func sharedDescription(c *call) (types.Datum, error) {
	if t, ok := c.defs.comment(classByName[c.args[1].Str()], c.oid(0), 0); ok {
		return str(t), nil
	}
	return null, nil
}

func constraintDef(c *call) (types.Datum, error) {
	t, con := c.scope.snap.Constraint(c.oid(0))
	if d, check := c.scope.snap.DomainConstraint(c.oid(0)); check != nil {
		return str(c.defs.domainConstraint(d, check, c.flag(1))), nil
	}
	if con == nil {
		return null, nil
	}
	return str(c.defs.constraint(t, con, c.flag(1))), nil
}

func indexDef(c *call) (types.Datum, error) {
	snap := c.scope.snap
	t, i := snap.Index(c.oid(0))
	if i == nil {
		return null, nil
	}
	if len(c.args) > 1 && c.args[1].Int() != 0 {
		n := int(c.args[1].Int())
		switch k := n - len(i.Columns); {
		case n < 1 || k > len(i.Include):
			return str(""), nil
		case k > 0:
			return str(catalog.QuoteIdent(t.Column(i.Include[k-1]).Name)), nil
		case i.Columns[n-1].Num == 0:
			return str(c.defs.indexKey(i.Columns[n-1].Expr, t, c.flag(2))), nil
		}
		return str(catalog.QuoteIdent(t.Column(i.Columns[n-1].Num).Name)), nil
	}
	def := c.defs.index(t, i, c.flag(2))
	if c.flag(2) { // pretty: the table's name is qualified only where it must be
		full := catalog.QualifiedName(snap.SchemaName(t.SchemaID), t.Name)
		short := c.relationName(foundUser(snap, catalog.Relation{Kind: catalog.KindTable, Table: t}))
		def = strings.Replace(def, " ON "+full+" USING ", " ON "+short+" USING ", 1)
	}
	return str(def), nil
}

// getExpr prints what pg_attrdef.adbin, pg_constraint.conbin, pg_index.indexprs and indpred hold.
func getExpr(c *call) (types.Datum, error) {
	text := c.args[0].Str()
	if def, ok := strings.CutPrefix(text, boundTree); ok {
		return str(def), nil
	}
	rel := c.oid(1)
	t := c.scope.snap.Table(rel)
	if name, ok := strings.CutPrefix(text, policyTree); ok {
		return str(c.defs.policyTree(t, name, c.flag(2))), nil
	}
	if rel != 0 && t == nil {
		if _, ok := c.relation(rel); !ok {
			return null, nil
		}
	}
	if list := splitIndexTree(text); list != nil {
		for i, x := range list {
			list[i] = c.defs.expr(x, t, nil, c.flag(2))
		}
		return str(strings.Join(list, ", ")), nil
	}
	col, text := splitTree(t, text)
	return str(c.defs.expr(text, t, col, c.flag(2))), nil
}

func viewDef(c *call) (types.Datum, error) {
	oid := catalog.Oid(0)
	if c.textual(0) {
		parts, err := splitName(c.args[0].Str())
		if err != nil {
			return null, err
		}
		f, err := c.mustFind(parts)
		if err != nil {
			return null, err
		}
		oid = f.oid
	} else {
		oid = c.oid(0)
	}
	if v := c.viewOf(oid); v != nil {
		// The second argument is true, to leave out needless parentheses, or the column to wrap at, which implies it.
		pretty, wrap := c.flag(1), 0
		if len(c.args) > 1 && c.types[1].Oid != types.BoolOid {
			pretty, wrap = true, int(c.args[1].Int())
		}
		return str(c.defs.view(v, pretty, wrap)), nil
	}
	return null, nil
}

// viewOf finds a view, materialized or not; nil if there is none.
func (c *call) viewOf(oid catalog.Oid) *catalog.View {
	if t := c.scope.snap.Table(oid); t != nil && t.MatView != nil {
		return t.AsView()
	}
	return c.scope.snap.View(oid)
}

// ruleDef prints a rule, or the one that makes a relation a view.
func ruleDef(c *call) (types.Datum, error) {
	if rel, r := c.scope.snap.Rule(c.oid(0)); r != nil {
		return str(c.defs.rule(rel, r, c.flag(1))), nil
	}
	v := c.viewOf(c.oid(0) &^ synthetic)
	if v == nil || c.oid(0) != rewriteOid(v) {
		return null, nil
	}
	pretty := c.flag(1)
	name := catalog.QualifiedName(c.scope.snap.SchemaName(v.SchemaID), v.Name)
	if rel, ok := c.scope.snap.RelationByOID(v.OID); ok && pretty {
		name = c.scope.snap.RelationName(c.defs.path, rel)
	}
	return str("CREATE RULE \"_RETURN\" AS\n    ON SELECT TO " + name + " DO INSTEAD " + c.defs.view(v, pretty, 0)), nil
}

// mustFind finds a relation by the parts of its name.
func (c *call) mustFind(parts []string) (found, error) {
	schema := ""
	if len(parts) > 1 {
		schema = parts[len(parts)-2]
	}
	if err := c.regNames.snap.CheckSchemaUsage(schema, c.role); err != nil {
		return found{}, err
	}
	if f, ok := c.lookup(schema, parts[len(parts)-1]); ok {
		return f, nil
	}
	return found{}, pgerr.New(pgerr.UndefinedTable, "relation \"%s\" does not exist", strings.Join(parts, "."))
}

func userByID(c *call) (types.Datum, error) { return str(ownerName(c.scope.snap, c.oid(0))), nil }

func serialSequence(c *call) (types.Datum, error) {
	parts, err := splitName(c.args[0].Str())
	if err != nil {
		return null, err
	}
	f, err := c.mustFind(parts)
	if err != nil {
		return null, err
	}
	name := c.args[1].Str()
	t := f.rel.Table
	var col *catalog.Column
	if t != nil && f.rel.Kind == catalog.KindTable {
		col = t.ColumnByName(name)
	}
	if col == nil {
		return null, pgerr.New(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", name, f.name)
	}
	for _, q := range c.scope.snap.SequencesOwnedBy(t.OID, col.Num) {
		return str(catalog.QualifiedName(c.scope.snap.SchemaName(q.SchemaID), q.Name)), nil
	}
	return null, nil
}

func aclDefault(c *call) (types.Datum, error) {
	kind := catalog.ACLKind(c.args[0].Int())
	if kind.All() == 0 {
		return null, pgerr.New(pgerr.InternalError, "unrecognized objtype abbreviation: %c", byte(kind))
	}
	return aclDatum(c.scope.snap, kind.Default(c.oid(1))), nil
}

func tableVisible(c *call) (types.Datum, error) {
	f, ok := c.relation(c.oid(0))
	if !ok {
		return null, nil
	}
	return flag(c.visible(f)), nil
}

// searched reports whether pg_catalog is searched: it always is, though not always first.
func (c *call) searched() types.Datum { return yes }

func typeVisible(c *call) (types.Datum, error) {
	oid := c.oid(0)
	if !oid.IsUser() && types.Lookup(oid) != nil {
		return c.searched(), nil
	}
	name, ok := c.formatType(oid, -1)
	if !ok {
		return null, nil
	}
	return flag(c.env.Snapshot.FormatType(nil, types.T(oid)) != name), nil
}

func operatorVisible(c *call) (types.Datum, error) {
	for _, f := range operatorList() {
		if f.Operator.Oid == c.oid(0) {
			return c.searched(), nil
		}
	}
	if f := expr.OperatorByOid(c.oid(0)); f != nil {
		return c.extensionSearched(f.Extension), nil
	}
	return null, nil
}

// extensionSearched reports whether the schema of an extension's objects is in the search path; NULL where there is none.
func (c *call) extensionSearched(extension string) types.Datum {
	e := c.scope.snap.ExtensionNamed(extension)
	if e == nil {
		return null
	}
	return flag(slices.Contains(c.path, c.scope.snap.SchemaName(e.SchemaID)))
}

func embeddedVisible(rel string) function {
	return func(c *call) (types.Datum, error) {
		if _, ok := embeddedName(rel, c.oid(0)); !ok {
			for i := range catalog.ExtensionOpClasses {
				if o := &catalog.ExtensionOpClasses[i]; rel == "pg_opclass" && o.OID == c.oid(0) || rel == "pg_opfamily" && o.Family == c.oid(0) {
					return c.extensionSearched(o.Extension), nil
				}
			}
			return null, nil
		}
		return c.searched(), nil
	}
}

// toReg is to_regclass and its like: NULL instead of an error for what does not exist.
func toReg(t types.Oid) function {
	return func(c *call) (types.Datum, error) {
		n, err := c.in(t, c.args[0].Str())
		if err != nil {
			if e := pgerr.From(err); e.Code == pgerr.InvalidName || e.Code == pgerr.SyntaxError || e.Code == pgerr.InvalidTextRepresentation ||
				e.Code == pgerr.InsufficientPrivilege {
				return null, err
			}
			return null, nil
		}
		return num(n), nil
	}
}

func regCast(t types.Oid) function {
	return func(c *call) (types.Datum, error) {
		io := *c.defs.io
		io.RegIn = c.in
		return types.ParseText(types.T(t), c.args[0].Str(), &io)
	}
}

func regText(t types.Oid) function {
	return func(c *call) (types.Datum, error) {
		io := *c.defs.io
		io.RegOut = c.out
		return str(types.Text(t, c.args[0], &io)), nil
	}
}
