package compatibility

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// pagePath is where the page is, from this directory.
var pagePath = filepath.Join("..", "..", "docs", "COMPATIBILITY.md")

// page is docs/COMPATIBILITY.md. A list in it stands between <!-- NAME --> and <!-- end NAME -->.
type page struct{ text string }

func readPage() (*page, error) {
	b, err := os.ReadFile(pagePath)
	return &page{string(b)}, err
}

// list returns a list's text.
func (p *page) list(name string) (string, error) {
	_, rest, ok := strings.Cut(p.text, "<!-- "+name+" -->\n")
	body, _, ok2 := strings.Cut(rest, "<!-- end "+name+" -->")
	if !ok || !ok2 {
		return "", fmt.Errorf("%s has no list %s", pagePath, name)
	}
	return body, nil
}

// setList replaces a list's text.
func (p *page) setList(name, body string) error {
	old, err := p.list(name)
	if err != nil {
		return err
	}
	begin := "<!-- " + name + " -->\n"
	p.text = strings.Replace(p.text, begin+old, begin+body, 1)
	return nil
}

var code = regexp.MustCompile("``? ?(.+?) ?``?")

// entry matches a line of a list: a name in backquotes, and what is said about it.
var entry = regexp.MustCompile("^- `([^`]+)`(.*)$")

// entries returns the names of a list, a line each, with what is said about them.
func entries(body string) (names []string, said map[string]string) {
	said = map[string]string{}
	for _, line := range strings.Split(body, "\n") {
		if m := entry.FindStringSubmatch(line); m != nil {
			names = append(names, m[1])
			said[m[1]] = m[2]
		}
	}
	return names, said
}

// merge is a list with what is no longer true dropped and what is missing added, in alphabetical order.
func merge(body string, names []string) string {
	_, said := entries(body)
	var b strings.Builder
	for _, n := range slices.SortedFunc(slices.Values(names), byName) {
		fmt.Fprintf(&b, "- `%s`%s\n", n, said[n])
	}
	return b.String()
}

func byName(a, b string) int {
	if c := strings.Compare(strings.ToLower(a), strings.ToLower(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// inline writes names as one paragraph.
func inline(names []string) string {
	var b strings.Builder
	width := 0
	for i, n := range names {
		word := "`" + n + "`"
		if i < len(names)-1 {
			word += ","
		}
		if width > 0 && width+len(word) >= 120 {
			b.WriteString("\n")
			width = 0
		} else if width > 0 {
			b.WriteString(" ")
			width++
		}
		b.WriteString(word)
		width += len(word)
	}
	return b.String() + "\n"
}

// inlined returns the names of such a paragraph.
func inlined(body string) []string {
	var names []string
	for _, m := range code.FindAllStringSubmatch(body, -1) {
		names = append(names, m[1])
	}
	return names
}

// missingTypes are PostgreSQL's types that no column can have, without arrays and pseudo-types.
func missingTypes() []string {
	var out []string
	for _, in := range types.All() {
		if in.Type != 'p' && in.Category != 'A' && !types.Supported(in.Oid) {
			out = append(out, in.SQLName)
		}
	}
	slices.SortFunc(out, byName)
	return slices.Compact(out)
}

// missingFunctions are PostgreSQL's functions that cannot be called, of those that a query may call with the types that
// there are: by name where no overload can, else with the arguments.
func missingFunctions() []string {
	type overload struct {
		signature string
		supported bool
	}
	byFunction := map[string][]overload{}
	expr.Procs(func(p expr.ProcInfo) bool {
		if p.Kind == 'w' { // window functions have no implementation of this kind, and are all there
			return true
		}
		for _, t := range append([]types.Oid{p.Result}, p.Args...) {
			if !callable(t) {
				return true
			}
		}
		byFunction[p.Name] = append(byFunction[p.Name], overload{expr.Signature(p.Name, p.Args), p.Supported})
		return true
	})
	var out []string
	for name, overloads := range byFunction {
		any := slices.ContainsFunc(overloads, func(o overload) bool { return o.supported })
		switch {
		case !any:
			out = append(out, name)
		default:
			for _, o := range overloads {
				if !o.supported {
					out = append(out, o.signature)
				}
			}
		}
	}
	slices.SortFunc(out, byName)
	return out
}

// callable reports whether a query can have a value of the type: internal and its kind are for C alone, and types that do
// not exist here are listed by themselves.
func callable(t types.Oid) bool {
	in := types.Lookup(t)
	if in == nil {
		return false
	}
	if in.Type == 'p' {
		switch in.Name {
		case "internal", "cstring", "trigger", "event_trigger", "language_handler", "fdw_handler", "index_am_handler",
			"table_am_handler", "tsm_handler", "pg_ddl_command":
			return false
		}
		return true
	}
	return types.Supported(t)
}
