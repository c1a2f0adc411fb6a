package pgcat

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// builtinSources are the catalogs of types, functions and operators: all of them built in.
func builtinSources() map[string]*source {
	return map[string]*source{
		"pg_catalog.pg_type": {columns: "oid typname typnamespace typowner typlen typbyval typtype typcategory typispreferred " +
			"typrelid typsubscript typelem typarray typinput typoutput typreceive typsend typmodin typmodout typalign typstorage " +
			"typnotnull typbasetype typtypmod typcollation typdefaultbin typdefault typacl",
			builtin: typeRows, rows: userTypeRows},
		"pg_catalog.pg_proc": {columns: "oid proname pronamespace proowner prolang provariadic prokind proisstrict proretset " +
			"provolatile pronargs prorettype proargtypes prosrc procost prorows prosecdef proleakproof proparallel pronargdefaults " +
			"proallargtypes proargmodes proargnames proargdefaults prosqlbody proconfig proacl probin", builtin: procRows, rows: userProcRows},
		"pg_catalog.pg_range": {columns: "rngtypid rngsubtype rngmultitypid rngcollation rngsubopc rngcanonical rngsubdiff", builtin: rangeRows, rows: userRangeRows},
		"pg_catalog.pg_aggregate": {columns: "aggfnoid aggkind aggnumdirectargs aggtransfn aggfinalfn aggcombinefn aggserialfn aggdeserialfn " +
			"aggmtransfn aggminvtransfn aggmfinalfn aggfinalextra aggmfinalextra aggfinalmodify aggmfinalmodify aggsortop aggtranstype " +
			"aggtransspace aggmtranstype aggmtransspace agginitval aggminitval", rows: userAggregateRows},
		"pg_catalog.pg_operator": {columns: "oid oprname oprnamespace oprowner oprkind oprcanmerge oprcanhash oprleft oprright " +
			"oprresult oprcom oprnegate oprcode", builtin: operatorRows, rows: extensionOperatorRows},
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// procNames maps pg_proc.proname to the lowest OID of that name.
var procNames = sync.OnceValue(func() map[string]catalog.Oid {
	m := map[string]catalog.Oid{}
	for _, p := range procList() {
		if _, ok := m[p.Name]; !ok {
			m[p.Name] = p.Oid
		}
	}
	return m
})

func procByName(name string) catalog.Oid { return procNames()[name] }

// procList is every function by OID.
var procList = sync.OnceValue(func() []expr.ProcInfo {
	var out []expr.ProcInfo
	expr.Procs(func(p expr.ProcInfo) bool { out = append(out, p); return true })
	slices.SortFunc(out, func(a, b expr.ProcInfo) int { return int(a.Oid) - int(b.Oid) })
	return out
})

// procsByName lists the functions of each name.
var procsByName = sync.OnceValue(func() map[string][]expr.ProcInfo {
	m := map[string][]expr.ProcInfo{}
	for _, p := range procList() {
		m[p.Name] = append(m[p.Name], p)
	}
	return m
})

func procByOid(oid catalog.Oid) (expr.ProcInfo, bool) {
	i, ok := slices.BinarySearchFunc(procList(), oid, func(p expr.ProcInfo, o catalog.Oid) int { return int(p.Oid) - int(o) })
	if !ok {
		return expr.ProcInfo{}, false
	}
	return procList()[i], true
}

func rangeRows(b *builder) {
	for _, r := range types.RangeTypes {
		b.add(num(r.Range), num(r.Elem), num(r.Multirange), num(0), num(r.Subopc), num(procByName(r.Canonical)), num(procByName(r.Subdiff)))
	}
}

func procRows(b *builder) {
	for _, p := range procList() {
		volatile := byte(p.Volatile)
		if volatile == 0 {
			volatile = 'i'
		}
		b.proc(p, catalog.PgCatalogSchema, catalog.BootstrapRole, volatile, p.Name)
	}
}

// proc adds a row of pg_proc.
func (b *builder) proc(p expr.ProcInfo, schema, owner catalog.Oid, volatile byte, src string) {
	args := make([]types.Datum, len(p.Args))
	for i, a := range p.Args {
		args[i] = num(a)
	}
	b.add(num(p.Oid), str(p.Name), num(schema), num(owner), num(languageInternal), num(p.Variadic), char(p.Kind), flag(p.Strict),
		flag(p.Set), char(volatile), num(len(p.Args)), num(p.Result), types.NewVector(types.OidOid, args), str(src))
}

// operatorList is every operator by OID.
var operatorList = sync.OnceValue(func() []*expr.Function {
	var out []*expr.Function
	expr.Operators(func(f *expr.Function) bool { out = append(out, f); return true })
	slices.SortFunc(out, func(a, b *expr.Function) int { return int(a.Operator.Oid) - int(b.Operator.Oid) })
	return out
})

func operatorRows(b *builder) {
	for _, f := range operatorList() {
		b.operator(f, catalog.PgCatalogSchema, catalog.BootstrapRole, f.Oid)
	}
}

// operator adds a row of pg_operator.
func (b *builder) operator(f *expr.Function, schema, owner, function catalog.Oid) {
	oid := func(f *expr.Function) types.Datum {
		if f == nil || f.Operator == nil {
			return num(0)
		}
		return num(f.Operator.Oid)
	}
	o := f.Operator
	kind := byte('b')
	if o.Left == 0 {
		kind = 'l'
	}
	b.add(num(o.Oid), str(o.Name), num(schema), num(owner), char(kind), flag(o.CanMerge),
		flag(o.CanHash), num(o.Left), num(o.Right), num(o.Result), oid(f.Commutator()), oid(f.Negator()), num(function))
}

// extensionOperatorRows are the operators of the database's extensions.
func extensionOperatorRows(b *builder) {
	b.snap.Extensions(func(e *catalog.Extension) bool {
		for i := range catalog.ExtensionOperators {
			o := &catalog.ExtensionOperators[i]
			if o.Extension != e.Name {
				continue
			}
			f := expr.OperatorByOid(o.OID)
			function, owner := catalog.Oid(0), e.Owner
			if k := b.snap.ExtensionFunction(e.Name, f.Name, f.Args); k != nil {
				function, owner = k.OID, k.Owner
			}
			b.operator(f, e.SchemaID, owner, function)
		}
		return true
	})
}

// opclassKey is an access method and an input type.
type opclassKey struct{ method, input catalog.Oid }

// opclass is a row of pg_opclass.
type opclass struct {
	oid, method, input catalog.Oid
	name               string
}

var (
	opclassOnce sync.Once
	opclassMap  map[opclassKey]catalog.Oid
	opclassList []opclass
)

// opclasses returns the default operator classes, from pg_opclass.
func opclasses() map[opclassKey]catalog.Oid {
	opclassOnce.Do(func() {
		load()
		opclassMap = map[opclassKey]catalog.Oid{}
		r := relationsBy[relationName{pgCatalog, "pg_opclass"}]
		col := func(row []types.Datum, name string) types.Datum { return row[r.byName[name]] }
		for _, row := range r.fixed() {
			c := opclass{oid: catalog.Oid(col(row, "oid").Int()), method: catalog.Oid(col(row, "opcmethod").Int()),
				input: catalog.Oid(col(row, "opcintype").Int()), name: col(row, "opcname").Str()}
			if opclassList = append(opclassList, c); col(row, "opcdefault").Bool() {
				opclassMap[opclassKey{c.method, c.input}] = c.oid
			}
		}
	})
	return opclassMap
}

// defaultOpclass is PostgreSQL's GetDefaultOpClass: that of the type itself, of a type it is coercible to without
// conversion, or of all arrays.
func defaultOpclass(method, typ catalog.Oid) catalog.Oid {
	m := opclasses()
	if oid, ok := m[opclassKey{method, typ}]; ok {
		return oid
	}
	switch typ {
	case types.VarcharOid:
		return m[opclassKey{method, types.TextOid}]
	case types.CidrOid:
		return m[opclassKey{method, types.InetOid}]
	}
	switch {
	case types.ElemOf(typ) != 0:
		return m[opclassKey{method, types.AnyarrayOid}]
	case typ.Kind() == types.KRange:
		return m[opclassKey{method, types.AnyrangeOid}]
	case typ.Kind() == types.KMultirange:
		return m[opclassKey{method, types.AnymultirangeOid}]
	case typ.Class() == types.ExtensionClass:
		for i := range catalog.ExtensionOpClasses {
			if o := &catalog.ExtensionOpClasses[i]; o.Input == typ && o.Default && methodOid(o.Method) == method {
				return o.OID
			}
		}
	case typ.Class() == types.EnumClass:
		return m[opclassKey{method, types.AnyenumOid}]
	case typ.Class() == types.CompositeClass:
		return m[opclassKey{method, types.RecordOid}]
	}
	if in := types.Lookup(typ); in != nil && strings.HasPrefix(in.Name, "reg") {
		return m[opclassKey{method, types.OidOid}]
	}
	return 0
}

// opclassNamed finds an operator class by name; nil for none.
func opclassNamed(method catalog.Oid, name string) *opclass {
	opclasses()
	for i := range opclassList {
		if c := &opclassList[i]; c.method == method && c.name == name {
			return c
		}
	}
	return nil
}

// columnOpclass is the operator class of a column of an index.
func columnOpclass(method catalog.Oid, c catalog.IndexColumn, typ types.Oid) catalog.Oid {
	if c.OpClass != "" {
		if o := opclassNamed(method, c.OpClass); o != nil {
			return o.oid
		}
		for i := range catalog.ExtensionOpClasses {
			if o := &catalog.ExtensionOpClasses[i]; o.Name == c.OpClass && methodOid(o.Method) == method {
				return o.OID
			}
		}
	}
	return defaultOpclass(method, typ)
}

// methodOid is the OID of an index access method.
func methodOid(name string) catalog.Oid { return indexMethod(&catalog.Index{Method: name}) }

// DefaultOpclass is the default operator class of an access method for a type; 0 for none.
func DefaultOpclass(method string, typ catalog.Oid) catalog.Oid {
	return defaultOpclass(methodOid(method), typ)
}

// OperatorFamily is the name of the operator family of DefaultOpclass.
func OperatorFamily(method string, typ catalog.Oid) string {
	oid := DefaultOpclass(method, typ)
	classes, families := relationsBy[relationName{pgCatalog, "pg_opclass"}], relationsBy[relationName{pgCatalog, "pg_opfamily"}]
	for _, c := range classes.fixed() {
		if catalog.Oid(c[classes.byName["oid"]].Int()) != oid {
			continue
		}
		for _, f := range families.fixed() {
			if f[families.byName["oid"]].Int() == c[classes.byName["opcfamily"]].Int() {
				return f[families.byName["opfname"]].Str()
			}
		}
	}
	return ""
}

// NamedOpclass finds the operator class of a name for an access method, which is to be one for a type; ordinary says that it
// is not the type's default.
func NamedOpclass(method, name string, typ catalog.Oid) (oid catalog.Oid, ordinary bool, err error) {
	am := methodOid(method)
	c := opclassNamed(am, name)
	if c == nil {
		return 0, false, pgerr.New(pgerr.UndefinedObject, "operator class %q does not exist for access method %q", name, method)
	}
	if !types.BinaryCoercible(typ, c.input) {
		return 0, false, pgerr.New(pgerr.DatatypeMismatch, "operator class %q does not accept data type %s", name, types.FormatType(types.T(typ)))
	}
	return c.oid, c.oid != defaultOpclass(am, typ), nil
}

// OperatorClass checks that an access method has an operator class of the name for a type, as CREATE INDEX does. It
// returns the name, or nothing where the class is the type's default.
func OperatorClass(method, name string, typ catalog.Oid) (string, error) {
	if _, ordinary, err := NamedOpclass(method, name, typ); err != nil || !ordinary {
		return "", err
	}
	return name, nil
}
