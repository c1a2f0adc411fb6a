package pgcat

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// informationSources are the views of information_schema.
func informationSources() map[string]*source {
	const constraint = "constraint_catalog constraint_schema constraint_name "
	const table = "table_catalog table_schema table_name "
	return map[string]*source{
		"information_schema.information_schema_catalog_name": {columns: "catalog_name",
			rows: func(b *builder) { b.add(str(b.env.Database)) }},
		"information_schema.schemata": {columns: "catalog_name schema_name schema_owner", rows: schemataRows},
		"information_schema.tables":   {columns: table + "table_type is_insertable_into is_typed", rows: infoTables},
		"information_schema.columns": {columns: table + "column_name ordinal_position column_default is_nullable data_type " +
			"character_maximum_length character_octet_length numeric_precision numeric_precision_radix numeric_scale " +
			"datetime_precision interval_type collation_catalog collation_schema collation_name domain_catalog domain_schema domain_name " +
			"udt_catalog udt_schema udt_name dtd_identifier is_self_referencing is_identity identity_generation identity_start identity_increment " +
			"identity_maximum identity_minimum identity_cycle is_generated generation_expression is_updatable", rows: infoColumns},
		"information_schema.domains": {columns: "domain_catalog domain_schema domain_name data_type character_maximum_length " +
			"character_octet_length collation_catalog collation_schema collation_name numeric_precision numeric_precision_radix " +
			"numeric_scale datetime_precision interval_type domain_default udt_catalog udt_schema udt_name dtd_identifier", rows: domainRows},
		"information_schema.domain_constraints": {columns: constraint + "domain_catalog domain_schema domain_name is_deferrable " +
			"initially_deferred", rows: domainConstraintRows},
		"information_schema.column_column_usage": {columns: table + "column_name dependent_column", rows: infoColumnColumns},
		"information_schema.table_constraints": {columns: constraint + table + "constraint_type is_deferrable initially_deferred enforced nulls_distinct",
			rows: infoConstraints},
		"information_schema.key_column_usage": {columns: constraint + table + "column_name ordinal_position position_in_unique_constraint",
			rows: infoKeyColumns},
		"information_schema.constraint_column_usage": {columns: table + "column_name " + constraint, rows: infoConstraintColumns},
		"information_schema.constraint_table_usage":  {columns: table + constraint, rows: infoConstraintTables},
		"information_schema.referential_constraints": {columns: constraint + "unique_constraint_catalog unique_constraint_schema " +
			"unique_constraint_name match_option update_rule delete_rule", rows: infoReferences},
		"information_schema.check_constraints": {columns: constraint + "check_clause", rows: infoChecks},
		"information_schema.sequences": {columns: "sequence_catalog sequence_schema sequence_name data_type numeric_precision " +
			"numeric_precision_radix numeric_scale start_value minimum_value maximum_value increment cycle_option", rows: infoSequences},
		"information_schema.views": {columns: table + "view_definition check_option is_updatable is_insertable_into " +
			"is_trigger_updatable is_trigger_deletable is_trigger_insertable_into", rows: infoViews},
		"information_schema.character_sets": {columns: "character_set_name character_repertoire form_of_use default_collate_catalog " +
			"default_collate_schema default_collate_name", rows: func(b *builder) {
			b.add(str("UTF8"), str("UCS"), str("UTF8"), str(b.env.Database), str(pgCatalog), str("C.UTF-8"))
		}},
	}
}

func yesNo(b bool) types.Datum {
	if b {
		return str("YES")
	}
	return str("NO")
}

// The privileges that show an object in the information schema: any on it, or (of constraints) any but SELECT.
const (
	anyPrivilege = ^catalog.Privilege(0)
	exceptSelect = anyPrivilege &^ catalog.PrivSelect
	anyOfColumn  = catalog.PrivSelect | catalog.PrivInsert | catalog.PrivUpdate | catalog.PrivReferences
)

// sees reports whether the current role has one of the privileges on a relation or a column of it, or its owner's rights.
func (b *builder) sees(rel catalog.Relation, any catalog.Privilege) bool {
	if b.owns(rel.Owner()) {
		return true
	}
	p, _ := b.snap.RelationPrivileges(rel, b.env.Role)
	ok := p&any != 0
	rel.Columns(func(n catalog.AttNum, _ *catalog.Column) { ok = ok || b.seesColumn(rel, n, any) })
	return ok
}

func (b *builder) seesColumn(rel catalog.Relation, n catalog.AttNum, any catalog.Privilege) bool {
	if b.owns(rel.Owner()) {
		return true
	}
	p, _ := b.snap.RelationPrivileges(rel, b.env.Role)
	q, _ := b.snap.ColumnPrivileges(rel, n, b.env.Role)
	return (p&anyOfColumn|q)&any != 0
}

func (b *builder) seesTables(any catalog.Privilege, f func(t *catalog.Table, schema types.Datum)) {
	b.snap.Tables(func(t *catalog.Table) bool {
		if t.MatView == nil && !b.othersTemp(t.SchemaID) && b.sees(t.Relation(), any) {
			f(t, str(b.snap.SchemaName(t.SchemaID)))
		}
		return true
	})
}

func (b *builder) seesViews(f func(v *catalog.View, schema types.Datum)) {
	b.snap.Views(func(v *catalog.View) bool {
		if !b.othersTemp(v.SchemaID) && b.sees(catalog.Relation{Kind: catalog.KindView, View: v}, anyPrivilege) {
			f(v, str(b.snap.SchemaName(v.SchemaID)))
		}
		return true
	})
}

// seesSystem calls f for the system relations that the current role may read.
func (b *builder) seesSystem(f func(r *relation)) {
	systemRelations(func(r *relation, _ catalog.Oid) {
		if b.env.Role == 0 || b.snap.SystemRelationPrivileges(!r.Closed, b.env.Role) != 0 {
			f(r)
		}
	})
}

func schemataRows(b *builder) {
	db := str(b.env.Database)
	if b.owns(catalog.BootstrapRole) {
		b.add(db, str(toastSchema), str("postgres"))
	}
	b.snap.Schemas(func(s *catalog.Schema) bool {
		p, _ := b.snap.SchemaPrivileges(s, b.env.Role)
		if b.owns(s.Owner) || p&catalog.ACLSchema.All() != 0 {
			b.add(db, str(s.Name), str(ownerName(b.snap, s.Owner)))
		}
		return true
	})
}

func infoTables(b *builder) {
	db := str(b.env.Database)
	b.seesSystem(func(r *relation) {
		if r.kind == 'r' {
			b.add(db, str(r.Schema), str(r.Name), str("BASE TABLE"), str("YES"), str("NO"))
		} else {
			b.add(db, str(r.Schema), str(r.Name), str("VIEW"), str("NO"), str("NO"))
		}
	})
	b.seesTables(anyPrivilege, func(t *catalog.Table, schema types.Datum) {
		kind := "BASE TABLE"
		if t.Persistence == catalog.Temporary {
			kind = "LOCAL TEMPORARY"
		}
		b.add(db, schema, str(t.Name), str(kind), str("YES"), yesNo(t.OfType != 0))
	})
	b.seesViews(func(v *catalog.View, schema types.Datum) {
		events, _ := b.viewEvents(v)
		b.add(db, schema, str(v.Name), str("VIEW"), yesNo(events&8 != 0), str("NO"))
	})
}

// viewEvents is what may be done to a view, and to which of its columns.
func (b *builder) viewEvents(v *catalog.View) (int, []bool) {
	return sema.ViewEvents(v, &sema.Env{Catalog: b.snap, Virtual: b.sys})
}

func infoColumns(b *builder) {
	b.seesSystem(func(r *relation) {
		schema := str(r.Schema)
		for i, c := range r.Columns {
			b.infoColumn(schema, r.Name, &catalog.Column{Num: catalog.AttNum(i + 1), Name: c.Name, Type: c.Type, NotNull: r.notNull[i]},
				nil, r.kind == 'r')
		}
	})
	b.seesTables(anyPrivilege, func(t *catalog.Table, schema types.Datum) {
		for _, c := range t.LiveColumns() {
			if b.seesColumn(catalog.Relation{Kind: catalog.KindTable, Table: t}, c.Num, anyOfColumn) {
				b.infoColumn(schema, t.Name, c, t, true)
			}
		}
	})
	b.seesViews(func(v *catalog.View, schema types.Datum) {
		var events []bool
		for i := range v.Columns {
			c := v.Columns[i]
			if events == nil {
				_, events = b.viewEvents(v)
			}
			c.Num, c.NotNull = catalog.AttNum(i+1), false
			if b.seesColumn(catalog.Relation{Kind: catalog.KindView, View: v}, c.Num, anyOfColumn) {
				b.infoColumn(schema, v.Name, &c, nil, events[i])
			}
		}
	})
}

func (b *builder) infoColumn(schema types.Datum, table string, c *catalog.Column, t *catalog.Table, updatable bool) {
	db := str(b.env.Database)
	def, isGenerated, expression := null, str("NEVER"), null
	switch {
	case t != nil && c.Generated:
		isGenerated, expression = str("ALWAYS"), str(b.defs.expr(c.Default, t, c, false))
	case t != nil && c.Default != "" && c.Identity == 0:
		def = str(b.defs.expr(c.Default, t, c, false))
	}
	info := types.Lookup(c.Type.Oid)
	dataType, udtSchema, udt := b.dataType(c.Type)
	domainDB, domainSchema, domain := null, null, null
	notNull := c.NotNull
	if d := b.snap.Type(c.Type.Domain); d != nil {
		domainDB, domainSchema, domain = db, str(b.snap.SchemaName(d.SchemaID)), str(d.Name)
		notNull = notNull || d.Domain.NotNull
	}
	collDB, collSchema, coll := null, null, null
	if c.Collation != 0 && c.Collation != catalog.DefaultCollation {
		collDB, collSchema, coll = db, str(pgCatalog), str(collationName(c.Collation))
	} else if c.Collation == 0 && info != nil && info.Collation != 0 && info.Collation != catalog.DefaultCollation {
		collDB, collSchema, coll = db, str(pgCatalog), str(collationName(info.Collation))
	}
	generation, start, increment, maximum, minimum, cycle := null, null, null, null, null, str("NO")
	if c.Identity != 0 {
		generation = str("BY DEFAULT")
		if c.Identity == catalog.IdentityAlways {
			generation = str("ALWAYS")
		}
		if q := b.snap.Sequence(c.Sequence); q != nil {
			start, increment, maximum, minimum = str(itoa(q.Start)), str(itoa(q.Increment)), str(itoa(q.Max)), str(itoa(q.Min))
			cycle = yesNo(q.Cycle)
		}
	}
	length, octets := charLength(c.Type)
	precision, radix, scale := numericShape(c.Type)
	fraction, fields := timeShape(c.Type)
	b.add(db, schema, str(table), str(c.Name), num(c.Num), def, yesNo(!notNull), dataType, length, octets, precision, radix,
		scale, fraction, fields, collDB, collSchema, coll, domainDB, domainSchema, domain, db, udtSchema, udt, str(itoa(int64(c.Num))), str("NO"),
		yesNo(c.Identity != 0), generation, start, increment, maximum, minimum, cycle, isGenerated, expression, yesNo(updatable))
}

// infoColumnColumns lists the columns that generated ones are computed of.
func infoColumnColumns(b *builder) {
	db := str(b.env.Database)
	b.snap.Tables(func(t *catalog.Table) bool {
		if !b.owns(t.Owner) {
			return true
		}
		for _, c := range t.GeneratedColumns() {
			for _, n := range c.Uses {
				b.add(db, str(b.snap.SchemaName(t.SchemaID)), str(t.Name), str(t.Column(n).Name), str(c.Name))
			}
		}
		return true
	})
}

// charLength is character_maximum_length and character_octet_length.
func charLength(t types.Type) (length, octets types.Datum) {
	switch t.Oid {
	case types.BpcharOid, types.VarcharOid:
		if t.Mod < 4 {
			return null, num(1 << 30)
		}
		return num(t.Mod - 4), num((t.Mod - 4) * 4) // UTF-8 has at most four bytes a character
	case types.TextOid:
		return null, num(1 << 30)
	case types.BitOid, types.VarbitOid:
		if t.Mod < 0 {
			return null, null
		}
		return num(t.Mod), null
	}
	return null, null
}

// numericShape is numeric_precision, numeric_precision_radix and numeric_scale.
func numericShape(t types.Type) (precision, radix, scale types.Datum) {
	switch t.Oid {
	case types.Int2Oid:
		return num(16), num(2), num(0)
	case types.Int4Oid:
		return num(32), num(2), num(0)
	case types.Int8Oid:
		return num(64), num(2), num(0)
	case types.Float4Oid:
		return num(24), num(2), null
	case types.Float8Oid:
		return num(53), num(2), null
	case types.NumericOid:
		if t.Mod < 4 {
			return null, num(10), null
		}
		p, s := types.NumericMod(t.Mod)
		return num(p), num(10), num(s)
	}
	return null, null, null
}

// timeShape is datetime_precision and interval_type.
func timeShape(t types.Type) (precision, fields types.Datum) {
	switch t.Oid {
	case types.DateOid:
		return num(0), null
	case types.TimeOid, types.TimetzOid, types.TimestampOid, types.TimestamptzOid:
		if t.Mod < 0 {
			return num(6), null
		}
		return num(t.Mod), null
	case types.IntervalOid:
		if t.Mod < 0 || t.Mod&0xffff == 0xffff {
			precision = num(6)
		} else {
			precision = num(t.Mod & 0xffff)
		}
		if name := types.FormatType(t); len(name) > len("interval ") && name[len("interval")] == ' ' {
			fields = str(name[len("interval "):])
		}
		return precision, fields
	}
	return null, null
}

var constraintTypes = map[catalog.ConstraintType]string{
	catalog.Check: "CHECK", catalog.PrimaryKey: "PRIMARY KEY", catalog.Unique: "UNIQUE", catalog.Foreign: "FOREIGN KEY",
}

// notNullName is the name that the information schema gives to a NOT NULL: the OIDs of schema and table and the column.
func notNullName(t *catalog.Table, c *catalog.Column) string {
	return itoa(int64(t.SchemaID)) + "_" + itoa(int64(t.OID)) + "_" + itoa(int64(c.Num)) + "_not_null"
}

func infoConstraints(b *builder) {
	db := str(b.env.Database)
	b.seesTables(exceptSelect, func(t *catalog.Table, schema types.Datum) {
		for _, c := range t.Constraints {
			if constraintTypes[c.Type] == "" { // the standard knows no exclusion constraints
				continue
			}
			distinct := null
			if c.Type == catalog.Unique {
				i := t.IndexByOID(c.Index)
				distinct = yesNo(i == nil || !i.NullsNotDistinct)
			}
			b.add(db, schema, str(c.Name), db, schema, str(t.Name), str(constraintTypes[c.Type]), yesNo(c.Deferrable), yesNo(c.Deferred),
				str("YES"), distinct)
		}
		for _, c := range t.LiveColumns() {
			if c.NotNull {
				b.add(db, schema, str(notNullName(t, c)), db, schema, str(t.Name), str("CHECK"), str("NO"), str("NO"), str("YES"), null)
			}
		}
	})
}

func infoKeyColumns(b *builder) {
	db := str(b.env.Database)
	b.seesTables(anyPrivilege, func(t *catalog.Table, schema types.Datum) {
		for _, c := range t.Constraints {
			if c.Type == catalog.Check {
				continue
			}
			for i, n := range c.Columns {
				position := null
				if c.FK != nil {
					position = b.positionInUnique(c, i)
				}
				if b.seesColumn(catalog.Relation{Kind: catalog.KindTable, Table: t}, n, anyOfColumn) {
					b.add(db, schema, str(c.Name), db, schema, str(t.Name), str(t.Column(n).Name), num(i+1), position)
				}
			}
		}
	})
}

// positionInUnique is the place of a foreign key's i-th referenced column in the referenced constraint.
func (b *builder) positionInUnique(c *catalog.Constraint, i int) types.Datum {
	if _, x := b.snap.Index(c.FK.RefIndex); x != nil {
		for k, col := range x.Columns {
			if col.Num == c.FK.RefColumns[i] {
				return num(k + 1)
			}
		}
	}
	return null
}

func infoConstraintColumns(b *builder) {
	db := str(b.env.Database)
	b.snap.Tables(func(t *catalog.Table) bool {
		for _, c := range t.Constraints {
			rel, cols := t, c.Columns
			if c.FK != nil {
				rel, cols = b.snap.Table(c.FK.RefTable), c.FK.RefColumns
			}
			if rel == nil || !b.owns(rel.Owner) {
				continue
			}
			for _, n := range cols {
				b.add(db, str(b.snap.SchemaName(rel.SchemaID)), str(rel.Name), str(rel.Column(n).Name), db,
					str(b.snap.SchemaName(t.SchemaID)), str(c.Name))
			}
		}
		return true
	})
}

// owns reports whether the current role has the rights of an object's owner.
func (b *builder) owns(owner catalog.Oid) bool {
	return b.env.Role == 0 || b.snap.HasPrivilegesOf(b.env.Role, owner)
}

func infoConstraintTables(b *builder) {
	db := str(b.env.Database)
	b.snap.Tables(func(t *catalog.Table) bool {
		for _, c := range t.Constraints {
			rel := t
			if c.FK != nil {
				rel = b.snap.Table(c.FK.RefTable)
			}
			if c.Type != catalog.Check && rel != nil && b.owns(rel.Owner) {
				b.add(db, str(b.snap.SchemaName(rel.SchemaID)), str(rel.Name), db, str(b.snap.SchemaName(t.SchemaID)), str(c.Name))
			}
		}
		return true
	})
}

var actionRules = map[catalog.Action]string{
	catalog.Cascade: "CASCADE", catalog.SetNull: "SET NULL", catalog.SetDefault: "SET DEFAULT", catalog.Restrict: "RESTRICT",
	catalog.NoAction: "NO ACTION",
}

func infoReferences(b *builder) {
	db := str(b.env.Database)
	b.seesTables(exceptSelect, func(t *catalog.Table, schema types.Datum) {
		for _, c := range t.ForeignKeys() {
			match := "NONE"
			if c.FK.Match == catalog.MatchFull {
				match = "FULL"
			}
			uniqueDB, uniqueSchema, unique := null, null, null
			if parent, x := b.snap.Index(c.FK.RefIndex); x != nil {
				if key := parent.ConstraintByOID(x.Constraint); key != nil {
					uniqueDB, uniqueSchema, unique = db, str(b.snap.SchemaName(parent.SchemaID)), str(key.Name)
				}
			}
			b.add(db, schema, str(c.Name), uniqueDB, uniqueSchema, unique, str(match), str(actionRules[c.FK.OnUpdate]),
				str(actionRules[c.FK.OnDelete]))
		}
	})
}

func infoChecks(b *builder) {
	db := str(b.env.Database)
	b.snap.Tables(func(t *catalog.Table) bool {
		if !b.owns(t.Owner) {
			return true
		}
		schema := str(b.snap.SchemaName(t.SchemaID))
		for _, c := range t.Constraints {
			if c.Type == catalog.Check {
				b.add(db, schema, str(c.Name), str(b.defs.constraint(t, c, false)[len("CHECK "):]))
			}
		}
		for _, c := range t.LiveColumns() {
			if c.NotNull {
				b.add(db, schema, str(notNullName(t, c)), str(c.Name+" IS NOT NULL"))
			}
		}
		return true
	})
	b.snap.Types(func(t *catalog.Type) bool {
		if t.Domain != nil && b.owns(t.Owner) {
			for i := range t.Domain.Checks {
				c := &t.Domain.Checks[i]
				b.add(db, str(b.snap.SchemaName(t.SchemaID)), str(c.Name), str(b.defs.domainConstraint(t, c, false)[len("CHECK "):]))
			}
		}
		return true
	})
}

func infoSequences(b *builder) {
	db := str(b.env.Database)
	b.snap.Sequences(func(q *catalog.Sequence) bool {
		if !q.OwnedByAuto && !b.othersTemp(q.SchemaID) && b.sees(catalog.Relation{Kind: catalog.KindSequence, Sequence: q}, anyPrivilege) { // those of identity columns are left out
			precision, _, _ := numericShape(types.T(q.Type))
			b.add(db, str(b.snap.SchemaName(q.SchemaID)), str(q.Name), str(types.FormatType(types.T(q.Type))), precision, num(2), num(0),
				str(itoa(q.Start)), str(itoa(q.Min)), str(itoa(q.Max)), str(itoa(q.Increment)), yesNo(q.Cycle))
		}
		return true
	})
}

func infoViews(b *builder) {
	b.seesViews(func(v *catalog.View, schema types.Datum) {
		definition := null
		events, _ := b.viewEvents(v)
		check := [...]string{catalog.NoCheck: "NONE", catalog.LocalCheck: "LOCAL", catalog.CascadedCheck: "CASCADED"}[v.CheckOption()]
		if b.owns(v.Owner) {
			definition = str(b.defs.view(v, false, 0))
		}
		b.add(str(b.env.Database), schema, str(v.Name), definition, str(check), yesNo(events&20 == 20), yesNo(events&8 != 0),
			yesNo(v.HasInstead(catalog.TriggerUpdate)), yesNo(v.HasInstead(catalog.TriggerDelete)), yesNo(v.HasInstead(catalog.TriggerInsert)))
	})
}
