package group

import _ "unsafe" // for go:linkname

// How many entries raft makes room for whenever all that it had in memory were applied, and how few may be left before it
// makes room again. Its own settings are 512 and 96: 40 KB to be cleared and collected for each proposal of a group that
// has one batch on its way at a time, which was two thirds of all memory that a node allocated under single-row commits.
// Where more entries are on their way, the room grows with them.
//
// They can be set by a file in the working directory only (dragonboat-soft-settings.json), so they are set where raft keeps
// them. TestRaftMakesRoomForFewEntries fails when they are no longer there.
//
//go:linkname raftEntrySlice github.com/lni/dragonboat/v4/internal/raft.entrySliceSize
var raftEntrySlice uint64

//go:linkname raftMinEntrySlice github.com/lni/dragonboat/v4/internal/raft.minEntrySliceSize
var raftMinEntrySlice uint64

func init() { raftEntrySlice, raftMinEntrySlice = 16, 4 }
