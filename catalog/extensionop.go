package catalog

import (
	"cmp"
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Operators and operator classes of extensions are in a database where their extension is. They have no descriptors: which
// there are, the program knows, and what they do is in packages expr and keyenc. Their OIDs are below those of users' objects
// and the same in all databases; they never change, since descriptors name them as what they depend on.

// Operator is a row of pg_operator. The commutator and the negator are names of operators of the extension over the same types,
// the commutator's swapped.
type Operator struct {
	OID                 Oid
	Extension           string
	Name                string
	Left, Right, Result Oid
	Symbol              string // of the function that it calls
	Stable              bool   // and not immutable
	Commutator, Negator string
	Hashes, Merges      bool
}

// OpClass is a row of pg_opclass.
type OpClass struct {
	OID, Family Oid
	Extension   string
	Name        string
	Method      string
	Input       Oid
	Key         Oid // of a GIN index; 0 for others
	Default     bool
}

// ExtensionOperators are the operators of all extensions, by OID.
var ExtensionOperators = slices.Concat(trgmOperators(), citextOperators())

func trgmOperators() []Operator {
	var out []Operator
	add := func(name, symbol, commutator string, result Oid) {
		out = append(out, Operator{OID: 15000 + Oid(len(out)), Extension: "pg_trgm", Name: name, Left: types.TextOid, Right: types.TextOid,
			Result: result, Symbol: symbol, Stable: result == types.BoolOid, Commutator: commutator})
	}
	add("%", "similarity_op", "%", types.BoolOid)
	add("<%", "word_similarity_op", "%>", types.BoolOid)
	add("%>", "word_similarity_commutator_op", "<%", types.BoolOid)
	add("<->", "similarity_dist", "<->", types.Float4Oid)
	add("<<->", "word_similarity_dist_op", "<->>", types.Float4Oid)
	add("<->>", "word_similarity_dist_commutator_op", "<<->", types.Float4Oid)
	add("<<%", "strict_word_similarity_op", "%>>", types.BoolOid)
	add("%>>", "strict_word_similarity_commutator_op", "<<%", types.BoolOid)
	add("<<<->", "strict_word_similarity_dist_op", "<->>>", types.Float4Oid)
	add("<->>>", "strict_word_similarity_dist_commutator_op", "<<<->", types.Float4Oid)
	return out
}

func citextOperators() []Operator {
	var out []Operator
	add := func(name, symbol, commutator, negator string, right Oid) {
		out = append(out, Operator{OID: 15020 + Oid(len(out)), Extension: "citext", Name: name, Left: types.CitextOid, Right: right,
			Result: types.BoolOid, Symbol: symbol, Commutator: commutator, Negator: negator, Hashes: name == "=", Merges: name == "="})
	}
	add("=", "citext_eq", "=", "<>", types.CitextOid)
	add("<>", "citext_ne", "<>", "=", types.CitextOid)
	add("<", "citext_lt", ">", ">=", types.CitextOid)
	add("<=", "citext_le", ">=", ">", types.CitextOid)
	add(">=", "citext_ge", "<=", "<", types.CitextOid)
	add(">", "citext_gt", "<", "<=", types.CitextOid)
	for _, right := range []Oid{types.CitextOid, types.TextOid} {
		add("~", "texticregexeq", "", "!~", right)
		add("~*", "texticregexeq", "", "!~*", right)
		add("!~", "texticregexne", "", "~", right)
		add("!~*", "texticregexne", "", "~*", right)
		add("~~", "texticlike", "", "!~~", right)
		add("~~*", "texticlike", "", "!~~*", right)
		add("!~~", "texticnlike", "", "~~", right)
		add("!~~*", "texticnlike", "", "~~*", right)
	}
	add("~<~", "citext_pattern_lt", "~>~", "~>=~", types.CitextOid)
	add("~<=~", "citext_pattern_le", "~>=~", "~>~", types.CitextOid)
	add("~>=~", "citext_pattern_ge", "~<=~", "~<~", types.CitextOid)
	add("~>~", "citext_pattern_gt", "~<~", "~<=~", types.CitextOid)
	return out
}

// ExtensionType is a base type of an extension.
type ExtensionType struct {
	OID             Oid
	Extension, Name string
}

// ExtensionTypes are the base types of all extensions.
var ExtensionTypes = []ExtensionType{{types.CitextOid, "citext", "citext"}}

// ExtensionOfType is the name of the extension that a type belongs to; empty for none.
func ExtensionOfType(oid Oid) string {
	for _, t := range ExtensionTypes {
		if t.OID == oid {
			return t.Extension
		}
	}
	return ""
}

// ExtensionCast is a row of pg_cast.
type ExtensionCast struct {
	OID       Oid
	Extension string
	From, To  Oid
	Context   types.CastContext
	Symbol    string // of the function; empty where the bytes serve both types
}

// Method is pg_cast.castmethod.
func (c *ExtensionCast) Method() byte {
	if c.Symbol == "" {
		return 'b'
	}
	return 'f'
}

// ExtensionCasts are the casts of all extensions.
var ExtensionCasts = []ExtensionCast{
	{15401, "citext", types.CitextOid, types.TextOid, types.Implicit, ""}, {15402, "citext", types.CitextOid, types.VarcharOid, types.Implicit, ""},
	{15403, "citext", types.CitextOid, types.BpcharOid, types.Assignment, ""}, {15404, "citext", types.TextOid, types.CitextOid, types.Assignment, ""},
	{15405, "citext", types.VarcharOid, types.CitextOid, types.Assignment, ""}, {15406, "citext", types.BpcharOid, types.CitextOid, types.Assignment, "citext_of_bpchar"},
	{15407, "citext", types.BoolOid, types.CitextOid, types.Assignment, "citext_of_bool"}, {15408, "citext", types.InetOid, types.CitextOid, types.Assignment, "citext_of_inet"},
}

// ExtensionOpClasses are the operator classes of all extensions.
var ExtensionOpClasses = []OpClass{
	{15501, 15502, "pg_trgm", "gin_trgm_ops", "gin", types.TextOid, types.Int4Oid, false},
	{15511, 15512, "citext", "citext_ops", "btree", types.CitextOid, 0, true},
	{15513, 15514, "citext", "citext_ops", "hash", types.CitextOid, 0, true},
	{15515, 15516, "citext", "citext_pattern_ops", "btree", types.CitextOid, 0, false},
}

// ExtensionOperator returns an extension's operator by OID; nil for none.
func ExtensionOperator(oid Oid) *Operator {
	i := slices.IndexFunc(ExtensionOperators, func(o Operator) bool { return o.OID == oid })
	if i < 0 {
		return nil
	}
	return &ExtensionOperators[i]
}

// ExtensionOpClass returns an extension's operator class by OID; nil for none.
func ExtensionOpClass(oid Oid) *OpClass {
	i := slices.IndexFunc(ExtensionOpClasses, func(c OpClass) bool { return c.OID == oid })
	if i < 0 {
		return nil
	}
	return &ExtensionOpClasses[i]
}

// ExtensionOpFamily returns an operator class of an extension by the OID of its family, which has no other; nil for none.
func ExtensionOpFamily(oid Oid) *OpClass {
	i := slices.IndexFunc(ExtensionOpClasses, func(c OpClass) bool { return c.Family == oid })
	if i < 0 {
		return nil
	}
	return &ExtensionOpClasses[i]
}

// extensionOpClass finds an extension's operator class by name; nil for none.
func extensionOpClass(method, name string) *OpClass {
	method = cmp.Or(method, "btree") // as Index.Method has it
	for i := range ExtensionOpClasses {
		if c := &ExtensionOpClasses[i]; c.Method == method && c.Name == name {
			return c
		}
	}
	return nil
}

// OpClassNamed finds an operator class of an extension of the database by name, in a schema if that is not empty; nil for none.
func (s *Snapshot) OpClassNamed(method, schema, name string) *OpClass {
	c := extensionOpClass(method, name)
	if c == nil {
		return nil
	}
	if e := s.ExtensionNamed(c.Extension); e == nil || schema != "" && s.SchemaName(e.SchemaID) != schema {
		return nil
	}
	return c
}

// extensionObject prints the name of an extension's object, qualified unless the search path has its schema.
func (s *Snapshot) extensionObject(searchPath []string, extension, name string) string {
	if e := s.ExtensionNamed(extension); e != nil {
		if schema := s.SchemaName(e.SchemaID); !slices.Contains(searchPath, schema) {
			return QuoteIdent(schema) + "." + name
		}
	}
	return name
}

// opClassName prints the name of an index's operator class.
func (s *Snapshot) opClassName(searchPath []string, method, name string) string {
	if c := s.OpClassNamed(method, "", name); c != nil {
		return s.extensionObject(searchPath, c.Extension, QuoteIdent(name))
	}
	return QuoteIdent(name)
}

// operatorText prints an operator as regoperator does.
func (s *Snapshot) operatorText(searchPath []string, o *Operator) string {
	return s.extensionObject(searchPath, o.Extension, o.Name+"("+s.typeList(searchPath, []Oid{o.Left, o.Right})+")")
}

// opClassUsers adds the indexes that use an operator class.
func (s *Snapshot) opClassUsers(class *OpClass, add addDependent) {
	uses := func(i *Index, c *IndexColumn, t *Table) bool {
		if cmp.Or(i.Method, "btree") != class.Method {
			return false
		}
		return c.OpClass == class.Name || c.OpClass == "" && class.Default && t.IndexType(c).Oid == class.Input
	}
	s.Tables(func(t *Table) bool {
		for _, i := range t.Indexes {
			if i.Parent != 0 || !slices.ContainsFunc(i.Columns, func(c IndexColumn) bool { return uses(i, &c, t) }) {
				continue
			}
			if i.Constraint != 0 {
				add(Normal, PartConstraint, i.Constraint, 0)
			} else {
				add(Normal, PartIndex, i.OID, 0)
			}
		}
		return true
	})
}
