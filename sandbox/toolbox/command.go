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

	"surgent.dev/surgent/sandbox/toolbox/logstream"
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
	n       int // from 1, in the order in which they run
	dir     string
	log     *commandLog
	outputs [2]*output // standard output and error

	// done is closed when the command has ended and all of its output is in
	// the log, after code was set.
	done chan struct{}
	code int

	inputMu sync.Mutex // one input after another
}

func newCommand(s *session, n int, f commandFile) *command {
	dir := filepath.Join(s.dir, strconv.Itoa(n))
	c := &command{
		commandFile: f, session: s, n: n, dir: dir, log: newCommandLog(filepath.Join(dir, "log"), s.server.cfg.LogLimit),
		done: make(chan struct{}),
	}
	out := output{
		stream: logstream.Stdout, path: filepath.Join(dir, "stdout"), to: c.log, log: s.server.log, turn: new(sync.Mutex),
	}
	errs := out
	errs.stream, errs.path, errs.before = logstream.Stderr, filepath.Join(dir, "stderr"), &out
	c.outputs = [2]*output{&out, &errs}
	return c
}

func loadCommand(s *session, n int) (*command, error) {
	var f commandFile
	if err := readJSONFile(filepath.Join(s.dir, strconv.Itoa(n), "command.json"), &f); err != nil {
		return nil, err
	}
	c := newCommand(s, n, f)
	if err := c.log.load(); err != nil {
		return nil, err
	}
	return c, c.listen()
}

// listen begins to read the command's output.
func (c *command) listen() error {
	for _, o := range c.outputs {
		if err := o.open(); err != nil {
			c.close()
			return err
		}
	}
	return nil
}

// close lets go of the command, which goes on.
func (c *command) close() {
	for _, o := range c.outputs {
		o.close()
	}
	c.log.close()
}

// run hands a command to the session's shell, which begins it when those
// before it have ended.
func (s *session) run(f commandFile) (*command, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted {
		return nil, fail(http.StatusNotFound, "NOT_FOUND", "session not found: %s", s.ID)
	}
	if s.closed {
		return nil, fail(http.StatusGone, "SESSION_ENDED", "session %s has ended", s.ID)
	}
	f.ID = uuid.NewString()
	c := newCommand(s, len(s.commands)+1, f)
	if err := c.write(); err != nil {
		_ = os.RemoveAll(c.dir) // the shell was not told
		return nil, fmt.Errorf("prepare command: %w", err)
	}
	if err := s.tell(". " + quote(filepath.Join(c.dir, "run.sh")) + "\n"); err != nil {
		c.close()
		_ = os.RemoveAll(c.dir) // as above
		if errors.Is(err, unix.ENXIO) {
			return nil, fail(http.StatusGone, "SESSION_ENDED", "session %s has ended", s.ID)
		}
		return nil, fmt.Errorf("hand over command: %w", err)
	}
	s.commands = append(s.commands, c)
	return c, nil
}

// write makes the command's folder and begins to read its output.
func (c *command) write() error {
	// A folder that has no command.json is a command that was not handed over.
	if err := os.RemoveAll(c.dir); err != nil {
		return err
	}
	if err := mkdir(c.dir); err != nil {
		return err
	}
	srv, job := c.session.server, c.session.Job
	for _, o := range c.outputs {
		if err := srv.makeFIFO(o.path, job); err != nil {
			return err
		}
	}
	stdin := "</dev/null"
	if c.Async {
		fifo := filepath.Join(c.dir, "in")
		if err := srv.makeFIFO(fifo, job); err != nil {
			return err
		}
		// Open both ways: opening does not wait for a writer, and reading
		// does not end while there is none.
		stdin = "<>" + quote(fifo)
	}
	// The shell keeps the output open until its next command, and so what is in
	// it when the server is away. The exit code is one line, and counts when it
	// is whole. On a full disk it can't be written; the shell then ends with it.
	script := fmt.Sprintf("exec 7<>%s 8<>%s\n{ . %s\n} %s >&7 2>&8 7>&- 8>&- 9>&-\n__code=$?; echo %d $__code >&9 || exit $__code\n",
		quote(c.outputs[0].path), quote(c.outputs[1].path), quote(filepath.Join(c.dir, "command.sh")), stdin, c.n)
	for name, text := range map[string]string{"run.sh": script, "command.sh": c.Command + "\n"} {
		path := filepath.Join(c.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
		if err := srv.cfg.Account.give(path, job, 0o640); err != nil {
			return err
		}
	}
	if err := writeJSONFile(filepath.Join(c.dir, "command.json"), c.commandFile); err != nil {
		return err
	}
	return c.listen()
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
	if !c.HideInput {
		if err := c.log.append(logstream.Stdout, []byte(data)); err != nil {
			_ = in.Close()
			return fmt.Errorf("echo input: %w", err)
		}
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

func (c *command) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// finish publishes the end. All that the command itself wrote is in the log by
// then: it wrote before its shell wrote the exit code.
func (c *command) finish(code int) {
	log := c.session.server.log
	for _, o := range c.outputs {
		if err := o.drain(); err != nil {
			log.Warn("output not read to its end", "session", c.session.ID, "command", c.ID, "err", err)
		}
	}
	c.code = code
	close(c.done)
	c.log.end()
	// What the command left in the background may write on, into the log, until
	// nobody has the output open.
	for _, o := range c.outputs {
		if err := o.reopen(os.O_RDONLY); err != nil {
			log.Warn("output of the background not read", "session", c.session.ID, "command", c.ID, "err", err)
		}
	}
	c.session.server.wg.Go(func() {
		for _, o := range c.outputs {
			select {
			case <-o.ended:
			case <-c.session.server.ctx.Done():
			}
		}
		c.close()
	})
}
