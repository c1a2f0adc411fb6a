package lock

import "fmt"

// ModeSet is a set of modes: bit m stands for Mode m.
type ModeSet uint16

// Has reports whether the set contains m.
func (s ModeSet) Has(m Mode) bool { return s&(1<<m) != 0 }

// SetOf returns the set of the modes given.
func SetOf(modes ...Mode) ModeSet {
	var s ModeSet
	for _, m := range modes {
		s |= 1 << m
	}
	return s
}

// maxMode is the highest Mode that any class uses.
const maxMode = 8

// Class is a family of locks: its modes, which of them conflict, and whether one owner's requests are counted.
type Class struct {
	Name string
	// Conflicts[m] has every mode that another owner may not hold beside m. The relation is symmetric.
	Conflicts [maxMode + 1]ModeSet
	// Modes[m] is the name of m that pg_locks shows.
	Modes [maxMode + 1]string
	// Counted makes a mode released only when it was released as often as it was acquired.
	Counted bool
}

func (m Mode) String() string {
	switch m {
	case None:
		return "none"
	case KeyShare:
		return "FOR KEY SHARE"
	case Share:
		return "FOR SHARE"
	case NoKeyUpdate:
		return "FOR NO KEY UPDATE"
	case Update:
		return "FOR UPDATE"
	}
	return fmt.Sprintf("mode %d", uint8(m))
}

// The table-lock modes, as LOCK TABLE names them, weakest first.
const (
	AccessShareLock          Mode = iota + 1 // SELECT
	RowShareLock                             // SELECT FOR UPDATE/SHARE
	RowExclusiveLock                         // INSERT, UPDATE, DELETE
	ShareUpdateExclusiveLock                 // ANALYZE, CREATE INDEX CONCURRENTLY
	ShareLock                                // CREATE INDEX
	ShareRowExclusiveLock                    // ADD FOREIGN KEY, CREATE TRIGGER
	ExclusiveLock                            // LOCK TABLE … IN EXCLUSIVE MODE
	AccessExclusiveLock                      // DROP, TRUNCATE, most ALTERs, LOCK TABLE
)

// The advisory-lock modes. One session's session-level and transaction-level locks never conflict with each other; they
// are separate modes so that the end of a transaction can release its own alone (see AdvisoryTransaction).
const (
	AdvisorySharedSession Mode = iota + 1
	AdvisoryExclusiveSession
	AdvisorySharedTransaction
	AdvisoryExclusiveTransaction
)

// AdvisorySession and AdvisoryTransaction are the modes that pg_advisory_unlock_all and the end of a transaction release.
const (
	AdvisorySession     ModeSet = 1<<AdvisorySharedSession | 1<<AdvisoryExclusiveSession
	AdvisoryTransaction ModeSet = 1<<AdvisorySharedTransaction | 1<<AdvisoryExclusiveTransaction
)

// rows has PostgreSQL's row-level lock conflicts (Table 13.3).
var rows = Class{
	Name: "tuple",
	Conflicts: [maxMode + 1]ModeSet{
		KeyShare:    SetOf(Update),
		Share:       SetOf(NoKeyUpdate, Update),
		NoKeyUpdate: SetOf(Share, NoKeyUpdate, Update),
		Update:      SetOf(KeyShare, Share, NoKeyUpdate, Update),
	},
	Modes: [maxMode + 1]string{KeyShare: "AccessShareLock", Share: "RowShareLock", NoKeyUpdate: "ExclusiveLock",
		Update: "AccessExclusiveLock"},
}

// tables has PostgreSQL's table-level lock conflicts (Table 13.2).
var tables = Class{
	Name:    "relation",
	Counted: true,
	Conflicts: [maxMode + 1]ModeSet{
		AccessShareLock:  SetOf(AccessExclusiveLock),
		RowShareLock:     SetOf(ExclusiveLock, AccessExclusiveLock),
		RowExclusiveLock: SetOf(ShareLock, ShareRowExclusiveLock, ExclusiveLock, AccessExclusiveLock),
		ShareUpdateExclusiveLock: SetOf(ShareUpdateExclusiveLock, ShareLock, ShareRowExclusiveLock, ExclusiveLock,
			AccessExclusiveLock),
		ShareLock: SetOf(RowExclusiveLock, ShareUpdateExclusiveLock, ShareRowExclusiveLock, ExclusiveLock,
			AccessExclusiveLock),
		ShareRowExclusiveLock: SetOf(RowExclusiveLock, ShareUpdateExclusiveLock, ShareLock, ShareRowExclusiveLock,
			ExclusiveLock, AccessExclusiveLock),
		ExclusiveLock: SetOf(RowShareLock, RowExclusiveLock, ShareUpdateExclusiveLock, ShareLock, ShareRowExclusiveLock,
			ExclusiveLock, AccessExclusiveLock),
		AccessExclusiveLock: SetOf(AccessShareLock, RowShareLock, RowExclusiveLock, ShareUpdateExclusiveLock, ShareLock,
			ShareRowExclusiveLock, ExclusiveLock, AccessExclusiveLock),
	},
	Modes: [maxMode + 1]string{AccessShareLock: "AccessShareLock", RowShareLock: "RowShareLock",
		RowExclusiveLock: "RowExclusiveLock", ShareUpdateExclusiveLock: "ShareUpdateExclusiveLock",
		ShareLock: "ShareLock", ShareRowExclusiveLock: "ShareRowExclusiveLock", ExclusiveLock: "ExclusiveLock",
		AccessExclusiveLock: "AccessExclusiveLock"},
}

// advisory: exclusive conflicts with everything of another session, at either level.
var advisory = Class{
	Name:    "advisory",
	Counted: true,
	Conflicts: [maxMode + 1]ModeSet{
		AdvisorySharedSession:        SetOf(AdvisoryExclusiveSession, AdvisoryExclusiveTransaction),
		AdvisorySharedTransaction:    SetOf(AdvisoryExclusiveSession, AdvisoryExclusiveTransaction),
		AdvisoryExclusiveSession:     AdvisorySession | AdvisoryTransaction,
		AdvisoryExclusiveTransaction: AdvisorySession | AdvisoryTransaction,
	},
	Modes: [maxMode + 1]string{AdvisorySharedSession: "ShareLock", AdvisoryExclusiveSession: "ExclusiveLock",
		AdvisorySharedTransaction: "ShareLock", AdvisoryExclusiveTransaction: "ExclusiveLock"},
}

// NewRows returns a manager of row locks, keyed by stored key. A nil graph detects no deadlocks.
func NewRows(graph WaitGraph) *Manager { return New(rows, graph) }

// NewTables returns a manager of table locks; see TableKey.
func NewTables(graph WaitGraph) *Manager { return New(tables, graph) }

// NewAdvisory returns a manager of advisory locks; see AdvisoryKey. The owner of both levels is the session.
func NewAdvisory(graph WaitGraph) *Manager { return New(advisory, graph) }
