package preview

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"surgent.dev/surgent/internal/server/credentials"
)

// What the sandbox's server says in the app's place.
var (
	errSilent = errors.New("nothing answers on the port")
	errAsleep = errors.New("the sandbox has just stopped")
)

// refused tells an answer of the sandbox's server from one of the app: its
// errors are JSON that names their source.
func refused(res *http.Response) error {
	if res.StatusCode < http.StatusBadRequest || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		return nil
	}
	head, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("read preview's answer: %w", err)
	}
	if !bytes.Contains(head, []byte(`"source":"DAYTONA_API"`)) {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(head), res.Body), res.Body}
		return nil
	}
	_ = res.Body.Close()
	if res.StatusCode == http.StatusBadGateway {
		return errSilent
	}
	return errAsleep
}

// forward passes a request on to the sandbox and streams the answer back.
func (d *door) forward(w http.ResponseWriter, r *http.Request, box *Sandbox, id string, port int) {
	target, err := d.Sandboxes.Target(r.Context(), id, port)
	if err != nil {
		d.unreachable(w, r, port, err)
		return
	}
	to, err := url.Parse(target.URL)
	if err != nil {
		d.unreachable(w, r, port, fmt.Errorf("parse preview address: %w", err))
		return
	}
	own := d.Links.Origin(id, port)
	there := to.Scheme + "://" + to.Host
	inside := []string{there, fmt.Sprintf("http://localhost:%d", port)}
	proxy := httputil.ReverseProxy{
		Transport:     d.transport,
		FlushInterval: -1, // streams reach the page as they come
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(to)
			h := p.Out.Header
			credentials.Strip(h)
			for name := range h {
				// The way into the sandbox is ours to say, never the visitor's.
				// ReverseProxy has taken off X-Forwarded-* for the same reason.
				if strings.HasPrefix(name, "X-Daytona-") {
					h.Del(name)
				}
			}
			h.Set("X-Forwarded-Host", p.In.Host)
			h.Set("X-Forwarded-Proto", schemeOf(own))
			h.Set("X-Daytona-Preview-Token", target.Token)
			h.Set("X-Daytona-Skip-Preview-Warning", "true")
			if h.Get("Origin") == own {
				h.Set("Origin", there) // the host name that the app sees
			}
		},
		ModifyResponse: func(res *http.Response) error {
			if err := refused(res); err != nil {
				return err
			}
			d.mend(res, box, own, inside)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if errors.Is(err, errAsleep) {
				d.wait(w, r, &Sandbox{State: Stopped}, id)
				return
			}
			d.unreachable(w, r, port, err)
		},
	}
	proxy.ServeHTTP(w, r)
}

// mend makes an answer of the app fit its outer address: redirects to its
// inner one, cookies that would reach beyond its host, and who may frame it.
func (d *door) mend(res *http.Response, box *Sandbox, own string, inside []string) {
	h := res.Header
	for _, origin := range inside {
		if rest, ok := strings.CutPrefix(h.Get("Location"), origin); ok && (rest == "" || rest[0] == '/' || rest[0] == '?') {
			h.Set("Location", own+rest)
		}
	}
	cookies := h.Values("Set-Cookie")
	h.Del("Set-Cookie")
	for _, line := range cookies {
		if name, _, _ := strings.Cut(line, "="); !credentials.Ours(strings.TrimSpace(name)) {
			h.Add("Set-Cookie", withoutDomain(line))
		}
	}
	if !box.Public && res.StatusCode != http.StatusSwitchingProtocols {
		h.Add("Content-Security-Policy", "frame-ancestors 'self' "+d.Workspace)
	}
}

// withoutDomain keeps a cookie on the host that set it.
func withoutDomain(line string) string {
	attrs := strings.Split(line, ";")
	keep := attrs[:1]
	for _, a := range attrs[1:] {
		if name, _, _ := strings.Cut(strings.TrimSpace(a), "="); !strings.EqualFold(name, "Domain") {
			keep = append(keep, a)
		}
	}
	return strings.Join(keep, ";")
}

// unreachable tells a visitor what a failed connection means: the app isn't
// listening yet, most of the time.
func (d *door) unreachable(w http.ResponseWriter, r *http.Request, port int, err error) {
	if errors.Is(err, context.Canceled) {
		return // the visitor left
	}
	if !errors.Is(err, errSilent) {
		d.Logger.InfoContext(r.Context(), "preview does not answer", "host", r.Host, "error", err)
	}
	w.Header().Set("Retry-After", "1")
	show(w, r, http.StatusBadGateway, page{
		Title: fmt.Sprintf("Nothing answers on port %d yet.", port), Text: "The app shows here as soon as it runs.", Reload: true,
	})
}

// newTransport reaches sandboxes of this machine, whose host names end in
// .localhost: browsers know that to be the loopback, resolvers may not.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(addr)
			if err == nil && (host == "localhost" || strings.HasSuffix(host, ".localhost")) {
				addr = net.JoinHostPort("127.0.0.1", port)
			}
			return dialer.DialContext(ctx, network, addr)
		},
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     30 * time.Second,
		DisableCompression:  true, // bytes pass as they are
	}
}

func schemeOf(origin string) string {
	scheme, _, _ := strings.Cut(origin, ":")
	return scheme
}
