package rpc

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// silenceTimeout is how long what was sent to another node may stay without TCP's acknowledgement before the connection
// ends. By itself TCP would go on for many minutes, and the more rarely the longer nothing came: when a partition heals, it
// would try again only after about as long as that had lasted, and raft and calls would wait for it.
const silenceTimeout = 2 * time.Second

// endWhenSilent sets silenceTimeout on a socket. Accepted connections inherit it from the listening one.
func endWhenSilent(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silenceTimeout/time.Millisecond))
	}); e != nil {
		return e
	}
	return err
}
