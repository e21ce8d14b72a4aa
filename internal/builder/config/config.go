// Package config tells clients what this server is set up for: the query
// config:client. It decides nothing; app fills it in.
package config

import (
	"sync"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/internal/builder/projects"
)

// preparingStream is the stream key of what the server prepares: a Preparing
// or a Failure; nothing once all is ready.
const preparingStream = "config/preparing"

// Client is what clients may know. Secrets have no place here.
type Client struct {
	Demo      bool     `json:"demo"` // the demo model plays: there is no key
	Providers []string `json:"providers"`
	Model     Model    `json:"model"`
	Google    bool     `json:"google"`
	Limits    Limits   `json:"limits"`
	Domain    string   `json:"domain"` // apps answer below it
	// At most one of the two is there.
	Preparing       *Preparing `json:"preparing,omitempty"`
	PreparingFailed *Failure   `json:"preparingFailed,omitempty"`
}

// Model is the model that runs use.
type Model struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Limits are what one person may have.
type Limits struct {
	Projects int `json:"projects"`
}

// Preparing says in words what the server still prepares.
type Preparing struct {
	Step      string  `json:"step"`
	StartedAt float64 `json:"startedAt"` // ms
}

// Failure says why a preparation failed, and what to do about it.
type Failure struct {
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// Board publishes what the server prepares to all clients that ask. It is safe
// for concurrent use.
type Board struct {
	streams *stream.Hub
	now     func() time.Time

	mu   sync.Mutex // guards step
	step string     // that is published, "" for none
}

// NewBoard returns an empty board.
func NewBoard(streams *stream.Hub, now func() time.Time) *Board {
	return &Board{streams: streams, now: now}
}

// Step publishes a step, in place of the one before or of a failure; "" says
// that all is ready. The same step again changes nothing.
func (b *Board) Step(step string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case step == "":
		b.streams.Clear(preparingStream)
	case step != b.step:
		b.streams.Set(preparingStream, Preparing{step, float64(b.now().UnixMilli())})
	}
	b.step = step
}

// Failed publishes a failure until the next step.
func (b *Board) Failed(message, hint string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.streams.Set(preparingStream, Failure{message, hint})
	b.step = ""
}

// Register adds the query. It answers anybody: the sign-in page asks it.
func Register(r *function.Registry, c Client) {
	c.Limits.Projects = projects.Limit
	function.Query(r, "config:client", func(ctx *function.QueryCtx, _ struct{}) (Client, error) {
		out := c
		switch now := ctx.Stream(preparingStream).(type) {
		case Preparing:
			out.Preparing = &now
		case Failure:
			out.PreparingFailed = &now
		}
		return out, nil
	})
}
