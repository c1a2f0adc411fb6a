package group

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/raftpb"
	sm "github.com/lni/dragonboat/v4/statemachine"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// What a stopped node has, read without changing it, for a cluster whose groups have lost their majority for good.
//
// A replica's log may end with entries that it does not know to be committed. They are applied, too: the last ones may well
// have been, by a leader that is lost, and acknowledged; of one that was not, the client was told nothing, or that its
// outcome is not known. Raft would do the same: of the survivors the one with the longest log would lead, and commit it.

// Survivor is the data directory of a stopped node. It is locked until Close.
type Survivor struct {
	Dir       string
	Node      topo.NodeID
	ClusterID uint64
	Replicas  []*Remains // by group and replica

	lock *os.File
}

// Remains are what is left of one replica. With a Problem it is of no use, and the rest may be missing.
type Remains struct {
	Group   topo.GroupID
	Replica uint64
	// State has everything in the log applied to it, in memory. It is read-only.
	State *fsm.State
	// LastIndex and LastTerm are of the log's last entry. Up to Committed the replica knew the log to be committed.
	LastIndex, LastTerm, Committed uint64
	// Members are the group's members according to the log, its end included.
	Members Membership
	Problem error
}

// OpenSurvivor locks a data directory and reads it. The raft logs are read from a copy, which is made in scratch.
func OpenSurvivor(dir, scratch string, log *slog.Logger) (s *Survivor, err error) {
	s = &Survivor{Dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s: %w", dir, err), s.Close())
		}
	}()
	var id identity
	data, err := os.ReadFile(filepath.Join(dir, identityFile))
	if err == nil {
		err = json.Unmarshal(data, &id)
	}
	if err != nil {
		return s, fmt.Errorf("no data directory of a node: %w", err)
	}
	if id.Format != identityFormat {
		return s, fmt.Errorf("its format is %d, this program reads %d", id.Format, identityFormat)
	}
	s.Node, s.ClusterID = id.Node, id.ClusterID
	if s.lock, err = os.Open(filepath.Join(dir, lockFile)); err != nil {
		return s, err
	}
	if syscall.Flock(int(s.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return s, fmt.Errorf("%w: stop the node first", ErrInUse)
	}
	if err := s.listReplicas(); err != nil {
		return s, err
	}
	if err := copyRaft(filepath.Join(dir, raftDir), filepath.Join(scratch, raftDir), id.ClusterID); err != nil {
		return s, fmt.Errorf("copying the raft logs: %w", err)
	}
	return s, s.readLogs(scratch, &id, log)
}

// Close closes the states and unlocks the directory.
func (s *Survivor) Close() error {
	var err error
	for _, r := range s.Replicas {
		if r.State != nil {
			err = errors.Join(err, r.State.Close())
		}
	}
	if s.lock != nil {
		s.lock.Close()
	}
	return err
}

// listReplicas opens the state files.
func (s *Survivor) listReplicas() error {
	files, err := filepath.Glob(filepath.Join(s.Dir, "group-*-*.db"))
	if err != nil {
		return err
	}
	for _, f := range files {
		r := &Remains{}
		if n, err := fmt.Sscanf(filepath.Base(f), "group-%d-%d.db", &r.Group, &r.Replica); n != 2 || err != nil {
			continue
		}
		// The address space is the file's own: many are open at once.
		r.State, r.Problem = fsm.Open(f, fsm.Options{ReadOnly: true, InitialMmapBytes: 1 << 20})
		s.Replicas = append(s.Replicas, r)
	}
	slices.SortFunc(s.Replicas, func(a, b *Remains) int {
		if a.Group != b.Group {
			return int(a.Group) - int(b.Group)
		}
		return int(a.Replica) - int(b.Replica)
	})
	return nil
}

// copyRaft copies raft's directory. Its tables never change, so links to them serve. The logs are kept by host name, and may
// come from another host.
func copyRaft(from, to string, cluster uint64) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	logs, err := filepath.Glob(filepath.Join(from, "*", fmt.Sprintf("%020d", cluster)))
	if err != nil || len(logs) != 1 {
		return fmt.Errorf("%d directories of logs in %s, want one", len(logs), from)
	}
	to = filepath.Join(to, host, filepath.Base(logs[0]))
	return filepath.WalkDir(logs[0], func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(logs[0], path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && strings.HasPrefix(d.Name(), "snapshot-part-"):
			return filepath.SkipDir // the records of snapshots are in the logs
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		case filepath.Ext(rel) == ".sst" && os.Link(path, filepath.Join(to, rel)) == nil:
			return nil
		}
		return copyFile(path, filepath.Join(to, rel))
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// readLogs starts raft on the copy, with state machines that never open: so it shows its logs and does nothing.
func (s *Survivor) readLogs(scratch string, id *identity, log *slog.Logger) error {
	bridgeLogs(log)
	h := &Host{cfg: Config{Dir: scratch, Node: id.Node, ClusterID: id.ClusterID, Logger: log}, wire: &transport{log: log}}
	h.cfg.setDefaults()
	nh, err := dragonboat.NewNodeHost(h.raftConfig(id.RaftAddress))
	if err != nil {
		return fmt.Errorf("raft does not open its logs: %w", err)
	}
	defer nh.Close()
	for _, r := range s.Replicas {
		if r.Problem != nil {
			continue
		}
		_, err := os.Stat((&dataDir{path: s.Dir}).learnerFile(r.Group, r.Replica))
		if r.Problem = r.readLog(h, nh, err == nil); r.Problem == nil {
			r.Problem = r.problem()
		}
	}
	return nil
}

// problem says why what was read is of no use, nil when it is.
func (r *Remains) problem() error {
	if r.State.AppliedIndex() == 0 {
		return errors.New("it has not received anything yet")
	}
	return nil
}

// sealed is a state machine that does not open.
type sealed struct{ sm.IOnDiskStateMachine }

func (sealed) Open(stop <-chan struct{}) (uint64, error) {
	<-stop
	return 0, sm.ErrOpenStopped
}

func (sealed) Close() error { return nil }

// readLog applies the rest of the log to the state.
func (r *Remains) readLog(h *Host, nh *dragonboat.NodeHost, learner bool) error {
	if !nh.HasNodeInfo(uint64(r.Group), r.Replica) {
		return errors.New("raft has no log of it")
	}
	o := GroupOptions{ID: r.Group, Replica: r.Replica, NonVoting: learner}
	create := func(uint64, uint64) sm.IOnDiskStateMachine { return sealed{} }
	if err := nh.StartOnDiskReplica(nil, false, create, h.groupConfig(o)); err != nil {
		return err
	}
	defer func() { _ = nh.StopReplica(uint64(r.Group), r.Replica) }()
	log, err := nh.GetLogReader(uint64(r.Group))
	if err != nil {
		return err
	}
	ss := log.Snapshot()
	if at := r.State.AppliedIndex(); ss.OnDiskIndex > at {
		return lost("the state file is at index %d, raft's snapshot at %d", at, ss.OnDiskIndex)
	}
	r.Members = membersOf(ss.Membership)
	state, _ := log.NodeState()
	r.Committed = max(state.Commit, ss.Index)
	var first uint64
	first, r.LastIndex = log.GetRange()
	for next := first; next <= r.LastIndex; {
		entries, err := log.Entries(next, r.LastIndex+1, 8<<20)
		if err != nil {
			return fmt.Errorf("the log at index %d: %w", next, err)
		}
		for i := range entries {
			if err := r.take(&entries[i]); err != nil {
				return fmt.Errorf("entry %d: %w", entries[i].Index, err)
			}
		}
		next += uint64(len(entries))
	}
	if r.LastTerm, err = log.Term(r.LastIndex); err != nil {
		return err
	}
	slices.Sort(r.Members.Removed)
	return nil
}

// take applies an entry, if the state has not.
func (r *Remains) take(e *raftpb.Entry) error {
	switch e.Type {
	case raftpb.ConfigChangeEntry:
		var c raftpb.ConfigChange
		raftpb.MustUnmarshal(&c, e.Cmd)
		r.Members.change(&c, e.Index)
		return nil
	case raftpb.ApplicationEntry, raftpb.EncodedEntry:
	default:
		return fmt.Errorf("of unknown type %v", e.Type)
	}
	if len(e.Cmd) == 0 || e.Index <= r.State.AppliedIndex() {
		return nil // an entry of a new leader, without content
	}
	cmd := e.Cmd
	if e.Type == raftpb.EncodedEntry {
		if cmd[0] != 0 {
			return fmt.Errorf("of unknown encoding %#x", cmd[0])
		}
		cmd = cmd[1:]
	}
	_, _, body, err := readHeader(cmd)
	if err != nil {
		return err
	}
	cmds, err := fsm.DecodeCommands(body)
	if err != nil {
		return err
	}
	return r.State.Apply(e.Index, cmds, make([]fsm.Result, len(cmds)))
}

func membersOf(m raftpb.Membership) Membership {
	out := Membership{Voters: map[uint64]string{}, NonVoting: map[uint64]string{}, ConfigChangeID: m.ConfigChangeId}
	for id, a := range m.Addresses {
		out.Voters[id] = a
	}
	for id, a := range m.NonVotings {
		out.NonVoting[id] = a
	}
	for id := range m.Removed {
		out.Removed = append(out.Removed, id)
	}
	return out
}

// change is what a logged change makes of the membership. Raft refuses some when it applies them (OrderedConfigChange): those
// that name another change than the last one.
func (m *Membership) change(c *raftpb.ConfigChange, index uint64) {
	if !c.Initialize && c.ConfigChangeId != m.ConfigChangeID || slices.Contains(m.Removed, c.ReplicaID) {
		return
	}
	switch c.Type {
	case raftpb.AddNode:
		delete(m.NonVoting, c.ReplicaID)
		m.Voters[c.ReplicaID] = c.Address
	case raftpb.AddNonVoting:
		m.NonVoting[c.ReplicaID] = c.Address
	case raftpb.RemoveNode:
		delete(m.Voters, c.ReplicaID)
		delete(m.NonVoting, c.ReplicaID)
		m.Removed = append(m.Removed, c.ReplicaID)
	}
	m.ConfigChangeID = index
}
