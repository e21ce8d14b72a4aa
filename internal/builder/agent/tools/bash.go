package tools

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"time"

	"surgent.dev/surgent/internal/kit/ansi"
	"surgent.dev/surgent/sandbox"
)

//go:embed bash.md
var bashPrompt string

// Limits of one command.
const (
	bashTimeout    = 120 * time.Second
	maxBashTimeout = 600 * time.Second
	maxOutput      = 30_000  // bytes that the model gets, half of them from each end
	maxSpill       = 1 << 20 // bytes of a longer output that are kept in a file
	liveTail       = 4 << 10
	liveEvery      = 100 * time.Millisecond
)

// ErrStopped is the cause of a context that ended because the person stopped
// the run.
var ErrStopped = errors.New("agent: stopped by the person")

func bashTool() tool {
	return tool{
		name: "Bash", prompt: bashPrompt, class: Effect, prepare: prepareBash, recover: recoverBash,
		schema: `{"type": "object", "additionalProperties": false, "required": ["command"], "properties": {
			"command": {"type": "string", "minLength": 1, "description": "The command, for bash"},
			"description": {"type": "string", "description": "What it does, in five to ten words"},
			"timeout": {"type": "number", "minimum": 1, "maximum": 600000, "description": "Milliseconds after which it is ended; 120000 by default"}}}`,
	}
}

type bashInput struct {
	Command string  `json:"command"`
	Timeout float64 `json:"timeout"`
}

func (in bashInput) timeout() time.Duration {
	if in.Timeout <= 0 {
		return bashTimeout
	}
	return min(time.Duration(in.Timeout)*time.Millisecond, maxBashTimeout)
}

func prepareBash(_ context.Context, env *Env, call Call) (*Plan, *Result, error) {
	in, err := decode[bashInput](call)
	if err != nil {
		return nil, nil, err
	}
	return &Plan{run: func(ctx context.Context) (Result, error) {
		return startBash(ctx, env, call, in)
	}}, nil, nil
}

// startBash runs the command in a process session of its own, whose id is the
// call's: after a crash the sandbox itself knows whether it was started.
func startBash(ctx context.Context, env *Env, call Call, in bashInput) (Result, error) {
	err := env.Toolbox.CreateSession(ctx, call.ID)
	if err != nil && !errors.Is(err, sandbox.ErrConflict) {
		return Result{}, fmt.Errorf("create session: %w", err)
	}
	started := env.Now()
	id, err := env.Toolbox.StartCommand(ctx, call.ID, wrap(env, call.ID, in.Command))
	if err != nil {
		return Result{}, fmt.Errorf("start command: %w", err)
	}
	return follow(ctx, env, call, in, id, started)
}

func recoverBash(ctx context.Context, env *Env, call Call, j Journaled) (Result, error) {
	in, err := decode[bashInput](call)
	if err != nil {
		return Result{}, err
	}
	session, err := env.Toolbox.GetSession(ctx, call.ID)
	if err != nil && !gone(err) {
		return Result{}, fmt.Errorf("look at session: %w", err)
	}
	if err != nil || len(session.Commands) == 0 {
		return startBash(ctx, env, call, in) // it never began
	}
	return follow(ctx, env, call, in, session.Commands[0].ID, j.StartedAt)
}

// Abandon ends what a call left running. It is called when its result is
// written, and when a run is stopped; it takes a fresh context because the
// run's may be over.
func Abandon(ctx context.Context, tb sandbox.Toolbox, callID string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := tb.DeleteSession(ctx, callID); err != nil && !gone(err) {
		return fmt.Errorf("delete session %s: %w", callID, err)
	}
	return nil
}

// wrap makes the command line: from the folder where the last command ended,
// without an input that it could wait for, and with a note of where it ends.
func wrap(env *Env, id, command string) string {
	script := "trap 'pwd -P >" + dirFile(id) + "' EXIT\n" + command
	return "cd " + quote(env.Dir) + " && bash -c " + quote(script) + " </dev/null"
}

func dirFile(id string) string { return "/tmp/.surgent-cwd-" + id }

// quote makes one word of a shell command.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// follow reads a command's output to its end.
func follow(ctx context.Context, env *Env, call Call, in bashInput, cmd string, started time.Time) (Result, error) {
	left := in.timeout() - env.Now().Sub(started)
	timed, cancel := context.WithTimeoutCause(ctx, max(left, time.Millisecond), sandbox.ErrTimeout)
	defer cancel()
	out := newOutput(call.ID, env)
	err := env.Toolbox.FollowLogs(timed, call.ID, cmd, out.write)
	out.end()
	switch cause := context.Cause(timed); {
	case errors.Is(cause, ErrStopped):
		if err := Abandon(ctx, env.Toolbox, call.ID); err != nil {
			return Result{}, err
		}
		return bashResult(out, nil, "Stopped by the person before it ended.", env.Now().Sub(started), ""), nil
	case errors.Is(cause, sandbox.ErrTimeout):
		if err := Abandon(ctx, env.Toolbox, call.ID); err != nil {
			return Result{}, err
		}
		return bashResult(out, nil, fmt.Sprintf("It was ended because it ran longer than %s.", in.timeout()), env.Now().Sub(started), ""), nil
	case cause != nil:
		return Result{}, cause // another worker, or this one later, goes on
	case gone(err):
		return *failed("The command was interrupted, and its output is lost. It may have been executed partly: look at the state of the files before you go on."), nil
	case err != nil:
		return Result{}, fmt.Errorf("follow command: %w", err)
	}
	end, err := env.Toolbox.GetCommand(ctx, call.ID, cmd)
	if err != nil {
		return Result{}, fmt.Errorf("look at command: %w", err)
	}
	if end.ExitCode == nil {
		return *failed("The command was interrupted. It may have been executed partly: look at the state of the files before you go on.\n%s", out.both.String()), nil
	}
	dir, err := endDir(ctx, env, call.ID)
	if err != nil {
		return Result{}, err
	}
	if err := out.spill(ctx, env); err != nil {
		return Result{}, err
	}
	return bashResult(out, end.ExitCode, "", env.Now().Sub(started), dir), nil
}

// spill puts an output that is too long for the model into a file, where the
// model can read and search what it does not get.
func (o *output) spill(ctx context.Context, env *Env) error {
	if o.both.dropped == 0 {
		return nil
	}
	p := "/tmp/output-" + o.id + ".txt"
	refused, err := env.save(ctx, p, []byte(o.whole.String()))
	if err != nil {
		return err
	}
	if refused == nil {
		o.both.rest = " (all of it is in " + p + ")"
		if o.whole.dropped > 0 {
			o.both.rest = " (more of it is in " + p + ")"
		}
	}
	return nil
}

// endDir returns where the command ended, when that is in the project.
func endDir(ctx context.Context, env *Env, id string) (string, error) {
	body, err := env.Toolbox.Download(ctx, dirFile(id))
	if gone(err) || errors.Is(err, sandbox.ErrInvalid) {
		return "", nil // killed before it could say
	}
	if err != nil {
		return "", fmt.Errorf("read end folder: %w", err)
	}
	defer func() { _ = body.Close() }() // small, read to the end
	raw, err := io.ReadAll(io.LimitReader(body, 4<<10))
	if err != nil {
		return "", fmt.Errorf("read end folder: %w", err)
	}
	dir := strings.TrimSuffix(string(raw), "\n")
	if !path.IsAbs(dir) || !under(dir, env.Root) {
		return "", nil
	}
	return dir, nil
}

func bashResult(out *output, code *int, note string, took time.Duration, dir string) Result {
	text := strings.TrimRight(clean(ansi.Strip(out.both.String())), " \n\t")
	bad := note != "" || (code != nil && *code != 0)
	switch {
	case note != "" && text != "":
		text += "\n(" + note + ")"
	case note != "":
		text = note
	case bad && text != "":
		text = fmt.Sprintf("Exit code %d\n%s", *code, text)
	case bad:
		text = fmt.Sprintf("Exit code %d\n(no output)", *code)
	case text == "":
		text = "(no output)"
	}
	detail := map[string]any{
		"stdout": clean(out.stdout.String()), "stderr": clean(out.stderr.String()), "interrupted": note != "",
		"isImage": false, "noOutputExpected": false, "durationMs": float64(took.Milliseconds()),
	}
	if code != nil {
		detail["exitCode"] = float64(*code)
	}
	return Result{Text: text, IsError: bad, Detail: detail, Dir: dir}
}

// output keeps what a command says, bounded, and shows its end while it runs.
type output struct {
	id                   string
	show                 func(id, tail string)
	now                  func() time.Time
	both, stdout, stderr headTail
	whole                headTail // for the file

	mu    sync.Mutex // the timer shows what came last before a silence
	tail  []byte
	shown time.Time
	timer *time.Timer
	over  bool
}

func newOutput(id string, env *Env) *output {
	return &output{
		id: id, show: env.Output, now: env.Now, whole: headTail{limit: maxSpill},
		both: headTail{limit: maxOutput}, stdout: headTail{limit: maxOutput}, stderr: headTail{limit: maxOutput},
	}
}

func (o *output) write(s sandbox.Stream, p []byte) error {
	o.both.Write(p)
	o.whole.Write(p)
	if s == sandbox.Stderr {
		o.stderr.Write(p)
	} else {
		o.stdout.Write(p)
	}
	if o.show == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tail = append(o.tail, p...)
	if extra := len(o.tail) - liveTail; extra > 0 {
		o.tail = append(o.tail[:0], o.tail[extra:]...)
	}
	if wait := liveEvery - o.now().Sub(o.shown); wait <= 0 {
		o.flush()
	} else if o.timer == nil {
		o.timer = time.AfterFunc(wait, o.late)
	}
	return nil
}

// late shows what was held back.
func (o *output) late() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.timer = nil
	if !o.over {
		o.flush()
	}
}

func (o *output) flush() {
	o.show(o.id, clean(string(o.tail)))
	o.shown = o.now()
}

// end stops showing: the result comes next.
func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	if o.timer != nil {
		o.timer.Stop()
	}
}

// headTail keeps the first and the last half of limit bytes.
type headTail struct {
	limit      int
	head, tail []byte
	dropped    int
	rest       string // where all of it is, for the note in the middle
}

func (h *headTail) Write(p []byte) {
	if room := h.limit/2 - len(h.head); room > 0 {
		n := min(room, len(p))
		h.head = append(h.head, p[:n]...)
		p = p[n:]
	}
	h.tail = append(h.tail, p...)
	if extra := len(h.tail) - h.limit/2; extra > 0 {
		h.dropped += extra
		h.tail = h.tail[extra:] // append moves it to a new array in time
	}
}

func (h *headTail) String() string {
	if h.dropped == 0 {
		return string(h.head) + string(h.tail)
	}
	return fmt.Sprintf("%s\n… %d bytes left out%s …\n%s", h.head, h.dropped, h.rest, h.tail)
}
