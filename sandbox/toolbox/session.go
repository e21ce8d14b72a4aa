//go:build linux

package toolbox

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"
)

// killGrace is how long a deleted session may tidy up.
const killGrace = 500 * time.Millisecond

// A session is a folder below StateDir/sessions, named after its id in
// base64url:
//
//	session.json    sessionFile
//	in              the FIFO that the shell reads its lines from
//	exited          the shell's exit code, as its own trap wrote it
//	shell-exit      the shell's exit code, once the server saw its end
//	<n>/            the nth command:
//	    command.json  commandFile
//	    command.sh    its text;  run.sh  what the shell sources
//	    in            the FIFO that is its standard input
//	    index         see commandLog
//	    out/          stdout, stderr and exit, written by the shell itself
//
// The shell holds its own end of the FIFO open for writing too, so it waits
// for lines whether there is a server or not.
type sessionFile struct {
	ID  string `json:"id"`
	Job string `json:"job"` // what the session's processes carry, see jobVar
	PID int    `json:"pid"` // the shell's, as long as that carries Job
}

type session struct {
	sessionFile
	server *Server
	dir    string

	mu       sync.Mutex
	commands []*command // in the order in which they run
	deleted  bool

	// dead is closed when the shell has ended, after code was set.
	dead chan struct{}
	code int
}

// sessionTable is all sessions by id.
type sessionTable struct {
	server *Server
	mu     sync.Mutex
	byID   map[string]*session
	byOut  map[string]*command // by the folder that the command writes into
}

func newSessionTable(s *Server) *sessionTable {
	return &sessionTable{server: s, byID: map[string]*session{}, byOut: map[string]*command{}}
}

func (t *sessionTable) root() string { return filepath.Join(t.server.cfg.StateDir, "sessions") }

func (t *sessionTable) get(id string) (*session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.byID[id]; s != nil {
		return s, nil
	}
	return nil, fail(http.StatusNotFound, "NOT_FOUND", "session not found: %s", id)
}

func (t *sessionTable) all() []*session {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]*session, 0, len(t.byID))
	for _, s := range t.byID {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *session) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// create starts a session's shell in dir.
func (t *sessionTable) create(id, dir string) error {
	if id == "" || len(id) > 150 {
		return badRequest("sessionId must have 1 to 150 bytes")
	}
	if id == "entrypoint" {
		return badRequest("session id entrypoint is reserved")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[id] != nil {
		return fail(http.StatusConflict, "CONFLICT", "session already exists: %s", id)
	}
	s := &session{
		sessionFile: sessionFile{ID: id, Job: uuid.NewString()}, server: t.server,
		dir:  filepath.Join(t.root(), base64.RawURLEncoding.EncodeToString([]byte(id))),
		dead: make(chan struct{}),
	}
	if err := s.start(dir); err != nil {
		_ = os.RemoveAll(s.dir) // nothing of it runs
		return fmt.Errorf("start session %s: %w", id, err)
	}
	t.byID[id] = s
	return nil
}

func (s *session) start(dir string) error {
	// What a session of this name left that was deleted while the server died.
	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return err
	}
	fifo := filepath.Join(s.dir, "in")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		return err
	}
	in, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	cmd := exec.Command(s.server.shell) //nolint:noctx // it outlives the request and the server
	cmd.Dir, cmd.Env = dir, append(s.server.environ(nil), jobVar+"="+s.Job)
	cmd.Stdin = in
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.PID = cmd.Process.Pid
	// Only its parent is told how the shell ends; this is for a server that
	// comes later.
	if err := s.tell("trap " + quote("echo $? >"+quote(filepath.Join(s.dir, "exited"))) + " EXIT\n"); err != nil {
		s.server.log.Warn("no trap set in session", "session", s.ID, "err", err)
	}
	s.server.wg.Go(func() { s.wait(cmd) })
	return writeJSONFile(filepath.Join(s.dir, "session.json"), s.sessionFile)
}

// wait notes the end of a shell that this server started. When the server
// stops first, the next one watches it.
func (s *session) wait(cmd *exec.Cmd) {
	ended := make(chan struct{}) // closed when the shell was reaped
	go func() {
		_ = cmd.Wait() // the state says how it ended
		close(ended)
	}()
	select {
	case <-ended:
		s.bury(exitCode(cmd.ProcessState))
	case <-s.server.ctx.Done():
	}
}

// watchOrphan notes the end of a shell that an earlier server started: its
// exit code is what it left itself, or a kill's. After a cold start of the
// sandbox its process id is somebody else's.
func (s *session) watchOrphan() {
	mark := []byte(jobVar + "=" + s.Job)
	for {
		if p, ok := readProc(s.PID); !ok || p.zombie || !hasMark(s.PID, mark) {
			code, ok := readCode(filepath.Join(s.dir, "exited"))
			if !ok {
				code = 128 + int(unix.SIGKILL)
			}
			s.bury(code)
			return
		}
		if !pause(s.server.ctx, time.Second) {
			return
		}
	}
}

// bury ends the session: what its shell did not finish has the shell's own
// exit code, as after "exit 3".
func (s *session) bury(code int) {
	// Best effort: without the file the next server says 137 instead.
	_ = os.WriteFile(filepath.Join(s.dir, "shell-exit"), []byte(strconv.Itoa(code)+"\n"), 0o600)
	s.code = code
	close(s.dead)
}

// load takes up the sessions that are on disk.
func (t *sessionTable) load() error {
	entries, err := os.ReadDir(t.root())
	if err != nil {
		return err
	}
	for _, e := range entries {
		s, err := t.loadSession(filepath.Join(t.root(), e.Name()))
		if err != nil {
			t.server.log.Warn("session dropped", "folder", e.Name(), "err", err)
			continue
		}
		t.mu.Lock()
		t.byID[s.ID] = s
		t.mu.Unlock()
		if code, ok := readCode(filepath.Join(s.dir, "shell-exit")); ok {
			s.code = code
			close(s.dead)
		} else {
			t.server.wg.Go(s.watchOrphan)
		}
		for _, c := range s.commands {
			t.track(c)
		}
	}
	return nil
}

func (t *sessionTable) loadSession(dir string) (*session, error) {
	s := &session{server: t.server, dir: dir, dead: make(chan struct{})}
	if err := readJSONFile(filepath.Join(dir, "session.json"), &s.sessionFile); err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		c, err := loadCommand(s, filepath.Join(dir, strconv.Itoa(n)))
		if errors.Is(err, os.ErrNotExist) {
			return s, nil
		}
		if err != nil {
			return nil, err
		}
		s.commands = append(s.commands, c)
	}
}

// remove ends a session and all that it started, and forgets it.
func (t *sessionTable) remove(ctx context.Context, id string) error {
	s, err := t.get(id)
	if err != nil {
		return err
	}
	s.kill(ctx)
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("delete session %s: %w", id, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[id] == s {
		delete(t.byID, id)
	}
	return nil
}

// kill ends the shell and all that it started, then its followers.
func (s *session) kill(ctx context.Context) {
	s.mu.Lock()
	s.deleted = true
	s.mu.Unlock()
	leader := s.PID
	select {
	case <-s.dead:
		leader = 0 // the number may be another process's by now
	default:
	}
	killJob(ctx, leader, s.Job, killGrace)
	select {
	case <-s.dead:
	case <-time.After(2 * time.Second): // an orphan is looked at once a second
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.commands {
		select {
		case <-c.done:
		case <-time.After(2 * time.Second):
		}
	}
}

// readCode reads an exit code; one that is cut short is none.
func readCode(path string) (int, bool) {
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(string(text), "\n") {
		return 0, false
	}
	code, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return code, err == nil
}

func writeJSONFile(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

func readJSONFile(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}
