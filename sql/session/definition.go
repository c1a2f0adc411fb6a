package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/fk"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
	"github.com/pgmqdb/pgmqdb/sql/utility"
)

// statementBackend is the ddl.Backend of a transaction: each of its statements brings its own execution.
type statementBackend struct{ *exec.Backend }

// utilityEnv is what a DDL statement runs in; it opens the transaction's DDL side at the first one.
func (s *Session) utilityEnv(ctx context.Context, st *statement) *utility.Env {
	if s.tx.ddl == nil {
		s.tx.backend = &statementBackend{}
		cfg := s.node.DDL
		cfg.Backend, cfg.Exprs, cfg.Notice = s.tx.backend, utility.Expressions{}, s.notice
		cfg.SearchPath = s.searchPath
		cfg.User, cfg.SessionUser = s.role, s.sessionRole
		cfg.Temp = &s.temp.ddl
		cfg.Database = s.database
		s.tx.ddl = ddl.Begin(cfg, s.tx.txn)
	}
	ectx := s.execContext(ctx, nil)
	s.useRunnerWith(ectx)
	s.tx.backend.Backend = exec.NewBackend(ectx, s.node.Groups, s.lockTable)
	s.tx.backend.Sequence = func(q *catalog.Sequence) (int64, error) {
		last, _, err := s.sequenceValue(q)
		return last, err
	}
	s.tx.backend.SequenceCopy = s.copySequence
	return &utility.Env{
		DDL: s.tx.ddl, Text: st.text, SearchPath: s.searchPath(), Virtual: s.node.System, IOEnv: s.io(),
		Eval: ectx.Eval, Backend: s.tx.backend, Notice: s.notice, User: s.roleName(s.role()), SessionUser: s.roleName(s.sessionRole()),
		InTransactionBlock: s.tx.explicit, HashPassword: hashPassword,
		InsertQuery: func(ctx context.Context, q parse.Statement, into *catalog.Table) (int64, error) {
			return s.insertQuery(ctx, q, st, into)
		},
		ExecuteColumns: s.executeColumns, Refill: s.refill,
		Truncating: func(t *catalog.Table, before bool) error { return s.truncating(ectx, t, before) },
		Alone:      s.alone, CheckSetting: s.checkSetting, CheckBodies: s.checksBodies(),
		CheckFunction: func(_ context.Context, f *catalog.Function) error { return s.checkPLpgSQL(f) }, Variables: st.variables,
	}
}

// scramIterations is PostgreSQL's scram_iterations.
const scramIterations = 4096

// hashPassword makes the SCRAM-SHA-256 verifier that is stored of a password.
func hashPassword(role, password string) (string, error) {
	if strings.HasPrefix(password, "SCRAM-SHA-256$") {
		return password, nil
	}
	client, err := scram.SHA256.NewClient("", password, "")
	if err != nil {
		return "", pgerr.New(pgerr.InvalidPassword, "password of role \"%s\" cannot be used: %s", role, err.Error())
	}
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	creds, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(salt), Iters: scramIterations})
	if err != nil {
		return "", err
	}
	b64 := base64.StdEncoding.EncodeToString
	return "SCRAM-SHA-256$" + strconv.Itoa(scramIterations) + ":" + b64(salt) + "$" + b64(creds.StoredKey) + ":" + b64(creds.ServerKey), nil
}

// silent is the Client of a session that the server runs for itself.
type silent struct{ Client }

func (silent) Notified()                                          {}
func (silent) Notice(*pgerr.Error)                                {}
func (silent) ParameterStatus(string, string)                     {}
func (silent) CommandComplete(string)                             {}
func (silent) EmptyQueryResponse()                                {}
func (silent) RowDescription([]Field)                             {}
func (silent) DataRows([]Field, *types.Batch, *types.IOEnv) error { return nil }

// SetPassword gives a role a password, as ALTER ROLE does.
func SetPassword(ctx context.Context, n *Node, role, password string) error {
	s, err := New(n, silent{}, Startup{User: role, Database: n.anyDatabase()})
	if err != nil {
		return err
	}
	defer s.Close()
	return s.SimpleQuery("ALTER ROLE " + catalog.QuoteIdent(role) + " PASSWORD " + parse.QuoteLiteral(password))
}

func (s *Session) newRunner(store fk.Store, programs *fk.Programs) *fk.Runner {
	r := fk.NewRunner(store, programs)
	r.Replica = s.replica
	return r
}

// replica reports whether session_replication_role is replica.
func (s *Session) replica() bool {
	role, _, _ := s.settings.raw("session_replication_role")
	return role == "replica"
}

// resolveType finds a type by its name in PREPARE.
func (s *Session) resolveType(t *parse.TypeName, text string) (types.Type, error) {
	return sema.ResolveType(t, s.semaEnv(s.snapshot(), text))
}

// evalParams evaluates EXECUTE's arguments, cast to the parameters' types by assignment.
func (s *Session) evalParams(ctx context.Context, text string, args []parse.Expr, want []types.Type) ([]types.Datum, error) {
	env := s.semaEnv(s.snapshot(), text)
	ectx := s.execContext(ctx, nil)
	vals := make([]types.Datum, len(args))
	for i, a := range args {
		n, err := sema.AnalyzeExpr(a, sema.ExprScope{Kind: sema.ExecuteExpr, Type: want[i], Param: i + 1}, env)
		if err != nil {
			return nil, err
		}
		c, err := expr.Compile(n, nil)
		if err != nil {
			return nil, err
		}
		if vals[i], err = c.EvalRow(ectx.Eval, nil); err != nil {
			return nil, err
		}
	}
	return vals, nil
}

// startAnalyzed opens a portal that collects what its nodes do.
func (s *Session) startAnalyzed(ctx context.Context, p *portal) error {
	p.analyze = true
	return s.openPlan(ctx, p)
}

// explainConstraints lists the constraint work of a write, for EXPLAIN.
func explainConstraints(p *fk.Program, write sema.DMLKind, cols []catalog.AttNum) []string {
	var out []string
	changes := func(all []int) bool {
		for _, c := range all {
			for _, n := range cols {
				if int(n)-1 == c {
					return true
				}
			}
		}
		return false
	}
	if write != sema.Delete {
		for _, k := range p.Checks {
			if write == sema.Insert || changes(k.ChildCols) {
				out = append(out, "Foreign Key Check: "+k.Constraint.Name+" on "+k.Parent.Name)
			}
		}
	}
	names := map[catalog.Action]string{catalog.NoAction: "No Action", catalog.Restrict: "Restrict", catalog.Cascade: "Cascade",
		catalog.SetNull: "Set Null", catalog.SetDefault: "Set Default"}
	for _, k := range p.Actions {
		switch {
		case write == sema.Delete:
			out = append(out, names[k.Constraint.FK.OnDelete]+": "+k.Constraint.Name+" on "+k.Child.Name)
		case write == sema.Update && changes(k.ParentCols):
			out = append(out, names[k.Constraint.FK.OnUpdate]+": "+k.Constraint.Name+" on "+k.Child.Name)
		}
	}
	return out
}
