package wire

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/xdg-go/scram"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/session"
)

// Codes in place of a protocol version in the first packet.
const (
	cancelRequestCode = 80877102
	sslRequestCode    = 80877103
	gssRequestCode    = 80877104
	protocol3         = 3
	maxStartupBytes   = 10000 // PostgreSQL's MAX_STARTUP_PACKET_LENGTH
)

// readStartupPacket reads the untyped first packet; the length word includes itself.
func readStartupPacket(r io.Reader) (code uint32, body []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := int64(binary.BigEndian.Uint32(head[:4]))
	if n < 8 || n > maxStartupBytes {
		return 0, nil, pgerr.Fatal(pgerr.ProtocolViolation, "invalid length of startup packet")
	}
	body = make([]byte, n-8)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, err
	}
	return binary.BigEndian.Uint32(head[4:]), body, nil
}

// startup runs everything before the first query. It returns false when the connection is done (a cancel request, a
// refused client, an error already sent).
func (c *conn) startup() bool {
	_ = c.nc.SetDeadline(time.Now().Add(startupTimeout))
	for {
		code, body, err := readStartupPacket(c.br)
		if err != nil {
			if e, ok := err.(*pgerr.Error); ok {
				c.fatal(e)
			}
			return false
		}
		switch code {
		case cancelRequestCode:
			if len(body) == 8 {
				c.srv.cancel(int32(binary.BigEndian.Uint32(body)), binary.BigEndian.Uint32(body[4:]))
			}
			return false
		case sslRequestCode:
			if !c.answerTLS() {
				return false
			}
		case gssRequestCode:
			if _, err := c.nc.Write([]byte{'N'}); err != nil {
				return false
			}
		default:
			return c.startSession(code, body)
		}
	}
}

// answerTLS upgrades the connection when certificates are configured. Bytes that were buffered ahead of the handshake
// could only have been injected by somebody in the middle, so they end the connection.
func (c *conn) answerTLS() bool {
	if c.srv.cfg.TLS == nil || c.tls {
		_, err := c.nc.Write([]byte{'N'})
		return err == nil
	}
	if c.br.Buffered() > 0 {
		c.fatal(pgerr.Fatal(pgerr.ProtocolViolation, "received unencrypted data after SSL request"))
		return false
	}
	if _, err := c.nc.Write([]byte{'S'}); err != nil {
		return false
	}
	tc := tls.Server(c.nc, c.srv.cfg.TLS)
	if err := tc.Handshake(); err != nil {
		c.srv.cfg.Log.Info("TLS handshake failed", "remote", c.nc.RemoteAddr().String(), "err", err)
		return false
	}
	c.setTransport(tc)
	c.tls = true
	return true
}

func (c *conn) setTransport(nc net.Conn) {
	c.nc = nc
	c.br = bufio.NewReaderSize(nc, 16<<10)
	c.be = pgproto3.NewBackend(c.br, nc)
	c.be.SetMaxBodyLen(maxBodyBeforeAuth)
}

// parseStartupParameters splits the null-terminated pairs of a StartupMessage.
func parseStartupParameters(body []byte) (map[string]string, error) {
	params := map[string]string{}
	bad := pgerr.Fatal(pgerr.ProtocolViolation, "invalid startup packet layout: expected terminator as last byte")
	for len(body) > 1 {
		k := strings.IndexByte(string(body), 0)
		if k < 0 {
			return nil, bad
		}
		key := string(body[:k])
		body = body[k+1:]
		v := strings.IndexByte(string(body), 0)
		if v < 0 {
			return nil, bad
		}
		params[key] = string(body[:v])
		body = body[v+1:]
	}
	if len(body) != 1 || body[0] != 0 {
		return nil, bad
	}
	return params, nil
}

func (c *conn) startSession(code uint32, body []byte) bool {
	if code>>16 != protocol3 {
		c.fatal(pgerr.Fatal(pgerr.FeatureNotSupported, "unsupported frontend protocol %d.%d: server supports 3.0 to 3.0",
			code>>16, code&0xffff))
		return false
	}
	params, err := parseStartupParameters(body)
	if err != nil {
		c.fatal(pgerr.From(err))
		return false
	}
	c.negotiate(code&0xffff, params)
	user := params["user"]
	if user == "" {
		c.fatal(pgerr.Fatal(pgerr.InvalidAuthorizationSpecification,
			"no PostgreSQL user name specified in startup packet"))
		return false
	}
	if params["replication"] != "" && params["replication"] != "false" {
		c.fatal(pgerr.Fatal(pgerr.FeatureNotSupported, "replication connections are not supported"))
		return false
	}
	if err := c.srv.cfg.Ready(); err != nil {
		c.fatal(pgerr.From(err).Clone().WithSeverity("FATAL"))
		return false
	}
	if err := c.authenticate(user); err != nil {
		c.fatal(err)
		return false
	}
	return c.openSession(user, params)
}

// negotiate answers a newer minor version, or unknown _pq_ options, with what this server speaks.
func (c *conn) negotiate(minor uint32, params map[string]string) {
	var unknown []string
	for k := range params {
		if strings.HasPrefix(k, "_pq_.") {
			unknown = append(unknown, k)
			delete(params, k)
		}
	}
	if minor > 0 || len(unknown) > 0 {
		c.be.Send(&pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: 0, UnrecognizedOptions: unknown})
	}
}

func (c *conn) openSession(user string, params map[string]string) bool {
	database := params["database"]
	if database == "" {
		database = user
	}
	if !c.srv.cfg.DatabaseExists(database) {
		c.fatal(pgerr.Fatal(pgerr.InvalidCatalogName, "database \"%s\" does not exist", database))
		return false
	}
	if !c.srv.register(c) {
		c.fatal(pgerr.Fatal(pgerr.TooManyConnections, "sorry, too many clients already"))
		return false
	}
	delete(params, "user")
	delete(params, "database")
	delete(params, "replication")
	settings := map[string]string{}
	for k, v := range params {
		if k == "options" {
			for name, value := range parseOptions(v) {
				settings[name] = value
			}
			continue
		}
		settings[k] = v
	}
	c.be.Send(&pgproto3.AuthenticationOk{})
	sess, err := c.srv.cfg.NewSession(c, session.Startup{User: user, Database: database, PID: c.pid, Settings: settings,
		Remote: c.nc.RemoteAddr().String(), Local: c.nc.LocalAddr().String(), TLS: c.tls})
	if err != nil {
		c.srv.unregister(c)
		c.fatal(pgerr.From(err).Clone().WithSeverity("FATAL"))
		return false
	}
	c.srv.mu.Lock()
	c.sess = sess
	c.srv.mu.Unlock()
	c.be.SetMaxBodyLen(maxBody)
	_ = c.nc.SetDeadline(time.Time{})
	c.be.Send(&pgproto3.BackendKeyData{ProcessID: uint32(c.pid), SecretKey: binary.BigEndian.AppendUint32(nil, c.secret)})
	return true
}

// parseOptions reads the command-line form that libpq's options= carries: -c name=value and --name=value.
func parseOptions(s string) map[string]string {
	out := map[string]string{}
	fields := strings.Fields(s)
	for i := 0; i < len(fields); i++ {
		f := fields[i]
		switch {
		case f == "-c" && i+1 < len(fields):
			i++
			f = fields[i]
		case strings.HasPrefix(f, "-c"):
			f = f[2:]
		case strings.HasPrefix(f, "--"):
			f = strings.ReplaceAll(f[2:], "-", "_")
		default:
			continue
		}
		if k, v, ok := strings.Cut(f, "="); ok {
			out[k] = v
		}
	}
	return out
}

// authenticate proves the user. It answers with the same message whether the role or the password is wrong.
func (c *conn) authenticate(user string) *pgerr.Error {
	role := c.srv.cfg.Role(user)
	if c.srv.cfg.Auth == SCRAM {
		if err := c.authenticateSCRAM(user, role); err != nil {
			return err
		}
	}
	if role == nil {
		return pgerr.Fatal(pgerr.InvalidAuthorizationSpecification, "role \"%s\" does not exist", user)
	}
	if !role.Login {
		return pgerr.Fatal(pgerr.InvalidAuthorizationSpecification, "role \"%s\" is not permitted to log in", user)
	}
	return nil
}

const scramMechanism = "SCRAM-SHA-256"

func (c *conn) authenticateSCRAM(user string, role *catalog.Role) *pgerr.Error {
	failed := pgerr.Fatal(pgerr.InvalidPassword, "password authentication failed for user \"%s\"", user)
	server, err := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) {
		if role == nil {
			return scram.StoredCredentials{}, fmt.Errorf("no such role")
		}
		if role.PasswordExpired(time.Now()) {
			return scram.StoredCredentials{}, fmt.Errorf("the password has expired")
		}
		return parseVerifier(role.Password)
	})
	if err != nil {
		return failed
	}
	conv := server.NewConversation()
	c.be.Send(&pgproto3.AuthenticationSASL{AuthMechanisms: []string{scramMechanism}})
	if c.be.Flush() != nil || c.be.SetAuthType(pgproto3.AuthTypeSASL) != nil {
		return failed
	}
	msg, err := c.be.Receive()
	if err != nil {
		return failed
	}
	first, ok := msg.(*pgproto3.SASLInitialResponse)
	if !ok || first.AuthMechanism != scramMechanism {
		return pgerr.Fatal(pgerr.ProtocolViolation, "client selected an invalid SASL authentication mechanism")
	}
	challenge, err := conv.Step(string(first.Data))
	if err != nil {
		return failed
	}
	c.be.Send(&pgproto3.AuthenticationSASLContinue{Data: []byte(challenge)})
	if c.be.Flush() != nil || c.be.SetAuthType(pgproto3.AuthTypeSASLContinue) != nil {
		return failed
	}
	msg, err = c.be.Receive()
	if err != nil {
		return failed
	}
	second, ok := msg.(*pgproto3.SASLResponse)
	if !ok {
		return pgerr.Fatal(pgerr.ProtocolViolation, "expected SASL response, got another message")
	}
	final, err := conv.Step(string(second.Data))
	if err != nil || !conv.Valid() {
		return failed
	}
	c.be.Send(&pgproto3.AuthenticationSASLFinal{Data: []byte(final)})
	return nil
}

// parseVerifier reads PostgreSQL's stored form, SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey.
func parseVerifier(v string) (scram.StoredCredentials, error) {
	var creds scram.StoredCredentials
	bad := fmt.Errorf("no SCRAM verifier")
	parts := strings.Split(v, "$")
	if len(parts) != 3 || parts[0] != scramMechanism {
		return creds, bad
	}
	iters, salt, ok1 := strings.Cut(parts[1], ":")
	stored, serverKey, ok2 := strings.Cut(parts[2], ":")
	n, err := strconv.Atoi(iters)
	if !ok1 || !ok2 || err != nil {
		return creds, bad
	}
	rawSalt, err1 := base64.StdEncoding.DecodeString(salt)
	rawStored, err2 := base64.StdEncoding.DecodeString(stored)
	rawServer, err3 := base64.StdEncoding.DecodeString(serverKey)
	if err1 != nil || err2 != nil || err3 != nil {
		return creds, bad
	}
	creds.KeyFactors = scram.KeyFactors{Salt: string(rawSalt), Iters: n}
	creds.StoredKey, creds.ServerKey = rawStored, rawServer
	return creds, nil
}
