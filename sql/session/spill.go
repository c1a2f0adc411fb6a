package session

import (
	"github.com/pgmqdb/pgmqdb/planner/exec"
)

// openSpill gives the session its share of the node's temporary files.
func (s *Session) openSpill() {
	if s.node.Temp == nil {
		return
	}
	s.spill = &exec.TempSpace{Dir: s.node.Temp, Use: s.node.Temp.Use(s.start.Database), PID: s.start.PID}
	s.spill.Closed = func(path string, size int64) {
		if min := s.settings.LogTempFiles; min >= 0 && size >= min<<10 {
			s.log.Info("temporary file", "path", path, "size", size)
		}
	}
}

// memory bounds an execution's operators as the settings say.
func (s *Session) memory(c *exec.Context) {
	if s.spill == nil {
		return
	}
	s.spill.LimitKB = s.settings.TempFileLimit
	c.Temp, c.WorkMemBytes, c.HashMemMultiplier = s.spill, s.settings.WorkMem, s.settings.HashMemMultiplier
}

// storeMemory bounds what a cursor keeps in memory.
func (s *Session) storeMemory() int64 {
	if s.spill == nil {
		return 256 << 20
	}
	return s.settings.WorkMem
}
