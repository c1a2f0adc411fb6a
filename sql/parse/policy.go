package parse

// policyTexts are the conditions of CREATE and ALTER POLICY: what the parentheses behind USING and WITH CHECK hold; empty for
// those that are not there.
func policyTexts(sql string) (using, check string) {
	l := lexer{sql: sql}
	var buf [16]byte
	depth, start, last := 0, -1, ""
	for {
		t := l.next()
		switch {
		case t.kind == tokEOF, t.kind == tokError:
			return using, check
		case t.kind == tokPunct && sql[t.start] == '(':
			if depth++; depth == 1 && (last == "using" || last == "check") {
				start = t.end
			}
			continue
		case t.kind == tokPunct && sql[t.start] == ')':
			if depth--; depth == 0 && start >= 0 {
				text := trimSpace(sql[start:t.start])
				if last == "using" {
					using = text
				} else {
					check = text
				}
				start = -1
			}
			continue
		}
		if depth == 0 {
			last = string(l.keyword(t, &buf))
		}
	}
}
