package daytona

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"time"

	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/sandbox"
	"surgent.dev/surgent/sandbox/toolbox/logstream"
)

// executeSlack is how much longer than the command's own timeout its answer
// may take: some servers notice the timeout late.
const executeSlack = 10 * time.Second

// Execute implements sandbox.Processes.
func (t *toolbox) Execute(ctx context.Context, req sandbox.ExecRequest) (*sandbox.ExecResult, error) {
	body := map[string]any{"command": req.Command}
	if req.Dir != "" {
		body["cwd"] = req.Dir
	}
	if len(req.Env) > 0 {
		body["envs"] = req.Env
	}
	q := call{method: http.MethodPost, url: "/process/execute", json: body}
	if req.Timeout > 0 {
		body["timeout"] = int(math.Ceil(req.Timeout.Seconds()))
		q.timeout = req.Timeout + executeSlack
	}
	var a struct {
		ExitCode *int   `json:"exitCode"`
		Code     *int   `json:"code"` // its name in mid 2025
		Result   string `json:"result"`
	}
	q.into = &a
	_, err := t.call(ctx, q)
	switch {
	case err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("execute command: no answer after %s: %w", q.timeout, sandbox.ErrTimeout)
	case err != nil:
		return nil, fmt.Errorf("execute command: %w", err)
	case a.ExitCode != nil:
		return &sandbox.ExecResult{ExitCode: *a.ExitCode, Output: a.Result}, nil
	case a.Code != nil:
		return &sandbox.ExecResult{ExitCode: *a.Code, Output: a.Result}, nil
	}
	return nil, errors.New("execute command: answer has no exit code")
}

func sessionPath(session string) string { return "/process/session/" + url.PathEscape(session) }

func commandPath(session, command string) string {
	return sessionPath(session) + "/command/" + url.PathEscape(command)
}

// CreateSession implements sandbox.Processes. When the first answer is lost
// and the second says that the session exists, the first had made it.
func (t *toolbox) CreateSession(ctx context.Context, sessionID string) error {
	q := call{
		method: http.MethodPost, url: "/process/session", json: map[string]string{"sessionId": sessionID},
		timeout: quickTimeout,
	}
	for n := 1; ; n++ {
		err := discard(t.call(ctx, q))
		if err == nil || (n > 1 && errors.Is(err, sandbox.ErrConflict)) {
			return nil
		}
		var api *Error
		lost := !errors.As(err, &api) && ctx.Err() == nil && !errors.Is(err, sandbox.ErrNotRunning)
		if !lost || n >= maxTries || clock.Sleep(ctx, t.c.cfg.Backoff<<n) != nil {
			return fmt.Errorf("create session %s: %w", sessionID, err)
		}
	}
}

// GetSession implements sandbox.Processes.
func (t *toolbox) GetSession(ctx context.Context, sessionID string) (*sandbox.Session, error) {
	var s sandbox.Session
	if err := t.get(ctx, sessionPath(sessionID), nil, &s); err != nil {
		return nil, fmt.Errorf("get session %s: %w", sessionID, err)
	}
	return &s, nil
}

// ListSessions implements sandbox.Processes.
func (t *toolbox) ListSessions(ctx context.Context) ([]sandbox.Session, error) {
	sessions := list[sandbox.Session]{}
	if err := t.get(ctx, "/process/session", nil, &sessions); err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	if sessions == nil {
		sessions = list[sandbox.Session]{}
	}
	return sessions, nil
}

// DeleteSession implements sandbox.Processes.
func (t *toolbox) DeleteSession(ctx context.Context, sessionID string) error {
	err := discard(t.call(ctx, call{method: http.MethodDelete, url: sessionPath(sessionID), timeout: quickTimeout}))
	if err != nil {
		return fmt.Errorf("delete session %s: %w", sessionID, err)
	}
	return nil
}

// StartCommand implements sandbox.Processes. It is never repeated once it may
// have arrived: callers who must know whether it did read the session.
func (t *toolbox) StartCommand(ctx context.Context, sessionID, command string) (string, error) {
	var a struct {
		CmdID string `json:"cmdId"`
	}
	_, err := t.call(ctx, call{
		method: http.MethodPost, url: sessionPath(sessionID) + "/exec", timeout: quickTimeout, into: &a,
		json: map[string]any{"command": command, "runAsync": true},
	})
	if err == nil && a.CmdID == "" {
		err = errors.New("answer has no command id")
	}
	if err != nil {
		return "", fmt.Errorf("start command in session %s: %w", sessionID, err)
	}
	return a.CmdID, nil
}

// GetCommand implements sandbox.Processes.
func (t *toolbox) GetCommand(ctx context.Context, sessionID, commandID string) (*sandbox.Command, error) {
	var c sandbox.Command
	if err := t.get(ctx, commandPath(sessionID, commandID), nil, &c); err != nil {
		return nil, fmt.Errorf("get command %s: %w", commandID, err)
	}
	return &c, nil
}

// SendInput implements sandbox.Processes.
func (t *toolbox) SendInput(ctx context.Context, sessionID, commandID, data string) error {
	err := discard(t.call(ctx, call{
		method: http.MethodPost, url: commandPath(sessionID, commandID) + "/input", timeout: quickTimeout,
		json: map[string]string{"data": data},
	}))
	if err != nil {
		return fmt.Errorf("send input to command %s: %w", commandID, err)
	}
	return nil
}

// Logs implements sandbox.Processes.
func (t *toolbox) Logs(ctx context.Context, sessionID, commandID string) (stdout, stderr string, err error) {
	body, err := t.call(ctx, call{
		method: http.MethodGet, url: commandPath(sessionID, commandID) + "/logs", timeout: 5 * time.Minute, safe: true,
	})
	if err != nil {
		return "", "", fmt.Errorf("get logs of command %s: %w", commandID, err)
	}
	text, err := io.ReadAll(io.LimitReader(body, maxLogs))
	if cerr := body.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return "", "", fmt.Errorf("get logs of command %s: %w", commandID, err)
	}
	stdout, stderr = splitLogs(text)
	return stdout, stderr, nil
}

// splitLogs reads the three forms in which daemons answer: JSON with the
// streams by themselves, text with markers, and plain text, which counts as
// standard output.
func splitLogs(text []byte) (stdout, stderr string) {
	var a struct {
		Output *string `json:"output"`
		Stdout string  `json:"stdout"`
		Stderr string  `json:"stderr"`
	}
	if bytes.HasPrefix(text, []byte("{")) && json.Unmarshal(text, &a) == nil && a.Output != nil {
		if a.Stdout != "" || a.Stderr != "" || *a.Output == "" {
			return a.Stdout, a.Stderr
		}
		text = []byte(*a.Output)
	}
	out, errs := logstream.Split(text)
	return string(out), string(errs)
}
