package session

import (
	"slices"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// LISTEN and NOTIFY. What a transaction notifies is kept until it has committed, then given to the listening sessions of
// this node at once and handed to Node.Notify for those of the other nodes, in the order in which this node's sessions
// committed. A session gets its notifications when it is idle or at the end of its transaction, as in PostgreSQL.
//
// A notification is lost if this node dies between the commit and its delivery, and for listeners on a node that cannot be
// reached until it is declared dead; it never comes twice.

// Notification is one NOTIFY.
type Notification struct {
	PID              int32 // of the session that sent it
	Channel, Payload string
	Database         catalog.Oid // in which it is heard
}

func (n *Notification) size() int64 { return int64(len(n.Channel)+len(n.Payload)) + 64 }

// NotificationSpace bounds, in bytes, what may wait for delivery to a session or a node; NOTIFY fails while it is used up.
const NotificationSpace = 64 << 20

// Bounds on the texts, PostgreSQL's NAMEDATALEN and NOTIFY_PAYLOAD_MAX_LENGTH.
const (
	maxChannelName = 64
	maxPayload     = 8000
)

// ErrNotificationSpace is NOTIFY's error while too much waits for delivery.
var ErrNotificationSpace = pgerr.New(pgerr.ProgramLimitExceeded, "too many notifications in the NOTIFY queue")

// listeners are the node's sessions that listen, by channel.
type listeners struct {
	mu   sync.Mutex
	by   map[string][]*Session
	most int64 // bytes that wait in the session with most of them, as of the last delivery
}

// inbox is what waits for a session.
type inbox struct {
	mu    sync.Mutex
	notes []Notification
	bytes int64
}

// Deliver gives notifications, in order, to the sessions of this node that listen. It refuses all of them while a listener
// has not taken what it was given.
func (n *Node) Deliver(notes []Notification) error {
	l := &n.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	l.most = 0
	for _, sessions := range l.by {
		for _, s := range sessions {
			s.inbox.mu.Lock()
			l.most = max(l.most, s.inbox.bytes)
			s.inbox.mu.Unlock()
		}
	}
	if l.most > NotificationSpace {
		return ErrNotificationSpace
	}
	var woken []*Session
	for _, note := range notes {
		for _, s := range l.by[note.Channel] {
			if s.database != note.Database {
				continue
			}
			s.inbox.mu.Lock()
			s.inbox.notes = append(s.inbox.notes, note)
			s.inbox.bytes += note.size()
			s.inbox.mu.Unlock()
			if !slices.Contains(woken, s) {
				woken = append(woken, s)
			}
		}
	}
	for _, s := range woken {
		s.client.Notified()
	}
	return nil
}

// full reports whether a listener of this node holds deliveries up.
func (l *listeners) full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.most > NotificationSpace
}

// usage is how much of the space the slowest listener of this node uses.
func (l *listeners) usage() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return min(1, float64(l.most)/NotificationSpace)
}

// set makes a session listen to a channel, or no longer.
func (l *listeners) set(s *Session, channel string, on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	have := l.by[channel]
	at := slices.Index(have, s)
	switch {
	case on && at < 0:
		if l.by == nil {
			l.by = map[string][]*Session{}
		}
		l.by[channel] = append(have, s)
	case !on && at >= 0:
		if l.by[channel] = slices.Delete(slices.Clone(have), at, at+1); len(l.by[channel]) == 0 {
			delete(l.by, channel)
		}
	}
}

// TakeNotifications returns what waits for the session, and sends nothing twice. The connection calls it when the session
// is idle.
func (s *Session) TakeNotifications() []Notification {
	s.inbox.mu.Lock()
	defer s.inbox.mu.Unlock()
	out := s.inbox.notes
	s.inbox.notes, s.inbox.bytes = nil, 0
	return out
}

// listenAction is a LISTEN or UNLISTEN that waits for the commit; UNLISTEN with channel "" is for all.
type listenAction struct {
	channel string
	on      bool
}

// pendingNotify is what a transaction notifies and which channels it begins and ends to listen to.
type pendingNotify struct {
	notes  []Notification
	seen   map[Notification]struct{}
	listen []listenAction
}

// notify keeps a NOTIFY for the commit; one that the transaction has sent already is not sent again.
func (s *Session) notify(channel, payload string) error {
	switch {
	case channel == "":
		return pgerr.New(pgerr.InvalidParameterValue, "channel name cannot be empty")
	case len(channel) >= maxChannelName:
		return pgerr.New(pgerr.InvalidParameterValue, "channel name too long")
	case len(payload) >= maxPayload:
		return pgerr.New(pgerr.InvalidParameterValue, "payload string too long")
	}
	s.open()
	p := &s.tx.notify
	n := Notification{PID: s.start.PID, Database: s.database, Channel: channel, Payload: payload}
	if _, twice := p.seen[n]; twice {
		return nil
	}
	if p.seen == nil {
		p.seen = map[Notification]struct{}{}
	}
	p.seen[n] = struct{}{}
	p.notes = append(p.notes, n)
	return nil
}

// truncate returns to what was pending at a savepoint.
func (p *pendingNotify) truncate(notes, listen int) {
	for _, n := range p.notes[notes:] {
		delete(p.seen, n)
	}
	p.notes, p.listen = p.notes[:notes], p.listen[:listen]
}

func (s *Session) notifyStmt(u *parse.NotifyStmt) error { return s.notify(u.Channel, u.Payload) }

func (s *Session) listenStmt(channel string, on bool) {
	s.open()
	s.tx.notify.listen = append(s.tx.notify.listen, listenAction{channel, on})
}

// mayNotify is asked before a transaction that notifies commits.
func (s *Session) mayNotify() error {
	if len(s.tx.notify.notes) == 0 {
		return nil
	}
	if s.node.listeners.full() {
		return ErrNotificationSpace
	}
	if s.node.MayNotify != nil {
		return s.node.MayNotify()
	}
	return nil
}

// afterCommit applies LISTEN and UNLISTEN and sends the notifications of a transaction that has committed.
func (s *Session) afterCommit(p *pendingNotify) {
	for _, a := range p.listen {
		switch {
		case a.on:
			if !slices.Contains(s.listening, a.channel) {
				s.listening = append(s.listening, a.channel)
			}
			s.node.listeners.set(s, a.channel, true)
		case a.channel == "":
			s.unlistenAll()
		default:
			s.node.listeners.set(s, a.channel, false)
			s.listening = slices.DeleteFunc(s.listening, func(c string) bool { return c == a.channel })
		}
	}
	if len(p.notes) == 0 {
		return
	}
	s.node.sending.Lock()
	defer s.node.sending.Unlock()
	if err := s.node.Deliver(p.notes); err != nil {
		s.log.Error("notifications of a committed transaction were lost", "notifications", len(p.notes), "err", err)
	}
	if s.node.Notify != nil {
		s.node.Notify(p.notes)
	}
}

// unlistenAll ends all listening at once.
func (s *Session) unlistenAll() {
	for _, c := range s.listening {
		s.node.listeners.set(s, c, false)
	}
	s.listening = nil
}

// ListeningChannels is pg_listening_channels().
func (f *functions) ListeningChannels() []string { return f.listening }

// notificationUsage is pg_notification_queue_usage().
func (s *Session) notificationUsage() float64 {
	u := s.node.listeners.usage()
	if s.node.NotifyUsage != nil {
		u = max(u, s.node.NotifyUsage())
	}
	return u
}
