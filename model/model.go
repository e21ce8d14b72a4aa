// Package model is the port to language models: one step of a conversation,
// streamed. A provider turns a Request into its own API's call and its answer
// into events; it runs no tools, keeps no state and retries nothing, so that
// the caller can journal every attempt.
//
// The canonical message is the block list of the Anthropic Messages API, kept
// as raw JSON: blocks that a provider does not know, and signatures of
// thinking blocks, survive unchanged.
package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Role says who wrote a message.
type Role string

// The roles. Tool results are blocks of a User message.
const (
	User      Role = "user"
	Assistant Role = "assistant"
)

// Message is one turn: a list of content blocks as raw JSON objects.
type Message struct {
	Role    Role              `json:"role"`
	Content []json.RawMessage `json:"content"`
}

// Tool is an ability that the model may ask for. Schema is a JSON Schema
// object for its input.
type Tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Schema      json.RawMessage `json:"input_schema"`
}

// UnparsedInput is the one key of a tool_use input that was no JSON object:
// its value is {"raw": text, "len": bytes}. A provider wraps such an input,
// because only objects can be sent back; whoever runs tools must refuse it.
const UnparsedInput = "__unparsedToolInput"

// Request is one step. Tools keep their order: a stable prefix is cached.
type Request struct {
	Model     string
	System    string
	Messages  []Message
	Tools     []Tool
	MaxTokens int
	// Metadata that a provider may pass on for abuse tracing: an opaque id,
	// never a name or an address.
	UserID string
}

// Usage counts tokens. InputTokens excludes what was read from or written to
// the cache.
type Usage struct {
	InputTokens              int64 `json:"input_tokens"`
	OutputTokens             int64 `json:"output_tokens"`
	CacheCreationInputTokens int64 `json:"cache_creation_input_tokens"`
	CacheReadInputTokens     int64 `json:"cache_read_input_tokens"`
}

// Add returns the sum of two usages.
func (u Usage) Add(v Usage) Usage {
	return Usage{
		InputTokens:              u.InputTokens + v.InputTokens,
		OutputTokens:             u.OutputTokens + v.OutputTokens,
		CacheCreationInputTokens: u.CacheCreationInputTokens + v.CacheCreationInputTokens,
		CacheReadInputTokens:     u.CacheReadInputTokens + v.CacheReadInputTokens,
	}
}

// StopReason says why the model stopped, in the Messages API's words.
type StopReason string

// The stop reasons that the loop acts on.
const (
	EndTurn               StopReason = "end_turn"
	StopSequence          StopReason = "stop_sequence"
	ToolUse               StopReason = "tool_use"
	MaxTokens             StopReason = "max_tokens"
	PauseTurn             StopReason = "pause_turn"
	Refusal               StopReason = "refusal"
	ContextWindowExceeded StopReason = "model_context_window_exceeded"
)

// Event is one of Start, BlockStart, Delta, BlockStop, Done.
type Event interface{ event() }

// Start opens the answer.
type Start struct {
	MessageID string
	Model     string
	Usage     Usage
}

// BlockStart opens content block Index. Name and ID are set for tool_use.
type BlockStart struct {
	Index int
	Type  string // "text", "thinking", "tool_use", …
	ID    string
	Name  string
}

// Delta is a piece of a block: its text, its thinking, or its input JSON.
type Delta struct {
	Index int
	Text  string
}

// BlockStop closes a block.
type BlockStop struct{ Index int }

// Done is the last event of a good stream, and the only one that makes its
// tools runnable: a stream that ends without it has failed.
type Done struct {
	Message    Message // role assistant, all blocks in order
	MessageID  string
	Model      string
	StopReason StopReason
	Usage      Usage
}

func (Start) event()      {}
func (BlockStart) event() {}
func (Delta) event()      {}
func (BlockStop) event()  {}
func (Done) event()       {}

// Model answers requests.
type Model interface {
	// Stream sends one request and yields its events. It ends after Done, or
	// after yielding one error, which is an *Error where the provider or the
	// transport failed. Breaking out of the loop, or ctx, stops the request.
	Stream(ctx context.Context, req Request) iter.Seq2[Event, error]
	// Info describes the model that a Request with Model "" gets.
	Info() Info
}

// Info describes a model to people and to the budget.
type Info struct {
	Provider      string // "anthropic", "openai", "demo"
	ID            string // "claude-sonnet-4-5"
	Name          string // for people
	ContextWindow int64  // tokens
	MaxOutput     int64  // tokens
	Price         *Price // nil when unknown
}

// Price is in dollars per million tokens.
type Price struct {
	Input      float64 `json:"input"`
	Output     float64 `json:"output"`
	CacheWrite float64 `json:"cacheWrite"`
	CacheRead  float64 `json:"cacheRead"`
}

// Cost returns the dollars that a usage costs.
func (p Price) Cost(u Usage) float64 {
	return (float64(u.InputTokens)*p.Input + float64(u.OutputTokens)*p.Output +
		float64(u.CacheCreationInputTokens)*p.CacheWrite + float64(u.CacheReadInputTokens)*p.CacheRead) / 1e6
}

// Kind says what a failed attempt means to the caller.
type Kind string

// The kinds of failure.
const (
	// Transient: try again after RetryAfter or a back-off (408, 409, 429, 5xx,
	// 529, a cut, a stall, an answer that is no stream).
	Transient Kind = "transient"
	// KeyRefused: 401 or 403; no retry.
	KeyRefused Kind = "key_refused"
	// BadRequest: 400, 404 and the like; no retry.
	BadRequest Kind = "bad_request"
	// PromptTooLong: the conversation does not fit the model's window, or the
	// request its size (413).
	PromptTooLong Kind = "prompt_too_long"
)

// ErrIncomplete is the cause of a stream that ended before it was done.
var ErrIncomplete = errors.New("model: stream ended before it was complete")

// Error is a failed attempt.
type Error struct {
	Kind       Kind
	Status     int           // HTTP status; 0 when there was none
	Type       string        // the provider's word, "overloaded_error"
	Message    string        // the provider's text, without secrets
	RetryAfter time.Duration // 0 when the provider did not say
	Cause      error
}

func (e *Error) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("model: %s: %d %s: %s", e.Kind, e.Status, e.Type, e.Message)
	}
	return fmt.Sprintf("model: %s: %s", e.Kind, e.Message)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }
