package pgcat

import (
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// regNames converts reg* values to names and back, along a search path.
type regNames struct {
	snap *catalog.Snapshot
	path []string
	role catalog.Oid // whose rights to look into schemas count; 0: nobody's
}

// BindIO returns the settings io with reg* values read and shown by name, as env's session sees them.
func BindIO(env *Env, io *types.IOEnv) *types.IOEnv {
	load()
	out := *io
	names := &regNames{snap: env.Snapshot, path: env.SearchPath, role: env.Role}
	out.RegIn, out.RegOut, out.UserType = names.in, names.out, env.Snapshot.UserType
	return &out
}

// found is a relation of the user or the system.
type found struct {
	oid       catalog.Oid
	name      string
	schema    string
	kind      byte
	namespace catalog.Oid
	owner     catalog.Oid
	closed    bool             // a system relation that PUBLIC may not read
	rel       catalog.Relation // zero for a system relation
}

func foundUser(snap *catalog.Snapshot, r catalog.Relation) found {
	return found{oid: r.OID(), name: r.Name(), schema: snap.SchemaName(r.SchemaID()), kind: byte(r.Kind), namespace: r.SchemaID(),
		owner: r.Owner(), rel: r}
}

// foundComposite is the relation that a standalone composite type is in pg_class.
func foundComposite(snap *catalog.Snapshot, t *catalog.Type) found {
	return found{oid: t.OID.Serial(), name: t.Name, schema: snap.SchemaName(t.SchemaID), kind: 'c', namespace: t.SchemaID, owner: t.Owner}
}

func foundSystem(r *relation) found {
	ns := catalog.PgCatalogSchema
	if r.Schema == informationSchema {
		ns = catalog.InformationSchema
	}
	return found{oid: r.OID, name: r.Name, schema: r.Schema, kind: r.kind, namespace: ns, owner: catalog.BootstrapRole, closed: r.Closed}
}

// relation returns a relation by OID.
func (n *regNames) relation(oid catalog.Oid) (found, bool) {
	if r, ok := n.snap.RelationByOID(oid); ok {
		return foundUser(n.snap, r), true
	}
	if t := n.snap.Type(types.UserOid(types.CompositeClass, oid)); t != nil && oid == oid.Serial() {
		return foundComposite(n.snap, t), true
	}
	load()
	if r := relationsOID[oid]; r != nil {
		return foundSystem(r), true
	}
	return found{}, false
}

// lookup finds a relation by name; without a schema along the search path, before which pg_catalog is searched unless it
// is listed.
func (n *regNames) lookup(schema, name string) (found, bool) {
	load()
	path := []string{catalog.BindSchema(n.path, schema)}
	if schema == "" {
		path = n.path
		listed := false
		for _, s := range path {
			listed = listed || s == pgCatalog
		}
		if !listed {
			if r := relationsBy[relationName{pgCatalog, name}]; r != nil {
				return foundSystem(r), true
			}
		}
	}
	for _, s := range path {
		if r := relationsBy[relationName{s, name}]; r != nil {
			return foundSystem(r), true
		}
		if r, ok := n.snap.LookupRelation(nil, s, name); ok {
			return foundUser(n.snap, r), true
		}
		if oid, ok := n.snap.LookupType(nil, s, name); ok && oid.Class() == types.CompositeClass {
			return foundComposite(n.snap, n.snap.Type(oid)), true
		}
	}
	return found{}, false
}

// visible reports whether the relation's name alone finds it.
func (n *regNames) visible(f found) bool {
	g, ok := n.lookup("", f.name)
	return ok && g.oid == f.oid
}

// relationName prints a relation's name, qualified unless it is visible.
func (n *regNames) relationName(f found) string {
	if n.visible(f) {
		return catalog.QuoteIdent(f.name)
	}
	return catalog.QualifiedName(f.schema, f.name)
}

// out is regclassout and its like.
func (n *regNames) out(t types.Oid, value uint32) (string, bool) {
	oid := catalog.Oid(value)
	if oid == 0 {
		return "-", true
	}
	switch t {
	case types.RegclassOid:
		if f, ok := n.relation(oid); ok {
			return n.relationName(f), true
		}
	case types.RegtypeOid:
		if s, ok := n.formatType(oid, -1); ok {
			return s, true
		}
	case types.RegnamespaceOid:
		if name, ok := n.schemaName(oid); ok {
			return catalog.QuoteIdent(name), true
		}
	case types.RegroleOid:
		if name, ok := roleName(n.snap, oid); ok {
			return catalog.QuoteIdent(name), true
		}
	case types.RegprocOid:
		if f := n.snap.Function(oid); f != nil {
			return n.procName(f), true
		}
		if p, ok := procByOid(oid); ok {
			return procOut(p), true
		}
	case types.RegprocedureOid:
		if f := n.snap.Function(oid); f != nil {
			return n.snap.FunctionSignature(n.path, f), true
		}
		if p, ok := procByOid(oid); ok {
			return catalog.QuoteIdent(p.Name) + "(" + typeList(p.Args) + ")", true
		}
	case types.RegoperOid, types.RegoperatorOid:
		if f := expr.OperatorByOid(oid); f != nil {
			return operatorOut(t, f), true
		}
	case types.RegcollationOid:
		if name := collationName(oid); name != "" {
			return catalog.QuoteIdent(name), true
		}
	case types.RegconfigOid, types.RegdictionaryOid:
		if name, ok := embeddedName(map[types.Oid]string{types.RegconfigOid: "pg_ts_config", types.RegdictionaryOid: "pg_ts_dict"}[t], oid); ok {
			return catalog.QuoteIdent(name), true
		}
	}
	return "", false
}

// procOut qualifies a function whose name alone is ambiguous, as regprocout does.
func procOut(p expr.ProcInfo) string {
	if len(procsByName()[p.Name]) > 1 {
		return catalog.QualifiedName(pgCatalog, p.Name)
	}
	return catalog.QuoteIdent(p.Name)
}

func operatorOut(t types.Oid, f *expr.Function) string {
	o := f.Operator
	if t == types.RegoperOid {
		n := 0
		for _, g := range operatorList() {
			if g.Operator.Name == o.Name {
				n++
			}
		}
		if n > 1 {
			return pgCatalog + "." + o.Name
		}
		return o.Name
	}
	side := func(t types.Oid) string {
		if t == 0 {
			return "NONE"
		}
		return types.FormatType(types.T(t))
	}
	return o.Name + "(" + side(o.Left) + "," + side(o.Right) + ")"
}

func typeList(ts []types.Oid) string {
	names := make([]string, len(ts))
	for i, t := range ts {
		names[i] = types.FormatType(types.T(t))
	}
	return strings.Join(names, ",")
}

func (n *regNames) schemaName(oid catalog.Oid) (string, bool) {
	if oid == namespaceToast {
		return toastSchema, true
	}
	s := n.snap.Schema(oid)
	if s == nil {
		return "", false
	}
	return s.Name, true
}

// embeddedName finds the name of a row of an embedded relation whose first two columns are OID and name.
func embeddedName(rel string, oid catalog.Oid) (string, bool) {
	load()
	r := relationsBy[relationName{pgCatalog, rel}]
	if r == nil {
		return "", false
	}
	for _, row := range r.fixed() {
		if catalog.Oid(row[0].Int()) == oid {
			return row[1].Str(), true
		}
	}
	return "", false
}

// HasSystemObject reports whether a system catalog of initdb's objects, such as pg_ts_config, has one of a name.
func HasSystemObject(rel, name string) bool {
	_, ok := embeddedOid(rel, name)
	return ok
}

func embeddedOid(rel, name string) (catalog.Oid, bool) {
	load()
	if r := relationsBy[relationName{pgCatalog, rel}]; r != nil {
		for _, row := range r.fixed() {
			if row[1].Str() == name {
				return catalog.Oid(row[0].Int()), true
			}
		}
	}
	return 0, false
}

func collationName(oid catalog.Oid) string {
	name, _ := embeddedName("pg_collation", oid)
	return name
}

// in is regclassin and its like; errors are PostgreSQL's.
func (n *regNames) in(t types.Oid, name string) (uint32, error) {
	if t == types.RegoperOid || t == types.RegoperatorOid {
		return n.operatorIn(t, name)
	}
	if t == types.RegtypeOid {
		return n.typeIn(name)
	}
	signature := ""
	if t == types.RegprocedureOid {
		var ok bool
		if name, signature, ok = strings.Cut(name, "("); !ok {
			return 0, pgerr.New(pgerr.InvalidTextRepresentation, "expected a left parenthesis")
		}
	}
	parts, err := splitName(name)
	if err != nil {
		return 0, err
	}
	schema, last := "", parts[len(parts)-1]
	if len(parts) > 1 {
		schema = parts[len(parts)-2]
	}
	if (t == types.RegconfigOid || t == types.RegdictionaryOid) && schema != "" && n.snap.SchemaNamed(n.path, schema) == nil {
		return 0, pgerr.New(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", schema)
	}
	switch t {
	case types.RegclassOid:
		if err := n.snap.CheckSchemaUsage(schema, n.role); err != nil {
			return 0, err
		}
		if f, ok := n.lookup(schema, last); ok {
			return uint32(f.oid), nil
		}
		return 0, pgerr.New(pgerr.UndefinedTable, "relation \"%s\" does not exist", strings.Join(parts, "."))
	case types.RegnamespaceOid:
		if last == toastSchema {
			return uint32(namespaceToast), nil
		}
		if s := n.snap.SchemaByName(last); s != nil {
			return uint32(s.OID), nil
		}
		return 0, pgerr.New(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", last)
	case types.RegroleOid:
		if r, ok := roleByName(n.snap, last); ok {
			return uint32(r.OID), nil
		}
		return 0, pgerr.New(pgerr.UndefinedObject, "role \"%s\" does not exist", last)
	case types.RegprocOid:
		return n.procIn(name, schema, last)
	case types.RegprocedureOid:
		return n.procedureIn(name, schema, last, signature)
	case types.RegcollationOid:
		if oid, ok := embeddedOid("pg_collation", last); ok {
			return uint32(oid), nil
		}
		return 0, pgerr.New(pgerr.UndefinedObject, "collation \"%s\" for encoding \"UTF8\" does not exist", last)
	case types.RegconfigOid:
		if oid, ok := embeddedOid("pg_ts_config", last); ok && (schema == "" || schema == pgCatalog) {
			return uint32(oid), nil
		}
		return 0, pgerr.New(pgerr.UndefinedObject, "text search configuration \"%s\" does not exist", strings.Join(parts, "."))
	case types.RegdictionaryOid:
		if oid, ok := embeddedOid("pg_ts_dict", last); ok && (schema == "" || schema == pgCatalog) {
			return uint32(oid), nil
		}
		return 0, pgerr.New(pgerr.UndefinedObject, "text search dictionary \"%s\" does not exist", strings.Join(parts, "."))
	}
	return 0, pgerr.NotSupported(types.FormatType(types.T(t)) + " names")
}

func (n *regNames) procIn(text, schema, name string) (uint32, error) {
	procs := procsByName()[name]
	if schema != "" && schema != pgCatalog {
		procs = nil
	}
	users := n.functionsNamed(schema, name)
	switch {
	case len(procs)+len(users) > 1:
		return 0, pgerr.New(pgerr.AmbiguousFunction, "more than one function named \"%s\"", text)
	case len(users) == 1:
		return uint32(users[0].OID), nil
	case len(procs) == 0:
		return 0, pgerr.New(pgerr.UndefinedFunction, "function \"%s\" does not exist", text)
	}
	return uint32(procs[0].Oid), nil
}

func (n *regNames) procedureIn(text, schema, name, signature string) (uint32, error) {
	signature = strings.TrimSuffix(strings.TrimSpace(signature), ")")
	var args []types.Oid
	if strings.TrimSpace(signature) != "" {
		for _, a := range strings.Split(signature, ",") {
			t, err := n.typeIn(strings.TrimSpace(a))
			if err != nil {
				return 0, err
			}
			args = append(args, types.Oid(t))
		}
	}
	for _, p := range procsByName()[name] {
		if typeList(p.Args) == typeList(args) && (schema == "" || schema == pgCatalog) {
			return uint32(p.Oid), nil
		}
	}
	for _, f := range n.functionsNamed(schema, name) {
		if slices.Equal(f.InputTypes(), args) {
			return uint32(f.OID), nil
		}
	}
	return 0, pgerr.New(pgerr.UndefinedFunction, "function \"%s(%s)\" does not exist", text, signature)
}

func (n *regNames) operatorIn(t types.Oid, text string) (uint32, error) {
	name, signature, withArgs := strings.Cut(text, "(")
	name = strings.TrimPrefix(strings.TrimSpace(name), pgCatalog+".")
	var hits []*expr.Function
	for _, f := range operatorList() {
		if f.Operator.Name == name {
			hits = append(hits, f)
		}
	}
	if t == types.RegoperOid {
		if len(hits) > 1 {
			return 0, pgerr.New(pgerr.AmbiguousFunction, "more than one operator named %s", text)
		}
		if len(hits) == 1 {
			return uint32(hits[0].Operator.Oid), nil
		}
		return 0, pgerr.New(pgerr.UndefinedFunction, "operator does not exist: %s", text)
	}
	if withArgs {
		want := strings.Split(strings.TrimSuffix(signature, ")"), ",")
		for _, f := range hits {
			if len(want) == 2 && n.sideIs(want[0], f.Operator.Left) && n.sideIs(want[1], f.Operator.Right) {
				return uint32(f.Operator.Oid), nil
			}
		}
	}
	return 0, pgerr.New(pgerr.UndefinedFunction, "operator does not exist: %s", text)
}

func (n *regNames) sideIs(name string, t types.Oid) bool {
	name = strings.TrimSpace(name)
	if strings.EqualFold(name, "none") {
		return t == 0
	}
	in, err := n.typeIn(name)
	return err == nil && types.Oid(in) == t
}

// typeIn reads a type's name with or without a schema and modifiers.
func (n *regNames) typeIn(text string) (uint32, error) {
	name := strings.TrimSpace(text)
	dims := ""
	for strings.HasSuffix(name, "]") {
		i := strings.LastIndexByte(name, '[')
		if i < 0 {
			break
		}
		name, dims = strings.TrimSpace(name[:i]), "[]"
	}
	if i := strings.IndexByte(name, '('); i >= 0 {
		j := strings.IndexByte(name, ')')
		if j < i {
			return 0, pgerr.New(pgerr.SyntaxError, "syntax error at or near \"%s\"", text)
		}
		name = strings.TrimSpace(name[:i] + name[j+1:])
	}
	lower := strings.ToLower(name)
	if strings.HasPrefix(name, `"`) || strings.Contains(name, ".") {
		parts, err := splitName(name)
		if err != nil {
			return 0, err
		}
		lower = parts[len(parts)-1]
		if len(parts) > 1 && parts[len(parts)-2] != pgCatalog {
			schema := parts[len(parts)-2]
			if n.snap.SchemaNamed(n.path, schema) == nil {
				return 0, pgerr.New(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", schema)
			}
			if oid, ok := n.userTypeIn(schema, lower, dims != ""); ok {
				return uint32(oid), nil
			}
			return 0, pgerr.New(pgerr.UndefinedObject, "type \"%s\" does not exist", text)
		}
	} else if lower == "char" {
		lower = "bpchar"
	}
	if in := types.ByName(strings.Join(strings.Fields(lower), " ") + dims); in != nil {
		return uint32(in.Oid), nil
	}
	if oid, ok := n.userTypeIn("", lower, dims != ""); ok {
		return uint32(oid), nil
	}
	return 0, pgerr.New(pgerr.UndefinedObject, "type \"%s\" does not exist", text)
}

// splitName splits a possibly qualified name, folding what is not quoted.
func splitName(s string) ([]string, error) {
	var out []string
	var cur []byte
	quoted, any := false, false
	s = strings.TrimSpace(s)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"' && quoted && i+1 < len(s) && s[i+1] == '"':
			cur = append(cur, c)
			i++
		case c == '"' && !quoted && any:
			cur = append(cur, c) // within a name that did not begin with a quote it is one of its characters
		case c == '"':
			quoted, any = !quoted, true
		case quoted:
			cur = append(cur, c)
		case c == '.':
			if !any {
				return nil, pgerr.New(pgerr.InvalidName, "invalid name syntax")
			}
			out, cur, any = append(out, types.TruncateName(string(cur))), nil, false
		case c == ' ' || c == '\t' || c == '\n':
			return nil, pgerr.New(pgerr.InvalidName, "invalid name syntax")
		case c >= 'A' && c <= 'Z':
			cur, any = append(cur, c+'a'-'A'), true
		default:
			cur, any = append(cur, c), true
		}
	}
	if quoted || !any {
		return nil, pgerr.New(pgerr.InvalidName, "invalid name syntax")
	}
	return append(out, types.TruncateName(string(cur))), nil
}

// procName qualifies a user's function whose name alone finds another, or several, as regprocout does.
func (n *regNames) procName(f *catalog.Function) string {
	named := n.functionsNamed("", f.Name)
	if len(named) == 1 && named[0] == f && len(procsByName()[f.Name]) == 0 {
		return catalog.QuoteIdent(f.Name)
	}
	return catalog.QualifiedName(n.snap.SchemaName(f.SchemaID), f.Name)
}
