//go:build linux

package toolbox

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"surgent.dev/surgent/sandbox/toolbox/logstream"
)

// frameLen bounds a WebSocket frame of a followed log. The JavaScript SDK
// spreads a frame into function arguments and dies of large ones.
const frameLen = 32 << 10

func (s *Server) sessionRoutes() {
	const command = "/process/session/{sid}/command/{cid}"
	s.handle("POST /process/session", s.createSession)
	s.handle("GET /process/session", s.listSessions)
	s.handle("GET /process/session/{sid}", s.getSession)
	s.handle("DELETE /process/session/{sid}", s.deleteSession)
	s.handle("POST /process/session/{sid}/exec", s.sessionExec)
	s.handle("GET "+command, s.getCommand)
	s.handle("GET "+command+"/logs", s.commandLogs)
	s.handle("POST "+command+"/input", s.commandInput)
}

type commandAnswer struct {
	ID       string `json:"id"`
	Command  string `json:"command"`
	ExitCode *int   `json:"exitCode,omitempty"` // absent while it runs
}

type sessionAnswer struct {
	SessionID string          `json:"sessionId"`
	Commands  []commandAnswer `json:"commands"`
}

func (c *command) answer() commandAnswer {
	a := commandAnswer{ID: c.ID, Command: c.Command}
	select {
	case <-c.done:
		code := c.code
		a.ExitCode = &code
	default:
	}
	return a
}

func (s *session) answer() sessionAnswer {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := sessionAnswer{SessionID: s.ID, Commands: []commandAnswer{}}
	for _, c := range s.commands {
		a.Commands = append(a.Commands, c.answer())
	}
	return a
}

func (s *Server) createSession(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		SessionID string `json:"sessionId"`
	}
	if err := decode(w, r, &req); err != nil {
		return err
	}
	dir := s.cfg.WorkDir
	if sdkBefore(r, 103) {
		dir = s.cfg.Home
	}
	if err := s.sessions.create(req.SessionID, dir); err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (s *Server) listSessions(w http.ResponseWriter, _ *http.Request) error {
	list := []sessionAnswer{}
	for _, sess := range s.sessions.all() {
		list = append(list, sess.answer())
	}
	writeJSON(w, http.StatusOK, list)
	return nil
}

func (s *Server) getSession(w http.ResponseWriter, r *http.Request) error {
	sess, err := s.sessions.get(r.PathValue("sid"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, sess.answer())
	return nil
}

func (s *Server) deleteSession(w http.ResponseWriter, r *http.Request) error {
	// A client that goes away meanwhile wants it no less.
	if err := s.sessions.remove(context.WithoutCancel(r.Context()), r.PathValue("sid")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) sessionExec(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Command           string `json:"command"`
		RunAsync          bool   `json:"runAsync"`
		Async             bool   `json:"async"`
		SuppressInputEcho bool   `json:"suppressInputEcho"`
	}
	if err := decode(w, r, &req); err != nil {
		return err
	}
	sess, err := s.sessions.get(r.PathValue("sid"))
	if err != nil {
		return err
	}
	if req.Command == "" {
		return badRequest("command is required")
	}
	if strings.ContainsRune(req.Command, 0) {
		return badRequest("command holds a NUL byte")
	}
	async := req.RunAsync || req.Async
	c, err := sess.run(commandFile{Command: req.Command, Async: async, HideInput: req.SuppressInputEcho})
	if err != nil {
		return err
	}
	if async {
		writeJSON(w, http.StatusAccepted, map[string]string{"cmdId": c.ID})
		return nil
	}
	select {
	case <-c.done:
	case <-r.Context().Done():
		return r.Context().Err() // nobody reads this; the command runs on
	}
	output, stdout, stderr, err := c.texts(logShape(r) != plainLog)
	if err != nil {
		return err
	}
	answer := map[string]any{"cmdId": c.ID, "output": output, "exitCode": c.code}
	if logShape(r) == splitLog {
		answer["stdout"], answer["stderr"] = stdout, stderr
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

func (s *Server) command(r *http.Request) (*command, error) {
	sess, err := s.sessions.get(r.PathValue("sid"))
	if err != nil {
		return nil, err
	}
	sess.mu.Lock()
	defer sess.mu.Unlock()
	for _, c := range sess.commands {
		if c.ID == r.PathValue("cid") {
			return c, nil
		}
	}
	return nil, fail(http.StatusNotFound, "NOT_FOUND", "command not found: %s", r.PathValue("cid"))
}

func (s *Server) getCommand(w http.ResponseWriter, r *http.Request) error {
	c, err := s.command(r)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, c.answer())
	return nil
}

func (s *Server) commandInput(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Data string `json:"data"`
	}
	c, err := s.command(r)
	if err != nil {
		return err
	}
	if err := decode(w, r, &req); err != nil {
		return err
	}
	if err := c.input(req.Data); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// The shapes of a log that is not followed, by the SDK that asks.
const (
	plainLog  = iota // text
	markedLog        // text with markers
	splitLog         // JSON, each stream by itself
)

func logShape(r *http.Request) int {
	minor, ok := sdkMinor(r)
	switch {
	case ok && minor >= 167:
		return splitLog
	case ok && minor >= 27, r.Header.Get("X-Daytona-Split-Output") == "true":
		return markedLog
	}
	return plainLog
}

// texts returns the log so far, interleaved and split.
func (c *command) texts(markers bool) (output, stdout, stderr string, err error) {
	var all, out, errs []byte
	var last logstream.Stream
	err = c.log.snapshot(func(st logstream.Stream, p []byte) {
		if markers && st != last {
			all = logstream.AppendMarker(all, st)
		}
		last = st
		all = append(all, p...)
		if st == logstream.Stderr {
			errs = append(errs, p...)
		} else {
			out = append(out, p...)
		}
	})
	return string(all), string(out), string(errs), err
}

func (s *Server) commandLogs(w http.ResponseWriter, r *http.Request) error {
	c, err := s.command(r)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("follow") == "true" {
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			return s.followSocket(w, r, c)
		}
		return followChunked(w, r, c)
	}
	shape := logShape(r)
	output, stdout, stderr, err := c.texts(shape != plainLog)
	if err != nil {
		return err
	}
	if shape == splitLog {
		writeJSON(w, http.StatusOK, map[string]string{"output": output, "stdout": stdout, "stderr": stderr})
		return nil
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, output) //nolint:gosec // plain text; an error means that the client is gone
	return nil
}

// followSocket sends the log with markers, each frame beginning with one, and
// closes normally after the exit code can be read.
func (s *Server) followSocket(w http.ResponseWriter, r *http.Request, c *command) error {
	// The bearer token was checked, and there are no cookies: the page that
	// asks need not be of this origin. No subprotocol is offered by the SDKs
	// here, and none may be answered.
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return nil // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }() // after Close it does nothing
	ctx := conn.CloseRead(r.Context())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	frame := make([]byte, 0, frameLen)
	err = c.log.follow(ctx, frameLen-logstream.MarkerLen, func(st logstream.Stream, p []byte) error {
		frame = append(logstream.AppendMarker(frame[:0], st), p...)
		return conn.Write(ctx, websocket.MessageBinary, frame)
	})
	switch {
	case err == nil:
		_ = conn.Close(websocket.StatusNormalClosure, "") // the client may be gone
	case ctx.Err() == nil:
		s.log.Warn("log not followed", "session", c.session.ID, "command", c.ID, "err", err)
		_ = conn.Close(websocket.StatusInternalError, "log cannot be read")
	}
	return nil
}

// followChunked sends the log as plain text in chunks, for SDKs that read it
// with fetch. They decode chunk by chunk, so characters are kept whole. It
// ends after the exit code can be read.
func followChunked(w http.ResponseWriter, r *http.Request, c *command) error {
	flush := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.WriteHeader(http.StatusOK)
	_ = flush.Flush() // an error shows again at the first write
	var held [3][]byte
	err := c.log.follow(r.Context(), frameLen, func(st logstream.Stream, p []byte) error {
		p = append(held[st], p...)
		cut := len(p) - logstream.CutUTF8(p)
		held[st] = append([]byte(nil), p[cut:]...)
		if cut == 0 {
			return nil
		}
		if _, err := w.Write(p[:cut]); err != nil { //nolint:gosec // bytes, no page
			return err
		}
		return flush.Flush()
	})
	if err != nil {
		if r.Context().Err() == nil && !errors.Is(err, context.Canceled) {
			panic(http.ErrAbortHandler) // a clean end would say that it is complete
		}
		return nil
	}
	_, _ = w.Write(append(held[logstream.Stdout], held[logstream.Stderr]...)) // the client may be gone
	return nil
}
