package parse

// CopyStmt is COPY.
type CopyStmt struct {
	Relation    *RangeVar // nil for a query
	Query       Statement // nil for a relation
	Columns     []string
	IsFrom      bool
	IsProgram   bool
	Filename    string // "" for STDIN and STDOUT
	Options     []*DefElem
	WhereClause Expr
}

// TransactionStmtKind is the kind of a TransactionStmt.
type TransactionStmtKind uint8

// Kinds of TransactionStmt.
const (
	TransBegin TransactionStmtKind = iota + 1
	TransStart
	TransCommit
	TransRollback
	TransSavepoint
	TransRelease
	TransRollbackTo
	TransPrepare
	TransCommitPrepared
	TransRollbackPrepared
)

// TransactionStmt is BEGIN, COMMIT, SAVEPOINT and so on. Options:
// transaction_isolation (a string *Const, such as "serializable"),
// transaction_read_only and transaction_deferrable (integer *Const, 0 or 1).
type TransactionStmt struct {
	Kind          TransactionStmtKind
	Options       []*DefElem
	SavepointName string
	GID           string // of two-phase statements
	Chain         bool
}

// VariableSetKind is the kind of a VariableSetStmt.
type VariableSetKind uint8

// Kinds of VariableSetStmt.
const (
	VarSetValue   VariableSetKind = iota + 1 // SET name TO args
	VarSetDefault                            // SET name TO DEFAULT
	VarSetCurrent                            // SET name FROM CURRENT
	VarSetMulti                              // SET TRANSACTION, SESSION CHARACTERISTICS: Options, or Snapshot
	VarReset
	VarResetAll
)

// VariableSetStmt is SET and RESET. Name is "TRANSACTION",
// "SESSION CHARACTERISTICS" or "TRANSACTION SNAPSHOT" for VarSetMulti.
type VariableSetStmt struct {
	Kind    VariableSetKind
	Name    string
	Args    []Expr     // *Const; *TypeCast for SET TIME ZONE INTERVAL
	Options []*DefElem // of VarSetMulti
	IsLocal bool
}

// VariableShowStmt is SHOW; Name "all" is SHOW ALL.
type VariableShowStmt struct{ Name string }

// AlterSystemStmt is ALTER SYSTEM.
type AlterSystemStmt struct{ Set *VariableSetStmt }

// ConstraintsSetStmt is SET CONSTRAINTS; no Constraints means ALL.
type ConstraintsSetStmt struct {
	Constraints []*RangeVar
	Deferred    bool
}

// PrepareStmt is PREPARE.
type PrepareStmt struct {
	Name      string
	ArgTypes  []*TypeName
	Query     Statement
	QueryText string // source text from the statement's start
}

// ExecuteStmt is EXECUTE.
type ExecuteStmt struct {
	Name   string
	Params []Expr
}

// DeallocateStmt is DEALLOCATE; Name "" is ALL.
type DeallocateStmt struct{ Name string }

// Options of DECLARE CURSOR, PostgreSQL's CURSOR_OPT_ bits.
const (
	CursorOptBinary      = 0x0001
	CursorOptScroll      = 0x0002
	CursorOptNoScroll    = 0x0004
	CursorOptInsensitive = 0x0008
	CursorOptAsensitive  = 0x0010
	CursorOptHold        = 0x0020
	CursorOptFastPlan    = 0x0100 // always set
)

// DeclareCursorStmt is DECLARE CURSOR.
type DeclareCursorStmt struct {
	PortalName string
	Options    int
	Query      *SelectStmt
}

// FetchDirection is the direction of FETCH.
type FetchDirection uint8

// Directions of FETCH.
const (
	FetchForward FetchDirection = iota
	FetchBackward
	FetchAbsolute
	FetchRelative
)

// FetchAll is FetchStmt.HowMany for ALL.
const FetchAll = int64(1<<63 - 1)

// FetchStmt is FETCH or MOVE.
type FetchStmt struct {
	Direction  FetchDirection
	HowMany    int64
	PortalName string
	IsMove     bool
}

// ClosePortalStmt is CLOSE; PortalName "" is ALL.
type ClosePortalStmt struct{ PortalName string }

// ExplainStmt is EXPLAIN.
type ExplainStmt struct {
	Query   Statement
	Options []*DefElem // analyze, verbose, costs, format…
}

// VacuumRelation is a table of VACUUM or ANALYZE, with columns.
type VacuumRelation struct {
	Relation *RangeVar
	Columns  []string
}

// VacuumStmt is VACUUM, or ANALYZE alone (IsVacuum false).
type VacuumStmt struct {
	Options  []*DefElem
	Rels     []*VacuumRelation // nil for all
	IsVacuum bool
}

// LockMode is a table lock's mode, PostgreSQL's numbers.
type LockMode uint8

// Table lock modes.
const (
	AccessShareLock LockMode = iota + 1
	RowShareLock
	RowExclusiveLock
	ShareUpdateExclusiveLock
	ShareLock
	ShareRowExclusiveLock
	ExclusiveLock
	AccessExclusiveLock
)

// LockStmt is LOCK TABLE.
type LockStmt struct {
	Relations []*RangeVar
	Mode      LockMode
	Nowait    bool
}

// DiscardMode is what DISCARD discards.
type DiscardMode uint8

// Modes of DISCARD.
const (
	DiscardAll DiscardMode = iota
	DiscardPlans
	DiscardSequences
	DiscardTemp
)

// DiscardStmt is DISCARD.
type DiscardStmt struct{ Target DiscardMode }

// ListenStmt is LISTEN.
type ListenStmt struct{ Channel string }

// NotifyStmt is NOTIFY.
type NotifyStmt struct{ Channel, Payload string }

// UnlistenStmt is UNLISTEN; Channel "" is *.
type UnlistenStmt struct{ Channel string }

// CheckPointStmt is CHECKPOINT.
type CheckPointStmt struct{}

// LoadStmt is LOAD.
type LoadStmt struct{ Filename string }

// DoStmt is DO. Args: "as" (the body) and "language".
type DoStmt struct{ Args []*DefElem }

// CallStmt is CALL.
type CallStmt struct{ Call *FuncCall }

// GrantTargetType is what GRANT's object list means.
type GrantTargetType uint8

// Targets of GRANT.
const (
	GrantObject GrantTargetType = iota
	GrantAllInSchema
	GrantDefaults // within ALTER DEFAULT PRIVILEGES
)

// AccessPriv is a privilege, with columns. Name "" is ALL.
type AccessPriv struct {
	Name    string
	Columns []string
}

// GrantStmt is GRANT and REVOKE on objects. Tables and sequences are in
// Relations, all else in Objects.
type GrantStmt struct {
	IsGrant     bool
	TargetType  GrantTargetType
	ObjType     ObjectType
	Relations   []*RangeVar
	Objects     []*ObjectName
	Privileges  []*AccessPriv // nil for ALL
	Grantees    []*RoleSpec
	GrantOption bool
	Grantor     *RoleSpec
	Behavior    DropBehavior
}

// GrantRoleStmt is GRANT and REVOKE of roles.
type GrantRoleStmt struct {
	Granted  []*AccessPriv
	Grantees []*RoleSpec
	IsGrant  bool
	Options  []*DefElem // admin
	Grantor  *RoleSpec
	Behavior DropBehavior
}

// AlterDefaultPrivilegesStmt is ALTER DEFAULT PRIVILEGES. Options: schemas (a
// NameListArg), roles (a RoleListArg).
type AlterDefaultPrivilegesStmt struct {
	Options []*DefElem
	Action  *GrantStmt
}

// RoleStmtType is the word of CREATE ROLE, USER or GROUP.
type RoleStmtType uint8

// The words of CreateRoleStmt.
const (
	RoleStmtRole RoleStmtType = iota
	RoleStmtUser
	RoleStmtGroup
)

// CreateRoleStmt is CREATE ROLE, USER and GROUP.
type CreateRoleStmt struct {
	Type    RoleStmtType
	Role    string
	Options []*DefElem
}

// AlterRoleStmt is ALTER ROLE, and ALTER GROUP ADD|DROP USER: the option
// "rolemembers", with Drop.
type AlterRoleStmt struct {
	Role    *RoleSpec
	Options []*DefElem
	Drop    bool
}

// AlterRoleSetStmt is ALTER ROLE … SET.
type AlterRoleSetStmt struct {
	Role     *RoleSpec // nil for ALL
	Database string
	Set      *VariableSetStmt
}

// DropRoleStmt is DROP ROLE, USER and GROUP.
type DropRoleStmt struct {
	Roles     []*RoleSpec
	MissingOk bool
}

// DropOwnedStmt is DROP OWNED.
type DropOwnedStmt struct {
	Roles    []*RoleSpec
	Behavior DropBehavior
}

// ReassignOwnedStmt is REASSIGN OWNED.
type ReassignOwnedStmt struct {
	Roles   []*RoleSpec
	NewRole *RoleSpec
}

// CreatedbStmt is CREATE DATABASE.
type CreatedbStmt struct {
	Name    string
	Options []*DefElem
}

// DropdbStmt is DROP DATABASE.
type DropdbStmt struct {
	Name      string
	MissingOk bool
	Options   []*DefElem
}

// AlterDatabaseStmt is ALTER DATABASE's options.
type AlterDatabaseStmt struct {
	Name    string
	Options []*DefElem
}

// AlterDatabaseSetStmt is ALTER DATABASE … SET.
type AlterDatabaseSetStmt struct {
	Name string
	Set  *VariableSetStmt
}

// ReindexObjectType is what REINDEX names.
type ReindexObjectType uint8

// Objects of REINDEX.
const (
	ReindexIndex ReindexObjectType = iota
	ReindexTable
	ReindexSchema
	ReindexSystem
	ReindexDatabase
)

// ReindexStmt is REINDEX.
type ReindexStmt struct {
	Kind     ReindexObjectType
	Relation *RangeVar
	Name     string
	Params   []*DefElem
}

// ClusterStmt is CLUSTER.
type ClusterStmt struct {
	Relation  *RangeVar // nil for all
	IndexName string
	Params    []*DefElem
}

// CreatePolicyStmt is CREATE POLICY.
type CreatePolicyStmt struct {
	Name       string
	Table      *RangeVar
	CmdName    string
	Permissive bool
	Roles      []*RoleSpec
	Qual       Expr
	WithCheck  Expr
	// QualText and CheckText are the conditions' source texts.
	QualText, CheckText string
}

// AlterPolicyStmt is ALTER POLICY … TO, USING, WITH CHECK; what is nil stays.
type AlterPolicyStmt struct {
	Name      string
	Table     *RangeVar
	Roles     []*RoleSpec
	Qual      Expr
	WithCheck Expr
	// QualText and CheckText are the conditions' source texts.
	QualText, CheckText string
}

func (*CopyStmt) stmt()                   {}
func (*TransactionStmt) stmt()            {}
func (*VariableSetStmt) stmt()            {}
func (*VariableShowStmt) stmt()           {}
func (*AlterSystemStmt) stmt()            {}
func (*ConstraintsSetStmt) stmt()         {}
func (*PrepareStmt) stmt()                {}
func (*ExecuteStmt) stmt()                {}
func (*DeallocateStmt) stmt()             {}
func (*DeclareCursorStmt) stmt()          {}
func (*FetchStmt) stmt()                  {}
func (*ClosePortalStmt) stmt()            {}
func (*ExplainStmt) stmt()                {}
func (*VacuumStmt) stmt()                 {}
func (*LockStmt) stmt()                   {}
func (*DiscardStmt) stmt()                {}
func (*ListenStmt) stmt()                 {}
func (*NotifyStmt) stmt()                 {}
func (*UnlistenStmt) stmt()               {}
func (*CheckPointStmt) stmt()             {}
func (*LoadStmt) stmt()                   {}
func (*DoStmt) stmt()                     {}
func (*CallStmt) stmt()                   {}
func (*GrantStmt) stmt()                  {}
func (*GrantRoleStmt) stmt()              {}
func (*AlterDefaultPrivilegesStmt) stmt() {}
func (*CreateRoleStmt) stmt()             {}
func (*AlterRoleStmt) stmt()              {}
func (*AlterRoleSetStmt) stmt()           {}
func (*DropRoleStmt) stmt()               {}
func (*DropOwnedStmt) stmt()              {}
func (*ReassignOwnedStmt) stmt()          {}
func (*CreatedbStmt) stmt()               {}
func (*DropdbStmt) stmt()                 {}
func (*AlterDatabaseStmt) stmt()          {}
func (*AlterDatabaseSetStmt) stmt()       {}
func (*ReindexStmt) stmt()                {}
func (*ClusterStmt) stmt()                {}
func (*CreatePolicyStmt) stmt()           {}
func (*AlterPolicyStmt) stmt()            {}
