package ddl

import (
	"context"
	"slices"
	"strconv"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// DomainSpec is CREATE DOMAIN.
type DomainSpec struct {
	Name      Name
	Base      types.Type
	NotNull   bool
	Default   *Expression // nil for none
	Checks    []DomainCheckSpec
	Collation catalog.Oid
}

// DomainCheckSpec is a CHECK of a domain.
type DomainCheckSpec struct {
	Name     string // empty: PostgreSQL's choice
	Check    *Expression
	NotValid bool
}

// CreateDomain is CREATE DOMAIN.
func (x *Tx) CreateDomain(ctx context.Context, s *DomainSpec) error {
	t, err := x.newType(ctx, types.DomainClass, s.Name)
	if err != nil {
		return err
	}
	if err := x.shareTypes(ctx, s.Base); err != nil {
		return err
	}
	t.Domain = &catalog.Domain{Base: s.Base, NotNull: s.NotNull, Collation: s.Collation}
	switch base := x.s.over.Type(s.Base.Domain); {
	case s.Default != nil:
		t.Domain.Default, t.Domain.Deps = s.Default.Text, s.Default.Deps()
	case base != nil && base.Domain != nil:
		t.Domain.Default, t.Domain.Deps = base.Domain.Default, base.Domain.Deps
	}
	for i := range s.Checks {
		if err := x.addDomainCheck(ctx, t, &s.Checks[i]); err != nil {
			return err
		}
	}
	return x.put(ctx, t)
}

// addDomainCheck adds a constraint to a domain that is about to be put, and returns it.
func (x *Tx) addDomainCheck(ctx context.Context, t *catalog.Type, s *DomainCheckSpec) error {
	name := s.Name
	taken := func(n string) bool {
		return slices.ContainsFunc(t.Domain.Checks, func(c catalog.DomainCheck) bool { return c.Name == n })
	}
	if name == "" {
		name = catalog.MakeObjectName(t.Name, "", "check")
		for i := 1; taken(name); i++ {
			name = catalog.MakeObjectName(t.Name, "", "check"+strconv.Itoa(i))
		}
	} else if taken(name) {
		return pgerr.New(pgerr.DuplicateObject, "constraint %q for domain %q already exists", name, t.Name)
	}
	oid, err := x.newOID(ctx)
	if err != nil {
		return err
	}
	t.Domain.Checks = append(t.Domain.Checks, catalog.DomainCheck{
		OID: oid, Name: name, Expr: s.Check.Text, Deps: s.Check.Deps(), Validated: !s.NotValid,
	})
	return nil
}

// lockDomain locks a domain and returns a copy to be changed and put.
func (x *Tx) lockDomain(ctx context.Context, n Name) (*catalog.Type, error) {
	if in := builtinType(n); in != nil {
		return nil, pgerr.New(pgerr.WrongObjectType, "%s is not a domain", in.SQLName)
	}
	if err := x.isRowType(n, "a domain"); err != nil {
		return nil, err
	}
	t, err := x.lockType(ctx, n)
	if err != nil {
		return nil, err
	}
	if t.Domain == nil {
		return nil, pgerr.New(pgerr.WrongObjectType, "%s is not a domain", types.FormatType(types.T(t.OID)))
	}
	return t.Clone(), nil
}

// SetDomainDefault is ALTER DOMAIN … SET and DROP DEFAULT; nil drops.
func (x *Tx) SetDomainDefault(ctx context.Context, n Name, def *Expression) error {
	t, err := x.lockDomain(ctx, n)
	if err != nil {
		return err
	}
	t.Domain.Default, t.Domain.Deps = "", nil
	if def != nil {
		t.Domain.Default, t.Domain.Deps = def.Text, def.Deps()
	}
	return x.put(ctx, t)
}

// SetDomainNotNull is ALTER DOMAIN … SET and DROP NOT NULL.
func (x *Tx) SetDomainNotNull(ctx context.Context, n Name, notNull bool) error {
	t, err := x.lockDomain(ctx, n)
	if err != nil || t.Domain.NotNull == notNull {
		return err
	}
	t.Domain.NotNull = notNull
	if err := x.put(ctx, t); err != nil || !notNull {
		return err
	}
	return x.eachDomainColumn(ctx, t, func(tab *catalog.Table, col *catalog.Column) error {
		err := x.cfg.Backend.ValidateNotNull(ctx, tab, col)
		if pgerr.HasCode(err, pgerr.NotNullViolation) {
			return pgerr.New(pgerr.NotNullViolation, "column %q of table %q contains null values", col.Name, tab.Name).
				WithTable(x.s.over.SchemaName(tab.SchemaID), tab.Name).WithColumn(col.Name)
		}
		return err
	})
}

// AddDomainConstraint is ALTER DOMAIN … ADD CONSTRAINT.
func (x *Tx) AddDomainConstraint(ctx context.Context, n Name, s *DomainCheckSpec) error {
	t, err := x.lockDomain(ctx, n)
	if err != nil {
		return err
	}
	if err := x.addDomainCheck(ctx, t, s); err != nil {
		return err
	}
	if err := x.put(ctx, t); err != nil || s.NotValid {
		return err
	}
	return x.validateDomainCheck(ctx, t, &t.Domain.Checks[len(t.Domain.Checks)-1])
}

func domainCheck(t *catalog.Type, name string) *catalog.DomainCheck {
	for i := range t.Domain.Checks {
		if c := &t.Domain.Checks[i]; c.Name == name {
			return c
		}
	}
	return nil
}

func errNoDomainConstraint(t *catalog.Type, name string) *pgerr.Error {
	return pgerr.New(pgerr.UndefinedObject, "constraint %q of domain %q does not exist", name, t.Name)
}

// ValidateDomainConstraint is ALTER DOMAIN … VALIDATE CONSTRAINT.
func (x *Tx) ValidateDomainConstraint(ctx context.Context, n Name, name string) error {
	t, err := x.lockDomain(ctx, n)
	if err != nil {
		return err
	}
	c := domainCheck(t, name)
	if c == nil {
		return errNoDomainConstraint(t, name)
	}
	c.Validated = true
	if err := x.put(ctx, t); err != nil {
		return err
	}
	return x.validateDomainCheck(ctx, t, c)
}

// DropDomainConstraint is ALTER DOMAIN … DROP CONSTRAINT.
func (x *Tx) DropDomainConstraint(ctx context.Context, n Name, name string, missingOK bool) error {
	t, err := x.lockDomain(ctx, n)
	if err != nil {
		return err
	}
	if domainCheck(t, name) == nil {
		if missingOK {
			x.notice(pgerr.Notice("constraint %q of domain %q does not exist, skipping", name, t.Name))
			return nil
		}
		return errNoDomainConstraint(t, name)
	}
	t.Domain.Checks = slices.DeleteFunc(t.Domain.Checks, func(c catalog.DomainCheck) bool { return c.Name == name })
	return x.put(ctx, t)
}

// RenameDomainConstraint is ALTER DOMAIN … RENAME CONSTRAINT.
func (x *Tx) RenameDomainConstraint(ctx context.Context, n Name, from, to string) error {
	t, err := x.lockDomain(ctx, n)
	if err != nil {
		return err
	}
	c := domainCheck(t, from)
	if c == nil {
		return pgerr.New(pgerr.UndefinedObject, "constraint %q for domain %s does not exist", from, types.FormatType(types.T(t.OID)))
	}
	if domainCheck(t, to) != nil {
		return pgerr.New(pgerr.DuplicateObject, "constraint %q for domain %s already exists", to, types.FormatType(types.T(t.OID)))
	}
	c.Name = to
	return x.put(ctx, t)
}

// CommentDomainConstraint is COMMENT ON CONSTRAINT … ON DOMAIN.
func (x *Tx) CommentDomainConstraint(ctx context.Context, n Name, name, text string) error {
	t, err := x.lockDomain(ctx, n)
	if err != nil {
		return err
	}
	c := domainCheck(t, name)
	if c == nil {
		return pgerr.New(pgerr.UndefinedObject, "constraint %q for domain %s does not exist", name, types.FormatType(types.T(t.OID)))
	}
	c.Comment = text
	return x.put(ctx, t)
}

// validateDomainCheck finds rows whose values the new constraint refuses.
func (x *Tx) validateDomainCheck(ctx context.Context, t *catalog.Type, c *catalog.DomainCheck) error {
	return x.eachDomainColumn(ctx, t, func(tab *catalog.Table, col *catalog.Column) error {
		text, err := x.cfg.Exprs.RenameColumn(c.Expr, "value", col.Name)
		if err != nil {
			return err
		}
		err = x.cfg.Backend.ValidateCheck(ctx, tab, &catalog.Constraint{Name: c.Name, Type: catalog.Check, Check: text})
		if pgerr.HasCode(err, pgerr.CheckViolation) {
			return pgerr.New(pgerr.CheckViolation, "column %q of table %q contains values that violate the new constraint", col.Name, tab.Name).
				WithTable(x.s.over.SchemaName(tab.SchemaID), tab.Name).WithColumn(col.Name)
		}
		return err
	})
}

// eachDomainColumn calls f for every column of the domain, and of the domains over it. The table's fence is up by then:
// nobody writes values that were judged by the domain as it was.
func (x *Tx) eachDomainColumn(ctx context.Context, t *catalog.Type, f func(*catalog.Table, *catalog.Column) error) error {
	if tab, col := x.heldColumn(t.OID); tab != nil {
		return pgerr.New(pgerr.FeatureNotSupported, "cannot alter type \"%s\" because column \"%s.%s\" uses it", t.Name, tab.Name, col.Name)
	}
	for _, d := range x.domainUsers(t.OID) {
		if err := x.lock(ctx, d.table, ShareRowExclusiveLock); err != nil {
			return err
		}
		tab, err := x.alter(ctx, d.table)
		if err != nil {
			return err
		}
		if err := x.putTable(ctx, tab); err != nil {
			return err
		}
		if err := x.raise(ctx, d.table); err != nil {
			return err
		}
		for i := range tab.Columns {
			col := &tab.Columns[i]
			if col.Dropped || catalog.TypeOf(col.Type) != d.domain {
				continue
			}
			if types.ElemOf(col.Type.Domain) != 0 {
				return pgerr.New(pgerr.FeatureNotSupported, "cannot alter type \"%s\" because column \"%s.%s\" uses it",
					x.s.over.Type(d.domain).Name, tab.Name, col.Name)
			}
			if err := f(tab, col); err != nil {
				return err
			}
		}
	}
	return nil
}

// heldColumn finds a column whose values hold values of the domain, or of one over it, as fields of a composite type or
// bounds of a range: nothing here looks into those.
func (x *Tx) heldColumn(domain catalog.Oid) (*catalog.Table, *catalog.Column) {
	held := []catalog.Oid{domain} // types whose values hold the domain's, the domain first
	holds := func(t types.Type) bool { return slices.Contains(held, catalog.TypeOf(t)) }
	for n := 0; n < len(held); {
		n = len(held)
		x.s.over.Types(func(t *catalog.Type) bool {
			field := slices.ContainsFunc(t.Attrs, func(a types.Attribute) bool { return !a.Dropped && holds(a.Type) })
			over := t.Domain != nil && holds(t.Domain.Base) || t.Range != nil && holds(t.Range.Subtype) ||
				t.OID.Class() == types.MultirangeClass && slices.Contains(held, types.RangeOf(t.OID))
			if (field || over) && !slices.Contains(held, t.OID) {
				held = append(held, t.OID)
			}
			return true
		})
		x.s.over.Tables(func(t *catalog.Table) bool {
			row := catalog.Relation{Kind: catalog.KindTable, Table: t}.RowType()
			if !slices.Contains(held, row) && slices.ContainsFunc(t.Columns, func(c catalog.Column) bool { return !c.Dropped && holds(c.Type) }) {
				held = append(held, row)
			}
			return true
		})
	}
	composite := func(c *catalog.Column) bool {
		oid := catalog.TypeOf(c.Type)
		for { // a domain over such a type counts as one
			t := x.s.over.Type(oid)
			if t == nil || t.Domain == nil {
				return slices.Contains([]types.UserClass{types.CompositeClass, types.RangeClass, types.MultirangeClass}, oid.Class()) &&
					slices.Contains(held, oid)
			}
			if oid = catalog.TypeOf(t.Domain.Base); oid == 0 {
				return false
			}
		}
	}
	var tab *catalog.Table
	var col *catalog.Column
	x.s.over.Tables(func(t *catalog.Table) bool {
		for i := range t.Columns {
			if c := &t.Columns[i]; tab == nil && !c.Dropped && composite(c) {
				tab, col = t, c
			}
		}
		return tab == nil
	})
	return tab, col
}

// domainUser is a table with columns of a domain.
type domainUser struct{ domain, table catalog.Oid }

// domainUsers returns the tables with columns of a domain or of one over it, older objects first.
func (x *Tx) domainUsers(oid catalog.Oid) []domainUser {
	var out []domainUser
	over := map[catalog.Oid]catalog.Oid{} // by serial
	var serials []catalog.Oid
	x.s.over.Types(func(t *catalog.Type) bool {
		if t.Domain != nil && t.Domain.Base.Domain == oid {
			over[t.OID.Serial()] = t.OID
			serials = append(serials, t.OID.Serial())
		}
		return true
	})
	x.s.over.Tables(func(tab *catalog.Table) bool {
		if slices.ContainsFunc(tab.Columns, func(c catalog.Column) bool { return !c.Dropped && catalog.TypeOf(c.Type) == oid }) {
			serials = append(serials, tab.OID)
		}
		return true
	})
	slices.Sort(serials)
	for _, s := range serials {
		if d := over[s]; d != 0 {
			out = append(out, x.domainUsers(d)...)
		} else {
			out = append(out, domainUser{oid, s})
		}
	}
	return out
}
