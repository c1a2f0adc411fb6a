package parse

// RuleEvent is the command that a rule is for.
type RuleEvent uint8

// The events of rules.
const (
	RuleOnSelect RuleEvent = iota
	RuleOnUpdate
	RuleOnInsert
	RuleOnDelete
)

// RuleStmt is CREATE RULE.
type RuleStmt struct {
	Relation *RangeVar
	Name     string
	Where    Expr // nil for none
	// WhereText is the condition's text.
	WhereText string
	Event     RuleEvent
	Instead   bool
	Actions   []Statement // empty: NOTHING
	// ActionText is the source text of the action, where there is one.
	ActionText string
	Replace    bool
}

func (*RuleStmt) stmt() {}

// ruleActionText is the action of a CREATE RULE of one: what follows DO, INSTEAD or ALSO, without the parentheses that may be
// around a list of actions.
func ruleActionText(sql string) string {
	l := lexer{sql: sql}
	start := -1
	var buf [16]byte
	for {
		t := l.next()
		if t.kind == tokEOF || t.kind == tokError {
			return ""
		}
		word := string(l.keyword(t, &buf))
		switch {
		case start < 0 && word == "do":
			start = t.end
		case start >= 0 && (word == "instead" || word == "also"):
			start = t.end
		case start >= 0:
			text := trimSpace(sql[t.start:])
			if sql[t.start] != '(' {
				return text
			}
			return lastStatement(text[1:])
		}
	}
}

// ruleWhereText is the condition of a CREATE RULE: what stands between WHERE and DO.
func ruleWhereText(sql string) string {
	l := lexer{sql: sql}
	depth, start := 0, -1
	var buf [16]byte
	for {
		t := l.next()
		if t.kind == tokEOF || t.kind == tokError {
			return ""
		}
		word := string(l.keyword(t, &buf))
		switch {
		case t.kind == tokPunct && sql[t.start] == '(':
			depth++
		case t.kind == tokPunct && sql[t.start] == ')':
			depth--
		case depth > 0:
		case start < 0 && word == "where":
			start = t.end
		case start >= 0 && word == "do":
			return trimSpace(sql[start:t.start])
		}
	}
}

// lastStatement cuts a statement at the semicolon or the parenthesis that ends it.
func lastStatement(sql string) string {
	l := lexer{sql: sql}
	depth, start := 0, -1
	for {
		t := l.next()
		if t.kind == tokEOF || t.kind == tokError {
			return trimSpace(sql)
		}
		if t.kind == tokPunct {
			switch c := sql[t.start]; {
			case c == '(':
				depth++
			case c == ')' && depth > 0:
				depth--
			case c == ';' && start < 0: // empty statements may come first
				continue
			case depth == 0 && (c == ')' || c == ';'):
				return trimSpace(sql[max(start, 0):t.start])
			}
		}
		if start < 0 {
			start = t.start
		}
	}
}
