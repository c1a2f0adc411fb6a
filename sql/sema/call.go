package sema

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Call is a CALL with its meaning.
type Call struct {
	Def *expr.UserDef
	// Args are the values of the input arguments.
	Args []expr.Node
	// Outputs are what is written in the place of the output arguments, and their names.
	Outputs     []expr.Node
	OutputNames []string
	// Columns are the output arguments: the row that the client gets; nil for none.
	Columns []expr.RecordColumn
	Params  []types.Type
}

// AnalyzeCall gives CALL its meaning.
func AnalyzeCall(stmt *parse.CallStmt, env *Env) (*Call, error) {
	a := newAnalyzer(env)
	a.calling = true
	c, err := a.call(stmt.Call)
	if err == nil {
		err = a.checkParams()
	}
	if err != nil {
		return nil, a.positioned(err)
	}
	c.Params = a.paramTypes
	if env.Variables != nil {
		c.Params = env.Variables.Types()
	}
	return c, nil
}

func (a *analyzer) call(f *parse.FuncCall) (*Call, error) {
	s := a.newScope(nil)
	s.clause = inCall
	args, names, err := s.callArgs(f)
	if err != nil {
		return nil, err
	}
	lookup, _ := builtin(f.Name)
	r, err := expr.LookupFunction(lookup, oidsOf(args), names, f.FuncVariadic, s.userNames(f.Name))
	switch {
	case err != nil:
		return nil, s.at(f.Loc(), err)
	case r == nil:
		return nil, s.noProcedure(f, args, names)
	}
	def := userDef(r)
	if def == nil || !def.Procedure {
		return nil, s.at(f.Loc(), pgerr.New(pgerr.WrongObjectType, "%s is not a procedure", expr.Signature(f.Name.String(), oidsOf(args))).
			WithHint("To call a function, use SELECT."))
	}
	if args, err = s.arrange(r, args, f.Loc()); err != nil {
		return nil, err
	}
	n, err := s.userCall(f, r, def, args, names)
	if err != nil {
		return nil, err
	}
	fn := a.env.Catalog.Function(def.Oid)
	call := n.(*expr.Func)
	c := &Call{Def: Definition(fn, a.env.Catalog)}
	i := 0
	for k := range fn.Args {
		if fn.Args[k].Mode.Output() && i < len(call.Args) {
			c.Outputs, c.OutputNames = append(c.Outputs, call.Args[i]), append(c.OutputNames, fn.Args[k].Name)
		}
		switch m := fn.Args[k].Mode; {
		case m.Input():
			c.Args = append(c.Args, call.Args[i])
			i++
		case m == catalog.ArgOut:
			i++
		}
	}
	if c.Def.Columns != nil {
		c.Columns = recordOf(c.Def, c.Args)
	}
	return c, nil
}

// noProcedure is the error for a CALL that nothing matches.
func (s *scope) noProcedure(f *parse.FuncCall, args []expr.Node, names []string) error {
	err := pgerr.From(s.noFunction(f, f.Name.String(), args, names)).Clone()
	if err.Code == pgerr.UndefinedFunction {
		err.Message = "procedure" + err.Message[len("function"):]
		err.Hint = "No procedure matches the given name and argument types. You might need to add explicit type casts."
	}
	return err
}
