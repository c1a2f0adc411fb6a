package exec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Operators that meet more rows than fit into their memory (work_mem, for hash tables times hash_mem_multiplier) put them
// into temporary files:
//
//	sort             sorted runs, merged at the end                                 sorter.go
//	hash join        both sides, parted by hash; parts are joined one by one        partition.go, hashjoin.go
//	aggregate        rows of groups that the full table has not, parted by hash     aggregate.go
//	DISTINCT, sets   likewise                                                       distinct.go, setop.go
//	ordered          their rows, sorted by group and then by the order              aggsorted.go
//	aggregates
//	recursive UNION  the rows known, parted by hash                                 knownrows.go
//	rows read again  CTEs, cursors, work tables, partitions of windows, the right   rowstore.go
//	                 side of a nested loop
//
// Nothing of this is paid for where the rows fit: the first file is made when the first byte has to go there. The files
// are in one directory below the data directory, named as PostgreSQL names them. They go with their operator, at the
// latest with the execution or the cursor that they belong to; what a killed process leaves is removed when the next one
// starts.

// TempDir is where a node's temporary files are.
type TempDir struct {
	Path string
	// Full reports that the disk has no room for temporary files any more, though there may be some for other things.
	Full func() bool

	mu  sync.Mutex
	use map[string]*TempUse // by database
}

// TempUse counts what a database's sessions wrote since the start.
type TempUse struct{ Files, Bytes atomic.Int64 }

// Use returns the counters of a database.
func (d *TempDir) Use(database string) *TempUse {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.use[database]
	if u == nil {
		u = &TempUse{}
		d.use[database] = u
	}
	return u
}

// OpenTempDir makes the directory, empty.
func OpenTempDir(path string) (*TempDir, error) {
	if err := os.RemoveAll(path); err != nil {
		return nil, err
	}
	return &TempDir{Path: path, use: map[string]*TempUse{}}, os.MkdirAll(path, 0o700)
}

// TempSpace is a session's share of the temporary files.
type TempSpace struct {
	Dir *TempDir
	Use *TempUse
	PID int32
	// LimitKB is temp_file_limit: how much the session may have in files at a time; negative: no limit.
	LimitKB int64
	// Closed is told of each file when it goes (log_temp_files); nil: nobody is.
	Closed func(path string, size int64)

	used   atomic.Int64
	serial atomic.Int64
}

// spillFile is a temporary file of blocks. Any number of streams share it; blocks are appended by one goroutine, and read
// by many.
type spillFile struct {
	space  *TempSpace
	path   string
	f      *os.File
	size   int64
	owner  *fileSet
	closed sync.Once
}

// fileSet is the open files of an execution or a cursor, which close with it at the latest.
type fileSet struct {
	mu    sync.Mutex
	files map[*spillFile]bool
}

// create makes a file.
func (s *fileSet) create(space *TempSpace) (*spillFile, error) {
	n := space.serial.Add(1)
	f := &spillFile{space: space, owner: s, path: filepath.Join(space.Dir.Path, fmt.Sprintf("pgsql_tmp%d.%d", space.PID, n-1))}
	var err error
	if f.f, err = os.OpenFile(f.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err != nil {
		return nil, fileError("create temporary file", f.path, err)
	}
	space.Use.Files.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		s.files = map[*spillFile]bool{}
	}
	s.files[f] = true
	return f, nil
}

// close closes and removes all files.
func (s *fileSet) close() {
	s.mu.Lock()
	files := s.files
	s.files = nil
	s.mu.Unlock()
	for f := range files {
		f.remove()
	}
}

// append writes a block and returns where it is.
func (f *spillFile) append(data []byte) (int64, error) {
	n, at := int64(len(data)), f.size
	if f.space.Dir.Full != nil && f.space.Dir.Full() {
		return 0, fileError("write to file", f.path, syscall.ENOSPC)
	}
	used := f.space.used.Add(n)
	f.size += n
	if limit := f.space.LimitKB; limit >= 0 && used > limit<<10 {
		return 0, pgerr.New(pgerr.ConfigurationLimitExceeded, "temporary file size exceeds temp_file_limit (%dkB)", limit)
	}
	f.space.Use.Bytes.Add(n)
	if _, err := f.f.WriteAt(data, at); err != nil {
		return 0, fileError("write to file", f.path, err)
	}
	return at, nil
}

// read fills data from a position.
func (f *spillFile) read(data []byte, at int64) error {
	if _, err := f.f.ReadAt(data, at); err != nil {
		return fileError("read file", f.path, err)
	}
	return nil
}

// remove closes the file and removes it; nil and a second time do nothing.
func (f *spillFile) remove() {
	if f == nil {
		return
	}
	f.closed.Do(func() {
		f.f.Close()
		os.Remove(f.path)
		f.space.used.Add(-f.size)
		if f.space.Closed != nil {
			f.space.Closed(f.path, f.size)
		}
		f.owner.mu.Lock()
		delete(f.owner.files, f)
		f.owner.mu.Unlock()
	})
}

// fileError words an error of the operating system as PostgreSQL does, with errcode_for_file_access's code.
func fileError(doing, path string, err error) error {
	code, text := pgerr.IoError, err.Error()
	var no syscall.Errno
	if errors.As(err, &no) {
		text = no.Error()
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		code = pgerr.DiskFull
		if no == syscall.ENOSPC {
			text = "No space left on device"
		}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		code = pgerr.InsufficientPrivilege
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		code = pgerr.InsufficientResources
	}
	return pgerr.New(code, "could not %s \"%s\": %s", doing, path, text)
}
