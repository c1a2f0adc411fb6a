package parse

// LiteralKind is the kind of a literal that Normalize took out or that a
// LiteralRows holds. Equal kinds mean equal types, so a plan made for a key
// with its kinds serves every text with that key.
type LiteralKind byte

// Kinds of literals.
const (
	LitNull    LiteralKind = 'z' // NULL: only in LiteralRows
	LitTrue    LiteralKind = 't' // TRUE: only in LiteralRows
	LitFalse   LiteralKind = 'f' // FALSE: only in LiteralRows
	LitInt4    LiteralKind = 'i' // fits int32
	LitInt8    LiteralKind = 'l' // fits int64, not int32
	LitNumeric LiteralKind = 'n' // any other number
	LitString  LiteralKind = 's' // '…': of unknown type, as written
)

// Literal is one literal that Normalize took out of a text.
type Literal struct {
	Text string // value: a number with its sign, or a string unquoted
	Kind LiteralKind
	Pos  int // byte offset in the original text
}

// LiteralRows holds the rows of a long VALUES list of literals in row-major
// columns: the value of row r, column c is at index r*NumCols+c.
type LiteralRows struct {
	NumCols int
	Kinds   []LiteralKind
	Texts   []string // "" for NULL, TRUE and FALSE
	Locs    []int32  // byte offsets
}

// NumRows returns the number of rows.
func (l *LiteralRows) NumRows() int { return len(l.Kinds) / l.NumCols }
