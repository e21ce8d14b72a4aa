package modeltest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"hash"
)

// bytesPerToken is the server's idea of a token.
const bytesPerToken = 4

// minCached is the shortest prefix, in tokens, that the API caches, and
// lookback how many blocks before a mark it looks for an older entry.
const (
	minCached = 1024
	lookback  = 20
)

// usage is the API's count of one request.
type usage struct {
	InputTokens              int `json:"input_tokens"`
	CacheCreationInputTokens int `json:"cache_creation_input_tokens"`
	CacheReadInputTokens     int `json:"cache_read_input_tokens"`
	OutputTokens             int `json:"output_tokens"`
}

// count splits a request's input into read from, written to and outside of
// the cache, by the rule of equal bytes before a mark, and remembers the marks.
func (s *Server) count(w *wireRequest) usage {
	type point struct {
		sum    string
		tokens int
		marked bool
	}
	var points []point
	h := sha256.New()
	size := 0
	add := func(raw json.RawMessage) {
		clean, marked := withoutMark(raw)
		_, _ = h.Write(clean) // a hash never fails
		size += len(clean)
		points = append(points, point{sum(h), size / bytesPerToken, marked})
	}
	for _, t := range w.Tools {
		add(t)
	}
	for _, raw := range rawBlocks(w.System) {
		add(raw)
	}
	for _, m := range w.Messages {
		_, _ = h.Write([]byte(m.Role))
		for _, raw := range rawBlocks(m.Content) {
			add(raw)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	hit, write := 0, 0
	for i, p := range points {
		if !p.marked || p.tokens < minCached {
			continue
		}
		write = p.tokens
		for j := i; j >= 0 && j > i-lookback; j-- {
			if s.cache[points[j].sum] {
				hit = max(hit, points[j].tokens)
				break
			}
		}
	}
	for _, p := range points {
		if p.marked && p.tokens >= minCached {
			s.cache[p.sum] = true
		}
	}
	total := size / bytesPerToken
	return usage{InputTokens: total - max(write, hit), CacheReadInputTokens: hit, CacheCreationInputTokens: max(0, write-hit)}
}

func sum(h hash.Hash) string { return string(h.Sum(nil)) }

func rawBlocks(content json.RawMessage) []json.RawMessage {
	blocks, _ := decodeContent(content)
	out := make([]json.RawMessage, len(blocks))
	for i, b := range blocks {
		out[i] = b.Raw
	}
	return out
}

// withoutMark removes the cache_control of a block; the rest stays byte for
// byte where there is none.
func withoutMark(raw json.RawMessage) (clean []byte, marked bool) {
	if !bytes.Contains(raw, []byte(`"cache_control"`)) {
		return raw, false
	}
	for _, mark := range []string{
		`,"cache_control":{"type":"ephemeral"}`, `"cache_control":{"type":"ephemeral"},`,
		`,"cache_control":{"type":"ephemeral","ttl":"5m"}`, `,"cache_control":{"type":"ephemeral","ttl":"1h"}`,
	} {
		if i := bytes.Index(raw, []byte(mark)); i >= 0 {
			return append(append([]byte{}, raw[:i]...), raw[i+len(mark):]...), true
		}
	}
	return raw, true
}

// sign makes the signature of a thinking block, so that one that was changed
// or made by hand is seen without keeping a record.
func sign(thinking string) string {
	mac := hmac.New(sha256.New, []byte("modeltest"))
	_, _ = mac.Write([]byte(thinking)) // a hash never fails
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
