package modeltest

import (
	"encoding/json"
	"strings"
	"sync"
)

// Script decides the answer to one valid request. It may be called from
// several goroutines at once.
type Script func(Request) Answer

// Answer is what the model says. Without a Fault it is streamed whole.
type Answer struct {
	Blocks []Block `json:"blocks,omitempty"`
	// StopReason defaults to "tool_use" where a block is a call, else
	// "end_turn".
	StopReason string `json:"stop_reason,omitempty"`
	// FirstDelayMS is the wait in milliseconds before the first event,
	// DelayMS the one before each delta.
	FirstDelayMS int `json:"first_delay_ms,omitempty"`
	DelayMS      int `json:"delay_ms,omitempty"`
	// ChunkBytes is how many bytes a delta carries, 24 when 0.
	ChunkBytes int    `json:"chunk_bytes,omitempty"`
	Fault      *Fault `json:"fault,omitempty"`
	// Wait holds the stream after WaitAfter deltas until it is closed: how a
	// test stops the world in mid-stream.
	Wait      <-chan struct{} `json:"-"`
	WaitAfter int             `json:"-"`
}

// Block is one content block: exactly one of Text, Thinking and Tool is set.
type Block struct {
	Text     string `json:"text,omitempty"`
	Thinking string `json:"thinking,omitempty"`
	Tool     string `json:"tool,omitempty"`
	// ID of the call; made from the request when empty.
	ID string `json:"id,omitempty"`
	// Input of the call, encoded as JSON; nil is an empty object.
	Input any `json:"input,omitempty"`
	// RawInput, when set, is sent in place of Input and need not be JSON.
	RawInput string `json:"raw_input,omitempty"`
}

// FaultKind names a way in which answers break.
type FaultKind string

// The faults.
const (
	// FaultStatus answers with an HTTP error, Status and Type.
	FaultStatus FaultKind = "status"
	// FaultCut closes the connection after AfterDeltas deltas.
	FaultCut FaultKind = "cut"
	// FaultSSEError sends an error event after AfterDeltas deltas.
	FaultSSEError FaultKind = "sse_error"
	// FaultHTML answers 200 with a page, as captive portals and proxies do.
	FaultHTML FaultKind = "html"
	// FaultNoStop ends the stream well formed but without message_delta and
	// message_stop.
	FaultNoStop FaultKind = "no_stop"
	// FaultStall sends nothing more after AfterDeltas deltas, not even pings,
	// until the client goes.
	FaultStall FaultKind = "stall"
)

// Fault breaks an answer. AfterDeltas 0 means after the last delta.
type Fault struct {
	Kind        FaultKind `json:"kind"`
	Status      int       `json:"status,omitempty"`
	Type        string    `json:"type,omitempty"`    // error type; made from Status when empty
	Message     string    `json:"message,omitempty"` // error text
	RetryAfter  string    `json:"retry_after,omitempty"`
	AfterDeltas int       `json:"after_deltas,omitempty"`
}

// Text returns the answer that says only text.
func Text(text string) Answer { return Answer{Blocks: []Block{{Text: text}}} }

// Call returns the answer that says text (unless empty) and calls one tool.
func Call(text, tool string, input any) Answer {
	var blocks []Block
	if text != "" {
		blocks = append(blocks, Block{Text: text})
	}
	return Answer{Blocks: append(blocks, Block{Tool: tool, Input: input})}
}

// Status returns the answer of an HTTP error.
func Status(code int) Answer {
	return Answer{Fault: &Fault{Kind: FaultStatus, Status: code}}
}

// Broken returns a with a fault.
func Broken(a Answer, f Fault) Answer {
	a.Fault = &f
	return a
}

// Turns answers the n-th model call since the newest prompt with turns[n], so
// that a repeated request gets the same answer; past the end it says "Done.".
func Turns(turns ...Answer) Script {
	return func(r Request) Answer {
		if r.Turn < len(turns) {
			return turns[r.Turn]
		}
		return Text("Done.")
	}
}

// FirstThen wraps a script: the first requests that it sees are answered by
// faults in order, all later ones by next.
func FirstThen(faults []Answer, next Script) Script {
	var mu sync.Mutex
	n := 0
	return func(r Request) Answer {
		mu.Lock()
		i := n
		n++
		mu.Unlock()
		if i < len(faults) {
			return faults[i]
		}
		return next(r)
	}
}

func (b Block) inputJSON() string {
	if b.RawInput != "" {
		return b.RawInput
	}
	if b.Input == nil {
		return "{}"
	}
	raw, err := json.Marshal(b.Input)
	if err != nil {
		// A script is test code: its mistake should stop the test.
		panic("modeltest: input of a scripted call: " + err.Error())
	}
	return string(raw)
}

func (a Answer) stopReason() string {
	if a.StopReason != "" {
		return a.StopReason
	}
	for _, b := range a.Blocks {
		if b.Tool != "" {
			return "tool_use"
		}
	}
	return "end_turn"
}

// chunks cuts s into pieces of about n bytes, never inside a character.
func chunks(s string, n int) []string {
	if n <= 0 {
		n = 24
	}
	var out []string
	for len(s) > n {
		cut := n
		for cut < len(s) && s[cut]&0xC0 == 0x80 {
			cut++
		}
		out = append(out, s[:cut])
		s = s[cut:]
	}
	if s != "" {
		out = append(out, s)
	}
	return out
}

func errorType(status int) string {
	switch status {
	case 400:
		return "invalid_request_error"
	case 401:
		return "authentication_error"
	case 402:
		return "billing_error"
	case 403:
		return "permission_error"
	case 404:
		return "not_found_error"
	case 413:
		return "request_too_large"
	case 429:
		return "rate_limit_error"
	case 504:
		return "timeout_error"
	case 529:
		return "overloaded_error"
	}
	return "api_error"
}

func errorText(status int) string {
	return strings.ReplaceAll(errorType(status), "_", " ")
}
