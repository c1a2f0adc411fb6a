package pgcat

import (
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// infoRoutineSources are the views of information_schema about functions and procedures.
func infoRoutineSources() map[string]*source {
	const specific = "specific_catalog specific_schema specific_name "
	const routine = specific + "routine_catalog routine_schema routine_name "
	const grants = "grantor grantee " + routine + "privilege_type is_grantable"
	return map[string]*source{
		"information_schema.routines": {columns: routine + "routine_type data_type type_udt_catalog type_udt_schema type_udt_name dtd_identifier " +
			"routine_body routine_definition external_name external_language parameter_style is_deterministic sql_data_access is_null_call " +
			"schema_level_routine max_dynamic_result_sets security_type as_locator is_udt_dependent", rows: infoRoutines},
		"information_schema.parameters": {columns: specific + "ordinal_position parameter_mode is_result as_locator parameter_name data_type " +
			"udt_catalog udt_schema udt_name dtd_identifier parameter_default", rows: infoParameters},
		"information_schema.routine_privileges":  {columns: grants, rows: func(b *builder) { infoRoutinePrivileges(b, (*builder).concerned) }},
		"information_schema.role_routine_grants": {columns: grants, rows: func(b *builder) { infoRoutinePrivileges(b, (*builder).enabled) }},

		"information_schema.routine_column_usage":   {columns: routine + "table_catalog table_schema table_name column_name", rows: infoRoutineColumns},
		"information_schema.routine_table_usage":    {columns: routine + "table_catalog table_schema table_name", rows: infoRoutineTables},
		"information_schema.routine_sequence_usage": {columns: routine + "sequence_catalog sequence_schema sequence_name", rows: infoRoutineSequences},
		"information_schema.routine_routine_usage":  {columns: routine, rows: infoRoutineRoutines},
		"information_schema.check_constraint_routine_usage": {columns: "constraint_catalog constraint_schema constraint_name " + specific,
			rows: infoCheckRoutines},
		"information_schema.view_routine_usage": {columns: "table_catalog table_schema table_name " + specific, rows: infoViewRoutines},
		"information_schema.view_table_usage":   {columns: "view_catalog view_schema view_name table_catalog table_schema table_name", rows: infoViewTables},
		"information_schema.view_column_usage": {columns: "view_catalog view_schema view_name table_catalog table_schema table_name column_name",
			rows: infoViewColumns},
	}
}

// tuple is a row of another system relation, whose columns are asked for by name.
type tuple struct {
	rel *relation
	row []types.Datum
}

func (t tuple) get(column string) types.Datum { return t.row[t.rel.byName[column]] }
func (t tuple) oid(column string) catalog.Oid { return catalog.Oid(t.get(column).Int()) }

// elements are those of an array; none for NULL.
func (t tuple) elements(column string) []types.Datum {
	if d := t.get(column); !d.IsNull() {
		return d.Array().Elems
	}
	return nil
}

// each calls f for the rows of another system relation that come from the snapshot and from what is built in.
func (b *builder) each(schema, name string, f func(t tuple)) {
	rel := relationsBy[relationName{schema, name}]
	for _, row := range rel.fixed() {
		f(tuple{rel, row})
	}
	if rel.source != nil && rel.source.rows != nil {
		for _, row := range b.sys.rowsOf(b.env).rows(rel, b.env) {
			f(tuple{rel, row})
		}
	}
}

// specificName tells functions of one name apart: nameconcatoid.
func specificName(name string, oid catalog.Oid) types.Datum {
	suffix := "_" + itoa(int64(oid))
	return str(catalog.Truncate(name, catalog.MaxNameBytes-len(suffix)) + suffix)
}

// proc names a function in the views.
type procName struct{ schema, specific, name types.Datum }

func (b *builder) procName(name string, schema, oid catalog.Oid) procName {
	return procName{str(b.snap.SchemaName(schema)), specificName(name, oid), str(name)}
}

// eachProc calls f for the rows of pg_proc whose functions the current role owns or may call.
func (b *builder) eachProc(f func(p tuple, name procName, owned bool)) {
	b.each(pgCatalog, "pg_proc", func(p tuple) {
		owned := b.owns(p.oid("proowner"))
		if u := b.snap.Function(p.oid("oid")); u != nil && !owned {
			if held, _ := b.snap.FunctionPrivileges(u, b.env.Role); held&catalog.PrivExecute == 0 {
				return
			}
		}
		f(p, b.procName(p.get("proname").Str(), p.oid("pronamespace"), p.oid("oid")), owned)
	})
}

// languageNames are the names of the rows of pg_language.
var languageNames = map[catalog.Oid]string{languageInternal: "internal", 13: "c", 14: catalog.LanguageSQL, languagePLpgSQL: catalog.LanguagePLpgSQL}

func infoRoutines(b *builder) {
	db := str(b.env.Database)
	b.eachProc(func(p tuple, name procName, owned bool) {
		kind, isProcedure := null, false
		switch p.get("prokind").Int() {
		case 'f':
			kind = str("FUNCTION")
		case 'p':
			kind, isProcedure = str("PROCEDURE"), true
		}
		dataType, typeDB, typeSchema, typeName, dtd, nullCall := null, null, null, null, null, null
		if !isProcedure {
			dataType, typeSchema, typeName = b.dataType(types.T(p.oid("prorettype")))
			dtd, nullCall = str("0"), yesNo(p.get("proisstrict").Bool())
			if !dataType.IsNull() {
				typeDB = db
			}
		}
		language := languageNames[p.oid("prolang")]
		body, source, external := "EXTERNAL", null, null
		if language == catalog.LanguageSQL {
			body = "SQL"
		}
		if owned {
			source = p.get("prosrc")
		}
		security := "INVOKER"
		if p.get("prosecdef").Bool() {
			security = "DEFINER"
		}
		b.add(db, name.schema, name.specific, db, name.schema, name.name, kind, dataType, typeDB, typeSchema, typeName, dtd, str(body), source,
			external, str(strings.ToUpper(language)), str("GENERAL"), yesNo(p.get("provolatile").Int() == 'i'), str("MODIFIES"), nullCall,
			str("YES"), num(0), str(security), str("NO"), str("NO"))
	})
}

// parameterModes are what the information schema calls pg_proc.proargmodes.
var parameterModes = map[catalog.ArgMode]string{catalog.ArgIn: "IN", catalog.ArgOut: "OUT", catalog.ArgInOut: "INOUT", catalog.ArgVariadic: "IN",
	catalog.ArgTable: "OUT"}

// parameterTypes are the types of all arguments of a row of pg_proc.
func parameterTypes(p tuple) []types.Datum {
	if all := p.elements("proallargtypes"); all != nil {
		return all
	}
	return p.elements("proargtypes")
}

func infoParameters(b *builder) {
	db := str(b.env.Database)
	b.eachProc(func(p tuple, name procName, owned bool) {
		modes, names := p.elements("proargmodes"), p.elements("proargnames")
		for i, oid := range parameterTypes(p) {
			mode, argument, def := catalog.ArgIn, null, null
			if i < len(modes) {
				mode = catalog.ArgMode(modes[i].Int())
			}
			if i < len(names) {
				argument = text(names[i].Str())
			}
			if f := b.snap.Function(p.oid("oid")); f != nil && owned && f.Args[i].Default != "" {
				def = str(b.defs.argumentDefault(&f.Args[i]))
			}
			dataType, schema, udt := b.dataType(types.T(catalog.Oid(oid.Int())))
			if dataType.IsNull() {
				continue
			}
			b.add(db, name.schema, name.specific, num(i+1), str(parameterModes[mode]), str("NO"), str("NO"), argument, dataType, db, schema, udt,
				str(itoa(int64(i+1))), def)
		}
	})
}

func infoRoutinePrivileges(b *builder, wanted func(*builder, catalog.ACLItem) bool) {
	db := str(b.env.Database)
	b.each(pgCatalog, "pg_proc", func(p tuple) {
		owner, acl := p.oid("proowner"), []catalog.ACLItem(nil)
		if f := b.snap.Function(p.oid("oid")); f != nil {
			acl = f.ACL
		}
		name := b.procName(p.get("proname").Str(), p.oid("pronamespace"), p.oid("oid"))
		for _, a := range catalog.ACLFunction.Effective(acl, owner) {
			if wanted(b, a) && a.Privileges&catalog.PrivExecute != 0 {
				b.add(str(ownerName(b.snap, a.Grantor)), b.granteeName(a), db, name.schema, name.specific, db, name.schema, name.name,
					str("EXECUTE"), b.grantable(a, owner, catalog.PrivExecute))
			}
		}
	})
}

// usage is an object that another uses, once.
type usage struct {
	of, oid catalog.Oid
	column  catalog.AttNum
}

// eachRoutineDep calls f once for each object, or with columns for each column, that the body or a default of a function names.
func (b *builder) eachRoutineDep(columns bool, f func(p *catalog.Function, dep catalog.Oid, column catalog.AttNum)) {
	b.snap.Functions(func(p *catalog.Function) bool {
		seen := map[usage]bool{}
		eachDep(p.Deps, columns, func(dep catalog.Oid, column catalog.AttNum) {
			if u := (usage{p.OID, dep, column}); !seen[u] {
				seen[u] = true
				f(p, dep, column)
			}
		})
		return true
	})
}

func eachDep(deps []catalog.ViewDep, columns bool, f func(dep catalog.Oid, column catalog.AttNum)) {
	for _, d := range deps {
		if !columns {
			f(d.Relation, 0)
			continue
		}
		for _, n := range d.Columns {
			f(d.Relation, n)
		}
	}
}

// usedTable finds a table or view of the usage views, which name it to its owner alone.
func (b *builder) usedTable(oid catalog.Oid) (catalog.Relation, bool) {
	rel, ok := b.snap.RelationByOID(oid)
	ok = ok && b.owns(rel.Owner()) && (rel.View != nil || rel.Table != nil && rel.Kind != catalog.KindIndex && rel.Table.MatView == nil)
	return rel, ok
}

func (b *builder) functionName(f *catalog.Function) procName {
	return b.procName(f.Name, f.SchemaID, f.OID)
}

func infoRoutineTables(b *builder) {
	db := str(b.env.Database)
	b.eachRoutineDep(false, func(p *catalog.Function, dep catalog.Oid, _ catalog.AttNum) {
		if rel, ok := b.usedTable(dep); ok {
			name := b.functionName(p)
			b.add(db, name.schema, name.specific, db, name.schema, name.name, db, str(b.snap.SchemaName(rel.SchemaID())), str(rel.Name()))
		}
	})
}

func infoRoutineColumns(b *builder) {
	db := str(b.env.Database)
	b.eachRoutineDep(true, func(p *catalog.Function, dep catalog.Oid, column catalog.AttNum) {
		if rel, ok := b.usedTable(dep); ok && rel.Column(column) != nil {
			name := b.functionName(p)
			b.add(db, name.schema, name.specific, db, name.schema, name.name, db, str(b.snap.SchemaName(rel.SchemaID())), str(rel.Name()),
				str(rel.Column(column).Name))
		}
	})
}

func infoRoutineSequences(b *builder) {
	db := str(b.env.Database)
	b.eachRoutineDep(false, func(p *catalog.Function, dep catalog.Oid, _ catalog.AttNum) {
		if q := b.snap.Sequence(dep); q != nil && b.owns(q.Owner) {
			name := b.functionName(p)
			b.add(db, name.schema, name.specific, db, name.schema, name.name, db, str(b.snap.SchemaName(q.SchemaID)), str(q.Name))
		}
	})
}

func infoRoutineRoutines(b *builder) {
	db := str(b.env.Database)
	b.eachRoutineDep(false, func(p *catalog.Function, dep catalog.Oid, _ catalog.AttNum) {
		if used := b.snap.Function(dep); used != nil && b.owns(used.Owner) {
			name, of := b.functionName(p), b.functionName(used)
			b.add(db, name.schema, name.specific, db, of.schema, of.specific)
		}
	})
}

func infoCheckRoutines(b *builder) {
	db := str(b.env.Database)
	add := func(schema catalog.Oid, constraint string, deps []catalog.Oid) {
		for i, dep := range deps {
			if f := b.snap.Function(dep); f != nil && b.owns(f.Owner) && slices.Index(deps, dep) == i {
				name := b.functionName(f)
				b.add(db, str(b.snap.SchemaName(schema)), str(constraint), db, name.schema, name.specific)
			}
		}
	}
	b.snap.Tables(func(t *catalog.Table) bool {
		for _, c := range t.Constraints {
			if c.Type == catalog.Check {
				add(t.SchemaID, c.Name, c.CheckDeps)
			}
		}
		return true
	})
	b.snap.Types(func(t *catalog.Type) bool {
		if t.Domain != nil {
			for _, c := range t.Domain.Checks {
				add(t.SchemaID, c.Name, c.Deps)
			}
		}
		return true
	})
}

// eachViewDep calls f once for each object, or with columns for each column, that a view's query names.
func (b *builder) eachViewDep(columns bool, f func(schema, view types.Datum, dep catalog.Oid, column catalog.AttNum)) {
	b.snap.Views(func(v *catalog.View) bool {
		seen := map[usage]bool{}
		eachDep(v.Deps, columns, func(dep catalog.Oid, column catalog.AttNum) {
			if u := (usage{v.OID, dep, column}); dep != v.OID && !seen[u] {
				seen[u] = true
				f(str(b.snap.SchemaName(v.SchemaID)), str(v.Name), dep, column)
			}
		})
		return true
	})
}

func infoViewTables(b *builder) {
	db := str(b.env.Database)
	b.eachViewDep(false, func(schema, view types.Datum, dep catalog.Oid, _ catalog.AttNum) {
		if rel, ok := b.usedTable(dep); ok {
			b.add(db, schema, view, db, str(b.snap.SchemaName(rel.SchemaID())), str(rel.Name()))
		}
	})
}

func infoViewColumns(b *builder) {
	db := str(b.env.Database)
	b.eachViewDep(true, func(schema, view types.Datum, dep catalog.Oid, column catalog.AttNum) {
		if rel, ok := b.usedTable(dep); ok && rel.Column(column) != nil {
			b.add(db, schema, view, db, str(b.snap.SchemaName(rel.SchemaID())), str(rel.Name()), str(rel.Column(column).Name))
		}
	})
}

func infoViewRoutines(b *builder) {
	db := str(b.env.Database)
	b.eachViewDep(false, func(schema, view types.Datum, dep catalog.Oid, _ catalog.AttNum) {
		if f := b.snap.Function(dep); f != nil && b.owns(f.Owner) {
			name := b.functionName(f)
			b.add(db, schema, view, db, name.schema, name.specific)
		}
	})
}
