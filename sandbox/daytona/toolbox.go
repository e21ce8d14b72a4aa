package daytona

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/sandbox"
)

const (
	// quickTimeout bounds toolbox requests that do little.
	quickTimeout = 60 * time.Second
	// daemonWait is how long the toolbox of a started sandbox may take to
	// answer for the first time.
	daemonWait = 30 * time.Second
)

// toolbox is the tools of one sandbox, or with folder set its files below it.
type toolbox struct {
	c      *Client
	id     string
	folder string
	except []string // names right below folder that are not in it
	// passive requests are no use of the sandbox: they do not keep it awake.
	passive bool
}

// Toolbox implements sandbox.Client.
func (c *Client) Toolbox(id string) sandbox.Toolbox { return &toolbox{c: c, id: id} }

// Within implements sandbox.Toolbox.
func (t *toolbox) Within(folder string, except ...string) sandbox.Files {
	return &toolbox{c: t.c, id: t.id, folder: folder, except: except}
}

// base returns where the toolbox answers.
func (t *toolbox) base(ctx context.Context) (string, error) {
	c := t.c
	if c.cfg.ToolboxURL != "" {
		return c.cfg.ToolboxURL + "/" + url.PathEscape(t.id), nil
	}
	c.mu.Lock()
	base := c.bases[t.id]
	c.mu.Unlock()
	if base != "" {
		return base, nil
	}
	a, err := c.get(ctx, t.id)
	if err != nil {
		return "", err
	}
	c.note(a)
	c.mu.Lock()
	defer c.mu.Unlock()
	if base := c.bases[a.ID]; base != "" {
		return base, nil
	}
	// Servers from before the proxy pass requests on themselves.
	return c.cfg.ServerURL + "/toolbox/" + url.PathEscape(a.ID) + "/toolbox", nil
}

// call makes a request to the toolbox; q.url is the path below its base. What
// the servers say while a sandbox starts, stops or is gone is turned into
// waiting, or into what is the matter.
//
// A request that changes something is sent only after the toolbox answered a
// harmless one, and is not repeated when it may have arrived.
func (t *toolbox) call(ctx context.Context, q call) (io.ReadCloser, error) {
	if !q.safe && !t.c.isUp(t.id) {
		if err := discard(t.repeat(ctx, call{method: http.MethodGet, url: "/project-dir", timeout: quickTimeout, safe: true})); err != nil {
			return nil, err
		}
	}
	return t.repeat(ctx, q)
}

func (t *toolbox) repeat(ctx context.Context, q call) (io.ReadCloser, error) {
	path := q.url
	q.passive = t.passive
	begun := clock.Now()
	denied := 0
	for n := 1; ; n++ {
		base, err := t.base(ctx)
		if err != nil {
			return nil, err
		}
		q.url = base + path
		body, err := t.c.try(ctx, q)
		if err == nil {
			t.c.setUp(t.id, true)
			return body, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		wait := t.c.cfg.Backoff << min(n-1, 4)
		var api *Error
		switch {
		case !errors.As(err, &api), api.Status == http.StatusTooManyRequests:
			var again bool
			if wait, again = t.c.retryAfter(q, err, n); !again {
				return nil, err
			}
		case api.Status == http.StatusUnauthorized:
			// A valid key is refused now and then when the server is busy.
			if denied++; denied >= maxTries || q.once {
				return nil, err
			}
		case api.fromDaemon(), !aboutState(api):
			return nil, err
		default:
			t.c.setUp(t.id, false)
			started, serr := t.awaitStarted(ctx, err)
			if serr != nil {
				return nil, serr
			}
			// Started, so the answer means what it says, unless it came
			// from in front of a toolbox that is not up yet.
			if started && api.Status < 500 && !stateText(api.Message) {
				return nil, err
			}
			lost := api.Status >= 500 && !q.safe // it may have arrived
			if lost || q.once || clock.Now().Sub(begun) > daemonWait {
				return nil, err
			}
		}
		t.c.log.Debug("toolbox request repeated", "sandbox", t.id, "path", path, "try", n, "err", err)
		if serr := clock.Sleep(ctx, wait); serr != nil {
			return nil, err
		}
	}
}

// isUp tells whether the toolbox of a sandbox answered, as far as is known.
func (c *Client) isUp(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.up[id]
}

func (c *Client) setUp(id string, up bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if up {
		c.up[id] = true
	} else {
		delete(c.up, id)
	}
}

// aboutState tells whether an answer may be about the sandbox's state and not
// about the request.
func aboutState(e *Error) bool {
	switch e.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusConflict,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// stateText tells whether the text is one of those that servers have for a
// sandbox that is not up.
func stateText(message string) bool {
	m := strings.ToLower(message)
	for _, text := range []string{"is the sandbox started", "no ip address", "runner info", "not running", "not started", "state change in progress"} {
		if strings.Contains(m, text) {
			return true
		}
	}
	return false
}

// awaitStarted reads the sandbox's state: true when it is started, false when
// it was on its way there and now is, ErrNotRunning when it is not.
func (t *toolbox) awaitStarted(ctx context.Context, cause error) (bool, error) {
	a, err := t.c.get(ctx, t.id)
	if err != nil {
		return false, err
	}
	switch a.State {
	case sandbox.Started:
		return true, nil
	case sandbox.Creating, sandbox.Starting, sandbox.Restoring, sandbox.PullingSnapshot:
		_, err := t.c.waitFor(ctx, t.c.note(a), sandbox.Started)
		return false, err
	}
	return false, fmt.Errorf("sandbox is %s: %w: %w", a.State, sandbox.ErrNotRunning, withoutKind(cause))
}

// withoutKind keeps an answer's text but not its kind: "not found" from in
// front of a stopped sandbox says nothing about a file.
func withoutKind(err error) error {
	var api *Error
	if errors.As(err, &api) {
		plain := *api
		plain.kind = nil
		return &plain
	}
	return err
}

// get asks for a JSON answer.
func (t *toolbox) get(ctx context.Context, path string, query url.Values, into any) error {
	_, err := t.call(ctx, call{method: http.MethodGet, url: path, query: query, into: into, timeout: quickTimeout, safe: true})
	return err
}

// WorkDir implements sandbox.Toolbox.
func (t *toolbox) WorkDir(ctx context.Context) (string, error) {
	var a struct {
		Dir string `json:"dir"`
	}
	err := t.get(ctx, "/work-dir", nil, &a)
	if errors.Is(err, sandbox.ErrNotFound) { // daemons of 2025
		err = t.get(ctx, "/project-dir", nil, &a)
	}
	if err != nil {
		return "", fmt.Errorf("get working folder: %w", err)
	}
	return a.Dir, nil
}
