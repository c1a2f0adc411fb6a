package server

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/store"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/group"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// What to make of the survivors.
//
// Of each group the replica is taken that raft would have elected: the one whose log ends in the highest term, and is the longest
// of those. All that is in its log counts (shard/group/survivor.go), so each group is as it was at some moment; but every group
// is at a moment of its own. Every key's history is in one log, and a transaction's items name what they rely on: so a constraint
// can only be broken between groups, by a transaction of which one group's log has the prepare and another's does not. What is
// known of each transaction, over all groups, decides:
//
//	committed somewhere, prepared or committed in every other participant    it is committed
//	committed nowhere, prepared in every participant                         it is committed, at the greatest minimum
//	committed nowhere, missing in a participant                              it is aborted
//	committed somewhere, missing in a participant                            it is torn
//
// A participant of which the horizon has passed the commit has it, and has forgotten it. The third kind may have been
// acknowledged to its client, and is then lost, but whole.
//
// A torn transaction cannot be made whole: its part is in no log. It could be taken back alone, if nothing relied on it; what
// did has a timestamp that is not earlier. So all groups go back to what was committed before the first torn one: a snapshot,
// consistent as every snapshot is. That costs what was committed since, as a rule milliseconds. It cannot be done when a horizon
// has passed that moment, as it has when a survivor's replica was seconds behind; then, or when asked to, they are kept as they
// are, and what is broken by that is found by pgmqdb check.

// verdict is what becomes of the transactions.
type verdict struct {
	commit  []decided // prepared, to be committed
	aborted []decided // prepared, and dropped
	torn    []decided
	// keep is the timestamp that everything goes back to; MaxTimestamp: nothing does.
	keep topo.Timestamp
	// undone are the versions and keys above keep.
	undoneVersions, undoneKeys int64
	// tooLate says why torn ones cannot be taken back.
	tooLate string
}

type decided struct {
	txn     topo.TxnID
	attempt topo.Attempt
	ts      topo.Timestamp
	missing []topo.GroupID
	held    []topo.GroupID // where it is prepared
}

func (v *verdict) keepIn(*fsm.State) topo.Timestamp { return v.keep }

// attempt names a try of a transaction.
type attempt struct {
	txn topo.TxnID
	n   topo.Attempt
}

// known is what all groups together know of an attempt.
type known struct {
	primary      topo.GroupID
	participants []topo.GroupID
	committed    map[topo.GroupID]topo.Timestamp
	prepared     map[topo.GroupID]topo.Timestamp
}

// scratch is where a survivor's logs are copied to, and with nil where all are.
func (r *recovery) scratch(id *identity) string {
	if id == nil {
		return filepath.Join(r.partial, "scratch")
	}
	return filepath.Join(r.partial, "scratch", fmt.Sprint(id.Node))
}

// survey reads the survivors and chooses a replica for each group.
func (r *recovery) survey() error {
	r.chosen = map[topo.GroupID]*candidate{}
	for i, dir := range r.DataDirs {
		s, err := group.OpenSurvivor(dir, r.scratch(r.ids[i]), r.Log)
		if err != nil {
			return err
		}
		r.survivors = append(r.survivors, s)
		if s.ClusterID != r.ids[i].Cluster || s.Node != r.ids[i].Node {
			return fmt.Errorf("%s: its files are of different nodes", dir)
		}
		for _, x := range s.Replicas {
			c := &candidate{x, s.Node, dir}
			if x.Problem != nil {
				r.useless = append(r.useless, c)
				continue
			}
			r.highest = max(r.highest, x.State.HighestTS())
			if best := r.chosen[x.Group]; best == nil || c.better(best) {
				r.chosen[x.Group] = c
			}
		}
	}
	cat := r.chosen[topo.CatalogGroup]
	if cat == nil {
		return errors.Join(errors.New("no survivor has the catalog: it cannot be recovered without"), r.problems(topo.CatalogGroup))
	}
	return nil
}

// better is raft's rule for who may lead.
func (c *candidate) better(than *candidate) bool {
	return cmp.Or(cmp.Compare(c.LastTerm, than.LastTerm), cmp.Compare(c.LastIndex, than.LastIndex)) > 0
}

// problems are those of a group's replicas that cannot be used.
func (r *recovery) problems(g topo.GroupID) error {
	var all []error
	for _, c := range r.useless {
		if c.Group == g {
			all = append(all, fmt.Errorf("replica %d in %s: %w", c.Replica, c.dir, c.Problem))
		}
	}
	return errors.Join(all...)
}

// surviving counts the voters of a group, by the log of its chosen replica, and those of them that survive.
func (r *recovery) surviving(c *candidate) (survive, voters int) {
	for _, s := range r.survivors {
		for _, x := range s.Replicas {
			if _, votes := c.Members.Voters[x.Replica]; votes && x.Group == c.Group && x.Problem == nil {
				survive++
			}
		}
	}
	return survive, len(c.Members.Voters)
}

// mayLack reports whether a group may have acknowledged what no survivor has: unless a majority of its voters survives.
func (r *recovery) mayLack(c *candidate) bool {
	survive, voters := r.surviving(c)
	return 2*survive <= voters
}

// plan decides everything, and changes nothing.
func (r *recovery) plan() error {
	// The catalog as it is says which groups there are; that is the same in every version of it.
	r.catalog = store.New()
	if err := r.catalog.Load(r.chosen[topo.CatalogGroup].State); err != nil {
		return fmt.Errorf("reading the catalog: %w", err)
	}
	slots := r.catalog.Current().SlotMap()
	if slots == nil {
		return errors.New("the catalog that survived has no slot map: it is of no use")
	}
	r.groups = append([]topo.GroupID{topo.CatalogGroup}, slots.DataGroups()...)
	for _, g := range r.groups {
		if r.chosen[g] == nil {
			r.lost = append(r.lost, g)
		}
	}
	last := topo.NodeID(0)
	for id := range r.catalog.Topology().Nodes {
		last = max(last, id)
	}
	for _, id := range r.ids {
		last = max(last, id.Node)
	}
	r.id = r.newIdentity(last+1, r.replicaOf(topo.CatalogGroup))
	if err := r.decide(); err != nil {
		return err
	}
	return r.listStorages()
}

// listStorages finds which storages have entries, by a search for each.
func (r *recovery) listStorages() error {
	found := map[topo.StorageID]bool{}
	for g, c := range r.chosen {
		if g == topo.CatalogGroup {
			continue
		}
		for lo := topo.AppendStorageID(nil, catalog.FirstUserStorage); lo != nil; {
			var at topo.StorageID
			_, pending, err := c.State.Scan(fsm.ScanOptions{Lo: lo, TS: topo.MaxTimestamp, KeysOnly: true, MaxRows: 1},
				func(key, _ []byte, _ topo.Timestamp) bool {
					at, _ = topo.KeyStorageID(key)
					return false
				})
			if err != nil {
				return fmt.Errorf("group %d: %w", g, err)
			}
			if at == 0 && pending != nil {
				at, _ = topo.KeyStorageID(pending.Key)
			}
			if at == 0 || at == math.MaxUint32 {
				break
			}
			found[at] = true
			lo = topo.AppendStorageID(nil, at+1)
		}
	}
	r.storages = slices.Sorted(maps.Keys(found))
	return nil
}

// named are the storages that a catalog names, or remembers to drop.
func named(c *store.Store) map[topo.StorageID]bool {
	out := map[topo.StorageID]bool{}
	c.Current().AllTables(func(t *catalog.Table) bool {
		out[t.RowStorage] = true
		for _, x := range t.Indexes {
			out[x.Storage], out[x.Marks] = true, true // 0 is no storage
		}
		return true
	})
	for _, g := range c.Garbage(math.MaxUint64) {
		out[g.Storage] = true
	}
	return out
}

// orphans are storages that nothing names: of schema changes that had not come to their end, or were lost.
func (r *recovery) orphans(c *store.Store) (out []topo.StorageID) {
	known := named(c)
	for _, id := range r.storages {
		if !known[id] {
			out = append(out, id)
		}
	}
	return out
}

// decide judges the transactions that some group has not forgotten.
func (r *recovery) decide() error {
	all := r.gather()
	v := &r.verdict
	v.keep = topo.MaxTimestamp
	for _, a := range slices.SortedFunc(maps.Keys(all), attempt.compare) {
		r.judge(a, all[a])
	}
	if len(v.torn) == 0 || r.KeepTorn {
		return nil
	}
	first := slices.MinFunc(v.torn, func(a, b decided) int { return cmp.Compare(a.ts, b.ts) }).ts
	for _, g := range r.groups {
		if c := r.chosen[g]; c != nil && c.State.Horizon() >= first {
			v.tooLate = fmt.Sprintf("group %d has dropped older versions since", g)
			return nil
		}
	}
	v.keep = first - 1
	stays := func(d decided) bool { return d.ts <= v.keep }
	for _, d := range v.commit {
		if !stays(d) {
			v.aborted = append(v.aborted, d)
		}
	}
	v.commit = slices.DeleteFunc(v.commit, func(d decided) bool { return !stays(d) })
	for _, g := range r.groups {
		if c := r.chosen[g]; c != nil {
			versions, keys, err := c.State.VersionsAbove(v.keep)
			if err != nil {
				return fmt.Errorf("group %d: %w", g, err)
			}
			v.undoneVersions += versions
			v.undoneKeys += keys
		}
	}
	return nil
}

func (a attempt) compare(b attempt) int {
	switch {
	case a.txn.Less(b.txn):
		return -1
	case b.txn.Less(a.txn):
		return 1
	}
	return cmp.Compare(a.n, b.n)
}

// gather puts together what the groups know.
func (r *recovery) gather() map[attempt]*known {
	all := map[attempt]*known{}
	of := func(txn topo.TxnID, n topo.Attempt, primary topo.GroupID, participants []topo.GroupID) *known {
		k := all[attempt{txn, n}]
		if k == nil {
			k = &known{committed: map[topo.GroupID]topo.Timestamp{}, prepared: map[topo.GroupID]topo.Timestamp{}}
			all[attempt{txn, n}] = k
		}
		if primary != 0 {
			k.primary = primary
		}
		if len(participants) > 0 {
			k.participants = participants
		}
		return k
	}
	for _, g := range r.groups {
		c := r.chosen[g]
		if c == nil {
			continue
		}
		for _, o := range c.State.KnownAttempts() {
			if o.Code == fsm.OutcomeCommitted {
				of(o.Txn, o.Attempt, o.Primary, o.Participants).committed[g] = o.TS
			}
		}
		for _, p := range c.State.PendingList() {
			of(p.Txn, p.Attempt, p.Primary, p.Participants).prepared[g] = p.Min
		}
	}
	return all
}

// judge decides one attempt.
func (r *recovery) judge(a attempt, k *known) {
	d := decided{txn: a.txn, attempt: a.n, held: slices.Sorted(maps.Keys(k.prepared))}
	for _, ts := range k.committed {
		d.ts = ts
	}
	members := k.participants
	if k.primary != 0 && !slices.Contains(members, k.primary) {
		members = append(slices.Clone(members), k.primary)
	}
	latest := topo.Timestamp(0)
	for _, g := range members {
		_, committed := k.committed[g]
		min, prepared := k.prepared[g]
		latest = max(latest, min)
		c := r.chosen[g]
		passed := c != nil && d.ts != 0 && c.State.Horizon() >= d.ts
		if !committed && !prepared && !passed {
			d.missing = append(d.missing, g)
		}
	}
	v := &r.verdict
	switch {
	case d.ts != 0:
		// What a group took with it of which nothing is left cannot be put right by going back.
		if there := slices.DeleteFunc(slices.Clone(d.missing), func(g topo.GroupID) bool { return r.chosen[g] == nil }); len(there) > 0 {
			v.torn = append(v.torn, d)
		}
		if len(d.held) > 0 {
			v.commit = append(v.commit, d)
		}
	case len(d.missing) == 0 && len(k.participants) > 0:
		d.ts = latest
		v.commit = append(v.commit, d)
	default:
		v.aborted = append(v.aborted, d)
	}
}

// settle commits, in memory, what is prepared and is to be committed. What else is prepared is left behind.
func (r *recovery) settle() error {
	byGroup := map[topo.GroupID][]fsm.Command{}
	for _, d := range r.verdict.commit {
		for _, g := range d.held {
			byGroup[g] = append(byGroup[g], fsm.Command{Resolve: &fsm.Resolve{Txn: d.txn, Attempt: d.attempt, Commit: true, TS: d.ts}})
		}
	}
	for g, cmds := range byGroup {
		st := r.chosen[g].State
		epoch := st.Lease().Epoch + 1
		take := fsm.Command{Epoch: epoch, Lease: &fsm.Lease{Epoch: epoch, Holder: r.id.Node, Incarnation: 1, AfterIndex: math.MaxUint64}}
		cmds = append([]fsm.Command{take}, cmds...)
		results := make([]fsm.Result, len(cmds))
		for i := range cmds {
			cmds[i].Epoch = epoch
		}
		if err := st.Apply(st.AppliedIndex()+1, cmds, results); err != nil {
			return fmt.Errorf("group %d: %w", g, err)
		}
		for i := range results[1:] {
			if c := results[i+1].Code; c != fsm.ResultCommitted {
				return fmt.Errorf("group %d does not commit transaction %s: %d", g, cmds[i+1].Resolve.Txn, c)
			}
		}
	}
	return nil
}

// printPlan says what would be done, and what may be lost.
func (r *recovery) printPlan() error {
	r.printf("Cluster %d, from what is left of nodes %s:", r.ids[0].Cluster, r.nodesLeft())
	whole := true
	for _, g := range r.groups {
		if c := r.chosen[g]; c != nil {
			r.printf("%s", r.describe(c))
			whole = whole && !r.mayLack(c)
		} else {
			whole = false
			r.printf("group %d: NOTHING IS LEFT", g)
			if err := r.problems(g); err != nil {
				r.printf("  %v", err)
			}
		}
	}
	for _, c := range r.useless {
		if r.chosen[c.Group] != nil {
			r.printf("not used: group %d replica %d in %s: %v", c.Group, c.Replica, c.dir, c.Problem)
		}
	}
	r.printVerdict()
	r.printCatalog()
	if whole {
		r.printf("\nA majority of every group's voters is among these: start their nodes, on any machine, and nothing is lost.")
		if r.Apply && !r.Force {
			return errors.New("refused, because recovery is not needed; --force recovers nevertheless")
		}
	}
	if len(r.lost) > 0 {
		if err := r.printLost(); err != nil {
			return err
		}
	}
	r.printf("\nThe new cluster is %d; its node %d is to be in %s.", r.id.Cluster, r.id.Node, r.Out)
	if !r.Apply {
		r.printf("This was the plan; nothing was changed. To carry it out, give the same command with --apply.")
	}
	return nil
}

func (r *recovery) nodesLeft() string {
	var ids []topo.NodeID
	for _, id := range r.ids {
		ids = append(ids, id.Node)
	}
	return enumerated(ids)
}

// describe says what a group's replica has, and what it may lack.
func (r *recovery) describe(c *candidate) string {
	survive, voters := r.surviving(c)
	var b strings.Builder
	fmt.Fprintf(&b, "group %d: replica %d of node %d, log up to index %d of term %d", c.Group, c.Replica, c.node, c.LastIndex, c.LastTerm)
	if n := c.LastIndex - min(c.LastIndex, c.Committed); n > 0 {
		fmt.Fprintf(&b, " (the last %d not known to be committed, and kept)", n)
	}
	fmt.Fprintf(&b, "; %d of %d voters survive: ", survive, voters)
	if r.mayLack(c) {
		fmt.Fprintf(&b, "COMMITS ACKNOWLEDGED AFTER THAT INDEX MAY BE LOST")
	} else {
		b.WriteString("it lacks nothing")
	}
	if _, votes := c.Members.Voters[c.Replica]; !votes {
		b.WriteString(" (it had no vote, and may be far behind)")
	}
	return b.String()
}

func (r *recovery) printVerdict() {
	v := &r.verdict
	if len(v.commit) > 0 {
		r.printf("%d transactions are prepared in all their groups, or committed in some: they are committed.", len(v.commit))
	}
	if len(v.aborted) > 0 {
		r.printf("%d transactions are prepared in some groups only, and taken back whole; they may have been acknowledged:", len(v.aborted))
		r.printTransactions(v.aborted)
	}
	if len(v.torn) == 0 {
		return
	}
	r.printf("%d transactions are committed in some groups, and MISSING in others:", len(v.torn))
	r.printTransactions(v.torn)
	switch {
	case v.tooLate != "":
		r.printf("They cannot be taken back, because %s. They are kept in part: run pgmqdb check, which names what is broken by that.", v.tooLate)
	case r.KeepTorn:
		r.printf("They are kept in part, as asked for: run pgmqdb check, which names what is broken by that.")
	default:
		r.printf("Everything goes back to timestamp %d, before the first of them: %d VERSIONS OF %d KEYS, COMMITTED SINCE, ARE LOST. "+
			"(--keep-torn keeps them, broken as they are.)", v.keep, v.undoneVersions, v.undoneKeys)
	}
}

// maxListed bounds how many transactions are printed.
const maxListed = 20

func (r *recovery) printTransactions(list []decided) {
	for i, d := range list {
		if i == maxListed {
			r.printf("  and %d more", len(list)-maxListed)
			return
		}
		text := fmt.Sprintf("  transaction %s", d.txn)
		if d.ts != 0 {
			text += fmt.Sprintf(", timestamp %d", d.ts)
		}
		if len(d.missing) > 0 {
			text += fmt.Sprintf(", missing in group %s", enumerated(d.missing))
		}
		r.printf("%s", text)
	}
}

// printCatalog says where data and catalog do not go together.
func (r *recovery) printCatalog() {
	snap := r.catalog.Current()
	for _, g := range r.groups {
		c := r.chosen[g]
		if c == nil {
			continue
		}
		versions := c.State.SchemaVersions()
		for _, id := range slices.Sorted(maps.Keys(versions)) {
			snap.EachDatabase(func(v *catalog.Snapshot) bool {
				if t := v.Table(catalog.Oid(id)); t != nil && t.Version < versions[id] {
					r.printf("group %d knows version %d of table %s, and the catalog version %d: A SCHEMA CHANGE IS LOST, check the table",
						g, versions[id], tableName(v, t), t.Version)
				}
				return true
			})
		}
	}
	if ids := r.orphans(r.catalog); len(ids) > 0 {
		r.printf("%d storages belong to nothing in the catalog (schema changes that had not ended): they are dropped", len(ids))
	}
}

// databasePrefix leads the names of what is in another database than the default one.
func databasePrefix(snap *catalog.Snapshot) string {
	if d := snap.CurrentDatabase(); d != nil && d.OID != catalog.DefaultDatabase {
		return d.Name + "."
	}
	return ""
}

func tableName(snap *catalog.Snapshot, t *catalog.Table) string {
	return databasePrefix(snap) + snap.SchemaName(t.SchemaID) + "." + t.Name
}

// printLost says what groups of which nothing is left take with them, and refuses unless told to go on without.
func (r *recovery) printLost() error {
	slots := 0
	snap := r.catalog.Current()
	for _, g := range snap.SlotMap().Groups {
		if slices.Contains(r.lost, g) {
			slots++
		}
	}
	var tables, sequences []string
	snap.EachDatabase(func(v *catalog.Snapshot) bool {
		v.Tables(func(t *catalog.Table) bool { tables = append(tables, tableName(v, t)); return true })
		v.Sequences(func(q *catalog.Sequence) bool {
			if slices.Contains(r.lost, v.SlotMap().Group(topo.Slot(uint32(q.Storage)%topo.NumSlots))) {
				sequences = append(sequences, databasePrefix(v)+v.SchemaName(q.SchemaID)+"."+q.Name)
			}
			return true
		})
		return true
	})
	slices.Sort(tables)
	slices.Sort(sequences)
	r.printf("\nOf group %s nothing is left. %d of %d slots COME BACK EMPTY, and with them about %d %% of the rows, and of the entries of unique\n"+
		"constraints, of each of these tables: %s", enumerated(r.lost), slots, topo.NumSlots, slots*100/topo.NumSlots, strings.Join(tables, ", "))
	if len(sequences) > 0 {
		r.printf("These sequences begin anew; set them with setval: %s", strings.Join(sequences, ", "))
	}
	if !r.LoseGroups {
		return errors.New("refused, because groups are lost whole: find another survivor's directory, or give --lose-groups")
	}
	return nil
}
