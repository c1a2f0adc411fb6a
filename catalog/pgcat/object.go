package pgcat

import (
	"cmp"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// objectSources are the catalogs of constraints, sequences, dependencies and comments.
func objectSources() map[string]*source {
	return map[string]*source{
		"pg_catalog.pg_constraint": {
			columns: "oid conname connamespace contype condeferrable condeferred convalidated conrelid conindid confrelid " +
				"confupdtype confdeltype confmatchtype connoinherit conkey confkey conpfeqop conppeqop conffeqop confdelsetcols conbin contypid coninhcount conislocal conparentid conexclop",
			rows: constraintRows},
		"pg_catalog.pg_sequence": {columns: "seqrelid seqtypid seqstart seqincrement seqmax seqmin seqcache seqcycle",
			rows: sequenceRows},
		"pg_catalog.pg_depend": {columns: "classid objid objsubid refclassid refobjid refobjsubid deptype", rows: dependRows},
		"pg_catalog.pg_description": {columns: "objoid classoid objsubid description", builtin: builtinDescriptions,
			rows: descriptionRows},
		"pg_catalog.pg_shdescription": {columns: "objoid classoid description", rows: sharedDescriptionRows},
		"pg_catalog.pg_policy":        {columns: "oid polname polrelid polcmd polpermissive polroles polqual polwithcheck", rows: policyRows},
		"pg_catalog.pg_rewrite":       {columns: "oid rulename ev_class ev_type ev_enabled is_instead ev_qual", rows: rewriteRows},
	}
}

func constraintRows(b *builder) {
	b.snap.Tables(func(t *catalog.Table) bool {
		for _, c := range t.Constraints {
			b.constraint(t, c)
		}
		return true
	})
	b.domainConstraints()
	b.constraintTriggers()
}

func (b *builder) constraint(t *catalog.Table, c *catalog.Constraint) {
	index, ref := c.Index, catalog.Oid(0)
	upd, del, match := char(' '), char(' '), char(' ')
	noInherit := c.Type != catalog.Check && t.Partitioning == nil || c.NoInherit
	conkey, confkey, pf, pp, ff, set, bin := null, null, null, null, null, null, null
	if len(c.Columns) > 0 {
		conkey = attnums(c.Columns)
	}
	if c.Type == catalog.Check {
		bin = str(c.Check)
	}
	if fk := c.FK; fk != nil {
		index, ref = fk.RefIndex, fk.RefTable
		upd, del, match = char(byte(fk.OnUpdate)), char(byte(fk.OnDelete)), char(byte(fk.Match))
		confkey = attnums(fk.RefColumns)
		pf, pp, ff = b.keyOperators(t, c)
		if len(fk.SetColumns) > 0 {
			set = attnums(fk.SetColumns)
		}
	}
	b.add(num(c.OID), str(c.Name), num(t.SchemaID), char(byte(c.Type)), flag(c.Deferrable), flag(c.Deferred),
		flag(c.Validated || c.Type == catalog.PrimaryKey || c.Type == catalog.Unique || c.Type == catalog.Exclusion), num(t.OID), num(index), num(ref), upd, del, match, flag(noInherit), conkey, confkey, pf, pp, ff,
		set, bin, num(0), num(c.InhCount), flag(!c.Inherited), num(c.Parent), excludingOperators(t, c))
}

// excludingOperators are the operators of an exclusion constraint.
func excludingOperators(t *catalog.Table, c *catalog.Constraint) types.Datum {
	i := t.IndexByOID(c.Index)
	if c.Type != catalog.Exclusion || i == nil {
		return null
	}
	out := make([]catalog.Oid, len(c.Operators))
	for n, op := range c.Operators {
		typ := t.IndexType(&i.Columns[n]).Oid
		if f, err := expr.ResolveOperator(op, []catalog.Oid{typ, typ}); err == nil && f != nil && f.Operator != nil {
			out[n] = f.Operator.Oid
		}
	}
	return oids(types.OidOid, out)
}

// keyOperators are the equality operators of a foreign key: referenced = referencing, and of each side with itself.
func (b *builder) keyOperators(t *catalog.Table, c *catalog.Constraint) (pf, pp, ff types.Datum) {
	parent := b.snap.Table(c.FK.RefTable)
	if parent == nil {
		return null, null, null
	}
	n := len(c.Columns)
	lists := [3][]catalog.Oid{make([]catalog.Oid, n), make([]catalog.Oid, n), make([]catalog.Oid, n)}
	for i := range c.Columns {
		child, ref := t.Column(c.Columns[i]).Type.Oid, parent.Column(c.FK.RefColumns[i]).Type.Oid
		for k, pair := range [3][2]catalog.Oid{{ref, child}, {ref, ref}, {child, child}} {
			if f, err := expr.ResolveOperator("=", pair[:]); err == nil && f != nil && f.Operator != nil {
				lists[k][i] = f.Operator.Oid
			}
		}
	}
	return oids(types.OidOid, lists[0]), oids(types.OidOid, lists[1]), oids(types.OidOid, lists[2])
}

func sequenceRows(b *builder) {
	b.snap.Sequences(func(q *catalog.Sequence) bool {
		b.add(num(q.OID), num(q.Type), num(q.Start), num(q.Increment), num(q.Max), num(q.Min), num(q.Cache), flag(q.Cycle))
		return true
	})
}

// classOf returns the catalog that has an object on which an expression depends.
func classOf(oid catalog.Oid) catalog.Oid {
	if oid.IsUser() {
		return classType
	}
	return classClass
}

// depend adds a row of pg_depend.
func (b *builder) depend(class, obj catalog.Oid, sub catalog.AttNum, refClass, ref catalog.Oid, refSub catalog.AttNum, kind catalog.DependencyType) {
	b.add(num(class), num(obj), num(sub), num(refClass), num(ref), num(refSub), char(byte(kind)))
}

func dependRows(b *builder) {
	b.typeDepends()
	b.functionDepends()
	b.extensionDepends()
	b.snap.Tables(func(t *catalog.Table) bool {
		b.depend(classClass, t.OID, 0, classNamespace, t.SchemaID, 0, catalog.Normal)
		b.tableDepends(t)
		kind := catalog.Normal
		if t.Bound != nil {
			kind = catalog.Auto
		}
		for _, p := range t.Parents {
			b.depend(classClass, t.OID, 0, classClass, p, 0, kind)
		}
		return true
	})
	b.snap.Sequences(func(q *catalog.Sequence) bool {
		b.depend(classClass, q.OID, 0, classNamespace, q.SchemaID, 0, catalog.Normal)
		if q.OwnedByTab != 0 {
			kind := catalog.Auto
			if q.OwnedByAuto {
				kind = catalog.Internal
			}
			b.depend(classClass, q.OID, 0, classClass, q.OwnedByTab, q.OwnedByCol, kind)
		}
		return true
	})
	b.snap.Views(func(v *catalog.View) bool {
		b.depend(classClass, v.OID, 0, classNamespace, v.SchemaID, 0, catalog.Normal)
		return true
	})
	b.snap.EachRule(func(rel catalog.Relation, r *catalog.Rule) bool {
		b.ruleDepends(rel, r)
		return true
	})
	b.snap.EachTrigger(func(rel catalog.Relation, g *catalog.Trigger) bool {
		b.triggerDepends(rel, g)
		return true
	})
	b.snap.Rules(func(v *catalog.View) bool {
		b.depend(classRewrite, rewriteOid(v), 0, classClass, v.OID, 0, catalog.Internal)
		for _, d := range v.Deps {
			for _, n := range d.Columns {
				b.depend(classRewrite, rewriteOid(v), 0, classClass, d.Relation, n, catalog.Normal)
			}
			class := b.classOfDep(d.Relation)
			if _, key := b.snap.Constraint(d.Relation); key != nil {
				class = classConstraint
			}
			if len(d.Columns) == 0 {
				b.depend(classRewrite, rewriteOid(v), 0, class, d.Relation, 0, catalog.Normal)
			}
		}
		return true
	})
}

// ruleDepends are the rows of what a rule belongs to and of what its action names.
func (b *builder) ruleDepends(rel catalog.Relation, r *catalog.Rule) {
	b.depend(classRewrite, r.OID, 0, classClass, rel.OID(), 0, catalog.Auto)
	for _, d := range r.Deps {
		for _, n := range d.Columns {
			b.depend(classRewrite, r.OID, 0, classClass, d.Relation, n, catalog.Normal)
		}
		if len(d.Columns) == 0 && d.Relation != rel.OID() {
			b.depend(classRewrite, r.OID, 0, classOf(d.Relation), d.Relation, 0, catalog.Normal)
		}
	}
}

func (b *builder) tableDepends(t *catalog.Table) {
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Default == "" || c.Identity != 0 || c.Dropped || c.Hidden {
			continue
		}
		def := attrdefOid(t, c.Num)
		if c.Generated {
			b.depend(classAttrdef, def, 0, classClass, t.OID, c.Num, catalog.Internal)
			for _, n := range c.Uses {
				b.depend(classAttrdef, def, 0, classClass, t.OID, n, catalog.Normal)
			}
			continue
		}
		b.depend(classAttrdef, def, 0, classClass, t.OID, c.Num, catalog.Auto)
		for _, q := range c.DefaultDeps {
			b.depend(classAttrdef, def, 0, b.classOfDep(q), q, 0, catalog.Normal)
		}
	}
	for _, i := range t.Indexes {
		if i.Parent != 0 {
			b.depend(classClass, i.OID, 0, classClass, i.Parent, 0, catalog.Partition)
		}
		if i.Constraint != 0 {
			b.depend(classClass, i.OID, 0, classConstraint, i.Constraint, 0, catalog.Internal)
			continue
		}
		for _, n := range i.Uses() {
			b.depend(classClass, i.OID, 0, classClass, t.OID, n, catalog.Auto)
		}
	}
	for _, c := range t.Constraints {
		if c.Parent != 0 {
			b.depend(classConstraint, c.OID, 0, classConstraint, c.Parent, 0, catalog.Partition)
		}
		for _, n := range constrained(t, c) {
			b.depend(classConstraint, c.OID, 0, classClass, t.OID, n, catalog.Auto)
			if c.Type == catalog.Check {
				b.depend(classConstraint, c.OID, 0, classClass, t.OID, n, catalog.Normal)
			}
		}
		if c.Type == catalog.Check && len(c.Columns) == 0 {
			b.depend(classConstraint, c.OID, 0, classClass, t.OID, 0, catalog.Auto)
		}
		if fk := c.FK; fk != nil {
			for _, n := range fk.RefColumns {
				b.depend(classConstraint, c.OID, 0, classClass, fk.RefTable, n, catalog.Normal)
			}
			b.depend(classConstraint, c.OID, 0, classClass, fk.RefIndex, 0, catalog.Normal)
		}
	}
}

// constrained are the columns that a constraint is of: for an exclusion constraint all that its index is made of.
func constrained(t *catalog.Table, c *catalog.Constraint) []catalog.AttNum {
	if i := t.IndexByOID(c.Index); c.Type == catalog.Exclusion && i != nil {
		return i.Uses()
	}
	return c.Columns
}

func builtinDescriptions(b *builder) {
	for _, d := range []struct {
		class, oid catalog.Oid
		text       string
	}{
		{classAm, 2, "heap table access method"}, {classAm, 403, "b-tree index access method"},
		{classAm, 405, "hash index access method"}, {classAm, 783, "GiST index access method"},
		{classAm, 2742, "GIN index access method"}, {classAm, 4000, "SP-GiST index access method"},
		{classAm, 3580, "block range index (BRIN) access method"},
		{classLanguage, 12, "built-in functions"}, {classLanguage, 13, "dynamically-loaded C functions"},
		{classLanguage, 14, "SQL-language functions"}, {classNamespace, namespaceToast, "reserved schema for TOAST tables"},
		{classExtension, extensionPLpgSQL, "PL/pgSQL procedural language"},
	} {
		b.add(num(d.oid), num(d.class), num(0), str(d.text))
	}
	textSearchDescriptions(func(class, oid catalog.Oid, text string) { b.add(num(oid), num(class), num(0), str(text)) })
}

// comments calls f for every comment on an object of the database.
func comments(snap *catalog.Snapshot, f func(class, oid catalog.Oid, sub catalog.AttNum, text string)) {
	some := func(class, oid catalog.Oid, sub catalog.AttNum, text string) {
		if text != "" {
			f(class, oid, sub, text)
		}
	}
	columns := func(rel catalog.Oid, list []catalog.Column) {
		for i := range list {
			if c := &list[i]; !c.Dropped && !c.Hidden {
				some(classClass, rel, catalog.AttNum(i+1), c.Comment)
			}
		}
	}
	snap.Schemas(func(s *catalog.Schema) bool { some(classNamespace, s.OID, 0, s.Comment); return true })
	snap.Tables(func(t *catalog.Table) bool {
		some(classClass, t.OID, 0, t.Comment)
		columns(t.OID, t.Columns)
		for _, i := range t.Indexes {
			some(classClass, i.OID, 0, i.Comment)
		}
		for _, c := range t.Constraints {
			some(classConstraint, c.OID, 0, c.Comment)
		}
		for i := range t.Policies {
			some(classPolicy, t.Policies[i].OID, 0, t.Policies[i].Comment)
		}
		return true
	})
	snap.EachRule(func(_ catalog.Relation, r *catalog.Rule) bool {
		some(classRewrite, r.OID, 0, r.Comment)
		return true
	})
	snap.EachTrigger(func(_ catalog.Relation, g *catalog.Trigger) bool {
		some(classTrigger, g.OID, 0, g.Comment)
		return true
	})
	snap.Sequences(func(q *catalog.Sequence) bool { some(classClass, q.OID, 0, q.Comment); return true })
	snap.Types(func(t *catalog.Type) bool {
		some(classType, t.OID, 0, t.Comment)
		if t.Domain != nil {
			for _, c := range t.Domain.Checks {
				some(classConstraint, c.OID, 0, c.Comment)
			}
		}
		return true
	})
	snap.Functions(func(f *catalog.Function) bool { some(classProc, f.OID, 0, f.Comment); return true })
	snap.Extensions(func(e *catalog.Extension) bool { some(classExtension, e.OID, 0, e.Comment); return true })
	snap.Views(func(v *catalog.View) bool {
		some(classClass, v.OID, 0, v.Comment)
		columns(v.OID, v.Columns)
		return true
	})
}

func descriptionRows(b *builder) {
	comments(b.snap, func(class, oid catalog.Oid, sub catalog.AttNum, text string) {
		b.add(num(oid), num(class), num(sub), str(text))
	})
}

// sharedComments calls f for every comment on an object of the cluster.
func sharedComments(snap *catalog.Snapshot, f func(class, oid catalog.Oid, text string)) {
	snap.Databases(func(d *catalog.Database) bool {
		if d.Comment != "" {
			f(classDatabase, d.OID, d.Comment)
		}
		return true
	})
	snap.Roles(func(r *catalog.Role) bool {
		if r.Comment != "" {
			f(classAuthID, r.OID, r.Comment)
		}
		return true
	})
}

func sharedDescriptionRows(b *builder) {
	sharedComments(b.snap, func(class, oid catalog.Oid, text string) { b.add(num(oid), num(class), str(text)) })
}

func rewriteRows(b *builder) {
	b.snap.Rules(func(v *catalog.View) bool {
		b.add(num(rewriteOid(v)), str("_RETURN"), num(v.OID), char('1'), char('O'), yes, str("<>"))
		return true
	})
	b.snap.EachRule(func(rel catalog.Relation, r *catalog.Rule) bool {
		b.add(num(r.OID), str(r.Name), num(rel.OID()), char(byte(r.Event)), char('O'), flag(!r.Also), str(cmp.Or(r.Where, "<>")))
		return true
	})
}
