package daytona

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/sandbox"
)

// controlTimeout bounds one request to the control API. The server itself
// waits up to 30 s for a sandbox to start.
const controlTimeout = 90 * time.Second

// baseTimeout bounds a create on the embedded engine, which answers when its
// base stands: that is built on first use.
const baseTimeout = 30 * time.Minute

// answer is a sandbox as the server tells it: what the port knows, and what
// only this client does.
type answer struct {
	sandbox.Info
	ToolboxProxyURL string `json:"toolboxProxyUrl"`
	Recoverable     bool   `json:"recoverable"`
}

// note remembers where the toolbox of a sandbox answers.
func (c *Client) note(a *answer) *sandbox.Info {
	if a.Env == nil {
		a.Env = map[string]string{}
	}
	if a.Labels == nil {
		a.Labels = map[string]string{}
	}
	if a.ToolboxProxyURL != "" && c.cfg.ToolboxURL == "" {
		c.mu.Lock()
		c.bases[a.ID] = strings.TrimRight(a.ToolboxProxyURL, "/") + "/" + url.PathEscape(a.ID)
		c.mu.Unlock()
	}
	info := a.Info
	return &info
}

func (c *Client) sandboxURL(id string, more ...string) string {
	u := c.cfg.ServerURL + "/sandbox/" + url.PathEscape(id)
	for _, m := range more {
		u += "/" + m
	}
	return u
}

// Create implements sandbox.Client.
func (c *Client) Create(ctx context.Context, req sandbox.CreateRequest) (*sandbox.Info, error) {
	info, err := c.create(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("create sandbox: %w", err)
	}
	return info, nil
}

func (c *Client) create(ctx context.Context, req sandbox.CreateRequest) (*sandbox.Info, error) {
	if req.Env == nil {
		req.Env = map[string]string{}
	}
	body := struct {
		sandbox.CreateRequest
		Target string `json:"target,omitempty"`
	}{req, c.cfg.Target}
	timeout := controlTimeout
	if c.embedded {
		timeout = baseTimeout
	}
	for n := 1; ; n++ {
		var a answer
		_, err := c.do(ctx, call{
			method: http.MethodPost, url: c.cfg.ServerURL + "/sandbox", json: body, timeout: timeout, into: &a,
		})
		var api *Error
		switch {
		case err == nil:
			return c.waitFor(ctx, c.note(&a), sandbox.Started)
		case errors.As(err, &api):
			// A region that is full for the moment.
			if strings.Contains(api.Message, "No available runners") && n < maxTries+2 {
				if serr := clock.Sleep(ctx, c.cfg.Backoff<<n); serr == nil {
					continue
				}
			}
			return nil, err
		case req.Name != "" && ctx.Err() == nil:
			// The answer was lost. Under its name the sandbox can be found, if
			// the request arrived.
			info, gerr := c.Get(ctx, req.Name)
			if gerr != nil {
				return nil, err
			}
			return c.waitFor(ctx, info, sandbox.Started)
		default:
			return nil, err
		}
	}
}

// Get implements sandbox.Client.
func (c *Client) Get(ctx context.Context, idOrName string) (*sandbox.Info, error) {
	a, err := c.get(ctx, idOrName)
	if err != nil {
		return nil, fmt.Errorf("get sandbox %s: %w", idOrName, err)
	}
	return c.note(a), nil
}

func (c *Client) get(ctx context.Context, idOrName string) (*answer, error) {
	var a answer
	_, err := c.do(ctx, call{
		method: http.MethodGet, url: c.sandboxURL(idOrName), timeout: controlTimeout, into: &a, safe: true,
	})
	if err != nil {
		return nil, err
	}
	if a.State == sandbox.Destroyed || a.State == sandbox.Destroying {
		return nil, &Error{Status: http.StatusNotFound, Message: "sandbox is " + string(a.State), kind: sandbox.ErrNotFound}
	}
	return &a, nil
}

// List implements sandbox.Client. Servers answer with a bare list or with
// pages.
func (c *Client) List(ctx context.Context, labels map[string]string) ([]*sandbox.Info, error) {
	infos := []*sandbox.Info{}
	query := url.Values{}
	if len(labels) > 0 {
		text, err := json.Marshal(labels)
		if err != nil {
			return nil, fmt.Errorf("list sandboxes: %w", err)
		}
		query.Set("labels", string(text))
	}
	for {
		var raw json.RawMessage
		_, err := c.do(ctx, call{
			method: http.MethodGet, url: c.cfg.ServerURL + "/sandbox", query: query,
			timeout: controlTimeout, into: &raw, safe: true,
		})
		if err != nil {
			return nil, fmt.Errorf("list sandboxes: %w", err)
		}
		var page struct {
			Items      []*answer `json:"items"`
			NextCursor *string   `json:"nextCursor"`
		}
		if strings.HasPrefix(strings.TrimSpace(string(raw)), "[") {
			err = json.Unmarshal(raw, &page.Items)
		} else {
			err = json.Unmarshal(raw, &page)
		}
		if err != nil {
			return nil, fmt.Errorf("list sandboxes: read answer: %w", err)
		}
		for _, a := range page.Items {
			// A list may lag: it names what is gone, and what does not match.
			if a.State != sandbox.Destroyed && a.State != sandbox.Destroying && hasAll(a.Labels, labels) {
				infos = append(infos, c.note(a))
			}
		}
		if page.NextCursor == nil || *page.NextCursor == "" {
			return infos, nil
		}
		query.Set("cursor", *page.NextCursor)
	}
}

func hasAll(have, want map[string]string) bool {
	for k, v := range want {
		if got, ok := have[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// Start implements sandbox.Client.
func (c *Client) Start(ctx context.Context, id string) (*sandbox.Info, error) {
	info, err := c.start(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("start sandbox %s: %w", id, err)
	}
	return info, nil
}

func (c *Client) start(ctx context.Context, id string) (*sandbox.Info, error) {
	recovered := false
	deadline := clock.Now().Add(c.cfg.StartTimeout)
	for n := 0; ; n++ {
		a, err := c.get(ctx, id)
		if err != nil {
			return nil, err
		}
		switch a.State {
		case sandbox.Started:
			return c.note(a), nil
		case sandbox.Creating, sandbox.Starting, sandbox.Restoring, sandbox.PullingSnapshot:
			return c.waitFor(ctx, c.note(a), sandbox.Started)
		case sandbox.Failed:
			if !a.Recoverable || recovered {
				return nil, failed(&a.Info)
			}
			recovered = true
			if err := discard(c.do(ctx, call{method: http.MethodPost, url: c.sandboxURL(id, "recover"), timeout: controlTimeout})); err != nil {
				return nil, err
			}
			continue
		}
		c.setUp(a.ID, false)
		wasArchived := a.State == sandbox.Archived || a.State == sandbox.Archiving
		var now answer
		_, err = c.do(ctx, call{
			method: http.MethodPost, url: c.sandboxURL(id, "start"), timeout: controlTimeout, into: &now, safe: true,
		})
		if err == nil {
			if wasArchived {
				now.State = sandbox.Restoring // it is, whatever the answer says
			}
			return c.waitFor(ctx, c.note(&now), sandbox.Started)
		}
		if !c.stateMoves(err) || clock.Now().After(deadline) {
			return nil, err
		}
		if err := clock.Sleep(ctx, c.pollPause(n)); err != nil {
			return nil, err
		}
	}
}

// stateMoves tells whether a refused state change may succeed later: another
// one is in progress.
func (c *Client) stateMoves(err error) bool {
	var api *Error
	return errors.As(err, &api) && (api.changing() || api.Status == http.StatusConflict)
}

// Stop implements sandbox.Client.
func (c *Client) Stop(ctx context.Context, id string) error {
	if err := c.stop(ctx, id); err != nil {
		return fmt.Errorf("stop sandbox %s: %w", id, err)
	}
	return nil
}

func (c *Client) stop(ctx context.Context, id string) error {
	deadline := clock.Now().Add(c.cfg.StartTimeout)
	for n := 0; ; n++ {
		a, err := c.get(ctx, id)
		if err != nil {
			return err
		}
		switch a.State {
		case sandbox.Stopped, sandbox.Archived, sandbox.Archiving:
			c.setUp(id, false)
			return nil
		case sandbox.Stopping:
			_, err := c.waitFor(ctx, c.note(a), sandbox.Stopped)
			return err
		case sandbox.Failed, sandbox.BuildFailed:
			return failed(&a.Info)
		}
		var now answer
		_, err = c.do(ctx, call{
			method: http.MethodPost, url: c.sandboxURL(id, "stop"), query: url.Values{"force": {"false"}},
			timeout: controlTimeout, into: &now, safe: true,
		})
		if err == nil {
			_, err := c.waitFor(ctx, c.note(&now), sandbox.Stopped)
			// One that deletes itself when it stops has stopped.
			if errors.Is(err, sandbox.ErrNotFound) {
				return nil
			}
			return err
		}
		if !c.stateMoves(err) || clock.Now().After(deadline) {
			return err
		}
		if err := clock.Sleep(ctx, c.pollPause(n)); err != nil {
			return err
		}
	}
}

// Delete implements sandbox.Client. It returns when the server has taken the
// sandbox off; what it held is freed soon after.
func (c *Client) Delete(ctx context.Context, id string) error {
	deadline := clock.Now().Add(c.cfg.StartTimeout)
	for n := 0; ; n++ {
		err := discard(c.do(ctx, call{
			method: http.MethodDelete, url: c.sandboxURL(id), query: url.Values{"force": {"true"}},
			timeout: controlTimeout, safe: true,
		}))
		if err == nil || errors.Is(err, sandbox.ErrNotFound) {
			c.mu.Lock()
			delete(c.bases, id)
			delete(c.up, id)
			c.mu.Unlock()
			return nil
		}
		// Another delete that was first answers this one with a conflict.
		if c.stateMoves(err) && clock.Now().Before(deadline) {
			if _, gerr := c.get(ctx, id); errors.Is(gerr, sandbox.ErrNotFound) {
				return nil
			}
			if serr := clock.Sleep(ctx, c.pollPause(n)); serr == nil {
				continue
			}
		}
		return fmt.Errorf("delete sandbox %s: %w", id, err)
	}
}

// SetAutoStop implements sandbox.Client.
func (c *Client) SetAutoStop(ctx context.Context, id string, minutes int) error {
	err := discard(c.do(ctx, call{
		method: http.MethodPost, url: c.sandboxURL(id, "autostop", itoa(minutes)), timeout: controlTimeout, safe: true,
	}))
	if err != nil {
		return fmt.Errorf("set auto stop of sandbox %s: %w", id, err)
	}
	return nil
}

// Touch implements sandbox.Client.
func (c *Client) Touch(ctx context.Context, id string) error {
	err := discard(c.do(ctx, call{
		method: http.MethodPost, url: c.sandboxURL(id, "last-activity"), timeout: controlTimeout, safe: true,
	}))
	if errors.Is(err, sandbox.ErrNotFound) {
		// Older servers have no such route; any toolbox request does the same.
		if _, gerr := c.get(ctx, id); gerr == nil {
			_, err = c.Toolbox(id).WorkDir(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("touch sandbox %s: %w", id, err)
	}
	return nil
}

// Preview implements sandbox.Client.
func (c *Client) Preview(ctx context.Context, id string, port int) (sandbox.PreviewTarget, error) {
	var t sandbox.PreviewTarget
	_, err := c.do(ctx, call{
		method: http.MethodGet, url: c.sandboxURL(id, "ports", itoa(port), "preview-url"),
		timeout: controlTimeout, into: &t, safe: true,
	})
	if err != nil {
		return t, fmt.Errorf("preview port %d of sandbox %s: %w", port, id, err)
	}
	if u, err := url.Parse(t.URL); err == nil && strings.HasSuffix(u.Hostname(), ".localhost") {
		t.Dial = Dial
	}
	return t, nil
}
