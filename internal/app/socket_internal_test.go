package app

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/uuid"
)

// socket is a client of the sync protocol that only sends mutations.
type socket struct {
	conn *websocket.Conn
}

// dial connects as the official client does: Connect, then the token, then an
// empty set of queries.
func (p *person) dial(t *testing.T, session string) *socket {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(p.b.url, "http")+"/api/1.48.0/sync", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	s := &socket{conn}
	s.send(t, obj{"type": "Connect", "sessionId": session, "connectionCount": 0, "lastCloseReason": "InitialConnect", "clientTs": 0})
	s.send(t, obj{"type": "Authenticate", "tokenType": "User", "value": p.token, "baseVersion": 0})
	s.send(t, obj{"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": []any{}})
	return s
}

func (s *socket) send(t *testing.T, msg obj) {
	t.Helper()
	raw, err := json.Marshal(msg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.conn.Write(t.Context(), websocket.MessageText, raw); err != nil {
		t.Fatal(err)
	}
}

type mutationAnswer struct {
	Type      string         `json:"type"`
	RequestID int            `json:"requestId"`
	Success   bool           `json:"success"`
	Result    any            `json:"result"`
	TS        string         `json:"ts"`
	ErrorData map[string]any `json:"errorData"`
}

// mutate sends a mutation and waits for its answer.
func (s *socket) mutate(t *testing.T, request int, path string, args obj) mutationAnswer {
	t.Helper()
	s.send(t, obj{"type": "Mutation", "requestId": request, "udfPath": path, "args": []any{args}})
	for {
		_, raw, err := s.conn.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var a mutationAnswer
		if err := json.Unmarshal(raw, &a); err != nil {
			t.Fatal(err)
		}
		switch {
		case a.Type == "FatalError" || a.Type == "AuthError":
			t.Fatalf("the server said %s", raw)
		case a.Type == "MutationResponse" && a.RequestID == request:
			return a
		}
	}
}

func TestTheLimitHoldsOverManySockets(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.guest(t)
	var wg sync.WaitGroup
	answers := make(chan mutationAnswer, 100)
	for i := range 20 {
		s := p.dial(t, uuid.NewString())
		wg.Go(func() {
			for n := range 5 {
				answers <- s.mutate(t, n, "projects:createProject", obj{"name": fmt.Sprintf("P%d-%d", i, n)})
			}
		})
	}
	wg.Wait()
	close(answers)
	made := 0
	for a := range answers {
		if a.Success {
			made++
		} else if a.ErrorData["code"] != "quota" {
			t.Errorf("failed with %v", a.Result)
		}
	}
	if made != 3 || b.count(t, "projects") != 3 {
		t.Errorf("%d creates succeeded, %d projects are there", made, b.count(t, "projects"))
	}
}

// The creates come from two processes, over HTTP and over sockets, for one
// person: a count that is checked apart from the insert, or kept in memory,
// lets more than three through.
func TestTheLimitHoldsForTwoProcesses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.guest(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestClientProcess$", "-test.v")
			cmd.Env = append(os.Environ(), "SURGENT_TEST_CLIENT="+b.url, "SURGENT_TEST_TOKEN="+p.token)
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "sent 50") {
				t.Errorf("a client ended with %v: %s", err, out)
			}
		})
	}
	wg.Wait()
	if n := b.count(t, "projects"); n != 3 {
		t.Errorf("%d projects are there", n)
	}
}

// TestClientProcess is one of the two processes above. Called by itself it has
// no server and nothing to do.
func TestClientProcess(t *testing.T) {
	t.Parallel()
	at := os.Getenv("SURGENT_TEST_CLIENT")
	if at == "" {
		return
	}
	p := &person{b: &bench{url: at}, token: os.Getenv("SURGENT_TEST_TOKEN")}
	var wg sync.WaitGroup
	for i := range 25 {
		s := p.dial(t, uuid.NewString())
		wg.Go(func() {
			if a := s.mutate(t, 0, "projects:createProject", obj{"name": fmt.Sprint("socket ", i)}); !a.Success && a.ErrorData["code"] != "quota" {
				t.Errorf("failed with %v", a.Result)
			}
		})
		wg.Go(func() {
			if _, failed := p.call(t, "mutation", "projects:createProject", obj{"name": fmt.Sprint("http ", i)}); failed != nil && failed.data["code"] != "quota" {
				t.Errorf("failed with %v", failed)
			}
		})
	}
	wg.Wait()
	t.Log("sent 50")
}

func TestARepeatAfterARestartRunsNothing(t *testing.T) {
	t.Parallel()
	dir, addr, session := t.TempDir(), fmt.Sprintf("127.0.0.1:%d", freePort(t)), uuid.NewString()
	b := startBenchAt(t, dir, addr)
	p := b.guest(t)
	name := "Once " + rand.Text()[:6]
	first := p.dial(t, session).mutate(t, 0, "projects:createProject", obj{"name": name})
	if !first.Success {
		t.Fatalf("failed with %v", first.Result)
	}
	b.down()
	again := startBenchAt(t, dir, addr)
	p.b = again
	second := p.dial(t, session).mutate(t, 0, "projects:createProject", obj{"name": name})
	if !second.Success || second.Result != first.Result || second.TS != first.TS {
		t.Errorf("first %+v, repeated %+v", first, second)
	}
	if n := again.count(t, "projects"); n != 1 {
		t.Errorf("%d projects are there", n)
	}
	// Another process of the same client has its own session: it runs.
	if other := p.dial(t, uuid.NewString()).mutate(t, 0, "projects:createProject", obj{"name": name}); !other.Success || other.Result == first.Result {
		t.Errorf("another client's request was taken for a repeat: %+v", other)
	}
}
