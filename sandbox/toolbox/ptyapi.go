//go:build linux

package toolbox

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/coder/websocket"
)

const (
	ptyExitControl = "X-Daytona-Pty-Exit-Control"
	ptyEnvs        = "X-Daytona-Pty-Envs~"
	maxInput       = 64 << 10
)

func (s *Server) ptyRoutes() {
	s.handle("GET /process/pty", s.listPTYs)
	s.handle("POST /process/pty", s.createPTY)
	s.handle("GET /process/pty/create-connect", s.createConnectPTY)
	s.handle("GET /process/pty/{id}", s.getPTY)
	s.handle("DELETE /process/pty/{id}", s.deletePTY)
	s.handle("POST /process/pty/{id}/resize", s.resizePTY)
	s.handle("GET /process/pty/{id}/connect", s.connectPTY)
}

func (s *Server) listPTYs(w http.ResponseWriter, _ *http.Request) error {
	s.ptys.mu.Lock()
	list := make([]*terminal, 0, len(s.ptys.byID))
	for _, p := range s.ptys.byID {
		list = append(list, p.info())
	}
	s.ptys.mu.Unlock()
	slices.SortFunc(list, func(a, b *terminal) int { return a.CreatedAt.Compare(b.CreatedAt) })
	writeJSON(w, http.StatusOK, map[string]any{"sessions": list})
	return nil
}

func (s *Server) createPTY(w http.ResponseWriter, r *http.Request) error {
	var req ptyRequest
	if err := decode(w, r, &req); err != nil {
		return err
	}
	p, err := s.ptys.create(req)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, map[string]string{"sessionId": p.ID})
	return nil
}

func (s *Server) getPTY(w http.ResponseWriter, r *http.Request) error {
	p, err := s.ptys.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, p.info())
	return nil
}

func (s *Server) deletePTY(w http.ResponseWriter, r *http.Request) error {
	p, err := s.ptys.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	// A client that goes away meanwhile wants it no less.
	p.kill(context.WithoutCancel(r.Context()))
	writeJSON(w, http.StatusOK, map[string]string{"message": "PTY session deleted"})
	return nil
}

func (s *Server) resizePTY(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Cols int `json:"cols"`
		Rows int `json:"rows"`
	}
	if err := decode(w, r, &req); err != nil {
		return err
	}
	p, err := s.ptys.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	if req.Cols < 1 || req.Cols > 1000 || req.Rows < 1 || req.Rows > 1000 {
		return badRequest("cols and rows must be from 1 to 1000")
	}
	if err := p.resize(uint16(req.Cols), uint16(req.Rows)); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, p.info())
	return nil
}

func (s *Server) createConnectPTY(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	req := ptyRequest{ID: q.Get("id"), Cwd: q.Get("cwd")}
	for name, dst := range map[string]*int{"cols": &req.Cols, "rows": &req.Rows} {
		if text := q.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				return badRequest("%s must be a number", name)
			}
			*dst = n
		}
	}
	for _, offer := range offered(r) {
		if text, ok := strings.CutPrefix(offer, ptyEnvs); ok {
			data, err := base64.RawURLEncoding.DecodeString(text)
			if err == nil {
				err = json.Unmarshal(data, &req.Envs)
			}
			if err != nil {
				return badRequest("environment in the subprotocol: %v", err)
			}
		}
	}
	p, err := s.ptys.create(req)
	if err != nil {
		return err
	}
	return s.attach(w, r, p)
}

func (s *Server) connectPTY(w http.ResponseWriter, r *http.Request) error {
	p, err := s.ptys.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := p.start(); err != nil {
		return err
	}
	return s.attach(w, r, p)
}

// offered returns the WebSocket subprotocols that the client offers.
func offered(r *http.Request) []string {
	var list []string
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for name := range strings.SplitSeq(line, ",") {
			list = append(list, strings.TrimSpace(name))
		}
	}
	return list
}

// chooseProtocol selects one of the offered subprotocols: some clients fail
// without.
func chooseProtocol(offers []string) []string {
	for _, want := range []string{ptyExitControl, "X-Daytona-SDK-Version~"} {
		for _, o := range offers {
			if o == want || (strings.HasSuffix(want, "~") && strings.HasPrefix(o, want)) {
				return []string{o}
			}
		}
	}
	return offers
}

// attach connects a client to a terminal until one of them ends.
func (s *Server) attach(w http.ResponseWriter, r *http.Request, p *terminal) error {
	reader := &ptyReader{out: make(chan []byte, ptyQueue), slow: make(chan struct{})}
	p.mu.Lock()
	p.readers[reader] = struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.readers, reader)
	}()
	offers := offered(r)
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, Subprotocols: chooseProtocol(offers)})
	if err != nil {
		return nil // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }() // after Close it does nothing
	conn.SetReadLimit(maxInput)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if err := control(ctx, conn, map[string]any{"status": "connected"}); err != nil {
		return nil // the client is gone
	}
	go func() {
		defer cancel()
		for {
			_, data, err := conn.Read(ctx)
			if err != nil {
				return
			}
			if _, err := p.file.Write(data); err != nil {
				return
			}
		}
	}()
	for {
		select {
		case piece := <-reader.out:
			if err := conn.Write(ctx, websocket.MessageBinary, piece); err != nil {
				return nil // the client is gone
			}
		case <-reader.slow:
			_ = conn.Close(websocket.StatusPolicyViolation, "slow consumer") // it may be gone
			return nil
		case <-ctx.Done():
			return nil
		case <-p.ended:
			return s.sayExit(ctx, conn, p, reader, slices.Contains(offers, ptyExitControl))
		}
	}
}

// sayExit sends what is left of the output, then how the shell ended.
func (s *Server) sayExit(ctx context.Context, conn *websocket.Conn, p *terminal, reader *ptyReader, tell bool) error {
	for len(reader.out) > 0 {
		if err := conn.Write(ctx, websocket.MessageBinary, <-reader.out); err != nil {
			return nil //nolint:nilerr // the client is gone
		}
	}
	end := map[string]any{"exitCode": p.code}
	if p.code != 0 {
		end["exitReason"] = exitReason(p.code)
	}
	reason, err := json.Marshal(end)
	if err != nil {
		return err
	}
	if tell {
		end["status"] = "exited"
		if err := control(ctx, conn, end); err != nil {
			return nil //nolint:nilerr // the client is gone
		}
	}
	status := websocket.StatusNormalClosure
	if p.code != 0 {
		status = websocket.StatusInternalError
	}
	_ = conn.Close(status, string(reason)) // it may be gone
	return nil
}

func exitReason(code int) string {
	switch code {
	case 137:
		return "SIGKILL"
	case 130:
		return "Ctrl+C"
	case 143:
		return "SIGTERM"
	}
	return "exit code " + strconv.Itoa(code)
}

func control(ctx context.Context, conn *websocket.Conn, fields map[string]any) error {
	fields["type"] = "control"
	text, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return conn.Write(ctx, websocket.MessageText, text)
}
