package sema

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

type analyzer struct {
	env                  *Env
	paramTypes, literals []types.Type
	tables               []*catalog.Table
	usesVirtual          bool
}

func newAnalyzer(env *Env) *analyzer { return &analyzer{env: env} }
func (a *analyzer) topQuery(s *parse.SelectStmt) (*Query, error) {
	return nil, pgerr.NotSupported("SELECT")
}
func (a *analyzer) insert(s *parse.InsertStmt, x any) (*DML, error) {
	return nil, pgerr.NotSupported("INSERT")
}
func (a *analyzer) update(s *parse.UpdateStmt, x any) (*DML, error) {
	return nil, pgerr.NotSupported("INSERT")
}
func (a *analyzer) delete(s *parse.DeleteStmt, x any) (*DML, error) {
	return nil, pgerr.NotSupported("INSERT")
}
func (a *analyzer) checkParams() error       { return nil }
func (a *analyzer) positioned(e error) error { return e }
func (a *analyzer) standalone(e parse.Expr, scope ExprScope) (expr.Node, error) {
	return nil, pgerr.NotSupported("INSERT")
}
func (a *analyzer) typeName(t *parse.TypeName) (types.Type, error) {
	return types.Type{}, pgerr.NotSupported("INSERT")
}
