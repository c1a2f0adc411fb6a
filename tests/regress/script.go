package main

import (
	"regexp"
	"strings"
)

// unit is what a score counts: the lines of a script up to the end of one on which psql has nothing left to read to the end.
// Nearly always that is one statement or one backslash command, with the comments before it.
type unit struct {
	number int
	line   int      // of the script, counted from 1
	lines  []string // as they stand in the script
	echo   []string // those that psql -a prints
	sql    string   // without backslash commands
	meta   []string // backslash commands, without the backslash
	data   []string // rows of a COPY FROM STDIN, with the final \.
	output []string // what expected/ has after the echo
}

// title is the unit in one line.
func (u *unit) title() string {
	text := strings.TrimSpace(u.sql)
	if text == "" && len(u.meta) > 0 {
		text = `\` + u.meta[0]
	}
	text = strings.Join(strings.Fields(comments.ReplaceAllString(text, " ")), " ")
	if len(text) > 150 {
		text = text[:150] + "…"
	}
	return text
}

// statements is the text that psql acts upon, without comments.
func (u *unit) statements() string { return stripComments(u.sql) + strings.Join(u.meta, ";") }

// copies reports whether the unit reads rows from psql's input.
func (u *unit) copies() bool { return copyFromStdin.MatchString(u.statements()) }

var (
	comments      = regexp.MustCompile(`--[^\n]*`)
	copyFromStdin = regexp.MustCompile(`(?is)\bcopy\s[^;]*\bfrom\s+p?stdin\b`)
	stdStrings    = regexp.MustCompile(`(?i)\bset\s+standard_conforming_strings\s*(?:=|to)\s*'?(\w+)`)
	executing     = regexp.MustCompile(`^(g|gx|gset|gexec|gdesc|crosstabview|watch)\b`)
)

// scanner follows psql's lexer (psqlscan.l): it knows where a statement ends, and what is not SQL.
type scanner struct {
	quote   byte   // ' " $ or *: inside a string, an identifier, a dollar string, a comment; 0: outside
	escapes bool   // a backslash escapes in this string
	tag     string // of the dollar string
	depth   int    // of comments
	parens  int
	begins  int // BEGIN ATOMIC … END of a function
	words   []string
	pending bool // something was read since the last statement ended
	sql     strings.Builder
	meta    []string
	plain   bool // standard_conforming_strings is off: a backslash escapes in every string
}

// scan reads a line.
func (s *scanner) scan(line string) {
	for i := 0; i < len(line); {
		rest := line[i:]
		var n int
		switch {
		case s.quote != 0:
			n = s.inQuote(rest)
		case strings.HasPrefix(rest, "--"):
			s.sql.WriteString(rest)
			n = len(rest)
		case strings.HasPrefix(rest, "/*"):
			s.quote, s.depth = '*', 1
			n = s.take(rest, 2)
		case rest[0] == '\\' && len(rest) > 1 && (rest[1] == ';' || rest[1] == ':'):
			s.sql.WriteByte(rest[1])
			n = 2
		case rest[0] == '\\':
			n = s.command(rest)
		default:
			n = s.outside(rest)
		}
		i += n
	}
	s.sql.WriteByte('\n')
}

// take copies n bytes.
func (s *scanner) take(text string, n int) int {
	s.sql.WriteString(text[:n])
	return n
}

// inQuote reads some of a string, quoted identifier or comment.
func (s *scanner) inQuote(rest string) int {
	switch {
	case s.quote == '*':
		switch {
		case strings.HasPrefix(rest, "/*"):
			s.depth++
			return s.take(rest, 2)
		case strings.HasPrefix(rest, "*/"):
			if s.depth--; s.depth == 0 {
				s.quote = 0
			}
			return s.take(rest, 2)
		}
	case s.quote == '$':
		if strings.HasPrefix(rest, s.tag) {
			s.quote = 0
			return s.take(rest, len(s.tag))
		}
	case s.escapes && rest[0] == '\\' && len(rest) > 1:
		return s.take(rest, 2)
	case rest[0] == s.quote:
		if len(rest) > 1 && rest[1] == s.quote {
			return s.take(rest, 2)
		}
		s.quote = 0
	}
	return s.take(rest, 1)
}

var (
	word      = regexp.MustCompile(`^[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*`)
	dollarTag = regexp.MustCompile(`^\$([A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$`)
	number    = regexp.MustCompile(`^[0-9][0-9A-Za-z_$]*`)
)

// outside reads a token of SQL.
func (s *scanner) outside(rest string) int {
	c := rest[0]
	if c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' {
		return s.take(rest, 1)
	}
	if c == ';' && s.parens == 0 && s.begins == 0 {
		s.end()
		return s.take(rest, 1)
	}
	s.pending = true
	switch {
	case c == '\'':
		s.quote, s.escapes = '\'', s.plain
	case c == '"':
		s.quote, s.escapes = '"', false
	case c == '(':
		s.parens++
	case c == ')':
		s.parens = max(0, s.parens-1)
	case c == '$' && dollarTag.MatchString(rest):
		s.quote, s.tag = '$', dollarTag.FindString(rest)
		return s.take(rest, len(s.tag))
	case number.MatchString(rest):
		return s.take(rest, len(number.FindString(rest)))
	case word.MatchString(rest):
		w := word.FindString(rest)
		if strings.HasPrefix(rest[len(w):], "'") && strings.EqualFold(w, "e") {
			s.quote, s.escapes = '\'', true
			return s.take(rest, len(w)+1)
		}
		s.word(strings.ToLower(w))
		return s.take(rest, len(w))
	}
	return s.take(rest, 1)
}

// word counts BEGIN and END in the body of a function, as psql does: a semicolon between them ends nothing.
func (s *scanner) word(w string) {
	if len(s.words) < 4 {
		s.words = append(s.words, w)
	}
	if s.words[0] != "create" || s.parens > 0 {
		return
	}
	at := 1
	if len(s.words) > 2 && s.words[1] == "or" && s.words[2] == "replace" {
		at = 3
	}
	if len(s.words) <= at || s.words[at] != "function" && s.words[at] != "procedure" {
		return
	}
	switch {
	case w == "begin", w == "case" && s.begins > 0:
		s.begins++
	case w == "end" && s.begins > 0:
		s.begins--
	}
}

// end ends a statement.
func (s *scanner) end() {
	s.pending, s.parens, s.begins, s.words = false, 0, 0, nil
}

// command reads a backslash command, which takes the rest of its line.
func (s *scanner) command(rest string) int {
	text := strings.TrimSpace(rest[1:])
	s.meta = append(s.meta, text)
	if executing.MatchString(text) || text == "r" {
		s.end()
	}
	return len(rest)
}

// done reports whether a unit is complete at the end of a line.
func (s *scanner) done() bool {
	return s.quote == 0 && !s.pending && (len(s.meta) > 0 || strings.TrimSpace(stripComments(s.sql.String())) != "")
}

var blockComments = regexp.MustCompile(`(?s)/\*.*?\*/`)

// stripComments leaves out comments; it is used only where no string can be open.
func stripComments(sql string) string {
	return comments.ReplaceAllString(blockComments.ReplaceAllString(sql, " "), " ")
}

// readScript cuts a script into units and deals out the expected output to them. Whether the lines after a COPY FROM STDIN
// are its rows or the next statement (where the COPY is to fail) is told by the expected output: psql prints no rows.
func readScript(script, expected string) []*unit {
	lines := splitLines(script)
	a := &aligner{out: splitLines(expected)}
	var units []*unit
	s := &scanner{}
	u := &unit{line: 1}
	for i := 0; i < len(lines); i++ {
		if lines[i] != "" || s.quote != 0 {
			u.echo = append(u.echo, lines[i])
		}
		u.lines = append(u.lines, lines[i])
		s.scan(lines[i])
		if !s.done() && i+1 < len(lines) {
			continue
		}
		u.number = len(units)
		u.sql, u.meta = s.sql.String(), s.meta
		if m := stdStrings.FindStringSubmatch(u.sql); m != nil {
			s.plain = strings.EqualFold(m[1], "off")
		}
		a.place(u)
		for range copyFromStdin.FindAllString(u.statements(), -1) {
			if end := a.rowsEnd(lines, i+1); end > 0 {
				u.data = append(u.data, lines[i+1:end]...)
				i = end - 1
			}
		}
		units = append(units, u)
		s = &scanner{plain: s.plain}
		u = &unit{line: i + 2}
	}
	a.finish()
	return units
}

func splitLines(text string) []string {
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// aligner deals out the lines of an output of psql -a.
type aligner struct {
	out  []string
	at   int
	last *unit
}

// place finds the echo of u, and gives what stands before it to the unit before.
func (a *aligner) place(u *unit) {
	for i, line := range u.echo {
		k := a.find(line, u.echo[i:])
		if k < 0 {
			continue // not printed: psql had ended, or took it for rows of a COPY
		}
		a.give(k)
		a.at = k + 1
		if a.last != u {
			a.last = u
		}
	}
}

// find finds the next line that equals, where it can followed by the rest of the unit's echo.
func (a *aligner) find(line string, rest []string) int {
	first := -1
	for k := a.at; k < len(a.out); k++ {
		if a.out[k] != line {
			continue
		}
		if first < 0 {
			first = k
		}
		if k+len(rest) <= len(a.out) && equalLines(a.out[k:k+len(rest)], rest) {
			return k
		}
	}
	return first
}

func equalLines(a, b []string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (a *aligner) give(to int) {
	if a.last != nil {
		a.last.output = append(a.last.output, a.out[a.at:to]...)
	}
}

func (a *aligner) finish() {
	a.give(len(a.out))
	a.at = len(a.out)
}

// rowsEnd returns the line after the \. that ends the rows starting at lines[from], or 0 if these are no rows.
func (a *aligner) rowsEnd(lines []string, from int) int {
	end := from
	for end < len(lines) && lines[end] != `\.` {
		end++
	}
	if end == len(lines) {
		return 0
	}
	if end == from {
		return end + 1
	}
	var next, after string
	for _, l := range lines[from:end] {
		if l != "" {
			next = l
			break
		}
	}
	for _, l := range lines[end+1:] {
		if l != "" {
			after = l
			break
		}
	}
	for _, l := range a.out[a.at:] {
		if l == after {
			break
		}
		if next != "" && l == next {
			return 0
		}
	}
	return end + 1
}
