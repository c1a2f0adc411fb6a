package catalog

// MatView is what makes a table a materialized view: the query whose rows it keeps.
type MatView struct {
	Query string
	Deps  []ViewDep
	// Populated is false after WITH NO DATA: the view cannot be read.
	Populated bool
}

// Kind returns whether the table is one of its own or a materialized view's.
func (t *Table) Kind() RelKind {
	if t.MatView != nil {
		return KindMatView
	}
	return KindTable
}

// Relation returns the table as a relation.
func (t *Table) Relation() Relation { return Relation{Kind: t.Kind(), Table: t} }

// AsView returns a materialized view as the view that it keeps the rows of.
func (t *Table) AsView() *View {
	v := &View{OID: t.OID, SchemaID: t.SchemaID, Name: t.Name, Owner: t.Owner, Query: t.MatView.Query, Deps: t.MatView.Deps}
	for _, c := range t.LiveColumns() {
		v.Columns = append(v.Columns, *c)
	}
	return v
}

// Rules calls f for every view, and for every materialized view as one.
func (s *Snapshot) Rules(f func(*View) bool) {
	more := true
	s.Views(func(v *View) bool {
		more = f(v)
		return more
	})
	if !more {
		return
	}
	s.Tables(func(t *Table) bool { return t.MatView == nil || f(t.AsView()) })
}
