package preview

import (
	"html/template"
	"net/http"
	"strings"
)

// page is what the door itself says, in place of the app.
type page struct {
	Title, Text string
	Reload      bool // comes back by itself once a second
}

// The page needs no script: the frame may forbid it, and the refresh works
// everywhere.
var pageHTML = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
{{if .Reload}}<meta http-equiv="refresh" content="1">{{end}}<title>{{.Title}}</title>
<style>
:root{color-scheme:light dark}
body{margin:0;min-height:100vh;display:grid;place-items:center;font:14px/20px system-ui,sans-serif;
background:light-dark(oklch(.975 .004 95),oklch(.185 .008 200));color:light-dark(oklch(.235 .012 200),oklch(.93 .006 95))}
main{padding:24px;text-align:center;max-width:40ch}h1{font-size:16px;line-height:24px;font-weight:600;margin:0 0 4px}
p{margin:0;color:light-dark(oklch(.44 .012 200),oklch(.77 .01 150))}
</style></head><body><main><h1>{{.Title}}</h1>{{with .Text}}<p>{{.}}</p>{{end}}</main></body></html>
`))

// show answers with the page where a person looks, and with one line of text
// everywhere else.
func show(w http.ResponseWriter, r *http.Request, status int, p page) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(strings.TrimSpace(p.Title+" "+p.Text) + "\n"))
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.WriteHeader(status)
	_ = pageHTML.Execute(w, p) // the visitor has gone: nobody to tell
}
