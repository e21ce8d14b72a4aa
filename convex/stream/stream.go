// Package stream holds values that change too often to be documents: the text
// that somebody is still writing. They live in memory, queries read them like
// documents, and a commit can clear one in the same instant in which it writes
// what the stream has become (store.Transaction.AtCommit), so that readers see
// neither both nor none of the two.
package stream

import (
	"maps"
	"sync"
)

// Hub holds the current value of every stream. It is safe for concurrent use.
type Hub struct {
	mu      sync.Mutex
	values  map[string]any
	viewed  bool                // values was handed out; copy before the next write
	changed map[string]struct{} // since the last Take

	watchers map[int]func()
	nextID   int
}

// New returns a hub without streams.
func New() *Hub {
	return &Hub{values: map[string]any{}, changed: map[string]struct{}{}, watchers: map[int]func(){}}
}

// Set sets a stream's value, which must not be changed afterwards, and wakes
// the queries that read it.
func (h *Hub) Set(key string, v any) {
	h.write(key, func() { h.values[key] = v })
}

// Clear removes a stream. Readers then see nil.
func (h *Hub) Clear(key string) {
	h.write(key, func() { delete(h.values, key) })
}

func (h *Hub) write(key string, change func()) {
	h.mu.Lock()
	if h.viewed {
		h.values = maps.Clone(h.values)
		h.viewed = false
	}
	change()
	h.changed[key] = struct{}{}
	watchers := make([]func(), 0, len(h.watchers))
	for _, w := range h.watchers {
		watchers = append(watchers, w)
	}
	h.mu.Unlock()
	for _, w := range watchers {
		w()
	}
}

// Get returns a stream's newest value, or nil.
func (h *Hub) Get(key string) any {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.values[key]
}

// View is the state of all streams at one moment. The zero View is empty.
type View struct{ values map[string]any }

// Get returns a stream's value in the view, or nil.
func (v View) Get(key string) any { return v.values[key] }

// View returns the present state.
func (h *Hub) View() View {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.viewed = true
	return View{h.values}
}

// Take returns the present state and the keys changed since the last Take.
// There is one taker: the live queries.
func (h *Hub) Take() (View, []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.viewed = true
	keys := make([]string, 0, len(h.changed))
	for k := range h.changed {
		keys = append(keys, k)
	}
	clear(h.changed)
	return View{h.values}, keys
}

// OnChange registers fn to be called after every change, and returns how to
// remove it. fn must not block and must not use the hub.
func (h *Hub) OnChange(fn func()) (remove func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := h.nextID
	h.nextID++
	h.watchers[id] = fn
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.watchers, id)
	}
}
