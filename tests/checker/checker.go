// Package checker judges a database by its rows alone. It is told the schema of a test and knows nothing of the server: it
// dumps all tables through one node, and again through each other node, compares the dumps, and recomputes every constraint
// from the rows. Values are compared by their text form, which is canonical for the types that the tests use.
package checker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Table is what a test declared.
type Table struct {
	Name    string
	Columns []string
	Key     []string // primary key: unique and never null
	NotNull []string
	Unique  [][]string
	Foreign []Foreign
	Checks  []Check
}

// Foreign is a foreign key, MATCH SIMPLE: a row with a null among Columns refers to nothing.
type Foreign struct {
	Columns    []string
	Parent     string
	Referenced []string
}

// Check is a CHECK constraint. OK gets a column's text and whether it is not null; it says true for "true or unknown".
type Check struct {
	Name string
	OK   func(value func(column string) (text string, notNull bool)) bool
}

// Row is a row's values as text, nil where null, in the order of Table.Columns.
type Row []*string

// Dump is the rows of each table, in the order of their texts.
type Dump map[string][]Row

// Schema is all tables of a test.
type Schema []Table

// Beginner begins transactions: a *pgx.Conn or a *pgxpool.Pool.
type Beginner interface {
	BeginTx(context.Context, pgx.TxOptions) (pgx.Tx, error)
}

// Dump reads all tables in one snapshot.
func (s Schema) Dump(ctx context.Context, db Beginner) (Dump, error) {
	tx, err := db.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	out := Dump{}
	for _, t := range s {
		rows, err := tx.Query(ctx, "select "+strings.Join(t.Columns, ", ")+" from "+t.Name, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return nil, fmt.Errorf("dumping %s: %w", t.Name, err)
		}
		list := []Row{}
		for rows.Next() {
			row := make(Row, len(t.Columns))
			for i, b := range rows.RawValues() {
				if b != nil {
					text := string(b)
					row[i] = &text
				}
			}
			list = append(list, row)
		}
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("dumping %s: %w", t.Name, err)
		}
		slices.SortFunc(list, func(a, b Row) int { return strings.Compare(a.String(), b.String()) })
		out[t.Name] = list
	}
	return out, tx.Commit(ctx)
}

// String writes a row so that different rows have different texts.
func (r Row) String() string {
	var b strings.Builder
	for _, v := range r {
		if v == nil {
			b.WriteString("NULL|")
			continue
		}
		fmt.Fprintf(&b, "%q|", *v)
	}
	return b.String()
}

// Judge dumps through every node, compares, and recomputes the constraints. Nobody may be writing. It returns the dump.
func (s Schema) Judge(ctx context.Context, nodes ...Beginner) (Dump, error) {
	var first Dump
	var problems []error
	for i, db := range nodes {
		d, err := s.Dump(ctx, db)
		if err != nil {
			return nil, fmt.Errorf("node %d of those asked: %w", i+1, err)
		}
		if first == nil {
			first = d
			problems = append(problems, s.Violations(d)...)
			continue
		}
		for _, p := range s.Differences(first, d) {
			problems = append(problems, fmt.Errorf("node %d of those asked, against the first: %w", i+1, p))
		}
	}
	return first, errors.Join(limited(problems)...)
}

// limited keeps a report readable.
func limited(problems []error) []error {
	const most = 20
	if len(problems) > most {
		return append(problems[:most:most], fmt.Errorf("and %d more", len(problems)-most))
	}
	return problems
}

// Differences lists the rows that are in one dump and not in the other.
func (s Schema) Differences(a, b Dump) (problems []error) {
	for _, t := range s {
		count := map[string]int{}
		for _, r := range a[t.Name] {
			count[r.String()]++
		}
		for _, r := range b[t.Name] {
			count[r.String()]--
		}
		for text, n := range count {
			switch {
			case n > 0:
				problems = append(problems, fmt.Errorf("%s lacks %s", t.Name, text))
			case n < 0:
				problems = append(problems, fmt.Errorf("%s has %s too many", t.Name, text))
			}
		}
	}
	return problems
}

// Violations recomputes every constraint.
func (s Schema) Violations(d Dump) (problems []error) {
	for i := range s {
		t := &s[i]
		rows := d[t.Name]
		for _, c := range slices.Concat(t.Key, t.NotNull) {
			at := t.column(c)
			for _, r := range rows {
				if r[at] == nil {
					problems = append(problems, fmt.Errorf("%s.%s is null in %s", t.Name, c, r))
				}
			}
		}
		unique := t.Unique
		if t.Key != nil {
			unique = append([][]string{t.Key}, unique...)
		}
		for _, columns := range unique {
			seen := map[string]Row{}
			for _, r := range rows {
				key, null := t.key(columns, r)
				if null {
					continue
				}
				if o, twice := seen[key]; twice {
					problems = append(problems, fmt.Errorf("%s(%s) is not unique: %s and %s", t.Name, strings.Join(columns, ", "), o, r))
				}
				seen[key] = r
			}
		}
		for _, f := range t.Foreign {
			problems = append(problems, s.orphans(d, t, f)...)
		}
		for _, c := range t.Checks {
			for _, r := range rows {
				value := func(column string) (string, bool) {
					if v := r[t.column(column)]; v != nil {
						return *v, true
					}
					return "", false
				}
				if !c.OK(value) {
					problems = append(problems, fmt.Errorf("%s: %s does not hold for %s", t.Name, c.Name, r))
				}
			}
		}
	}
	return problems
}

func (s Schema) orphans(d Dump, t *Table, f Foreign) (problems []error) {
	parent := s.table(f.Parent)
	there := map[string]bool{}
	for _, r := range d[f.Parent] {
		key, null := parent.key(f.Referenced, r)
		there[key] = there[key] || !null
	}
	for _, r := range d[t.Name] {
		if key, null := t.key(f.Columns, r); !null && !there[key] {
			problems = append(problems, fmt.Errorf("orphan in %s: %s; %s has no such row", t.Name, r, f.Parent))
		}
	}
	return problems
}

func (s Schema) table(name string) *Table {
	for i := range s {
		if s[i].Name == name {
			return &s[i]
		}
	}
	panic("the schema has no table " + name)
}

func (t *Table) column(name string) int {
	i := slices.Index(t.Columns, name)
	if i < 0 {
		panic("table " + t.Name + " has no column " + name)
	}
	return i
}

// key writes the columns' values; null reports whether one of them is.
func (t *Table) key(columns []string, r Row) (key string, null bool) {
	part := make(Row, len(columns))
	for i, c := range columns {
		part[i] = r[t.column(c)]
		null = null || part[i] == nil
	}
	return part.String(), null
}
