package catalog

import (
	"strconv"
	"unicode/utf8"
)

// MaxNameBytes is the longest identifier: NAMEDATALEN - 1.
const MaxNameBytes = 63

// Truncate cuts an identifier to max bytes, at a character's boundary.
func Truncate(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max]
}

// MakeObjectName is PostgreSQL's makeObjectName: name1_name2_label, the longer of the two names cut until all fit. Empty
// name2 and label are left out.
func MakeObjectName(name1, name2, label string) string {
	overhead := 0
	if name2 != "" {
		overhead++
	}
	if label != "" {
		overhead += len(label) + 1
	}
	n1, n2 := len(name1), len(name2)
	for n1+n2 > MaxNameBytes-overhead {
		if n1 > n2 {
			n1--
		} else {
			n2--
		}
	}
	s := Truncate(name1, n1)
	if name2 != "" {
		s += "_" + Truncate(name2, n2)
	}
	if label != "" {
		s += "_" + label
	}
	return s
}

// JoinColumnNames is ChooseIndexNameAddition: column names joined by underscores, about one identifier long at most.
func JoinColumnNames(cols []string) string {
	s := ""
	for i, c := range cols {
		if i > 0 {
			s += "_"
		}
		s += c
		if len(s) > MaxNameBytes {
			break
		}
	}
	return s
}

// ChooseRelationName is PostgreSQL's: a name for an index, or with constraint set for an index's constraint, or for a
// sequence, that no relation of the schema has (nor a constraint, for a constraint).
func (s *Snapshot) ChooseRelationName(name1, name2, label string, schema Oid, constraint bool) string {
	return choose(name1, name2, label, func(name string) bool {
		_, taken := s.Relation(schema, name)
		return taken || constraint && s.ConstraintNameExists(schema, name)
	})
}

// ChooseConstraintName is PostgreSQL's: a name that no constraint of the schema's tables has, nor one of others.
func (s *Snapshot) ChooseConstraintName(name1, name2, label string, schema Oid, others []string) string {
	return choose(name1, name2, label, func(name string) bool {
		for _, o := range others {
			if o == name {
				return true
			}
		}
		return s.ConstraintNameExists(schema, name)
	})
}

// choose appends 1, 2, … to the label until the name is free.
func choose(name1, name2, label string, taken func(string) bool) string {
	name := MakeObjectName(name1, name2, label)
	for i := 1; taken(name); i++ {
		name = MakeObjectName(name1, name2, label+strconv.Itoa(i))
	}
	return name
}

// ConstraintNameExists reports whether a table of the schema has a constraint of that name.
func (s *Snapshot) ConstraintNameExists(schema Oid, name string) bool {
	n, ok := s.constraintNames.get(relName{schema, name})
	return ok && n > 0
}
