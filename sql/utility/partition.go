package utility

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// partitioning notes PARTITION BY, whose expressions are analysed once the columns are known.
func (b *tableBuilder) partitioning(p *parse.PartitionSpec) error {
	if p == nil {
		return nil
	}
	if p.Strategy == parse.PartitionList && len(p.Params) > 1 {
		return pgerr.New(pgerr.InvalidObjectDefinition, "cannot use \"list\" partition strategy with more than one column")
	}
	b.partSpec = p
	return nil
}

var partitionStrategies = map[parse.PartitionStrategy]catalog.PartitionStrategy{
	parse.PartitionList: catalog.ListPartitioning, parse.PartitionRange: catalog.RangePartitioning, parse.PartitionHash: catalog.HashPartitioning,
}

// partitionKeys turns PARTITION BY into its specification (ComputePartitionAttrs); t has the table's columns.
func (b *tableBuilder) partitionKeys(t *catalog.Table) error {
	spec := &ddl.PartitioningSpec{Strategy: partitionStrategies[b.partSpec.Strategy]}
	for i, e := range b.partSpec.Params {
		k := ddl.PartitionKeySpec{Name: ddl.Name{Name: e.Name, Pos: b.pos(e.Loc())}}
		typ := types.Type{}
		if c := t.ColumnByName(e.Name); e.Expr == nil && c != nil {
			typ = c.Type
		}
		if e.Expr != nil {
			var err error
			if typ, err = b.partitionExpression(t, e, i, &k); err != nil {
				return err
			}
		}
		if err := b.keyOptions(e, typ, spec.Strategy, &k); err != nil {
			return err
		}
		spec.Keys = append(spec.Keys, k)
	}
	b.spec.Partitioning = spec
	return nil
}

// partitionExpression analyses the i-th key of PARTITION BY, an expression. One that is no more than a column is the column.
func (b *tableBuilder) partitionExpression(t *catalog.Table, e *parse.PartitionElem, i int, k *ddl.PartitionKeySpec) (types.Type, error) {
	bad := func(format string, args ...any) error {
		return pgerr.New(pgerr.InvalidObjectDefinition, format, args...)
	}
	x, node, err := b.stored().expression(e.Expr, e.ExprText, sema.ExprScope{Kind: sema.PartitionKeyExpr, Table: t})
	if err != nil { // PostgreSQL does not say where
		return types.Type{}, pgerr.From(err).Clone().WithPosition(0)
	}
	typ := node.ResultType()
	if v, ok := node.(*expr.Var); ok {
		k.Name.Name = t.Columns[v.Col].Name
		return typ, nil
	}
	switch typ.Oid {
	case types.RecordOid, types.UnknownOid:
		return typ, pgerr.New(pgerr.InvalidTableDefinition, "partition key column %d has pseudo-type %s", i+1, types.FormatType(types.T(typ.Oid)))
	}
	for _, name := range x.Columns {
		if t.ColumnByName(name).Generated {
			return typ, pgerr.New(pgerr.InvalidObjectDefinition, "cannot use generated column in partition key").
				WithDetail("Column \"%s\" is a generated column.", name).WithPosition(b.pos(e.Loc()))
		}
	}
	if c, ok := e.Expr.(*parse.Const); ok && c.Kind == parse.ConstString {
		return typ, pgerr.New(pgerr.InvalidTableDefinition, "partition key column %d has pseudo-type unknown", i+1)
	}
	if expr.ContainsMutable(node) {
		return typ, bad("functions in partition key expression must be marked IMMUTABLE")
	}
	if len(x.Columns) == 0 {
		return typ, bad("cannot use constant expression as partition key")
	}
	k.Expr, k.Type = x, typ
	return typ, nil
}

// keyOptions resolves COLLATE and the operator class of a partition key.
func (b *tableBuilder) keyOptions(e *parse.PartitionElem, typ types.Type, s catalog.PartitionStrategy, k *ddl.PartitionKeySpec) (err error) {
	method := "btree"
	if s == catalog.HashPartitioning {
		method = "hash"
	}
	if len(e.Collation) > 0 && typ.Oid != 0 {
		if k.Collation, err = b.collation(&parse.CollateClause{Name: e.Collation, Location: e.Location}, typ); err != nil {
			return err
		}
	}
	if len(e.OpClass) > 0 && typ.Oid != 0 {
		k.OpClass, err = b.operatorClass(&parse.IndexElem{OpClass: e.OpClass}, typ.Oid, method)
	}
	return err
}

// partitionOf notes the bound of PARTITION OF.
func (b *tableBuilder) partitionOf(s *parse.CreateStmt) error {
	if s.Bound == nil {
		return nil
	}
	rel, _ := b.DDL.Overlay().LookupRelation(b.SearchPath, s.InhRelations[0].Schema, s.InhRelations[0].Name)
	bound, err := b.Env.partitionBound(rel.Table, s.Bound)
	b.spec.Bound = bound
	return err
}

// partitionBound is transformPartitionBound.
func (e *Env) partitionBound(parent *catalog.Table, s *parse.PartitionBoundSpec) (*ddl.BoundSpec, error) {
	if parent.Partitioning == nil {
		return nil, pgerr.New(pgerr.InvalidObjectDefinition, "%q is not partitioned", parent.Name)
	}
	out := &ddl.BoundSpec{Pos: e.pos(s.Loc())}
	if out.Default = s.IsDefault; s.IsDefault {
		if parent.Partitioning.Strategy == catalog.HashPartitioning {
			return nil, pgerr.New(pgerr.InvalidTableDefinition, "a hash-partitioned table may not have a default partition")
		}
		return out, nil
	}
	if parent.Partitioning.Strategy == catalog.HashPartitioning {
		return out, hashBound(out, s)
	}
	invalid := func(format string) error { return pgerr.New(pgerr.InvalidTableDefinition, "%s", format) }
	if parent.Partitioning.Strategy == catalog.ListPartitioning {
		if s.Strategy != 'l' {
			return nil, pgerr.New(pgerr.InvalidTableDefinition, "invalid bound specification for a list partition").WithPosition(out.Pos)
		}
		for _, x := range s.List {
			v, err := e.boundValue(parent, 0, x)
			if err != nil {
				return nil, err
			}
			dup := false
			for _, have := range out.List {
				dup = dup || have == v
			}
			if !dup {
				out.List, out.Positions = append(out.List, v), append(out.Positions, e.pos(x.Loc()))
			}
		}
		return out, nil
	}
	if s.Strategy != 'r' {
		return nil, pgerr.New(pgerr.InvalidTableDefinition, "invalid bound specification for a range partition").WithPosition(out.Pos)
	}
	n := len(parent.Partitioning.Keys)
	if len(s.Lower) != n {
		return nil, invalid("FROM must specify exactly one value per partitioning column")
	}
	if len(s.Upper) != n {
		return nil, invalid("TO must specify exactly one value per partitioning column")
	}
	var err error
	if out.From, err = e.rangeValues(parent, s.Lower); err != nil {
		return nil, err
	}
	if out.To, err = e.rangeValues(parent, s.Upper); err != nil {
		return nil, err
	}
	for _, d := range s.Lower {
		out.Positions = append(out.Positions, e.pos(d.Loc()))
	}
	for _, d := range s.Upper {
		out.Positions = append(out.Positions, e.pos(d.Loc()))
	}
	return out, nil
}

func hashBound(out *ddl.BoundSpec, s *parse.PartitionBoundSpec) error {
	invalid := func(text string) *pgerr.Error { return pgerr.New(pgerr.InvalidTableDefinition, "%s", text) }
	switch {
	case s.Strategy != 'h':
		return invalid("invalid bound specification for a hash partition").WithPosition(out.Pos)
	case s.Modulus <= 0:
		return invalid("modulus for hash partition must be an integer value greater than zero")
	case s.Remainder < 0:
		return invalid("remainder for hash partition must be an integer value greater than or equal to zero")
	case s.Remainder >= s.Modulus:
		return invalid("remainder for hash partition must be less than modulus")
	}
	out.Modulus, out.Remainder = s.Modulus, s.Remainder
	return nil
}

// rangeValues is transformPartitionRangeBounds.
func (e *Env) rangeValues(parent *catalog.Table, list []*parse.PartitionRangeDatum) ([]catalog.BoundValue, error) {
	out := make([]catalog.BoundValue, len(list))
	for i, d := range list {
		if out[i].Kind = catalog.BoundKind(d.Kind); d.Kind != 0 {
			continue
		}
		v, err := e.boundValue(parent, i, d.Value)
		if err != nil {
			return nil, err
		}
		if v.Null {
			return nil, pgerr.New(pgerr.InvalidObjectDefinition, "cannot specify NULL in range bound")
		}
		out[i] = v
	}
	for i := 1; i < len(out); i++ {
		word := map[catalog.BoundKind]string{catalog.MinValue: "MINVALUE", catalog.MaxValue: "MAXVALUE"}[out[i-1].Kind]
		if word != "" && out[i].Kind != out[i-1].Kind {
			return nil, pgerr.New(pgerr.DatatypeMismatch, "every bound following %s must also be %s", word, word).WithPosition(e.pos(list[i].Loc()))
		}
	}
	return out, nil
}

// boundValue evaluates a value of the i-th column of a partition key (transformPartitionBoundValue).
func (e *Env) boundValue(parent *catalog.Table, i int, x parse.Expr) (catalog.BoundValue, error) {
	key := &parent.Partitioning.Keys[i]
	name := parent.PartitionKeyName(i, func(text string, _ *catalog.Table) string { return text })
	if key.Num != 0 {
		name = parent.Column(key.Num).Name
	}
	node, err := sema.AnalyzeExpr(x, sema.ExprScope{Kind: sema.PartitionBoundExpr, Column: name, Type: key.Type}, e.sema())
	if err != nil {
		if pgerr.HasCode(err, pgerr.DatatypeMismatch) && !strings.HasPrefix(err.Error(), "collations") {
			return catalog.BoundValue{}, pgerr.New(pgerr.DatatypeMismatch, "specified value cannot be cast to type %s for column %q",
				types.FormatType(types.T(key.Type.Oid)), name).WithPosition(e.pos(x.Loc()))
		}
		return catalog.BoundValue{}, err
	}
	value, isNull, ok, err := e.constant(node)
	if err != nil {
		return catalog.BoundValue{}, err
	}
	if !ok { // it is what it is now
		return catalog.BoundValue{}, pgerr.NotSupported("a volatile partition bound")
	}
	return catalog.BoundValue{Null: isNull, Text: value}, nil
}
