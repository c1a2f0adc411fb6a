package utility

import (
	"context"
	"strconv"

	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

func (e *Env) createSequence(ctx context.Context, s *parse.CreateSeqStmt) error {
	spec, err := e.sequenceOptions(s.Options, false)
	if err != nil {
		return err
	}
	spec.Schema, spec.Name, spec.IfNotExists = s.Sequence.Schema, s.Sequence.Name, s.IfNotExists
	spec.Persistence = persistence(s.Sequence)
	return e.DDL.CreateSequence(ctx, spec)
}

func (e *Env) alterSequence(ctx context.Context, s *parse.AlterSeqStmt) error {
	spec, err := e.sequenceOptions(s.Options, false)
	if err != nil {
		return err
	}
	return e.DDL.AlterSequence(ctx, ddl.Name{Schema: s.Sequence.Schema, Name: s.Sequence.Name}, spec, s.MissingOk)
}

// sequenceOptions reads the options of CREATE and ALTER SEQUENCE and of identity columns.
func (e *Env) sequenceOptions(opts []*parse.DefElem, identity bool) (*ddl.SequenceSpec, error) {
	s := &ddl.SequenceSpec{}
	seen := map[string]bool{}
	for _, o := range opts {
		if seen[o.Name] {
			return nil, pgerr.New(pgerr.SyntaxError, "conflicting or redundant options").WithPosition(e.pos(o.Loc()))
		}
		seen[o.Name] = true
		if err := e.sequenceOption(s, o, identity); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (e *Env) sequenceOption(s *ddl.SequenceSpec, o *parse.DefElem, identity bool) (err error) {
	switch o.Name {
	case "as":
		t, ok := o.Arg.(*parse.TypeName)
		if !ok {
			return pgerr.New(pgerr.SyntaxError, "sequence type must be given")
		}
		typ, err := sema.ResolveType(t, e.sema())
		s.Type = typ.Oid
		return err
	case "increment":
		s.Increment, err = int64Arg(o)
	case "start":
		s.Start, err = int64Arg(o)
	case "restart":
		s.Restart = true
		if o.Arg != nil {
			s.RestartWith, err = int64Arg(o)
		}
	case "maxvalue":
		if s.NoMax = o.Arg == nil; !s.NoMax {
			s.Max, err = int64Arg(o)
		}
	case "minvalue":
		if s.NoMin = o.Arg == nil; !s.NoMin {
			s.Min, err = int64Arg(o)
		}
	case "cache":
		s.Cache, err = int64Arg(o)
	case "cycle":
		k, _ := o.Arg.(*parse.Const)
		on := k != nil && k.Bval
		s.Cycle = &on
	case "owned_by":
		return e.ownedBy(s, o)
	case "sequence_name":
		list, _ := o.Arg.(parse.NameListArg)
		if !identity || len(list) == 0 {
			return pgerr.New(pgerr.SyntaxError, "invalid sequence option SEQUENCE NAME").WithPosition(e.pos(o.Loc()))
		}
		n := parse.Name(list)
		s.Schema, s.Name = n.Schema(), n.Last()
	default:
		return pgerr.NotSupported("sequence option " + o.Name)
	}
	return err
}

func (e *Env) ownedBy(s *ddl.SequenceSpec, o *parse.DefElem) error {
	list, _ := o.Arg.(parse.NameListArg)
	if len(list) == 1 {
		if list[0] != "none" {
			return pgerr.New(pgerr.SyntaxError, "invalid OWNED BY option").
				WithHint("Specify OWNED BY table.column or OWNED BY NONE.")
		}
		s.OwnedByNone = true
		return nil
	}
	if len(list) == 0 {
		return pgerr.New(pgerr.SyntaxError, "invalid OWNED BY option")
	}
	n := objectName(parse.Name(list[:len(list)-1]))
	s.OwnedByTable, s.OwnedByColumn = &n, list[len(list)-1]
	return nil
}

// int64Arg is defGetInt64.
func int64Arg(o *parse.DefElem) (*int64, error) {
	k, ok := o.Arg.(*parse.Const)
	if ok && k.Kind == parse.ConstInteger {
		v := int64(k.Ival)
		return &v, nil
	}
	if ok && k.Kind == parse.ConstFloat {
		v, err := strconv.ParseInt(k.Sval, 10, 64)
		if err == nil {
			return &v, nil
		}
		if ne, isNum := err.(*strconv.NumError); isNum && ne.Err == strconv.ErrRange {
			return nil, pgerr.New(pgerr.NumericValueOutOfRange, "value %q is out of range for type bigint", k.Sval)
		}
		return nil, pgerr.New(pgerr.InvalidTextRepresentation, "invalid input syntax for type bigint: %q", k.Sval)
	}
	return nil, pgerr.New(pgerr.SyntaxError, "%s requires a numeric value", o.Name)
}
