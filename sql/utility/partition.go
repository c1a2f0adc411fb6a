package utility

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// partitioning turns PARTITION BY into its specification.
func (b *tableBuilder) partitioning(p *parse.PartitionSpec) error {
	if p == nil {
		return nil
	}
	spec := &ddl.PartitioningSpec{Strategy: catalog.ListPartitioning}
	switch p.Strategy {
	case parse.PartitionRange:
		spec.Strategy = catalog.RangePartitioning
	case parse.PartitionHash:
		return pgerr.NotSupported("PARTITION BY HASH")
	}
	if p.Strategy == parse.PartitionList && len(p.Params) > 1 {
		return pgerr.New(pgerr.InvalidObjectDefinition, "cannot use \"list\" partition strategy with more than one column")
	}
	for _, e := range p.Params {
		switch {
		case e.Name == "":
			return pgerr.NotSupported("an expression in PARTITION BY")
		case e.Collation != nil:
			return pgerr.NotSupported("COLLATE in PARTITION BY")
		case e.OpClass != nil:
			return pgerr.NotSupported("an operator class in PARTITION BY")
		}
		spec.Columns = append(spec.Columns, ddl.Name{Name: e.Name, Pos: b.pos(e.Loc())})
	}
	b.spec.Partitioning = spec
	return nil
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
		return out, nil
	}
	invalid := func(format string) error { return pgerr.New(pgerr.InvalidTableDefinition, "%s", format) }
	if parent.Partitioning.Strategy == catalog.ListPartitioning {
		if s.Strategy != 'l' {
			return nil, pgerr.New(pgerr.InvalidTableDefinition, "invalid bound specification for a list partition").WithPosition(out.Pos)
		}
		for i, x := range s.List {
			v, err := e.boundValue(parent, 0, x, s.ListTexts[i])
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
	n := len(parent.Partitioning.Columns)
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

// rangeValues is transformPartitionRangeBounds.
func (e *Env) rangeValues(parent *catalog.Table, list []*parse.PartitionRangeDatum) ([]catalog.BoundValue, error) {
	out := make([]catalog.BoundValue, len(list))
	for i, d := range list {
		if out[i].Kind = catalog.BoundKind(d.Kind); d.Kind != 0 {
			continue
		}
		v, err := e.boundValue(parent, i, d.Value, d.ValueText)
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
func (e *Env) boundValue(parent *catalog.Table, i int, x parse.Expr, text string) (catalog.BoundValue, error) {
	col := parent.Column(parent.Partitioning.Columns[i])
	_, node, err := e.expression(x, text, sema.ExprScope{Kind: sema.StandaloneExpr, Column: col.Name, Type: col.Type})
	if err != nil {
		if pgerr.HasCode(err, pgerr.DatatypeMismatch) {
			return catalog.BoundValue{}, pgerr.New(pgerr.DatatypeMismatch, "specified value cannot be cast to type %s for column %q",
				types.FormatType(types.T(col.Type.Oid)), col.Name).WithPosition(e.pos(x.Loc()))
		}
		return catalog.BoundValue{}, err
	}
	value, isNull, ok, err := e.constant(node)
	if err != nil {
		return catalog.BoundValue{}, err
	}
	if !ok {
		return catalog.BoundValue{}, pgerr.NotSupported("a volatile partition bound")
	}
	return catalog.BoundValue{Null: isNull, Text: value}, nil
}
