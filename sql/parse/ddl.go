package parse

// OnCommitAction is ON COMMIT's action for a temporary table.
type OnCommitAction uint8

// Actions of ON COMMIT.
const (
	OnCommitNoop OnCommitAction = iota
	OnCommitPreserveRows
	OnCommitDeleteRows
	OnCommitDrop
)

// ColumnDef is a column of CREATE TABLE, ALTER TABLE ADD COLUMN, or of a
// column definition list in FROM. Defaults, NOT NULL, identity and generation
// are among Constraints, in the order written.
type ColumnDef struct {
	Name        string
	Type        *TypeName // nil for a typed table's column options
	Compression string
	StorageName string
	RawDefault  Expr           // only of ALTER COLUMN … TYPE … USING
	CollClause  *CollateClause // nil none
	Constraints []*Constraint
	FdwOptions  []*DefElem
	Location
}

// ConstrType is the type of a Constraint.
type ConstrType uint8

// Types of Constraint. The Attr types qualify the constraint before them
// in a column's list.
const (
	ConstrNull ConstrType = iota // explicit NULL
	ConstrNotNull
	ConstrDefault
	ConstrIdentity
	ConstrGenerated
	ConstrCheck
	ConstrPrimary
	ConstrUnique
	ConstrExclusion
	ConstrForeign
	ConstrAttrDeferrable
	ConstrAttrNotDeferrable
	ConstrAttrDeferred
	ConstrAttrImmediate
)

// FKAction is a referential action, as pg_constraint spells it.
type FKAction byte

// Referential actions.
const (
	FKNoAction   FKAction = 'a'
	FKRestrict   FKAction = 'r'
	FKCascade    FKAction = 'c'
	FKSetNull    FKAction = 'n'
	FKSetDefault FKAction = 'd'
)

// FKMatch is a foreign key's MATCH type, as pg_constraint spells it.
type FKMatch byte

// Match types.
const (
	FKMatchFull    FKMatch = 'f'
	FKMatchPartial FKMatch = 'p'
	FKMatchSimple  FKMatch = 's'
)

// ExclusionElem is one element of EXCLUDE: index element WITH operator.
type ExclusionElem struct {
	Elem     *IndexElem
	Operator Name
}

// Constraint is a column's or table's constraint.
type Constraint struct {
	Type           ConstrType
	Name           string // "" if not given
	Deferrable     bool
	InitDeferred   bool
	SkipValidation bool // NOT VALID
	InitiallyValid bool
	NoInherit      bool

	Expr     Expr   // DEFAULT, CHECK, GENERATED
	ExprText string // Expr's source text; ParseExpr reads it back

	GeneratedWhen    byte // identity: 'a' ALWAYS or 'd' BY DEFAULT; GENERATED: 'a'
	NullsNotDistinct bool
	Keys             []string // columns of PRIMARY KEY and UNIQUE; nil in a column's own
	Including        []string
	Exclusions       []*ExclusionElem
	Options          []*DefElem // WITH (…) of an index; identity's sequence options
	IndexName        string     // USING INDEX
	IndexSpace       string     // USING INDEX TABLESPACE
	AccessMethod     string     // of EXCLUDE
	WhereClause      Expr       // of EXCLUDE

	PKTable      *RangeVar
	FKAttrs      []string // nil in a column's own REFERENCES
	PKAttrs      []string // nil for the primary key
	FKMatchType  FKMatch
	FKUpdAction  FKAction
	FKDelAction  FKAction
	FKDelSetCols []string // ON DELETE SET NULL|DEFAULT (columns)
	Location
}

// Bits of TableLikeClause.Options.
const (
	LikeComments    = 1 << 0
	LikeCompression = 1 << 1
	LikeConstraints = 1 << 2
	LikeDefaults    = 1 << 3
	LikeGenerated   = 1 << 4
	LikeIdentity    = 1 << 5
	LikeIndexes     = 1 << 6
	LikeStatistics  = 1 << 7
	LikeStorage     = 1 << 8
	LikeAll         = 0x7fffffff
)

// TableLikeClause is LIKE table INCLUDING … in CREATE TABLE.
type TableLikeClause struct {
	Relation *RangeVar
	Options  uint32
}

func (*ColumnDef) tableElt()       {}
func (*Constraint) tableElt()      {}
func (*TableLikeClause) tableElt() {}

// PartitionStrategy is LIST, RANGE or HASH.
type PartitionStrategy uint8

// Partition strategies.
const (
	PartitionList PartitionStrategy = iota
	PartitionRange
	PartitionHash
)

// PartitionElem is a column or expression of PARTITION BY.
type PartitionElem struct {
	Name      string // column; "" for an expression
	Expr      Expr
	ExprText  string // Expr's source text
	Collation Name
	OpClass   Name
	Location
}

// PartitionSpec is PARTITION BY.
type PartitionSpec struct {
	Strategy PartitionStrategy
	Params   []*PartitionElem
	Location
}

// PartitionRangeDatum is a value of a range bound. Kind is -1 for MINVALUE, 1 for MAXVALUE, else 0 with Value.
type PartitionRangeDatum struct {
	Kind  int
	Value Expr
	Location
}

// PartitionBoundSpec is FOR VALUES or DEFAULT. Strategy is 'l', 'r' or 'h', as the words tell.
type PartitionBoundSpec struct {
	Strategy           byte
	IsDefault          bool
	Modulus, Remainder int32
	List               []Expr
	Lower, Upper       []*PartitionRangeDatum
	Location
}

// CreateStmt is CREATE TABLE.
type CreateStmt struct {
	Relation       *RangeVar
	TableElts      []TableElt
	InhRelations   []*RangeVar         // INHERITS; the parent, for PARTITION OF
	Bound          *PartitionBoundSpec // of PARTITION OF
	PartSpec       *PartitionSpec      // PARTITION BY
	OfType         *TypeName           // OF type
	Options        []*DefElem          // WITH (…)
	OnCommit       OnCommitAction
	TableSpaceName string
	AccessMethod   string // USING
	IfNotExists    bool
}

// CreateTableAsStmt is CREATE TABLE AS, SELECT INTO and CREATE MATERIALIZED
// VIEW.
type CreateTableAsStmt struct {
	Query        Statement // *SelectStmt or *ExecuteStmt
	Into         *IntoClause
	MatView      bool
	QueryText    string // of a materialized view: source text of the query
	IsSelectInto bool
	IfNotExists  bool
}

// IndexElem is a column or expression of an index or of ON CONFLICT.
type IndexElem struct {
	Name        string // column; "" for an expression
	Expr        Expr
	ExprText    string // Expr's source text
	Collation   Name
	OpClass     Name
	OpClassOpts []*DefElem
	Ordering    SortByDir
	Nulls       SortByNulls
}

// IndexStmt is CREATE INDEX.
type IndexStmt struct {
	Name             string // "" to choose one
	Relation         *RangeVar
	AccessMethod     string // "btree" by default
	TableSpace       string
	Params           []*IndexElem
	Including        []*IndexElem
	Options          []*DefElem
	WhereClause      Expr
	WhereText        string // WhereClause's source text
	Unique           bool
	NullsNotDistinct bool
	Concurrent       bool
	IfNotExists      bool
}

// CreateSeqStmt is CREATE SEQUENCE.
type CreateSeqStmt struct {
	Sequence    *RangeVar
	Options     []*DefElem // as, increment, minvalue, maxvalue, start, cache, cycle, owned_by
	IfNotExists bool
}

// AlterSeqStmt is ALTER SEQUENCE's options.
type AlterSeqStmt struct {
	Sequence  *RangeVar
	Options   []*DefElem
	MissingOk bool
}

// CreateSchemaStmt is CREATE SCHEMA.
type CreateSchemaStmt struct {
	Name        string // "" for AUTHORIZATION's role
	AuthRole    *RoleSpec
	Elts        []Statement
	IfNotExists bool
}

// ViewCheckOption is WITH CHECK OPTION.
type ViewCheckOption uint8

// Check options of a view.
const (
	NoCheckOption ViewCheckOption = iota
	LocalCheckOption
	CascadedCheckOption
)

// ViewStmt is CREATE VIEW.
type ViewStmt struct {
	View            *RangeVar
	Aliases         []string
	Query           *SelectStmt
	QueryText       string // source text of the query
	Replace         bool
	Options         []*DefElem
	WithCheckOption ViewCheckOption
}

// ObjectType is the kind of an object that a generic statement names.
type ObjectType uint8

// Object types, PostgreSQL's ObjectType in its order.
const (
	ObjectAccessMethod ObjectType = iota + 1
	ObjectAggregate
	ObjectAmop
	ObjectAmproc
	ObjectAttribute
	ObjectCast
	ObjectColumn
	ObjectCollation
	ObjectConversion
	ObjectDatabase
	ObjectDefault
	ObjectDefACL
	ObjectDomain
	ObjectDomConstraint
	ObjectEventTrigger
	ObjectExtension
	ObjectFDW
	ObjectForeignServer
	ObjectForeignTable
	ObjectFunction
	ObjectIndex
	ObjectLanguage
	ObjectLargeObject
	ObjectMatView
	ObjectOpClass
	ObjectOperator
	ObjectOpFamily
	ObjectParameterACL
	ObjectPolicy
	ObjectProcedure
	ObjectPublication
	ObjectPublicationNamespace
	ObjectPublicationRel
	ObjectRole
	ObjectRoutine
	ObjectRule
	ObjectSchema
	ObjectSequence
	ObjectSubscription
	ObjectStatisticExt
	ObjectTabConstraint
	ObjectTable
	ObjectTablespace
	ObjectTransform
	ObjectTrigger
	ObjectTSConfiguration
	ObjectTSDictionary
	ObjectTSParser
	ObjectTSTemplate
	ObjectTypeType
	ObjectUserMapping
	ObjectView
)

// objectTypeNames are the SQL spellings, indexed by ObjectType.
var objectTypeNames = [...]string{"",
	"ACCESS METHOD", "AGGREGATE", "OPERATOR FAMILY", "OPERATOR FAMILY", "ATTRIBUTE", "CAST", "COLUMN", "COLLATION",
	"CONVERSION", "DATABASE", "DEFAULT", "DEFAULT PRIVILEGES", "DOMAIN", "DOMAIN CONSTRAINT", "EVENT TRIGGER",
	"EXTENSION", "FOREIGN DATA WRAPPER", "SERVER", "FOREIGN TABLE", "FUNCTION", "INDEX", "LANGUAGE", "LARGE OBJECT",
	"MATERIALIZED VIEW", "OPERATOR CLASS", "OPERATOR", "OPERATOR FAMILY", "PARAMETER", "POLICY", "PROCEDURE",
	"PUBLICATION", "PUBLICATION", "PUBLICATION", "ROLE", "ROUTINE", "RULE", "SCHEMA", "SEQUENCE", "SUBSCRIPTION",
	"STATISTICS", "CONSTRAINT", "TABLE", "TABLESPACE", "TRANSFORM", "TRIGGER", "TEXT SEARCH CONFIGURATION",
	"TEXT SEARCH DICTIONARY", "TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE", "TYPE", "USER MAPPING", "VIEW",
}

// String returns SQL's spelling, such as "MATERIALIZED VIEW".
func (t ObjectType) String() string {
	if int(t) < len(objectTypeNames) {
		return objectTypeNames[t]
	}
	return "OBJECT"
}

// ObjectName names an object of a generic statement. Exactly what is set
// depends on the object's type: Name for most (the owning table's name comes
// first, for a column, constraint, trigger, rule or policy), Args for
// functions and aggregates, Type for types and domains.
type ObjectName struct {
	Name            Name
	Args            []*TypeName // of a function; a nil element is NONE
	ArgsUnspecified bool        // function named without parentheses
	// AllArgs are the arguments of a function or procedure as written, output arguments among them.
	AllArgs []*FunctionParameter
	Type    *TypeName // of a type or domain (a domain constraint's domain too)
}

// AlterTableType is the subcommand of an AlterTableCmd.
type AlterTableType uint8

// Subcommands of ALTER TABLE that the parser can produce. What each reads of
// AlterTableCmd is beside it.
const (
	ATAddColumn               AlterTableType = iota + 1 // Column; MissingOk is IF NOT EXISTS
	ATColumnDefault                                     // Name; Expr, nil for DROP DEFAULT
	ATDropNotNull                                       // Name
	ATSetNotNull                                        // Name
	ATDropExpression                                    // Name, MissingOk
	ATSetStatistics                                     // Name or Num; Value
	ATSetOptions                                        // Name, Options
	ATResetOptions                                      // Name, Options
	ATSetStorage                                        // Name, Value
	ATSetCompression                                    // Name, Value
	ATDropColumn                                        // Name, Behavior, MissingOk
	ATAddConstraint                                     // Constraint
	ATAlterConstraint                                   // Constraint
	ATValidateConstraint                                // Name
	ATDropConstraint                                    // Name, Behavior, MissingOk
	ATAlterColumnType                                   // Name, Column (Type, CollClause, RawDefault is USING)
	ATAlterColumnFdwOptions                             // Name, Options
	ATChangeOwner                                       // NewOwner
	ATClusterOn                                         // Name
	ATDropCluster                                       //
	ATSetLogged                                         //
	ATSetUnlogged                                       //
	ATDropOids                                          //
	ATSetAccessMethod                                   // Name
	ATSetTableSpace                                     // Name
	ATSetRelOptions                                     // Options
	ATResetRelOptions                                   // Options
	ATEnableTrig                                        // Name
	ATEnableAlwaysTrig                                  // Name
	ATEnableReplicaTrig                                 // Name
	ATDisableTrig                                       // Name
	ATEnableTrigAll                                     //
	ATDisableTrigAll                                    //
	ATEnableTrigUser                                    //
	ATDisableTrigUser                                   //
	ATEnableRule                                        // Name
	ATEnableAlwaysRule                                  // Name
	ATEnableReplicaRule                                 // Name
	ATDisableRule                                       // Name
	ATAddInherit                                        // Relation
	ATDropInherit                                       // Relation
	ATAddOf                                             // Type
	ATDropOf                                            //
	ATReplicaIdentity                                   // IdentityType, Name
	ATEnableRowSecurity                                 //
	ATDisableRowSecurity                                //
	ATForceRowSecurity                                  //
	ATNoForceRowSecurity                                //
	ATGenericOptions                                    // Options
	ATAttachPartition                                   // Relation, Bound
	ATDetachPartition                                   // Relation, Concurrent
	ATDetachPartitionFinalize                           // Relation
	ATAddIdentity                                       // Name, Constraint
	ATSetIdentity                                       // Name, Options
	ATDropIdentity                                      // Name, MissingOk
)

// AlterTableCmd is one subcommand of ALTER TABLE.
type AlterTableCmd struct {
	Subtype      AlterTableType
	Name         string
	Num          int // column number, for ALTER INDEX … SET STATISTICS
	Column       *ColumnDef
	Constraint   *Constraint
	Expr         Expr
	ExprText     string // Expr's (or Column.RawDefault's) source text
	Options      []*DefElem
	Value        DefArg
	Relation     *RangeVar
	Bound        *PartitionBoundSpec // of ATAttachPartition
	Concurrent   bool                // of ATDetachPartition
	Type         *TypeName
	NewOwner     *RoleSpec
	IdentityType byte // of ATReplicaIdentity: 'n', 'f', 'd' or 'i'
	Behavior     DropBehavior
	MissingOk    bool
}

// AlterTableStmt is ALTER TABLE, and ALTER INDEX, VIEW, SEQUENCE and the like
// where they share its subcommands.
type AlterTableStmt struct {
	Relation  *RangeVar
	Cmds      []*AlterTableCmd
	ObjType   ObjectType
	MissingOk bool
}

// AlterDomainStmt is ALTER DOMAIN. Subtype: 'T' default, 'N' drop not null,
// 'O' set not null, 'C' add constraint, 'X' drop constraint, 'V' validate.
type AlterDomainStmt struct {
	Subtype    byte
	TypeName   Name
	Name       string
	Expr       Expr // of 'T'; nil drops
	ExprText   string
	Constraint *Constraint
	Behavior   DropBehavior
	MissingOk  bool
}

// RenameStmt is ALTER … RENAME.
type RenameStmt struct {
	RenameType   ObjectType
	RelationType ObjectType // for a column or attribute: what has it
	Relation     *RangeVar  // table, view, index, or the owner of what is renamed
	Object       *ObjectName
	Subname      string // column, constraint, trigger…; the old name of a database, role or schema
	Newname      string
	Behavior     DropBehavior
	MissingOk    bool
}

// AlterObjectSchemaStmt is ALTER … SET SCHEMA.
type AlterObjectSchemaStmt struct {
	ObjectType ObjectType
	Relation   *RangeVar
	Object     *ObjectName
	NewSchema  string
	MissingOk  bool
}

// AlterOwnerStmt is ALTER … OWNER TO for what is not a relation.
type AlterOwnerStmt struct {
	ObjectType ObjectType
	Relation   *RangeVar
	Object     *ObjectName
	NewOwner   *RoleSpec
}

// DropStmt is DROP of most objects.
type DropStmt struct {
	Objects    []*ObjectName
	RemoveType ObjectType
	Behavior   DropBehavior
	MissingOk  bool
	Concurrent bool
}

// TruncateStmt is TRUNCATE.
type TruncateStmt struct {
	Relations   []*RangeVar
	RestartSeqs bool
	Behavior    DropBehavior
}

// CommentStmt is COMMENT ON.
type CommentStmt struct {
	ObjType ObjectType
	Object  *ObjectName
	Comment string
	IsNull  bool // never distinguishable from '' by the parser: '' removes too
}

// CreateEnumStmt is CREATE TYPE … AS ENUM.
type CreateEnumStmt struct {
	TypeName Name
	Vals     []string
}

// AlterEnumStmt is ALTER TYPE … ADD VALUE and RENAME VALUE.
type AlterEnumStmt struct {
	TypeName           Name
	OldVal             string // RENAME VALUE's
	NewVal             string
	NewValNeighbor     string
	NewValIsAfter      bool
	SkipIfNewValExists bool
}

// CreateRangeStmt is CREATE TYPE … AS RANGE.
type CreateRangeStmt struct {
	TypeName Name
	Params   []*DefElem
}

// CompositeTypeStmt is CREATE TYPE … AS (…).
type CompositeTypeStmt struct {
	Type    *RangeVar
	Columns []*ColumnDef
}

// CreateDomainStmt is CREATE DOMAIN.
type CreateDomainStmt struct {
	DomainName  Name
	Type        *TypeName
	CollClause  *CollateClause
	Constraints []*Constraint
}

// CreateTrigStmt is CREATE TRIGGER.
type CreateTrigStmt struct {
	Replace      bool
	IsConstraint bool
	Name         string
	Relation     *RangeVar
	FuncName     Name
	Args         []string
	Row          bool
	Timing       int // TRIGGER_TYPE_ bits
	Events       int
	Columns      []string
	WhenClause   Expr
	WhenText     string // WhenClause's source text
	Transitions  []TriggerTransition
	Deferrable   bool
	InitDeferred bool
	ConstrRel    *RangeVar
}

// TriggerTransition is an item of REFERENCING.
type TriggerTransition struct {
	Name  string
	New   bool // NEW, or OLD
	Table bool // TABLE, or ROW
}

// CreateExtensionStmt is CREATE EXTENSION.
type CreateExtensionStmt struct {
	Name        string
	IfNotExists bool
	Options     []*DefElem
}

// AlterExtensionStmt is ALTER EXTENSION … UPDATE.
type AlterExtensionStmt struct {
	Name       string
	NewVersion string // empty for the newest
}

// RefreshMatViewStmt is REFRESH MATERIALIZED VIEW.
type RefreshMatViewStmt struct {
	Concurrent bool
	SkipData   bool
	Relation   *RangeVar
}

func (*CreateStmt) stmt()            {}
func (*CreateTableAsStmt) stmt()     {}
func (*IndexStmt) stmt()             {}
func (*CreateSeqStmt) stmt()         {}
func (*AlterSeqStmt) stmt()          {}
func (*CreateSchemaStmt) stmt()      {}
func (*ViewStmt) stmt()              {}
func (*AlterTableStmt) stmt()        {}
func (*AlterDomainStmt) stmt()       {}
func (*RenameStmt) stmt()            {}
func (*AlterObjectSchemaStmt) stmt() {}
func (*AlterOwnerStmt) stmt()        {}
func (*DropStmt) stmt()              {}
func (*TruncateStmt) stmt()          {}
func (*CommentStmt) stmt()           {}
func (*CreateEnumStmt) stmt()        {}
func (*AlterEnumStmt) stmt()         {}
func (*CreateRangeStmt) stmt()       {}
func (*CompositeTypeStmt) stmt()     {}
func (*CreateDomainStmt) stmt()      {}
func (*CreateTrigStmt) stmt()        {}
func (*CreateExtensionStmt) stmt()   {}
func (*AlterExtensionStmt) stmt()    {}
func (*RefreshMatViewStmt) stmt()    {}
