package catalog

import (
	"strings"
)

// Printer prints stored expressions for the DDL text below; the layer with the parser supplies one. Nil prints them as
// they are stored.
type Printer func(text string, t *Table) string

func (p Printer) print(text string, t *Table) string {
	if p == nil {
		return text
	}
	return p(text, t)
}

// QuoteIdent is PostgreSQL's quote_identifier: an identifier that is not a plain lower-case word, or is a keyword other
// than an unreserved one, in double quotes.
func QuoteIdent(s string) string {
	safe := len(s) > 0 && (s[0] >= 'a' && s[0] <= 'z' || s[0] == '_')
	for i := 0; i < len(s) && safe; i++ {
		c := s[i]
		safe = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_'
	}
	if safe && !quotedKeywords[s] {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// QualifiedName prints schema.name, each quoted where needed.
func QualifiedName(schema, name string) string {
	if schema == "" {
		return QuoteIdent(name)
	}
	return QuoteIdent(schema) + "." + QuoteIdent(name)
}

func quoteList(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = QuoteIdent(n)
	}
	return strings.Join(out, ", ")
}

// Visible reports whether an unqualified use of the relation's name along the search path finds it.
func (s *Snapshot) Visible(searchPath []string, rel Relation) bool {
	found, ok := s.LookupRelation(searchPath, "", rel.Name())
	return ok && found.OID() == rel.OID()
}

// RelationName prints a relation's name, qualified where the search path does not find it (generate_relation_name).
func (s *Snapshot) RelationName(searchPath []string, rel Relation) string {
	if s.Visible(searchPath, rel) {
		return QuoteIdent(rel.Name())
	}
	return QualifiedName(s.SchemaName(rel.SchemaID()), rel.Name())
}

var actionText = map[Action]string{
	Restrict: "RESTRICT", Cascade: "CASCADE", SetNull: "SET NULL", SetDefault: "SET DEFAULT",
}

// ConstraintDef prints a constraint as pg_get_constraintdef does.
// key prints index expressions, as for IndexDef.
func (s *Snapshot) ConstraintDef(searchPath []string, t *Table, c *Constraint, key, p Printer) string {
	var b strings.Builder
	switch c.Type {
	case PrimaryKey:
		b.WriteString("PRIMARY KEY (" + quoteList(t.ColumnNames(c.Columns)) + ")")
	case Unique:
		b.WriteString("UNIQUE ")
		if i := t.IndexByOID(c.Index); i != nil && i.NullsNotDistinct {
			b.WriteString("NULLS NOT DISTINCT ")
		}
		b.WriteString("(" + quoteList(t.ColumnNames(c.Columns)) + ")")
	case Check:
		b.WriteString("CHECK (" + p.print(c.Check, t) + ")")
		if c.NoInherit {
			b.WriteString(" NO INHERIT")
		}
	case Foreign:
		s.foreignKeyDef(&b, searchPath, t, c)
	case Exclusion:
		s.exclusionDef(&b, searchPath, t, c, key)
	}
	if i := t.IndexByOID(c.Index); i != nil && len(i.Include) > 0 && c.Type != Foreign {
		b.WriteString(" INCLUDE (" + quoteList(t.ColumnNames(i.Include)) + ")")
	}
	if i := t.IndexByOID(c.Index); c.Type == Exclusion && i.Predicate != "" {
		b.WriteString(" WHERE (" + p.print(i.Predicate, t) + ")")
	}
	if c.Deferrable {
		b.WriteString(" DEFERRABLE")
	}
	if c.Deferred {
		b.WriteString(" INITIALLY DEFERRED")
	}
	if !c.Validated {
		b.WriteString(" NOT VALID")
	}
	return b.String()
}

// exclusionDef prints EXCLUDE without what follows its elements.
func (s *Snapshot) exclusionDef(b *strings.Builder, searchPath []string, t *Table, c *Constraint, key Printer) {
	i := t.IndexByOID(c.Index)
	method := i.Method
	if method == "" {
		method = "btree"
	}
	b.WriteString("EXCLUDE USING " + method + " (")
	for n := range i.Columns {
		if n > 0 {
			b.WriteString(", ")
		}
		b.WriteString(s.indexColumnDef(searchPath, t, i, n, key) + " WITH " + c.Operators[n])
	}
	b.WriteString(")")
}

func (s *Snapshot) foreignKeyDef(b *strings.Builder, searchPath []string, t *Table, c *Constraint) {
	fk := c.FK
	ref := s.Table(fk.RefTable)
	b.WriteString("FOREIGN KEY (" + quoteList(t.ColumnNames(c.Columns)) + ") REFERENCES ")
	b.WriteString(s.RelationName(searchPath, Relation{Kind: KindTable, Table: ref}))
	b.WriteString("(" + quoteList(ref.ColumnNames(fk.RefColumns)) + ")")
	if fk.Match == MatchFull {
		b.WriteString(" MATCH FULL")
	}
	if a := actionText[fk.OnUpdate]; a != "" {
		b.WriteString(" ON UPDATE " + a)
	}
	if a := actionText[fk.OnDelete]; a != "" {
		b.WriteString(" ON DELETE " + a)
		if len(fk.SetColumns) > 0 {
			b.WriteString(" (" + quoteList(t.ColumnNames(fk.SetColumns)) + ")")
		}
	}
}

// collationNames are the collations that sort by code point, which alone there are.
var collationNames = map[Oid]string{DefaultCollation: "default", 950: "C", 951: "POSIX", 12340: "ucs_basic", 12341: "C.utf8",
	962: "ucs_basic"} // 962 is in descriptors of old

// IndexDef prints CREATE INDEX as pg_get_indexdef does: the table always qualified. key prints index expressions, with
// their parentheses, and predicate the predicate. Operator classes of extensions are qualified unless the search path finds
// them.
func (s *Snapshot) IndexDef(searchPath []string, t *Table, i *Index, key, predicate Printer) string {
	var b strings.Builder
	b.WriteString("CREATE ")
	if i.Unique {
		b.WriteString("UNIQUE ")
	}
	on := " ON "
	if t.Partitioning != nil { // its partitions' indexes are objects of their own
		on = " ON ONLY "
	}
	b.WriteString("INDEX " + QuoteIdent(i.Name) + on + QualifiedName(s.SchemaName(t.SchemaID), t.Name) + " USING ")
	if i.Method == "" {
		b.WriteString("btree (")
	} else {
		b.WriteString(i.Method + " (")
	}
	for n := range i.Columns {
		if n > 0 {
			b.WriteString(", ")
		}
		b.WriteString(s.indexColumnDef(searchPath, t, i, n, key))
	}
	b.WriteString(")")
	if len(i.Include) > 0 {
		b.WriteString(" INCLUDE (" + quoteList(t.ColumnNames(i.Include)) + ")")
	}
	if i.NullsNotDistinct {
		b.WriteString(" NULLS NOT DISTINCT")
	}
	if len(i.Options) > 0 {
		b.WriteString(" WITH (" + flattenOptions(i.Options) + ")")
	}
	if i.Predicate != "" {
		b.WriteString(" WHERE " + predicate.print(i.Predicate, t))
	}
	return b.String()
}

// flattenOptions is ruleutils.c's flatten_reloptions.
func flattenOptions(options []string) string {
	out := make([]string, len(options))
	for n, o := range options {
		name, value, _ := strings.Cut(o, "=")
		if QuoteIdent(value) != value {
			value = "'" + strings.ReplaceAll(value, "'", "''") + "'"
		}
		out[n] = QuoteIdent(name) + "=" + value
	}
	return strings.Join(out, ", ")
}

// indexColumnDef prints one key column of an index with its non-default order.
func (s *Snapshot) indexColumnDef(searchPath []string, t *Table, i *Index, n int, key Printer) string {
	c := &i.Columns[n]
	out := ""
	if c.Num != 0 {
		out = QuoteIdent(t.Columns[c.Num-1].Name)
	} else {
		out = key.print(c.Expr, t)
	}
	if c.Collation != 0 {
		out += " COLLATE " + QuoteIdent(collationNames[c.Collation])
	}
	if c.OpClass != "" {
		out += " " + s.opClassName(searchPath, i.Method, c.OpClass)
	}
	switch {
	case c.Desc && c.NullsFirst:
		out += " DESC"
	case c.Desc:
		out += " DESC NULLS LAST"
	case c.NullsFirst:
		out += " NULLS FIRST"
	}
	return out
}

// CollationName returns the name of a collation.
func CollationName(oid Oid) string {
	if name, ok := collationNames[oid]; ok {
		return name
	}
	return "(null)" // as C prints it
}

// CollationOID returns the OID of a collation, 0 where there is none of that name.
func CollationOID(name string) Oid {
	switch name {
	case "default":
		return DefaultCollation
	case "C":
		return 950
	case "POSIX":
		return 951
	case "ucs_basic":
		return 12340
	case "C.utf8", "C.UTF-8":
		return 12341
	}
	return 0
}

// OnlyASCII reports whether a collation knows the letters of ASCII alone.
func OnlyASCII(oid Oid) bool { return oid == 950 || oid == 951 || oid == 12340 || oid == 962 }
