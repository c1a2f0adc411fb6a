package fk

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// actionKeys is how many parent keys one scatter carries.
const actionKeys = 1000

// act runs the actions of deleted or changed parent keys, foreign key by foreign key in trigger order.
func (r *Runner) act(ctx context.Context, e *event) error {
	var seen *catalog.Constraint // one key for each partition is one foreign key
	for _, k := range e.keys {
		began, rows := time.Now(), len(e.rows)
		if k.Declared == seen {
			rows = 0
		}
		seen = k.Declared
		for from := 0; from < len(e.rows); from += actionKeys {
			to := min(from+actionKeys, len(e.rows))
			var changed [][]types.Datum
			if e.kind == updateEvent {
				changed = e.new[from:to]
			}
			if err := r.actOn(ctx, k, e.kind, e.rows[from:to], changed); err != nil {
				return err
			}
		}
		r.observe(k, true, rows, began)
	}
	return nil
}

func (r *Runner) actOn(ctx context.Context, k *Key, kind eventKind, old, changed [][]types.Datum) error {
	var keys, newKeys [][]types.Datum
	for i, row := range old {
		if nulls(row, k.ParentCols) != noNulls {
			continue // a NULL is referenced by nobody
		}
		keys = append(keys, project(row, k.ParentCols))
		if changed != nil {
			newKeys = append(newKeys, project(changed[i], k.ParentCols))
		}
	}
	if len(keys) == 0 {
		return nil
	}
	action := k.action(kind)
	switch action {
	case catalog.Cascade:
		if kind == deleteEvent {
			err := r.as(ctx, k, true, nil, func() error {
				return r.store.Children(ctx, k, keys, lockFor(action), func(rows [][]types.Datum, _ []int) error {
					return k.within(r.store.DeleteRows(ctx, k, rows), nil)
				})
			})
			return k.finding(err, nil)
		}
		return r.cascadeUpdate(ctx, k, keys, newKeys)
	case catalog.SetNull, catalog.SetDefault:
		return r.setChildren(ctx, k, action, kind, keys)
	case catalog.Restrict:
		return r.forbid(ctx, k, keys, false)
	}
	return r.forbid(ctx, k, keys, true)
}

// cascadeUpdate gives the children their parent's new key.
func (r *Runner) cascadeUpdate(ctx context.Context, k *Key, keys, newKeys [][]types.Datum) error {
	vals := make([][]types.Datum, len(newKeys))
	errs := make([]error, len(newKeys)) // of keys that the children cannot hold: it matters if there are any
	for i, key := range newKeys {
		if vals[i], errs[i] = k.toChild(key); errs[i] != nil {
			errs[i] = k.within(errs[i], k.assignments(catalog.Cascade, k.ChildCols))
		}
	}
	err := r.as(ctx, k, false, k.ChildCols, func() error {
		return r.store.Children(ctx, k, keys, lockFor(catalog.SetNull), func(rows [][]types.Datum, at []int) error {
			assigned := make([][]types.Datum, len(rows))
			for i := range rows {
				if err := errs[at[i]]; err != nil {
					return err
				}
				assigned[i] = vals[at[i]]
			}
			return k.within(r.store.UpdateRows(ctx, k, rows, k.ChildCols, assigned), k.assignments(catalog.Cascade, k.ChildCols))
		})
	})
	return k.finding(err, k.assignments(catalog.Cascade, k.ChildCols))
}

// toChild converts a referenced key to the child's column types.
func (k *Key) toChild(key []types.Datum) ([]types.Datum, error) {
	out := slices.Clone(key)
	for i, conv := range k.Convert {
		if !conv || key[i].IsNull() {
			continue
		}
		v, err := types.Cast(key[i], k.Parent.Columns[k.ParentCols[i]].Type, k.Child.Columns[k.ChildCols[i]].Type,
			types.Assignment, types.DefaultIOEnv)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// setChildren is SET NULL and SET DEFAULT.
func (r *Runner) setChildren(ctx context.Context, k *Key, action catalog.Action, kind eventKind, keys [][]types.Datum) error {
	cols := k.setColumns(kind == deleteEvent)
	vals := make([]types.Datum, len(cols))
	if action == catalog.SetDefault {
		var err error
		if vals, err = r.store.Defaults(ctx, k, cols); err != nil {
			return err
		}
	}
	held := map[int]bool{} // the keys that children got as their default again
	err := r.as(ctx, k, false, cols, func() error {
		return r.store.Children(ctx, k, keys, lockFor(action), func(rows [][]types.Datum, at []int) error {
			assigned := make([][]types.Datum, len(rows))
			for i := range rows {
				assigned[i] = vals
				if action == catalog.SetDefault && k.holds(rows[i], cols, vals) {
					held[at[i]] = true
				}
			}
			return k.within(r.store.UpdateRows(ctx, k, rows, cols, assigned), k.assignments(action, cols))
		})
	})
	if err != nil || action != catalog.SetDefault {
		return k.finding(err, k.assignments(action, cols))
	}
	// A child whose default is the very key that went away was "updated" to what it held, which no check would judge: as
	// PostgreSQL does, look again whether anybody still references the key. Children that got that default by the loss of
	// another key are judged by their own check.
	kept := keys[:0:0]
	for i, key := range keys {
		if held[i] {
			kept = append(kept, key)
		}
	}
	return r.forbid(ctx, k, kept, true)
}

// holds reports whether columns of a child have these values, none of which is NULL.
func (k *Key) holds(row []types.Datum, cols []int, vals []types.Datum) bool {
	for i, c := range cols {
		if vals[i].IsNull() || row[c].IsNull() || !types.Equal(k.Child.Columns[c].Type.Oid, row[c], vals[i]) {
			return false
		}
	}
	return true
}

// forbid is RESTRICT, and NO ACTION with secondLook: a key that another row holds again by now is not missed.
func (r *Runner) forbid(ctx context.Context, k *Key, keys [][]types.Datum, secondLook bool) error {
	if secondLook {
		again, err := r.store.ParentExists(ctx, k, keys)
		if err != nil {
			return err
		}
		kept := keys[:0:0]
		for i, key := range keys {
			if !again[i] {
				kept = append(kept, key)
			}
		}
		if keys = kept; len(keys) == 0 {
			return nil
		}
	}
	first := len(keys)
	err := r.store.Children(ctx, k, keys, lockFor(catalog.NoAction), func(rows [][]types.Datum, at []int) error {
		for _, i := range at[:len(rows)] {
			first = min(first, i)
		}
		if first == 0 {
			return ErrStop
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrStop) {
		return err
	}
	if first < len(keys) {
		return k.StillReferenced(keys[first], r.store.IOEnv(), r.store.Readable(k.Parent, k.ParentCols))
	}
	return nil
}

// keySet numbers distinct keys.
type keySet struct {
	types []types.Oid
	keys  [][]types.Datum
	at    map[string]int
	buf   []byte
}

func newKeySet(oids []types.Oid) *keySet { return &keySet{types: oids} }

// add returns the key's number and whether it is new. The first key costs no map.
func (s *keySet) add(key []types.Datum) (int, bool) {
	if s.at == nil {
		if len(s.keys) == 0 {
			s.keys = append(s.keys, key)
			return 0, true
		}
		s.at = map[string]int{s.encode(s.keys[0]): 0}
	}
	enc := s.encode(key)
	if i, ok := s.at[enc]; ok {
		return i, false
	}
	s.at[enc] = len(s.keys)
	s.keys = append(s.keys, key)
	return len(s.keys) - 1, true
}

func (s *keySet) encode(key []types.Datum) string {
	s.buf = s.buf[:0]
	for i, d := range key {
		s.buf = keyenc.AppendKey(s.buf, s.types[i], d, false)
	}
	return string(s.buf)
}

func (k *Key) refTypes() []types.Oid {
	out := make([]types.Oid, len(k.ParentCols))
	for i, c := range k.ParentCols {
		out[i] = k.Parent.Columns[c].Type.Oid
	}
	return out
}

func sorted(xs []int) []int {
	slices.Sort(xs)
	return xs
}
