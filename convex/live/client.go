package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
)

// Version is a place in a client's history: how many of its requests took
// effect, and the snapshot that its results belong to. No part ever decreases.
type Version struct {
	QuerySet  uint32
	Identity  uint32
	Timestamp store.Timestamp
}

// Query is a query that a client wants to watch.
type Query struct {
	ID   uint32
	Path function.Path
	Args value.Value
	// Journal is the journal of an earlier run, from a Result; nil for none.
	Journal []string
}

// Update is one change in what a client watches. A nil Result means that the
// query was removed.
type Update struct {
	QueryID uint32
	Result  *Result
}

// Transition moves a client from one version to the next.
type Transition struct {
	Start, End Version
	Updates    []Update
}

// ErrBaseVersion is returned when a client's request builds on a version other
// than its newest.
var ErrBaseVersion = errors.New("BaseVersionMismatch")

// maxQueries is how many queries one client may watch: one write can make all
// of them run again, and every client waits for that.
const maxQueries = 4096

// ErrTooMany is returned when a client would watch more than that.
var ErrTooMany = errors.New("TooManyQueries")

// Client is one connection's view. Its methods are safe for concurrent use.
type Client struct {
	hub   *Hub
	ready chan struct{} // capacity 1: signal sends without blocking, the connection receives

	// All below is guarded by hub.mu.
	received Version  // requests that arrived
	applied  Version  // requests that the last batch covered
	sent     Version  // end of the last Transition
	requests []func() // since the last batch, in order
	identity *function.Identity
	subs     map[uint32]*subscription
	pending  map[uint32]Update // newest state that was not sent
	wants    bool              // a Transition must follow, even an empty one
	wantsAt  store.Timestamp   // and reach this timestamp
	hold     store.Timestamp   // no Transition may reach this before the next Reply; 0 for none
	replies  [][]byte
	closed   bool

	known map[uint32]struct{} // ids in the received query set
}

type subscription struct {
	client *Client
	id     uint32
	query  *query
	want   Query
	sent   *Result // what the client has, nil for nothing
}

// Connect returns a new client at version zero.
func (h *Hub) Connect() *Client {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &Client{
		hub: h, ready: make(chan struct{}, 1),
		subs: map[uint32]*subscription{}, pending: map[uint32]Update{}, known: map[uint32]struct{}{},
	}
	h.clients[c] = struct{}{}
	return c
}

// Ready receives when Take may have something.
func (c *Client) Ready() <-chan struct{} { return c.ready }

func (c *Client) signal() {
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// request queues what takes effect with the next batch.
func (c *Client) request(fn func()) {
	c.requests = append(c.requests, fn)
	c.hub.inbox[c] = struct{}{}
	c.hub.waker.Wake()
}

// ModifyQuerySet adds and removes queries. The error is ErrBaseVersion, ErrTooMany
// or says which id is wrong; the client's set is then as before.
func (c *Client) ModifyQuerySet(base, next uint32, add []Query, remove []uint32) error {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if base != c.received.QuerySet || next <= base {
		return fmt.Errorf("%w: query set %d to %d, expected a base of %d", ErrBaseVersion, base, next, c.received.QuerySet)
	}
	known := maps.Clone(c.known)
	for _, q := range add {
		if _, twice := known[q.ID]; twice {
			return fmt.Errorf("query id %d is in use", q.ID)
		}
		known[q.ID] = struct{}{}
	}
	for _, id := range remove {
		if _, ok := known[id]; !ok {
			return fmt.Errorf("query id %d is unknown", id)
		}
		delete(known, id)
	}
	if len(known) > maxQueries {
		return fmt.Errorf("%w: %d, at most %d", ErrTooMany, len(known), maxQueries)
	}
	c.known = known
	c.received.QuerySet = next
	c.request(func() {
		for _, q := range add {
			s := &subscription{client: c, id: q.ID, want: q}
			c.subs[q.ID] = s
			s.attach()
		}
		for _, id := range remove {
			c.subs[id].detach()
			delete(c.subs, id)
			c.pending[id] = Update{QueryID: id}
		}
		c.applied.QuerySet = next
	})
	return nil
}

// Authenticate changes who the client is, nil for anonymous. All queries run
// again under the new identity.
func (c *Client) Authenticate(base uint32, id *function.Identity) error {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if base != c.received.Identity {
		return fmt.Errorf("%w: identity %d, expected %d", ErrBaseVersion, base, c.received.Identity)
	}
	c.received.Identity++
	next := c.received.Identity
	c.request(func() {
		c.identity = id
		for _, s := range c.subs {
			s.detach()
			s.attach()
		}
		c.applied.Identity = next
	})
	return nil
}

// IdentityVersion returns the identity version of the last Transition.
func (c *Client) IdentityVersion() uint32 {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	return c.sent.Identity
}

// apply lets the queued requests take effect. The batch that calls it brings
// all queries of the new set up to date before anything is sent.
func (c *Client) apply() {
	for _, fn := range c.requests {
		fn()
	}
	c.requests = nil
}

// attach joins the shared query, or makes it and marks it for this batch.
func (s *subscription) attach() {
	h := s.client.hub
	key := queryKey(s.want, s.client.identity)
	q, ok := h.queries[key]
	if !ok {
		q = &query{
			key: key, journal: s.want.Journal, subs: map[*subscription]struct{}{},
			call: function.Call{Path: s.want.Path, Args: s.want.Args, Identity: s.client.identity},
		}
		h.queries[key] = q
		h.dirty[q] = struct{}{}
	}
	q.subs[s] = struct{}{}
	s.query = q
}

func (s *subscription) detach() {
	delete(s.query.subs, s)
	if len(s.query.subs) == 0 {
		s.client.hub.drop(s.query)
	}
}

// queryKey is equal for queries that cannot give different results.
func queryKey(q Query, id *function.Identity) string {
	var b strings.Builder
	b.WriteString(q.Path.String())
	b.WriteByte(0)
	// What cannot be encoded is refused when it runs; it shares by its type.
	args, err := value.Encode(q.Args)
	if err != nil {
		args = fmt.Appendf(nil, "%p", q.Args)
	}
	b.Write(args)
	b.WriteByte(0)
	b.WriteString(id.Key())
	for _, j := range q.Journal {
		b.WriteByte(0)
		b.WriteString(j)
	}
	return b.String()
}

// deliver makes the query's result the newest state to send, unless the client
// has it.
func (s *subscription) deliver() {
	c := s.client
	if s.query.result.equal(s.sent) {
		delete(c.pending, s.id)
		return
	}
	c.pending[s.id] = Update{QueryID: s.id, Result: s.query.result}
	c.signal()
}

func (c *Client) deliverAll() {
	for _, s := range c.subs {
		s.deliver()
	}
}

// need asks for a Transition that reaches ts.
func (c *Client) need(ts store.Timestamp) {
	c.wants = true
	c.wantsAt = max(c.wantsAt, ts)
	c.hub.waiting[c] = struct{}{}
	c.signal()
}

// Hold keeps Transitions that reach ts back until the next Reply. The sync
// protocol wants a mutation's response before the Transition that shows it, so
// this is called at the moment of the commit, before any batch can see it.
func (c *Client) Hold(ts store.Timestamp) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	c.hold = ts
}

// Reply queues a frame for Take and ends a Hold. A Transition that reaches ts
// follows it; ts is 0 for replies that committed nothing.
func (c *Client) Reply(frame []byte, ts store.Timestamp) {
	c.reply(frame, ts, ts != 0)
}

// ReplyFailed is Reply for a mutation that failed: it also ends its Hold.
func (c *Client) ReplyFailed(frame []byte) {
	c.reply(frame, 0, true)
}

func (c *Client) reply(frame []byte, ts store.Timestamp, endHold bool) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if c.closed {
		return // work that outlived its connection
	}
	c.replies = append(c.replies, frame)
	if endHold {
		c.hold = 0
	}
	c.need(ts)
}

// Take returns the queued replies and, after them, the Transition that is due,
// or nil. The client counts what it takes as sent.
func (c *Client) Take() ([][]byte, *Transition) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	replies := c.replies
	c.replies = nil
	at := c.hub.published
	reached := c.wants && at >= c.wantsAt
	if c.hold != 0 && at >= c.hold || len(c.pending) == 0 && !reached {
		return replies, nil
	}
	if reached {
		c.wants, c.wantsAt = false, 0
		delete(c.hub.waiting, c)
	}
	t := &Transition{Start: c.sent, End: c.applied}
	t.End.Timestamp = at
	for _, id := range slices.Sorted(maps.Keys(c.pending)) {
		u := c.pending[id]
		t.Updates = append(t.Updates, u)
		if s, ok := c.subs[id]; ok && u.Result != nil {
			s.sent = u.Result
		}
	}
	clear(c.pending)
	c.sent = t.End
	return replies, t
}

// Close forgets the client and its subscriptions.
func (c *Client) Close() {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	c.closed = true
	for _, s := range c.subs {
		s.detach()
	}
	clear(c.subs)
	c.requests, c.replies = nil, nil
	delete(c.hub.clients, c)
	delete(c.hub.inbox, c)
	delete(c.hub.waiting, c)
}

// JournalText returns a journal as the string that clients keep, or nil.
func JournalText(ends []string) *string {
	if len(ends) == 0 {
		return nil
	}
	b, err := json.Marshal(ends)
	if err != nil {
		return nil // strings always encode
	}
	s := string(b)
	return &s
}

// ParseJournal is the inverse of JournalText; a text that it did not make
// counts as no journal.
func ParseJournal(text *string) []string {
	if text == nil {
		return nil
	}
	var ends []string
	if err := json.Unmarshal([]byte(*text), &ends); err != nil {
		return nil
	}
	return ends
}
