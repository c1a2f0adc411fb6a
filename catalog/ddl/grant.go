package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// GrantSpec is GRANT and REVOKE of privileges on objects; grantee 0 is PUBLIC.
type GrantSpec struct {
	Grant       bool
	Kind        catalog.PartKind // PartTable (any relation by name) or PartSchema
	Relation    Name
	Schema      string
	Privileges  catalog.Privilege
	GrantOption bool // WITH GRANT OPTION; REVOKE: GRANT OPTION FOR
	Grantees    []catalog.Oid
}

// Grant records privileges in an object's ACL.
func (x *Tx) Grant(ctx context.Context, g *GrantSpec) error {
	if g.Kind == catalog.PartSchema {
		s, err := x.lockSchema(ctx, g.Schema)
		if err != nil {
			return err
		}
		c := *s
		c.ACL = x.applyGrant(c.ACL, g)
		return x.put(ctx, &c)
	}
	rel, _, err := x.findRelation(ctx, catalog.KindTable, g.Relation, false, ShareUpdateExclusiveLock)
	if err != nil {
		return err
	}
	switch rel.Kind {
	case catalog.KindSequence:
		q := *rel.Sequence
		q.ACL = x.applyGrant(q.ACL, g)
		return x.put(ctx, &q)
	case catalog.KindView:
		v := *rel.View
		v.ACL = x.applyGrant(v.ACL, g)
		return x.put(ctx, &v)
	}
	if g.Privileges&catalog.PrivUsage != 0 {
		return pgerr.New(pgerr.InvalidGrantOperation, "invalid privilege type USAGE for table")
	}
	t, err := x.alter(ctx, rel.Table.OID)
	if err != nil {
		return err
	}
	t.ACL = x.applyGrant(t.ACL, g)
	return x.putTable(ctx, t)
}

func (x *Tx) applyGrant(acl []catalog.ACLItem, g *GrantSpec) []catalog.ACLItem {
	acl = slices.Clone(acl)
	for _, who := range g.Grantees {
		i := slices.IndexFunc(acl, func(a catalog.ACLItem) bool { return a.Grantee == who })
		if i < 0 {
			if !g.Grant {
				continue
			}
			acl = append(acl, catalog.ACLItem{Grantee: who, Grantor: x.user()})
			i = len(acl) - 1
		}
		a := &acl[i]
		switch {
		case g.Grant:
			a.Privileges |= g.Privileges
			if g.GrantOption {
				a.Grantable |= g.Privileges
			}
		default:
			a.Grantable &^= g.Privileges
			if !g.GrantOption {
				a.Privileges &^= g.Privileges
			}
		}
	}
	return slices.DeleteFunc(acl, func(a catalog.ACLItem) bool { return a.Privileges == 0 })
}
