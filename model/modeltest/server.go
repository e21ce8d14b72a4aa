package modeltest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// DefaultKey is the API key that a Server with no other wants.
const DefaultKey = "test-key"

// Config sets up a Server.
type Config struct {
	// Script answers the valid requests; nil says "Done." to each.
	Script Script
	// Key that requests must carry in x-api-key (or as a bearer); "" is
	// DefaultKey.
	Key string
	// Models that exist; empty is any.
	Models []string
	// Window is the context window in tokens of 4 bytes; 0 is none.
	Window int
}

// Server is the scripted API. It is an http.Handler for any path that ends in
// /v1/messages, so a base URL with a path works.
type Server struct {
	script Script
	key    string
	models map[string]bool
	window int

	mu       sync.Mutex
	n        int
	cache    map[string]bool
	requests []Request
	refusals []string
	total    usage
}

// New returns a server.
func New(cfg Config) *Server {
	s := &Server{script: cfg.Script, key: cfg.Key, window: cfg.Window, cache: map[string]bool{}, models: map[string]bool{}}
	if s.script == nil {
		s.script = Turns()
	}
	if s.key == "" {
		s.key = DefaultKey
	}
	for _, m := range cfg.Models {
		s.models[m] = true
	}
	return s
}

// ListenAndServe serves on addr until ctx is done, and tells ready (when not
// nil) the address that it got: how a test runs the server as a process of
// its own.
func (s *Server) ListenAndServe(ctx context.Context, addr string, ready func(addr string)) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen %s: %w", addr, err)
	}
	if ready != nil {
		ready(ln.Addr().String())
	}
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() }) // nothing to save
	defer stop()
	if err := srv.Serve(ln); ctx.Err() == nil {
		return fmt.Errorf("serve %s: %w", addr, err)
	}
	return nil
}

// Requests returns the valid requests so far, in order of arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Refusals returns the texts of what was refused as a bad request. A test of
// a client usually wants none.
func (s *Server) Refusals() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.refusals...)
}

// Usage returns what all complete answers counted together: input, output,
// cache writes, cache reads.
func (s *Server) Usage() (input, output, cacheWrite, cacheRead int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total.InputTokens, s.total.OutputTokens, s.total.CacheCreationInputTokens, s.total.CacheReadInputTokens
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		return
	}
	if id, ok := modelsPath(r.URL.Path); ok && r.Method == http.MethodGet {
		s.serveModels(w, r, id)
		return
	}
	s.mu.Lock()
	s.n++
	n, script := s.n, s.script
	s.mu.Unlock()
	if ref := s.checkCall(r); ref != nil {
		s.writeRefusal(w, n, ref)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return // the client went away
	}
	if len(body) > maxBody {
		s.writeRefusal(w, n, &refusal{413, "Request exceeds the maximum size"})
		return
	}
	req, wire, ref := s.decode(body)
	if ref != nil {
		s.writeRefusal(w, n, ref)
		return
	}
	req.N, req.Header, req.Body = n, r.Header.Clone(), body
	s.mu.Lock()
	s.requests = append(s.requests, req)
	s.mu.Unlock()
	ans := script(req)
	if f := ans.Fault; f != nil && (f.Kind == FaultStatus || f.Kind == FaultHTML) {
		writeFault(w, n, f)
		return
	}
	msg := s.message(n, req, wire, ans)
	if !wire.Stream {
		s.writeWhole(w, msg, ans)
		return
	}
	s.stream(w, r, msg, ans)
}

// checkCall checks what stands outside the body.
func (s *Server) checkCall(r *http.Request) *refusal {
	if !strings.HasSuffix(r.URL.Path, "/v1/messages") {
		return &refusal{404, "Not found"}
	}
	if r.Method != http.MethodPost {
		return &refusal{405, "Method Not Allowed"}
	}
	if ref := s.checkHeaders(r); ref != nil {
		return ref
	}
	if !strings.HasPrefix(r.Header.Get("content-type"), "application/json") {
		return refuse("content-type: must be application/json")
	}
	return nil
}

// checkHeaders checks the headers that every call needs.
func (s *Server) checkHeaders(r *http.Request) *refusal {
	key := r.Header.Get("x-api-key")
	if key == "" {
		key = strings.TrimPrefix(r.Header.Get("authorization"), "Bearer ")
	}
	switch {
	case key == "":
		return &refusal{401, "x-api-key header is required"}
	case key != s.key:
		return &refusal{401, "invalid x-api-key"}
	case r.Header.Get("anthropic-version") == "":
		return refuse("anthropic-version: header is required")
	case r.Header.Get("anthropic-version") != "2023-06-01":
		return refuse("anthropic-version: %q is not a valid version", r.Header.Get("anthropic-version"))
	}
	return nil
}

func (s *Server) writeRefusal(w http.ResponseWriter, n int, ref *refusal) {
	s.mu.Lock()
	s.refusals = append(s.refusals, ref.message)
	s.mu.Unlock()
	writeError(w, n, ref.status, errorType(ref.status), ref.message)
}

func writeError(w http.ResponseWriter, n, status int, kind, message string) {
	w.Header().Set("content-type", "application/json")
	w.Header().Set("request-id", fmt.Sprintf("req_%d", n))
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client may be gone
		"type": "error", "error": map[string]string{"type": kind, "message": message}, "request_id": fmt.Sprintf("req_%d", n),
	})
}

func writeFault(w http.ResponseWriter, n int, f *Fault) {
	if f.Kind == FaultHTML {
		w.Header().Set("content-type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>Sign in to the network</title>") // the client may be gone
		return
	}
	if f.RetryAfter != "" {
		w.Header().Set("retry-after", f.RetryAfter)
	}
	kind, text := f.Type, f.Message
	if kind == "" {
		kind = errorType(f.Status)
	}
	if text == "" {
		text = errorText(f.Status)
	}
	writeError(w, n, f.Status, kind, text)
}

// message is the answer as a whole: blocks with their ids.
type message struct {
	id     string
	model  string
	usage  usage
	blocks []Block
}

func (s *Server) message(n int, req Request, w *wireRequest, ans Answer) message {
	// Ids come from the request's bytes: unique in a conversation, and the
	// same when the same request comes again.
	digest := sha256.Sum256(req.Body)
	msg := message{id: "msg_" + strconv.Itoa(n) + "_" + hex.EncodeToString(digest[:4]), model: req.Model, usage: s.count(w)}
	for i, b := range ans.Blocks {
		if b.Tool != "" && b.ID == "" {
			b.ID = fmt.Sprintf("toolu_%s_%d", hex.EncodeToString(digest[:8]), i)
		}
		msg.usage.OutputTokens += (len(b.Text)+len(b.Thinking)+len(b.Tool))/bytesPerToken + 1
		if b.Tool != "" {
			msg.usage.OutputTokens += len(b.inputJSON()) / bytesPerToken
		}
		msg.blocks = append(msg.blocks, b)
	}
	return msg
}

func (s *Server) settle(u usage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.InputTokens += u.InputTokens
	s.total.OutputTokens += u.OutputTokens
	s.total.CacheCreationInputTokens += u.CacheCreationInputTokens
	s.total.CacheReadInputTokens += u.CacheReadInputTokens
}

func (s *Server) writeWhole(w http.ResponseWriter, msg message, ans Answer) {
	blocks := []any{}
	for _, b := range msg.blocks {
		switch {
		case b.Tool != "":
			blocks = append(blocks, map[string]any{"type": "tool_use", "id": b.ID, "name": b.Tool, "input": json.RawMessage(b.inputJSON())})
		case b.Thinking != "":
			blocks = append(blocks, map[string]any{"type": "thinking", "thinking": b.Thinking, "signature": sign(b.Thinking)})
		default:
			blocks = append(blocks, map[string]any{"type": "text", "text": b.Text})
		}
	}
	s.settle(msg.usage)
	w.Header().Set("content-type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client may be gone
		"id": msg.id, "type": "message", "role": "assistant", "model": msg.model, "content": blocks,
		"stop_reason": ans.stopReason(), "stop_sequence": nil, "usage": msg.usage,
	})
}
