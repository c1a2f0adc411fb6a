package main

import (
	"regexp"
	"slices"
	"strings"
)

// table is a result as psql's aligned format prints it.
type table struct {
	head   string
	ruler  string
	rows   []string // a row of several lines is one entry
	footer string
}

var (
	rulerLine  = regexp.MustCompile(`^-+(\+-+)*$`)
	footerLine = regexp.MustCompile(`^\(\d+ rows?\)$`)
)

// part is a table or a line that belongs to none.
type part struct {
	line  string
	table *table
}

// parts cuts an output into tables and other lines.
func parts(out []string) []part {
	var ps []part
	for i := 0; i < len(out); i++ {
		if i+1 < len(out) && rulerLine.MatchString(out[i+1]) {
			if end := footerAt(out, i+2); end > 0 {
				t := &table{head: out[i], ruler: out[i+1], footer: out[end]}
				t.rows = joinRows(out[i+2 : end])
				ps = append(ps, part{table: t})
				i = end
				continue
			}
		}
		ps = append(ps, part{line: out[i]})
	}
	return ps
}

func footerAt(out []string, from int) int {
	for i := from; i < len(out); i++ {
		if footerLine.MatchString(out[i]) {
			return i
		}
	}
	return 0
}

func hasRows(out []string) bool {
	for _, p := range parts(out) {
		if p.table != nil && len(p.table.rows) > 0 {
			return true
		}
	}
	return false
}

// joinRows puts the lines of a row together: psql marks a cell that goes on with + at its end.
func joinRows(lines []string) []string {
	var rows []string
	open := false
	for _, l := range lines {
		if open {
			rows[len(rows)-1] += "\n" + l
		} else {
			rows = append(rows, l)
		}
		open = strings.HasSuffix(l, "+") || strings.Contains(l, "+|")
	}
	return rows
}

// order says what of the order of a result's rows counts.
type order struct {
	strict bool
	lines  bool     // the rows are a COPY's lines, in any order
	keys   []string // ORDER BY's columns, by output name or by position ("2"); the order of rows equal in them is free
}

// equal compares the output of a unit with the expected one.
func equal(want, got []string, o order) bool {
	if slices.Equal(want, got) {
		return true
	}
	if o.strict && len(o.keys) == 0 {
		return false
	}
	if o.lines {
		return slices.Equal(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got)))
	}
	a, b := parts(want), parts(got)
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		switch {
		case (a[i].table == nil) != (b[i].table == nil):
			return false
		case a[i].table == nil:
			if a[i].line != b[i].line {
				return false
			}
		case !equalTables(a[i].table, b[i].table, o):
			return false
		}
	}
	return true
}

func equalTables(a, b *table, o order) bool {
	if a.head != b.head || a.ruler != b.ruler || a.footer != b.footer || len(a.rows) != len(b.rows) {
		return false
	}
	if o.strict {
		for i := range a.rows {
			ka, ok := keyOf(a.head, a.rows[i], o.keys)
			kb, _ := keyOf(b.head, b.rows[i], o.keys)
			if !ok || ka != kb {
				return false
			}
		}
	}
	return slices.Equal(slices.Sorted(slices.Values(a.rows)), slices.Sorted(slices.Values(b.rows)))
}

// keyOf returns the cells that rows are ordered by.
func keyOf(head, row string, keys []string) (string, bool) {
	names := strings.Split(head, "|")
	cells := strings.Split(row, "|")
	if len(names) != len(cells) || strings.Contains(row, "\n") {
		return "", false
	}
	var key []string
	for _, k := range keys {
		at := slices.IndexFunc(names, func(n string) bool { return strings.TrimSpace(n) == k })
		if k != "" && k[0] >= '0' && k[0] <= '9' {
			at = 0
			for _, c := range k {
				at = at*10 + int(c-'0')
			}
			at--
		}
		if at < 0 || at >= len(cells) {
			return "", false
		}
		key = append(key, strings.TrimSpace(cells[at]))
	}
	return strings.Join(key, "|"), true
}
