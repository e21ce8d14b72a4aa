//go:build linux

package toolbox

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// killGrace is how long a deleted session may tidy up.
const killGrace = 500 * time.Millisecond

// A session is a folder below StateDir/sessions, named after its id in
// base64url. All of it is the server's; what the session's processes use is
// theirs by the group of their job.
//
//	session.json    sessionFile
//	in              the FIFO that the shell reads its lines from
//	status          a line "<n> <exit code>" for each command that has ended
//	exited          the shell's exit code, as its own trap wrote it
//	shell-exit      the shell's exit code, once the server saw its end
//	<n>/            the nth command:
//	    command.json    commandFile
//	    command.sh      its text;  run.sh  what the shell sources
//	    in              the FIFO that is its standard input
//	    stdout, stderr  the FIFOs that it writes to
//	    log             what it wrote, see commandLog
//
// The shell holds its own end of the FIFO open for writing too, so it waits
// for lines whether there is a server or not. It gets the status file open, as
// file descriptor 9, which its commands don't have.
type sessionFile struct {
	ID  string `json:"id"`
	Job job    `json:"job"` // of the session's processes
	PID int    `json:"pid"` // the shell's, as long as that is of the job
}

type session struct {
	sessionFile
	server *Server
	dir    string
	status *statusReader
	// poke asks follow to look at the status file; it holds one request, more
	// are the same one.
	poke chan struct{}

	mu       sync.Mutex
	commands []*command // in the order in which they run
	deleted  bool
	closed   bool // no command can begin any more

	// dead is closed when the shell has ended, after code was set; over, when
	// all commands have ended or the server closes.
	dead, over chan struct{}
	code       int
}

func (t *sessionTable) newSession(f sessionFile, dir string) *session {
	return &session{
		sessionFile: f, server: t.server, dir: dir, status: &statusReader{path: filepath.Join(dir, "status")},
		poke: make(chan struct{}, 1), dead: make(chan struct{}), over: make(chan struct{}),
	}
}

// sessionTable is all sessions by id.
type sessionTable struct {
	server   *Server
	mu       sync.Mutex
	byID     map[string]*session
	byStatus map[string]*session // by their status file
}

func newSessionTable(s *Server) *sessionTable {
	return &sessionTable{server: s, byID: map[string]*session{}, byStatus: map[string]*session{}}
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
	name := base64.RawURLEncoding.EncodeToString([]byte(id))
	s := t.newSession(sessionFile{ID: id, Job: newJob()}, filepath.Join(t.root(), name))
	if err := s.start(dir); err != nil {
		_ = os.RemoveAll(s.dir) // nothing of it runs
		return fmt.Errorf("start session %s: %w", id, err)
	}
	t.byID[id] = s
	t.watchLocked(s)
	return nil
}

func (s *session) start(dir string) error {
	// What a session of this name left that was deleted while the server died.
	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	if err := mkdir(s.dir); err != nil {
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
	status, err := os.OpenFile(s.status.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = status.Close() }() // only the shell writes
	exited := filepath.Join(s.dir, "exited")
	if err := os.WriteFile(exited, nil, 0o600); err != nil {
		return err
	}
	account := s.server.cfg.Account
	if err := account.give(exited, s.Job, 0o660); err != nil {
		return err
	}
	cmd := exec.Command(s.server.shell) //nolint:noctx // it outlives the request and the server
	cmd.Dir, cmd.Env = dir, append(s.server.environ(nil), jobVar+"="+s.Job.ID)
	cmd.Stdin = in
	cmd.ExtraFiles = []*os.File{statusFD - 3: status}
	cmd.SysProcAttr = account.start(s.Job)
	if err := cmd.Start(); err != nil {
		return err
	}
	s.PID = cmd.Process.Pid
	// Only its parent is told how the shell ends; this is for a server that
	// comes later.
	if err := s.tell("trap " + quote("echo $? >"+quote(exited)) + " EXIT\n"); err != nil {
		s.server.log.Warn("no trap set in session", "session", s.ID, "err", err)
	}
	s.server.wg.Go(func() { s.wait(cmd) })
	return writeJSONFile(filepath.Join(s.dir, "session.json"), s.sessionFile)
}

// statusFD is where the shell has the status file open.
const statusFD = 9

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
	for {
		if p, ok := readProc(s.PID); !ok || p.zombie || !s.Job.marks(s.PID) {
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
		if code, ok := readCode(filepath.Join(s.dir, "shell-exit")); ok {
			s.code = code
			close(s.dead)
		} else {
			t.server.wg.Go(s.watchOrphan)
		}
		s.settle() // before anybody asks
		t.mu.Lock()
		t.byID[s.ID] = s
		t.watchLocked(s)
		t.mu.Unlock()
	}
	return nil
}

func (t *sessionTable) loadSession(dir string) (*session, error) {
	s := t.newSession(sessionFile{}, dir)
	if err := readJSONFile(filepath.Join(dir, "session.json"), &s.sessionFile); err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		c, err := loadCommand(s, n)
		if errors.Is(err, os.ErrNotExist) {
			return s, nil
		}
		if err != nil {
			for _, c := range s.commands {
				c.close()
			}
			return nil, err
		}
		s.commands = append(s.commands, c)
	}
}

// watchLocked begins to follow a session; t.mu is held.
func (t *sessionTable) watchLocked(s *session) {
	t.byStatus[s.status.path] = s
	if err := t.server.watcher.Add(s.status.path); err != nil {
		t.server.log.Warn("session is polled", "session", s.ID, "err", err)
	}
	t.server.wg.Go(func() {
		s.follow()
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.byStatus[s.status.path] == s {
			delete(t.byStatus, s.status.path)
			_ = t.server.watcher.Remove(s.status.path) // gone with a deleted session
		}
	})
}

// watch passes events of the file system on to the sessions that they are for.
func (t *sessionTable) watch() {
	for {
		select {
		case e, ok := <-t.server.watcher.Events:
			if !ok {
				return
			}
			t.mu.Lock()
			s := t.byStatus[e.Name]
			t.mu.Unlock()
			if s != nil {
				select {
				case s.poke <- struct{}{}:
				default:
				}
			}
		case err, ok := <-t.server.watcher.Errors:
			if !ok {
				return
			}
			// Events were lost: every session looks once a second anyway.
			t.server.log.Warn("file events lost", "err", err)
		}
	}
}

// follow publishes the ends of commands as they happen, until the shell has
// ended and with it all commands.
func (s *session) follow() {
	defer close(s.over)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for !s.settle() {
		select {
		case <-s.poke:
		case <-s.dead:
		case <-tick.C:
		case <-s.server.ctx.Done():
			s.mu.Lock()
			defer s.mu.Unlock()
			s.closed = true
			for _, c := range s.commands {
				if !c.ended() {
					c.close()
				}
			}
			return
		}
	}
}

// settle publishes the ends that there are, and tells whether no more can come.
func (s *session) settle() bool {
	dead := false
	select {
	case <-s.dead: // what it wrote before is read below
		dead = true
	default:
	}
	s.advance()
	if !dead {
		return false
	}
	s.mu.Lock()
	s.closed = true
	rest := slices.Clone(s.commands)
	s.mu.Unlock()
	for _, c := range rest {
		if !c.ended() {
			c.finish(s.code)
		}
	}
	return true
}

// advance publishes the ends of commands that are new in the status file.
func (s *session) advance() {
	ends, err := s.status.read()
	if err != nil {
		s.server.log.Warn("status not read", "session", s.ID, "err", err)
	}
	for _, e := range ends {
		s.mu.Lock()
		var c *command
		if e.n >= 1 && e.n <= len(s.commands) {
			c = s.commands[e.n-1]
		}
		s.mu.Unlock()
		if c != nil && !c.ended() {
			c.finish(e.code)
		}
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
	s.Job.kill(ctx, leader, killGrace)
	select {
	case <-s.over:
	case <-time.After(3 * time.Second): // an orphan is looked at once a second
	}
}

// readCode reads an exit code; one that is cut short, or anything else that a
// session's processes may have written, is none.
func readCode(path string) (int, bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, 16))
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
