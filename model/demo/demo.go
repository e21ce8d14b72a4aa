// Package demo is a model that needs no key: for each embedded template it
// plays one recorded build, through the same tools and with the same events as
// a real model, and says plainly that it is a demo. It keeps no state: what it
// says follows from the request alone, so a run that is taken up again after a
// crash goes on where it was.
package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"time"
	"unicode/utf8"

	"surgent.dev/surgent/model"
)

// DefaultRate is how many tokens a second the demo model writes.
const DefaultRate = 60

// bytesPerToken is its idea of a token.
const bytesPerToken = 4

// Config sets up a Model.
type Config struct {
	// TokensPerSecond; 0 is DefaultRate, less than 0 writes without a wait.
	TokensPerSecond float64
}

// Model is the demo model. It is safe for concurrent use.
type Model struct{ pause time.Duration }

// New returns a demo model.
func New(c Config) *Model {
	if c.TokensPerSecond == 0 {
		c.TokensPerSecond = DefaultRate
	}
	m := &Model{}
	if c.TokensPerSecond > 0 {
		m.pause = time.Duration(float64(time.Second) / c.TokensPerSecond)
	}
	return m
}

// Info describes the demo model: it costs nothing.
func (m *Model) Info() model.Info {
	return model.Info{
		Provider: "demo", ID: "demo", Name: "Demo model",
		ContextWindow: 1_000_000, MaxOutput: 32_000, Price: &model.Price{},
	}
}

// Stream answers one request; see model.Model.
func (m *Model) Stream(ctx context.Context, req model.Request) iter.Seq2[model.Event, error] {
	return func(yield func(model.Event, error) bool) {
		raw, err := json.Marshal(req.Messages)
		if err != nil {
			yield(nil, fmt.Errorf("encode messages: %w", err))
			return
		}
		sum := sha256.Sum256(raw)
		p := player{ctx: ctx, pause: m.pause, yield: yield, id: hex.EncodeToString(sum[:6])}
		done := model.Done{
			Message: model.Message{Role: model.Assistant}, MessageID: "msg_demo_" + p.id, Model: "demo",
			StopReason: model.EndTurn, Usage: model.Usage{InputTokens: int64(len(raw)+len(req.System)) / bytesPerToken},
		}
		if !p.send(model.Start{MessageID: done.MessageID, Model: "demo", Usage: done.Usage}) {
			return
		}
		a := answer(look(req))
		for _, text := range a.say {
			block, err := json.Marshal(map[string]string{"type": "text", "text": text})
			if err != nil {
				yield(nil, fmt.Errorf("encode text: %w", err))
				return
			}
			if !p.block(model.BlockStart{Type: "text"}, text, block) {
				return
			}
		}
		for _, c := range a.calls {
			done.StopReason = model.ToolUse
			if !p.call(c) {
				return
			}
		}
		done.Message.Content = p.blocks
		done.Usage.OutputTokens = int64(p.bytes) / bytesPerToken
		p.send(done)
	}
}

// player writes one answer at the model's pace.
type player struct {
	ctx    context.Context // of one call of Stream
	pause  time.Duration
	yield  func(model.Event, error) bool
	id     string
	blocks []json.RawMessage
	bytes  int
	over   bool
}

func (p *player) send(ev model.Event) bool {
	if p.over {
		return false
	}
	p.over = !p.yield(ev, nil)
	return !p.over
}

func (p *player) block(start model.BlockStart, text string, whole json.RawMessage) bool {
	start.Index = len(p.blocks)
	if !p.send(start) {
		return false
	}
	for len(text) > 0 {
		n := min(bytesPerToken, len(text))
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n++
		}
		if !p.wait() || !p.send(model.Delta{Index: start.Index, Text: text[:n]}) {
			return false
		}
		text = text[n:]
		p.bytes += n
	}
	p.blocks = append(p.blocks, whole)
	return p.send(model.BlockStop{Index: start.Index})
}

func (p *player) call(c call) bool {
	input, err := json.Marshal(c.input)
	if err != nil {
		p.over = true
		p.yield(nil, fmt.Errorf("encode call of %s: %w", c.tool, err))
		return false
	}
	id := fmt.Sprintf("call_%s_%d", p.id, len(p.blocks))
	whole, err := json.Marshal(struct {
		Type  string          `json:"type"`
		ID    string          `json:"id"`
		Name  string          `json:"name"`
		Input json.RawMessage `json:"input"`
	}{"tool_use", id, c.tool, input})
	if err != nil {
		p.over = true
		p.yield(nil, fmt.Errorf("encode call of %s: %w", c.tool, err))
		return false
	}
	return p.block(model.BlockStart{Type: "tool_use", ID: id, Name: c.tool}, string(input), whole)
}

// wait lets the time of one token pass.
func (p *player) wait() bool {
	if p.pause <= 0 {
		if p.ctx.Err() == nil {
			return true
		}
	} else {
		t := time.NewTimer(p.pause)
		defer t.Stop()
		select {
		case <-t.C:
			return true
		case <-p.ctx.Done():
		}
	}
	p.over = true
	p.yield(nil, context.Cause(p.ctx))
	return false
}
