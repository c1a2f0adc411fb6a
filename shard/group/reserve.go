package group

import (
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A full disk makes dragonboat panic, and with it the process. So new writes are refused while there is less free space
// than minFree, and a file of reserved blocks is given up when it gets scarcer still, so that what must go on (resolves,
// leases, flushes, the log's own compaction) has room. Reads need no space. When space returns the reserve is made again
// first, and then writes are let in.

// diskReserve watches the free space of one directory.
type diskReserve struct {
	dir     string
	size    int64 // of the reserve file
	minFree int64 // writes are refused below it
	log     *slog.Logger
	// free returns the bytes available to this process; a test replaces it.
	free func(dir string) (int64, error)

	full    atomic.Bool
	written atomic.Int64 // bytes proposed since the last check
	mu      sync.Mutex
	have    bool // the reserve file holds its blocks
}

func newDiskReserve(dir string, size, minFree int64, log *slog.Logger) *diskReserve {
	return &diskReserve{dir: dir, size: size, minFree: minFree, log: log, free: statfsFree}
}

func statfsFree(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// admit reports whether n more bytes may be proposed.
func (d *diskReserve) admit(n int) bool {
	if d.full.Load() {
		return false
	}
	if d.written.Add(int64(n)) > d.minFree/8 {
		d.check()
		return !d.full.Load()
	}
	return true
}

// check looks at the free space and opens or shuts the gate.
func (d *diskReserve) check() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.written.Store(0)
	free, err := d.free(d.dir)
	if err != nil {
		d.log.Error("cannot read the free disk space", "dir", d.dir, "error", err)
		return
	}
	was := d.full.Load()
	switch {
	case free < d.minFree:
		d.full.Store(true)
		if !was {
			d.log.Error("disk nearly full: writes are refused", "dir", d.dir, "free_bytes", free, "min_free_bytes", d.minFree)
		}
		if free < d.minFree/2 && d.have {
			d.giveUp()
		}
	case was && free < d.minFree+d.minFree/4+d.missing():
		// Not enough yet to be out of danger: do not flap.
	default:
		if !d.have && !d.make() {
			return
		}
		d.full.Store(false)
		if was {
			d.log.Info("disk has space again: writes are accepted", "dir", d.dir, "free_bytes", free)
		}
	}
}

func (d *diskReserve) missing() int64 {
	if d.have {
		return 0
	}
	return d.size
}

func (d *diskReserve) make() bool {
	f, err := os.OpenFile(filepath.Join(d.dir, reserveFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		defer f.Close()
		err = unix.Fallocate(int(f.Fd()), 0, 0, d.size)
		if err == unix.EOPNOTSUPP {
			err = nil // the file system reserves nothing; minFree has to do
		}
	}
	if err != nil {
		d.log.Error("cannot reserve disk space", "dir", d.dir, "bytes", d.size, "error", err)
		d.full.Store(true)
		return false
	}
	d.have = true
	return true
}

func (d *diskReserve) giveUp() {
	if err := os.Remove(filepath.Join(d.dir, reserveFile)); err != nil {
		d.log.Error("cannot give up the disk reserve", "error", err)
		return
	}
	d.have = false
	d.log.Warn("gave up the disk reserve", "bytes", d.size)
}
