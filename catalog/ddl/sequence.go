package ddl

import (
	"context"
	"fmt"
	"math"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func sequenceBounds(t catalog.Oid) (lo, hi int64) {
	switch t {
	case types.Int2Oid:
		return math.MinInt16, math.MaxInt16
	case types.Int4Oid:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

func invalid(format string, args ...any) *pgerr.Error {
	return pgerr.New(pgerr.InvalidParameterValue, format, args...)
}

// applySequenceOptions is PostgreSQL's init_params: it sets q from the options given, with defaults for a new sequence.
func applySequenceOptions(q *catalog.Sequence, s *SequenceSpec, isNew, identity bool) error {
	resetMin, resetMax, err := applySequenceType(q, s, isNew, identity)
	if err != nil {
		return err
	}
	lo, hi := sequenceBounds(q.Type)
	name := types.FormatType(types.T(q.Type))
	if s.Increment != nil {
		if *s.Increment == 0 {
			return invalid("INCREMENT must not be zero")
		}
		q.Increment = *s.Increment
	} else if isNew {
		q.Increment = 1
	}
	if s.Cycle != nil {
		q.Cycle = *s.Cycle
	}
	if s.Max != nil {
		q.Max = *s.Max
	} else if isNew || s.NoMax || resetMax {
		if q.Max = -1; q.Increment > 0 || resetMax {
			q.Max = hi
		}
	}
	if q.Max < lo || q.Max > hi {
		return invalid("MAXVALUE (%d) is out of range for sequence data type %s", q.Max, name)
	}
	if s.Min != nil {
		q.Min = *s.Min
	} else if isNew || s.NoMin || resetMin {
		if q.Min = lo; q.Increment > 0 && !resetMin {
			q.Min = 1
		}
	}
	if q.Min < lo || q.Min > hi {
		return invalid("MINVALUE (%d) is out of range for sequence data type %s", q.Min, name)
	}
	if q.Min >= q.Max {
		return invalid("MINVALUE (%d) must be less than MAXVALUE (%d)", q.Min, q.Max)
	}
	return applySequenceStart(q, s, isNew)
}

// applySequenceType gives a sequence its type. Bounds that were the old type's become the new type's.
func applySequenceType(q *catalog.Sequence, s *SequenceSpec, isNew, identity bool) (resetMin, resetMax bool, err error) {
	if s.Type == 0 {
		if isNew {
			q.Type = types.Int8Oid
		}
		return false, false, nil
	}
	switch s.Type {
	case types.Int2Oid, types.Int4Oid, types.Int8Oid:
	default:
		if identity {
			return false, false, invalid("identity column type must be smallint, integer, or bigint")
		}
		return false, false, invalid("sequence type must be smallint, integer, or bigint")
	}
	if !isNew {
		lo, hi := sequenceBounds(q.Type)
		resetMin, resetMax = q.Min == lo, q.Max == hi
	}
	q.Type = s.Type
	return resetMin, resetMax, nil
}

func applySequenceStart(q *catalog.Sequence, s *SequenceSpec, isNew bool) error {
	if s.Start != nil {
		q.Start = *s.Start
	} else if isNew {
		if q.Start = q.Max; q.Increment > 0 {
			q.Start = q.Min
		}
	}
	if q.Start < q.Min {
		return invalid("START value (%d) cannot be less than MINVALUE (%d)", q.Start, q.Min)
	}
	if q.Start > q.Max {
		return invalid("START value (%d) cannot be greater than MAXVALUE (%d)", q.Start, q.Max)
	}
	if isNew || s.Restart {
		if q.First = q.Start; s.RestartWith != nil {
			q.First = *s.RestartWith
		}
		if err := checkRestart(q, q.First); err != nil {
			return err
		}
	}
	if s.Cache != nil {
		if *s.Cache <= 0 {
			return invalid("CACHE (%d) must be greater than zero", *s.Cache)
		}
		q.Cache = *s.Cache
	} else if isNew {
		q.Cache = 1
	}
	return nil
}

// checkRestart checks the value from which a sequence goes on: that of RESTART, or where it is.
func checkRestart(q *catalog.Sequence, value int64) error {
	if value < q.Min {
		return invalid("RESTART value (%d) cannot be less than MINVALUE (%d)", value, q.Min)
	}
	if value > q.Max {
		return invalid("RESTART value (%d) cannot be greater than MAXVALUE (%d)", value, q.Max)
	}
	return nil
}

// newSequence builds a sequence that is not yet put.
func (x *Tx) newSequence(ctx context.Context, schema catalog.Oid, name string, s *SequenceSpec, identity bool) (*catalog.Sequence, error) {
	q := &catalog.Sequence{SchemaID: schema, Name: name, Owner: x.user()}
	if err := applySequenceOptions(q, s, true, identity); err != nil {
		return nil, err
	}
	var err error
	if q.ACL, err = x.defaultACL(catalog.ACLSequence, schema); err != nil {
		return nil, err
	}
	if q.OID, err = x.newOID(ctx); err != nil {
		return nil, err
	}
	q.Storage, err = x.newStorage(ctx)
	return q, err
}

// CreateSequence is CREATE SEQUENCE.
func (x *Tx) CreateSequence(ctx context.Context, s *SequenceSpec) error {
	x.refresh()
	schema, persistence, err := x.relationSchema(ctx, s.Schema, s.Name, s.Persistence)
	if err != nil {
		return err
	}
	if _, taken := x.s.over.Relation(schema.OID, s.Name); taken {
		if s.IfNotExists {
			x.noticeExists(s.Name)
			return nil
		}
		return errRelationExists(s.Name)
	}
	q, err := x.newSequence(ctx, schema.OID, s.Name, s, false)
	if err != nil {
		return err
	}
	q.Persistence = persistence
	if err := x.ownSequence(ctx, q, s); err != nil {
		return err
	}
	return x.put(ctx, q)
}

func (x *Tx) noticeExists(name string) {
	n := pgerr.Notice("relation %q already exists, skipping", name)
	n.Code = pgerr.DuplicateTable
	x.notice(n)
}

// ownSequence carries out OWNED BY.
func (x *Tx) ownSequence(ctx context.Context, q *catalog.Sequence, s *SequenceSpec) error {
	if !s.OwnedByNone && s.OwnedByTable == nil {
		return nil
	}
	if q.OwnedByAuto && q.OwnedByTab != 0 {
		owner := x.s.over.Table(q.OwnedByTab)
		return pgerr.New(pgerr.FeatureNotSupported, "cannot change ownership of identity sequence").
			WithDetail("Sequence \"%s\" is linked to table \"%s\".", q.Name, owner.Name)
	}
	if s.OwnedByNone {
		q.OwnedByTab, q.OwnedByCol = 0, 0
		return nil
	}
	rel, err := x.find(*s.OwnedByTable)
	if err != nil {
		return err
	}
	t := rel.Table
	if rel.Kind != catalog.KindTable {
		return pgerr.New(pgerr.WrongObjectType, "referenced relation %q is not a table or foreign table", rel.Name())
	}
	const state = pgerr.ObjectNotInPrerequisiteState
	if t.Owner != q.Owner {
		return pgerr.New(state, "sequence must have same owner as table it is linked to")
	}
	if t.SchemaID != q.SchemaID {
		return pgerr.New(state, "sequence must be in same schema as table it is linked to")
	}
	col := t.ColumnByName(s.OwnedByColumn)
	if col == nil {
		return errNoColumn(s.OwnedByColumn, t.Name)
	}
	if err := x.shareObject(ctx, t.ObjectID()); err != nil {
		return err
	}
	q.OwnedByTab, q.OwnedByCol = t.OID, col.Num
	return nil
}

// AlterSequence is ALTER SEQUENCE's options.
func (x *Tx) AlterSequence(ctx context.Context, n Name, s *SequenceSpec, missingOK bool) error {
	x.refresh()
	if err := x.MustOwn(n); err != nil {
		return err
	}
	rel, ok, err := x.findKind(n, catalog.KindSequence, missingOK)
	if err != nil || !ok {
		return err
	}
	return x.alterSequence(ctx, rel.Sequence.OID, s)
}

func (x *Tx) alterSequence(ctx context.Context, oid catalog.Oid, s *SequenceSpec) error {
	if err := x.lockObjects(ctx, x.id(catalog.ClassSequence, oid)); err != nil {
		return err
	}
	old := x.s.over.Sequence(oid)
	if old == nil {
		return pgerr.New(pgerr.UndefinedTable, "relation with OID %d does not exist", oid)
	}
	q := *old
	if err := applySequenceOptions(&q, s, false, q.OwnedByAuto); err != nil {
		return err
	}
	if s.Restart {
		if err := x.restart(ctx, &q); err != nil {
			return err
		}
	} else {
		last, err := x.cfg.Backend.SequenceValue(ctx, old)
		if err == nil {
			err = checkRestart(&q, last)
		}
		if err != nil {
			return err
		}
	}
	if err := x.ownSequence(ctx, &q, s); err != nil {
		return err
	}
	return x.put(ctx, &q)
}

// restart gives a sequence a new state, so that a rollback finds the old one as it was.
func (x *Tx) restart(ctx context.Context, q *catalog.Sequence) error {
	if err := x.garbage(ctx, catalog.GarbageSequence, q.Storage); err != nil {
		return err
	}
	id, err := x.newStorage(ctx)
	q.Storage = id
	return err
}

// findKind resolves the name of a relation that must be of one kind. ok is false, with a notice, where it is missing and
// may be.
func (x *Tx) findKind(n Name, kind catalog.RelKind, missingOK bool) (rel catalog.Relation, ok bool, err error) {
	x.refresh()
	rel, err = x.find(n)
	if err != nil {
		if missingOK && (pgerr.HasCode(err, pgerr.UndefinedTable) || pgerr.HasCode(err, pgerr.InvalidSchemaName)) {
			x.notice(pgerr.Notice("relation %q does not exist, skipping", n.Name))
			return rel, false, nil
		}
		return rel, false, err
	}
	if rel.Kind != kind {
		return rel, false, pgerr.New(pgerr.WrongObjectType, "%q is not %s", n.Name, kindNouns[kind].article)
	}
	return rel, true, nil
}

// SequenceDefault is the stored default of a serial column: the sequence by OID, so that renames do not touch it.
func SequenceDefault(seq catalog.Oid) string {
	return fmt.Sprintf("nextval('%d'::regclass)", seq)
}
