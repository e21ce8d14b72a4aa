// Package workspace is the door that serves the web application: the built
// files, as gzip for browsers that take it, with long caching, the page itself for every address of its router,
// and a content policy that lets the page talk to its own origin and frame
// previews, nothing else.
package workspace

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
)

// Config says where the page comes from: Files, or DevServer when it is set.
type Config struct {
	Files     fs.FS    // the built application, index.html at its root
	DevServer *url.URL // a Vite dev server to pass requests on to
	Domain    string   // host[:port] of the workspace
	Scheme    string   // of previews and apps: http or https
	Logger    *slog.Logger
}

// New reads index.html once and returns the door.
func New(c Config) (http.Handler, error) {
	if c.DevServer != nil {
		return devProxy(c), nil
	}
	if c.Files == nil {
		return nil, errors.New("new workspace: no files")
	}
	index, err := fs.ReadFile(c.Files, "index.html")
	if err != nil {
		return nil, fmt.Errorf("read workspace page: %w", err)
	}
	compressed, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.ContentTypes([]string{
		"text/html", "text/css", "text/javascript", "application/json", "application/manifest+json", "image/svg+xml",
	}))
	if err != nil {
		return nil, fmt.Errorf("new workspace: %w", err)
	}
	return compressed(&door{files: c.Files, index: index, policy: policy(c, index)}), nil
}

type door struct {
	files  fs.FS
	index  []byte
	policy string
}

// ServeHTTP answers a file when there is one, and the page for addresses
// that look like a page's. A missing file with an extension is a 404: a
// script tag must not receive HTML.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Method not allowed", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if name != "" && name != "index.html" {
		if raw, err := fs.ReadFile(d.files, name); err == nil {
			serveFile(w, r, name, raw)
			return
		}
		if path.Ext(name) != "" {
			http.Error(w, "Not found", http.StatusNotFound)
			return
		}
	}
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", d.policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Type", "text/html; charset=utf-8")
	http.ServeContent(w, r, "index.html", time.Time{}, bytes.NewReader(d.index))
}

func serveFile(w http.ResponseWriter, r *http.Request, name string, raw []byte) {
	h := w.Header()
	// Vite puts a hash of the content into every name under assets/.
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	if kind := contentType(name); kind != "" {
		h.Set("Content-Type", kind)
	}
	sum := sha256.Sum256(raw)
	// Weak: the same for the file as it is and as gzip.
	h.Set("ETag", `W/"`+base64.RawURLEncoding.EncodeToString(sum[:12])+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(raw))
}

// contentType knows the kinds that the build makes, because the host's own
// mime tables differ from machine to machine.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".woff2":
		return "font/woff2"
	case ".svg":
		return "image/svg+xml"
	case ".json", ".map":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	}
	return mime.TypeByExtension(path.Ext(name))
}

var inlineScript = regexp.MustCompile(`(?s)<script(?:\s[^>]*)?>(.*?)</script>`)

// policy builds the Content-Security-Policy. Inline scripts of the built page
// (the theme before the first paint) are allowed by their hash. Styles may be
// inline: the editor and the panes set them at run time.
func policy(c Config, index []byte) string {
	scripts := "'self'"
	for _, m := range inlineScript.FindAllSubmatch(index, -1) {
		if len(bytes.TrimSpace(m[1])) > 0 {
			sum := sha256.Sum256(m[1])
			scripts += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		}
	}
	ws := "ws"
	if c.Scheme == "https" {
		ws = "wss"
	}
	return strings.Join([]string{
		"default-src 'self'",
		"script-src " + scripts,
		"style-src 'self' 'unsafe-inline'",
		"img-src 'self' data: blob: http: https:",
		"font-src 'self' data:",
		// Of a preview the page may ask one thing: whether its frame is fresh.
		"connect-src 'self' " + ws + "://" + c.Domain + " " + c.Scheme + "://*." + c.Domain + "/.surgent/fresh",
		"frame-src " + c.Scheme + "://*." + c.Domain,
		"object-src 'none'",
		"base-uri 'none'",
		"form-action 'self'",
		"frame-ancestors 'none'",
	}, "; ")
}

// devProxy passes everything to the dev server, whose own sockets carry its
// updates.
func devProxy(c Config) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(c.DevServer) },
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			c.Logger.WarnContext(r.Context(), "web dev server does not answer", "error", err)
			w.Header().Set("Refresh", "1") // Vite takes longer to start than we do
			http.Error(w, "The web dev server does not answer yet. This page reloads.", http.StatusBadGateway)
		},
	}
}
