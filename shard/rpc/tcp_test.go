package rpc

import (
	"context"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Both ends of a connection give it up when the other one does not acknowledge what was sent.
func TestConnectionsEndWhenSilent(t *testing.T) {
	m, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	dialed, err := Dial(ctx, m.Addr().String(), Raft, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dialed.Close()
	accepted, err := m.Raft().Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	for what, c := range map[string]net.Conn{"dialed": dialed, "accepted": accepted} {
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var ms int
		_ = raw.Control(func(fd uintptr) { ms, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) })
		if err != nil || time.Duration(ms)*time.Millisecond != silenceTimeout {
			t.Errorf("%s: %d ms, %v", what, ms, err)
		}
	}
}
