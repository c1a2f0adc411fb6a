package utility

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func (b *tableBuilder) tableConstraint(k *parse.Constraint) error {
	switch k.Type {
	case parse.ConstrPrimary, parse.ConstrUnique:
		return b.keyConstraint(k, k.Keys)
	case parse.ConstrForeign:
		return b.foreignKey(k, k.FKAttrs)
	case parse.ConstrCheck:
		return b.check(k)
	case parse.ConstrExclusion:
		return b.exclusion(k)
	}
	return pgerr.NotSupported("this form of table constraint")
}

func (b *tableBuilder) keyConstraint(k *parse.Constraint, columns []string) error {
	switch {
	case k.IndexSpace != "" && k.IndexSpace != "pg_default":
		return pgerr.New(pgerr.UndefinedObject, "tablespace %q does not exist", k.IndexSpace)
	}
	s := ddl.ConstraintSpec{
		Name: k.Name, Type: catalog.Unique, Columns: columns, Deferrable: k.Deferrable, Deferred: k.InitDeferred,
		UsingIndex: k.IndexName, Pos: b.constraintPos(k), KeyPos: b.pos(k.Loc()),
		Include: k.Including, NullsNotDistinct: k.NullsNotDistinct,
	}
	if k.Type == parse.ConstrPrimary {
		s.Type = catalog.PrimaryKey
	}
	if k.IndexName != "" {
		s.Pos = b.pos(k.Loc())
	}
	b.spec.Constraints = append(b.spec.Constraints, s)
	return nil
}

func (b *tableBuilder) foreignKey(k *parse.Constraint, columns []string) error {
	if k.FKMatchType == parse.FKMatchPartial {
		return pgerr.New(pgerr.FeatureNotSupported, "MATCH PARTIAL not yet implemented").WithPosition(b.pos(k.Loc()))
	}
	match := catalog.MatchSimple
	if k.FKMatchType == parse.FKMatchFull {
		match = catalog.MatchFull
	}
	b.spec.Constraints = append(b.spec.Constraints, ddl.ConstraintSpec{
		Name: k.Name, Type: catalog.Foreign, Columns: columns, Deferrable: k.Deferrable, Deferred: k.InitDeferred,
		// CREATE TABLE has no rows to be spared: NOT VALID says nothing there.
		NotValid: k.SkipValidation && b.alter != nil, Pos: b.constraintPos(k),
		FK: &ddl.ForeignKeySpec{
			RefTable: b.Env.name(k.PKTable), RefColumns: k.PKAttrs, Match: match, SetColumns: k.FKDelSetCols,
			OnDelete: action(k.FKDelAction), OnUpdate: action(k.FKUpdAction),
		},
	})
	return nil
}

func action(a parse.FKAction) catalog.Action {
	if a == 0 {
		return catalog.NoAction
	}
	return catalog.Action(a)
}

// check reserves a CHECK's place; it is analysed when all columns are known.
func (b *tableBuilder) check(k *parse.Constraint) error {
	b.checks = append(b.checks, pendingCheck{len(b.spec.Constraints), k})
	b.spec.Constraints = append(b.spec.Constraints, ddl.ConstraintSpec{
		Name: k.Name, Type: catalog.Check, NoInherit: k.NoInherit, NotValid: k.SkipValidation && b.alter != nil, Pos: b.constraintPos(k),
	})
	return nil
}

// finish analyses generation expressions and CHECK constraints against the columns.
func (b *tableBuilder) finish() error {
	if len(b.checks) == 0 && len(b.generated) == 0 && len(b.exclusions) == 0 && b.partSpec == nil {
		return nil
	}
	t := &catalog.Table{Name: b.name}
	if b.alter != nil {
		t = b.alter.Clone()
	}
	for _, c := range b.inherited {
		col := *c
		col.Num = catalog.AttNum(len(t.Columns) + 1)
		t.Columns = append(t.Columns, col)
	}
	for i := range b.spec.Columns {
		c := &b.spec.Columns[i]
		if slices.ContainsFunc(b.inherited, func(k *catalog.Column) bool { return k.Name == c.Name }) {
			continue
		}
		t.Columns = append(t.Columns, catalog.Column{
			Num: catalog.AttNum(len(t.Columns) + 1), Name: c.Name, Type: c.Type, NotNull: c.NotNull, Collation: c.Collation,
			Generated: c.Generated,
		})
	}
	for _, p := range b.generated {
		c := &b.spec.Columns[p.column]
		scope := sema.ExprScope{Kind: sema.GeneratedExpr, Table: t, Column: c.Name, Type: c.Type}
		x, node, err := b.stored().expression(p.con.Expr, p.con.ExprText, scope)
		if err != nil {
			return err
		}
		if expr.ContainsMutable(node) {
			return pgerr.New(pgerr.InvalidObjectDefinition, "generation expression is not immutable")
		}
		c.Default = x
	}
	for _, p := range b.checks {
		x, _, err := b.stored().expression(p.con.Expr, p.con.ExprText, sema.ExprScope{Kind: sema.CheckExpr, Table: t})
		if err != nil {
			return err
		}
		b.spec.Constraints[p.slot].Check = x
	}
	for _, p := range b.exclusions {
		if err := b.excludes(t, &b.spec.Constraints[p.slot], p.con); err != nil {
			return err
		}
	}
	if b.partSpec != nil {
		return b.partitionKeys(t)
	}
	return nil
}

// like copies the columns of another table, and what INCLUDING asks for.
func (b *tableBuilder) like(l *parse.TableLikeClause) error {
	rel, ok := b.DDL.Overlay().LookupRelation(b.SearchPath, l.Relation.Schema, l.Relation.Name)
	if !ok {
		return pgerr.New(pgerr.UndefinedTable, "relation %q does not exist", l.Relation.String()).WithPosition(b.pos(l.Relation.Loc()))
	}
	if rel.Kind != catalog.KindTable && rel.Kind != catalog.KindMatView && rel.Kind != catalog.KindView {
		return pgerr.New(pgerr.WrongObjectType, "relation %q is invalid in LIKE clause", rel.Name()).WithPosition(b.pos(l.Relation.Loc()))
	}
	if held, _ := b.DDL.Overlay().RelationPrivileges(rel, b.role()); held&catalog.PrivSelect == 0 {
		return catalog.DeniedError(rel.Noun(), rel.Name())
	}
	if rel.Kind != catalog.KindTable {
		rel.Columns(func(_ catalog.AttNum, c *catalog.Column) {
			s := ddl.ColumnSpec{Name: c.Name, Type: c.Type, Collation: c.Collation}
			if l.Options&parse.LikeComments != 0 {
				s.Comment = c.Comment
			}
			b.spec.Columns = append(b.spec.Columns, s)
			b.columns = append(b.columns, nil)
		})
		return nil
	}
	t := rel.Table
	has := func(bit uint32) bool { return l.Options&bit != 0 }
	for _, c := range t.LiveColumns() {
		s := ddl.ColumnSpec{Name: c.Name, Type: c.Type, NotNull: c.NotNull, Collation: c.Collation}
		switch {
		case c.Generated && has(parse.LikeGenerated):
			s.Generated = true
			s.Default = &ddl.Expression{Text: c.Default, Sequences: c.DefaultDeps, Columns: t.ColumnNames(c.Uses)}
		case !c.Generated && c.Default != "" && has(parse.LikeDefaults):
			s.Default = &ddl.Expression{Text: c.Default, Sequences: c.DefaultDeps}
		}
		if has(parse.LikeIdentity) && c.Identity != catalog.NoIdentity {
			s.Identity, s.Sequence = c.Identity, b.likeSequence(c.Sequence)
		}
		if has(parse.LikeComments) {
			s.Comment = c.Comment
		}
		b.spec.Columns = append(b.spec.Columns, s)
		b.columns = append(b.columns, nil)
	}
	for _, k := range t.Constraints {
		b.likeConstraint(t, k, has)
	}
	if has(parse.LikeIndexes) {
		for _, i := range t.Indexes {
			if i.Constraint == 0 {
				s := likeIndex(t, i)
				if has(parse.LikeComments) {
					s.Comment = i.Comment
				}
				b.spec.Indexes = append(b.spec.Indexes, s)
			}
		}
	}
	return nil
}

func (b *tableBuilder) likeConstraint(t *catalog.Table, k *catalog.Constraint, has func(uint32) bool) {
	s := ddl.ConstraintSpec{Type: k.Type, Deferrable: k.Deferrable, Deferred: k.Deferred, NoInherit: k.NoInherit}
	switch {
	case k.Type == catalog.Check && has(parse.LikeConstraints):
		s.Name = k.Name
		s.Check = &ddl.Expression{Text: k.Check, Columns: t.ColumnNames(k.Columns)}
	case k.Type == catalog.Exclusion && has(parse.LikeIndexes):
		i := likeIndex(t, t.IndexByOID(k.Index))
		if i.Method == "" {
			i.Method = "btree"
		}
		s.Exclude = &ddl.ExcludeSpec{Index: i, Operators: k.Operators}
	case k.Index != 0 && k.Type != catalog.Exclusion && has(parse.LikeIndexes):
		i := t.IndexByOID(k.Index)
		s.Columns, s.Include, s.NullsNotDistinct = t.ColumnNames(k.Columns), t.ColumnNames(i.Include), i.NullsNotDistinct
	default:
		return
	}
	if has(parse.LikeComments) {
		s.Comment = k.Comment
	}
	b.spec.Constraints = append(b.spec.Constraints, s)
}

func (b *tableBuilder) likeSequence(oid catalog.Oid) *ddl.SequenceSpec {
	q := b.DDL.Overlay().Sequence(oid)
	if q == nil {
		return &ddl.SequenceSpec{}
	}
	return &ddl.SequenceSpec{
		// Like PostgreSQL, without the type: the copy is a bigint sequence.
		Type: types.Int8Oid, Increment: &q.Increment, Min: &q.Min, Max: &q.Max, Start: &q.Start, Cache: &q.Cache, Cycle: &q.Cycle,
	}
}

func likeIndex(t *catalog.Table, i *catalog.Index) ddl.IndexSpec {
	s := ddl.IndexSpec{
		Unique: i.Unique, Method: i.Method, Include: t.ColumnNames(i.Include), NullsNotDistinct: i.NullsNotDistinct, Options: i.Options,
	}
	for _, c := range i.Columns {
		k := ddl.IndexColumnSpec{Desc: c.Desc, NullsFirst: c.NullsFirst, OpClass: c.OpClass, Collation: c.Collation}
		if c.Num != 0 {
			k.Name = t.Columns[c.Num-1].Name
		} else {
			k.Expr, k.Type, k.Figured = &ddl.Expression{Text: c.Expr, Columns: t.ColumnNames(c.Uses)}, c.Type, c.Name
		}
		s.Columns = append(s.Columns, k)
	}
	if i.Predicate != "" {
		s.Predicate = &ddl.Expression{Text: i.Predicate, Columns: t.ColumnNames(i.PredicateUses)}
	}
	return s
}

// inherit notes the parents of INHERITS and what columns they will give the table.
func (b *tableBuilder) inherit(parents []*parse.RangeVar) error {
	for _, p := range parents {
		b.spec.Parents = append(b.spec.Parents, b.Env.name(p))
		rel, ok := b.DDL.Overlay().LookupRelation(b.SearchPath, p.Schema, p.Name)
		if !ok {
			return pgerr.New(pgerr.UndefinedTable, "relation %q does not exist", p.String())
		}
		if rel.Kind != catalog.KindTable {
			return pgerr.New(pgerr.WrongObjectType, "inherited relation %q is not a table or foreign table", p.Name)
		}
		for _, c := range rel.Table.LiveColumns() {
			if !slices.ContainsFunc(b.inherited, func(k *catalog.Column) bool { return k.Name == c.Name }) {
				b.inherited = append(b.inherited, c)
			}
		}
	}
	return nil
}
