package agent

import (
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/model"
)

// Unfinished text is shown as closed pieces, which never change and which a
// client asks for once each, and an open tail that travels with every update.
// So the bytes on the wire grow with the text, not with its square.
const (
	maxTail   = 256                    // bytes of the open tail
	maxPiece  = 2 << 10                // bytes of a closed piece
	liveEvery = 100 * time.Millisecond // at most so often
)

func streamKey(id RunID) string { return "stream/" + string(id) }

func outputKey(id RunID, call string) string { return "output/" + string(id) + "/" + call }

// snapshot is the value of a run's stream. It is never changed: each update
// makes a new one that shares the closed pieces.
type snapshot struct {
	messageID string
	startedAt float64
	blocks    []liveBlock
}

type liveBlock struct {
	kind, name, toolUseID string
	pieces                []string
	tail                  string
}

// live writes a run's stream while the model answers.
type live struct {
	hub    *stream.Hub
	key    string
	redact *redactor
	now    func() time.Time

	mu      sync.Mutex // the timer shows what came last before a silence
	snap    snapshot
	pending []strings.Builder // text per block that is not in the snapshot yet
	shown   time.Time
	timer   *time.Timer
	over    bool
}

// end stops showing: what comes next is the commit, or another attempt.
func (l *live) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.timer != nil {
		l.timer.Stop()
	}
}

// late shows what was held back.
func (l *live) late() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = nil
	if !l.over {
		l.show()
	}
}

// take follows one event.
func (l *live) take(ev model.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e := ev.(type) {
	case model.Start:
		l.snap = snapshot{messageID: e.MessageID, startedAt: millis(l.now())}
		l.pending = nil
	case model.BlockStart:
		for len(l.snap.blocks) <= e.Index {
			l.snap.blocks = append(l.snap.blocks, liveBlock{})
			l.pending = append(l.pending, strings.Builder{})
		}
		l.snap.blocks[e.Index] = liveBlock{kind: e.Type, name: e.Name, toolUseID: e.ID}
		l.show()
	case model.Delta:
		if e.Index >= len(l.pending) {
			return
		}
		l.pending[e.Index].WriteString(e.Text)
		if wait := liveEvery - l.now().Sub(l.shown); wait <= 0 {
			l.show()
		} else if l.timer == nil {
			l.timer = time.AfterFunc(wait, l.late)
		}
	case model.BlockStop:
		l.close(e.Index)
	}
}

// close turns what is left of a block into closed pieces: it is whole.
func (l *live) close(i int) {
	if i >= len(l.snap.blocks) {
		return
	}
	l.absorb(i, true)
	b := &l.snap.blocks[i]
	if b.tail != "" {
		b.pieces = append(slices.Clip(b.pieces), b.tail)
		b.tail = ""
	}
	l.publish()
}

func (l *live) show() {
	for i := range l.pending {
		l.absorb(i, false)
	}
	l.publish()
}

// absorb moves pending text into the snapshot, but for an end that may be the
// beginning of a secret, unless the block is whole. A tail that has grown too
// long becomes a piece.
func (l *live) absorb(i int, whole bool) {
	if l.pending[i].Len() == 0 {
		return
	}
	b := &l.snap.blocks[i]
	text := l.redact.text(b.tail + l.pending[i].String())
	l.pending[i].Reset()
	if !whole {
		var doubtful string
		text, doubtful = l.redact.open(text)
		l.pending[i].WriteString(doubtful)
	}
	for len(text) > maxTail {
		cut := min(len(text), maxPiece)
		for cut < len(text) && cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		b.pieces = append(slices.Clip(b.pieces), text[:cut])
		text = text[cut:]
	}
	b.tail = text
}

func (l *live) publish() {
	s := l.snap
	s.blocks = slices.Clone(s.blocks)
	l.hub.Set(l.key, &s)
	l.shown = l.now()
}
