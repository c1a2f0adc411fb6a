package plpgsql

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// statements is exec_stmts. After an error the statement that failed stays the current one, for CONTEXT.
func (x *execution) statements(list []stmt) (signal, error) {
	if len(list) == 0 {
		return goesOn, x.interrupted()
	}
	outer := x.stmt
	for _, s := range list {
		x.stmt = s
		if err := x.interrupted(); err != nil {
			return goesOn, err
		}
		sig, err := x.execute(s)
		if err != nil {
			return goesOn, err
		}
		if sig != goesOn {
			x.stmt = outer
			return sig, nil
		}
	}
	x.stmt = outer
	return goesOn, nil
}

func (x *execution) execute(s stmt) (signal, error) {
	switch s := s.(type) {
	case *assignStmt:
		return goesOn, x.assignExpression(s.target, s.value)
	case *ifStmt:
		return x.ifStatement(s)
	case *sqlStmt:
		return goesOn, x.sqlStatement(s)
	case *rangeStmt:
		return x.rangeLoop(s)
	case *whileStmt:
		return x.whileLoop(s)
	case *loopStmt:
		return x.plainLoop(s)
	case *rowsStmt:
		return x.rowsLoop(s)
	case *eachStmt:
		return x.eachLoop(s)
	case *blockStmt:
		return x.block(s)
	case *caseStmt:
		return x.caseStatement(s)
	case *exitStmt:
		return x.exit(s)
	case *returnStmt:
		return x.returns(s)
	case *returnNextStmt:
		return goesOn, x.returnNext(s)
	case *returnQueryStmt:
		return goesOn, x.returnQuery(s)
	}
	return goesOn, x.executeOther(s)
}

func (x *execution) executeOther(s stmt) error {
	switch s := s.(type) {
	case *raiseStmt:
		return x.raise(s)
	case *performStmt:
		return x.perform(s)
	case *executeStmt:
		return x.dynamic(s)
	case *assertStmt:
		return x.assert(s)
	case *diagnosticsStmt:
		return x.diagnostics(s)
	case *callStmt:
		return x.callProcedure(s)
	case *openStmt:
		return x.open(s)
	case *fetchStmt:
		return x.fetch(s)
	case *closeStmt:
		return x.close(s)
	case *transactionStmt:
		err := x.host.End(s.commit, s.chain)
		x.renew()
		x.host.Eval(&x.eval) // now() is another
		return err
	}
	return pgerr.Internal("plpgsql: statement %T", s)
}

// block is exec_stmt_block.
func (x *execution) block(b *blockStmt) (signal, error) {
	x.phase = "during statement block local variable initialization"
	for _, d := range b.vars {
		x.decl = d
		if err := x.initialise(d); err != nil {
			return goesOn, err
		}
	}
	x.decl = nil
	var sig signal
	var err error
	if b.guarded {
		sig, err = x.guarded(b)
	} else {
		x.phase = ""
		sig, err = x.statements(b.body)
	}
	if err != nil {
		return goesOn, err
	}
	x.phase = ""
	if sig == exits && x.exitLabel != "" && x.exitLabel == b.label {
		x.exitLabel = ""
		return goesOn, nil
	}
	return sig, nil
}

func (x *execution) initialise(d *datum) error {
	if d.init != nil {
		if d.kind == scalarDatum {
			x.vals[d.no] = types.Null
		}
		return x.assignExpression(d, d.init)
	}
	if d.kind == recordDatum {
		return x.moveRow(d, nil, nil)
	}
	x.vals[d.no] = types.Null
	if d.typ.Domain != 0 {
		return x.assign(d, types.Null, types.T(types.UnknownOid))
	}
	return nil
}

// guarded runs a block with handlers, in a subtransaction.
func (x *execution) guarded(b *blockStmt) (signal, error) {
	x.phase = "during statement block entry"
	sub, err := x.host.Begin()
	if err != nil {
		return goesOn, err
	}
	at := x.stmt
	x.phase = ""
	sig, err := x.statements(b.body)
	if err == nil {
		x.phase = "during statement block exit"
		sub.Commit()
		return sig, nil
	}
	caught := pgerr.From(x.host.Failure(err)).Clone()
	caught.WithWhere("%s", x.host.Trace()).EndWhere()
	sub.Rollback()
	x.renew()
	x.decl, x.phase = nil, "during exception cleanup"
	for _, h := range b.handlers {
		if !h.handles(caught) {
			continue
		}
		x.vals[b.state.no], x.vals[b.message.no] = types.NewString(caught.Code), types.NewString(caught.Message)
		if caught.Code == pgerr.QueryCanceled && x.ctx.Err() != nil {
			x.ctx = x.host.Resume()
			x.host.Eval(&x.eval)
		}
		outer := x.handled
		x.handled, x.stmt, x.phase = caught, at, ""
		sig, err := x.statements(h.body)
		x.handled = outer
		return sig, err
	}
	return goesOn, caught
}

// handles is exception_matches_conditions.
func (h *handler) handles(e *pgerr.Error) bool {
	if e.Severity != pgerr.SeverityError {
		return false
	}
	for _, c := range h.conditions {
		switch {
		case c == "":
			if e.Code != pgerr.QueryCanceled && e.Code != pgerr.AssertFailure {
				return true
			}
		case c == e.Code, strings.HasSuffix(c, "000") && c[:2] == e.Code[:2]:
			return true
		}
	}
	return false
}

func (x *execution) ifStatement(s *ifStmt) (signal, error) {
	for i := range s.branches {
		ok, err := x.holds(s.branches[i].cond)
		if err != nil {
			return goesOn, err
		}
		if ok {
			return x.statements(s.branches[i].body)
		}
	}
	return x.statements(s.otherwise)
}

func (x *execution) caseStatement(s *caseStmt) (signal, error) {
	if s.operand != nil {
		d, t, err := x.evaluate(s.operand)
		if err != nil {
			return goesOn, err
		}
		if now, err := x.typeOf(s.variable); err != nil {
			return goesOn, err
		} else if now != t {
			if x.varTypes == nil {
				x.varTypes = map[*datum]types.Type{}
			}
			x.varTypes[s.variable] = t
		}
		x.vals[s.variable.no] = d
	}
	forget := func() {
		if s.variable != nil {
			x.vals[s.variable.no] = types.Null
		}
	}
	for i := range s.branches {
		ok, err := x.holds(s.branches[i].cond)
		if err != nil {
			return goesOn, err
		}
		if ok {
			forget()
			return x.statements(s.branches[i].body)
		}
	}
	forget()
	if !s.hasElse {
		return goesOn, pgerr.New(pgerr.CaseNotFound, "case not found").WithHint("CASE statement is missing ELSE part.")
	}
	return x.statements(s.otherwise)
}

func (x *execution) exit(s *exitStmt) (signal, error) {
	if s.when != nil {
		if ok, err := x.holds(s.when); err != nil || !ok {
			return goesOn, err
		}
	}
	x.exitLabel = s.label
	if s.isExit {
		return exits, nil
	}
	return continues, nil
}

func (x *execution) assert(s *assertStmt) error {
	if !x.env.Asserts {
		return nil
	}
	ok, err := x.holds(s.cond)
	if err != nil || ok {
		return err
	}
	message := "assertion failed"
	if s.message != nil {
		d, t, err := x.evaluate(s.message)
		if err != nil {
			return err
		}
		if !d.IsNull() {
			message = x.text(d, t)
		}
	}
	return &pgerr.Error{Severity: pgerr.SeverityError, Code: pgerr.AssertFailure, Message: message}
}
