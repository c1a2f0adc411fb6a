package session

import (
	"fmt"
	"time"

	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Parse is the Parse message: it analyses and keeps a prepared statement.
func (s *Session) Parse(name, text string, paramOIDs []uint32) error {
	return s.interrupted(s.base, s.parseMessage(name, text, paramOIDs))
}

func (s *Session) parseMessage(name, text string, paramOIDs []uint32) error {
	if name != "" && s.statements[name] != nil {
		return pgerr.New(pgerr.DuplicatePreparedStatement, "prepared statement \"%s\" already exists", name)
	}
	if err := s.admitted(s.base); err != nil {
		return err
	}
	declared := make([]types.Oid, len(paramOIDs))
	for i, o := range paramOIDs {
		declared[i] = types.Oid(o)
	}
	if st := s.node.plans.prepared(s, text, declared); st != nil && !s.tx.failed {
		st.name, st.prepared = name, time.Now()
		s.statements[name] = st
		return nil
	}
	raws, err := parse.Parse(text)
	if err != nil {
		return err
	}
	if len(raws) > 1 {
		return pgerr.New(pgerr.SyntaxError, "cannot insert multiple commands into a prepared statement")
	}
	st := &statement{name: name, text: text, declared: declared}
	if len(raws) == 1 {
		st.raw = raws[0]
		if err := s.admit(st.raw.Stmt); err != nil {
			return err
		}
	}
	if name == "" {
		delete(s.statements, "")
	}
	s.open()
	if err := s.prepare(st); err != nil {
		return err
	}
	st.prepared = time.Now()
	s.statements[name] = st
	return nil
}

func (s *Session) lookupStatement(name string) (*statement, error) {
	if st := s.statements[name]; st != nil {
		return st, nil
	}
	if name == "" {
		return nil, pgerr.New(pgerr.InvalidSqlStatementName, "unnamed prepared statement does not exist")
	}
	return nil, pgerr.New(pgerr.InvalidSqlStatementName, "prepared statement \"%s\" does not exist", name)
}

// DescribeStatement returns a prepared statement's parameter types and result columns (nil: no rows).
func (s *Session) DescribeStatement(name string) ([]types.Oid, []Field, error) {
	oids, fields, err := s.describeStatement(name)
	return oids, fields, s.interrupted(s.base, err)
}

func (s *Session) describeStatement(name string) ([]types.Oid, []Field, error) {
	st, err := s.lookupStatement(name)
	if err != nil {
		return nil, nil, err
	}
	if err := s.admitted(s.base); err != nil {
		return nil, nil, err
	}
	if st.raw.Stmt != nil {
		if err := s.admit(st.raw.Stmt); err != nil && s.returnsRows(st) {
			return nil, nil, err
		}
	}
	if err := s.prepare(st); err != nil {
		return nil, nil, err
	}
	fields, err := s.fields(st, nil)
	if err != nil {
		return nil, nil, err
	}
	st.described = true
	oids := make([]types.Oid, len(st.params))
	for i, p := range st.params {
		oids[i] = p.Oid
	}
	return oids, fields, nil
}

func (s *Session) returnsRows(st *statement) bool { return plannable(st.raw.Stmt) && st.columns != nil }

// Bind is the Bind message: it makes a portal of a prepared statement and parameter values.
func (s *Session) Bind(portalName, stmtName string, paramFormats []int16, params [][]byte, resultFormats []int16) error {
	return s.interrupted(s.base, s.bindMessage(portalName, stmtName, paramFormats, params, resultFormats))
}

func (s *Session) bindMessage(portalName, stmtName string, paramFormats []int16, params [][]byte, resultFormats []int16) error {
	st, err := s.lookupStatement(stmtName)
	if err != nil {
		return err
	}
	if len(paramFormats) > 1 && len(paramFormats) != len(params) {
		return pgerr.New(pgerr.ProtocolViolation, "bind message has %d parameter formats but %d parameters",
			len(paramFormats), len(params))
	}
	if st.raw.Stmt != nil {
		if err := s.admit(st.raw.Stmt); err != nil {
			return err
		}
	}
	if err := s.admitted(s.base); err != nil {
		return err
	}
	if err := s.prepare(st); err != nil {
		return err
	}
	if len(params) != len(st.params) {
		return pgerr.New(pgerr.ProtocolViolation,
			"bind message supplies %d parameters, but prepared statement \"%s\" requires %d", len(params), stmtName, len(st.params))
	}
	if portalName != "" && s.portals[portalName] != nil {
		return pgerr.New(pgerr.DuplicateCursor, "cursor \"%s\" already exists", portalName)
	}
	s.open()
	vals, err := s.parseParams(portalName, st, paramFormats, params)
	if err != nil {
		return err
	}
	p := &portal{name: portalName, st: st, params: vals, formats: append([]int16(nil), resultFormats...), created: time.Now()}
	if p.fields, err = s.fields(st, p.formats); err != nil {
		return err
	}
	s.dropPortal(portalName)
	s.addPortal(portalName, p)
	return nil
}

// parseParams reads the parameters in their formats. Text must be valid UTF-8.
func (s *Session) parseParams(portal string, st *statement, formats []int16, params [][]byte) ([]types.Datum, error) {
	vals := make([]types.Datum, len(params))
	for i, raw := range params {
		if raw == nil {
			continue
		}
		f := int16(0)
		switch len(formats) {
		case 0:
		case 1:
			f = formats[0]
		default:
			f = formats[i]
		}
		var err error
		switch f {
		case 0:
			text := string(raw)
			if err = types.ValidateUTF8(text); err == nil {
				vals[i], err = types.ParseText(st.params[i], text, s.io())
			}
		case 1:
			vals[i], err = types.ParseBinary(st.params[i], append([]byte(nil), raw...), s.io())
		default:
			err = pgerr.New(pgerr.InvalidParameterValue, "unsupported format code: %d", f)
		}
		if err == nil {
			vals[i], err = s.checkDomain(st.params[i], vals[i])
		}
		if err != nil {
			return nil, parameterError(err, portal, i+1, f == 0)
		}
	}
	return vals, nil
}

// parameterError says in the context of an error which parameter could not be read (bind_param_error_callback). Values are not
// shown, as log_parameter_max_length_on_error has it by default.
func parameterError(err error, portal string, number int, text bool) error {
	e, ok := err.(*pgerr.Error)
	if !ok {
		return err
	}
	name, value := "unnamed portal", ""
	if portal != "" {
		name = "portal \"" + portal + "\""
	}
	if text {
		value = " = '...'"
	}
	where := fmt.Sprintf("%s parameter $%d%s", name, number, value)
	if e.Where != "" {
		where = e.Where + "\n" + where
	}
	return e.Clone().WithWhere("%s", where)
}

func (s *Session) lookupPortal(name string) (*portal, error) {
	if p := s.portals[name]; p != nil {
		return p, nil
	}
	return nil, pgerr.New(pgerr.InvalidCursorName, "portal \"%s\" does not exist", name)
}

// DescribePortal returns a portal's result columns with their formats; nil when it returns no rows.
func (s *Session) DescribePortal(name string) ([]Field, error) {
	p, err := s.lookupPortal(name)
	if err != nil {
		return nil, err
	}
	return p.fields, nil
}

// Execute is the Execute message.
func (s *Session) Execute(name string, maxRows int) error {
	p, err := s.lookupPortal(name)
	if err != nil {
		return err
	}
	if p.st.raw.Stmt != nil {
		if err := s.admit(p.st.raw.Stmt); err != nil {
			return err
		}
	}
	s.activity.begin(p.st.text)
	ctx, done := s.statementContext()
	defer done()
	if err := s.admitted(ctx); err != nil {
		return s.interrupted(ctx, err)
	}
	if p.ectx != nil { // resumed: its statement's context ended with the Execute before
		p.ectx.Context, p.ectx.Eval.Context = ctx, ctx
	}
	return s.interrupted(ctx, s.runPortal(ctx, p, max(maxRows, 0), false))
}

// ExtendedError is called when a message of the extended protocol failed: the transaction fails at once.
func (s *Session) ExtendedError() { s.fail() }

// Sync ends an implicit transaction.
func (s *Session) Sync() error {
	defer s.activity.end(s)
	if s.tx.explicit || s.tx.txn == nil {
		return nil
	}
	ctx, done := s.statementContext()
	defer done()
	return s.commit(ctx)
}

// CloseStatement forgets a prepared statement; an unknown name is no error.
func (s *Session) CloseStatement(name string) error {
	delete(s.statements, name)
	return nil
}

// ClosePortal ends a portal; an unknown name is no error.
func (s *Session) ClosePortal(name string) error {
	s.dropPortal(name)
	return nil
}
