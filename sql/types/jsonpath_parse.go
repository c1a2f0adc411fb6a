package types

import (
	"strconv"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// maxPathDepth bounds nesting, as PostgreSQL's stack limit does.
const maxPathDepth = 3000

// pathParser reads a path by recursive descent. The grammar keeps predicates and expressions apart, and so does the
// parser: each operand is checked for which it is, at the token where PostgreSQL's would find out.
type pathParser struct {
	pathScanner
	depth int
}

// pathNode is what was read, and whether it is a predicate.
type pathNode struct {
	item *JSONPathItem
	pred bool
}

// ParseJSONPath reads a path.
func ParseJSONPath(s string) (*JSONPath, error) {
	p := &pathParser{pathScanner: pathScanner{in: s}}
	if err := p.next(); err != nil {
		return nil, err
	}
	if p.tok == pathEnd {
		return nil, pgerr.New(pgerr.InvalidTextRepresentation, "invalid input syntax for type %s: \"%s\"", "jsonpath", s)
	}
	out := &JSONPath{Lax: true}
	if p.isWord("strict") || p.isWord("lax") {
		out.Lax = p.str == "lax"
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.tok != pathEnd {
		return nil, p.unexpected()
	}
	out.Root = n.item
	return out, checkPathItem(out.Root, 0, false)
}

func (p *pathParser) unexpected() error { return p.fail("syntax error") }

func (p *pathParser) is(c byte) bool { return p.tok == pathChar && p.ch == c }

func (p *pathParser) isWord(k string) bool { return p.tok == pathKeyword && p.str == k }

// expect reads over a character.
func (p *pathParser) expect(c byte) error {
	if !p.is(c) {
		return p.unexpected()
	}
	return p.next()
}

func (p *pathParser) expectWord(k string) error {
	if !p.isWord(k) {
		return p.unexpected()
	}
	return p.next()
}

// want fails at the current token unless n is a predicate, or is none.
func (p *pathParser) want(n pathNode, pred bool) error {
	if n.pred != pred {
		return p.unexpected()
	}
	return nil
}

// binary reads operands joined by operators of one precedence.
func (p *pathParser) binary(operand func() (pathNode, error), pred bool, operator func() (JSONPathKind, bool)) (pathNode, error) {
	l, err := operand()
	if err != nil {
		return l, err
	}
	for {
		kind, ok := operator()
		if !ok {
			return l, nil
		}
		if err := firstError(p.want(l, pred), p.next()); err != nil {
			return l, err
		}
		r, err := operand()
		if err != nil {
			return l, err
		}
		if err := p.want(r, pred); err != nil {
			return l, err
		}
		l = pathNode{&JSONPathItem{Kind: kind, Left: l.item, Right: r.item}, pred}
	}
}

func (p *pathParser) or() (pathNode, error) {
	if p.depth++; p.depth > maxPathDepth {
		return pathNode{}, pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded")
	}
	defer func() { p.depth-- }()
	return p.binary(p.and, true, func() (JSONPathKind, bool) { return PathOr, p.tok == pathOrOp })
}

func (p *pathParser) and() (pathNode, error) {
	return p.binary(p.comparison, true, func() (JSONPathKind, bool) { return PathAnd, p.tok == pathAndOp })
}

// comparison reads an expression, or a predicate other than && and ||.
func (p *pathParser) comparison() (pathNode, error) {
	if p.is('!') {
		return p.not()
	}
	l, err := p.sum()
	if err != nil {
		return l, err
	}
	switch {
	case p.tok == pathCompare:
		kind := p.op
		if err := firstError(p.want(l, false), p.next()); err != nil {
			return l, err
		}
		r, err := p.sum()
		if err == nil {
			err = p.want(r, false)
		}
		return pathNode{&JSONPathItem{Kind: kind, Left: l.item, Right: r.item}, true}, err
	case p.isWord("starts"):
		return p.startsWith(l)
	case p.isWord("like_regex"):
		return p.likeRegex(l)
	}
	return l, nil
}

func (p *pathParser) not() (pathNode, error) {
	if err := p.next(); err != nil {
		return pathNode{}, err
	}
	var n pathNode
	var err error
	switch {
	case p.isWord("exists"):
		n, err = p.exists()
	case p.is('('):
		n, err = p.parenthesis()
		if err == nil {
			err = p.want(n, true)
		}
	default:
		err = p.unexpected()
	}
	return pathNode{&JSONPathItem{Kind: PathNot, Left: n.item}, true}, err
}

func (p *pathParser) startsWith(l pathNode) (pathNode, error) {
	if err := firstError(p.want(l, false), p.next()); err != nil {
		return l, err
	}
	if err := p.expectWord("with"); err != nil {
		return l, err
	}
	kind := PathString
	switch p.tok {
	case pathQuoted:
	case pathVariable:
		kind = PathVariable
	default:
		return l, p.unexpected()
	}
	r := &JSONPathItem{Kind: kind, Str: p.str}
	return pathNode{&JSONPathItem{Kind: PathStartsWith, Left: l.item, Right: r}, true}, p.next()
}

func (p *pathParser) likeRegex(l pathNode) (pathNode, error) {
	if err := firstError(p.want(l, false), p.next()); err != nil {
		return l, err
	}
	if p.tok != pathQuoted {
		return l, p.unexpected()
	}
	n := &JSONPathItem{Kind: PathLikeRegex, Left: l.item, Str: p.str}
	if err := p.next(); err != nil {
		return l, err
	}
	if p.isWord("flag") {
		if err := p.next(); err != nil {
			return l, err
		}
		if p.tok != pathQuoted {
			return l, p.unexpected()
		}
		var err error
		if n.Flags, err = regexFlags(p.str); err != nil {
			return l, err
		}
		if err := p.next(); err != nil {
			return l, err
		}
	}
	return pathNode{n, true}, CheckJSONPathRegex(n.Str, n.Flags)
}

func (p *pathParser) sum() (pathNode, error) {
	return p.binary(p.product, false, func() (JSONPathKind, bool) {
		switch {
		case p.is('+'):
			return PathAdd, true
		case p.is('-'):
			return PathSub, true
		}
		return 0, false
	})
}

func (p *pathParser) product() (pathNode, error) {
	return p.binary(p.sign, false, func() (JSONPathKind, bool) {
		switch {
		case p.is('*'):
			return PathMul, true
		case p.is('/'):
			return PathDiv, true
		case p.is('%'):
			return PathMod, true
		}
		return 0, false
	})
}

func (p *pathParser) sign() (pathNode, error) {
	if !p.is('+') && !p.is('-') {
		return p.primary()
	}
	if p.depth++; p.depth > maxPathDepth {
		return pathNode{}, pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded")
	}
	defer func() { p.depth-- }()
	kind := PathPlus
	if p.ch == '-' {
		kind = PathMinus
	}
	if err := p.next(); err != nil {
		return pathNode{}, err
	}
	n, err := p.sign()
	if err != nil {
		return n, err
	}
	if err := p.want(n, false); err != nil {
		return n, err
	}
	if n.item.Kind == PathNumeric && n.item.Next == nil { // a number keeps its sign
		if kind == PathMinus {
			n.item = &JSONPathItem{Kind: PathNumeric, Num: NumericNeg(n.item.Num)}
		}
		return n, nil
	}
	return pathNode{&JSONPathItem{Kind: kind, Left: n.item}, false}, nil
}

func (p *pathParser) exists() (pathNode, error) {
	if err := p.next(); err != nil {
		return pathNode{}, err
	}
	if err := p.expect('('); err != nil {
		return pathNode{}, err
	}
	n, err := p.or()
	if err != nil {
		return n, err
	}
	if err := p.want(n, false); err != nil {
		return n, err
	}
	return pathNode{&JSONPathItem{Kind: PathExists, Left: n.item}, true}, p.expect(')')
}

// parenthesis reads ( … ), the current token being the first.
func (p *pathParser) parenthesis() (pathNode, error) {
	if err := p.next(); err != nil {
		return pathNode{}, err
	}
	n, err := p.or()
	if err != nil {
		return n, err
	}
	return n, p.expect(')')
}

// primary reads a value with its accessors, ( … ), or exists (…).
func (p *pathParser) primary() (pathNode, error) {
	switch {
	case p.isWord("exists"):
		return p.exists()
	case !p.is('('):
		n, err := p.value()
		if err != nil {
			return pathNode{}, err
		}
		return pathNode{n, false}, p.accessors(n)
	}
	n, err := p.parenthesis()
	if err != nil {
		return n, err
	}
	if n.pred && p.isWord("is") {
		if err := p.next(); err != nil {
			return n, err
		}
		return pathNode{&JSONPathItem{Kind: PathIsUnknown, Left: n.item}, true}, p.expectWord("unknown")
	}
	if p.is('.') || p.is('[') || p.is('?') {
		return pathNode{n.item, false}, p.accessors(n.item)
	}
	return n, nil
}

// value reads a scalar, variable, $, @ or last.
func (p *pathParser) value() (*JSONPathItem, error) {
	n := &JSONPathItem{Str: p.str}
	switch p.tok {
	case pathQuoted:
		n.Kind = PathString
	case pathVariable:
		n.Kind = PathVariable
	case pathInteger, pathNumber:
		d, err := ParseNumeric(p.str)
		if err != nil {
			return nil, err
		}
		n = &JSONPathItem{Kind: PathNumeric, Num: d}
	case pathKeyword:
		switch p.str {
		case "null":
			n.Kind = PathNull
		case "true", "false":
			n = &JSONPathItem{Kind: PathBool, Bool: p.str == "true"}
		case "last":
			n.Kind = PathLast
		default:
			return nil, p.unexpected()
		}
	default:
		switch {
		case p.is('$'):
			n.Kind = PathRoot
		case p.is('@'):
			n.Kind = PathCurrent
		default:
			return nil, p.unexpected()
		}
	}
	return n, p.next()
}

// accessors appends what follows a value to the end of its chain.
func (p *pathParser) accessors(n *JSONPathItem) error {
	for n.Next != nil {
		n = n.Next
	}
	for {
		var err error
		switch {
		case p.is('.'):
			n.Next, err = p.dot()
		case p.is('['):
			n.Next, err = p.subscripts()
		case p.is('?'):
			n.Next, err = p.filter()
		default:
			return nil
		}
		if err != nil {
			return err
		}
		n = n.Next
	}
}

func (p *pathParser) filter() (*JSONPathItem, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	if !p.is('(') {
		return nil, p.unexpected()
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if err := p.want(n, true); err != nil {
		return nil, err
	}
	return &JSONPathItem{Kind: PathFilter, Left: n.item}, p.expect(')')
}

var pathMethods = map[string]JSONPathKind{"abs": PathAbs, "size": PathSize, "type": PathType, "floor": PathFloor,
	"double": PathDouble, "ceiling": PathCeiling, "keyvalue": PathKeyValue, "datetime": PathDatetime}

// dot reads what follows a dot: a key, *, **, or a method.
func (p *pathParser) dot() (*JSONPathItem, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	switch {
	case p.is('*'):
		return &JSONPathItem{Kind: PathAnyKey}, p.next()
	case p.tok == pathAnyOp:
		return p.levels()
	case p.tok != pathWord && p.tok != pathKeyword && p.tok != pathQuoted:
		return nil, p.unexpected()
	}
	n := &JSONPathItem{Kind: PathKey, Str: p.str}
	if p.tok == pathKeyword { // a key keeps the case in which it was written
		n.Str = p.written
	}
	method, isMethod := pathMethods[p.str]
	isMethod = isMethod && p.tok == pathKeyword
	if err := p.next(); err != nil || !isMethod || !p.is('(') {
		return n, err
	}
	n = &JSONPathItem{Kind: method}
	if err := p.next(); err != nil {
		return nil, err
	}
	if method == PathDatetime && p.tok == pathQuoted {
		n.Left = &JSONPathItem{Kind: PathString, Str: p.str}
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	return n, p.expect(')')
}

// levels reads the levels of **.
func (p *pathParser) levels() (*JSONPathItem, error) {
	n := &JSONPathItem{Kind: PathAny, Last: LastLevel}
	if err := p.next(); err != nil || !p.is('{') {
		return n, err
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	var err error
	if n.First, err = p.level(); err != nil {
		return nil, err
	}
	n.Last = n.First
	if p.isWord("to") {
		if err := p.next(); err != nil {
			return nil, err
		}
		if n.Last, err = p.level(); err != nil {
			return nil, err
		}
	}
	return n, p.expect('}')
}

func (p *pathParser) level() (uint32, error) {
	if p.isWord("last") {
		return LastLevel, p.next()
	}
	if p.tok != pathInteger {
		return 0, p.unexpected()
	}
	i, err := strconv.ParseInt(p.str, 10, 32)
	if err != nil {
		return 0, pgerr.New(pgerr.NumericValueOutOfRange, "value \"%s\" is out of range for type %s", p.str, "integer")
	}
	return uint32(i), p.next()
}

// subscripts reads [*] or [a, b to c].
func (p *pathParser) subscripts() (*JSONPathItem, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	if p.is('*') {
		if err := p.next(); err != nil {
			return nil, err
		}
		return &JSONPathItem{Kind: PathAnyArray}, p.expect(']')
	}
	out := &JSONPathItem{Kind: PathIndexes}
	for {
		var r JSONPathRange
		var err error
		if r.From, err = p.index(); err != nil {
			return nil, err
		}
		if p.isWord("to") {
			if err := p.next(); err != nil {
				return nil, err
			}
			if r.To, err = p.index(); err != nil {
				return nil, err
			}
		}
		out.Subscripts = append(out.Subscripts, r)
		if !p.is(',') {
			return out, p.expect(']')
		}
		if err := p.next(); err != nil {
			return nil, err
		}
	}
}

// index reads an expression of a subscript.
func (p *pathParser) index() (*JSONPathItem, error) {
	if p.depth++; p.depth > maxPathDepth {
		return nil, pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded")
	}
	defer func() { p.depth-- }()
	n, err := p.sum()
	if err == nil {
		err = p.want(n, false)
	}
	return n.item, err
}
