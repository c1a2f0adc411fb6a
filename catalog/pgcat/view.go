package pgcat

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// viewSources are PostgreSQL's views over its catalogs.
func viewSources() map[string]*source {
	return map[string]*source{
		"pg_catalog.pg_tables": {columns: "schemaname tablename tableowner tablespace hasindexes hasrules hastriggers rowsecurity",
			builtin: func(b *builder) {
				systemRelations(func(r *relation, _ catalog.Oid) {
					if r.kind == 'r' {
						b.add(str(r.Schema), str(r.Name), str("postgres"), null, no, no, no, no)
					}
				})
			}, rows: tableViewRows},
		"pg_catalog.pg_indexes": {columns: "schemaname tablename indexname indexdef", rows: indexViewRows},
		"pg_catalog.pg_views": {columns: "schemaname viewname viewowner definition",
			builtin: func(b *builder) {
				systemRelations(func(r *relation, _ catalog.Oid) {
					if r.kind == 'v' {
						b.add(str(r.Schema), str(r.Name), str("postgres"), null)
					}
				})
			},
			rows: func(b *builder) {
				b.snap.Views(func(v *catalog.View) bool {
					b.add(str(b.snap.SchemaName(v.SchemaID)), str(v.Name), str(ownerName(b.snap, v.Owner)), str(b.defs.view(v, false, 0)))
					return true
				})
			}},
		"pg_catalog.pg_matviews": {columns: "schemaname matviewname matviewowner tablespace hasindexes ispopulated definition",
			rows: func(b *builder) {
				b.snap.Tables(func(t *catalog.Table) bool {
					if t.MatView != nil {
						b.add(str(b.snap.SchemaName(t.SchemaID)), str(t.Name), str(ownerName(b.snap, t.Owner)), null, flag(len(t.Indexes) > 0),
							flag(t.MatView.Populated), str(b.defs.view(t.AsView(), false, 0)))
					}
					return true
				})
			}},
		"pg_catalog.pg_rules": {columns: "schemaname tablename rulename definition",
			rows: func(b *builder) {
				b.snap.EachRule(func(rel catalog.Relation, r *catalog.Rule) bool {
					b.add(str(b.snap.SchemaName(rel.SchemaID())), str(rel.Name()), str(r.Name), str(b.defs.rule(rel, r, false)))
					return true
				})
			}},
		"pg_catalog.pg_policies": {columns: "schemaname tablename policyname permissive roles cmd qual with_check", rows: policyViewRows},
		"pg_catalog.pg_sequences": {columns: "schemaname sequencename sequenceowner data_type start_value min_value max_value " +
			"increment_by cycle cache_size last_value", live: sequenceViewRows},
	}
}

func tableViewRows(b *builder) {
	b.snap.Tables(func(t *catalog.Table) bool {
		if t.MatView != nil {
			return true
		}
		b.add(str(b.snap.SchemaName(t.SchemaID)), str(t.Name), str(ownerName(b.snap, t.Owner)), null, flag(len(t.Indexes) > 0), flag(len(t.Rules) > 0),
			flag(len(t.Inbound) > 0 || len(t.ForeignKeys()) > 0 || len(t.Triggers) > 0), flag(t.RowSecurity))
		return true
	})
}

func indexViewRows(b *builder) {
	b.snap.Tables(func(t *catalog.Table) bool {
		for _, i := range t.Indexes {
			b.add(str(b.snap.SchemaName(t.SchemaID)), str(t.Name), str(i.Name), str(b.defs.index(t, i, false)))
		}
		return true
	})
}

func sequenceViewRows(b *builder) error {
	var failed error
	b.snap.Sequences(func(q *catalog.Sequence) bool {
		last := null
		p, _ := b.snap.RelationPrivileges(catalog.Relation{Kind: catalog.KindSequence, Sequence: q}, b.env.Role)
		if b.env.SequenceState != nil && (b.env.Role == 0 || p&(catalog.PrivSelect|catalog.PrivUsage) != 0) {
			v, called, err := b.env.SequenceState(q)
			if err != nil {
				failed = err
				return false
			}
			if called {
				last = num(v)
			}
		}
		b.add(str(b.snap.SchemaName(q.SchemaID)), str(q.Name), str(ownerName(b.snap, q.Owner)), num(q.Type), num(q.Start), num(q.Min),
			num(q.Max), num(q.Increment), flag(q.Cycle), num(q.Cache), last)
		return true
	})
	return failed
}

// sequenceRow is a sequence read as a table. log_cnt is 0: how far ahead a value window is logged is nobody's business
// here.
func sequenceRow(env *Env, q *catalog.Sequence, emit func(row []types.Datum) error) error {
	last, called, err := env.SequenceState(q)
	if err != nil {
		return err
	}
	return emit([]types.Datum{num(last), num(0), flag(called)})
}

// statTables are the views of statistics that list tables; what is not counted is zero.
func statTables(b *builder) {
	b.snap.Tables(func(t *catalog.Table) bool {
		n := max(b.sys.RowCount(t), 0)
		zero := num(0)
		b.add(num(t.OID), str(b.snap.SchemaName(t.SchemaID)), str(t.Name), zero, zero, zero, zero, zero, zero, zero, zero, num(n),
			zero, zero, zero, zero, zero, zero, zero)
		return true
	})
}

func statIndexes(b *builder) {
	b.snap.Tables(func(t *catalog.Table) bool {
		for _, i := range t.Indexes {
			b.add(num(t.OID), num(i.OID), str(b.snap.SchemaName(t.SchemaID)), str(t.Name), str(i.Name), num(0), num(0), num(0))
		}
		return true
	})
}
