package group

import (
	"encoding/binary"
	"fmt"
	"io"

	sm "github.com/lni/dragonboat/v4/statemachine"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
)

// A proposal is a header and the encodings of its commands. The header names the process that proposed it and the number
// of the batch there, so that this process finds the callers who wait for the results.
const (
	headerFormat = 1
	headerSize   = 1 + 8 + 8
)

func appendHeader(buf []byte, process, seq uint64) []byte {
	buf = append(buf, headerFormat)
	buf = binary.BigEndian.AppendUint64(buf, process)
	return binary.BigEndian.AppendUint64(buf, seq)
}

func readHeader(data []byte) (process, seq uint64, body []byte, err error) {
	if len(data) < headerSize || data[0] != headerFormat {
		return 0, 0, nil, fmt.Errorf("group: log entry with an unknown format")
	}
	return binary.BigEndian.Uint64(data[1:]), binary.BigEndian.Uint64(data[9:]), data[headerSize:], nil
}

// machine is dragonboat's view of a replica's state. The state is opened before the replica is started, so that a damaged
// file is an error of the start, not a panic of raft's.
type machine struct {
	r       *Replica
	settled <-chan struct{} // closed when the start was found right, see Host.start
	results []fsm.Result
	decoder fsm.Decoder
}

var _ sm.IOnDiskStateMachine = (*machine)(nil)

// Open implements sm.IOnDiskStateMachine. Raft panics when the index is below its latest snapshot's.
func (m *machine) Open(stop <-chan struct{}) (uint64, error) {
	select {
	case <-m.settled:
		return m.r.state.AppliedIndex(), nil
	case <-stop:
		return 0, sm.ErrOpenStopped
	}
}

func (m *machine) Update(entries []sm.Entry) ([]sm.Entry, error) {
	for i := range entries {
		if err := m.apply(&entries[i]); err != nil {
			m.r.log.Error("cannot apply", "index", entries[i].Index, "error", err)
			return nil, err
		}
		entries[i].Result.Value = 1
	}
	return entries, nil
}

func (m *machine) apply(e *sm.Entry) error {
	var process, seq uint64
	var cmds []fsm.Command
	if len(e.Cmd) > 0 {
		var body []byte
		var err error
		if process, seq, body, err = readHeader(e.Cmd); err != nil {
			return err
		}
		defer m.decoder.Reset()
		if cmds, err = m.decoder.Decode(body); err != nil {
			return err
		}
	}
	if cap(m.results) < len(cmds) {
		m.results = make([]fsm.Result, len(cmds))
	}
	results := m.results[:len(cmds)]
	clear(results)
	if err := m.r.state.Apply(e.Index, cmds, results); err != nil {
		return err
	}
	m.r.applied(process, seq, cmds, results)
	return nil
}

// Lookup is not used: readers go to the state directly, under the lease.
func (m *machine) Lookup(any) (any, error) { return m.r.state.AppliedIndex(), nil }

func (m *machine) Sync() error { return m.r.state.Sync() }

func (m *machine) PrepareSnapshot() (any, error) { return m.r.state.PrepareSnapshot() }

func (m *machine) SaveSnapshot(ctx any, w io.Writer, done <-chan struct{}) error {
	return m.r.state.SaveSnapshot(ctx.(*fsm.Snapshot), w, done)
}

func (m *machine) RecoverFromSnapshot(rd io.Reader, done <-chan struct{}) error {
	m.r.installing.Store(true)
	defer m.r.installing.Store(false)
	if err := m.r.state.RecoverFromSnapshot(rd, done); err != nil {
		return err
	}
	m.r.observeLease(0)
	m.r.resolved.notifyAll()
	if f := m.r.recovered; f != nil {
		f(m.r.state)
	}
	return nil
}

func (m *machine) Close() error {
	defer close(m.r.closed)
	return m.r.state.Close()
}
