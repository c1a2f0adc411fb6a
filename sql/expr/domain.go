package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Domain is what a Cast to a domain, or to an array of one, verifies: the constraints of the domain and of those below
// it, as one snapshot of the catalog has them.
type Domain struct {
	Oid          types.Oid
	Schema, Name string
	Array        bool // the values are arrays of the domain
	NotNull      bool
	Checks       []DomainCheck // in the order in which PostgreSQL judges them
}

// DomainCheck is a CHECK of a domain: Cond is over Column 0, which stands for VALUE.
type DomainCheck struct {
	Name string
	Cond Node
}

// domainEval passes on values that satisfy a domain.
type domainEval struct {
	arg   evaluator
	d     *Domain
	conds []*Compiled
	typ   types.Type
	slot  int
}

func (c *compiler) domain(arg evaluator, n *Cast) (evaluator, error) {
	e := &domainEval{arg: arg, d: n.Domain, typ: n.Type, slot: c.vecSlot()}
	value := types.Type{Oid: n.Type.Oid, Mod: n.Type.Mod}
	if n.Domain.Array {
		value.Oid = types.ElemOf(n.Type.Oid)
	}
	for _, k := range n.Domain.Checks {
		cond, err := Compile(k.Cond, []types.Type{value})
		if err != nil {
			return nil, err
		}
		e.conds = append(e.conds, cond)
	}
	return e, nil
}

func (e *domainEval) row(f *frame, row []types.Datum) (types.Datum, error) {
	d, err := e.arg.row(f, row)
	if err != nil {
		return types.Null, err
	}
	return d, e.check(f.ctx, d)
}

func (e *domainEval) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	v, err := e.arg.vec(f, in, sel)
	if err != nil {
		return nil, err
	}
	return generic(f, e.slot, e.typ, in.N, sel, func(i int) (types.Datum, error) {
		d := v.Get(i)
		return d, e.check(f.ctx, d)
	})
}

func (e *domainEval) check(ctx *EvalContext, d types.Datum) error {
	if !e.d.Array {
		return e.checkValue(ctx, d)
	}
	if d.IsNull() {
		return nil
	}
	for _, elem := range d.Array().Elems {
		if err := e.checkValue(ctx, elem); err != nil {
			return err
		}
	}
	return nil
}

func (e *domainEval) checkValue(ctx *EvalContext, d types.Datum) error {
	if e.d.NotNull && d.IsNull() {
		return pgerr.New(pgerr.NotNullViolation, "domain %s does not allow null values", types.FormatType(types.T(e.d.Oid))).
			WithDataType(e.d.Schema, e.d.Name)
	}
	for i, cond := range e.conds {
		ok, err := cond.EvalRow(ctx, []types.Datum{d})
		if err != nil {
			return err
		}
		if !ok.IsNull() && !ok.Bool() {
			name := e.d.Checks[i].Name
			return pgerr.New(pgerr.CheckViolation, "value for domain %s violates check constraint \"%s\"",
				types.FormatType(types.T(e.d.Oid)), name).WithDataType(e.d.Schema, e.d.Name).WithConstraint(name)
		}
	}
	return nil
}
