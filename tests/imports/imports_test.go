// Package imports tests the layering of the module: the table of package rows in docs/ARCHITECTURE.md, as code.
package imports

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/pgmqdb/pgmqdb/"

// rows places every package. A package imports only its own row or rows of a lower number. This table is the design: a
// build that does not pass is mended in the code, not here.
var rows = map[string]int{
	"sql/pgerr": 0, "sql/libm": 0, "sql/types": 0, "sql/keyenc": 0,
	"catalog": 1, "shard/topo": 1, "shard/mvcc": 1, "shard/disk": 1, "shard/lock": 1,
	"shard/fsm":   2,
	"shard/group": 3, "shard/rpc": 3,
	"shard/tso": 4, "shard/deadlock": 4, "shard/lockmgr": 4, "shard/place": 4, "shard/txn": 4,
	"catalog/store": 5, "catalog/ddl": 5,
	"sql/parse": 6, "sql/sema": 6, "sql/expr": 6, "sql/tsearch": 6,
	"planner": 7, "fk": 7, "sql/plpgsql": 7,
	"planner/exec":  8,
	"catalog/pgcat": 9, "sql/session": 9, "sql/utility": 9,
	"wire":   10,
	"server": 11, "cmd/pgmqdb": 11,
}

// soleImporters are the outside packages that exactly one package may know.
var soleImporters = map[string]string{
	"go.etcd.io/bbolt":                     "shard/disk",
	"github.com/lni/dragonboat":            "shard/group",
	"github.com/pganalyze/pg_query_go":     "sql/parse",
	"github.com/jackc/pgx/v5/pgproto3":     "wire",
	"google.golang.org/grpc":               "shard/rpc",
	"github.com/blevesearch/snowballstem":  "sql/tsearch",
	"github.com/prometheus/client_golang/": "server",
}

// imports returns every non-test package of the module with its imports.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() {
			if name := d.Name(); rel != "." && (strings.HasPrefix(name, ".") || rel == "tests" || name == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(rel))
		for _, spec := range f.Imports {
			p, _ := strconv.Unquote(spec.Path.Value)
			out[pkg] = append(out[pkg], p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryPackageHasARow(t *testing.T) {
	for pkg := range imports(t) {
		if _, ok := rows[pkg]; !ok {
			t.Errorf("package %s is in no row of the table", pkg)
		}
	}
}

func TestPackagesImportOnlyTheirRowOrLower(t *testing.T) {
	for pkg, list := range imports(t) {
		for _, imp := range list {
			dep, ours := strings.CutPrefix(imp, module)
			if ours && rows[dep] > rows[pkg] {
				t.Errorf("%s (row %d) imports %s (row %d)", pkg, rows[pkg], dep, rows[dep])
			}
		}
	}
}

// Rule R3: a shard never holds a constraint.
func TestShardKnowsNoConstraint(t *testing.T) {
	for pkg, list := range imports(t) {
		if !strings.HasPrefix(pkg, "shard/") {
			continue
		}
		for _, imp := range list {
			dep, ours := strings.CutPrefix(imp, module)
			if ours && (dep == "fk" || dep == "catalog" || strings.HasPrefix(dep, "catalog/")) {
				t.Errorf("%s imports %s", pkg, dep)
			}
		}
	}
}

func TestSoleImporters(t *testing.T) {
	for pkg, list := range imports(t) {
		for _, imp := range list {
			for outside, sole := range soleImporters {
				if strings.HasPrefix(imp, outside) && pkg != sole {
					t.Errorf("%s imports %s, which only %s may", pkg, imp, sole)
				}
			}
		}
	}
}
