package main

import (
	"fmt"
	"regexp"
	"strings"
)

// countable reports whether a unit asks anything of the server: \set, \pset and the like do not.
func countable(u *unit) bool {
	if strings.TrimSpace(stripComments(u.sql)) != "" {
		return true
	}
	for _, m := range u.meta {
		if atServer.MatchString(m) {
			return true
		}
	}
	return false
}

var atServer = regexp.MustCompile(`^(d|c|connect|copy|sf|sv|z|g|gx|gset|gexec|gdesc|l|lo_|ef|ev|password|encoding)`)

var (
	errorLine = regexp.MustCompile(`^(ERROR|FATAL):  (.*)`)
	quoted    = regexp.MustCompile(`"[^"]*"`)
	missing   = regexp.MustCompile(`^(?:relation|table|view|materialized view|sequence|type|index|constraint|schema|role|policy|domain|cursor|prepared statement|savepoint) "(?:[^".]*\.)?([^"]+)"(?: .*)? does not exist`)
	values    = regexp.MustCompile(`\b\d[\d.]*\b`)
)

func errorOf(out []string) string {
	for _, l := range out {
		if m := errorLine.FindStringSubmatch(l); m != nil {
			return m[2]
		}
	}
	return ""
}

// general makes messages that differ in names and numbers the same.
func general(message string) string {
	return values.ReplaceAllString(quoted.ReplaceAllString(message, `"…"`), "N")
}

// blame finds for each unit that differs the first cause: that an object is missing, or holds other rows, because an
// earlier statement failed is that statement's cause.
func blame(s *score) {
	objects := map[string]string{} // name -> why it is missing or wrong
	block := ""                    // why the transaction is aborted
	for i := range s.verdicts {
		v := &s.verdicts[i]
		stmts := parseTree(v.unit.sql)
		if v.equal {
			if errorOf(v.got) == "" {
				for _, st := range stmts {
					for _, name := range made(st) {
						if _, ok := st["CreateStmt"]; ok {
							delete(objects, name)
						}
					}
				}
			}
			continue
		}
		v.cause = causeOf(v, objects, block, stmts)
		if v.rule != "" {
			continue
		}
		if want, got := errorOf(v.unit.output), errorOf(v.got); got != "" && want == "" && !strings.HasPrefix(got, "current transaction is aborted") {
			block = v.cause
		}
		for _, st := range stmts {
			for _, name := range made(st) {
				if objects[name] == "" {
					objects[name] = v.cause
				}
			}
		}
	}
}

func causeOf(v *verdict, objects map[string]string, block string, stmts []node) string {
	want, got := errorOf(v.unit.output), errorOf(v.got)
	follow := func() string {
		for _, st := range stmts {
			for _, name := range used(st) {
				if c := objects[name]; c != "" {
					return c
				}
			}
		}
		return ""
	}
	switch {
	case v.lost:
		return "psql did not get here (connection lost, timeout, or an output that never ended)"
	case got != "" && strings.HasPrefix(got, "current transaction is aborted") && block != "":
		return block
	case got != "" && want == "":
		if m := missing.FindStringSubmatch(got); m != nil {
			for _, space := range []string{"rel:", "cursor:", "prepared:"} {
				if c := objects[space+m[1]]; c != "" {
					return c
				}
			}
		}
		return general(got)
	case got != "" && got != want:
		if m := missing.FindStringSubmatch(got); m != nil {
			if c := objects["rel:"+m[1]]; c != "" {
				return c
			}
		}
		if strings.Contains(got, "not supported") {
			return general(got)
		}
		return fmt.Sprintf("error %q instead of %q", general(got), general(want))
	case want != "" && got == "":
		if c := follow(); c != "" {
			return c
		}
		return fmt.Sprintf("no error, expected %q", general(want))
	case got != "":
		return "same error, other details: " + detailDiff(v.unit.output, v.got)
	}
	if c := follow(); c != "" {
		return c
	}
	if equal(v.unit.output, v.got, order{}) {
		return "other row order"
	}
	return differs(v)
}

func detailDiff(want, got []string) string {
	for i := range want {
		if i >= len(got) || want[i] != got[i] {
			w, _, _ := strings.Cut(want[i], ":")
			switch w {
			case "DETAIL", "HINT", "CONTEXT", "NOTICE", "WARNING":
				return w
			}
			if strings.HasPrefix(w, "LINE") || strings.TrimSpace(want[i]) == "^" {
				return "position"
			}
			return "rows or notices"
		}
	}
	return "additional lines: " + general(got[len(want)])
}

// differs says how outputs without errors differ.
func differs(v *verdict) string {
	a, b := parts(v.unit.output), parts(v.got)
	var ta, tb []*table
	var la, lb []string
	for _, p := range a {
		if p.table != nil {
			ta = append(ta, p.table)
		} else {
			la = append(la, p.line)
		}
	}
	for _, p := range b {
		if p.table != nil {
			tb = append(tb, p.table)
		} else {
			lb = append(lb, p.line)
		}
	}
	for i := range ta {
		if i >= len(tb) {
			break
		}
		if strings.Join(strings.Fields(ta[i].head), " ") != strings.Join(strings.Fields(tb[i].head), " ") {
			return "other column names"
		}
	}
	notice := func(lines []string) string {
		for _, l := range lines {
			if strings.HasPrefix(l, "NOTICE:") || strings.HasPrefix(l, "WARNING:") {
				return l
			}
		}
		return ""
	}
	if wn, gn := notice(la), notice(lb); wn != gn {
		if wn == "" {
			return "unexpected " + general(gn)
		}
		return "missing " + general(wn)
	}
	if len(v.unit.meta) > 0 {
		return `other output of \` + strings.Fields(v.unit.meta[0])[0]
	}
	return "other rows"
}
