package main

import (
	"context"
	"time"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// verdict is what became of a unit.
type verdict struct {
	unit  *unit
	rule  string // by which it leaves the denominator
	equal bool
	lost  bool // psql did not come to it
	got   []string
	order order
	cause string // why it differs
}

// score is the result of a file.
type score struct {
	file     string
	verdicts []verdict
	note     string // why the file was not run to its end
	took     time.Duration
}

// counts returns the units equal, counted and left out.
func (s *score) counts() (equal, counted, out int) {
	for _, v := range s.verdicts {
		switch {
		case v.rule != "":
			out++
		case v.equal:
			equal++
			counted++
		default:
			counted++
		}
	}
	return equal, counted, out
}

// run scores a file on a target.
func (s *suite) run(ctx context.Context, t *target, file string) (*score, error) {
	script, expected, err := s.read(file)
	if err != nil {
		return nil, err
	}
	server, done, err := t.open()
	if err != nil {
		return nil, err
	}
	defer done()
	if err := t.setup(ctx, s, server); err != nil {
		return nil, err
	}
	r := newRules()
	for _, p := range append([]string{"test_setup"}, prerequisites[file]...) {
		if err := s.prepare(ctx, t, server, p, r); err != nil {
			return nil, err
		}
	}
	units := readScript(script, expected[0])
	text, err := s.render(units)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	out, err := s.psql(ctx, server, t.db, file, text)
	result := &score{file: file, took: time.Since(start)}
	if err != nil {
		result.note = err.Error()
	}
	outputs := s.split(units, out)
	variants := [][]*unit{units}
	for _, e := range expected[1:] {
		variants = append(variants, readScript(script, e))
	}
	result.verdicts = judge(r, variants, outputs)
	blame(result)
	return result, nil
}

// prepare runs a prerequisite and notes what the rules leave out of it.
func (s *suite) prepare(ctx context.Context, t *target, server *testenv.Server, file string, r *rules) error {
	script, expected, err := s.read(file)
	if err != nil {
		return err
	}
	if _, err := s.psql(ctx, server, t.db, file, prepareScript(script, s.work)); err != nil {
		return err
	}
	for _, u := range readScript(script, expected[0]) {
		r.leaveOut(u, parseTree(u.sql))
	}
	return nil
}

// judge compares the outputs with the expected ones; equal to any variant is equal.
func judge(r *rules, variants [][]*unit, outputs [][]string) []verdict {
	var vs []verdict
	named := map[string]order{}
	for i, u := range variants[0] {
		stmts := parseTree(u.sql)
		v := verdict{unit: u, rule: r.leaveOut(u, stmts), got: outputs[i], lost: outputs[i] == nil, order: orderOf(stmts, named)}
		for _, variant := range variants {
			v.equal = v.equal || !v.lost && equal(variant[i].output, v.got, v.order)
		}
		vs = append(vs, v)
	}
	return vs
}
