package main

import (
	"regexp"
	"strings"
)

// The rules by which a statement leaves the denominator. They look at the statement's parse tree, never at its outcome:
//
//	plan      EXPLAIN: the shapes of plans are each planner's own.
//	code      It creates, changes, drops or calls what needs code in the server: functions, procedures, DO, triggers,
//	          aggregates, operators and their classes, casts, base types, languages, extensions, access methods, foreign
//	          data.
//	space     It names a tablespace.
//	order     Which rows it returns hangs on the order of a table's rows, which it does not fix (order.go).
//	client    It asks nothing of the server: \set, \pset, \echo and the like.
//	depends   It uses an object that a statement left out by code or space created or wrote: by the name of a relation, type,
//	          function, operator, cursor or prepared statement; until that is dropped, or the transaction that made it is
//	          rolled back.
//
// Everything else counts, whether pgmqdb supports it or not.
const (
	byPlan    = "plan"
	byCode    = "code"
	bySpace   = "space"
	byOrder   = "order"
	byClient  = "client"
	byDepends = "depends"
)

var codeStatements = map[string]bool{
	"CreateFunctionStmt": true, "AlterFunctionStmt": true, "DoStmt": true, "CallStmt": true, "CreateTrigStmt": true,
	"CreateEventTrigStmt": true, "AlterEventTrigStmt": true, "CreatePLangStmt": true, "CreateCastStmt": true,
	"CreateOpClassStmt": true, "CreateOpFamilyStmt": true, "AlterOpFamilyStmt": true, "AlterOperatorStmt": true,
	"CreateTransformStmt": true, "CreateConversionStmt": true, "CreateAmStmt": true, "LoadStmt": true,
	"CreateExtensionStmt": true, "AlterExtensionStmt": true, "AlterExtensionContentsStmt": true,
	"CreateFdwStmt": true, "AlterFdwStmt": true, "CreateForeignServerStmt": true, "AlterForeignServerStmt": true,
	"CreateForeignTableStmt": true, "CreateUserMappingStmt": true, "AlterUserMappingStmt": true,
	"DropUserMappingStmt": true, "ImportForeignSchemaStmt": true,
}

var codeObjects = map[string]bool{
	"OBJECT_FUNCTION": true, "OBJECT_PROCEDURE": true, "OBJECT_ROUTINE": true, "OBJECT_AGGREGATE": true,
	"OBJECT_OPERATOR": true, "OBJECT_OPCLASS": true, "OBJECT_OPFAMILY": true, "OBJECT_CAST": true, "OBJECT_LANGUAGE": true,
	"OBJECT_TRIGGER": true, "OBJECT_EVENT_TRIGGER": true, "OBJECT_ACCESS_METHOD": true, "OBJECT_FDW": true,
	"OBJECT_FOREIGN_SERVER": true, "OBJECT_FOREIGN_TABLE": true, "OBJECT_USER_MAPPING": true, "OBJECT_EXTENSION": true,
	"OBJECT_CONVERSION": true, "OBJECT_TRANSFORM": true,
}

var spaceStatements = map[string]bool{
	"CreateTableSpaceStmt": true, "DropTableSpaceStmt": true, "AlterTableSpaceOptionsStmt": true, "AlterTableMoveAllStmt": true,
}

// definedByCode are the kinds of DefineStmt that name functions.
var definedByCode = map[string]bool{"OBJECT_AGGREGATE": true, "OBJECT_OPERATOR": true, "OBJECT_TYPE": true,
	"OBJECT_TSPARSER": true, "OBJECT_TSTEMPLATE": true}

// rules holds what left-out statements left behind: "rel:", "func:", "op:", "opclass:", "cursor:", "prepared:" and a name.
type rules struct {
	left    map[string]bool
	atBegin map[string]bool // left when the transaction began
	inBlock bool

	unordered map[string]bool // cursors and prepared statements whose query does not fix its rows
}

func newRules() *rules { return &rules{left: map[string]bool{}, unordered: map[string]bool{}} }

// leaveOut names the rule by which a unit leaves the denominator, or returns "". It takes note of what that leaves behind.
func (r *rules) leaveOut(u *unit, stmts []node) string {
	rule := ""
	for _, s := range stmts {
		r.transaction(s)
		if own := r.judge(s); own == byOrder && !hasRows(u.output) {
			continue // no rows, or an error, are the same in any order
		} else if own != "" {
			rule = own
			if own != byPlan && own != byOrder {
				for _, name := range made(s) {
					r.left[name] = true
				}
			}
		}
		for _, name := range dropped(s) {
			delete(r.left, name)
		}
	}
	if rule == "" && !countable(u) {
		return byClient
	}
	if rule == "" && (len(stmts) == 0 || len(u.meta) > 0) && r.mentions(u) {
		rule = byDepends
	}
	return rule
}

func (r *rules) judge(s node) string {
	if rule := ruleOf(s); rule != "" {
		return rule
	}
	for _, name := range used(s) {
		if r.left[name] {
			return byDepends
		}
	}
	if r.ordersRows(s) {
		return byOrder
	}
	return ""
}

// ordersRows reports whether a statement's rows hang on the order of a scan. A cursor's and a prepared statement's do when
// they are fetched.
func (r *rules) ordersRows(s node) bool {
	k, f := kind(s)
	query, _ := f["query"].(node)
	switch k {
	case "DeclareCursorStmt":
		sel, _ := query["SelectStmt"].(node)
		r.unordered["cursor:"+text(f, "portalname")] = sel["sortClause"] == nil && scans(sel, nil) || choosesByOrder(query)
		return false
	case "PrepareStmt":
		r.unordered["prepared:"+text(f, "name")] = choosesByOrder(query)
		return false
	case "FetchStmt":
		return r.unordered["cursor:"+text(f, "portalname")]
	case "ExecuteStmt":
		return r.unordered["prepared:"+text(f, "name")]
	}
	return choosesByOrder(s)
}

// transaction forgets at a rollback what was left behind since the transaction began.
func (r *rules) transaction(s node) {
	f, ok := s["TransactionStmt"].(node)
	if !ok {
		return
	}
	switch text(f, "kind") {
	case "TRANS_STMT_BEGIN", "TRANS_STMT_START":
		if !r.inBlock {
			r.inBlock, r.atBegin = true, map[string]bool{}
			for k := range r.left {
				r.atBegin[k] = true
			}
		}
	case "TRANS_STMT_ROLLBACK":
		if r.inBlock {
			r.inBlock, r.left = false, r.atBegin
		}
	case "TRANS_STMT_COMMIT", "TRANS_STMT_PREPARE":
		r.inBlock = false
	}
}

var words = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)

// mentions judges what is no SQL, or none that parses, by its words.
func (r *rules) mentions(u *unit) bool {
	for _, w := range words.FindAllString(stripComments(u.sql)+" "+strings.Join(u.meta, " "), -1) {
		if w = strings.ToLower(w); r.left["rel:"+w] || r.left["func:"+w] {
			return true
		}
	}
	return false
}

// ruleOf applies the rules that need no memory.
func ruleOf(s node) string {
	rule := ""
	walk("", s, func(name string, n node) {
		switch {
		case name == "ExplainStmt":
			rule = byPlan
		case rule == byPlan:
		case codeStatements[name], name == "DefineStmt" && definedByCode[text(n, "kind")]:
			rule = byCode
		case spaceStatements[name], text(n, "tablespacename") != "", text(n, "tableSpaceName") != "", text(n, "tableSpace") != "":
			rule = bySpace
		case name == "AlterTableCmd" && strings.HasSuffix(text(n, "subtype"), "SetTableSpace"):
			rule = bySpace
		case name == "AlterTableCmd" && regexp.MustCompile(`^AT_(En|Dis)ableTrig|^AT_EnableAlwaysTrig|^AT_EnableReplicaTrig`).MatchString(text(n, "subtype")):
			rule = byCode
		}
		for _, f := range []string{"removeType", "renameType", "objtype", "objectType"} {
			if rule == "" && codeObjects[text(n, f)] {
				rule = byCode
			}
		}
	})
	return rule
}

// used lists what a statement names.
func used(s node) []string {
	var out []string
	add := func(space, name string) {
		if name != "" {
			out = append(out, space+":"+name)
		}
	}
	walk("", s, func(name string, n node) {
		add("rel", text(n, "relname"))
		add("func", lastName(n["funcname"]))
		switch name {
		case "TypeName", "typeName":
			add("rel", lastName(n["names"]))
		case "A_Expr":
			add("op", lastName(n["name"]))
		case "ExecuteStmt", "DeallocateStmt":
			add("prepared", text(n, "name"))
		case "FetchStmt", "ClosePortalStmt":
			add("cursor", text(n, "portalname"))
		case "CurrentOfExpr":
			add("cursor", text(n, "cursor_name"))
		case "DropStmt":
			for _, o := range list(n["objects"]) {
				add("rel", lastName(o))
			}
		case "FuncCall":
			for _, a := range list(n["args"]) {
				add("rel", constant(a))
			}
		case "TypeCast":
			if t, _ := n["typeName"].(node); strings.HasPrefix(lastName(t["names"]), "reg") {
				add("rel", constant(n["arg"]))
			}
		}
		if c := n["opclass"]; c != nil {
			add("opclass", lastName(c))
		}
	})
	return out
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// constant returns the name in a string constant, as in 'public.t'::regclass.
func constant(v any) string {
	n, _ := v.(node)
	if cast, ok := n["TypeCast"].(node); ok {
		return constant(cast["arg"])
	}
	c, _ := n["A_Const"].(node)
	sval, _ := c["sval"].(node)
	s := text(sval, "sval")
	return s[strings.LastIndexByte(s, '.')+1:]
}

// made lists what a statement creates or writes.
func made(s node) []string {
	var out []string
	add := func(space, name string) {
		if name != "" {
			out = append(out, space+":"+name)
		}
	}
	rel := func(v any) {
		n, _ := v.(node)
		if inner, ok := n["RangeVar"].(node); ok {
			n = inner
		}
		add("rel", text(n, "relname"))
	}
	walk("", s, func(name string, n node) {
		switch name {
		case "CreateStmt", "AlterTableStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CreateTrigStmt":
			rel(n["relation"])
		case "CreateForeignTableStmt":
			if base, ok := n["base"].(node); ok {
				rel(base["relation"])
			}
		case "CopyStmt":
			if n["is_from"] == true {
				rel(n["relation"])
			}
		case "TruncateStmt":
			for _, r := range list(n["relations"]) {
				rel(r)
			}
		case "ViewStmt":
			rel(n["view"])
		case "IntoClause", "into", "intoClause":
			rel(n["rel"])
		case "IndexStmt":
			add("rel", text(n, "idxname"))
		case "CreateSeqStmt":
			rel(n["sequence"])
		case "CompositeTypeStmt":
			rel(n["typevar"])
		case "CreateDomainStmt":
			add("rel", lastName(n["domainname"]))
		case "CreateEnumStmt", "CreateRangeStmt":
			add("rel", lastName(n["typeName"]))
		case "CreateFunctionStmt":
			add("func", lastName(n["funcname"]))
		case "CreateOpClassStmt":
			add("opclass", lastName(n["opclassname"]))
		case "DefineStmt":
			add(map[string]string{"OBJECT_AGGREGATE": "func", "OBJECT_OPERATOR": "op"}[text(n, "kind")], lastName(n["defnames"]))
			add("rel", lastName(n["defnames"]))
		case "RenameStmt":
			add("rel", text(n, "newname"))
			add("func", text(n, "newname"))
		case "PrepareStmt":
			add("prepared", text(n, "name"))
		case "DeclareCursorStmt":
			add("cursor", text(n, "portalname"))
		}
	})
	return out
}

// dropped lists what a statement drops.
func dropped(s node) []string {
	var out []string
	if n, ok := s["DropStmt"].(node); ok {
		for _, o := range list(n["objects"]) {
			name := lastName(o)
			out = append(out, "rel:"+name, "func:"+name, "op:"+name, "opclass:"+name)
		}
	}
	if n, ok := s["DeallocateStmt"].(node); ok {
		out = append(out, "prepared:"+text(n, "name"))
	}
	if n, ok := s["ClosePortalStmt"].(node); ok {
		out = append(out, "cursor:"+text(n, "portalname"))
	}
	return out
}
