package projects

import (
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/builder/devserver"
	"surgent.dev/surgent/internal/kit/errs"
)

type link struct {
	URL string `json:"url"`
}

// previewLink gives the owner a link that opens one port of the sandbox once,
// within a minute.
func (m *module) previewLink(ctx *function.ActionCtx, a struct {
	ProjectID ID   `json:"projectId"`
	Port      *int `json:"port,omitempty"`
},
) (link, error) {
	port := devserver.Port
	if a.Port != nil {
		port = *a.Port
	}
	if port < 1 || port > 65535 {
		return link{}, errs.New(errs.Invalid, "A port is a number from 1 to 65535")
	}
	p, err := OwnedIn(ctx, a.ProjectID)
	if err != nil {
		return link{}, err
	}
	if p.SandboxID == nil {
		return link{}, errs.New(errs.Unavailable, "The preview isn't ready yet")
	}
	return link{URL: m.links.Link(*p.SandboxID, port)}, nil
}
