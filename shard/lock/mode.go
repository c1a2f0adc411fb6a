package lock

// Mode is one of PostgreSQL's four row-lock strengths. The zero Mode locks nothing.
type Mode uint8

// The row-lock modes, weakest first.
const (
	None        Mode = iota
	KeyShare         // SELECT FOR KEY SHARE; a foreign-key check on the referenced key
	Share            // SELECT FOR SHARE
	NoKeyUpdate      // UPDATE that changes no key that a foreign key references
	Update           // DELETE, key-changing UPDATE, INSERT of a new key, SELECT FOR UPDATE
)

// WaitPolicy says what a request does when its lock is held by others.
type WaitPolicy uint8

// The wait policies of SELECT … FOR UPDATE.
const (
	Wait       WaitPolicy = iota // queue until granted, bounded by lock_timeout
	NoWait                       // fail at once
	SkipLocked                   // report the key as skipped
	// WaitIfExists queues only for a key that has a committed version; one that another transaction is about to insert is
	// reported as skipped. A foreign-key check does not wait for a parent that nobody can see yet.
	WaitIfExists
	// Probe waits as Wait does, and then keeps nothing: it only looks whether those who hold the key let it stand.
	Probe
)
