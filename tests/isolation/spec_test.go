package isolation

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// spec is one of PostgreSQL's own isolation tests (src/test/isolation/specs).
type spec struct {
	setup        []string
	sessions     []specSession
	permutations [][]string // names of steps
}

type specSession struct {
	name, setup, teardown string
	steps                 []specStep
}

type specStep struct{ name, sql string }

// specScanner splits a spec into words and the SQL between braces.
type specScanner struct{ rest string }

func (s *specScanner) next() (word string, sql, ok bool) {
	for {
		s.rest = strings.TrimLeftFunc(s.rest, unicode.IsSpace)
		if !strings.HasPrefix(s.rest, "#") {
			break
		}
		_, s.rest, _ = strings.Cut(s.rest, "\n")
	}
	switch {
	case s.rest == "":
		return "", false, false
	case s.rest[0] == '{':
		word, s.rest, _ = strings.Cut(s.rest[1:], "}")
		return strings.TrimSpace(word), true, true
	case s.rest[0] == '"':
		word, s.rest, _ = strings.Cut(s.rest[1:], "\"")
		return word, false, true
	case s.rest[0] == '(': // when a step's end is reported: nothing that a transcript shows
		_, s.rest, _ = strings.Cut(s.rest, ")")
		return "()", false, true
	}
	n := strings.IndexFunc(s.rest, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("{(\"#", r) })
	if n < 0 {
		n = len(s.rest)
	}
	word, s.rest = s.rest[:n], s.rest[n:]
	return word, false, true
}

// timers are PostgreSQL's way to choose the victim of a deadlock; here it is always who closes the cycle.
var timers = regexp.MustCompile(`(?i)SET (LOCAL )?deadlock_timeout = '\w+';`)

func parseSpec(text string) (*spec, error) {
	sc, sp := &specScanner{timers.ReplaceAllString(text, "")}, &spec{}
	var session *specSession
	word, _, ok := sc.next()
	for ok {
		arg, _, _ := sc.next()
		switch word {
		case "setup":
			if session == nil {
				sp.setup = append(sp.setup, arg)
			} else {
				session.setup = arg
			}
		case "teardown":
			if session != nil {
				session.teardown = arg
			}
		case "session":
			sp.sessions = append(sp.sessions, specSession{name: arg})
			session = &sp.sessions[len(sp.sessions)-1]
		case "step":
			sql, _, _ := sc.next()
			session.steps = append(session.steps, specStep{arg, sql})
		case "permutation":
			steps := []string{arg}
			for {
				before := sc.rest
				w, _, more := sc.next()
				if !more || slices.Contains([]string{"permutation", "session", "setup", "teardown"}, w) {
					sc.rest = before
					break
				}
				if w != "()" {
					steps = append(steps, w)
				}
			}
			sp.permutations = append(sp.permutations, steps)
		default:
			return nil, fmt.Errorf("%q is no part of a spec", word)
		}
		word, _, ok = sc.next()
	}
	if sp.permutations == nil {
		sp.permutations = sp.interleavings(nil, make([]int, len(sp.sessions)))
	}
	return sp, nil
}

// interleavings are all orders of all steps, as isolationtester tries them when a spec names none.
func (sp *spec) interleavings(so []string, at []int) (out [][]string) {
	done := true
	for i := range sp.sessions {
		if at[i] < len(sp.sessions[i].steps) {
			done = false
			at[i]++
			out = append(out, sp.interleavings(append(slices.Clip(so), sp.sessions[i].steps[at[i]-1].name), at)...)
			at[i]--
		}
	}
	if done {
		return [][]string{so}
	}
	return out
}

// script makes a case of a permutation.
func (sp *spec) script(permutation []string) (script, error) {
	c := script{name: strings.Join(permutation, " "), setup: sp.setup}
	for _, s := range sp.sessions {
		if s.setup != "" {
			c.steps = append(c.steps, step{s.name, s.setup})
		}
	}
	for _, name := range permutation {
		found := false
		for _, s := range sp.sessions {
			for _, st := range s.steps {
				if st.name == name {
					c.steps, found = append(c.steps, step{s.name, st.sql}), true
				}
			}
		}
		if !found {
			return c, fmt.Errorf("there is no step %q", name)
		}
	}
	for range sp.sessions {
		for _, s := range sp.sessions {
			c.steps = append(c.steps, step{session: s.name})
		}
	}
	for _, s := range sp.sessions {
		if s.teardown != "" {
			c.steps = append(c.steps, step{s.name, s.teardown})
		}
	}
	return c, nil
}

// maxPermutations bounds what is played of one spec.
const maxPermutations = 40

// PostgreSQL's own isolation tests, to be read rather than to be green: plans, the order of rows that nothing orders, which
// SERIALIZABLE transaction fails, and how a deadlock is broken may differ. PGMQDB_SPECS='fk-*' plays those of a pattern.
func TestPostgreSQLsOwnSpecs(t *testing.T) {
	only := os.Getenv("PGMQDB_SPECS")
	if only == "" {
		t.Skip("PGMQDB_SPECS names none: a pattern, or * for all")
	}
	out, err := exec.Command("../regress/fetch-source").Output()
	if err != nil {
		t.Skipf("PostgreSQL's source cannot be had: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "../isolation/specs", only+".spec"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no specs: %v", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(f), ".spec"), func(t *testing.T) {
			sp, err := parseSpec(string(text))
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range sp.permutations[:min(len(sp.permutations), maxPermutations)] {
				c, err := sp.script(p)
				if err != nil {
					t.Fatal(err)
				}
				t.Run(fmt.Sprint(i), func(t *testing.T) { compare(t, c) })
			}
		})
	}
}
