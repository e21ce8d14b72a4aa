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

// errUnreadable means that something answered, but not as HTTP wants it.
var errUnreadable = errors.New("the answer can't be read")

// refused tells an answer of the sandbox's server from one of the app: its
// errors are JSON that names their source.
func refused(res *http.Response) error {
	if res.StatusCode < http.StatusBadRequest || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		return nil
	}
	// One read: the server sends its short errors in one piece, and an app that
	// streams must not wait until there is more.
	head := make([]byte, maxRefusal)
	n, err := io.ReadAtLeast(res.Body, head, 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read preview's answer: %w", err)
	}
	head = head[:n]
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
	inside := []string{there, fmt.Sprintf("http://localhost:%d", port), fmt.Sprintf("http://127.0.0.1:%d", port)}
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
			setWayIn(h, target.Token)
			if h.Get("Origin") == own {
				h.Set("Origin", there) // the host name that the app sees
			}
		},
		ModifyResponse: func(res *http.Response) error {
			if err := refused(res); err != nil {
				return err
			}
			d.loads.note(id, res)
			d.mend(res, box, own, inside)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if errors.Is(err, errAsleep) {
				d.wait(w, r, &Sandbox{State: Stopped}, id)
				return
			}
			var op *net.OpError
			if !errors.Is(err, errSilent) && (!errors.As(err, &op) || op.Op != "dial") {
				err = fmt.Errorf("%w: %w", errUnreadable, err)
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
	h.Del("Alt-Svc") // where the host is served is not the app's to say
	if res.StatusCode != http.StatusSwitchingProtocols {
		d.frame(h, box.Public)
	}
}

// frame says who may show the app in a frame: of a private preview the
// workspace alone, of a public one whoever the app lets, and the workspace.
func (d *door) frame(h http.Header, public bool) {
	const name = "Content-Security-Policy"
	ours, said := "frame-ancestors 'self' "+d.Workspace, false
	policies := h.Values(name)
	h.Del(name)
	for _, line := range policies {
		for policy := range strings.SplitSeq(line, ",") {
			directives := strings.Split(policy, ";")
			for i, directive := range directives {
				if word, _, _ := strings.Cut(strings.TrimSpace(directive), " "); strings.EqualFold(word, "frame-ancestors") {
					directives[i], said = ours, true
				}
			}
			h.Add(name, strings.Join(directives, ";"))
		}
	}
	if h.Get("X-Frame-Options") != "" {
		h.Del("X-Frame-Options") // it can't name the workspace
		public = false
	}
	if !said && !public {
		h.Add(name, ours)
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

// unreachable tells a visitor what a failed request means: the app isn't
// listening yet, most of the time.
func (d *door) unreachable(w http.ResponseWriter, r *http.Request, port int, err error) {
	if errors.Is(err, context.Canceled) {
		return // the visitor left
	}
	if !errors.Is(err, errSilent) {
		d.Logger.InfoContext(r.Context(), "preview does not answer", "host", r.Host, "error", err)
	}
	w.Header().Set("Retry-After", "1")
	says := page{Title: fmt.Sprintf("Nothing answers on port %d yet.", port), Text: "The app shows here as soon as it runs.", Reload: true}
	if errors.Is(err, errUnreadable) {
		says = page{Title: "The app's answer can't be read.", Text: fmt.Sprintf("What listens on port %d broke off, or doesn't speak HTTP.", port)}
	}
	show(w, r, http.StatusBadGateway, says)
}

// Bounds of what an app may answer with before its body.
const (
	maxAnswerHeaders = 256 << 10
	maxRefusal       = 4 << 10
)

func newTransport(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Transport {
	return &http.Transport{
		DialContext:            dial,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true, // bytes pass as they are
		MaxResponseHeaderBytes: maxAnswerHeaders,
	}
}

func schemeOf(origin string) string {
	scheme, _, _ := strings.Cut(origin, ":")
	return scheme
}
