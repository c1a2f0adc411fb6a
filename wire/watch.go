package wire

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// watchPeriod is how often the server looks for statements whose connection is to be checked; intervals shorter than it
// take it.
const watchPeriod = 250 * time.Millisecond

// watch ends sessions whose client has gone while a statement runs (client_connection_check_interval). A session that
// waits for a message sees the end of its connection by itself.
func (s *Server) watch() {
	tick := time.NewTicker(watchPeriod)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case now := <-tick.C:
			s.mu.Lock()
			for _, c := range s.sessions {
				if c.sess != nil && c.checkDue(now) && c.peerGone() {
					c.sess.ConnectionLost()
				}
			}
			s.mu.Unlock()
		}
	}
}

// checkDue reports whether a statement runs and the connection was not looked at for the session's interval.
func (c *conn) checkDue(now time.Time) bool {
	began, interval := c.sess.ConnectionCheck()
	if began.IsZero() || interval == 0 {
		return false
	}
	if c.checked.Before(began) {
		c.checked = began
	}
	if now.Sub(c.checked) < interval {
		return false
	}
	c.checked = now
	return true
}

// peerGone reports whether the client has closed its end of the socket or the connection broke. Bytes that it sent before
// do not hide that.
func (c *conn) peerGone() bool {
	tc, ok := c.socket.(*net.TCPConn)
	if !ok {
		return false
	}
	raw, err := tc.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(p, 0)
		gone = err == nil && n > 0 && p[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
	})
	return gone || err != nil
}
