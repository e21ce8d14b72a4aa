// Package assets serves an app's static files by the rules of Workers static
// assets: which request goes to the worker and which to a file, one address
// for each page, redirects, extra headers, and what a wrong address gets.
//
// A Site is the compiled form of one release and never changes; to publish is
// to swap one pointer. Files are looked up in the release's manifest and read
// by their hash, so that no part of an address ever becomes a path on disk.
// Behaviour is held to a table recorded from the platform's own dev server; so
// ranges are not honoured. Visitors get what shrinks compressed.
package assets

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"surgent.dev/surgent/deploy"
)

// Site answers for the files of one release. It is safe for concurrent use.
type Site struct {
	files     map[string]deploy.Asset // by decoded path
	html      htmlRules
	exact     bool // html_handling none: addresses are taken as they are
	notFound  string
	redirects *redirects
	headers   []headerRule
	open      func(hash string) (io.ReadCloser, error)

	hasWorker     bool
	workerFirst   bool
	toWorker      []pattern // globs of run_worker_first
	toAssets      []pattern // those with "!", which win
	globs         bool
	navigationWin bool // browsers' navigations prefer files and the not-found rule
}

// navigationFlagDate is when the platform let navigations prefer files.
const navigationFlagDate = "2025-04-01"

// New compiles a release. It reads no file.
func New(rel *deploy.Release) *Site {
	c := rel.AssetsConfig
	s := &Site{
		files:         make(map[string]deploy.Asset, len(rel.Assets)),
		html:          htmlRulesFor(c.HTMLHandling),
		exact:         c.HTMLHandling == "none",
		notFound:      c.NotFoundHandling,
		redirects:     parseRedirects(c.Redirects),
		headers:       parseHeaders(c.Headers),
		open:          rel.Open,
		hasWorker:     len(rel.Modules) > 0,
		workerFirst:   c.RunWorkerFirst,
		globs:         len(c.WorkerFirstGlobs) > 0,
		navigationWin: rel.CompatibilityDate >= navigationFlagDate,
	}
	for _, flag := range rel.CompatibilityFlags {
		switch flag {
		case "assets_navigation_prefers_asset_serving":
			s.navigationWin = true
		case "assets_navigation_has_no_effect":
			s.navigationWin = false
		}
	}
	for _, asset := range rel.Assets {
		s.files[asset.Path] = asset
	}
	for _, glob := range c.WorkerFirstGlobs {
		if rest, not := strings.CutPrefix(glob, "!"); not {
			s.toAssets = append(s.toAssets, compileGlob(rest))
		} else {
			s.toWorker = append(s.toWorker, compileGlob(glob))
		}
	}
	return s
}

// Handler answers what visitors ask. Requests that belong to the app's code go
// to worker, which is not used when the release has none.
func (s *Site) Handler(worker http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.ToWorker(r) {
			worker.ServeHTTP(w, r)
			return
		}
		s.ServeVisitor(w, r)
	})
}

// ToWorker tells whether a visitor's request belongs to the app's code.
func (s *Site) ToWorker(r *http.Request) bool {
	if !s.hasWorker {
		return false
	}
	path := removeDots(r.URL.EscapedPath()) // as the worker will see it
	switch {
	case s.workerFirst:
		return true
	case matchesAny(s.toAssets, path):
		return false
	case matchesAny(s.toWorker, path):
		return true
	}
	// Without globs the not-found rule is for people who open an address; a
	// script that fetches one gets to its API.
	notFound := s.notFound
	if !s.globs && (!s.navigationWin || r.Header.Get("Sec-Fetch-Mode") != "navigate") {
		notFound = ""
	}
	return s.resolve(r, notFound).kind == nothing
}

// ServeVisitor answers from the files alone, compressed where that helps and
// is wanted.
func (s *Site) ServeVisitor(w http.ResponseWriter, r *http.Request) { s.serve(w, r, squeeze) }

// ServeHTTP answers from the files alone, which is what the app's assets
// binding does. Code gets them as they are.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, func(*http.Request, http.Header, int64) bool { return false })
}

// squeezer decides whether a file of that size is sent compressed, given the
// headers that it has so far.
type squeezer func(r *http.Request, header http.Header, size int64) bool

func (s *Site) serve(w http.ResponseWriter, r *http.Request, squeezed squeezer) {
	a := s.resolve(r, s.notFound)
	header := w.Header()
	if a.kind == file {
		header.Set("ETag", `"`+a.asset.Hash[:32]+`"`)
		header.Set("Cache-Control", "public, max-age=0, must-revalidate")
		// Without a known type there is none, and nobody guesses.
		header["Content-Type"] = contentType(a.asset.Path)
	}
	applyHeaders(s.headers, r.URL.EscapedPath(), header)
	switch a.kind {
	case redirect:
		header.Set("Location", a.location)
		w.WriteHeader(a.status)
	case notAllowed:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case file:
		s.serveFile(w, r, a, squeezed(r, header, a.asset.Size))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (s *Site) serveFile(w http.ResponseWriter, r *http.Request, a answer, compressed bool) {
	header := w.Header()
	if a.status == http.StatusOK && etagMatches(r.Header.Values("If-None-Match"), header.Get("ETag")) {
		header.Del("Content-Type")
		header.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	content, err := s.open(a.asset.Hash)
	if err != nil {
		// A release whose blob is gone; nothing that the visitor could mend.
		for name := range header {
			header.Del(name)
		}
		http.Error(w, "This file is missing.", http.StatusInternalServerError)
		return
	}
	if !compressed {
		header.Set("Content-Length", strconv.FormatInt(a.asset.Size, 10))
	}
	w.WriteHeader(a.status)
	switch {
	case r.Method == http.MethodHead:
	case compressed:
		err = writeGzip(w, content)
	default:
		_, err = io.Copy(w, content)
	}
	if err := errors.Join(err, content.Close()); err != nil {
		// The status is out; a visitor who gets less than Content-Length knows.
		panic(http.ErrAbortHandler)
	}
}

type kind int

const (
	nothing    kind = iota // no file; the worker's, or 404
	missing                // a rewrite to a file that is not there: 404, not the worker's
	file                   // asset, with status
	redirect               // location, with status
	notAllowed             // a file, but the method asks for more than reading
)

type answer struct {
	kind     kind
	asset    deploy.Asset
	status   int
	location string
}

// resolve finds what the files have to say to a request.
func (s *Site) resolve(r *http.Request, notFound string) answer {
	path := removeDots(r.URL.EscapedPath())
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // "OPTIONS *"
	}
	search := ""
	if r.URL.RawQuery != "" {
		search = "?" + r.URL.RawQuery
	}
	rewritten := false
	if to, status, ok := s.redirects.match(path, search); ok {
		if status != http.StatusOK {
			return answer{kind: redirect, location: to, status: status}
		}
		rewritten = true
		path, _, _ = strings.Cut(to, "?")
	}
	decoded := decodePath(path)
	if !s.exact {
		decoded = collapse(decoded)
	}
	found, at := s.html.find(decoded, s.has)
	status := http.StatusOK
	if found == "" && at == "" {
		found, status = s.notFoundPage(decoded, notFound)
	}
	switch {
	case found == "" && at == "" && rewritten:
		return answer{kind: missing}
	case found == "" && at == "":
		return answer{kind: nothing}
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return answer{kind: notAllowed}
	case at != "":
		return answer{kind: redirect, location: encodePath(at) + search, status: http.StatusTemporaryRedirect}
	case encodePath(decoded) != path:
		// One spelling for each address.
		return answer{kind: redirect, location: encodePath(decoded) + search, status: http.StatusTemporaryRedirect}
	}
	return answer{kind: file, asset: s.files[found], status: status}
}

func (s *Site) has(path string) bool {
	_, ok := s.files[path]
	return ok
}

// notFoundPage returns the page that stands for an address without a file.
func (s *Site) notFoundPage(path, rule string) (page string, status int) {
	switch rule {
	case "single-page-application":
		if s.has("/index.html") {
			return "/index.html", http.StatusOK
		}
	case "404-page":
		// The nearest one on the way up.
		for path != "" {
			path = path[:strings.LastIndexByte(path, '/')]
			if s.has(path + "/404.html") {
				return path + "/404.html", http.StatusNotFound
			}
		}
	}
	return "", 0
}

// decodePath undoes percent-encoding, leaving a segment that is not well
// encoded as it is.
func decodePath(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if plain, err := url.PathUnescape(segment); err == nil {
			segments[i] = plain
		}
	}
	return strings.Join(segments, "/")
}

// collapse makes many slashes one, without which a Location could name
// another host.
func collapse(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()/"

// encodePath encodes as encodeURIComponent does, sparing slashes.
func encodePath(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; strings.IndexByte(unreserved, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)|0x100, 16)[1:]))
		}
	}
	return b.String()
}

// removeDots resolves "." and ".." segments, as browsers do before they ask.
func removeDots(path string) string {
	if !strings.Contains(path, ".") && !strings.Contains(path, "%2") {
		return path
	}
	var kept []string
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		plain := strings.ReplaceAll(strings.ReplaceAll(segment, "%2e", "."), "%2E", ".")
		last := i == len(segments)-1
		switch plain {
		case ".":
			if last {
				kept = append(kept, "")
			}
		case "..":
			if len(kept) > 1 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, segment)
		}
	}
	return strings.Join(kept, "/")
}

// etagMatches compares weakly, as If-None-Match does.
func etagMatches(values []string, etag string) bool {
	etag = strings.TrimPrefix(etag, "W/")
	for _, value := range values {
		for one := range strings.SplitSeq(value, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == etag {
				return true
			}
		}
	}
	return false
}
