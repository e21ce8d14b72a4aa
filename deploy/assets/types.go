package assets

import (
	"path"
	"strings"
)

// contentTypes is fixed, where the standard library's depends on the machine.
var contentTypes = map[string]string{
	".aac": "audio/aac", ".apng": "image/apng", ".avif": "image/avif", ".bmp": "image/bmp",
	".cjs": "text/javascript", ".css": "text/css", ".csv": "text/csv", ".eot": "application/vnd.ms-fontobject",
	".flac": "audio/flac", ".geojson": "application/geo+json", ".gif": "image/gif", ".glb": "model/gltf-binary",
	".gltf": "model/gltf+json", ".gz": "application/gzip", ".htm": "text/html", ".html": "text/html",
	".ico": "image/vnd.microsoft.icon", ".ics": "text/calendar", ".jpeg": "image/jpeg", ".jpg": "image/jpeg",
	".js": "text/javascript", ".json": "application/json", ".jsonld": "application/ld+json", ".jxl": "image/jxl",
	".m4a": "audio/mp4", ".map": "application/json", ".markdown": "text/markdown", ".md": "text/markdown",
	".mid": "audio/midi", ".mjs": "text/javascript", ".mov": "video/quicktime", ".mp3": "audio/mpeg",
	".mp4": "video/mp4", ".mpeg": "video/mpeg", ".oga": "audio/ogg", ".ogg": "audio/ogg", ".ogv": "video/ogg",
	".opus": "audio/ogg", ".otf": "font/otf", ".pdf": "application/pdf", ".png": "image/png",
	".rss": "application/rss+xml", ".atom": "application/atom+xml", ".rtf": "application/rtf", ".svg": "image/svg+xml",
	".tar": "application/x-tar", ".tif": "image/tiff", ".tiff": "image/tiff", ".ttf": "font/ttf", ".txt": "text/plain",
	".vtt": "text/vtt", ".wasm": "application/wasm", ".wav": "audio/wav", ".weba": "audio/webm", ".webm": "video/webm",
	".webmanifest": "application/manifest+json", ".webp": "image/webp", ".woff": "font/woff", ".woff2": "font/woff2",
	".xhtml": "application/xhtml+xml", ".xml": "text/xml", ".yaml": "text/yaml", ".yml": "text/yaml", ".zip": "application/zip",
}

// contentType returns the header's values: nil, which also keeps the server
// from guessing, when the extension says nothing.
func contentType(name string) []string {
	kind, ok := contentTypes[strings.ToLower(path.Ext(path.Base(name)))]
	if !ok {
		return nil
	}
	return []string{withCharset(kind)}
}

func withCharset(kind string) string {
	if strings.HasPrefix(kind, "text/") {
		return kind + "; charset=utf-8"
	}
	return kind
}

// ContentType returns what a file of that name is served as, "" for none.
func ContentType(name string) string {
	if kind := contentType(name); kind != nil {
		return kind[0]
	}
	return ""
}
