package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
	"github.com/pgmqdb/pgmqdb/sql/utility"
)

// rowSource is the result of a utility statement that returns rows.
type rowSource struct {
	fields []Field
	batch  *types.Batch
}

func textRows(names ...string) *rowSource {
	r := &rowSource{}
	ts := make([]types.Type, len(names))
	for i, n := range names {
		ts[i] = types.Type{Oid: types.TextOid, Mod: -1}
		r.fields = append(r.fields, Field{Name: n, Type: ts[i]})
	}
	r.batch = types.NewBatch(ts, 16)
	return r
}

func (r *rowSource) add(vals ...string) {
	row := make([]types.Datum, len(vals))
	for i, v := range vals {
		row[i] = types.NewString(v)
	}
	r.batch.AppendRow(row)
}

// utilityFields describes the rows of a utility statement before it runs.
func (s *Session) utilityFields(st *statement) ([]Field, error) {
	switch u := st.raw.Stmt.(type) {
	case *parse.VariableShowStmt:
		if lower(u.Name) == "all" {
			return textRows("name", "setting", "description").fields, nil
		}
		name, err := s.showName(u.Name)
		if err != nil {
			return nil, err
		}
		return textRows(name).fields, nil
	case *parse.ExplainStmt:
		o, err := parseExplain(u, st.text)
		if err != nil {
			return nil, err
		}
		return o.rows().fields, nil
	case *parse.ExecuteStmt:
		target, err := s.lookupStatement(u.Name)
		if err != nil {
			return nil, err
		}
		if err := s.prepare(target); err != nil {
			return nil, err
		}
		return s.fields(target, nil)
	case *parse.CallStmt:
		c, err := s.analyseCall(st, u)
		if err != nil {
			return nil, err
		}
		return callFields(c), nil
	case *parse.FetchStmt:
		if p := s.portals[u.PortalName]; p != nil && !u.IsMove {
			return p.fields, nil
		}
	}
	return nil, nil
}

// runUtility runs a statement that has no plan.
func (s *Session) runUtility(ctx context.Context, p *portal, maxRows int, describe bool) error {
	if p.done {
		return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "portal \"%s\" cannot be run", p.name)
	}
	tag, rows, err := s.utility(ctx, p, describe)
	if err != nil {
		return err
	}
	p.done = true
	if rows != nil {
		fields := rows.fields
		if err := applyFormats(fields, p.formats); err != nil {
			return err
		}
		if describe {
			s.client.RowDescription(fields)
		}
		if err := s.client.DataRows(fields, rows.batch, s.io()); err != nil {
			return err
		}
	}
	if tag != "" {
		s.complete(tag)
	}
	return nil
}

// utility dispatches a utility statement. An empty tag says that the statement answered the client itself.
func (s *Session) utility(ctx context.Context, p *portal, describe bool) (string, *rowSource, error) {
	switch u := p.st.raw.Stmt.(type) {
	case *parse.TransactionStmt:
		tag, err := s.transactionStmt(ctx, u)
		return tag, nil, err
	case *parse.VariableSetStmt:
		return s.variableSet(u)
	case *parse.VariableShowStmt:
		return s.show(u)
	case *parse.PrepareStmt:
		return "PREPARE", nil, s.prepareStmt(p.st, u)
	case *parse.ExecuteStmt:
		return "", nil, s.executeStmt(ctx, p, u, describe)
	case *parse.DeallocateStmt:
		return s.deallocate(u)
	case *parse.DeclareCursorStmt:
		return "DECLARE CURSOR", nil, s.declareCursor(ctx, p, u)
	case *parse.FetchStmt:
		return "", nil, s.fetch(ctx, p, u, describe)
	case *parse.ClosePortalStmt:
		return s.closeCursor(u)
	case *parse.ExplainStmt:
		rows, err := s.explain(ctx, p.st, u)
		return "EXPLAIN", rows, err
	case *parse.DiscardStmt:
		return s.discard(ctx, u)
	case *parse.ConstraintsSetStmt:
		return "SET CONSTRAINTS", nil, s.setConstraints(ctx, u)
	case *parse.LockStmt:
		return "LOCK TABLE", nil, s.lockStmt(ctx, u)
	case *parse.CopyStmt:
		return "", nil, s.copyStmt(ctx, p.st, u)
	case *parse.CallStmt:
		return s.call(ctx, p, u)
	case *parse.DoStmt:
		s.mayEnd = s.nonAtomic()
		return "DO", nil, s.do(ctx, p.st.text, u)
	case *parse.NotifyStmt:
		return "NOTIFY", nil, s.notifyStmt(u)
	case *parse.ListenStmt:
		s.listenStmt(u.Channel, true)
		return "LISTEN", nil, nil
	case *parse.UnlistenStmt:
		s.listenStmt(u.Channel, false)
		return "UNLISTEN", nil, nil
	case *parse.VacuumStmt:
		return s.vacuum(ctx, u)
	case *parse.CheckPointStmt:
		if !s.snapshot().HasPrivilegesOf(s.role(), catalog.RoleCheckpoint) {
			return "", nil, pgerr.New(pgerr.InsufficientPrivilege, "must be superuser or have privileges of pg_checkpoint to do CHECKPOINT")
		}
		return "CHECKPOINT", nil, s.node.Maintain(ctx)
	}
	return s.definition(ctx, p.st)
}

// definition runs DDL through package utility.
func (s *Session) definition(ctx context.Context, st *statement) (string, *rowSource, error) {
	s.open()
	s.tx.ran = true
	if s.tx.readOnly {
		tag := utility.Tag(st.raw.Stmt)
		return "", nil, pgerr.New(pgerr.ReadOnlySqlTransaction, "cannot execute %s in a read-only transaction", tag)
	}
	if !utility.Handles(st.raw.Stmt) {
		return "", nil, pgerr.NotSupported(fmt.Sprintf("this statement (%T)", st.raw.Stmt))
	}
	s.tx.txn.StartStatement()
	tag, err := utility.Execute(ctx, s.utilityEnv(ctx, st), st.raw.Stmt)
	if _, ok := st.raw.Stmt.(*parse.TruncateStmt); ok && err == nil {
		err = s.tx.fk.Flush(ctx)
	}
	return tag, nil, err
}

func (s *Session) vacuum(ctx context.Context, u *parse.VacuumStmt) (string, *rowSource, error) {
	tables := []*catalog.Table{}
	for _, r := range u.Rels {
		if len(r.Columns) > 0 && u.IsVacuum && !analyzes(u) {
			return "", nil, pgerr.New(pgerr.FeatureNotSupported, "ANALYZE option must be specified when a column list is provided")
		}
	}
	for _, r := range u.Rels {
		t, err := s.mayVacuum(r.Relation, u.IsVacuum)
		if err != nil {
			return "", nil, err
		}
		if t == nil {
			continue
		}
		if err := analyzedColumns(t, r.Columns); err != nil {
			return "", nil, err
		}
		tables = append(tables, t)
	}
	if len(u.Rels) == 0 {
		snap := s.snapshot()
		snap.Tables(func(t *catalog.Table) bool {
			if s.ownsForVacuum(snap, t.Owner) {
				tables = append(tables, t)
			}
			return true
		})
	}
	target := s.settings.StatisticsTarget
	if !u.IsVacuum {
		return "ANALYZE", nil, s.node.System.Analyze(ctx, tables, target)
	}
	if err := s.forbidBlock("VACUUM"); err != nil {
		return "", nil, err
	}
	if err := s.node.Maintain(ctx); err != nil {
		return "", nil, err
	}
	return "VACUUM", nil, s.node.System.Analyze(ctx, tables, target)
}

// analyzes reports whether a VACUUM is to collect statistics too, as the text says it.
func analyzes(u *parse.VacuumStmt) bool {
	on := false
	for _, o := range u.Options {
		if o.Name == "analyze" {
			c, written := o.Arg.(*parse.Const)
			on = !written || !slices.Contains([]string{"0", "off", "false", "no"}, strings.ToLower(constText(c)))
		}
	}
	return on
}

// analyzedColumns judges the columns that ANALYZE names; the statistics are of all.
func analyzedColumns(t *catalog.Table, names []string) error {
	for i, n := range names {
		if t.ColumnByName(n) == nil {
			return pgerr.New(pgerr.UndefinedColumn, "column %q of relation %q does not exist", n, t.Name)
		}
		if slices.Contains(names[:i], n) {
			return pgerr.New(pgerr.DuplicateColumn, "column %q of relation %q appears more than once", n, t.Name)
		}
	}
	return nil
}

// ownsForVacuum reports whether the session's role has what VACUUM and ANALYZE want of a relation's owner.
func (s *Session) ownsForVacuum(snap *catalog.Snapshot, owner catalog.Oid) bool {
	d := snap.CurrentDatabase()
	return snap.HasPrivilegesOf(s.role(), owner) || d != nil && snap.HasPrivilegesOf(s.role(), d.Owner)
}

// mayVacuum returns the table of VACUUM or ANALYZE. It warns of a relation that is passed over, for which it returns nil: one
// that is no table, or another's.
func (s *Session) mayVacuum(r *parse.RangeVar, vacuum bool) (*catalog.Table, error) {
	if r == nil {
		return nil, nil
	}
	snap := s.snapshot()
	if err := snap.CheckSchemaUsage(r.Schema, s.role()); err != nil {
		return nil, err
	}
	rel, ok := snap.LookupRelation(s.searchPath(), r.Schema, r.Name)
	if !ok {
		return nil, pgerr.New(pgerr.UndefinedTable, "relation \"%s\" does not exist", r.String())
	}
	verb := "analyze"
	if vacuum {
		verb = "vacuum"
	}
	switch {
	case !s.ownsForVacuum(snap, rel.Owner()):
		s.notice(pgerr.NewWarning(pgerr.Warning, "skipping \"%s\" --- only table or database owner can %s it", rel.Name(), verb))
	case rel.Kind != catalog.KindTable && rel.Kind != catalog.KindMatView:
		s.notice(pgerr.NewWarning(pgerr.Warning, "skipping \"%s\" --- cannot %s non-tables or special system tables", rel.Name(), verb))
	default:
		return rel.Table, nil
	}
	return nil, nil
}

// relation finds a table by name, or answers 42P01.
func (s *Session) relation(r *parse.RangeVar) (*catalog.Table, error) {
	snap := s.snapshot()
	if r.Schema != "" && snap.SchemaNamed(s.searchPath(), r.Schema) == nil {
		return nil, pgerr.New(pgerr.UndefinedTable, "relation \"%s\" does not exist", r.String())
	}
	if err := snap.CheckSchemaUsage(r.Schema, s.role()); err != nil {
		return nil, err
	}
	rel, ok := snap.LookupRelation(s.searchPath(), r.Schema, r.Name)
	if !ok {
		return nil, pgerr.New(pgerr.UndefinedTable, "relation \"%s\" does not exist", r.String())
	}
	if rel.Table == nil || rel.Kind == catalog.KindMatView {
		return nil, pgerr.New(pgerr.WrongObjectType, "\"%s\" is not a table", r.Name)
	}
	return rel.Table, nil
}

func (s *Session) lockStmt(ctx context.Context, u *parse.LockStmt) error {
	if err := s.requireBlock("LOCK TABLE"); err != nil {
		return err
	}
	s.open()
	for _, r := range u.Relations {
		t, err := s.relation(r)
		if err != nil {
			return err
		}
		if err := s.mayLock(t, ddl.LockMode(u.Mode)); err != nil {
			return err
		}
		s.tx.usesTemp = s.tx.usesTemp || t.Persistence == catalog.Temporary
		if err := s.lockTable(ctx, t.OID, ddl.LockMode(u.Mode), u.Nowait); err != nil {
			if pgerr.HasCode(err, pgerr.LockNotAvailable) && u.Nowait {
				return pgerr.New(pgerr.LockNotAvailable, "could not obtain lock on relation \"%s\"", t.Name)
			}
			return err
		}
	}
	return nil
}

// mayLock is LockTableAclCheck: whoever may do what a lock goes with may take it.
func (s *Session) mayLock(t *catalog.Table, mode ddl.LockMode) error {
	any := catalog.PrivUpdate | catalog.PrivDelete | catalog.PrivTruncate
	switch mode {
	case ddl.AccessShareLock:
		any = catalog.PrivSelect
	case ddl.RowExclusiveLock:
		any |= catalog.PrivInsert
	}
	have, _ := s.snapshot().RelationPrivileges(catalog.Relation{Kind: catalog.KindTable, Table: t}, s.role())
	if have&any == 0 {
		return catalog.DeniedError("table", t.Name)
	}
	return nil
}

func (s *Session) setConstraints(ctx context.Context, u *parse.ConstraintsSetStmt) error {
	if !s.tx.explicit {
		s.notice(pgerr.NewWarning(pgerr.NoActiveSqlTransaction, "SET CONSTRAINTS can only be used in transaction blocks"))
	}
	s.open()
	snap := s.snapshot()
	var oids []catalog.Oid
	for _, r := range u.Constraints {
		found, err := findConstraints(snap, s.searchPath(), s.role(), r)
		if err != nil {
			return err
		}
		oids = append(oids, withCopies(snap, found)...)
	}
	s.tx.txn.StartStatement()
	s.useRunner(ctx)
	return s.tx.fk.SetConstraints(ctx, oids, u.Deferred)
}

// withCopies adds to constraints those that belong to them: of partitions, and for partitions.
func withCopies(snap *catalog.Snapshot, oids []catalog.Oid) []catalog.Oid {
	for i := 0; i < len(oids); i++ {
		t, k := snap.Constraint(oids[i])
		if k == nil {
			continue
		}
		for _, at := range append([]catalog.Oid{t.OID}, t.Children...) {
			for _, c := range snap.Table(at).Constraints {
				if c.Parent == k.OID && !slices.Contains(oids, c.OID) {
					oids = append(oids, c.OID)
				}
			}
		}
	}
	return oids
}

// findConstraints finds the deferrable constraints of a name, in the first schema of the path that has one.
func findConstraints(snap *catalog.Snapshot, path []string, role catalog.Oid, r *parse.RangeVar) ([]catalog.Oid, error) {
	if r.Schema != "" {
		path = []string{catalog.BindSchema(path, r.Schema)}
		if err := snap.CheckSchemaUsage(r.Schema, role); err != nil {
			return nil, err
		}
		if snap.SchemaByName(path[0]) == nil {
			return nil, pgerr.New(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", r.Schema)
		}
	}
	for _, schema := range path {
		sc := snap.SchemaByName(schema)
		if sc == nil {
			continue
		}
		var oids []catalog.Oid
		var refused error
		snap.Tables(func(t *catalog.Table) bool {
			if t.SchemaID != sc.OID {
				return true
			}
			for _, c := range t.Constraints {
				if c.Name != r.Name {
					continue
				}
				if !c.Deferrable {
					refused = pgerr.New(pgerr.WrongObjectType, "constraint \"%s\" is not deferrable", c.Name)
				}
				oids = append(oids, c.OID)
			}
			for i := range t.Triggers {
				g := &t.Triggers[i]
				if g.Constraint == 0 || g.Name != r.Name {
					continue
				}
				if !g.Deferrable {
					refused = pgerr.New(pgerr.WrongObjectType, "constraint \"%s\" is not deferrable", g.Name)
				}
				oids = append(oids, g.Constraint)
			}
			return true
		})
		if refused != nil {
			return nil, refused
		}
		if len(oids) > 0 {
			return oids, nil
		}
	}
	return nil, pgerr.New(pgerr.UndefinedObject, "constraint \"%s\" does not exist", r.String())
}

func (s *Session) constraintWork(t *catalog.Table, kind sema.DMLKind, cols []catalog.AttNum) []string {
	return explainConstraints(s.node.programsFor(s.snapshot()).Of(t.OID), kind, cols)
}

func (s *Session) discard(ctx context.Context, u *parse.DiscardStmt) (string, *rowSource, error) {
	switch u.Target {
	case parse.DiscardAll:
		if err := s.forbidBlock("DISCARD ALL"); err != nil {
			return "", nil, err
		}
		s.closePortals()
		s.unlistenAll()
		s.statements = map[string]*statement{}
		s.seqs = sequenceState{}
		s.node.Advisory.ReleaseAll(s.owner)
		s.advisory = false
		if err := s.setRole("session_authorization", nil, false); err != nil {
			return "", nil, err
		}
		s.adopt(s.settings.resetAll())
		return "DISCARD ALL", nil, s.discardTemp(ctx)
	case parse.DiscardPlans:
		for _, st := range s.statements {
			st.plan = nil
		}
		s.pl.epoch++
		s.pl.env.env = nil
		return "DISCARD PLANS", nil, nil
	case parse.DiscardSequences:
		s.seqs = sequenceState{}
		return "DISCARD SEQUENCES", nil, nil
	}
	return "DISCARD TEMP", nil, s.discardTemp(ctx)
}

func (s *Session) deallocate(u *parse.DeallocateStmt) (string, *rowSource, error) {
	if u.Name == "" {
		s.statements = map[string]*statement{}
		return "DEALLOCATE ALL", nil, nil
	}
	if s.statements[u.Name] == nil {
		return "", nil, pgerr.New(pgerr.InvalidSqlStatementName, "prepared statement \"%s\" does not exist", u.Name)
	}
	delete(s.statements, u.Name)
	return "DEALLOCATE", nil, nil
}

// variableSet runs SET and RESET.
func (s *Session) variableSet(u *parse.VariableSetStmt) (string, *rowSource, error) {
	tag := "SET"
	name := lower(u.Name)
	switch u.Kind {
	case parse.VarResetAll:
		s.adopt(s.settings.resetAll())
		return "RESET", nil, nil
	case parse.VarSetMulti:
		return tag, nil, s.setMulti(u)
	case parse.VarReset, parse.VarSetDefault:
		if u.Kind == parse.VarReset {
			tag = "RESET"
		}
		switch {
		case isRoleSetting(name):
			return tag, nil, s.setRole(name, nil, u.IsLocal)
		case name == "transaction_isolation" || name == "transaction_read_only" || name == "transaction_deferrable":
			v, _, _ := s.settings.raw("default_" + name)
			return tag, nil, s.setTransaction(name, v)
		}
		return tag, nil, s.set(u.Name, nil, u.IsLocal)
	case parse.VarSetValue:
	default:
		return "", nil, pgerr.NotSupported("SET FROM CURRENT")
	}
	if u.IsLocal && !s.tx.explicit {
		s.notice(pgerr.NewWarning(pgerr.NoActiveSqlTransaction, "SET LOCAL can only be used in transaction blocks"))
		return tag, nil, nil
	}
	value, err := setValue(name, u.Args)
	if err != nil {
		return "", nil, err
	}
	switch name {
	case "transaction_isolation", "transaction_read_only", "transaction_deferrable":
		v, err := settingTable[name].check(value, "")
		if err != nil {
			return "", nil, err
		}
		return tag, nil, s.setTransaction(name, v)
	case "role", "session_authorization":
		return tag, nil, s.setRole(name, &value, u.IsLocal)
	}
	return tag, nil, s.set(u.Name, &value, u.IsLocal)
}

// setValue joins SET's arguments as PostgreSQL's flatten_set_variable_args does: identifiers of a list setting are quoted.
func setValue(name string, args []parse.Expr) (string, error) {
	if len(args) > 1 && name != "search_path" && name != "datestyle" && !isPLChecks(name) {
		return "", pgerr.New(pgerr.InvalidParameterValue, "SET %s takes only one argument", name)
	}
	var parts []string
	for _, a := range args {
		switch v := a.(type) {
		case *parse.Const:
			text := constText(v)
			if name == "search_path" && v.Kind == parse.ConstString {
				text = catalog.QuoteIdent(text)
			}
			parts = append(parts, text)
		case *parse.TypeCast: // SET TIME ZONE INTERVAL '+02:00'
			c, ok := v.Arg.(*parse.Const)
			if !ok {
				return "", pgerr.NotSupported("SET with an expression")
			}
			parts = append(parts, constText(c))
		default:
			return "", pgerr.NotSupported("SET with an expression")
		}
	}
	return strings.Join(parts, ", "), nil
}

// setMulti is SET TRANSACTION and SET SESSION CHARACTERISTICS.
func (s *Session) setMulti(u *parse.VariableSetStmt) error {
	switch u.Name {
	case "TRANSACTION":
		if !s.tx.explicit {
			s.notice(pgerr.NewWarning(pgerr.NoActiveSqlTransaction, "SET TRANSACTION can only be used in transaction blocks"))
			return nil
		}
		return s.transactionOptions(u.Options)
	case "SESSION CHARACTERISTICS":
		for _, o := range u.Options {
			c, ok := o.Arg.(*parse.Const)
			if !ok {
				return pgerr.Internal("option %s has no value", o.Name)
			}
			value := constText(c)
			if o.Name != "transaction_isolation" {
				value = onOff(value != "0")
			}
			if err := s.set("default_"+o.Name, &value, false); err != nil {
				return err
			}
		}
		return nil
	}
	return pgerr.NotSupported("SET " + u.Name)
}

func (s *Session) showName(name string) (string, error) {
	if d := settingTable[lower(name)]; d != nil {
		return d.name, nil
	}
	if _, ok := s.settings.Get(name); ok {
		return name, nil
	}
	return "", pgerr.New(pgerr.UndefinedObject, "unrecognized configuration parameter \"%s\"", name)
}

// showSetting returns a setting as SHOW prints it; those of the open transaction come from it.
func (s *Session) showSetting(name string) (string, bool) {
	switch lower(name) {
	case "transaction_isolation":
		if s.tx.txn != nil && (s.tx.explicit || s.tx.ran || s.nesting > 0) {
			switch s.tx.txn.Options().Isolation {
			case 1:
				return "repeatable read", true
			case 2:
				return "serializable", true
			}
			if s.tx.uncommitted {
				return "read uncommitted", true
			}
			return "read committed", true
		}
		return s.settings.Get("default_transaction_isolation")
	case "transaction_read_only":
		if s.tx.txn != nil {
			return onOff(s.tx.readOnly), true
		}
		return s.settings.Get("default_transaction_read_only")
	case "transaction_deferrable":
		if s.tx.txn != nil {
			return onOff(s.tx.txn.Options().Deferrable), true
		}
		return s.settings.Get("default_transaction_deferrable")
	case "role", "session_authorization", "is_superuser":
		return s.shown(lower(name), ""), true
	}
	return s.settings.Get(name)
}

func (s *Session) show(u *parse.VariableShowStmt) (string, *rowSource, error) {
	if lower(u.Name) == "all" {
		out := textRows("name", "setting", "description")
		for _, r := range s.listedSettings() {
			if hiddenSetting(lower(r.name)) {
				continue
			}
			v, _ := s.showSetting(r.name)
			out.add(r.name, v, r.short)
		}
		return "SHOW", out, nil
	}
	name, err := s.showName(u.Name)
	if err != nil {
		return "", nil, err
	}
	v, _ := s.showSetting(u.Name)
	out := textRows(name)
	out.add(v)
	return "SHOW", out, nil
}

// prepareStmt is PREPARE.
func (s *Session) prepareStmt(outer *statement, u *parse.PrepareStmt) error {
	if s.statements[u.Name] != nil {
		return pgerr.New(pgerr.DuplicatePreparedStatement, "prepared statement \"%s\" already exists", u.Name)
	}
	if !plannable(u.Query) {
		return pgerr.New(pgerr.InvalidPreparedStatementDefinition, "utility statements cannot be prepared")
	}
	declared := make([]types.Oid, len(u.ArgTypes))
	for i, t := range u.ArgTypes {
		typ, err := s.resolveType(t, outer.text)
		if err != nil {
			return err
		}
		declared[i] = typ.Declared()
	}
	st := newStatement(u.Name, parse.RawStmt{Stmt: u.Query, Text: u.QueryText}, outer.text, declared)
	s.open()
	if err := s.prepare(st); err != nil {
		return err
	}
	st.described = true // by its declaration: the columns must not change
	st.prepared, st.fromSQL = time.Now(), true
	s.statements[u.Name] = st
	return nil
}

// executeStmt is EXECUTE.
func (s *Session) executeStmt(ctx context.Context, p *portal, u *parse.ExecuteStmt, describe bool) error {
	st, vals, err := s.executed(ctx, p.st, u)
	if err != nil {
		return err
	}
	inner := &portal{st: st, params: vals, formats: p.formats}
	return s.runPortal(ctx, inner, 0, describe)
}

// executeParams evaluates the arguments of EXECUTE, whose text is given.
func (s *Session) executeParams(ctx context.Context, text string, u *parse.ExecuteStmt, st *statement) ([]types.Datum, error) {
	if err := s.prepare(st); err != nil {
		return nil, err
	}
	if len(u.Params) != len(st.params) {
		return nil, pgerr.New(pgerr.SyntaxError, "wrong number of parameters for prepared statement \"%s\"", u.Name).
			WithDetail("Expected %d parameters but got %d.", len(st.params), len(u.Params))
	}
	return s.evalParams(ctx, text, u.Params, st.params)
}

// executed finds the statement that EXECUTE names and its parameters.
func (s *Session) executed(ctx context.Context, outer *statement, u *parse.ExecuteStmt) (*statement, []types.Datum, error) {
	st, err := s.lookupStatement(u.Name)
	if err != nil {
		return nil, nil, err
	}
	s.open()
	vals, err := s.executeParams(ctx, outer.text, u, st)
	return st, vals, err
}

var errNoCursor = func(name string) error {
	return pgerr.New(pgerr.InvalidCursorName, "cursor \"%s\" does not exist", name)
}

func fetchTag(move bool, n int64) string {
	if move {
		return fmt.Sprintf("MOVE %d", n)
	}
	return fmt.Sprintf("FETCH %d", n)
}
