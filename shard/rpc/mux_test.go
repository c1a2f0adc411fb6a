package rpc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestOnlyNodesWithACertificateGetIn(t *testing.T) {
	ca, caKey := certificate(t, "ca", nil, nil)
	leaf, key := certificate(t, "node", ca, caKey)
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	conf := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}}, RootCAs: pool,
		ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13}
	n := &node{echo: &echo{}}
	stop, at := start(t, n, "127.0.0.1:0", conf)
	defer stop()
	ask := func(c *tls.Config) error {
		cl := NewClient(ClientConfig{TLS: c})
		defer cl.Close()
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		_, err := cl.Call(short, at, "m", nil)
		return err
	}
	refused := func(who string, at string, c *tls.Config, why string) {
		t.Helper()
		if ask(c) == nil && c != conf {
			t.Errorf("%s got in", who)
		}
		conn, err := Dial(ctx, at, Raft, c)
		if err == nil {
			conn.Close()
		}
		var e *TrustError
		if !errors.As(err, &e) || !strings.Contains(e.Reason, why) {
			t.Errorf("%s: got %v, want %q", who, err, why)
		}
	}
	if err := ask(conf); err != nil {
		t.Errorf("a node: %v", err)
	}
	refused("plain text", at, nil, "demands a certificate")
	refused("no certificate", at, &tls.Config{RootCAs: pool}, "refuses this node's certificate: tls: certificate required")
	stopPlain, plainAt := start(t, n, "127.0.0.1:0", nil)
	defer stopPlain()
	refused("TLS towards plain text", plainAt, conf, "does not use certificates")
	otherCA, otherKey := certificate(t, "other ca", nil, nil)
	stranger, strangerKey := certificate(t, "node", otherCA, otherKey)
	// A client shows a certificate only when it is of an authority that the server names: this one shows it anyway.
	shown := tls.Certificate{Certificate: [][]byte{stranger.Raw}, PrivateKey: strangerKey}
	refused("a stranger", at, &tls.Config{RootCAs: pool, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &shown, nil
	}}, "refuses this node's certificate")
	refused("a stranger", at, &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{shown}}, "refuses this node's certificate")
	otherPool := x509.NewCertPool()
	otherPool.AddCert(otherCA)
	wrong := conf.Clone()
	wrong.RootCAs = otherPool
	refused("a server that is not trusted", at, wrong, "is not trusted: x509: certificate signed by unknown authority")
}

func certificate(t *testing.T, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: parent == nil, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if parent == nil {
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out, key
}

// Connections that say nothing, or nonsense, hold up nobody, not even when there are more of them than are waited for.
func TestTheMuxDoesNotWaitForSilentDialers(t *testing.T) {
	t.Parallel()
	n, c, at := pair(t)
	n.answer = &GetResponse{}
	var conns []net.Conn
	for i := range 2 * maxGreeting {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns = append(conns, conn)
		switch i % 4 {
		case 0:
			_, _ = conn.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		case 1:
			_, _ = conn.Write([]byte("PG"))
		}
	}
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if _, err := c.Group(at, 7).Get(short, &GetRequest{}); err != nil {
		t.Fatal(err)
	}
	for i, conn := range conns {
		_ = conn.SetReadDeadline(time.Now().Add(2 * prefaceTimeout))
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) || err == nil {
			t.Fatalf("dialer %d is still connected: %v", i, err)
		}
	}
}

// The two kinds share an address, and neither's end is the other's.
func TestTheMuxYieldsEachKindToItsListener(t *testing.T) {
	m, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	talk := func(kind Kind, l net.Listener) {
		t.Helper()
		// The dialer comes first: what is accepted late is not lost.
		c, err := Dial(ctx, m.Addr().String(), kind, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte(kind[3:] + kind[:3])); err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		b := make([]byte, 4)
		if _, err := io.ReadFull(s, b); err != nil || Kind(b) != kind[3:]+kind[:3] {
			t.Errorf("%s: came %q, %v", kind, b, err)
		}
	}
	talk(Raft, m.Raft())
	talk(Calls, m.Calls())
	m.Calls().Close()
	if _, err := m.Calls().Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed half accepts: %v", err)
	}
	talk(Raft, m.Raft())
	late, err := Dial(ctx, m.Addr().String(), Calls, nil)
	if err == nil {
		_ = late.SetReadDeadline(time.Now().Add(time.Second))
		if _, err = late.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) || err == nil {
			t.Errorf("a connection that nobody will accept stays: %v", err)
		}
		late.Close()
	}
	m.Close()
	if _, err := m.Raft().Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed mux accepts: %v", err)
	}
	if _, err := Dial(ctx, m.Addr().String(), Raft, nil); err == nil {
		t.Error("a closed mux is reached")
	}
}
