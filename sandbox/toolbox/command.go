//go:build linux

package toolbox

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"
)

type commandFile struct {
	ID        string `json:"id"`
	Command   string `json:"command"`
	Async     bool   `json:"async"`
	HideInput bool   `json:"hideInput,omitempty"`
}

// command is one command of a session.
type command struct {
	commandFile
	session *session
	dir     string
	log     *commandLog
	// poke asks the tracker to look at the command's files; it holds one
	// request, more are the same one.
	poke chan struct{}
	// done is closed when the command has ended and all of its output is in
	// the log, after code was set.
	done chan struct{}
	code int

	inputMu sync.Mutex // one input after another
}

func newCommand(s *session, dir string, f commandFile) *command {
	return &command{
		commandFile: f, session: s, dir: dir, log: newCommandLog(dir, s.server.cfg.LogLimit),
		poke: make(chan struct{}, 1), done: make(chan struct{}),
	}
}

func loadCommand(s *session, dir string) (*command, error) {
	var f commandFile
	if err := readJSONFile(filepath.Join(dir, "command.json"), &f); err != nil {
		return nil, err
	}
	c := newCommand(s, dir, f)
	return c, c.log.load()
}

// run hands a command to the session's shell, which begins it when those
// before it have ended.
func (s *session) run(f commandFile) (*command, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.dead:
		return nil, fail(http.StatusGone, "SESSION_ENDED", "session %s has ended", s.ID)
	default:
	}
	if s.deleted {
		return nil, fail(http.StatusNotFound, "NOT_FOUND", "session not found: %s", s.ID)
	}
	f.ID = uuid.NewString()
	c := newCommand(s, filepath.Join(s.dir, strconv.Itoa(len(s.commands)+1)), f)
	if err := c.write(); err != nil {
		_ = os.RemoveAll(c.dir) // the shell was not told
		return nil, fmt.Errorf("prepare command: %w", err)
	}
	if err := s.tell(". " + quote(filepath.Join(c.dir, "run.sh")) + "\n"); err != nil {
		_ = os.RemoveAll(c.dir) // as above
		if errors.Is(err, unix.ENXIO) {
			return nil, fail(http.StatusGone, "SESSION_ENDED", "session %s has ended", s.ID)
		}
		return nil, fmt.Errorf("hand over command: %w", err)
	}
	s.commands = append(s.commands, c)
	s.server.sessions.track(c)
	return c, nil
}

// write makes the command's folder.
func (c *command) write() error {
	// A folder that has no command.json is a command that was not handed over.
	if err := os.RemoveAll(c.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(c.dir, "out"), 0o700); err != nil {
		return err
	}
	stdin := "</dev/null"
	if c.Async {
		fifo := filepath.Join(c.dir, "in")
		if err := unix.Mkfifo(fifo, 0o600); err != nil {
			return err
		}
		// Open both ways: opening does not wait for a writer, and reading
		// does not end while there is none.
		stdin = "<>" + quote(fifo)
	}
	out := filepath.Join(c.dir, "out")
	// The exit code is one line, and counts when the line is whole. On a full
	// disk it cannot be written; the shell then ends with it.
	script := fmt.Sprintf("{ . %s\n} %s >>%s 2>>%s\n__code=$?; echo $__code >%s || exit $__code\n",
		quote(filepath.Join(c.dir, "command.sh")), stdin,
		quote(filepath.Join(out, "stdout")), quote(filepath.Join(out, "stderr")), quote(filepath.Join(out, "exit")))
	for name, text := range map[string]string{"run.sh": script, "command.sh": c.Command + "\n"} {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return writeJSONFile(filepath.Join(c.dir, "command.json"), c.commandFile)
}

// quote makes a word of POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// openFIFO opens a FIFO for writing without waiting; ENXIO says that nobody
// reads it.
func openFIFO(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0)
}

// writeFIFO writes a line and closes the FIFO. Lines up to 4096 bytes arrive
// whole.
func writeFIFO(f *os.File, line string) error {
	err := f.SetWriteDeadline(time.Now().Add(5 * time.Second))
	if err == nil {
		_, err = f.WriteString(line)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// tell gives the shell its next line.
func (s *session) tell(line string) error {
	f, err := openFIFO(filepath.Join(s.dir, "in"))
	if err != nil {
		return err
	}
	return writeFIFO(f, line)
}

// input writes to the command's standard input.
func (c *command) input(data string) error {
	gone := fail(http.StatusGone, "COMMAND_ALREADY_COMPLETED", "command has completed")
	select {
	case <-c.done:
		return gone
	default:
	}
	if !c.Async {
		return badRequest("command was not started asynchronously: it has no input")
	}
	if !strings.HasSuffix(data, "\n") {
		data += "\n"
	}
	c.inputMu.Lock()
	defer c.inputMu.Unlock()
	in, err := openFIFO(filepath.Join(c.dir, "in"))
	if errors.Is(err, unix.ENXIO) { // it waits for its turn, or just ended
		select {
		case <-c.done:
			return gone
		default:
			return fail(http.StatusConflict, "CONFLICT", "command does not read input now")
		}
	}
	if err != nil {
		return fmt.Errorf("write input: %w", err)
	}
	// The echo comes before what the command makes of it.
	if err := c.echo(data); err != nil {
		_ = in.Close()
		return fmt.Errorf("echo input: %w", err)
	}
	err = writeFIFO(in, data)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fail(http.StatusConflict, "CONFLICT", "command does not read its input")
	}
	if err != nil {
		return fmt.Errorf("write input: %w", err)
	}
	return nil
}

// echo puts input into the log; the command itself appends too.
func (c *command) echo(data string) error {
	if c.HideInput {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(c.dir, "out", "stdout"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// track watches a command's files until it has ended.
func (t *sessionTable) track(c *command) {
	out := filepath.Join(c.dir, "out")
	if code, ok := c.exitFile(); ok { // ended before this server
		c.finish(code)
		return
	}
	t.mu.Lock()
	t.byOut[out] = c
	t.mu.Unlock()
	if err := t.server.watcher.Add(out); err != nil {
		t.server.log.Warn("command is polled", "session", c.session.ID, "err", err)
	}
	t.server.wg.Go(func() {
		c.follow(t.server)
		t.mu.Lock()
		delete(t.byOut, out)
		t.mu.Unlock()
		_ = t.server.watcher.Remove(out) // gone with a deleted session
	})
}

func (c *command) poked() {
	select {
	case c.poke <- struct{}{}:
	default:
	}
}

// watch passes events of the file system on to the commands that they are for.
func (t *sessionTable) watch() {
	for {
		select {
		case e, ok := <-t.server.watcher.Events:
			if !ok {
				return
			}
			t.mu.Lock()
			c := t.byOut[filepath.Dir(e.Name)]
			t.mu.Unlock()
			if c != nil {
				c.poked()
			}
		case err, ok := <-t.server.watcher.Errors:
			if !ok {
				return
			}
			// Events were lost: every tracker looks once a second anyway.
			t.server.log.Warn("file events lost", "err", err)
		}
	}
}

// follow notes growth as it happens, until the exit code is there or the
// shell has ended without one.
func (c *command) follow(s *Server) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	dead := c.session.dead
	for {
		code, ended := c.exitFile()
		if !ended {
			select {
			case <-dead:
				// The shell may have written it just before its end.
				if code, ended = c.exitFile(); !ended {
					code, ended = c.session.code, true
				}
			default:
			}
		}
		if err := c.log.advance(); err != nil {
			s.log.Warn("log not read", "session", c.session.ID, "command", c.ID, "err", err)
		}
		if ended {
			c.finish(code)
			return
		}
		select {
		case <-c.poke:
		case <-dead:
		case <-tick.C:
		case <-s.ctx.Done():
			return
		}
	}
}

// exitFile reads the exit code that the shell wrote.
func (c *command) exitFile() (int, bool) {
	return readCode(filepath.Join(c.dir, "out", "exit"))
}

// finish publishes the end. The log is complete: the shell wrote the exit
// code after the last of it, and advance ran since.
func (c *command) finish(code int) {
	if err := c.log.advance(); err != nil {
		c.session.server.log.Warn("log not read", "session", c.session.ID, "command", c.ID, "err", err)
	}
	c.code = code
	close(c.done)
	c.log.end()
}
