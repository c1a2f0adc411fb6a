package ddl

import (
	"context"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// FunctionSpec is CREATE FUNCTION and CREATE PROCEDURE. Function has all but OID, schema, owner and privileges.
type FunctionSpec struct {
	Name     Name
	Replace  bool
	Function *catalog.Function
}

// RoutineName is how statements name a function or procedure.
type RoutineName struct {
	Name Name
	// Kind is the kind named; 0 for ROUTINE.
	Kind catalog.FunctionKind
	// Args are the types of the input arguments, or All those of all where Out says that output arguments were named
	// too. Unspecified says that no list was given.
	Args        []types.Type
	All         []types.Type
	Unspecified bool
	// Written is the list of types as the statement has it, which notices about what is not there show.
	Written string
}

func (r *RoutineName) noun() string {
	if r.Kind == 0 {
		return "routine"
	}
	return r.Kind.Noun()
}

func declared(list []types.Type) []catalog.Oid {
	out := make([]catalog.Oid, len(list))
	for i, t := range list {
		out[i] = t.Declared()
	}
	return out
}

// FunctionSchema returns the schema in which a function of a name is to be created.
func (x *Tx) FunctionSchema(ctx context.Context, n Name) (*catalog.Schema, error) {
	x.refresh()
	return x.creationSchema(ctx, n.Schema, n.Name)
}

// CreateFunction is CREATE [OR REPLACE] FUNCTION and PROCEDURE: ProcedureCreate.
func (x *Tx) CreateFunction(ctx context.Context, s *FunctionSpec) error {
	schema, err := x.FunctionSchema(ctx, s.Name)
	if err != nil {
		return err
	}
	f := s.Function
	f.SchemaID, f.Name, f.Owner = schema.OID, s.Name.Name, x.user()
	for _, a := range f.Args {
		if err := x.shareTypes(ctx, a.Type); err != nil {
			return err
		}
	}
	if err := x.shareTypes(ctx, f.Result); err != nil {
		return err
	}
	for _, d := range f.Deps {
		if err := x.shareRelation(ctx, d.Relation); err != nil {
			return err
		}
	}
	if old := x.s.over.FunctionWith(schema.OID, f.Name, f.InputTypes()); old != nil {
		if old, err = x.lockFunction(ctx, old.OID); err != nil {
			return err
		}
		if err := x.replaces(old, s); err != nil {
			return err
		}
		f.OID, f.Owner, f.ACL, f.Comment = old.OID, old.Owner, old.ACL, old.Comment
		return x.put(ctx, f)
	}
	if f.ACL, err = x.defaultACL(catalog.ACLFunction, schema.OID); err != nil {
		return err
	}
	if f.OID, err = x.newOID(ctx); err != nil {
		return err
	}
	return x.put(ctx, f)
}

// lockFunction locks a function's descriptor for change.
func (x *Tx) lockFunction(ctx context.Context, oid catalog.Oid) (*catalog.Function, error) {
	if err := x.lockObjects(ctx, x.id(catalog.ClassFunction, oid)); err != nil {
		return nil, err
	}
	f := x.s.over.Function(oid)
	if f == nil {
		return nil, pgerr.New(pgerr.UndefinedFunction, "function with OID %d does not exist", oid)
	}
	return f, nil
}

// replaces judges whether a function may take the place of the one of its name and arguments.
func (x *Tx) replaces(old *catalog.Function, s *FunctionSpec) error {
	f := s.Function
	switch {
	case !s.Replace:
		return errFunctionExists(f.Name)
	case !x.owns(old.Owner):
		return catalog.NotOwnerError(old.Kind.Noun(), old.Name)
	case old.Kind != f.Kind:
		what := map[catalog.FunctionKind]string{catalog.PlainFunction: "a function", catalog.Procedure: "a procedure",
			catalog.AggregateFunction: "an aggregate function"}[old.Kind]
		return pgerr.New(pgerr.WrongObjectType, "cannot change routine kind").WithDetail("\"%s\" is %s.", f.Name, what)
	}
	drop := "DROP " + strings.ToUpper(f.Kind.Noun())
	bad := func(format string, args ...any) *pgerr.Error {
		return pgerr.New(pgerr.InvalidFunctionDefinition, format, args...).
			WithHint("Use %s %s first.", drop, x.s.over.FunctionSignature(x.searchPath(), old))
	}
	if old.Result.Declared() != f.Result.Declared() || old.Set != f.Set {
		if f.Kind == catalog.Procedure {
			return bad("cannot change whether a procedure has output parameters")
		}
		return bad("cannot change return type of existing function")
	}
	if f.Result.Oid == types.RecordOid && !sameOutputs(old.Outputs(), f.Outputs()) {
		return bad("cannot change return type of existing function").WithDetail("Row type defined by OUT parameters is different.")
	}
	in := f.Inputs()
	for i, a := range old.Inputs() {
		if a.Name != "" && a.Name != in[i].Name {
			return bad("cannot change name of input parameter \"%s\"", a.Name)
		}
	}
	if f.Defaults() < old.Defaults() {
		return bad("cannot remove parameter defaults from existing function")
	}
	return nil
}

// sameOutputs compares the rows that output arguments make.
func sameOutputs(a, b []*catalog.Argument) bool {
	return slices.EqualFunc(a, b, func(x, y *catalog.Argument) bool {
		return x.Name == y.Name && x.Type.Declared() == y.Type.Declared()
	})
}

func errFunctionExists(name string) *pgerr.Error {
	return pgerr.New(pgerr.DuplicateFunction, "function \"%s\" already exists with same argument types", name)
}

// FindRoutine resolves a routine's name: LookupFuncWithArgs. With missingOK it returns nil, after a notice, where there is
// none.
func (x *Tx) FindRoutine(r *RoutineName, missingOK bool) (*catalog.Function, error) {
	x.refresh()
	schemas := x.searchPath()
	if r.Name.Schema != "" {
		if x.s.over.SchemaNamed(schemas, r.Name.Schema) == nil {
			if missingOK {
				x.notice(pgerr.Notice("schema %q does not exist, skipping", r.Name.Schema))
				return nil, nil
			}
			return nil, errNoSchema(r.Name.Schema)
		}
		if err := x.s.over.CheckSchemaUsage(r.Name.Schema, x.user()); err != nil {
			return nil, err
		}
		schemas = []string{catalog.BindSchema(schemas, r.Name.Schema)}
	}
	found := x.candidates(r, schemas)
	switch {
	case len(found) > 1:
		return nil, x.errNotUnique(r)
	case len(found) == 0 && missingOK:
		x.notice(pgerr.Notice("%s %s does not exist, skipping", r.noun(), r.Name.String()+"("+r.Written+")"))
		return nil, nil
	case len(found) == 0 && r.Unspecified:
		article := "a " + r.noun()
		if r.Kind == catalog.AggregateFunction {
			article = "an " + r.noun()
		}
		return nil, pgerr.New(pgerr.UndefinedFunction, "could not find %s named %q", article, r.Name.String())
	case len(found) == 0 && r.Kind == catalog.AggregateFunction && len(r.Args) == 0:
		return nil, pgerr.New(pgerr.UndefinedFunction, "aggregate %s(*) does not exist", r.Name.String())
	case len(found) == 0:
		return nil, pgerr.New(pgerr.UndefinedFunction, "%s %s does not exist", r.noun(), x.writtenSignature(r))
	}
	f := found[0]
	if r.Kind == catalog.AggregateFunction && f.Kind != r.Kind {
		return nil, pgerr.New(pgerr.WrongObjectType, "function %s is not an aggregate", x.writtenSignature(r))
	}
	if r.Kind != 0 && f.Kind != r.Kind && !(r.Kind == catalog.PlainFunction && f.Aggregate != nil) {
		if r.Unspecified {
			return nil, pgerr.New(pgerr.UndefinedFunction, "could not find a %s named %q", r.noun(), r.Name.String())
		}
		return nil, pgerr.New(pgerr.WrongObjectType, "%s is not a %s", x.writtenSignature(r), r.noun())
	}
	return f, nil
}

// candidates are the functions that a routine's name may mean, in the first schema that has any of its types; without a
// list of types those that the search path finds.
func (x *Tx) candidates(r *RoutineName, schemas []string) (found []*catalog.Function) {
	for _, name := range schemas {
		sc := x.s.over.SchemaByName(name)
		if sc == nil {
			continue
		}
		for _, f := range x.s.over.FunctionsNamed(sc.OID, r.Name.Name) {
			matches := slices.Equal(f.InputTypes(), declared(r.Args)) && !(r.All != nil && len(r.All) == len(r.Args) && r.Kind != f.Kind && r.Kind != 0)
			if !matches && r.All != nil && f.Kind == catalog.Procedure {
				matches = slices.EqualFunc(f.Args, r.All, func(a catalog.Argument, t types.Type) bool {
					return a.Type.Declared() == t.Declared()
				})
			}
			if r.Unspecified {
				matches = (r.Kind == 0 || f.Kind == r.Kind) && !slices.ContainsFunc(found, func(g *catalog.Function) bool {
					return slices.Equal(f.InputTypes(), g.InputTypes())
				})
			}
			if matches {
				found = append(found, f)
			}
		}
		if len(found) > 0 && !r.Unspecified {
			break
		}
	}
	return found
}

func (x *Tx) errNotUnique(r *RoutineName) error {
	return pgerr.New(pgerr.AmbiguousFunction, "%s name %q is not unique", r.noun(), r.Name.String()).
		WithHint("Specify the argument list to select the %s unambiguously.", r.noun())
}

// writtenSignature is a routine's name with its types, as messages print it.
func (x *Tx) writtenSignature(r *RoutineName) string {
	text := r.Name.String() + "("
	args := r.Args
	if len(r.All) > len(args) {
		args = r.All
	}
	for i, t := range args {
		if i > 0 {
			text += ", "
		}
		text += x.s.over.FormatType(x.searchPath(), types.Type{Oid: t.Oid, Mod: -1, Domain: t.Domain})
	}
	return text + ")"
}

// DropFunctions is DROP FUNCTION, PROCEDURE and ROUTINE of functions that FindRoutine found.
func (x *Tx) DropFunctions(ctx context.Context, list []*catalog.Function, b Behavior) error {
	var parts []catalog.Part
	for _, f := range list {
		sc := x.s.over.Schema(f.SchemaID)
		if !x.owns(f.Owner) && (sc == nil || !x.owns(sc.Owner)) {
			return catalog.NotOwnerError(f.Kind.Noun(), f.Name)
		}
		if _, err := x.lockFunction(ctx, f.OID); err != nil {
			return err
		}
		if p := (catalog.Part{Kind: catalog.PartFunction, OID: f.OID}); !slices.Contains(parts, p) {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return x.dropParts(ctx, parts, b)
}

// AlterFunction changes a function, which is its owner's right: change alters a copy.
func (x *Tx) AlterFunction(ctx context.Context, f *catalog.Function, change func(c *catalog.Function) error) error {
	if !x.owns(f.Owner) {
		return catalog.NotOwnerError(f.Kind.Noun(), f.Name)
	}
	return x.alterFunction(ctx, f, change)
}

func (x *Tx) alterFunction(ctx context.Context, f *catalog.Function, change func(c *catalog.Function) error) error {
	f, err := x.lockFunction(ctx, f.OID)
	if err != nil {
		return err
	}
	c := f.Clone()
	if err := change(c); err != nil {
		return err
	}
	return x.put(ctx, c)
}

// ownsFunction refuses who is not a function's owner; the statements for all kinds of objects call every kind a function.
func (x *Tx) ownsFunction(f *catalog.Function) error {
	if !x.owns(f.Owner) {
		return catalog.NotOwnerError("function", f.Name)
	}
	return nil
}

// RenameFunction is ALTER FUNCTION … RENAME TO.
func (x *Tx) RenameFunction(ctx context.Context, f *catalog.Function, to string) error {
	sc := x.s.over.Schema(f.SchemaID)
	if err := x.ownsFunction(f); err != nil {
		return err
	}
	return x.alterFunction(ctx, f, func(c *catalog.Function) error {
		if err := x.functionNameFree(sc, to, c); err != nil {
			return err
		}
		c.Name = to
		return x.mustCreateIn(sc, x.user())
	})
}

// functionNameFree refuses a name and arguments that a schema has.
func (x *Tx) functionNameFree(sc *catalog.Schema, name string, f *catalog.Function) error {
	if x.s.over.FunctionWith(sc.OID, name, f.InputTypes()) == nil {
		return nil
	}
	text := name + "("
	for i, a := range f.Inputs() {
		if i > 0 {
			text += ", "
		}
		text += x.s.over.FormatType(x.searchPath(), a.Type)
	}
	return pgerr.New(pgerr.DuplicateFunction, "function %s) already exists in schema \"%s\"", text, sc.Name)
}

// SetFunctionSchema is ALTER FUNCTION … SET SCHEMA.
func (x *Tx) SetFunctionSchema(ctx context.Context, f *catalog.Function, schema string) error {
	if err := x.ownsFunction(f); err != nil {
		return err
	}
	return x.alterFunction(ctx, f, func(c *catalog.Function) error {
		sc, err := x.creationSchema(ctx, schema, f.Name)
		if err != nil {
			return err
		}
		if old := x.s.over.Schema(c.SchemaID); sc.OID != c.SchemaID && (sc.Temporary() || old != nil && old.Temporary()) {
			return pgerr.New(pgerr.FeatureNotSupported, "cannot move objects into or out of temporary schemas")
		}
		if sc.OID == c.SchemaID {
			return nil
		}
		if err := x.functionNameFree(sc, c.Name, c); err != nil {
			return err
		}
		c.SchemaID = sc.OID
		return nil
	})
}

// SetFunctionOwner is ALTER FUNCTION … OWNER TO.
func (x *Tx) SetFunctionOwner(ctx context.Context, f *catalog.Function, owner string) error {
	r := x.s.over.RoleByName(owner)
	if r == nil {
		return errNoRole(owner)
	}
	if err := x.ownsFunction(f); err != nil {
		return err
	}
	if err := x.mustBeMember(r); err != nil {
		return err
	}
	if sc := x.s.over.Schema(f.SchemaID); sc != nil && !x.superuser() {
		if err := x.mustCreateIn(sc, r.OID); err != nil {
			return err
		}
	}
	return x.setFunctionOwner(ctx, f.OID, r.OID)
}

func (x *Tx) setFunctionOwner(ctx context.Context, oid, to catalog.Oid) error {
	if err := x.shareRole(ctx, to); err != nil {
		return err
	}
	f, err := x.lockFunction(ctx, oid)
	if err != nil || f.Owner == to {
		return err
	}
	c := f.Clone()
	c.ACL = catalog.ChangeACLOwner(c.ACL, c.Owner, to)
	c.Owner = to
	return x.put(ctx, c)
}

// grantFunction changes the ACL of a function.
func (x *Tx) grantFunction(ctx context.Context, g *GrantSpec, oid catalog.Oid) error {
	f, err := x.lockFunction(ctx, oid)
	if err != nil {
		return err
	}
	c := f.Clone()
	c.ACL, err = x.change(g, &aclTarget{kind: catalog.ACLFunction, noun: f.Kind.Noun(), name: f.Name, owner: f.Owner,
		acl: catalog.ACLFunction.Effective(f.ACL, f.Owner), all: g.All, wanted: g.wanted(catalog.ACLFunction),
		held: func(role catalog.Oid) (catalog.Privilege, catalog.Privilege) {
			return x.s.over.FunctionPrivileges(f, role)
		}})
	if err != nil {
		return err
	}
	return x.put(ctx, c)
}
