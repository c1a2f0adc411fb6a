package ddl

import (
	"context"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// PolicyTable finds and locks the table that a policy is for; only its owner may go on.
func (x *Tx) PolicyTable(ctx context.Context, n Name) (*catalog.Table, error) {
	x.refresh()
	for {
		rel, err := x.find(n)
		if err != nil {
			return nil, err
		}
		if err := x.mustOwn(rel); err != nil {
			return nil, err
		}
		if rel.Kind != catalog.KindTable {
			return nil, pgerr.New(pgerr.WrongObjectType, "%q is not a table", rel.Name())
		}
		if err := x.lock(ctx, rel.Table.OID, AccessExclusiveLock); err != nil {
			return nil, err
		}
		if again, err := x.find(n); err == nil && again.OID() == rel.OID() {
			return again.Table, nil
		}
	}
}

// CreatePolicy is CREATE POLICY on a table that PolicyTable found; p has everything but its OID.
func (x *Tx) CreatePolicy(ctx context.Context, table *catalog.Table, p catalog.Policy) error {
	if table.PolicyByName(p.Name) != nil {
		return pgerr.New(pgerr.DuplicateObject, "policy %q for table %q already exists", p.Name, table.Name)
	}
	var err error
	if p.OID, err = x.newOID(ctx); err != nil {
		return err
	}
	return x.putPolicies(ctx, &p, table, append(slices.Clone(table.Policies), p))
}

// AlterPolicy is ALTER POLICY of a policy of a table that PolicyTable found: what is nil stays.
func (x *Tx) AlterPolicy(ctx context.Context, table *catalog.Table, name string, roles []catalog.Oid, using, check *catalog.PolicyExpr) error {
	p := table.PolicyByName(name)
	switch {
	case p == nil:
		return errNoPolicy(name, table)
	case (p.Command == catalog.PolicySelect || p.Command == catalog.PolicyDelete) && check != nil:
		return pgerr.New(pgerr.SyntaxError, "only USING expression allowed for SELECT, DELETE")
	case p.Command == catalog.PolicyInsert && using != nil:
		return pgerr.New(pgerr.SyntaxError, "only WITH CHECK expression allowed for INSERT")
	}
	c := *p
	if roles != nil {
		c.Roles = roles
	}
	if using != nil {
		c.Using = using
	}
	if check != nil {
		c.Check = check
	}
	return x.putPolicies(ctx, &c, table, replacePolicy(table.Policies, c))
}

// RenamePolicy is ALTER POLICY … RENAME TO.
func (x *Tx) RenamePolicy(ctx context.Context, n Name, name, to string) error {
	t, err := x.PolicyTable(ctx, n)
	if err != nil {
		return err
	}
	if t.PolicyByName(to) != nil {
		return pgerr.New(pgerr.DuplicateObject, "policy %q for table %q already exists", to, t.Name)
	}
	return x.changePolicy(ctx, t, name, func(p *catalog.Policy) { p.Name = to })
}

// CommentPolicy is COMMENT ON POLICY.
func (x *Tx) CommentPolicy(ctx context.Context, n Name, name, text string) error {
	t, err := x.PolicyTable(ctx, n)
	if err != nil {
		return err
	}
	return x.changePolicy(ctx, t, name, func(p *catalog.Policy) { p.Comment = text })
}

// changePolicy changes what of a policy names no other objects.
func (x *Tx) changePolicy(ctx context.Context, t *catalog.Table, name string, change func(p *catalog.Policy)) error {
	p := t.PolicyByName(name)
	if p == nil {
		return errNoPolicy(name, t)
	}
	c := *p
	change(&c)
	return x.putPolicies(ctx, nil, t, replacePolicy(t.Policies, c))
}

// DropPolicy is DROP POLICY.
func (x *Tx) DropPolicy(ctx context.Context, n Name, name string, missingOK bool, b Behavior) error {
	x.refresh()
	if missingOK && x.skipped(n) {
		return nil
	}
	rel, err := x.find(n)
	if err != nil {
		return err
	}
	if rel.Kind == catalog.KindTable && rel.Table.PolicyByName(name) == nil {
		if missingOK {
			x.notice(pgerr.Notice("policy %q for relation %q does not exist, skipping", name, n.String()))
			return nil
		}
		return errNoPolicy(name, rel.Table)
	}
	t, err := x.PolicyTable(ctx, n)
	if err != nil {
		return err
	}
	p := t.PolicyByName(name)
	if p == nil {
		return errNoPolicy(name, t)
	}
	return x.dropParts(ctx, []catalog.Part{{Kind: catalog.PartPolicy, OID: p.OID}}, b)
}

func errNoPolicy(name string, t *catalog.Table) error {
	return pgerr.New(pgerr.UndefinedObject, "policy %q for table %q does not exist", name, t.Name)
}

func replacePolicy(list []catalog.Policy, p catalog.Policy) []catalog.Policy {
	list = slices.Clone(list)
	list[slices.IndexFunc(list, func(k catalog.Policy) bool { return k.OID == p.OID })] = p
	return list
}

// putPolicies gives a table its policies. What a new condition names is kept from being dropped meanwhile.
func (x *Tx) putPolicies(ctx context.Context, p *catalog.Policy, table *catalog.Table, list []catalog.Policy) error {
	if p != nil {
		for _, r := range p.Roles {
			if r == 0 {
				continue
			}
			if err := x.shareRole(ctx, r); err != nil {
				return err
			}
		}
		for _, e := range []*catalog.PolicyExpr{p.Using, p.Check} {
			for i := 0; e != nil && i < len(e.Deps); i++ {
				if d := &e.Deps[i]; d.Relation != table.OID {
					if err := x.shareRelation(ctx, d.Relation); err != nil {
						return err
					}
				}
			}
		}
	}
	t, err := x.alter(ctx, table.OID)
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b catalog.Policy) int { return strings.Compare(a.Name, b.Name) })
	if t.Policies = list; len(list) == 0 {
		t.Policies = nil
	}
	return x.putTable(ctx, t)
}

func (x *Tx) removePolicy(ctx context.Context, table, policy catalog.Oid) error {
	t := x.s.over.Table(table)
	return x.putPolicies(ctx, nil, t, slices.DeleteFunc(slices.Clone(t.Policies), func(p catalog.Policy) bool { return p.OID == policy }))
}

// forgetPolicyRole is RemoveRoleFromObjectPolicy: a policy for nobody else goes.
func (x *Tx) forgetPolicyRole(ctx context.Context, policy, role catalog.Oid) error {
	t, p := x.s.over.Policy(policy)
	if p == nil {
		return nil
	}
	c := *p
	c.Roles = slices.DeleteFunc(slices.Clone(p.Roles), func(r catalog.Oid) bool { return r == role })
	if len(c.Roles) == 0 {
		return x.removePolicy(ctx, t.OID, policy)
	}
	return x.putPolicies(ctx, nil, t, replacePolicy(t.Policies, c))
}
