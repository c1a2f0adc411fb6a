package catalog

import "slices"

// PolicyCommand is what a policy is for, as pg_policy.polcmd has it.
type PolicyCommand byte

// The commands of policies.
const (
	PolicyAll    PolicyCommand = '*'
	PolicySelect PolicyCommand = 'r'
	PolicyInsert PolicyCommand = 'a'
	PolicyUpdate PolicyCommand = 'w'
	PolicyDelete PolicyCommand = 'd'
)

// Policy is a row-level security policy of a table.
type Policy struct {
	OID        Oid
	Name       string
	Command    PolicyCommand
	Permissive bool
	// Roles are those that it is for; 0 is PUBLIC.
	Roles []Oid
	// Using and Check are the conditions: which rows there are, and which may be written. Nil: none given.
	Using   *PolicyExpr `json:",omitempty"`
	Check   *PolicyExpr `json:",omitempty"`
	Comment string      `json:",omitempty"`
}

// PolicyExpr is a condition over a table's rows. Since it may have subqueries, it is kept as a view's query is: as the only
// column of a query over the table alone, with what its names are bound to.
type PolicyExpr struct {
	Query string
	Deps  []ViewDep `json:",omitempty"`
}

// AppliesTo reports whether the policy is one for a command that a role gives.
func (p *Policy) AppliesTo(s *Snapshot, c PolicyCommand, role Oid) bool {
	if p.Command != PolicyAll && p.Command != c {
		return false
	}
	return slices.ContainsFunc(p.Roles, func(r Oid) bool { return r == 0 || s.HasPrivilegesOf(role, r) })
}

// PolicyByName finds a policy of the table; nil if there is none.
func (t *Table) PolicyByName(name string) *Policy {
	if i := slices.IndexFunc(t.Policies, func(p Policy) bool { return p.Name == name }); i >= 0 {
		return &t.Policies[i]
	}
	return nil
}

// Policy finds a policy by its OID; nil if there is none.
func (s *Snapshot) Policy(oid Oid) (table *Table, policy *Policy) {
	s.Tables(func(t *Table) bool {
		for i := range t.Policies {
			if t.Policies[i].OID == oid {
				table, policy = t, &t.Policies[i]
			}
		}
		return policy == nil
	})
	return table, policy
}

// uses reports whether the policy's conditions refer to a relation, or (col not 0) to a column of it.
func (p *Policy) uses(relation Oid, col AttNum) bool {
	for _, e := range []*PolicyExpr{p.Using, p.Check} {
		if e != nil && depsName(e.Deps, relation, col) {
			return true
		}
	}
	return false
}

// depsName reports whether what is bound includes a relation, or (col not 0) a column of it.
func depsName(deps []ViewDep, relation Oid, col AttNum) bool {
	return slices.ContainsFunc(deps, func(d ViewDep) bool {
		return d.Relation == relation && (col == 0 || slices.Contains(d.Columns, col))
	})
}

// RowSecurity says what row-level security means for a role that uses a table (check_enable_rls).
type RowSecurity uint8

// The answers.
const (
	RowSecurityNone     RowSecurity = iota // the table has none
	RowSecurityBypassed                    // not for this role
	RowSecurityOn
)

// RowSecurityFor says whether the table's policies count for a role.
func (s *Snapshot) RowSecurityFor(t *Table, role Oid) RowSecurity {
	switch {
	case !t.RowSecurity:
		return RowSecurityNone
	case s.Superuser(role):
		return RowSecurityBypassed
	}
	if r := s.Role(role); r != nil && r.BypassRLS {
		return RowSecurityBypassed
	}
	if s.HasPrivilegesOf(role, t.Owner) && !t.ForceRowSecurity {
		return RowSecurityBypassed
	}
	return RowSecurityOn
}
