package testenv

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Network joins network namespaces, each with one node of a cluster, and the host with the clients. Every namespace has a
// TUN device whose other end is in the test process: it passes the packets on, so it can cut any direction of any link,
// delay packets and lose some, on any kernel that has TUN devices.
//
// Namespaces and devices carry the test process's id in their names. Devices end with the process; namespaces of processes
// that are no more are removed when the next Network is made.
type Network struct {
	prefix netip.Addr // of a /24: .1 is the host
	ports  []*port

	mu     sync.RWMutex
	links  map[[2]int]Link
	closed bool
	wg     sync.WaitGroup
}

// Link is what happens to packets on their way from one end to another.
type Link struct {
	Cut   bool
	Delay time.Duration
	Loss  float64 // 0 to 1
}

// Host is the host's end of links; nodes' ends are their node ids.
const Host = 0

// port is one end: the host, or a namespace.
type port struct {
	namespace string // empty: the host
	device    *os.File
	name      string
}

const networkPassword = "between namespaces"

// ErrNoNetwork says why this process cannot make a Network: it takes root and TUN devices.
var ErrNoNetwork = errors.New("network namespaces are not available")

var networks struct {
	sync.Mutex
	count int
}

// NewNetwork makes a network of the host and no node yet.
func NewNetwork() (*Network, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: this is not root", ErrNoNetwork)
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoNetwork, err)
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoNetwork, err)
	}
	removeStale()
	networks.Lock()
	networks.count++
	n := networks.count
	networks.Unlock()
	// Subnets of processes that run at the same time differ with their ids.
	id := os.Getpid()*8 + n%8
	net := &Network{prefix: netip.AddrFrom4([4]byte{10, byte(64 + id>>8%128), byte(id), 0}), links: map[[2]int]Link{}}
	if err := net.add(""); err != nil {
		net.Close()
		return nil, fmt.Errorf("%w: %w", ErrNoNetwork, err)
	}
	return net, nil
}

const namespacePrefix = "pgmqdb-"

// removeStale removes the namespaces of test processes that are no more.
func removeStale() {
	names, _ := filepath.Glob("/run/netns/" + namespacePrefix + "*")
	for _, path := range names {
		name := filepath.Base(path)
		pid, _, _ := strings.Cut(strings.TrimPrefix(name, namespacePrefix), "-")
		if _, err := os.Stat("/proc/" + pid); os.IsNotExist(err) {
			_ = ip("netns", "del", name)
		}
	}
}

func ip(args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

func (n *Network) address(end int) netip.Addr {
	a := n.prefix.As4()
	a[3] = byte(end + 1)
	return netip.AddrFrom4(a)
}

// add makes the next end, in a namespace if that is named.
func (n *Network) add(namespace string) error {
	end := len(n.ports)
	a := n.prefix.As4()
	p := &port{namespace: namespace, name: fmt.Sprintf("pg%d.%d.%d", a[1], a[2], end)}
	if namespace != "" {
		if err := ip("netns", "add", namespace); err != nil {
			return err
		}
	}
	n.mu.Lock()
	n.ports = append(n.ports, p)
	n.mu.Unlock()
	device, err := openTUN(p.name)
	if err != nil {
		return err
	}
	n.mu.Lock()
	p.device = device
	n.mu.Unlock()
	run := ip
	if namespace != "" {
		if err := ip("link", "set", p.name, "netns", namespace); err != nil {
			return err
		}
		run = func(args ...string) error { return ip(append([]string{"-n", namespace}, args...)...) }
		if err := run("link", "set", "lo", "up"); err != nil {
			return err
		}
	}
	if err := run("addr", "add", n.address(end).String()+"/24", "dev", p.name); err != nil {
		return err
	}
	if err := run("link", "set", p.name, "up"); err != nil {
		return err
	}
	n.wg.Add(1)
	go func() { defer n.wg.Done(); n.forward(end, device) }()
	return nil
}

func openTUN(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("making the device %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// forward passes on what an end sends, until its device is closed.
func (n *Network) forward(from int, device *os.File) {
	buf := make([]byte, 64<<10)
	for {
		size, err := device.Read(buf)
		if err != nil {
			if errors.Is(err, os.ErrClosed) {
				return
			}
			continue // the device is down
		}
		packet := buf[:size]
		if size < 20 || packet[0]>>4 != 4 {
			continue // not IPv4
		}
		base := n.prefix.As4()
		if binary.BigEndian.Uint32(packet[16:])>>8 != binary.BigEndian.Uint32(base[:])>>8 {
			continue
		}
		to := int(packet[19]) - 1
		n.mu.RLock()
		link := n.links[[2]int{from, to}]
		var out *os.File
		if to >= 0 && to < len(n.ports) && !n.closed {
			out = n.ports[to].device
		}
		n.mu.RUnlock()
		switch {
		case out == nil || link.Cut || link.Loss > 0 && rand.Float64() < link.Loss:
		case link.Delay > 0:
			late := append([]byte(nil), packet...)
			time.AfterFunc(link.Delay, func() { _, _ = out.Write(late) })
		default:
			_, _ = out.Write(packet)
		}
	}
}

// Set says what happens on the way from one end to another, in that direction alone.
func (n *Network) Set(from, to int, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links[[2]int{from, to}] = l
}

// SetBoth is Set for both directions.
func (n *Network) SetBoth(a, b int, l Link) {
	n.Set(a, b, l)
	n.Set(b, a, l)
}

// Isolate cuts all links between some nodes and all others; the host reaches all.
func (n *Network) Isolate(nodes ...int) {
	in := map[int]bool{}
	for _, x := range nodes {
		in[x] = true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for a := 1; a < len(n.ports); a++ {
		for b := 1; b < len(n.ports); b++ {
			if in[a] != in[b] {
				n.links[[2]int{a, b}] = Link{Cut: true}
			}
		}
	}
}

// Heal undoes every Set and Isolate.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.links)
}

// newServer makes a namespace and the node in it, which is not started yet.
func (n *Network) newServer(dir string, args []string) (*Server, error) {
	end := len(n.ports)
	namespace := namespacePrefix + strconv.Itoa(os.Getpid()) + "-" + n.prefix.String() + "-" + strconv.Itoa(end)
	if err := n.add(namespace); err != nil {
		return nil, err
	}
	s := &Server{Name: "pgmqdb", Host: n.address(end).String(), Port: 5432, Cluster: 5433, HTTP: 8432,
		Dir: filepath.Join(dir, "data"), namespace: namespace, password: networkPassword}
	s.arguments(args)
	return s, nil
}

// Close removes all devices and namespaces. The processes in them must have ended.
func (n *Network) Close() {
	n.mu.Lock()
	n.closed = true
	for _, p := range n.ports {
		if p.device != nil {
			p.device.Close()
		}
	}
	n.mu.Unlock()
	n.wg.Wait()
	for _, p := range n.ports {
		if p.namespace != "" {
			_ = ip("netns", "del", p.namespace)
		}
	}
}
