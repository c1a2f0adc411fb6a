package server

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/session"
)

// Notifications on their way to the other nodes. Each node has an outbox, which one goroutine empties in order while there
// is something in it. A call whose outcome is unknown is made again under its number, which the receiver has then seen. What
// a node that was declared dead did not get is dropped: its sessions have ended.

const (
	notifyBatch     = 1000 // notifications in one call
	notifyRetryLow  = 50 * time.Millisecond
	notifyRetryHigh = time.Second
)

// notifyRequest carries notifications. Run and Seq name the call among those of its sender.
type notifyRequest struct {
	From  topo.NodeID
	Run   string
	Seq   uint64
	Notes []session.Notification
}

// notifyResponse says whether the notifications were taken; otherwise a listener there is behind.
type notifyResponse struct{ Taken bool }

// postman sends and receives notifications.
type postman struct {
	s *Server

	mu    sync.Mutex
	boxes map[topo.NodeID]*outbox

	seenMu sync.Mutex // held over a delivery: those of one sender come in order
	seen   map[topo.NodeID]seenCall
}

// outbox is what waits for a node, while its epoch stays the same.
type outbox struct {
	notes   []session.Notification
	bytes   int64
	seq     uint64
	running bool
}

type seenCall struct {
	run string
	seq uint64
}

func newPostman(s *Server) *postman {
	return &postman{s: s, boxes: map[topo.NodeID]*outbox{}, seen: map[topo.NodeID]seenCall{}}
}

func noteSize(n *session.Notification) int64 { return int64(len(n.Channel)+len(n.Payload)) + 64 }

// send puts notifications into the outboxes of the other nodes.
func (p *postman) send(notes []session.Notification) {
	t := p.s.catalog.Topology()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range t.NodeIDs() {
		if n := t.Nodes[id]; id == p.s.id.Node || n.Dead || n.Epoch == 0 {
			continue
		}
		b := p.boxes[id]
		if b == nil {
			b = &outbox{}
			p.boxes[id] = b
		}
		b.notes = append(b.notes, notes...)
		for i := range notes {
			b.bytes += noteSize(&notes[i])
		}
		if !b.running {
			b.running = true
			p.s.work.Add(1)
			go func() {
				defer p.s.work.Done()
				p.empty(id, b)
			}()
		}
	}
}

// empty sends what is in an outbox until there is nothing.
func (p *postman) empty(id topo.NodeID, b *outbox) {
	pause := notifyRetryLow
	for {
		p.mu.Lock()
		n := min(len(b.notes), notifyBatch)
		if n == 0 || p.s.life.Err() != nil {
			b.running = false
			p.mu.Unlock()
			return
		}
		q := &notifyRequest{From: p.s.id.Node, Run: p.s.run, Seq: b.seq + 1, Notes: b.notes[:n:n]}
		p.mu.Unlock()
		taken, gone := p.call(id, q)
		if !taken && !gone {
			if !sleep(p.s.life, pause) {
				continue
			}
			pause = min(2*pause, notifyRetryHigh)
			continue
		}
		pause = notifyRetryLow
		p.mu.Lock()
		if gone {
			p.s.log.Warn("notifications for a node that is gone were dropped", "node", id, "notifications", len(b.notes))
			n = len(b.notes)
		}
		for i := range b.notes[:n] {
			b.bytes -= noteSize(&b.notes[i])
		}
		b.notes = append([]session.Notification(nil), b.notes[n:]...)
		b.seq++
		p.mu.Unlock()
	}
}

// call makes one call; gone says that the node was declared dead or removed.
func (p *postman) call(id topo.NodeID, q *notifyRequest) (taken, gone bool) {
	n := p.s.catalog.Topology().Nodes[id]
	if n == nil || n.Dead || n.State == topo.NodeRemoved {
		return false, true
	}
	ctx, cancel := context.WithTimeout(p.s.life, callTimeout)
	defer cancel()
	body, err := p.s.callNode(ctx, id, methodNotify, encode(q))
	if err != nil {
		p.s.log.Debug("sending notifications", "node", id, "err", err)
		return false, false
	}
	r := new(notifyResponse)
	return json.Unmarshal(body, r) == nil && r.Taken, false
}

// receive delivers another node's notifications to the sessions here.
func (p *postman) receive(_ context.Context, q *notifyRequest) (*notifyResponse, error) {
	p.seenMu.Lock()
	defer p.seenMu.Unlock()
	if last := p.seen[q.From]; last.run == q.Run && q.Seq <= last.seq {
		return &notifyResponse{Taken: true}, nil
	}
	if p.s.node.Deliver(q.Notes) != nil {
		return &notifyResponse{}, nil
	}
	p.seen[q.From] = seenCall{q.Run, q.Seq}
	return &notifyResponse{Taken: true}, nil
}

// room refuses a transaction's notifications while an outbox is full.
func (p *postman) room() error {
	if p.usage() >= 1 {
		return session.ErrNotificationSpace
	}
	return nil
}

// usage is how much of its space the fullest outbox uses.
func (p *postman) usage() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var most int64
	for _, b := range p.boxes {
		most = max(most, b.bytes)
	}
	return min(1, float64(most)/session.NotificationSpace)
}
