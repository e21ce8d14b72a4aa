// Package preview is the door to the apps that run in sandboxes: one host per
// port and sandbox, `<port>-<sandbox>.<domain>`. What answers there is code
// that a person or a model just wrote, so nothing of the workspace reaches
// it: our cookies and tokens are taken off, and a private preview opens only
// with the cookie that a signed link of its owner has set. Everybody else
// gets 403 and wakes nothing.
//
// A sleeping sandbox is woken by a page load, not by the sockets and polls of
// a page that was left open, or it would never sleep.
package preview

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// State is what the door needs to know of a sandbox.
type State string

// The states. Every other one is treated as Starting.
const (
	Started  State = "started"
	Stopped  State = "stopped"
	Starting State = "starting"
	Failed   State = "error"
)

// Sandbox is one sandbox as the product sees it.
type Sandbox struct {
	Public bool // no link is needed
	State  State
}

// Target is where a port answers, and what opens it there.
type Target struct {
	URL   string
	Token string
}

// Sandboxes is what the door asks of the product.
type Sandboxes interface {
	// Find returns the sandbox that a project uses now, nil when none does.
	Find(ctx context.Context, sandboxID string) (*Sandbox, error)
	// Wake asks for a start and returns at once. Asking again is harmless.
	Wake(ctx context.Context, sandboxID string) error
	// Target returns where a port of a started sandbox answers.
	Target(ctx context.Context, sandboxID string, port int) (Target, error)
}

// Config joins the door to its parts. All fields but Dial are required.
type Config struct {
	Links     *Links
	Sandboxes Sandboxes
	Workspace string // origin of the page that may frame previews
	// Dial reaches the addresses that Sandboxes.Target answers; nil connects
	// as usual.
	Dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	Logger *slog.Logger
}

// New returns the door.
func New(c Config) (http.Handler, error) {
	if c.Links == nil || c.Sandboxes == nil || c.Workspace == "" || c.Logger == nil {
		return nil, errors.New("new preview: links, sandboxes, workspace and logger are required")
	}
	return &door{Config: c, transport: newTransport(c.Dial), loads: loads{byBox: map[string]*load{}}}, nil
}

type door struct {
	Config
	transport http.RoundTripper
	loads     loads
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, port, ok := split(r.Host)
	if !ok {
		show(w, r, http.StatusNotFound, page{Title: "There is no preview at this address."})
		return
	}
	box, err := d.Sandboxes.Find(r.Context(), id)
	if err != nil {
		d.Logger.ErrorContext(r.Context(), "preview lookup failed", "sandbox", id, "error", err)
		show(w, r, http.StatusInternalServerError, page{Title: "The preview can't be shown now.", Text: "Reload in a moment."})
		return
	}
	if r.URL.Path == openPath {
		d.open(w, r, box, id, port)
		return
	}
	if r.URL.Path == freshPath {
		d.fresh(w, r, box, id, port)
		return
	}
	if box == nil || !box.Public && !d.allowed(r, id, port) {
		show(w, r, http.StatusForbidden, page{Title: "This preview is private.", Text: "Open it from its project in the workspace."})
		return
	}
	if box.State != Started {
		d.wait(w, r, box, id)
		return
	}
	d.loads.begin(id, r)
	d.forward(w, r, box, id, port)
}

// open redeems a link: the cookie, and on to the app. A link for a sandbox
// that is gone, used twice or too late says how to get another.
func (d *door) open(w http.ResponseWriter, r *http.Request, box *Sandbox, id string, port int) {
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	path, ok := "", false
	if r.Method == http.MethodGet && box != nil {
		path, ok = d.Links.redeem(r.URL.Query().Get("key"), id, port)
	}
	if !ok {
		show(w, r, http.StatusForbidden, page{Title: "This link has been used or is too old.", Text: "Open the preview again from its project in the workspace."})
		return
	}
	http.SetCookie(w, d.Links.cookie(id))
	// The signature vouches for the path. Not http.Redirect, which would tidy
	// it: the app knows its own addresses.
	w.Header().Set("Location", path)
	w.WriteHeader(http.StatusSeeOther)
}

// allowed wants the cookie, and refuses requests that another page made in
// the visitor's name: only the preview's own pages fetch from it, others may
// at most navigate to it. Browsers that don't tell where a request comes from
// still name the origin of what could do harm, sockets among it.
func (d *door) allowed(r *http.Request, id string, port int) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		if r.Header.Get("Sec-Fetch-Mode") != "navigate" {
			return false
		}
	case "":
		if origin := r.Header.Get("Origin"); origin != "" && origin != d.Links.Origin(id, port) {
			return false
		}
	}
	return d.Links.opens(r, id)
}

// wait wakes a sleeping sandbox and says so.
func (d *door) wait(w http.ResponseWriter, r *http.Request, box *Sandbox, id string) {
	switch {
	case box.State == Failed:
		show(w, r, http.StatusBadGateway, page{Title: "The sandbox didn't start.", Text: "Its project in the workspace says why."})
		return
	case box.State == Stopped && !wakes(r):
		w.Header().Set("Retry-After", "5")
		show(w, r, http.StatusServiceUnavailable, page{Title: "The project is asleep."})
		return
	case box.State == Stopped:
		if err := d.Sandboxes.Wake(r.Context(), id); err != nil {
			d.Logger.ErrorContext(r.Context(), "preview could not wake its sandbox", "sandbox", id, "error", err)
			show(w, r, http.StatusBadGateway, page{Title: "The sandbox didn't start.", Text: "Its project in the workspace says why."})
			return
		}
		fallthrough
	default:
		w.Header().Set("Retry-After", "1")
		show(w, r, http.StatusServiceUnavailable, page{Title: "Waking", Text: "The app shows here as soon as it runs.", Reload: true})
	}
}

// wakes tells whether a request is somebody looking: a page load, or a call
// from outside a browser. Sockets and polls of a page left open are not.
func wakes(r *http.Request) bool {
	if isUpgrade(r) || strings.Contains(r.Header.Get("Accept"), "text/x-vite-ping") {
		return false
	}
	mode := r.Header.Get("Sec-Fetch-Mode")
	return mode == "" || mode == "navigate"
}

// closedPorts are the sandbox's own: its toolbox and its terminals.
var closedPorts = map[int]bool{2280: true, 22222: true, 33333: true}

// split reads `<port>-<sandbox>` out of a host name.
func split(host string) (id string, port int, ok bool) {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	label, _, _ := strings.Cut(strings.ToLower(host), ".")
	digits, id, found := strings.Cut(label, "-")
	port, err := strconv.Atoi(digits)
	if !found || id == "" || err != nil || port < 1 || port > 65535 || closedPorts[port] {
		return "", 0, false
	}
	return id, port, true
}

func isUpgrade(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}
