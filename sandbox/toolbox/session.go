//go:build linux

package toolbox

import (
	"context"
	"encoding/json"
	"io"
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
