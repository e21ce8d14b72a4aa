package assets

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// compressFrom is the size in bytes below which compressing gains nothing.
const compressFrom = 1 << 10

// compressible are the types that get much smaller, besides text.
var compressible = map[string]bool{
	"application/json": true, "application/ld+json": true, "application/geo+json": true, "application/manifest+json": true,
	"application/rss+xml": true, "application/atom+xml": true, "application/xhtml+xml": true, "application/wasm": true,
	"application/rtf": true, "application/vnd.ms-fontobject": true, "image/svg+xml": true, "image/bmp": true,
	"image/vnd.microsoft.icon": true, "font/ttf": true, "font/otf": true, "model/gltf+json": true,
}

// squeeze decides whether a file goes out compressed, and sets the headers that
// say so: the one who asked for another form may not be given this one.
func squeeze(r *http.Request, header http.Header, size int64) bool {
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	if size < compressFrom || !compressible[kind] && !strings.HasPrefix(kind, "text/") ||
		header.Get("Content-Encoding") != "" || strings.Contains(header.Get("Cache-Control"), "no-transform") {
		return false
	}
	header.Add("Vary", "Accept-Encoding")
	if !acceptsGzip(r.Header.Values("Accept-Encoding")) {
		return false
	}
	header.Set("Content-Encoding", "gzip")
	// The same file in another form: no longer equal byte for byte.
	if etag := header.Get("ETag"); strings.HasPrefix(etag, `"`) {
		header.Set("ETag", "W/"+etag)
	}
	return true
}

// acceptsGzip reads Accept-Encoding. What is not named there is not wanted.
func acceptsGzip(values []string) bool {
	any, named := false, false
	for _, value := range values {
		for one := range strings.SplitSeq(value, ",") {
			name, params, _ := strings.Cut(one, ";")
			wanted := true
			if q, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
				weight, err := strconv.ParseFloat(q, 64)
				wanted = err == nil && weight > 0
			}
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "gzip", "x-gzip":
				if !wanted {
					return false
				}
				named = true
			case "*":
				any = wanted
			}
		}
	}
	return named || any
}

// gzips keeps writers, whose tables are large. Files are compressed as they are
// asked for, which is quick at this level; browsers ask once.
var gzips = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level is a good one
	return w
}}

func writeGzip(w io.Writer, content io.Reader) error {
	z := gzips.Get().(*gzip.Writer)
	defer gzips.Put(z)
	z.Reset(w)
	if _, err := io.Copy(z, content); err != nil {
		return err
	}
	return z.Close()
}
