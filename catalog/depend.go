package catalog

import (
	"cmp"
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// PartKind says what a Part is.
type PartKind uint8

// The kinds of parts that dependencies join.
const (
	PartSchema PartKind = iota + 1
	PartTable
	PartColumn  // of table OID, number Sub
	PartDefault // of the column Sub of table OID
	PartIndex
	PartConstraint
	PartSequence
	PartView
	PartType
	PartRule
	PartPolicy
	PartFunction
	PartTrigger
	PartExtension
	PartOperator // of an extension
	PartOpClass  // of an extension
	PartOpFamily // of an extension
	PartCast     // of an extension
)

// Part names something that others depend on or that depends on others: PostgreSQL's ObjectAddress.
type Part struct {
	Kind PartKind
	OID  Oid
	Sub  AttNum
}

// DependencyType is pg_depend.deptype.
type DependencyType byte

// The dependency types.
const (
	Normal   DependencyType = 'n' // DROP … RESTRICT refuses, CASCADE drops the dependent and says so
	Auto     DependencyType = 'a' // the dependent goes silently
	Internal DependencyType = 'i' // the dependent is part of the other and cannot be dropped alone
	// Partition is shown for a partition's part of an index or a constraint and what it belongs to.
	Partition DependencyType = 'P'
	// Member is shown for what belongs to an extension.
	Member DependencyType = 'e'
)

// Dependent is a part that depends on another.
type Dependent struct {
	Part
	Type DependencyType
}

// SequencesOwnedBy returns the sequences owned by a column, or with col 0 by any column of the table, in OID order.
func (s *Snapshot) SequencesOwnedBy(table Oid, col AttNum) []*Sequence {
	var out []*Sequence
	s.Sequences(func(q *Sequence) bool {
		if q.OwnedByTab == table && (col == 0 || q.OwnedByCol == col) {
			out = append(out, q)
		}
		return true
	})
	return out
}

// Dependents returns what depends directly on a part. For a table that includes what depends on its columns. Newer
// objects come first, the order in which PostgreSQL follows them.
func (s *Snapshot) Dependents(p Part) []Dependent {
	var out []Dependent
	add := func(t DependencyType, kind PartKind, oid Oid, sub AttNum) {
		d := Dependent{Part{kind, oid, sub}, t}
		for i := range out {
			if out[i].Part == d.Part {
				if t != Normal { // the stronger link decides
					out[i].Type = t
				}
				return
			}
		}
		out = append(out, d)
	}
	switch p.Kind {
	case PartSchema:
		s.RelationsIn(p.OID, func(r Relation) bool {
			switch r.Kind {
			case KindTable, KindMatView:
				add(Normal, PartTable, r.OID(), 0)
			case KindSequence:
				add(Normal, PartSequence, r.OID(), 0)
			case KindView:
				add(Normal, PartView, r.OID(), 0)
			}
			return true
		})
		s.Types(func(t *Type) bool {
			if t.SchemaID == p.OID {
				add(Normal, PartType, t.OID, 0)
			}
			return true
		})
		s.Functions(func(f *Function) bool {
			if f.SchemaID == p.OID {
				add(Normal, PartFunction, f.OID, 0)
			}
			return true
		})
		s.Extensions(func(e *Extension) bool {
			if e.SchemaID == p.OID {
				add(Normal, PartExtension, e.OID, 0)
			}
			return true
		})
	case PartTable:
		s.tableDependents(s.Table(p.OID), 0, add)
	case PartColumn:
		s.tableDependents(s.Table(p.OID), p.Sub, add)
	case PartIndex:
		if t, i := s.Index(p.OID); i != nil {
			s.inbound(t, func(child *Table, c *Constraint) {
				// A copy goes with the partition: its part of the index does not go alone.
				if c.FK.RefIndex == i.OID && declaredForeignKey(child, c) == c {
					add(Normal, PartConstraint, c.OID, 0)
				}
			})
			for _, oid := range t.Children {
				for _, own := range s.Table(oid).Indexes {
					if own.Parent == i.OID && own.Constraint == 0 {
						add(Auto, PartIndex, own.OID, 0)
					}
				}
			}
		}
	case PartConstraint:
		t, c := s.Constraint(p.OID)
		if c != nil && c.Index != 0 {
			add(Internal, PartIndex, c.Index, 0)
		}
		if c != nil {
			for _, own := range t.Constraints {
				if own.Parent == c.OID {
					add(Internal, PartConstraint, own.OID, 0)
				}
			}
			for _, oid := range t.Children {
				for _, own := range s.Table(oid).Constraints {
					if own.Parent == c.OID {
						add(Auto, PartConstraint, own.OID, 0)
					}
				}
			}
		}
		s.viewsOn(p.OID, 0, add)
	case PartSequence:
		s.defaultsOn(p.OID, add)
		s.viewsOn(p.OID, 0, add)
	case PartView:
		s.viewsOn(p.OID, p.Sub, add)
		s.triggersOn(p.OID, p.Sub, add)
		add(Internal, PartType, types.UserOid(types.CompositeClass, p.OID), 0)
	case PartType:
		s.typeDependents(p.OID, add)
		s.triggersOn(p.OID, 0, add)
	case PartFunction:
		s.functionDependents(p.OID, add)
	case PartExtension:
		s.extensionDependents(p.OID, add)
	case PartOperator:
		s.functionDependents(p.OID, add)
	case PartOpClass:
		s.opClassUsers(ExtensionOpClass(p.OID), add)
	case PartTrigger:
		s.clonesOf(p.OID, add)
	}
	slices.SortStableFunc(out, func(a, b Dependent) int {
		if a.OID == b.OID && a.Kind != b.Kind { // a default is younger than its table
			return cmp.Compare(b.Kind, a.Kind)
		}
		return cmp.Compare(b.age(), a.age())
	})
	return out
}

// age orders parts as they were created: operators and their classes after an extension's functions.
func (p Part) age() Oid {
	if p.Kind == PartOperator || p.Kind == PartOpClass {
		return Oid(types.MaxSerial) + p.OID
	}
	return p.OID.Serial()
}

type addDependent func(t DependencyType, kind PartKind, oid Oid, sub AttNum)

// tableDependents adds what depends on a column of t, or with col 0 on t or any of its columns.
func (s *Snapshot) tableDependents(t *Table, col AttNum, add addDependent) {
	if t == nil {
		return
	}
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Default != "" && !c.Dropped && (col == 0 || c.Num == col) {
			add(Auto, PartDefault, t.OID, c.Num)
		}
		if c := &t.Columns[i]; col != 0 && c.Generated && slices.Contains(c.Uses, col) {
			add(Normal, PartColumn, t.OID, c.Num)
		}
	}
	for _, i := range t.Indexes {
		if i.Constraint == 0 && (col == 0 || slices.Contains(i.Uses(), col)) {
			add(Auto, PartIndex, i.OID, 0)
		}
	}
	for _, c := range t.Constraints {
		if col == 0 || slices.Contains(c.Columns, col) || includes(t, c, col) || c.FK != nil && slices.Contains(c.FK.SetColumns, col) {
			add(Auto, PartConstraint, c.OID, 0)
		} else if excludesBy(t, c, col) {
			add(Normal, PartConstraint, c.OID, 0)
		}
	}
	s.inbound(t, func(child *Table, c *Constraint) {
		if col == 0 || slices.Contains(c.FK.RefColumns, col) {
			add(Normal, PartConstraint, declaredForeignKey(child, c).OID, 0)
		}
	})
	for _, q := range s.SequencesOwnedBy(t.OID, col) {
		if q.OwnedByAuto {
			add(Internal, PartSequence, q.OID, 0)
		} else {
			add(Auto, PartSequence, q.OID, 0)
		}
	}
	s.viewsOn(t.OID, col, add)
	s.triggersOn(t.OID, col, add)
	if col == 0 {
		for _, child := range t.Children {
			kind := Normal
			if c := s.Table(child); c != nil && c.Bound != nil {
				kind = Auto
			}
			add(kind, PartTable, child, 0)
		}
		add(Internal, PartType, types.UserOid(types.CompositeClass, t.OID), 0)
	}
}

// Uses lists the columns that an index depends on, each once.
func (i *Index) Uses() []AttNum {
	var out []AttNum
	add := func(list ...AttNum) {
		for _, n := range list {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	for _, c := range i.Columns {
		if c.Num != 0 {
			add(c.Num)
		}
		add(c.Uses...)
	}
	add(i.Include...)
	add(i.PredicateUses...)
	return out
}

// excludesBy reports whether an exclusion constraint has a column in an expression or its predicate.
func excludesBy(t *Table, c *Constraint, col AttNum) bool {
	i := t.IndexByOID(c.Index)
	return c.Type == Exclusion && i != nil && slices.Contains(i.Uses(), col)
}

// includes reports whether a key constraint's index has a column in its INCLUDE.
func includes(t *Table, c *Constraint, col AttNum) bool {
	i := t.IndexByOID(c.Index)
	return i != nil && slices.Contains(i.Include, col)
}

// declaredForeignKey is the foreign key whose copy, for a partition of what it references, c is; or c.
func declaredForeignKey(t *Table, c *Constraint) *Constraint {
	for c.Parent != 0 {
		of := t.ConstraintByOID(c.Parent)
		if of == nil {
			break
		}
		c = of
	}
	return c
}

// inbound calls f for every foreign key that references t.
func (s *Snapshot) inbound(t *Table, f func(child *Table, c *Constraint)) {
	for _, in := range t.Inbound {
		child := s.Table(in.Table)
		if child == nil {
			continue
		}
		if c := child.ConstraintByOID(in.Constraint); c != nil {
			f(child, c)
		}
	}
}

func (s *Snapshot) defaultsOn(sequence Oid, add addDependent) {
	s.Tables(func(t *Table) bool {
		for i := range t.Columns {
			if c := &t.Columns[i]; slices.Contains(c.DefaultDeps, sequence) && !c.Dropped {
				add(Normal, PartDefault, t.OID, c.Num)
			}
		}
		return true
	})
}

func (s *Snapshot) viewsOn(relation Oid, col AttNum, add addDependent) {
	uses := func(deps []ViewDep) bool { return depsName(deps, relation, col) }
	s.Views(func(v *View) bool {
		if uses(v.Deps) {
			add(Normal, PartView, v.OID, 0)
		}
		return true
	})
	s.EachRule(func(rel Relation, r *Rule) bool {
		switch {
		case rel.OID() == relation && col == 0:
			add(Auto, PartRule, r.OID, 0)
		case uses(r.Deps):
			add(Normal, PartRule, r.OID, 0)
		}
		return true
	})
	s.functionsUsing(relation, col, add)
	s.Tables(func(t *Table) bool {
		for i := range t.Policies {
			switch p := &t.Policies[i]; {
			case t.OID == relation && col == 0:
				add(Auto, PartPolicy, p.OID, 0)
			case p.uses(relation, col):
				add(Normal, PartPolicy, p.OID, 0)
			}
		}
		if t.MatView != nil && uses(t.MatView.Deps) {
			add(Normal, PartTable, t.OID, 0)
		}
		return true
	})
}

// Requires returns the part that p is an internal part of: dropping p alone is refused in its favour.
func (s *Snapshot) Requires(p Part) (owner Part, ok bool) {
	switch p.Kind {
	case PartIndex:
		if _, i := s.Index(p.OID); i != nil && i.Constraint != 0 {
			return Part{Kind: PartConstraint, OID: i.Constraint}, true
		} else if i != nil && i.Parent != 0 {
			return Part{Kind: PartIndex, OID: i.Parent}, true
		}
	case PartSequence:
		if q := s.Sequence(p.OID); q != nil && q.OwnedByAuto && q.OwnedByTab != 0 {
			return Part{Kind: PartColumn, OID: q.OwnedByTab, Sub: q.OwnedByCol}, true
		}
	case PartTrigger:
		if _, g := s.Trigger(p.OID); g != nil && g.Parent != 0 {
			return Part{Kind: PartTrigger, OID: g.Parent}, true
		}
	case PartType:
		if p.OID.Class() == types.MultirangeClass {
			return Part{Kind: PartType, OID: types.RangeOf(p.OID)}, true
		}
		if t := s.Type(p.OID); t != nil && t.Extension != 0 {
			return Part{Kind: PartExtension, OID: t.Extension}, true
		}
	case PartFunction:
		if f := s.Function(p.OID); f != nil && f.Extension != 0 {
			return Part{Kind: PartExtension, OID: f.Extension}, true
		}
	}
	return Part{}, false
}

// Describe names a part as PostgreSQL's messages do (getObjectDescription): relations that the search path does not find
// are qualified.
func (s *Snapshot) Describe(searchPath []string, p Part) string {
	relation := func(r Relation) string { return s.RelationName(searchPath, r) }
	table := func(oid Oid) string {
		if t := s.Table(oid); t != nil {
			return t.Relation().Noun() + " " + relation(t.Relation())
		}
		return "table"
	}
	switch p.Kind {
	case PartSchema:
		return "schema " + s.SchemaName(p.OID)
	case PartTable:
		return table(p.OID)
	case PartColumn:
		return "column " + s.columnName(p) + " of " + table(p.OID)
	case PartDefault:
		return "default value for column " + s.columnName(p) + " of " + table(p.OID)
	case PartIndex:
		t, i := s.Index(p.OID)
		return "index " + relation(Relation{Kind: KindIndex, Table: t, Index: i})
	case PartConstraint:
		t, c := s.Constraint(p.OID)
		return "constraint " + c.Name + " on " + table(t.OID)
	case PartSequence:
		return "sequence " + relation(Relation{Kind: KindSequence, Sequence: s.Sequence(p.OID)})
	case PartType:
		return "type " + s.FormatType(searchPath, types.T(p.OID))
	case PartRule:
		rel, r := s.Rule(p.OID)
		return "rule " + r.Name + " on " + rel.Noun() + " " + relation(rel)
	case PartPolicy:
		t, q := s.Policy(p.OID)
		return "policy " + q.Name + " on table " + relation(t.Relation())
	case PartFunction:
		f := s.Function(p.OID)
		return "function " + s.FunctionSignature(searchPath, f)
	case PartExtension:
		return "extension " + s.Extension(p.OID).Name
	case PartOperator:
		return "operator " + s.operatorText(searchPath, ExtensionOperator(p.OID))
	case PartOpClass:
		c := ExtensionOpClass(p.OID)
		return "operator class " + s.opClassName(searchPath, c.Method, c.Name) + " for access method " + c.Method
	case PartTrigger:
		rel, g := s.Trigger(p.OID)
		return "trigger " + g.Name + " on " + rel.Noun() + " " + relation(rel)
	case PartCast:
		i := slices.IndexFunc(ExtensionCasts, func(c ExtensionCast) bool { return c.OID == p.OID })
		return "cast from " + s.FormatType(searchPath, types.T(ExtensionCasts[i].From)) + " to " + s.FormatType(searchPath, types.T(ExtensionCasts[i].To))
	case PartOpFamily:
		c := ExtensionOpFamily(p.OID)
		return "operator family " + s.opClassName(searchPath, c.Method, c.Name) + " for access method " + c.Method
	case PartView:
		return "view " + relation(Relation{Kind: KindView, View: s.View(p.OID)})
	}
	return ""
}

func (s *Snapshot) columnName(p Part) string {
	if t := s.Table(p.OID); t != nil {
		if c := t.Column(p.Sub); c != nil {
			return c.Name
		}
	}
	return ""
}
