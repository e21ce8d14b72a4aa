// Package devserver runs the dev server of a project: the process session
// `dev` in its sandbox. It starts it, waits until it answers, and reads from
// its log what a person needs to know. It keeps nothing; projects writes down
// what it finds.
package devserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"surgent.dev/surgent/sandbox"
)

// Session is the id of the dev server's process session.
const Session = "dev"

// Port is where every dev server listens.
const Port = 3000

// ExitError says that the dev server ended before it answered.
type ExitError struct {
	Code int
	Tail []string // its last lines
}

// Error returns one line.
func (e *ExitError) Error() string {
	return fmt.Sprintf("the dev server ended with exit code %d", e.Code)
}

// Start makes sure that the dev server runs and returns its command's id. One
// that runs already is left alone, one that has ended is started anew.
func Start(ctx context.Context, tb sandbox.Processes, workDir, command string) (string, error) {
	session, err := tb.GetSession(ctx, Session)
	switch {
	case errors.Is(err, sandbox.ErrNotFound):
	case err != nil:
		return "", fmt.Errorf("look for dev server: %w", err)
	default:
		if n := len(session.Commands); n > 0 && session.Commands[n-1].ExitCode == nil {
			return session.Commands[n-1].ID, nil
		}
		if err := tb.DeleteSession(ctx, Session); err != nil && !errors.Is(err, sandbox.ErrNotFound) {
			return "", fmt.Errorf("end old dev server: %w", err)
		}
	}
	if err := tb.CreateSession(ctx, Session); err != nil {
		return "", fmt.Errorf("create dev session: %w", err)
	}
	id, err := tb.StartCommand(ctx, Session, "cd '"+strings.ReplaceAll(workDir, "'", `'\''`)+"' && "+command)
	if err != nil {
		return "", fmt.Errorf("start dev server: %w", err)
	}
	return id, nil
}

// Exists tells whether a dev server was started in this life of the sandbox.
// One that has ended counts: its exit code is known.
func Exists(ctx context.Context, tb sandbox.Processes) (bool, error) {
	session, err := tb.GetSession(ctx, Session)
	if errors.Is(err, sandbox.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for dev server: %w", err)
	}
	return len(session.Commands) > 0, nil
}

// Await returns once the app answers on Port: any answer but the sandbox's
// own "nothing there". It ends early with an *ExitError when the command has
// ended, and with ctx's error when time is up.
func Await(ctx context.Context, client sandbox.Client, id, commandID string) error {
	target, err := client.Preview(ctx, id, Port)
	if err != nil {
		return fmt.Errorf("find preview of %s: %w", id, err)
	}
	tb := client.Toolbox(id)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		if status, _, err := fetch(ctx, target, "/"); err == nil && status != http.StatusBadGateway {
			return nil
		}
		if n%5 == 4 {
			cmd, err := tb.GetCommand(ctx, Session, commandID)
			if err == nil && cmd.ExitCode != nil {
				return exited(ctx, tb, commandID, *cmd.ExitCode)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for port %d of %s: %w", Port, id, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

func exited(ctx context.Context, tb sandbox.Processes, commandID string, code int) error {
	out, errs, err := tb.Logs(ctx, Session, commandID)
	if err != nil {
		return &ExitError{Code: code, Tail: []string{"(its log cannot be read)"}}
	}
	var l devLog
	l.write([]byte(out + "\n" + errs + "\n"))
	return &ExitError{Code: code, Tail: l.tail()}
}

// fetch gets one path of an app through the sandbox's preview and returns the
// status and at most 4 MiB of the body.
func fetch(ctx context.Context, target sandbox.PreviewTarget, path string) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(target.URL, "/")+path, nil)
	if err != nil {
		return 0, "", fmt.Errorf("fetch %s: %w", path, err)
	}
	req.Header.Set("X-Daytona-Preview-Token", target.Token)
	req.Header.Set("X-Daytona-Skip-Preview-Warning", "true")
	req.Header.Set("Accept", "text/html,*/*")
	// No connection is kept: a sandbox that is about to be frozen must not hold
	// one.
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DialContext: target.Dial},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("fetch %s: %w", path, err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return 0, "", fmt.Errorf("fetch %s: %w", path, err)
	}
	return res.StatusCode, string(raw), nil
}
