//go:build linux

package engine

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// newToken returns a token for a toolbox.
func newToken() string { return rand.Text() + rand.Text() }

// newPreviewToken returns 32 characters of lower-case letters and digits.
func newPreviewToken() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails; the program ends before it does
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// errToken says that a toolbox answers, but to another token.
var errToken = errors.New("the toolbox refuses the token")

// startLimit is how long a toolbox may take until it answers.
const startLimit = 30 * time.Second

// handToken waits until the toolbox in slot s answers, and replaces its token
// and environment. Nothing else reaches a sandbox before this.
func (c *cell) handToken(ctx context.Context, s *slot, old, token string) error {
	if s == nil {
		return errors.New("hand token over: the sandbox does not run")
	}
	body, err := json.Marshal(map[string]any{"token": token, "env": c.e.egress.environment(s.gate, c.snapshot().Env)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, errors.New("the toolbox does not answer"))
	defer cancel()
	wait := 2 * time.Millisecond
	for {
		err := c.init(ctx, s, old, body)
		if err == nil || errors.Is(err, errToken) {
			return err
		}
		// Nothing to wait for in a container that has ended.
		if r := c.snapshot().Run; r.PID != 0 && startTime(r.PID) != r.StartTime {
			return fmt.Errorf("the sandbox ended while it started: %w", err)
		}
		select {
		case <-time.After(wait):
			wait = min(2*wait, 50*time.Millisecond)
		case <-ctx.Done():
			return fmt.Errorf("hand token over: %w: %w", context.Cause(ctx), err)
		}
	}
}

// init makes one attempt at the toolbox's /init.
func (c *cell) init(ctx context.Context, s *slot, token string, body []byte) error {
	c.mu.Lock()
	lines := c.lines
	c.mu.Unlock()
	if lines == nil {
		return errCut
	}
	// A packet lost while the network comes up costs a second until TCP sends
	// it again: better to try anew.
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://%s:%d/init", s.in, toolboxPort), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := lines.rt.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // for the error's text
	switch resp.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusUnauthorized:
		return errToken
	}
	return fmt.Errorf("the toolbox answers %s: %s", resp.Status, tail(text, 300))
}
