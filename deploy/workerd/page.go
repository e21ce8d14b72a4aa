package workerd

import (
	"fmt"
	"html"
	"net/http"
)

// page answers with a small page of our own, for a person who came to an app
// that cannot answer.
func page(w http.ResponseWriter, status int, title, text string) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.WriteHeader(status)
	// Nobody is there to tell when the visitor has left.
	_, _ = fmt.Fprintf(w, `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>%[1]s</title>
<style>
  body { display: grid; place-content: center; min-height: 100dvh; margin: 0; padding: 1.5rem; box-sizing: border-box;
    font: 1rem/1.5 ui-sans-serif, system-ui, sans-serif; color: light-dark(#1c1917, #f5f5f4); background: light-dark(#fafaf9, #0c0a09) }
  main { max-width: 30rem }
  h1 { margin: 0; font-size: 1.5rem; font-weight: 600 }
  p { margin: .5rem 0 0; color: light-dark(#57534e, #d6d3d1) }
</style>
<main><h1>%[1]s</h1><p>%[2]s</p></main>
</html>
`, html.EscapeString(title), html.EscapeString(text))
}
