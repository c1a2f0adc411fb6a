package pgcat

import (
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// policyTree begins pg_policy.polqual and polwithcheck: 'u' or 'c' and the policy's name follow.
const policyTree = "{POLICY}"

func policyRows(b *builder) {
	tree := func(p *catalog.Policy, e *catalog.PolicyExpr, kind string) types.Datum {
		if e == nil {
			return null
		}
		return str(policyTree + kind + p.Name)
	}
	b.snap.Tables(func(t *catalog.Table) bool {
		for i := range t.Policies {
			p := &t.Policies[i]
			b.add(num(p.OID), str(p.Name), num(t.OID), char(byte(p.Command)), flag(p.Permissive), oids(types.OidOid, p.Roles), tree(p, p.Using, "u"), tree(p, p.Check, "c"))
		}
		return true
	})
}

var policyCommandNames = map[catalog.PolicyCommand]string{catalog.PolicyAll: "ALL", catalog.PolicySelect: "SELECT",
	catalog.PolicyInsert: "INSERT", catalog.PolicyUpdate: "UPDATE", catalog.PolicyDelete: "DELETE"}

func policyViewRows(b *builder) {
	text := func(t *catalog.Table, e *catalog.PolicyExpr) types.Datum {
		if e == nil {
			return null
		}
		return str(b.defs.policy(t, e, false))
	}
	b.snap.Tables(func(t *catalog.Table) bool {
		for i := range t.Policies {
			p := &t.Policies[i]
			kind := "PERMISSIVE"
			if !p.Permissive {
				kind = "RESTRICTIVE"
			}
			var roles []types.Datum
			for _, r := range p.Roles {
				name := "public"
				if r != 0 {
					name = b.snap.RoleName(r)
				}
				roles = append(roles, str(name))
			}
			slices.SortFunc(roles, func(a, b types.Datum) int { return strings.Compare(a.Str(), b.Str()) })
			b.add(str(b.snap.SchemaName(t.SchemaID)), str(t.Name), str(p.Name), str(kind), types.NewArray1(types.NameOid, roles),
				str(policyCommandNames[p.Command]), text(t, p.Using), text(t, p.Check))
		}
		return true
	})
}

// policyTree prints what pg_policy holds of a condition.
func (p *printer) policyTree(t *catalog.Table, tree string, pretty bool) string {
	if t == nil || tree == "" {
		return ""
	}
	k := t.PolicyByName(tree[1:])
	switch {
	case k != nil && tree[0] == 'u' && k.Using != nil:
		return p.policy(t, k.Using, pretty)
	case k != nil && tree[0] == 'c' && k.Check != nil:
		return p.policy(t, k.Check, pretty)
	}
	return ""
}

// policy prints the condition of a policy.
func (p *printer) policy(t *catalog.Table, e *catalog.PolicyExpr, pretty bool) string {
	q, err := sema.PolicyQuery(t, e, &sema.Env{Catalog: p.snap, SearchPath: p.path, Virtual: p.system, IOEnv: p.io, Print: true})
	if err != nil {
		return e.Query
	}
	d := deparser{printer: p, table: t, pretty: pretty}
	d.spaces = []*namespace{{query: &sema.Query{}}}
	d.spaces = append(d.spaces, d.name(q))
	d.node(q.Targets[0].Expr, false)
	if d.failed {
		return e.Query
	}
	return d.b.String()
}

// rowSecurityActive is row_security_active(table).
func rowSecurityActive(c *call) (types.Datum, error) {
	var rel catalog.Relation
	var ok bool
	if c.textual(0) {
		parts, err := splitName(c.args[0].Str())
		if err != nil {
			return null, err
		}
		f, err := c.mustFind(parts)
		if err != nil {
			return null, err
		}
		rel, ok = c.scope.snap.RelationByOID(f.oid)
	} else if rel, ok = c.scope.snap.RelationByOID(c.oid(0)); !ok {
		return no, nil
	}
	if !ok || rel.Kind != catalog.KindTable {
		return no, nil
	}
	return flag(c.scope.snap.RowSecurityFor(rel.Table, c.env.Role) == catalog.RowSecurityOn), nil
}
