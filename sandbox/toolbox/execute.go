//go:build linux

package toolbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// maxOutput is how much of an executed command's output is kept.
	maxOutput = 16 << 20
	// maxArg is the longest command given as an argument; the kernel takes up
	// to 128 KiB.
	maxArg = 64 << 10
	// outputDelay is how long the output of children that outlive the command
	// is waited for.
	outputDelay = 200 * time.Millisecond
)

func (s *Server) processRoutes() {
	s.handle("POST /process/execute", s.execute)
	s.handle("POST /process/code-run", s.codeRun)
}

type executeRequest struct {
	Command string            `json:"command"`
	Cwd     string            `json:"cwd"`
	Timeout float64           `json:"timeout"` // seconds
	Envs    map[string]string `json:"envs"`
	Env     map[string]string `json:"env"`
}

// executeAnswer says the exit code under its name of today and its name of
// mid 2025.
type executeAnswer struct {
	ExitCode int    `json:"exitCode"`
	Code     int    `json:"code"`
	Result   string `json:"result"`
}

func (s *Server) execute(w http.ResponseWriter, r *http.Request) error {
	var req executeRequest
	if err := decode(w, r, &req); err != nil {
		return err
	}
	if req.Command == "" {
		return badRequest("command is required")
	}
	env := req.Envs
	if env == nil {
		env = req.Env
	}
	if err := checkEnv(env); err != nil {
		return err
	}
	j, args := newJob(), []string{"-c", req.Command}
	if len(req.Command) > maxArg {
		script, err := s.writeScript(j, req.Command)
		if err != nil {
			return err
		}
		defer func() { _ = os.Remove(script) }() // a leftover is harmless
		args = []string{script}
	}
	return s.runCommand(w, r, run{job: j, argv: append([]string{s.shell}, args...), dir: req.Cwd, env: env, timeout: req.Timeout})
}

// codeRun runs source text with the interpreter of its language.
func (s *Server) codeRun(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Code     string            `json:"code"`
		Language string            `json:"language"`
		Argv     []string          `json:"argv"`
		Envs     map[string]string `json:"envs"`
		Timeout  float64           `json:"timeout"`
	}
	if err := decode(w, r, &req); err != nil {
		return err
	}
	var argv []string
	switch req.Language {
	case "python", "":
		argv = []string{"python3", "-u", "-"}
	case "javascript":
		argv = []string{"node", "-"}
	case "typescript":
		argv = []string{"node", "--experimental-strip-types", "--input-type=module-typescript", "-"}
	default:
		return badRequest("unknown language %q", req.Language)
	}
	if err := checkEnv(req.Envs); err != nil {
		return err
	}
	return s.runCommand(w, r, run{job: newJob(), argv: append(argv, req.Argv...), stdin: req.Code, env: req.Envs, timeout: req.Timeout})
}

// writeScript writes a command into a file that job j may read.
func (s *Server) writeScript(j job, text string) (string, error) {
	path := filepath.Join(s.cfg.StateDir, "run", j.ID+".sh")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", err
	}
	return path, s.cfg.Account.give(path, j, 0o640)
}

// run is one command to be waited for.
type run struct {
	job     job
	argv    []string
	stdin   string
	dir     string
	env     map[string]string
	timeout float64 // seconds, 0 is none
}

func (s *Server) runCommand(w http.ResponseWriter, r *http.Request, job run) error {
	if job.timeout < 0 {
		return badRequest("timeout must not be negative")
	}
	ctx := r.Context()
	if job.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(job.timeout*float64(time.Second)))
		defer cancel()
	}
	output, code, err := s.run(ctx, job)
	if errors.Is(err, context.DeadlineExceeded) {
		return fail(http.StatusRequestTimeout, "PROCESS_EXECUTION_TIMEOUT", "command execution timeout")
	}
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, executeAnswer{ExitCode: code, Code: code, Result: output})
	return nil
}

// run starts a command in a session of its own and waits for it. When ctx
// ends first, everything that it started is killed. A command that cannot be
// started has the exit code -1.
func (s *Server) run(ctx context.Context, job run) (output string, code int, err error) {
	dir := job.dir
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(s.cfg.WorkDir, dir)
	}
	fifo := filepath.Join(s.cfg.StateDir, "run", job.job.ID)
	r, w, err := s.pipe(fifo, job.job)
	defer func() { _ = os.Remove(fifo) }() // a leftover is harmless
	if err != nil {
		return "", 0, fmt.Errorf("make pipe: %w", err)
	}
	cmd := exec.Command(job.argv[0], job.argv[1:]...) //nolint:noctx // running commands is the purpose; ended by kill
	cmd.Dir, cmd.Env = dir, append(s.environ(job.env), jobVar+"="+job.job.ID)
	cmd.Stdout, cmd.Stderr = w, w
	if job.stdin != "" {
		cmd.Stdin = strings.NewReader(job.stdin)
	}
	cmd.SysProcAttr = s.cfg.Account.start(job.job)
	cmd.WaitDelay = outputDelay
	err = cmd.Start()
	_ = w.Close() // the command's
	if err != nil {
		_ = r.Close()
		return err.Error(), -1, nil // told as the command's failure
	}
	ended := make(chan struct{}) // closed when the command was reaped
	out, read := &cappedBuffer{limit: maxOutput}, make(chan struct{})
	go func() {
		defer close(read)
		collect(out, r, ended, outputDelay)
	}()
	go func() {
		_ = cmd.Wait() // the state says how it ended
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		job.job.kill(ctx, cmd.Process.Pid, 0)
		<-read
		return "", 0, ctx.Err()
	}
	<-read
	return out.String(), exitCode(cmd.ProcessState), nil
}

// exitCode gives a killed process the number that shells give it.
func exitCode(st *os.ProcessState) int {
	if ws, ok := st.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return st.ExitCode()
}

// cappedBuffer keeps the first bytes and drops the rest.
type cappedBuffer struct {
	mu    sync.Mutex // both streams may be copied at once
	buf   bytes.Buffer
	limit int
	lost  bool
}

func (b *cappedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if room := b.limit - b.buf.Len(); room < len(p) {
		b.lost = true
		b.buf.Write(p[:room])
		return len(p), nil
	}
	return b.buf.Write(p)
}

func (b *cappedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost {
		return b.buf.String() + "\n[output cut off]\n"
	}
	return b.buf.String()
}
