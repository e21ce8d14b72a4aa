// Command bench measures what a person waits for, on the real binary with real
// sandboxes and a scripted model that answers at once: from Build to a ready
// sandbox and to the first page of the preview, from a prompt to its first
// token, the time that each step of a run takes outside the model, and a
// deploy. It prints a Markdown table of minimum, median and maximum, and beside
// it what the same costs by hand (byhand.go), as ratios.
//
// It needs what `surgent serve` needs (root for the embedded engine).
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"surgent.dev/surgent/model/modeltest"
)

func main() {
	binary := flag.String("binary", "bin/surgent", "the binary to measure")
	template := flag.String("template", "templates/web-app/project", "the template that is built by hand beside it")
	rounds := flag.Int("rounds", 10, "measurements of each figure")
	flag.Parse()
	if err := run(context.Background(), *binary, *template, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// figure is one line of the table.
type figure struct {
	what    string
	samples []time.Duration
}

// row is the figure's line of the table.
func (f figure) row() string {
	if len(f.samples) == 0 {
		return fmt.Sprintf("| %s | 0 | – | – | – |", f.what)
	}
	ms := func(d time.Duration) string { return fmt.Sprintf("%.0f ms", float64(d.Microseconds())/1000) }
	return fmt.Sprintf("| %s | %d | %s | %s | %s |", f.what, len(f.samples), ms(slices.Min(f.samples)), ms(f.median()), ms(slices.Max(f.samples)))
}

// median is the middle sample (the upper of two), 0 without any.
func (f figure) median() time.Duration {
	if len(f.samples) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(f.samples))
	return s[len(s)/2]
}

const steps = 5 // tool calls in the measured run

func script(r modeltest.Request) modeltest.Answer {
	if r.Turn < steps {
		return modeltest.Call("", "Bash", map[string]any{"command": "true"})
	}
	return modeltest.Text("Done.")
}

func run(ctx context.Context, binary, template string, rounds int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	modelAddr := make(chan string, 1)
	go func() {
		// The bench ends with the process; a failure to listen shows as a run
		// that fails.
		_ = modeltest.New(modeltest.Config{Script: script}).ListenAndServe(ctx, "127.0.0.1:0", func(a string) { modelAddr <- a })
	}()
	s, err := start(ctx, binary, "http://"+<-modelAddr)
	if err != nil {
		return err
	}
	defer s.stop()

	ready := figure{what: "create project → sandbox ready"}
	page := figure{what: "create project → first preview page"}
	token := figure{what: "prompt → first token on the timeline"}
	step := figure{what: "one step outside the model (Bash `true`)"}
	deployed := figure{what: "deploy: button → live"}
	for i := range rounds {
		if err := s.round(ctx, i, &ready, &page, &token, &step, &deployed); err != nil {
			return fmt.Errorf("round %d: %w\n%s", i, err, s.tail())
		}
	}
	fmt.Println("| what | n | min | median | max |\n| --- | --- | --- | --- | --- |")
	for _, f := range []figure{ready, page, token, step, deployed} {
		fmt.Println(f.row())
	}
	s.stop() // the second half is measured alone

	first := figure{what: "by hand: copy, `npm install`, `vite` → first page"}
	build := figure{what: "by hand: `vite build`, nothing published"}
	if err := byHand(ctx, template, rounds, &first, &build); err != nil {
		return err
	}
	for _, f := range []figure{first, build} {
		fmt.Println(f.row())
	}
	fmt.Printf("\nBy hand over Surgent, medians: first page %.1f, live build %.1f\n",
		first.median().Seconds()/page.median().Seconds(), build.median().Seconds()/deployed.median().Seconds())
	return nil
}

func (s *server) round(ctx context.Context, i int, ready, page, token, step, deployed *figure) error {
	begin := time.Now()
	var project string
	if err := s.call(ctx, "mutation", "projects:createProject", obj{"name": fmt.Sprintf("Bench %d", i)}, &project); err != nil {
		return err
	}
	id := obj{"projectId": project}
	if err := s.until(ctx, "sandbox started", func() (bool, error) {
		var p struct {
			Sandbox struct{ Status, Error string }
		}
		err := s.call(ctx, "query", "projects:getProject", id, &p)
		if p.Sandbox.Status == "error" {
			return false, fmt.Errorf("sandbox: %s", p.Sandbox.Error)
		}
		return p.Sandbox.Status == "started", err
	}); err != nil {
		return err
	}
	ready.samples = append(ready.samples, time.Since(begin))
	var link struct{ URL string }
	if err := s.call(ctx, "action", "projects:previewLink", id, &link); err != nil {
		return err
	}
	if err := s.until(ctx, "first page", func() (bool, error) { return s.page(ctx, link.URL) }); err != nil {
		return err
	}
	page.samples = append(page.samples, time.Since(begin))

	var sessions []struct {
		ID string `json:"_id"`
	}
	if err := s.call(ctx, "query", "sessions:listSessionsByProject", id, &sessions); err != nil {
		return err
	}
	begin = time.Now()
	if err := s.call(ctx, "mutation", "sessions:createMessageAndRunAgent",
		obj{"projectId": project, "sessionId": sessions[0].ID, "prompt": "measure"}, nil); err != nil {
		return err
	}
	first := time.Duration(0)
	if err := s.until(ctx, "run end", func() (bool, error) {
		var rows []struct{ Raw json.RawMessage }
		if err := s.call(ctx, "query", "sessions:listMessagesBySession", obj{"sessionId": sessions[0].ID}, &rows); err != nil {
			return false, err
		}
		for _, r := range rows {
			if first == 0 && bytes.Contains(r.Raw, []byte(`"assistant"`)) {
				first = time.Since(begin)
			}
			if bytes.Contains(r.Raw, []byte(`"type":"result"`)) {
				return true, nil
			}
		}
		return false, nil
	}); err != nil {
		return err
	}
	token.samples = append(token.samples, first)
	step.samples = append(step.samples, (time.Since(begin)-first)/steps)

	begin = time.Now()
	if err := s.call(ctx, "mutation", "projects:deployProject", obj{"projectId": project, "deployName": fmt.Sprintf("bench-%d", i)}, nil); err != nil {
		return err
	}
	if err := s.until(ctx, "deployed", func() (bool, error) {
		var p struct {
			Deployment struct{ Status, Error string }
		}
		err := s.call(ctx, "query", "projects:getProject", id, &p)
		if strings.HasSuffix(p.Deployment.Status, "_failed") {
			return false, fmt.Errorf("%s: %s", p.Deployment.Status, p.Deployment.Error)
		}
		return p.Deployment.Status == "deployed", err
	}); err != nil {
		return err
	}
	deployed.samples = append(deployed.samples, time.Since(begin))
	return s.call(ctx, "mutation", "projects:deleteProject", id, nil)
}

type obj = map[string]any

// server is the measured binary on a data folder of its own.
type server struct {
	url   string
	data  string
	cmd   *exec.Cmd
	token string
	http  *http.Client
}

func start(ctx context.Context, binary, model string) (*server, error) {
	data, err := os.MkdirTemp("", "surgent-bench-")
	if err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	addr := net.JoinHostPort("127.0.0.1", port)
	log, err := os.Create(filepath.Join(data, "log"))
	if err != nil {
		return nil, fmt.Errorf("make log: %w", err)
	}
	cmd := exec.CommandContext(ctx, binary, "serve")
	cmd.Env = append(os.Environ(), "SURGENT_ADDR="+addr, "SURGENT_DOMAIN=localhost:"+port, "SURGENT_DATA="+data,
		"ANTHROPIC_API_KEY="+modeltest.DefaultKey, "ANTHROPIC_BASE_URL="+model)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make cookie jar: %w", err)
	}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		// Every *.localhost name is this server.
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	s := &server{url: "http://localhost:" + port, data: data, cmd: cmd, http: &http.Client{Jar: jar, Transport: &http.Transport{DialContext: dial}}}
	if err := s.until(ctx, "healthz", func() (bool, error) {
		ok, err := s.page(ctx, s.url+"/healthz")
		return err == nil && ok, nil
	}); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, s.tail())
	}
	var answer struct{ Tokens struct{ Token string } }
	err = s.call(ctx, "action", "auth:signIn", obj{
		"provider": "password",
		"params":   obj{"flow": "signUp", "email": "bench@example.test", "password": "correct horse battery"},
	}, &answer)
	s.token = answer.Tokens.Token
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, s.tail())
	}
	// The first project waits for the base and the warm images: not measured.
	var project string
	if err := s.call(ctx, "mutation", "projects:createProject", obj{"name": "Warm-up"}, &project); err != nil {
		return nil, err
	}
	if err := s.until(ctx, "warm-up", func() (bool, error) {
		var p struct{ Sandbox struct{ Status string } }
		err := s.call(ctx, "query", "projects:getProject", obj{"projectId": project}, &p)
		return p.Sandbox.Status == "started", err
	}); err != nil {
		return nil, err
	}
	return s, s.call(ctx, "mutation", "projects:deleteProject", obj{"projectId": project}, nil)
}

func (s *server) tail() string {
	log, err := os.ReadFile(filepath.Join(s.data, "log"))
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-4000):])
}

// stop ends the server and removes its data; twice is as good as once.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // a process that is gone is what we want
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.data)
}

func (s *server) until(ctx context.Context, what string, check func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		done, err := check()
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (s *server) page(ctx context.Context, url string) (bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false, fmt.Errorf("ask %s: %w", url, err)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return false, fmt.Errorf("ask %s: %w", url, err)
	}
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode == http.StatusOK, err
}

func (s *server) call(ctx context.Context, kind, path string, args, into any) error {
	body, err := json.Marshal(obj{"path": path, "format": "json", "args": args})
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/"+kind, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask %s: %w", path, err)
	}
	req.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask %s: %w", path, err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct {
		Status, ErrorMessage string
		Value                json.RawMessage
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return fmt.Errorf("read answer of %s: %w", path, err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", path, answer.ErrorMessage)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Value, into); err != nil {
		return fmt.Errorf("decode %s: %w", path, err)
	}
	return nil
}
