package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// filler sets every field of a value to something that no other field has, so that none can be left out or be taken for
// another. Booleans have no room for that: bool number i is bit number pattern of i, and any two differ in some pattern.
type filler struct {
	n, bools uint64
	pattern  int // 0 <= pattern <= boolPatterns; the last one is all true
}

const boolPatterns = 4

func (f *filler) fill(t testing.TB, v reflect.Value) {
	f.n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(0, int64(f.n))))
		return
	case lock.Mode: // few are valid
		v.SetUint(1 + f.n%uint64(lock.Update))
		return
	case fsm.ItemKind:
		v.SetUint(1 + f.n%uint64(fsm.ItemReadRange))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(t, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type() == reflect.TypeFor[pgerr.Error]() && !v.Type().Field(i).IsExported() {
				continue // what an interpreter of functions notes for itself, at the session's node
			}
			f.fill(t, v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			f.fill(t, v.Index(i))
		}
	case reflect.Bool:
		f.bools++
		v.SetBool(f.pattern == boolPatterns || f.bools>>f.pattern&1 == 1)
	case reflect.String:
		v.SetString(fmt.Sprint("text", f.n))
	case reflect.Uint8:
		v.SetUint(f.n)
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(1<<31 + f.n)
	case reflect.Int, reflect.Int64:
		v.SetInt(-1<<40 - int64(f.n))
	case reflect.Func: // LockRequest.WaitStarted, which has a test
	default:
		t.Fatalf("a field of type %v: the test has to learn to fill it", v.Type())
	}
}

func filled[T any](t testing.TB, pattern int) *T {
	v := new(T)
	f := &filler{pattern: pattern}
	f.fill(t, reflect.ValueOf(v).Elem())
	if f.bools >= 1<<boolPatterns || f.n > 255 {
		t.Fatalf("%T has too many fields for this test", v)
	}
	return v
}

func TestEveryFieldTravels(t *testing.T) {
	n, c, at := pair(t)
	g := c.Group(at, 7)
	if g.ID() != 7 {
		t.Error("the group has another id")
	}
	check := func(name string, asked, answer any, f func() (any, error)) {
		t.Helper()
		n.answer, n.err = answer, nil
		got, err := f()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(n.asked, asked) {
			t.Errorf("%s: asked %+v, came %+v", name, asked, n.asked)
		}
		if answer != nil && !reflect.DeepEqual(got, answer) {
			t.Errorf("%s: answered %+v, came %+v", name, answer, got)
		}
	}
	for pattern := range boolPatterns + 1 {
		get, getA := filled[GetRequest](t, pattern), filled[GetResponse](t, pattern)
		check("Get", get, getA, func() (any, error) { return g.Get(ctx, get) })
		scan, scanA := filled[ScanRequest](t, pattern), filled[ScanResponse](t, pattern)
		scanA.Rows = Rows{} // one that holds together
		scanA.Rows.Append([]byte("k"), nil, 4)
		scanA.Rows.Append([]byte("key2"), []byte("value"), 9)
		check("Scan", scan, scanA, func() (any, error) { return g.Scan(ctx, scan) })
		lockQ, lockA := filled[LockRequest](t, pattern), filled[LockResponse](t, pattern)
		check("Lock", lockQ, lockA, func() (any, error) { return g.Lock(ctx, lockQ) })
		unlock := filled[UnlockRequest](t, pattern)
		check("Unlock", unlock, nil, func() (any, error) { return nil, g.Unlock(ctx, unlock) })
		seq, seqA := filled[SequenceRequest](t, pattern), filled[SequenceResponse](t, pattern)
		check("Sequence", seq, seqA, func() (any, error) { return g.NextSequenceValues(ctx, seq) })
		of, out := filled[outcomeOf](t, pattern), filled[OutcomeResponse](t, pattern)
		check("Outcome", of, out, func() (any, error) { return g.Outcome(ctx, of.Txn, of.Attempt) })
		for i := range reflect.TypeFor[fsm.Command]().NumField() {
			cmd, res := filledCommand(t, pattern, i), filled[fsm.Result](t, pattern)
			if cmd != nil {
				check("Propose", cmd, res, func() (any, error) { r, err := g.Propose(ctx, cmd); return &r, err })
			}
		}
		want := filled[Error](t, pattern)
		n.answer, n.err = nil, want
		_, err := g.Get(ctx, get)
		var e *Error
		if !errors.As(err, &e) || !reflect.DeepEqual(e, want) {
			t.Errorf("%+v, want %+v", err, want)
		}
		wantPG := filled[pgerr.Error](t, pattern)
		n.call = func(context.Context, string, []byte) ([]byte, error) { return nil, wantPG }
		_, err = c.Call(ctx, at, "m", nil)
		var pe *pgerr.Error
		if !errors.As(err, &pe) || !reflect.DeepEqual(pe, wantPG) {
			t.Errorf("%+v, want %+v", err, wantPG)
		}
	}
}

// filledCommand fills the kind of command that field number i of fsm.Command is; nil when that is no kind.
func filledCommand(t *testing.T, pattern, i int) *fsm.Command {
	f := &filler{pattern: pattern}
	c := &fsm.Command{Format: fsm.Format}
	v := reflect.ValueOf(c).Elem()
	if v.Field(i).Kind() != reflect.Pointer {
		return nil
	}
	f.fill(t, reflect.ValueOf(&c.Epoch).Elem())
	f.fill(t, reflect.ValueOf(&c.ProposedAtNS).Elem())
	f.fill(t, v.Field(i))
	return c
}

// Nothing, and something without bytes, are not the same.
func TestNilIsNotEmpty(t *testing.T) {
	n, c, at := pair(t)
	g := c.Group(at, 7)
	want := &GetResponse{Versions: []Version{{TS: 1}, {TS: 2, Value: []byte{}}, {TS: 3, Value: []byte("v")}}}
	n.answer = want
	if got, err := g.Get(ctx, &GetRequest{Keys: [][]byte{{}, nil, {1}}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, q := range []*UnlockRequest{{}, {Keys: [][]byte{}}, {Keys: [][]byte{{}}}} {
		if err := g.Unlock(ctx, q); err != nil || !reflect.DeepEqual(n.asked, q) {
			t.Errorf("%+v, want %+v (%v)", n.asked, q, err)
		}
	}
	for _, want := range []*ScanResponse{{}, {Resume: []byte{}}, {Resume: []byte("r")}} {
		n.answer = want
		if got, err := g.Scan(ctx, &ScanRequest{}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v (%v)", got, want, err)
		}
	}
	for _, want := range []*LockResponse{{Versions: []Version{{}}}, {Versions: []Version{{}}, Skipped: []bool{false}}} {
		n.answer = want
		if got, err := g.Lock(ctx, &LockRequest{}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v (%v)", got, want, err)
		}
	}
	n.err = &Error{Code: ErrDeadlock, Deadlock: &lock.Deadlock{Edges: []lock.DeadlockEdge{{}}}} // no time either
	if _, err := g.Get(ctx, &GetRequest{}); !reflect.DeepEqual(err, n.err) {
		t.Errorf("%+v, want %+v", err, n.err)
	}
}

func TestErrorsOfEveryKindTravel(t *testing.T) {
	n, c, at := pair(t)
	answer := func(err error) error {
		n.call = func(context.Context, string, []byte) ([]byte, error) { return nil, err }
		_, err = c.Call(ctx, at, "m", nil)
		return err
	}
	if err := answer(errors.New("something else")); err == nil || err.Error() != "something else" {
		t.Errorf("%v", err)
	}
	for _, want := range []error{context.Canceled, context.DeadlineExceeded} {
		if err := answer(fmt.Errorf("wrapped: %w", want)); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	var e *Error
	if err := answer(fmt.Errorf("wrapped: %w", &Error{Code: ErrDiskFull})); !errors.As(err, &e) || e.Code != ErrDiskFull {
		t.Errorf("%v", err)
	}
	if _, err := c.Group(at, 8).Get(ctx, &GetRequest{}); !errors.As(err, &e) || e.Code != ErrNotLeaseholder {
		t.Errorf("a group that is not there: %v", err)
	}
}

func TestControlCallsCarryTheirBytes(t *testing.T) {
	_, c, at := pair(t)
	big := bytes.Repeat([]byte("0123456789abcdef"), 20<<20/16)
	for _, body := range [][]byte{nil, {}, []byte("x"), big} {
		got, err := c.Call(ctx, at, "m", body)
		if err != nil || !bytes.Equal(got, append([]byte("m:"), body...)) {
			t.Errorf("%d bytes: %d, %v", len(body), len(got), err)
		}
	}
}

// What is too large fails as such, at once, and leaves the connection as it was.
func TestWhatIsTooLargeIsRefused(t *testing.T) {
	n, c, at := pair(t)
	g := c.Group(at, 7)
	var e *Error
	if _, err := c.Call(ctx, at, "m", make([]byte, maxMessage)); err == nil || errors.As(err, &e) || !strings.Contains(err.Error(), "exceeds") {
		t.Errorf("a request: %v", err)
	}
	n.answer = &GetResponse{Versions: []Version{{Value: make([]byte, maxMessage)}}}
	if _, err := g.Get(ctx, &GetRequest{}); err == nil || errors.As(err, &e) || !strings.Contains(err.Error(), "exceeds") {
		t.Errorf("an answer: %v", err)
	}
	n.answer = &GetResponse{Versions: []Version{}}
	if _, err := g.Get(ctx, &GetRequest{}); err != nil {
		t.Error(err)
	}
}

// requests has a valid frame of each operation.
func requests(t testing.TB) [][]byte {
	var out [][]byte
	add := func(op byte, encode func(*writer)) {
		w := writer{op, 7, 0}
		encode(&w)
		out = append(out, w)
	}
	add(opGet, filled[GetRequest](t, 0).encode)
	add(opScan, filled[ScanRequest](t, 0).encode)
	add(opLock, filled[LockRequest](t, 0).encode)
	add(opUnlock, filled[UnlockRequest](t, 0).encode)
	add(opPropose, func(w *writer) { *w = fsm.AppendCommand(*w, &fsm.Command{Horizon: &fsm.Horizon{TS: 4}}) })
	add(opOutcome, func(w *writer) { w.txn(topo.TxnID{Node: 1, Epoch: 2, Seq: 3}); w.u64(4) })
	add(opSequence, filled[SequenceRequest](t, 0).encode)
	add(opCall, func(w *writer) { w.str("m"); w.bytes([]byte("body")) })
	add(opPing, func(*writer) {})
	add(opGetLinks, (&linksRequest{*filled[GetRequest](t, 0)}).encode)
	add(opBatch, func(w *writer) {
		for _, frame := range slices.Clone(out)[:5] {
			*w = append(*w, frame[0])
			w.u64(7)
			w.bytes(frame[3:])
		}
		*w = append(*w, opEnd)
	})
	return out
}

// checked is a group that only sees requests that hold together.
type checked struct {
	echo
	t testing.TB
}

func (c *checked) Lock(_ context.Context, q *LockRequest) (*LockResponse, error) {
	if len(q.Modes) != len(q.Keys) || slices.Max(append(q.Modes, 0)) > lock.Update {
		c.t.Errorf("%+v", q)
	}
	return &LockResponse{}, nil
}

func (c *checked) Group(topo.GroupID) Group { return c }
func (c *checked) Call(context.Context, string, []byte) ([]byte, error) {
	return nil, nil
}

func answerTo(t testing.TB, frame []byte) []byte {
	h := &checked{t: t, echo: echo{err: errors.New("understood")}}
	s := &Server{cfg: ServerConfig{Handler: h, Log: slog.New(slog.DiscardHandler)}}
	return s.answer(ctx, func([]byte) error { return nil }, frame)
}

// A request that is cut off anywhere, or goes on too long, reaches no group.
func TestDamagedRequestsReachNobody(t *testing.T) {
	for _, frame := range requests(t) {
		if a := answerTo(t, frame); a[0] != answerOK && string(a[1:]) != "understood" {
			t.Fatalf("operation %d: %q", frame[0], a)
		}
		damaged := [][]byte{append(slices.Clip(frame), 0)}
		for i := range frame {
			damaged = append(damaged, frame[:i:i])
		}
		for _, f := range damaged {
			if len(f) >= 3 && f[0] == opPing {
				continue // it has nothing that could be damaged
			}
			a := answerTo(t, f)
			if err, ok := decodeError(a[0], a[1:]); !ok || !strings.Contains(err.Error(), errDamaged.Error()) {
				t.Errorf("operation %d, %d bytes of %d: %v", frame[0], len(f), len(frame), err)
			}
		}
	}
	var e *Error
	a := answerTo(t, []byte{opPropose, 7, 0, 1, 2})
	if err, _ := decodeError(a[0], a[1:]); !errors.As(err, &e) || e.Code != ErrNotProposed {
		t.Errorf("a proposal that cannot be read: %v", err)
	}
}

// Lengths are believed as far as there are bytes.
func TestHostileLengthsAllocateNothing(t *testing.T) {
	for op := opGet; op < opEnd; op++ {
		for i := range 12 {
			prefix, size := i/2, uint64(1)<<(22+40*(i%2))
			w := append(writer{op, 7, 0}, make([]byte, prefix)...)
			w.u64(size)
			w = append(w, make([]byte, 8)...)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			answerTo(t, w)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("operation %d with the length %d at %d allocated %d bytes", op, size, prefix, n)
			}
		}
	}
}

func FuzzRequest(f *testing.F) {
	for _, frame := range requests(f) {
		f.Add(frame)
	}
	f.Add(bytes.Repeat([]byte{0xff}, 20))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(answerTo(t, frame)) == 0 {
			t.Error("no answer")
		}
	})
}

func FuzzAnswer(f *testing.F) {
	add := func(encode func(*writer)) {
		w := writer{answerOK}
		encode(&w)
		f.Add([]byte(w))
	}
	add(filled[GetResponse](f, 0).encode)
	add(filled[LockResponse](f, 0).encode)
	add(filled[OutcomeResponse](f, 0).encode)
	add(filled[SequenceResponse](f, 0).encode)
	add(func(w *writer) { encodeResult(w, filled[fsm.Result](f, 0)) })
	add(func(w *writer) {
		p := &ScanResponse{Resume: []byte("r")}
		p.Rows.Append([]byte("key"), []byte("value"), 5)
		p.encode(w)
	})
	for _, err := range []error{filled[Error](f, 0), filled[pgerr.Error](f, 0), context.Canceled, errors.New("text")} {
		f.Add(appendError(nil, err))
	}
	f.Add(bytes.Repeat([]byte{0xff}, 20))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		if err, ok := decodeError(b[0], b[1:]); ok && err.Error() == "" && b[0] != answerText {
			t.Error("an error without a text")
		}
		for _, decode := range []func(*reader){new(GetResponse).decode, new(LockResponse).decode, new(OutcomeResponse).decode,
			new(SequenceResponse).decode, func(r *reader) { decodeResult(r) }, func(r *reader) { r.txns() }} {
			decode(&reader{b: b[1:]})
		}
		scan, r := new(ScanResponse), &reader{b: b[1:]}
		if scan.decode(r); r.done() != nil {
			return
		}
		for i := range scan.Rows.Len() { // the rows hold together
			_, _ = scan.Rows.Key(i), scan.Rows.Value(i)
		}
	})
}
