// Package compatibility keeps docs/COMPATIBILITY.md true: what the code refuses with 0A000 is on the page by name, and what the
// page lists is refused by the code.
package compatibility

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// feature is a name in "… is not supported", with … for what is put in when it is raised.
type feature struct {
	name string
	at   string // file of one place that raises it
}

// function is a function of the module by package directory and name; the receiver does not matter.
type function struct{ dir, name string }

// source is the module's code without tests.
type source struct {
	files map[string]*ast.File // by path relative to the module's root
	// takes says of which functions an argument is a feature's name: that of pgerr.NotSupported, and those of functions that
	// hand a parameter of theirs on to it.
	takes map[function]int
}

// readSource parses the packages that serve SQL.
func readSource(root string) (*source, error) {
	s := &source{files: map[string]*ast.File{}, takes: map[function]int{{"sql/pgerr", "NotSupported"}: 0}}
	for _, top := range []string{"sql", "planner", "catalog", "server", "wire", "fk", "shard"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			rel, _ := filepath.Rel(root, path)
			s.files[filepath.ToSlash(rel)] = f
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// features returns every name that the code raises, sorted.
func (s *source) features() []feature {
	for grown := true; grown; {
		grown = false
		s.calls(func(path string, fn *ast.FuncDecl, arg ast.Expr) {
			id, ok := arg.(*ast.Ident)
			if !ok || fn == nil {
				return
			}
			key := function{filepath.ToSlash(filepath.Dir(path)), fn.Name.Name}
			if i := parameter(fn, id.Name); i >= 0 {
				if _, known := s.takes[key]; !known {
					s.takes[key], grown = i, true
				}
			}
		})
	}
	places := map[string]string{}
	s.calls(func(path string, fn *ast.FuncDecl, arg ast.Expr) {
		if id, ok := arg.(*ast.Ident); ok && fn != nil && parameter(fn, id.Name) >= 0 {
			return // its callers name it
		}
		for _, name := range values(fn, arg) {
			if name == "" { // says that there is none
				continue
			}
			if places[name] == "" || path < places[name] {
				places[name] = path
			}
		}
	})
	var out []feature
	for name, at := range places {
		out = append(out, feature{name, at})
	}
	slices.SortFunc(out, func(a, b feature) int { return strings.Compare(a.name, b.name) })
	return out
}

// calls visits the calls that name a feature.
func (s *source) calls(visit func(path string, fn *ast.FuncDecl, arg ast.Expr)) {
	for path, f := range s.files {
		dir := filepath.ToSlash(filepath.Dir(path))
		for _, decl := range f.Decls {
			fn, _ := decl.(*ast.FuncDecl)
			ast.Inspect(decl, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				key := function{dir: dir}
				switch f := call.Fun.(type) {
				case *ast.Ident:
					key.name = f.Name
				case *ast.SelectorExpr:
					key.name = f.Sel.Name
					if x, ok := f.X.(*ast.Ident); ok && x.Name == "pgerr" {
						key.dir = "sql/pgerr"
					}
				}
				if i, ok := s.takes[key]; ok && i < len(call.Args) {
					visit(path, fn, call.Args[i])
				}
				return true
			})
		}
	}
}

// parameter returns the position of a parameter, or -1.
func parameter(fn *ast.FuncDecl, name string) int {
	i := 0
	for _, field := range fn.Type.Params.List {
		for _, n := range field.Names {
			if n.Name == name {
				return i
			}
			i++
		}
	}
	return -1
}

// values returns what an argument may be: a literal, or a concatenation with … for what is not one, or the literals that
// the function assigns to a variable.
func values(fn *ast.FuncDecl, e ast.Expr) []string {
	if id, ok := e.(*ast.Ident); ok && fn != nil {
		var out []string
		ast.Inspect(fn, func(n ast.Node) bool {
			a, ok := n.(*ast.AssignStmt)
			if !ok {
				return true
			}
			for i, l := range a.Lhs {
				if v, ok := l.(*ast.Ident); ok && v.Name == id.Name && i < len(a.Rhs) {
					if p := pattern(a.Rhs[i]); p != "" && p != "…" {
						out = append(out, p)
					}
				}
			}
			return true
		})
		if len(out) > 0 {
			return out
		}
	}
	return []string{pattern(e)}
}

func pattern(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil {
			return s
		}
	case *ast.ParenExpr:
		return pattern(e.X)
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return squeeze(pattern(e.X) + pattern(e.Y))
		}
	case *ast.CallExpr:
		if sel, ok := e.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sprintf" && len(e.Args) > 0 {
			return squeeze(verbs(pattern(e.Args[0])))
		}
	}
	return "…"
}

// verbs replaces those of fmt.
func verbs(format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] == '%' && i+1 < len(format) {
			b.WriteString("…")
			i++
			continue
		}
		b.WriteByte(format[i])
	}
	return b.String()
}

func squeeze(s string) string { return strings.ReplaceAll(s, "……", "…") }
