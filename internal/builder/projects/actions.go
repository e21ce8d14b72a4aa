package projects

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/builder/devserver"
	"surgent.dev/surgent/internal/kit/errs"
)

type link struct {
	URL string `json:"url"`
}

// previewLink gives the owner a link that opens one port of the sandbox once,
// within a minute, and goes on to a path of the app.
func (m *module) previewLink(ctx *function.ActionCtx, a struct {
	ProjectID ID      `json:"projectId"`
	Port      *int    `json:"port,omitempty"`
	Path      *string `json:"path,omitempty"`
},
) (link, error) {
	port := devserver.Port
	if a.Port != nil {
		port = *a.Port
	}
	if port < 1 || port > 65535 {
		return link{}, errs.New(errs.Invalid, "A port is a number from 1 to 65535")
	}
	to := "/"
	if a.Path != nil {
		var err error
		if to, err = previewPath(*a.Path); err != nil {
			return link{}, err
		}
	}
	p, err := OwnedIn(ctx, a.ProjectID)
	if err != nil {
		return link{}, err
	}
	if p.SandboxID == nil {
		return link{}, errs.New(errs.Unavailable, "The preview isn't ready yet")
	}
	return link{URL: m.links.Link(*p.SandboxID, port, to)}, nil
}

const maxPreviewPath = 2048 // bytes

// previewPath checks where a link is to lead and returns it fit for a header.
// Whoever opens the link trusts its host, so it must not lead to another:
// browsers read "//host" and "/\\host" as one, after dropping tabs and newlines.
func previewPath(p string) (string, error) {
	u, err := url.Parse(p)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") ||
		len(p) > maxPreviewPath || !utf8.ValidString(p) || strings.ContainsRune(p, '\\') || strings.ContainsFunc(p, unicode.IsControl) {
		return "", errs.New(errs.Invalid, "A path of the app begins with one slash, as in /about, and has at most %d bytes", maxPreviewPath)
	}
	return u.String(), nil
}
