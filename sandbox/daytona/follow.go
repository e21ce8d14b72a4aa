package daytona

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/sandbox"
	"surgent.dev/surgent/sandbox/toolbox/logstream"
)

// quiet is after how long without a byte the command is asked whether it still
// runs: sockets have been seen to stay open, and to close, on their own.
const quiet = 5 * time.Second

// follower hands on a log that may be replayed from its beginning any number
// of times, so that each byte is handed on once.
type follower struct {
	write   func(sandbox.Stream, []byte) error
	streams [3]progress // by stream
	err     error       // the first that write returned
}

// progress is how much of one stream was handed on.
type progress struct {
	sent int64 // bytes
	seen int64 // bytes of the current replay
	text textLen
}

// textLen counts how long bytes are in a JSON answer, where every byte that is
// no UTF-8 is the three bytes of U+FFFD. The end of a sequence may be still to
// come; it is counted when it has.
type textLen struct {
	n    int64
	tail []byte
}

func (l *textLen) add(p []byte) {
	p = append(l.tail, p...)
	for len(p) > 0 && utf8.FullRune(p) {
		r, size := utf8.DecodeRune(p)
		if r == utf8.RuneError && size == 1 {
			l.n += 3
		} else {
			l.n += int64(size)
		}
		p = p[size:]
	}
	l.tail = append([]byte(nil), p...)
}

// rest returns what of text, a whole log as JSON told it, comes after the bytes
// that were added.
func (l *textLen) rest(text string) string {
	if l.n >= int64(len(text)) {
		return ""
	}
	text = text[l.n:]
	if after, ok := strings.CutPrefix(text, string(l.tail)); ok {
		return after // the sequence was completed
	}
	if after, ok := strings.CutPrefix(text, strings.Repeat(string(utf8.RuneError), len(l.tail))); ok {
		return after // it never was
	}
	return ""
}

// replay says that the log begins anew.
func (f *follower) replay() {
	for i := range f.streams {
		f.streams[i].seen = 0
	}
}

// take hands on the part of p that is new.
func (f *follower) take(s logstream.Stream, p []byte) {
	pr := &f.streams[s]
	old := min(max(pr.sent-pr.seen, 0), int64(len(p)))
	pr.seen += int64(len(p))
	f.send(s, p[old:])
}

func (f *follower) send(s logstream.Stream, p []byte) {
	if len(p) == 0 || f.err != nil {
		return
	}
	pr := &f.streams[s]
	pr.sent += int64(len(p))
	pr.text.add(p)
	f.err = f.write(sandbox.Stream(s), p)
}

// complete hands on what a whole log has beyond what was handed on. While the
// command runs, a character that is cut at the end is left for later.
func (f *follower) complete(stdout, stderr string, ended bool) error {
	for i, text := range []string{stdout, stderr} {
		s := []logstream.Stream{logstream.Stdout, logstream.Stderr}[i]
		if !ended {
			text = strings.TrimRight(text, string(utf8.RuneError))
		}
		f.send(s, []byte(f.streams[s].text.rest(text)))
	}
	return f.err
}

// FollowLogs implements sandbox.Processes. The socket brings the output soon;
// the command's exit code and its whole log, asked for at the end, are the
// truth. Following is no use of the sandbox: a dev server whose log somebody
// follows for ever still goes to sleep.
func (t *toolbox) FollowLogs(ctx context.Context, sessionID, commandID string, write func(sandbox.Stream, []byte) error) error {
	t = &toolbox{c: t.c, id: t.id, passive: true}
	f := &follower{write: write}
	failures := 0
	for {
		got, serr := t.followSocket(ctx, sessionID, commandID, f)
		if f.err != nil {
			return f.err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if t.c.embedded && websocket.CloseStatus(serr) == websocket.StatusNormalClosure {
			return nil // the engine closes so when all was sent
		}
		if failures++; got {
			failures = 0
		}
		cmd, err := t.GetCommand(ctx, sessionID, commandID)
		if err != nil {
			return fmt.Errorf("follow logs: %w", err)
		}
		ended := cmd.ExitCode != nil
		// Where sockets do not get through, this is how the output comes.
		if ended || failures > 1 {
			stdout, stderr, err := t.Logs(ctx, sessionID, commandID)
			if err != nil {
				return fmt.Errorf("follow logs: %w", err)
			}
			if err := f.complete(stdout, stderr, ended); err != nil || ended {
				return err
			}
		}
		t.c.log.Debug("log socket ended early", "sandbox", t.id, "command", commandID, "err", serr)
		if err := clock.Sleep(ctx, t.c.cfg.Backoff<<min(failures, 2)); err != nil {
			return err
		}
	}
}

// followSocket follows once and tells whether anything came.
func (t *toolbox) followSocket(ctx context.Context, sessionID, commandID string, f *follower) (bool, error) {
	base, err := t.base(ctx)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	header := http.Header{}
	t.c.header(header)
	header.Set(skipActivity, "true")
	dctx, dcancel := context.WithTimeout(ctx, quickTimeout)
	defer dcancel()
	u := base + commandPath(sessionID, commandID) + "/logs?" + url.Values{"follow": {"true"}}.Encode()
	// The library closes the body of an answer that is no socket.
	conn, _, err := websocket.Dial(dctx, u, &websocket.DialOptions{HTTPClient: t.c.http, HTTPHeader: header}) //nolint:bodyclose // see above
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.CloseNow() }() // nothing was written to it
	conn.SetReadLimit(64 << 20)

	alive := make(chan struct{}, 1) // sent by the reader below for each frame, dropped when one waits
	watched := make(chan struct{})  // closed when the watcher has ended
	go func() {
		defer close(watched)
		t.watchQuiet(ctx, sessionID, commandID, alive, cancel)
	}()
	defer func() { cancel(); <-watched }()

	f.replay()
	var dec logstream.Decoder
	got := false
	for {
		_, p, err := conn.Read(ctx)
		if err != nil {
			dec.Close(f.take)
			return got, err
		}
		got = got || len(p) > 0
		select {
		case alive <- struct{}{}:
		default:
		}
		if dec.Write(p, f.take); f.err != nil {
			return got, f.err
		}
	}
}

// watchQuiet ends a follow whose command has ended though the socket says
// nothing of it.
func (t *toolbox) watchQuiet(ctx context.Context, sessionID, commandID string, alive <-chan struct{}, cancel func()) {
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-alive:
			timer.Reset(quiet)
		case <-timer.C:
			cmd, err := t.GetCommand(ctx, sessionID, commandID)
			if (err == nil && cmd.ExitCode != nil) || errors.Is(err, sandbox.ErrNotFound) || errors.Is(err, sandbox.ErrNotRunning) {
				cancel()
				return
			}
			timer.Reset(quiet)
		}
	}
}
