package fsm

import (
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Command is one entry of a group's log. Exactly one of the pointers is set. Several commands travel in one raft
// proposal and are applied one after the other, each with its own Result.
type Command struct {
	// Format is the encoding and the apply rules that the command needs (0 is 1, FormatFirst). Apply refuses a format above
	// the logged cluster version (ResultUnsupported), so that binaries of two releases never apply one entry differently.
	Format uint8
	// Epoch is the lease epoch under which the command was proposed; apply refuses a command of an older epoch than the
	// state's (ResultStaleEpoch), except a Lease.
	Epoch topo.LeaseEpoch
	// ProposedAtNS is the proposer's CLOCK_BOOTTIME reading in nanoseconds, of a Lease: apply never reads a clock, and the
	// leaseholder counts its own lease from this when the command comes back. Other commands extend the lease from when their
	// batch was proposed, which the proposer remembers.
	ProposedAtNS int64

	Prepare   *Prepare
	Provision *Provision
	Commit    *CommitRecord
	Resolve   *Resolve
	Tombstone *Tombstone
	Forget    *Forget
	Fence     *Fence
	Lease     *Lease
	Horizon   *Horizon
	Sequence  *Sequence
	Ingest    *Ingest
	Drop      *DropStorage
	Upgrade   *Upgrade
	Release   *Release
}

// Prepare asks the group to validate and hold all that one attempt of a transaction does in it. An attempt whose only
// participant is this group commits in the same step (OnePhase).
type Prepare struct {
	Txn     topo.TxnID
	Attempt topo.Attempt
	// Primary is the group whose log holds the outcome. Participants is set in the primary's prepare only, and lists all
	// groups of the attempt, the primary included.
	Primary      topo.GroupID
	Participants []topo.GroupID
	OnePhase     bool
	// StartTS is the timestamp that the coordinator drew at COMMIT, never raised on the way: a prepare whose StartTS is at
	// or below the horizon is refused, because its outcome may have been dropped already. Zero means MinTS.
	StartTS topo.Timestamp
	// MinTS is at least the coordinator's commit-time timestamp and above the leaseholder's highest served read. The
	// group's answer is max(MinTS, 1 + every version that the items replace).
	MinTS topo.Timestamp
	// Tables lists every table touched; a table whose state demands another version refuses the prepare.
	Tables []topo.TableVersion
	Items  []Item
	// Provisioned names what was sent ahead by Provision; zero when nothing was.
	Provisioned Provisioned
}

// Provisioned is the summary of a transaction's provisional intents in one group. The prepare is refused on a mismatch.
type Provisioned struct {
	Count      uint64 // operations received for this group, rolled-back ones included
	Digest     uint64 // order-independent sum of the operations' hashes
	RolledBack []SeqRange
}

// SeqRange is a range of operation numbers undone by ROLLBACK TO: First <= seq < End.
type SeqRange struct{ First, End uint64 }

// ItemKind says what an item does and how it is validated.
type ItemKind uint8

// The kinds of items.
const (
	// ItemPut and ItemDelete write a key that the transaction locked: refused when the key's latest version is not Seen.
	ItemPut ItemKind = iota + 1
	ItemDelete
	// ItemPutEntry and ItemDeleteEntry write a non-unique index entry, covered by its row's own item: not validated.
	ItemPutEntry
	ItemDeleteEntry
	// ItemLock is a row lock that the transaction relied on without writing (FOR UPDATE, FOR SHARE): refused when the
	// latest version is not Seen.
	ItemLock
	// ItemSharedMark is a foreign-key check's KEY SHARE on the referenced key (rule R2): refused when the key's *key
	// version* is not Seen, or an exclusive item or a delete is pending on it. Committed, it leaves share_ts on the key.
	ItemSharedMark
	// ItemExclusive is a parent's delete or key change (rule R2): refused when share_ts > F, when another transaction's
	// shared mark is pending, or when F is below the logged horizon. It accompanies the ItemDelete or ItemPut.
	ItemExclusive
	// ItemReadRange is a range [Key, End) read by a SERIALIZABLE transaction at snapshot Seen: refused when it holds a
	// version above Seen or another transaction's pending write; until resolution, others' writes into it are refused.
	ItemReadRange
	// ItemMoved says that the row which was under Key when the transaction began is now under another key, perhaps of
	// another group: Value names it (nothing: it was deleted after all), and apply keeps it with the version that the key's
	// ItemPut or ItemDelete writes (see State.Moved). It accompanies that item. Since FormatMoved.
	ItemMoved
)

// Item is one net operation, lock or mark on one key.
type Item struct {
	Kind ItemKind
	Mode lock.Mode
	// KeepsKey marks an ItemPut that changes no referenced key: the new version inherits the key version.
	KeepsKey bool
	// SeenAbsent says that what the transaction relied on is that there was no version, or a tombstone: see Seen.
	SeenAbsent bool

	Key   []byte
	End   []byte // ItemReadRange: the exclusive upper bound
	Value []byte // ItemPut, ItemPutEntry, ItemMoved
	// Origin, of an ItemPut that is sent ahead, names the key under which the row was when the transaction began, where that
	// was another one. Since FormatMoved.
	Origin []byte
	// Seen is the version (for ItemSharedMark the key version, for ItemReadRange the snapshot) that the transaction
	// relied on. Absence holds against a missing key and against a tombstone whose timestamp is Seen or at or below the
	// horizon.
	Seen topo.Timestamp
	// F is the timestamp of the children scan of ItemExclusive.
	F topo.Timestamp
}

// Provision sends a large transaction's operations ahead of its prepare. Idempotent by (Txn, Seq).
type Provision struct {
	Txn topo.TxnID
	Ops []ProvisionOp
}

// ProvisionOp is one operation in statement order; a later Seq on the same key replaces an earlier one that was not
// rolled back.
type ProvisionOp struct {
	Seq  uint64
	Item Item
}

// CommitRecord logs at the primary that every prepare of the attempt applied. It precedes every Resolve with Commit. It
// makes the primary's own writes visible, too; a later Resolve there changes nothing. Answers ResultCommitted with the
// timestamp (the first one, when repeated, be the outcome forgotten or not), ResultAborted, or ResultMismatch when the
// primary never held such a prepare.
type CommitRecord struct {
	Txn     topo.TxnID
	Attempt topo.Attempt
	TS      topo.Timestamp
}

// Resolve makes an attempt's writes visible at TS, or drops them. It names its attempt: a resolve of an older attempt
// never touches a newer one's prepare. Answers ResultCommitted with the timestamp or ResultAborted (the first outcome, when
// repeated), or ResultMismatch for a commit of which the group knows nothing. Aborting an attempt whose prepare did not
// arrive forbids it.
type Resolve struct {
	Txn     topo.TxnID
	Attempt topo.Attempt
	Commit  bool
	// TS is the commit timestamp. Of an abort, it is any timestamp drawn after the attempt was met, as in Tombstone: where
	// the prepare did not arrive, the attempt stays forbidden until the horizon has passed it.
	TS topo.Timestamp
	// Final says that no further attempt follows: provisional intents are dropped too.
	Final bool
}

// Tombstone forbids the attempt in this group, unless its prepare has applied already (ResultPrepared, or
// ResultCommitted with the timestamp); then nothing changes. Answers ResultAborted when the attempt is forbidden, and
// ResultHorizon when nothing is known of it and TS is not above the horizon: its outcome may have been forgotten.
type Tombstone struct {
	Txn     topo.TxnID
	Attempt topo.Attempt
	// TS is any timestamp drawn after the attempt was met (so at least its StartTS): the horizon must pass it before the
	// tombstone may be forgotten. Zero means the highest timestamp that the group has applied.
	TS topo.Timestamp
}

// Forget drops outcomes once all participants have resolved them; the state keeps them until the horizon passes them. It
// goes to every participant of an attempt, and to every group with a tombstone of it. One-phase commits need none. An
// attempt that is still prepared here is passed over, and answered with ResultPrepared.
type Forget struct{ Attempts []AttemptID }

// AttemptID names one try of one transaction.
type AttemptID struct {
	Txn     topo.TxnID
	Attempt topo.Attempt
}

// FencePhase is a step of a schema change.
type FencePhase uint8

// The phases: Raise stops prepares of other versions; Open admits the new version; Lower restores the old one.
const (
	FenceRaise FencePhase = iota + 1
	FenceOpen
	FenceLower
)

// Fence moves tables between schema versions. It names the transaction of its DDL, so that anyone who meets a raised
// fence can look up that transaction's outcome and open or lower it. A Raise answers ResultFenced when another's fence is
// up, ResultVersion when a table is at that version already (a late copy), and ResultPending while another's prepare that
// touches the tables is pending: the fence is up then, but what was prepared before it may yet commit, so the DDL resolves
// the pending one and raises again until it gets ResultOK.
type Fence struct {
	Txn     topo.TxnID
	Attempt topo.Attempt
	Primary topo.GroupID
	Phase   FencePhase
	Tables  []topo.TableVersion // the version to admit once open
}

// Lease makes Holder the leaseholder of epoch Epoch (always the state's epoch + 1). AfterIndex is the log index of the
// last old-epoch entry that the successor had applied when its wait began; apply refuses the lease if a later one exists.
type Lease struct {
	Epoch       topo.LeaseEpoch
	Holder      topo.NodeID
	Incarnation uint64 // the holder's process, so that a restarted node is a successor of itself
	AfterIndex  uint64
}

// Release gives the lease up: it ends the epoch that it was proposed under. Apply refuses what comes after it under that
// epoch, and whoever logs the next epoch need not wait. It is refused like any command of an epoch that is over
// (ResultStaleEpoch), when repeated too. What it carries stays in the state until the next epoch begins.
type Release struct {
	// ReadTS is at or above every read that holders up to this one served; 0 when the holder does not know.
	ReadTS topo.Timestamp
	// Locks are row locks that transactions still hold. They are hints: some may be missing.
	Locks []HeldLock
}

// HeldLock is a row lock that moves with the lease.
type HeldLock struct {
	Txn  topo.TxnID
	Mode lock.Mode
	Key  []byte
}

// Horizon raises the timestamp below which old versions, outcomes and marks may be dropped. It never falls.
type Horizon struct{ TS topo.Timestamp }

// Sequence logs the state of a sequence ahead of what was handed out. Apply keeps the value as is.
type Sequence struct {
	ID       topo.StorageID
	Last     int64
	IsCalled bool
	Drop     bool
}

// Ingest writes committed entries of a storage that no published table names yet (an index backfill). With Unique set, a
// key that exists with another value is refused (ResultDuplicate with its position) and nothing is written.
type Ingest struct {
	TS      topo.Timestamp
	Unique  bool
	Entries []Entry
}

// Entry is a key and its value.
type Entry struct{ Key, Value []byte }

// DropStorage deletes all entries of storages that no published table names any more.
type DropStorage struct{ IDs []topo.StorageID }

// Upgrade raises the cluster version, once every node runs a binary that knows it. It never falls.
type Upgrade struct{ Version uint8 }

// ResultCode is what apply answered.
type ResultCode uint8

// The result codes.
const (
	ResultOK          ResultCode = iota + 1 // applied (again, or for the first time)
	ResultPrepared                          // prepared: TS is this group's minimum
	ResultCommitted                         // committed at TS
	ResultAborted                           // the attempt has a tombstone, or was resolved as aborted
	ResultConflict                          // Item's seen version is not the latest: a lock was lost, or a serialization failure
	ResultPending                           // Item meets another transaction's pending prepare: Other, OtherAttempt, OtherPrimary
	ResultShared                            // an ItemExclusive met a newer share_ts, or F is below the horizon: scan the children again
	ResultVersion                           // a table version is not admitted: Table
	ResultFenced                            // a table is fenced by Other's DDL: Table
	ResultStaleEpoch                        // the proposer's lease epoch is over
	ResultHorizon                           // the command starts below the horizon
	ResultMismatch                          // provisional intents do not add up
	ResultDuplicate                         // Ingest met an existing key: Item is its position
	ResultUnsupported                       // the command's format is newer than the logged cluster version
)

// Result is apply's answer to one command.
type Result struct {
	Code         ResultCode
	TS           topo.Timestamp
	Item         int // position in Prepare.Items or Ingest.Entries; -1 for a provisional operation
	Table        topo.TableID
	Other        topo.TxnID
	OtherAttempt topo.Attempt
	OtherPrimary topo.GroupID
}
