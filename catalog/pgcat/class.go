package pgcat

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// classSources are the catalogs of relations and their columns.
func classSources() map[string]*source {
	return map[string]*source{
		"pg_catalog.pg_namespace": {columns: "oid nspname nspowner nspacl", rows: namespaceRows,
			builtin: func(b *builder) { b.add(num(namespaceToast), str(toastSchema), num(catalog.BootstrapRole), null) }},
		"pg_catalog.pg_class": {
			columns: "oid relname relnamespace relowner relam relfilenode reltuples relhasindex relkind relnatts relchecks " +
				"relhasrules relhastriggers relreplident relacl reloptions reltype relpersistence relispopulated relpages " +
				"relhassubclass relispartition relpartbound reloftype relrowsecurity relforcerowsecurity",
			builtin: builtinClasses, rows: classRows},
		"pg_catalog.pg_attribute": {
			columns: "attrelid attname atttypid attlen attnum attndims atttypmod attbyval attalign attstorage attnotnull " +
				"atthasdef attidentity attgenerated attisdropped attcollation attacl attstattarget attcompression " +
				"attinhcount attislocal",
			builtin: builtinAttributes, rows: attributeRows},
		"pg_catalog.pg_inherits": {columns: "inhrelid inhparent inhseqno inhdetachpending", rows: inheritRows},
		"pg_catalog.pg_partitioned_table": {
			columns: "partrelid partstrat partnatts partdefid partattrs partclass partcollation partexprs", rows: partitionedRows},
		"pg_catalog.pg_init_privs": {columns: "objoid classoid objsubid privtype initprivs", builtin: initialPrivileges},
		"pg_catalog.pg_attrdef":    {columns: "oid adrelid adnum adbin", rows: attrdefRows},
		"pg_catalog.pg_index": {
			columns: "indexrelid indrelid indnatts indnkeyatts indisunique indnullsnotdistinct indisprimary indimmediate indkey " +
				"indcollation indclass indoption indexprs indpred indisclustered indisreplident indisvalid indisexclusion",
			rows: indexRows},
	}
}

func namespaceRows(b *builder) {
	b.snap.Schemas(func(s *catalog.Schema) bool {
		b.add(num(s.OID), str(s.Name), num(s.Owner), aclDatum(b.snap, s.ACL))
		return true
	})
}

// systemRelations calls f for the system relations that pg_class lists.
func systemRelations(f func(r *relation, namespace catalog.Oid)) {
	for _, r := range relations {
		switch r.Schema {
		case pgCatalog:
			f(r, catalog.PgCatalogSchema)
		case informationSchema:
			f(r, catalog.InformationSchema)
		}
	}
}

func builtinClasses(b *builder) {
	systemRelations(func(r *relation, ns catalog.Oid) {
		am, file := amHeap, r.OID
		if r.kind == 'v' {
			am, file = 0, 0
		}
		b.add(num(r.OID), str(r.Name), num(ns), num(catalog.BootstrapRole), num(am), num(file), types.NewFloat(-1), no,
			char(r.kind), num(len(r.Columns)), num(0), flag(r.kind == 'v'), no, char('n'), systemACL(r), null, num(0), char('p'), yes, num(0), no, no, null)
	})
}

// closedRelations are those of pg_catalog that PUBLIC may not read.
var closedRelations = map[string]bool{"pg_authid": true, "pg_config": true, "pg_file_settings": true, "pg_hba_file_rules": true,
	"pg_ident_file_mappings": true, "pg_largeobject": true, "pg_replication_origin_status": true, "pg_shadow": true, "pg_statistic": true,
	"pg_statistic_ext_data": true, "pg_subscription": true, "pg_user_mapping": true, "pg_backend_memory_contexts": true,
	"pg_shmem_allocations": true}

// systemACL is what initdb grants on a system relation.
func systemACL(r *relation) types.Datum {
	own := "postgres=arwdDxt/postgres"
	if r.Schema == pgCatalog {
		switch r.Name {
		case "pg_settings":
			return aclTexts(own, "=rw/postgres")
		case "pg_backend_memory_contexts", "pg_shmem_allocations":
			return aclTexts(own, "pg_read_all_stats=r/postgres")
		}
		if closedRelations[r.Name] {
			return aclTexts(own)
		}
	}
	return aclTexts(own, "=r/postgres")
}

// initialPrivileges are the grants that were there from the beginning: pg_dump leaves them out.
func initialPrivileges(b *builder) {
	add := func(class, oid catalog.Oid, acl types.Datum) { b.add(num(oid), num(class), num(0), char('i'), acl) }
	systemRelations(func(r *relation, _ catalog.Oid) { add(classClass, r.OID, systemACL(r)) })
	add(classNamespace, catalog.PgCatalogSchema, systemSchemaACL)
	add(classNamespace, catalog.PublicSchema, publicACL)
}

var (
	systemSchemaACL = aclTexts("postgres=UC/postgres", "=U/postgres")
	publicACL       = aclTexts("pg_database_owner=UC/pg_database_owner", "=U/pg_database_owner")
)

func indexMethod(i *catalog.Index) catalog.Oid {
	switch i.Method {
	case "hash":
		return amHash
	case "gin":
		return amGin
	case "gist":
		return amGist
	case "spgist":
		return amSpgist
	}
	return amBtree
}

func classRows(b *builder) {
	// The order of columns: oid relname relnamespace relowner relam relfilenode reltuples relhasindex relkind relnatts
	// relchecks relhasrules relhastriggers relreplident relacl reloptions reltype relpersistence relispopulated relpages
	// relhassubclass relispartition relpartbound reloftype.
	b.snap.Tables(func(t *catalog.Table) bool {
		checks := 0
		triggers := len(t.Inbound) > 0 || len(t.Triggers) > 0
		for _, c := range t.Constraints {
			if c.Type == catalog.Check {
				checks++
			}
			triggers = triggers || c.Type == catalog.Foreign
		}
		tuples := types.NewFloat(float64(b.sys.RowCount(t)))
		kind, am, file, bound, indexKind := byte(t.Kind()), amHeap, t.OID, null, byte('i')
		pages := pagesOf(b.sys.Statistics(t))
		if t.Partitioning != nil {
			kind, am, file, indexKind, tuples, pages = 'p', 0, 0, 'I', types.NewFloat(-1), 0
		}
		if t.Bound != nil {
			bound = str(boundTree + t.BoundDef(b.snap.Table(t.Parents[0])))
		}
		b.add(num(t.OID), str(t.Name), num(t.SchemaID), num(t.Owner), num(am), num(file), tuples,
			flag(len(t.Indexes) > 0), char(kind), num(visibleColumns(t)), num(checks), flag(t.MatView != nil || len(t.Rules) > 0), flag(triggers),
			char(replicaIdentity(t)), aclDatum(b.snap, t.ACL), optionsDatum(t.Options), num(catalog.Relation{Kind: catalog.KindTable, Table: t}.RowType()),
			char(t.Persistence.Letter()), flag(t.MatView == nil || t.MatView.Populated), num(pages),
			flag(len(t.Children) > 0), flag(t.Bound != nil), bound, num(t.OfType), flag(t.RowSecurity), flag(t.ForceRowSecurity))
		for _, i := range t.Indexes {
			b.add(num(i.OID), str(i.Name), num(t.SchemaID), num(t.Owner), num(indexMethod(i)), num(i.OID), tuples, no,
				char(indexKind), num(len(i.Columns)+len(i.Include)), num(0), no, no, char('n'), null, optionsDatum(i.Options), num(0),
				char(t.Persistence.Letter()), yes, num(0), flag(t.Partitioning != nil && len(t.Children) > 0), flag(i.Parent != 0), null, num(0), no, no)
		}
		return true
	})
	b.snap.Sequences(func(q *catalog.Sequence) bool {
		b.add(num(q.OID), str(q.Name), num(q.SchemaID), num(q.Owner), num(0), num(q.OID), types.NewFloat(1), no, char('S'),
			num(len(sequenceColumns)), num(0), no, no, char('n'), aclDatum(b.snap, q.ACL), null, num(0), char(q.Persistence.Letter()), yes, num(1),
			no, no, null)
		return true
	})
	b.snap.Views(func(v *catalog.View) bool {
		b.add(num(v.OID), str(v.Name), num(v.SchemaID), num(v.Owner), num(0), num(0), types.NewFloat(-1), no, char('v'),
			num(len(v.Columns)), num(0), yes, flag(len(v.Triggers) > 0), char('n'), aclDatum(b.snap, v.ACL), optionsDatum(v.Options),
			num(catalog.Relation{Kind: catalog.KindView, View: v}.RowType()), char(v.Persistence.Letter()), yes, num(0), no, no, null)
		return true
	})
	b.compositeClasses()
}

// replicaIdentity is pg_class.relreplident.
func replicaIdentity(t *catalog.Table) byte {
	if t.ReplicaIdentity == 0 {
		return 'd'
	}
	return t.ReplicaIdentity
}

// visibleColumns is pg_class.relnatts: hidden columns do not count.
func visibleColumns(t *catalog.Table) (n int) {
	for i := range t.Columns {
		if !t.Columns[i].Hidden {
			n++
		}
	}
	return n
}

func optionsDatum(options []string) types.Datum {
	if len(options) == 0 {
		return null
	}
	out := make([]types.Datum, len(options))
	for i, o := range options {
		out[i] = str(o)
	}
	return types.NewArray1(types.TextOid, out)
}

// sequenceColumns are the columns of a sequence as a relation.
var sequenceColumns = []catalog.Column{
	{Num: 1, Name: "last_value", Type: types.T(types.Int8Oid), NotNull: true},
	{Num: 2, Name: "log_cnt", Type: types.T(types.Int8Oid), NotNull: true},
	{Num: 3, Name: "is_called", Type: types.T(types.BoolOid), NotNull: true},
}

// attribute adds a row of pg_attribute.
func (b *builder) attribute(rel catalog.Oid, c *catalog.Column) {
	b.attributeWith(rel, c, collationOf(c))
}

// collationOf is a column's collation: its own or its type's.
func collationOf(c *catalog.Column) catalog.Oid {
	if in := types.Lookup(c.Type.Oid); c.Collation == 0 && in != nil {
		return in.Collation
	}
	return c.Collation
}

// attributeWith is attribute of a column with a certain collation.
func (b *builder) attributeWith(rel catalog.Oid, c *catalog.Column, collation catalog.Oid) {
	if c.Dropped {
		b.add(num(rel), str("........pg.dropped."+itoa(int64(c.Num))+"........"), num(0), num(attLen(c.Type)), num(c.Num), num(0),
			num(-1), no, char('i'), char('p'), no, no, char(0), char(0), yes, num(0), null, num(0), char(0),
			num(c.InhCount), flag(!c.Inherited))
		return
	}
	info := types.Lookup(c.Type.Oid)
	if info == nil {
		info = types.Lookup(types.TextOid)
	}
	dims := 0
	if info.Category == 'A' && info.ElemOid != 0 && info.Len == -1 && c.Type.Oid != types.Int2vectorOid && c.Type.Oid != types.OidvectorOid {
		dims = 1
	}
	acl := null
	if c.ACL != nil { // which no built-in column has
		acl = aclDatum(b.snap, c.ACL)
	}
	statistics, storage := -1, info.Storage
	if c.Statistics != nil {
		statistics = *c.Statistics
	}
	if c.Storage != 0 {
		storage = c.Storage
	}
	generated := byte(0)
	if c.Generated {
		generated = 's'
	}
	b.add(num(rel), str(c.Name), num(c.Type.Declared()), num(info.Len), num(c.Num), num(dims), num(c.Type.Mod), flag(info.ByVal),
		char(info.Align), char(storage), flag(c.NotNull), flag(c.Default != "" && c.Identity == 0), char(byte(c.Identity)), char(generated), no,
		num(collation), acl, num(statistics), char(c.Compression), num(c.InhCount), flag(!c.Inherited))
}

func attLen(t types.Type) int16 {
	if in := types.Lookup(t.Oid); in != nil {
		return in.Len
	}
	return -1
}

func builtinAttributes(b *builder) {
	const collationC = catalog.Oid(950)
	systemRelations(func(r *relation, _ catalog.Oid) {
		for i, c := range r.Columns {
			col := catalog.Column{Num: catalog.AttNum(i + 1), Name: c.Name, Type: c.Type, NotNull: r.notNull[i]}
			base := c.Type.Oid
			if e := types.ElemOf(base); e != 0 {
				base = e
			}
			if in := types.Lookup(base); r.kind == 'r' && in != nil && in.Collation != 0 {
				col.Collation = collationC
			}
			b.attribute(r.OID, &col)
		}
	})
}

func attributeRows(b *builder) {
	b.compositeAttributes()
	b.snap.Tables(func(t *catalog.Table) bool {
		for i := range t.Columns {
			if c := &t.Columns[i]; !c.Hidden {
				b.attribute(t.OID, c)
			}
		}
		for _, x := range t.Indexes {
			for n := range x.Columns {
				c := indexAttribute(t, &x.Columns[n], n)
				collation := collationOf(c) // of the values, not of their keys
				if x.Gin() {
					ginAttribute(c, x.Columns[n].OpClass)
				}
				b.attributeWith(x.OID, c, collation)
			}
			for n, k := range x.Include {
				c := t.Column(k)
				b.attribute(x.OID, &catalog.Column{Num: catalog.AttNum(len(x.Columns) + n + 1), Name: c.Name, Type: c.Type, Collation: c.Collation})
			}
		}
		return true
	})
	b.snap.Sequences(func(q *catalog.Sequence) bool {
		for i := range sequenceColumns {
			b.attribute(q.OID, &sequenceColumns[i])
		}
		return true
	})
	b.snap.Views(func(v *catalog.View) bool {
		for i := range v.Columns {
			c := v.Columns[i]
			c.Num, c.NotNull = catalog.AttNum(i+1), false
			b.attribute(v.OID, &c)
		}
		return true
	})
}

// defaultColumns calls f for every column that pg_attrdef lists.
func defaultColumns(snap *catalog.Snapshot, f func(t *catalog.Table, c *catalog.Column)) {
	snap.Tables(func(t *catalog.Table) bool {
		for i := range t.Columns {
			if c := &t.Columns[i]; c.Default != "" && c.Identity == 0 && !c.Dropped && !c.Hidden {
				f(t, c)
			}
		}
		return true
	})
}

// attrdefRows fills adbin with what pg_get_expr reads: the column's number and the stored text.
func attrdefRows(b *builder) {
	defaultColumns(b.snap, func(t *catalog.Table, c *catalog.Column) {
		b.add(num(attrdefOid(t, c.Num)), num(t.OID), num(c.Num), str(defaultTree(c)))
	})
}

func indexRows(b *builder) {
	b.snap.Tables(func(t *catalog.Table) bool {
		for _, i := range t.Indexes {
			n := len(i.Columns)
			all := n + len(i.Include)
			keys, collations, classes, options := make([]types.Datum, all), make([]types.Datum, n), make([]types.Datum, n), make([]types.Datum, n)
			for k, c := range i.Include {
				keys[n+k] = num(c)
			}
			for k, c := range i.Columns {
				col := indexAttribute(t, &c, k)
				keys[k], collations[k] = num(c.Num), num(collationOf(col))
				classes[k] = num(columnOpclass(indexMethod(i), c, col.Type.Oid))
				option := 0
				if c.Desc {
					option |= 1
				}
				if c.NullsFirst {
					option |= 2
				}
				options[k] = num(option)
			}
			immediate := true
			if c := t.ConstraintByOID(i.Constraint); c != nil {
				immediate = !c.Deferrable
			}
			exprs, predicate := null, null
			if list := indexExpressions(i); list != nil {
				exprs = str(indexTree(list))
			}
			if i.Predicate != "" {
				predicate = str(i.Predicate)
			}
			b.add(num(i.OID), num(t.OID), num(all), num(n), flag(i.Unique), flag(i.NullsNotDistinct), flag(i.Primary), flag(immediate),
				types.NewVector(types.Int2Oid, keys), types.NewVector(types.OidOid, collations),
				types.NewVector(types.OidOid, classes), types.NewVector(types.Int2Oid, options), exprs, predicate, flag(i.Clustered), flag(i.ReplicaIdentity),
				flag(!i.Invalid), flag(i.Excludes()))
		}
		return true
	})
}

// indexAttribute is key column n of an index as a column of it.
func indexAttribute(t *catalog.Table, k *catalog.IndexColumn, n int) *catalog.Column {
	c := &catalog.Column{Num: catalog.AttNum(n + 1), Name: k.Name, Type: k.Type, Collation: k.Collation}
	if k.Num != 0 {
		of := t.Column(k.Num)
		c.Name, c.Type, c.Storage = of.Name, of.Type, of.Storage
		if c.Collation == 0 {
			c.Collation = of.Collation
		}
	}
	return c
}

// ginAttribute makes a column of a GIN index one of the keys that it has of its values (pg_opclass.opckeytype).
func ginAttribute(c *catalog.Column, class string) {
	switch {
	case class == "jsonb_path_ops" || class == "gin_trgm_ops":
		c.Type = types.T(types.Int4Oid)
	case c.Type.Oid == types.JsonbOid, c.Type.Oid == types.TsvectorOid:
		c.Type = types.T(types.TextOid)
	default:
		c.Type = types.T(types.ElemOf(c.Type.Oid))
	}
	c.Storage = 0
}

// indexExpressions returns the texts of an index's expressions, in order.
func indexExpressions(i *catalog.Index) (out []string) {
	for _, c := range i.Columns {
		if c.Num == 0 {
			out = append(out, c.Expr)
		}
	}
	return out
}
