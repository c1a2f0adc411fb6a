package types

import (
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// The SQL/JSON path language. A jsonpath value is held as text, from which ParseJSONPath makes a tree: a chain of items
// linked by Next, where `$.a[*]` is root, key, any-element, and operators have chains as operands. What PostgreSQL prints
// is not always the same path, for it leaves out parentheses before accessors: (1 / 2)[0] < 3 comes out as 1 / 2[0] < 3. So
// the text that is held has them, and output makes PostgreSQL's of it.

// JSONPathKind is what an item of a path is.
type JSONPathKind uint8

// The kinds of items. Operators stand in the order of PostgreSQL's names.
const (
	PathNull JSONPathKind = iota
	PathString
	PathNumeric
	PathBool
	PathVariable
	PathRoot
	PathCurrent
	PathLast // the last index, within a subscript
	PathKey
	PathAnyKey   // .*
	PathAnyArray // [*]
	PathIndexes  // [a, b to c]
	PathAny      // .**{first to last}
	PathFilter
	PathAnd
	PathOr
	PathNot
	PathIsUnknown
	PathExists
	PathEqual
	PathNotEqual
	PathLess
	PathGreater
	PathLessOrEqual
	PathGreaterOrEqual
	PathStartsWith
	PathLikeRegex
	PathAdd
	PathSub
	PathMul
	PathDiv
	PathMod
	PathPlus
	PathMinus
	PathType
	PathSize
	PathAbs
	PathFloor
	PathCeiling
	PathDouble
	PathDatetime
	PathKeyValue
)

var pathNames = map[JSONPathKind]string{
	PathAnd: "&&", PathOr: "||", PathEqual: "==", PathNotEqual: "!=", PathLess: "<", PathGreater: ">",
	PathLessOrEqual: "<=", PathGreaterOrEqual: ">=", PathStartsWith: "starts with", PathAdd: "+", PathPlus: "+",
	PathSub: "-", PathMinus: "-", PathMul: "*", PathDiv: "/", PathMod: "%", PathType: "type", PathSize: "size",
	PathAbs: "abs", PathFloor: "floor", PathCeiling: "ceiling", PathDouble: "double", PathDatetime: "datetime",
	PathKeyValue: "keyvalue",
}

// Name is what an operator or method is called in errors and in print.
func (k JSONPathKind) Name() string { return pathNames[k] }

// LastLevel is the level `last` of .**{…}, and no upper limit.
const LastLevel = 1<<32 - 1

// JSONPathRange is one subscript, a to b or, To being nil, a alone.
type JSONPathRange struct{ From, To *JSONPathItem }

// JSONPathItem is one item of a path with those after it.
type JSONPathItem struct {
	Kind        JSONPathKind
	Str         string // of a string, variable, key, or the pattern of like_regex
	Num         Datum  // of a number
	Bool        bool
	Left, Right *JSONPathItem // operands; Left alone for one operand, a filter, or the template of datetime
	Subscripts  []JSONPathRange
	First, Last uint32 // levels of .**
	Flags       JSONRegexFlags
	Next        *JSONPathItem
}

// JSONRegexFlags are the flags of like_regex.
type JSONRegexFlags uint8

// The flags of like_regex, in the order in which they are printed.
const (
	RegexIgnoreCase JSONRegexFlags = 1 << iota
	RegexDotAll
	RegexMultiline
	RegexExpanded
	RegexQuote
)

const regexFlagLetters = "ismxq"

// JSONPath is a whole path.
type JSONPath struct {
	Lax  bool
	Root *JSONPathItem
}

// CheckJSONPathRegex refuses a pattern that like_regex could not run. The package with the regular expressions sets it.
var CheckJSONPathRegex = func(pattern string, flags JSONRegexFlags) error { return nil }

// pathPrinter writes a path as PostgreSQL does, or so that it reads back as the same.
type pathPrinter struct{ faithful bool }

func (p pathPrinter) text(path *JSONPath) []byte {
	var b []byte
	if !path.Lax {
		b = append(b, "strict "...)
	}
	return p.item(b, path.Root, false, true)
}

// NormalizeJSONPath returns the text by which a path is held.
func NormalizeJSONPath(s string) (string, error) {
	p, err := ParseJSONPath(s)
	if err != nil {
		return "", err
	}
	return string(pathPrinter{faithful: true}.text(p)), nil
}

// appendJSONPath appends what PostgreSQL prints for a path, given by the text by which it is held.
func appendJSONPath(buf []byte, s string) []byte {
	p, err := ParseJSONPath(s)
	if err != nil { // not reached: the text passed input
		return append(buf, s...)
	}
	return append(buf, pathPrinter{}.text(p)...)
}

// checkPathItem refuses @ outside of filters and last outside of subscripts.
func checkPathItem(n *JSONPathItem, filters int, inSubscript bool) error {
	for ; n != nil; n = n.Next {
		within := filters
		switch n.Kind {
		case PathFilter:
			within++
		case PathCurrent:
			if filters == 0 {
				return pgerr.New(pgerr.SyntaxError, "@ is not allowed in root expressions")
			}
		case PathLast:
			if !inSubscript {
				return pgerr.New(pgerr.SyntaxError, "LAST is allowed only in array subscripts")
			}
		}
		for _, arg := range [...]*JSONPathItem{n.Left, n.Right} {
			if err := checkPathItem(arg, within, inSubscript); err != nil {
				return err
			}
		}
		for _, r := range n.Subscripts {
			for _, arg := range [...]*JSONPathItem{r.From, r.To} {
				if err := checkPathItem(arg, filters, true); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func pathPriority(k JSONPathKind) int {
	switch k {
	case PathOr:
		return 0
	case PathAnd:
		return 1
	case PathEqual, PathNotEqual, PathLess, PathGreater, PathLessOrEqual, PathGreaterOrEqual, PathStartsWith:
		return 2
	case PathAdd, PathSub:
		return 3
	case PathMul, PathDiv, PathMod:
		return 4
	case PathPlus, PathMinus:
		return 5
	}
	return 6
}

// item prints an item and those after it. inKey says that it follows another; brackets puts operators in
// parentheses.
func (p pathPrinter) item(b []byte, n *JSONPathItem, inKey, brackets bool) []byte {
	for ; n != nil; n, inKey, brackets = n.Next, true, true {
		switch n.Kind {
		case PathAnd, PathOr, PathEqual, PathNotEqual, PathLess, PathGreater, PathLessOrEqual, PathGreaterOrEqual, PathStartsWith,
			PathAdd, PathSub, PathMul, PathDiv, PathMod, PathPlus, PathMinus, PathLikeRegex:
			b = p.operator(b, n, brackets)
		case PathIndexes:
			b = p.indexes(b, n)
		case PathAny:
			if inKey {
				b = append(b, '.')
			}
			b = appendPathLevels(b, n)
		case PathKey, PathAnyKey:
			if inKey {
				b = append(b, '.')
			}
			if n.Kind == PathAnyKey {
				b = append(b, '*')
			} else {
				b = AppendJSONString(b, n.Str)
			}
		default:
			b = p.leaf(b, n)
		}
	}
	return b
}

func (p pathPrinter) leaf(b []byte, n *JSONPathItem) []byte {
	enclose := func(open string, arg *JSONPathItem, end string) []byte {
		if p.faithful && n.Next != nil && n.Kind != PathFilter && n.Kind != PathDatetime {
			open, end = "("+open, end+")"
		}
		return append(p.item(append(b, open...), arg, false, false), end...)
	}
	switch n.Kind {
	case PathNull:
		return append(b, "null"...)
	case PathString:
		return AppendJSONString(b, n.Str)
	case PathVariable:
		return AppendJSONString(append(b, '$'), n.Str)
	case PathNumeric:
		if n.Next != nil {
			return append(AppendNumeric(append(b, '('), n.Num), ')')
		}
		return AppendNumeric(b, n.Num)
	case PathBool:
		return strconv.AppendBool(b, n.Bool)
	case PathRoot:
		return append(b, '$')
	case PathCurrent:
		return append(b, '@')
	case PathLast:
		return append(b, "last"...)
	case PathAnyArray:
		return append(b, "[*]"...)
	case PathFilter:
		return enclose("?(", n.Left, ")")
	case PathNot:
		return enclose("!(", n.Left, ")")
	case PathIsUnknown:
		return enclose("(", n.Left, ") is unknown")
	case PathExists:
		return enclose("exists (", n.Left, ")")
	case PathDatetime:
		return enclose(".datetime(", n.Left, ")")
	}
	return append(append(append(b, '.'), n.Kind.Name()...), "()"...)
}

func (p pathPrinter) operator(b []byte, n *JSONPathItem, brackets bool) []byte {
	if brackets = brackets || p.faithful && n.Next != nil; brackets {
		b = append(b, '(')
	}
	operand := func(arg *JSONPathItem) []byte {
		return p.item(b, arg, false, pathPriority(arg.Kind) <= pathPriority(n.Kind))
	}
	switch n.Kind {
	case PathPlus, PathMinus:
		b = append(b, n.Kind.Name()...)
		b = operand(n.Left)
	case PathLikeRegex:
		b = operand(n.Left)
		b = AppendJSONString(append(b, " like_regex "...), n.Str)
		if n.Flags != 0 {
			b = append(b, " flag \""...)
			for i := range regexFlagLetters {
				if n.Flags>>i&1 != 0 {
					b = append(b, regexFlagLetters[i])
				}
			}
			b = append(b, '"')
		}
	default:
		b = operand(n.Left)
		b = append(append(append(b, ' '), n.Kind.Name()...), ' ')
		b = operand(n.Right)
	}
	if brackets {
		b = append(b, ')')
	}
	return b
}

func (p pathPrinter) indexes(b []byte, n *JSONPathItem) []byte {
	b = append(b, '[')
	for i, r := range n.Subscripts {
		if i > 0 {
			b = append(b, ',')
		}
		b = p.item(b, r.From, false, false)
		if r.To != nil {
			b = p.item(append(b, " to "...), r.To, false, false)
		}
	}
	return append(b, ']')
}

func appendPathLevels(b []byte, n *JSONPathItem) []byte {
	level := func(l uint32) string {
		if l == LastLevel {
			return "last"
		}
		return strconv.FormatUint(uint64(l), 10)
	}
	b = append(b, "**"...)
	switch {
	case n.First == 0 && n.Last == LastLevel:
		return b
	case n.First == n.Last:
		return append(b, "{"+level(n.First)+"}"...)
	}
	return append(b, "{"+level(n.First)+" to "+level(n.Last)+"}"...)
}

// regexFlags reads the flags of like_regex.
func regexFlags(s string) (JSONRegexFlags, error) {
	var out JSONRegexFlags
	for _, r := range s {
		i := strings.IndexRune(regexFlagLetters, r)
		if i < 0 {
			return 0, pgerr.New(pgerr.SyntaxError, "invalid input syntax for type %s", "jsonpath").
				WithDetail("Unrecognized flag character \"%c\" in LIKE_REGEX predicate.", r)
		}
		out |= 1 << i
	}
	if out&RegexExpanded != 0 && out&RegexQuote == 0 {
		return 0, pgerr.New(pgerr.FeatureNotSupported, "XQuery \"x\" flag (expanded regular expressions) is not implemented")
	}
	return out, nil
}
