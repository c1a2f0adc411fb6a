package parse

// ConstKind is the kind of a constant.
type ConstKind uint8

// Kinds of Const.
const (
	ConstNull    ConstKind = iota
	ConstInteger           // fits int32: Ival
	ConstFloat             // anything else numeric: Sval as written (may fit int64)
	ConstString            // unknown-typed: Sval
	ConstBit               // Sval is b… or x… and the digits
	ConstBool              // Bval
)

// Const is a literal (PostgreSQL's A_Const).
type Const struct {
	Sval string
	Location
	Ival int32
	Kind ConstKind
	Bval bool
}

// ColumnRef is a column, possibly qualified, or a star: t.*.
type ColumnRef struct {
	Fields Name // without the star
	Star   bool // ends in *
	Location
}

// ParamRef is $n; or, in a tree from ParseNormalized, a literal that Normalize
// took out.
type ParamRef struct {
	Number  int
	Literal bool        // the Number-th (from 1) of Normalize's literals
	LitKind LiteralKind // its kind, if Literal
	Location
}

// TypeCast is CAST(arg AS type), arg::type and type 'literal'.
type TypeCast struct {
	Arg  Expr
	Type *TypeName
	Location
}

// CollateClause is arg COLLATE name.
type CollateClause struct {
	Arg  Expr // nil in a column definition
	Name Name
	Location
}

// AExprKind is the kind of an AExpr.
type AExprKind uint8

// Kinds of AExpr, PostgreSQL's A_Expr_Kind.
const (
	AExprOp          AExprKind = iota // normal operator
	AExprOpAny                        // scalar op ANY (array)
	AExprOpAll                        // scalar op ALL (array)
	AExprDistinct                     // IS DISTINCT FROM
	AExprNotDistinct                  // IS NOT DISTINCT FROM
	AExprNullIf                       // NULLIF(a, b)
	AExprIn                           // [NOT] IN (List): Name is "=" or "<>"
	AExprLike                         // [NOT] LIKE: Name is "~~" or "!~~"
	AExprILike                        // [NOT] ILIKE: "~~*" or "!~~*"
	AExprSimilar                      // [NOT] SIMILAR TO: "~" or "!~"
	AExprBetween                      // Lexpr BETWEEN List[0] AND List[1]
	AExprNotBetween
	AExprBetweenSym
	AExprNotBetweenSym
)

// AExpr is an operator expression (PostgreSQL's A_Expr). List replaces Rexpr
// for the IN and BETWEEN kinds.
type AExpr struct {
	Kind  AExprKind
	Name  Name // operator, qualified by OPERATOR(schema.op)
	Lexpr Expr // nil for a prefix operator
	Rexpr Expr
	List  []Expr
	Location
}

// BoolExprType is AND, OR or NOT.
type BoolExprType uint8

// Types of BoolExpr.
const (
	AndExpr BoolExprType = iota
	OrExpr
	NotExpr
)

// BoolExpr is AND, OR (two or more Args: chains are flat) or NOT (one).
type BoolExpr struct {
	Op   BoolExprType
	Args []Expr
	Location
}

// NullTest is arg IS [NOT] NULL.
type NullTest struct {
	Arg Expr
	Not bool
	Location
}

// BoolTestType is the test of a BooleanTest.
type BoolTestType uint8

// Tests of BooleanTest.
const (
	IsTrue BoolTestType = iota
	IsNotTrue
	IsFalse
	IsNotFalse
	IsUnknown
	IsNotUnknown
)

// BooleanTest is arg IS [NOT] TRUE, FALSE or UNKNOWN.
type BooleanTest struct {
	Arg  Expr
	Test BoolTestType
	Location
}

// SubLinkType is the kind of a SubLink.
type SubLinkType uint8

// Kinds of SubLink.
const (
	ExistsSubLink     SubLinkType = iota
	AllSubLink                    // Testexpr op ALL (Subselect)
	AnySubLink                    // Testexpr op ANY (Subselect), and IN with no OperName
	ExprSubLink                   // scalar subquery
	ArraySubLink                  // ARRAY(Subselect)
	MultiExprSubLink              // never from the parser
	RowCompareSubLink             // never from the parser: it is an AExpr over a RowExpr
)

// SubLink is a subquery in an expression.
type SubLink struct {
	Type      SubLinkType
	Testexpr  Expr // left side of ANY and ALL
	OperName  Name // nil for IN, which is "= ANY"
	Subselect Statement
	Location
}

// CaseWhen is one WHEN … THEN … of a CASE.
type CaseWhen struct {
	Expr, Result Expr
	Location
}

// CaseExpr is CASE.
type CaseExpr struct {
	Arg       Expr // nil for a searched CASE
	Whens     []*CaseWhen
	Defresult Expr // nil without ELSE
	Location
}

// CoalesceExpr is COALESCE.
type CoalesceExpr struct {
	Args []Expr
	Location
}

// MinMaxExpr is GREATEST or LEAST.
type MinMaxExpr struct {
	Least bool
	Args  []Expr
	Location
}

// SQLValueFunctionOp names a parameterless function with grammar of its own.
type SQLValueFunctionOp uint8

// The SQLValueFunctionOps. Those ending in N carry a precision.
const (
	CurrentDate SQLValueFunctionOp = iota
	CurrentTime
	CurrentTimeN
	CurrentTimestamp
	CurrentTimestampN
	LocalTime
	LocalTimeN
	LocalTimestamp
	LocalTimestampN
	CurrentRole
	CurrentUser
	User
	SessionUser
	CurrentCatalog
	CurrentSchema
)

// SQLValueFunction is CURRENT_DATE and its kin.
type SQLValueFunction struct {
	Op     SQLValueFunctionOp
	Typmod int // precision, -1 for none
	Location
}

// ArrayExpr is ARRAY[…] (PostgreSQL's A_ArrayExpr).
type ArrayExpr struct {
	Elements []Expr
	Location
}

// RowExpr is ROW(…) or (a, b, …).
type RowExpr struct {
	Args     []Expr
	Explicit bool // written with ROW
	Location
}

// Subscript is one step of an Indirection or of an assignment's target:
// exactly one of a field, a star, an index (Uidx) or a slice.
type Subscript struct {
	Field string // .field; empty otherwise
	Star  bool   // .*
	Slice bool   // [Lidx:Uidx], either may be nil
	Lidx  Expr
	Uidx  Expr
}

// Indirection is arg[i].field… (PostgreSQL's A_Indirection).
type Indirection struct {
	Arg   Expr
	Steps []Subscript
}

// Loc returns the location of the argument.
func (n *Indirection) Loc() int { return n.Arg.Loc() }

// NamedArgExpr is name => arg in a call.
type NamedArgExpr struct {
	Name string
	Arg  Expr
	Location
}

// FuncCall is a function call, aggregates and window functions included.
type FuncCall struct {
	Name           Name
	Args           []Expr // may hold *NamedArgExpr
	AggOrder       []*SortBy
	AggFilter      Expr
	AggWithinGroup bool // ORDER BY was within WITHIN GROUP
	AggStar        bool // f(*)
	AggDistinct    bool
	FuncVariadic   bool       // last argument was VARIADIC
	SQLSyntax      bool       // spelled by SQL's grammar (EXTRACT, OVERLAY, AT TIME ZONE…)
	Over           *WindowDef // nil for no OVER
	Location
}

// GroupingFunc is GROUPING(…).
type GroupingFunc struct {
	Args []Expr
	Location
}

// SetToDefault is DEFAULT as a value of INSERT or UPDATE.
type SetToDefault struct{ Location }

// MultiAssignRef is column Colno (from 1) of Ncolumns in
// UPDATE … SET (a, b) = source. The targets of one assignment share Source.
type MultiAssignRef struct {
	Source   Expr // *RowExpr or *SubLink, or any row-valued expression
	Colno    int
	Ncolumns int
}

// Loc returns the location of the source.
func (n *MultiAssignRef) Loc() int { return n.Source.Loc() }

// CurrentOfExpr is WHERE CURRENT OF cursor.
type CurrentOfExpr struct{ CursorName string }

// Loc returns -1: PostgreSQL keeps no location.
func (*CurrentOfExpr) Loc() int { return -1 }

func (*Const) expr()            {}
func (*ColumnRef) expr()        {}
func (*ParamRef) expr()         {}
func (*TypeCast) expr()         {}
func (*CollateClause) expr()    {}
func (*AExpr) expr()            {}
func (*BoolExpr) expr()         {}
func (*NullTest) expr()         {}
func (*BooleanTest) expr()      {}
func (*SubLink) expr()          {}
func (*CaseExpr) expr()         {}
func (*CoalesceExpr) expr()     {}
func (*MinMaxExpr) expr()       {}
func (*SQLValueFunction) expr() {}
func (*ArrayExpr) expr()        {}
func (*RowExpr) expr()          {}
func (*Indirection) expr()      {}
func (*NamedArgExpr) expr()     {}
func (*FuncCall) expr()         {}
func (*GroupingFunc) expr()     {}
func (*SetToDefault) expr()     {}
func (*MultiAssignRef) expr()   {}
func (*CurrentOfExpr) expr()    {}
