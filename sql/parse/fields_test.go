package parse

import (
	"go/ast"
	goparser "go/parser"
	gotoken "go/token"
	"os"
	"reflect"
	"strings"
	"testing"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// unsetFields are the fields that the raw grammar never sets, or that say
// again what another field says; "*" holds for every message.
var unsetFields = map[string]string{
	"*":        "Xpr",
	"CaseExpr": "Casetype Casecollid", "CoalesceExpr": "Coalescetype Coalescecollid",
	"MinMaxExpr": "Minmaxtype Minmaxcollid Inputcollid", "SQLValueFunction": "Type",
	"RowExpr": "RowTypeid Colnames", "NullTest": "Argisrow", "SubLink": "SubLinkId",
	"GroupingFunc": "Refs Agglevelsup", "SetToDefault": "TypeId TypeMod Collation",
	"CurrentOfExpr": "Cvarno", "NamedArgExpr": "Argnumber", "JoinExpr": "Rtindex",
	"CommonTableExpr": "Cterecursive Cterefcount Ctecolnames Ctecoltypes Ctecoltypmods Ctecolcollations",
	"CTECycleClause":  "CycleMarkType CycleMarkTypmod CycleMarkCollation CycleMarkNeop",
	"TypeName":        "TypeOid Typemod", "IntoClause": "ViewQuery",
	"CreateStmt": "Constraints", "TableLikeClause": "RelationOid",
	"ColumnDef": "Inhcount IsLocal IsNotNull IsFromType Storage CookedDefault Identity IdentitySequence " +
		"Generated CollOid",
	"Constraint": "CookedExpr ResetDefaultTblspc OldConpfeqop OldPktableOid",
	"IndexStmt": "Idxcomment IndexOid OldNumber OldCreateSubid OldFirstRelfilelocatorSubid Primary Isconstraint " +
		"ExcludeOpNames Deferrable Initdeferred Transformed ResetDefaultTblspc",
	"CreateSeqStmt": "OwnerId ForIdentity", "AlterSeqStmt": "ForIdentity", "AlterTableCmd": "Recurse",
	"VacuumRelation": "Oid", "CallStmt": "Funcexpr Outargs",
}

// TestEveryFieldIsRead proves that a translated message has no field that is
// dropped: every method with a parameter of a protobuf type must name each of
// its fields.
func TestEveryFieldIsRead(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	translated := 0
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "translate") && e.Name() != "parse.go" {
			continue
		}
		file, err := goparser.ParseFile(gotoken.NewFileSet(), e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil {
				continue
			}
			if msg, param := protoParam(fn); msg != "" && msg != "Node" {
				translated++
				checkFields(t, fn, msg, param)
			}
		}
	}
	if translated < 100 {
		t.Errorf("only %d translations found", translated)
	}
}

// protoParam returns the message and the name of fn's parameter of type *pg.X.
func protoParam(fn *ast.FuncDecl) (msg, param string) {
	for _, p := range fn.Type.Params.List {
		if star, ok := p.Type.(*ast.StarExpr); ok {
			if sel, ok := star.X.(*ast.SelectorExpr); ok && sel.X.(*ast.Ident).Name == "pg" {
				return sel.Sel.Name, p.Names[0].Name
			}
		}
	}
	return "", ""
}

func checkFields(t *testing.T, fn *ast.FuncDecl, msg, param string) {
	read := map[string]bool{}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == param {
				read[sel.Sel.Name] = true
			}
		}
		return true
	})
	for _, f := range strings.Fields(unsetFields["*"] + " " + unsetFields[msg]) {
		read[f] = true
	}
	mt, err := protoregistry.GlobalTypes.FindMessageByName(
		pg.File_pg_query_proto.Messages().ByName(protoreflect.Name(msg)).FullName())
	if err != nil {
		t.Fatalf("%s: %v", msg, err)
	}
	typ := reflect.TypeOf(mt.Zero().Interface()).Elem()
	for i := range typ.NumField() {
		if f := typ.Field(i); f.IsExported() && !read[f.Name] {
			t.Errorf("%s does not read %s.%s", fn.Name.Name, msg, f.Name)
		}
	}
}
