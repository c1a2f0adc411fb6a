package server

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/store"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/group"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Recovery from the survivors, when the majority of some group is lost for good.
//
// All surviving directories are read in one place, and one new directory is written: a node of a new cluster, with the only
// replica of every group. The others join it anew, and are filled by it. That is simpler than to mend each survivor where it is,
// and it has to be one place anyway: a transaction may be in several groups, and what is left of it is judged with all of them
// at hand (recoverplan.go). Nothing in the survivors' directories is changed but for a file that says where they went.
//
// The new cluster has an id of its own, and so its nodes and those of the old one do not mix: neither raft's messages nor
// registrations of one are taken by the other. It remembers whose place it took, and tells nodes of the old one, which end.

// RecoverConfig says what to recover from, and how.
type RecoverConfig struct {
	DataDirs []string // of the stopped survivors
	Out      string   // the new data directory
	// Apply writes it; otherwise the plan is printed, and that is all.
	Apply bool
	// LoseGroups lets groups of which nothing is left begin empty.
	LoseGroups bool
	// Force recovers although a majority of every group survives.
	Force bool
	// KeepTorn keeps transactions of which a part is lost, rather than what was committed before them alone.
	KeepTorn bool
	// ClusterCert, ClusterKey and ClusterCA are those of the nodes, to ask the others whether they run.
	ClusterCert, ClusterKey, ClusterCA string
	Log                                *slog.Logger
	Print                              io.Writer
}

// Recover prints what can be made of the survivors and what may be lost, and makes it if it is told to. Killed at any moment
// it leaves either no new directory or all of it, and may be run again.
func Recover(ctx context.Context, cfg RecoverConfig) error {
	r := &recovery{RecoverConfig: cfg, partial: cfg.Out + ".partial"}
	defer r.close()
	if err := r.identify(); err != nil {
		return err
	}
	if done, err := r.doneBefore(); done || err != nil {
		return err
	}
	if err := r.checkDead(ctx); err != nil {
		return err
	}
	if err := r.clearPartial(); err != nil {
		return err
	}
	if err := r.survey(); err != nil {
		return errors.Join(err, r.abandon())
	}
	err := r.plan()
	if err == nil {
		err = r.printPlan()
	}
	if err != nil || !cfg.Apply {
		return errors.Join(err, r.abandon())
	}
	if err := r.write(ctx); err != nil {
		return fmt.Errorf("%w (nothing was changed; what was written is in %s)", err, r.partial)
	}
	return r.finish()
}

// recovery is one run of Recover.
type recovery struct {
	RecoverConfig
	partial   string // the new directory until it is whole
	ids       []*identity
	id        *identity // of the new node
	survivors []*group.Survivor
	chosen    map[topo.GroupID]*candidate
	useless   []*candidate // replicas that cannot be used
	catalog   *store.Store
	groups    []topo.GroupID // all of the old cluster, the catalog group first
	lost      []topo.GroupID // of which there is nothing
	verdict   verdict
	highest   topo.Timestamp   // in any survivor
	storages  []topo.StorageID // that some data group has entries of
}

// candidate is a replica that survived.
type candidate struct {
	*group.Remains
	node topo.NodeID
	dir  string
}

const (
	// recoveringFile marks a directory that Recover is writing, so that it knows one that it may drop. It is the first file to
	// be there and the last to go.
	recoveringFile = "RECOVERING"
	// recoveredFile in a survivor's directory says that a new cluster took its place.
	recoveredFile = "RECOVERED"
	// recoverTimeout bounds what the groups of the new directory need to begin.
	recoverTimeout = 5 * time.Minute
)

// recovered is the content of recoveredFile.
type recovered struct {
	Cluster uint64      `json:"cluster"`
	Node    topo.NodeID `json:"node"`
	Dir     string      `json:"dir"`
	At      time.Time   `json:"at"`
}

// identify reads whose directories these are.
func (r *recovery) identify() error {
	for _, dir := range r.DataDirs {
		if _, err := os.Stat(filepath.Join(dir, identityFile)); err != nil {
			return fmt.Errorf("%s is no data directory of a node: %w", dir, err)
		}
		id, err := loadIdentity(dir)
		if err != nil {
			return err
		}
		if err := checkNotRecovered(dir); err != nil {
			r.printf("warning: %v", err)
		}
		for i, other := range r.ids {
			if other.Cluster != id.Cluster {
				return fmt.Errorf("%s is of cluster %d, and %s of cluster %d", r.DataDirs[i], other.Cluster, dir, id.Cluster)
			}
			if other.Node == id.Node {
				return fmt.Errorf("%s and %s are copies of the same node %d: give the later one only", r.DataDirs[i], dir, id.Node)
			}
		}
		r.ids = append(r.ids, id)
	}
	if len(r.ids) == 0 {
		return errors.New("no data directory is given")
	}
	return nil
}

// doneBefore reports whether the new directory is there already, from a run that came to its end.
func (r *recovery) doneBefore() (bool, error) {
	if _, err := os.Stat(r.Out); errors.Is(err, os.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	id, err := loadIdentity(r.Out)
	if err != nil {
		return false, err
	}
	if id.Node == 0 || !slices.Contains(id.Replaced, r.ids[0].Cluster) {
		return false, fmt.Errorf("%s exists already: name another directory to be made", r.Out)
	}
	r.id = id
	r.printf("%s is there from an earlier run: node %d of cluster %d, recovered from cluster %d", r.Out, id.Node, id.Cluster, r.ids[0].Cluster)
	if r.Apply {
		_ = os.Remove(filepath.Join(r.Out, recoveringFile))
		r.markSurvivors()
	}
	r.printf("To recover anew, move it away first.")
	return true, nil
}

// checkDead refuses to recover beside nodes of the old cluster that run: they may have a majority, and what they have is at
// least as good.
func (r *recovery) checkDead(ctx context.Context) error {
	cfg := Config{ClusterCert: r.ClusterCert, ClusterKey: r.ClusterKey, ClusterCA: r.ClusterCA}
	s := &Server{cfg: cfg, log: r.Log}
	conf, err := s.clusterTLS()
	if err != nil {
		return err
	}
	s.dialTLS, s.client = conf, rpc.NewClient(rpc.ClientConfig{TLS: conf})
	defer s.client.Close()
	asked := map[string]bool{}
	var addresses []string
	for _, id := range r.ids {
		for _, a := range id.contacts() {
			if a != "" && !asked[a] {
				asked[a] = true
				addresses = append(addresses, a)
			}
		}
	}
	for _, p := range s.greetAll(ctx, addresses, &helloRequest{}) {
		var mistrust *rpc.TrustError
		switch {
		case p.err == nil && p.resp.Cluster == r.ids[0].Cluster:
			return fmt.Errorf("node %d of this cluster is running at %s: stop it, and give its directory too", p.resp.Node, p.address)
		case errors.As(p.err, &mistrust):
			return fmt.Errorf("a node may be running at %s, and does not say whether it is of this cluster: %w", p.address, p.err)
		}
	}
	return nil
}

// clearPartial drops what a run that was killed left, and begins anew.
func (r *recovery) clearPartial() error {
	if err := r.abandon(); err != nil {
		return err
	}
	if err := os.MkdirAll(r.partial, 0o700); err != nil {
		return err
	}
	return group.WriteFileDurably(filepath.Join(r.partial, recoveringFile), nil)
}

// abandon drops the directory that was begun, its mark last.
func (r *recovery) abandon() error {
	files, err := os.ReadDir(r.partial)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(files) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(files, func(f os.DirEntry) bool { return strings.HasPrefix(f.Name(), recoveringFile) }) {
		return fmt.Errorf("%s is in the way", r.partial)
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), recoveringFile) {
			if err := os.RemoveAll(filepath.Join(r.partial, f.Name())); err != nil {
				return err
			}
		}
	}
	return os.RemoveAll(r.partial)
}

func (r *recovery) close() {
	for _, s := range r.survivors {
		if err := s.Close(); err != nil {
			r.Log.Warn("closing", "dir", s.Dir, "err", err)
		}
	}
}

func (r *recovery) printf(format string, args ...any) { fmt.Fprintf(r.Print, format+"\n", args...) }

// write makes the new directory.
func (r *recovery) write(ctx context.Context) error {
	if err := r.settle(); err != nil {
		return err
	}
	for _, g := range r.groups {
		c := r.chosen[g]
		if c == nil {
			continue
		}
		r.printf("writing group %d", g)
		path := group.StateFile(r.partial, g, r.replicaOf(g))
		if err := c.State.Rewrite(path, r.verdict.keepIn(c.State), ctx.Done()); err != nil {
			return fmt.Errorf("group %d: %w", g, err)
		}
	}
	if err := r.id.save(r.partial); err != nil {
		return err
	}
	if err := os.RemoveAll(r.scratch(nil)); err != nil {
		return err
	}
	return r.begin(ctx)
}

// replicaOf is the id of a group's one replica: one that the old group had not given yet.
func (r *recovery) replicaOf(g topo.GroupID) uint64 {
	if rec := r.catalog.Topology().Groups[g]; rec != nil {
		return max(1, rec.NextReplica)
	}
	return 1
}

// begin starts the groups, writes into the catalog who they are now, and makes that the beginning of their logs.
func (r *recovery) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, recoverTimeout)
	defer cancel()
	host, err := group.Open(group.Config{Dir: r.partial, Node: r.id.Node, Logger: r.Log, ClusterID: r.id.Cluster})
	if err != nil {
		return err
	}
	replicas := map[topo.GroupID]*group.Replica{}
	for _, g := range r.groups {
		if replicas[g], err = host.Begin(ctx, g, r.replicaOf(g)); err != nil {
			return errors.Join(err, host.Close())
		}
	}
	err = r.rewriteCatalog(ctx, replicas)
	for _, g := range r.groups {
		if err == nil {
			err = replicas[g].Compact(ctx)
		}
	}
	return errors.Join(err, host.Close())
}

// rewriteCatalog takes the old nodes out and the new one in, drops what nothing names, and sets the counters above what was
// given out.
func (r *recovery) rewriteCatalog(ctx context.Context, replicas map[topo.GroupID]*group.Replica) error {
	cat := replicas[topo.CatalogGroup]
	now := store.New()
	if err := now.Load(cat.State()); err != nil {
		return err
	}
	if now.Current().SlotMap() == nil {
		return errors.New("the catalog that survived has no slot map: it is of no use")
	}
	at := r.highest + 2 // above every snapshot's timestamp: a commit may be one above the oracle's last
	in := &fsm.Ingest{TS: at}
	add := func(key, value []byte) { in.Entries = append(in.Entries, fsm.Entry{Key: key, Value: value}) }
	for id, n := range now.Topology().Nodes {
		gone := *n
		gone.State, gone.Dead = topo.NodeRemoved, true
		add(catalog.NodeKey(id), catalog.EncodeRecord(&gone))
	}
	add(catalog.NodeKey(r.id.Node), catalog.EncodeRecord(&topo.Node{ID: r.id.Node, Instance: r.id.Instance, State: topo.NodeActive}))
	for _, g := range r.groups {
		add(catalog.GroupKey(g), catalog.EncodeRecord((&topo.Group{ID: g, NextReplica: r.replicaOf(g)}).With(r.id.Node, topo.Voter)))
	}
	slices.SortFunc(in.Entries, func(a, b fsm.Entry) int { return slices.Compare(a.Key, b.Key) })
	if err := propose(ctx, cat, &fsm.Command{Ingest: in}); err != nil {
		return err
	}
	if err := propose(ctx, cat, advanced(fsm.WindowSequence, fsm.SequenceState{Last: int64(at), IsCalled: true})); err != nil {
		return err
	}
	if err := r.advanceCounters(ctx, cat, now); err != nil {
		return err
	}
	for _, g := range r.groups {
		if err := r.advanceSequences(ctx, replicas[g], now.Current()); err != nil {
			return err
		}
		if orphans := r.orphans(now); g != topo.CatalogGroup && len(orphans) > 0 {
			if err := propose(ctx, replicas[g], &fsm.Command{Drop: &fsm.DropStorage{IDs: orphans}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// propose sees a command through the log of a group that this process alone has.
func propose(ctx context.Context, r *group.Replica, cmd *fsm.Command) error {
	res, err := r.Propose(ctx, cmd)
	if err == nil && res.Code != fsm.ResultOK {
		err = fmt.Errorf("group %d refuses a command: %d", r.ID(), res.Code)
	}
	return err
}

func advanced(id topo.StorageID, q fsm.SequenceState) *fsm.Command {
	return &fsm.Command{Sequence: &fsm.Sequence{ID: id, Last: q.Last, IsCalled: q.IsCalled}}
}

const (
	// sequenceSkip is by how many values a sequence is set ahead whose last log entries may be lost: they log 32 values at a
	// time, and what was given out of a lost window may be in rows that survived.
	sequenceSkip = 4096
	// counterSkip is the same for the counters of OIDs, storages and blocks of row ids, of which nodes take 64 at a time.
	counterSkip = 4096
)

// advanceCounters sets the counters of OIDs, storages, blocks of row ids and nodes above all that are in use.
func (r *recovery) advanceCounters(ctx context.Context, cat *group.Replica, catalogNow *store.Store) error {
	now := catalogNow.Current()
	oids := int64(catalog.FirstNormalOid)
	for _, c := range r.chosen {
		for id := range c.State.SchemaVersions() {
			oids = max(oids, int64(id))
		}
	}
	now.AllTables(func(t *catalog.Table) bool { oids = max(oids, int64(t.OID)); return true })
	storages := int64(catalog.FirstUserStorage)
	for id := range named(catalogNow) {
		storages = max(storages, int64(id))
	}
	if n := len(r.storages); n > 0 {
		storages = max(storages, int64(r.storages[n-1]))
	}
	least := map[topo.StorageID]int64{catalog.OIDSequence: oids, catalog.StorageSequence: storages, catalog.ClusterSequence: int64(r.id.Node)}
	for _, id := range []topo.StorageID{catalog.OIDSequence, catalog.StorageSequence, catalog.RowIDSequence, catalog.ClusterSequence} {
		next := least[id]
		if id != catalog.ClusterSequence {
			if logged, ok := cat.State().Sequence(id); ok {
				next = max(next, logged.Last)
			}
			next += counterSkip
			if id != catalog.RowIDSequence {
				next = min(next, math.MaxUint32)
			}
		}
		if err := propose(ctx, cat, advanced(id, fsm.SequenceState{Last: next, IsCalled: true})); err != nil {
			return err
		}
	}
	return nil
}

// advanceSequences sets the sequences of a group ahead whose log may have lost its end.
func (r *recovery) advanceSequences(ctx context.Context, g *group.Replica, now *catalog.Snapshot) error {
	c := r.chosen[g.ID()]
	if c == nil || g.ID() == topo.CatalogGroup || !r.mayLack(c) {
		return nil
	}
	states := c.State.Sequences()
	var err error
	now.AllSequences(func(q *catalog.Sequence) bool {
		if state, ok := states[q.Storage]; ok {
			err = propose(ctx, g, advanced(q.Storage, skipAhead(q, state)))
		}
		return err == nil
	})
	return err
}

// skipAhead is a sequence's state some values on, and no more than a sixteenth of those that it has left.
func skipAhead(q *catalog.Sequence, at fsm.SequenceState) fsm.SequenceState {
	left := float64(q.Max) - float64(at.Last)
	if q.Increment < 0 {
		left = float64(at.Last) - float64(q.Min)
	}
	n := int64(min(sequenceSkip, left/math.Abs(float64(q.Increment))/16))
	return fsm.SequenceState{Last: at.Last + max(0, n)*q.Increment, IsCalled: true}
}

// finish makes the new directory the one asked for, and says so in the survivors'.
func (r *recovery) finish() error {
	if err := group.SyncDir(r.partial); err != nil {
		return err
	}
	if err := os.Rename(r.partial, r.Out); err != nil {
		return err
	}
	if err := group.SyncDir(filepath.Dir(filepath.Clean(r.Out))); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(r.Out, recoveringFile)); err != nil {
		return err
	}
	r.markSurvivors()
	r.printf("\nDone: %s is node %d of the new cluster %d, alone with all data.", r.Out, r.id.Node, r.id.Cluster)
	r.printf("Next:\n"+
		"  pgmqdb start --data %s …            at the addresses of a survivor, so that nodes of the old cluster find it and end\n"+
		"  pgmqdb check --url …                what does not hold any more is named\n"+
		"  pgmqdb start --data NEW --join …    two more nodes, with empty directories", r.Out)
	return nil
}

// markSurvivors keeps the old directories from being started by mistake.
func (r *recovery) markSurvivors() {
	out, err := filepath.Abs(r.Out)
	if err != nil {
		out = r.Out
	}
	for _, dir := range r.DataDirs {
		data, err := json.MarshalIndent(&recovered{Cluster: r.id.Cluster, Node: r.id.Node, Dir: out, At: time.Now().UTC().Round(time.Second)}, "", "  ")
		if err == nil {
			err = group.WriteFileDurably(filepath.Join(dir, recoveredFile), append(data, '\n'))
		}
		if err != nil {
			r.printf("warning: %s is not marked as recovered, so do not start it: %v", dir, err)
		}
	}
}

// checkNotRecovered refuses to start on a directory that was recovered from.
func checkNotRecovered(dir string) error {
	name := filepath.Join(dir, recoveredFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var to recovered
	if err == nil {
		err = json.Unmarshal(data, &to)
	}
	if err != nil {
		return err
	}
	return refused("%s was recovered into cluster %d on %s (%s), which has what was in it: start that one, or join it with an empty directory",
		dir, to.Cluster, to.At.Format(time.DateTime), to.Dir)
}

// replacedError tells a node of a cluster that another took the place of.
func replacedError(dir string, cluster uint64, resp *helloResponse, address string) error {
	return refused("cluster %d was recovered from its survivors and goes on as cluster %d, of which node %d is at %s: what is in %s is of "+
		"before that, and may not mix with it; join the new cluster with an empty directory", cluster, resp.Cluster, resp.Node, address, dir)
}

// newIdentity makes the new node's: of a cluster that takes the place of the old one, and of those that that one did.
func (r *recovery) newIdentity(node topo.NodeID, catalogReplica uint64) *identity {
	id := &identity{Format: identityFormat, Instance: hex.EncodeToString(randomBytes(16)), Node: node, CatalogReplica: catalogReplica,
		Cluster: binary.BigEndian.Uint64(randomBytes(8)) | 1}
	for _, old := range r.ids {
		id.Replaced = append(id.Replaced, append(slices.Clone(old.Replaced), old.Cluster)...)
	}
	slices.Sort(id.Replaced)
	id.Replaced = slices.Compact(id.Replaced)
	return id
}
