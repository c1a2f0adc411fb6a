package utility

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// tableBuilder folds the elements of CREATE TABLE, or of one ADD COLUMN, into a spec: PostgreSQL's transformCreateStmt.
type tableBuilder struct {
	*Env
	name string
	spec *ddl.TableSpec
	// columns are the parsed definitions beside spec.Columns; nil for those from LIKE.
	columns []*parse.ColumnDef
	// checks are analysed once all columns are known; the slot in spec.Constraints is reserved.
	checks     []pendingCheck
	exclusions []pendingCheck
	generated  []pendingGenerated // likewise
	// alter is the table of ADD COLUMN; new constraints are then as ALTER TABLE's.
	alter *catalog.Table
	// inherited are the columns that the table will have from its parents.
	inherited []*catalog.Column
	partSpec  *parse.PartitionSpec // waits for the columns
}

type pendingGenerated struct {
	column int // of spec.Columns
	con    *parse.Constraint
}

type pendingCheck struct {
	slot int
	con  *parse.Constraint
}

func (e *Env) createTable(ctx context.Context, s *parse.CreateStmt) error {
	// PostgreSQL looks for the right to create a table before it looks at the table.
	name := e.name(s.Relation)
	if name.Schema == "" && s.Relation.Persistence == parse.Temporary {
		name.Schema = catalog.TempAlias
	}
	if err := e.DDL.MayCreate(ctx, name); err != nil {
		return err
	}
	spec, err := e.tableSpec(s)
	if err != nil {
		return err
	}
	_, err = e.DDL.CreateTable(ctx, spec)
	return err
}

func (e *Env) tableSpec(s *parse.CreateStmt) (*ddl.TableSpec, error) {
	if s.PartSpec != nil && len(s.InhRelations) > 0 && s.Bound == nil {
		return nil, pgerr.New(pgerr.InvalidObjectDefinition, "cannot create partitioned table as inheritance child")
	}
	if err := e.refuseTable(s); err != nil {
		return nil, err
	}
	b := &tableBuilder{Env: e, name: s.Relation.Name, spec: &ddl.TableSpec{
		Schema: s.Relation.Schema, Name: s.Relation.Name, IfNotExists: s.IfNotExists, Pos: e.pos(s.Relation.Loc()),
		Persistence: persistence(s.Relation), OnCommit: onCommit(s.OnCommit), HasOnCommit: s.OnCommit != parse.OnCommitNoop,
	}}
	if err := b.inherit(s.InhRelations); err != nil {
		return nil, err
	}
	if err := b.partitioning(s.PartSpec); err != nil {
		return nil, err
	}
	if err := b.partitionOf(s); err != nil {
		return nil, err
	}
	if err := b.ofType(s); err != nil {
		return nil, err
	}
	for _, elt := range s.TableElts {
		var err error
		switch elt := elt.(type) {
		case *parse.ColumnDef:
			if s.OfType == nil {
				err = b.column(elt)
			}
		case *parse.Constraint:
			err = b.tableConstraint(elt)
		case *parse.TableLikeClause:
			err = b.like(elt)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := b.finish(); err != nil {
		return nil, err
	}
	return b.spec, e.tableOptions(b.spec, s.Options)
}

func (e *Env) refuseTable(s *parse.CreateStmt) error {
	return refuseStorage(s.TableSpaceName, s.AccessMethod)
}

// storageParameters are PostgreSQL's that tune what this storage does not have; they are kept, and mean nothing.
var storageParameters = map[string]bool{
	"fillfactor": true, "parallel_workers": true, "toast_tuple_target": true, "user_catalog_table": true,
	"vacuum_index_cleanup": true, "vacuum_truncate": true, "log_autovacuum_min_duration": true, "oids": true,
}

func (e *Env) tableOptions(spec *ddl.TableSpec, opts []*parse.DefElem) error {
	for _, o := range opts {
		value := argText(o.Arg)
		switch {
		case o.Name == "distribution_key":
			for _, c := range strings.Split(value, ",") {
				spec.DistributionKey = append(spec.DistributionKey, strings.Trim(strings.TrimSpace(c), `"`))
			}
		case o.Namespace == "toast" || storageParameters[o.Name] || strings.HasPrefix(o.Name, "autovacuum_"):
		default:
			return pgerr.New(pgerr.InvalidParameterValue, "unrecognized parameter %q", o.Name)
		}
		spec.Options = append(spec.Options, o.Name+"="+value)
	}
	return nil
}

// argText prints an option's value.
func argText(a parse.DefArg) string {
	switch a := a.(type) {
	case parse.NameArg:
		return string(a)
	case parse.NameListArg:
		return strings.Join(a, ".")
	case *parse.TypeName:
		return a.Names.Last()
	case *parse.Const:
		switch a.Kind {
		case parse.ConstInteger:
			return strconv.Itoa(int(a.Ival))
		case parse.ConstBool:
			return strconv.FormatBool(a.Bval)
		}
		return a.Sval
	}
	return ""
}

// serialTypes are the pseudo-types of transformColumnDefinition.
var serialTypes = map[string]types.Oid{
	"smallserial": types.Int2Oid, "serial2": types.Int2Oid, "serial": types.Int4Oid, "serial4": types.Int4Oid,
	"bigserial": types.Int8Oid, "serial8": types.Int8Oid,
}

// column adds a column definition with its constraints.
func (b *tableBuilder) column(c *parse.ColumnDef) error {
	spec := ddl.ColumnSpec{Name: c.Name, Pos: b.pos(c.Loc())}
	if c.Compression != "" || c.StorageName != "" {
		return pgerr.NotSupported("column storage options")
	}
	serial := false
	if c.Type == nil { // options of a partition's column
		at := slices.IndexFunc(b.inherited, func(k *catalog.Column) bool { return k.Name == c.Name })
		if at < 0 {
			return pgerr.New(pgerr.UndefinedColumn, "column %q does not exist", c.Name)
		}
		spec.Type, spec.Collation = b.inherited[at].Type, b.inherited[at].Collation
		b.spec.Columns = append(b.spec.Columns, spec)
		b.columns = append(b.columns, c)
		return b.columnConstraints(c, false)
	}
	if oid, ok := serialTypes[c.Type.Names.Last()]; ok && len(c.Type.Names) == 1 && !c.Type.PctType {
		if c.Type.ArrayBounds != nil {
			return pgerr.New(pgerr.FeatureNotSupported, "array of serial is not implemented").WithPosition(b.pos(c.Type.Loc()))
		}
		serial = true
		spec.Type, spec.Sequence, spec.NotNull = types.T(oid), &ddl.SequenceSpec{Type: oid}, true
	} else {
		t, err := sema.ResolveType(c.Type, b.sema())
		if err != nil {
			return err
		}
		spec.Type = t
	}
	var err error
	if spec.Collation, err = b.collation(c.CollClause, spec.Type); err != nil {
		return err
	}
	b.spec.Columns = append(b.spec.Columns, spec)
	b.columns = append(b.columns, c)
	return b.columnConstraints(c, serial)
}

var collations = map[string]catalog.Oid{"default": catalog.CollationOID("default"), "C": catalog.CollationOID("C"), "POSIX": catalog.CollationOID("POSIX"),
	"ucs_basic": catalog.CollationOID("ucs_basic"), "C.utf8": catalog.CollationOID("C.utf8")}

// collation resolves COLLATE; text sorts by code point here, so that only collations that do are known.
func (b *tableBuilder) collation(c *parse.CollateClause, t types.Type) (catalog.Oid, error) {
	in := types.Lookup(t.Oid)
	if c == nil {
		if in == nil {
			return 0, nil
		}
		if t.Domain != 0 && types.ElemOf(t.Domain) == 0 {
			if d := b.DDL.Overlay().Type(t.Domain); d != nil && d.Domain != nil {
				return d.Domain.Collation, nil
			}
		}
		return in.Collation, nil
	}
	oid, ok := collations[c.Name.Last()]
	if !ok {
		return 0, pgerr.New(pgerr.UndefinedObject, "collation %q for encoding \"UTF8\" does not exist", c.Name.String()).
			WithPosition(b.pos(c.Loc()))
	}
	if in != nil && in.Collation == 0 {
		return 0, pgerr.New(pgerr.DatatypeMismatch, "collations are not supported by type %s", types.FormatType(types.T(t.Oid))).
			WithPosition(b.pos(c.Loc()))
	}
	return oid, nil
}

// columnState is what the constraints of one column have said so far.
type columnState struct {
	sawNullable, notNull, hasDefault, hasIdentity, hasGenerated bool
}

// besideGenerated names what a generated column also has and must not.
func (st *columnState) besideGenerated() string {
	switch {
	case !st.hasGenerated:
		return ""
	case st.hasDefault:
		return "default"
	case st.hasIdentity:
		return "identity"
	}
	return ""
}

func (b *tableBuilder) columnConstraints(c *parse.ColumnDef, serial bool) error {
	st := columnState{}
	at := len(b.spec.Columns) - 1
	cons, err := b.foldAttributes(c.Constraints)
	if err != nil {
		return err
	}
	for _, k := range cons {
		if err := b.columnConstraint(at, c, k, &st); err != nil {
			return err
		}
		if what := st.besideGenerated(); what != "" {
			return pgerr.New(pgerr.SyntaxError, "both %s and generation expression specified for column %q of table %q", what, c.Name, b.name).
				WithPosition(b.pos(k.Loc()))
		}
	}
	if serial { // its own DEFAULT and NOT NULL come after those written
		switch {
		case st.hasDefault:
			return pgerr.New(pgerr.SyntaxError, "multiple default values specified for column %q of table %q", c.Name, b.name)
		case st.hasGenerated:
			return pgerr.New(pgerr.SyntaxError, "both default and generation expression specified for column %q of table %q", c.Name, b.name)
		case st.hasIdentity:
			return pgerr.New(pgerr.SyntaxError, "both default and identity specified for column %q of table %q", c.Name, b.name)
		case st.sawNullable && !st.notNull:
			return pgerr.New(pgerr.SyntaxError, "conflicting NULL/NOT NULL declarations for column %q of table %q", c.Name, b.name)
		}
	}
	b.spec.Columns[at].NotNull = b.spec.Columns[at].NotNull || st.notNull
	b.fillByDomain(&b.spec.Columns[at])
	return nil
}

// constraintPos is the position of a constraint for errors of its execution: ALTER TABLE gives none.
func (b *tableBuilder) constraintPos(k *parse.Constraint) int {
	if b.alter != nil {
		return 0
	}
	return b.pos(k.Loc())
}

// stored is the environment in which DEFAULT and CHECK are analysed: in ALTER TABLE without positions, as PostgreSQL does
// it when the statement is past its analysis.
func (b *tableBuilder) stored() *Env {
	if b.alter == nil {
		return b.Env
	}
	return b.Env.withoutPositions()
}

func (e *Env) withoutPositions() *Env {
	c := *e
	c.Text = ""
	return &c
}

func (b *tableBuilder) columnConstraint(at int, c *parse.ColumnDef, k *parse.Constraint, st *columnState) error {
	syntax := func(format string) error {
		return pgerr.New(pgerr.SyntaxError, format, c.Name, b.name).WithPosition(b.pos(k.Loc()))
	}
	switch k.Type {
	case parse.ConstrNull:
		if st.sawNullable && st.notNull {
			return syntax("conflicting NULL/NOT NULL declarations for column %q of table %q")
		}
		st.sawNullable, st.notNull = true, false
	case parse.ConstrNotNull:
		if st.sawNullable && !st.notNull {
			return syntax("conflicting NULL/NOT NULL declarations for column %q of table %q")
		}
		st.sawNullable, st.notNull = true, true
	case parse.ConstrDefault:
		if st.hasDefault {
			return syntax("multiple default values specified for column %q of table %q")
		}
		st.hasDefault = true
		if st.hasIdentity {
			return syntax("both default and identity specified for column %q of table %q")
		}
		return b.columnDefault(at, k)
	case parse.ConstrIdentity:
		if b.spec.Bound != nil {
			return pgerr.New(pgerr.FeatureNotSupported, "identity columns are not supported on partitions")
		}
		if b.spec.OfType != 0 {
			return pgerr.New(pgerr.FeatureNotSupported, "identity columns are not supported on typed tables")
		}
		if st.hasIdentity {
			return syntax("multiple identity specifications for column %q of table %q")
		}
		st.hasIdentity = true
		if st.sawNullable && !st.notNull {
			return syntax("conflicting NULL/NOT NULL declarations for column %q of table %q")
		}
		if st.hasDefault {
			return syntax("both default and identity specified for column %q of table %q")
		}
		st.sawNullable, st.notNull = true, true
		col := &b.spec.Columns[at]
		seq, err := b.sequenceOptions(k.Options, true)
		col.Identity, col.Sequence = catalog.Identity(k.GeneratedWhen), seq
		return err
	case parse.ConstrGenerated:
		if b.spec.Bound != nil {
			return pgerr.New(pgerr.FeatureNotSupported, "generated columns are not supported on partitions")
		}
		if b.spec.OfType != 0 {
			return pgerr.New(pgerr.FeatureNotSupported, "generated columns are not supported on typed tables")
		}
		if st.hasGenerated {
			return syntax("multiple generation clauses specified for column %q of table %q")
		}
		st.hasGenerated = true
		b.spec.Columns[at].Generated = true
		b.generated = append(b.generated, pendingGenerated{at, k})
	case parse.ConstrPrimary, parse.ConstrUnique:
		return b.keyConstraint(k, []string{c.Name})
	case parse.ConstrForeign:
		return b.foreignKey(k, []string{c.Name})
	case parse.ConstrCheck:
		return b.check(k)
	case parse.ConstrExclusion:
		return b.exclusion(k)
	}
	return nil
}

// columnDefault analyses DEFAULT; for an added column it also finds the value of existing rows.
func (b *tableBuilder) columnDefault(at int, k *parse.Constraint) error {
	col := &b.spec.Columns[at]
	x, node, err := b.stored().expression(k.Expr, k.ExprText, sema.ExprScope{Kind: sema.DefaultExpr, Column: col.Name, Type: col.Type})
	if err != nil {
		return err
	}
	if isNullDefault(node, col.Type) {
		return nil
	}
	col.Default = x
	if b.alter == nil {
		return nil
	}
	text, isNull, ok, err := b.constant(node)
	if err != nil {
		return err
	}
	col.NeedsRewrite = !ok
	if ok && !isNull {
		col.Missing, col.HasMissing = text, true
	}
	return nil
}

// isNullDefault reports whether an expression is NULL without more, which is no default. For a type with a modifier
// PostgreSQL applies a length coercion to the NULL and keeps the default.
func isNullDefault(n expr.Node, t types.Type) bool {
	c, ok := n.(*expr.Const)
	return ok && c.Value.IsNull() && t.Mod < 0
}

// foldAttributes is transformConstraintAttrs: DEFERRABLE and its kin qualify the constraint before them.
func (e *Env) foldAttributes(list []*parse.Constraint) ([]*parse.Constraint, error) {
	var out []*parse.Constraint
	var last *parse.Constraint
	sawDeferrable, sawInitially := false, false
	bad := func(k *parse.Constraint, msg string) error {
		return pgerr.New(pgerr.SyntaxError, "%s", msg).WithPosition(e.pos(k.Loc()))
	}
	for _, k := range list {
		attr := k.Type >= parse.ConstrAttrDeferrable && k.Type <= parse.ConstrAttrImmediate
		if !attr {
			c := *k
			last, sawDeferrable, sawInitially = &c, false, false
			out = append(out, last)
			continue
		}
		supports := last != nil && (last.Type == parse.ConstrPrimary || last.Type == parse.ConstrUnique || last.Type == parse.ConstrForeign)
		word := map[parse.ConstrType]string{
			parse.ConstrAttrDeferrable: "DEFERRABLE", parse.ConstrAttrNotDeferrable: "NOT DEFERRABLE",
			parse.ConstrAttrDeferred: "INITIALLY DEFERRED", parse.ConstrAttrImmediate: "INITIALLY IMMEDIATE",
		}[k.Type]
		if !supports {
			return nil, bad(k, "misplaced "+word+" clause")
		}
		switch k.Type {
		case parse.ConstrAttrDeferrable, parse.ConstrAttrNotDeferrable:
			if sawDeferrable {
				return nil, bad(k, "multiple DEFERRABLE/NOT DEFERRABLE clauses not allowed")
			}
			sawDeferrable = true
			last.Deferrable = k.Type == parse.ConstrAttrDeferrable
			if !last.Deferrable && sawInitially && last.InitDeferred {
				return nil, bad(k, "constraint declared INITIALLY DEFERRED must be DEFERRABLE")
			}
		default:
			if sawInitially {
				return nil, bad(k, "multiple INITIALLY IMMEDIATE/DEFERRED clauses not allowed")
			}
			sawInitially = true
			last.InitDeferred = k.Type == parse.ConstrAttrDeferred
			if last.InitDeferred && !sawDeferrable {
				last.Deferrable = true
			} else if last.InitDeferred && !last.Deferrable {
				return nil, bad(k, "constraint declared INITIALLY DEFERRED must be DEFERRABLE")
			}
		}
	}
	return out, nil
}
