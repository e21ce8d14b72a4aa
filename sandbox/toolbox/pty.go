//go:build linux

package toolbox

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/creack/pty"
	"github.com/google/uuid"
)

// ptyQueue is how many pieces of output may wait for one reader; a slower one
// is disconnected.
const ptyQueue = 256

// terminal is one shell on a pseudo terminal. It goes on without readers.
type terminal struct {
	ID        string            `json:"id"`
	Cwd       string            `json:"cwd"`
	Envs      map[string]string `json:"envs"`
	Cols      uint16            `json:"cols"`
	Rows      uint16            `json:"rows"`
	CreatedAt time.Time         `json:"createdAt"`
	Active    bool              `json:"active"`
	LazyStart bool              `json:"lazyStart"`

	job     job
	server  *Server
	mu      sync.Mutex
	file    *os.File // nil until started
	cmd     *exec.Cmd
	readers map[*ptyReader]struct{}
	// ended is closed when the shell was reaped and its last output queued,
	// after code was set.
	ended chan struct{}
	code  int
}

// ptyReader is one connected client. The terminal sends to out and never
// closes it; a client that lets it fill up is told so by slow.
type ptyReader struct {
	out  chan []byte
	slow chan struct{}
	once sync.Once
}

type ptyTable struct {
	server *Server
	mu     sync.Mutex
	byID   map[string]*terminal
}

func newPTYTable(s *Server) *ptyTable { return &ptyTable{server: s, byID: map[string]*terminal{}} }

func (t *ptyTable) closeAll() {
	t.mu.Lock()
	list := make([]*terminal, 0, len(t.byID))
	for _, term := range t.byID {
		list = append(list, term)
	}
	t.mu.Unlock()
	for _, term := range list {
		term.kill(t.server.ctx) // it is over; killing does not wait for it
	}
}

type ptyRequest struct {
	ID        string            `json:"id"`
	Cwd       string            `json:"cwd"`
	Envs      map[string]string `json:"envs"`
	Cols      int               `json:"cols"`
	Rows      int               `json:"rows"`
	LazyStart bool              `json:"lazyStart"`
}

func (t *ptyTable) create(req ptyRequest) (*terminal, error) {
	if req.ID == "" {
		req.ID = uuid.NewString()
	}
	if req.Cols == 0 {
		req.Cols = 80
	}
	if req.Rows == 0 {
		req.Rows = 24
	}
	if req.Cols < 1 || req.Cols > 1000 || req.Rows < 1 || req.Rows > 1000 {
		return nil, badRequest("cols and rows must be from 1 to 1000")
	}
	if err := checkEnv(req.Envs); err != nil {
		return nil, err
	}
	if req.Envs == nil {
		req.Envs = map[string]string{}
	}
	term := &terminal{
		ID: req.ID, Cwd: t.server.absolute(req.Cwd), Envs: req.Envs, Cols: uint16(req.Cols), Rows: uint16(req.Rows),
		CreatedAt: t.server.cfg.Now().UTC(), LazyStart: req.LazyStart, job: newJob(), server: t.server,
		readers: map[*ptyReader]struct{}{}, ended: make(chan struct{}),
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[req.ID] != nil {
		return nil, fail(http.StatusConflict, "CONFLICT", "PTY session already exists: %s", req.ID)
	}
	if !req.LazyStart {
		if err := term.start(); err != nil {
			return nil, err
		}
	}
	t.byID[req.ID] = term
	return term, nil
}

func (t *ptyTable) get(id string) (*terminal, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if term := t.byID[id]; term != nil {
		return term, nil
	}
	return nil, fail(http.StatusNotFound, "PROCESS_NOT_FOUND", "PTY session not found: %s", id)
}

// start runs the shell; a second call does nothing.
func (p *terminal) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file != nil {
		return nil
	}
	env := map[string]string{"TERM": "xterm-256color"}
	for k, v := range p.Envs {
		env[k] = v
	}
	cmd := exec.Command(p.server.shell, "-i", "-l") //nolint:noctx // it outlives the request; ended by kill
	cmd.Dir, cmd.Env = p.Cwd, append(p.server.environ(env), jobVar+"="+p.job.ID)
	account := p.server.cfg.Account
	var file, tty *os.File
	err := account.do(func() (err error) { // the terminal is the user's, to be opened again by its name
		file, tty, err = pty.Open()
		return err
	})
	if err != nil {
		return fmt.Errorf("open terminal: %w", err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = account.start(p.job)
	cmd.SysProcAttr.Setctty = true
	err = pty.Setsize(file, &pty.Winsize{Cols: p.Cols, Rows: p.Rows})
	if err == nil {
		err = cmd.Start()
	}
	_ = tty.Close() // the shell's
	if err != nil {
		_ = file.Close()
		return fmt.Errorf("start terminal: %w", err)
	}
	p.file, p.cmd, p.Active = file, cmd, true
	p.server.wg.Go(func() { p.run(file, cmd) })
	return nil
}

// run hands the terminal's output to its readers until the shell has ended.
func (p *terminal) run(file *os.File, cmd *exec.Cmd) {
	drained := make(chan struct{}) // closed when there is no more output
	go func() {
		defer close(drained)
		buf := make([]byte, 32<<10)
		for {
			n, err := file.Read(buf)
			if n > 0 {
				p.broadcast(slices.Clone(buf[:n]))
			}
			if err != nil {
				return // EIO: the last process with the terminal open has ended
			}
		}
	}()
	_ = cmd.Wait() // the state says how it ended
	select {
	case <-drained:
	case <-time.After(outputDelay): // something in the background keeps it open
	}
	t := p.server.ptys
	t.mu.Lock()
	delete(t.byID, p.ID)
	t.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = file.Close()
	p.Active, p.code = false, exitCode(cmd.ProcessState)
	close(p.ended)
}

func (p *terminal) broadcast(piece []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for r := range p.readers {
		select {
		case r.out <- piece:
		default:
			r.once.Do(func() { close(r.slow) })
		}
	}
}

func (p *terminal) kill(ctx context.Context) {
	p.mu.Lock()
	cmd := p.cmd
	p.mu.Unlock()
	if cmd == nil {
		t := p.server.ptys
		t.mu.Lock()
		delete(t.byID, p.ID)
		t.mu.Unlock()
		return
	}
	p.job.kill(ctx, cmd.Process.Pid, 0)
	<-p.ended
}

func (p *terminal) info() *terminal {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &terminal{
		ID: p.ID, Cwd: p.Cwd, Envs: p.Envs, Cols: p.Cols, Rows: p.Rows, CreatedAt: p.CreatedAt, Active: p.Active, LazyStart: p.LazyStart,
	}
}

func (p *terminal) resize(cols, rows uint16) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.ended:
		return fail(http.StatusGone, "SESSION_ENDED", "PTY session %s has ended", p.ID)
	default:
	}
	p.Cols, p.Rows = cols, rows
	if p.file == nil {
		return nil // it gets the size when it starts
	}
	if err := pty.Setsize(p.file, &pty.Winsize{Cols: cols, Rows: rows}); err != nil {
		return fmt.Errorf("resize terminal: %w", err)
	}
	return nil
}
