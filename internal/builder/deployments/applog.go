package deployments

import (
	"strings"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/kit/ansi"
	"surgent.dev/surgent/internal/kit/errs"
)

type appLogResult struct {
	Log string `json:"log"` // whole lines, the newest last; "" when nothing was written
}

// appLog returns what the project's live app wrote last, to its owner.
func (m *module) appLog(ctx *function.ActionCtx, a struct {
	ProjectID projects.ID `json:"projectId"`
},
) (appLogResult, error) {
	p, err := projects.OwnedIn(ctx, a.ProjectID)
	if err != nil {
		return appLogResult{}, err
	}
	if m.AppLog == nil {
		return appLogResult{}, errs.New(errs.Unavailable, "The app runs elsewhere, and its log is kept there.")
	}
	var live *Deployment
	if err := ctx.RunQuery("deployments:live", projectArgs{p.ID}, &live); err != nil {
		return appLogResult{}, err
	}
	if live == nil {
		return appLogResult{}, errs.New(errs.NotFound, "Nothing is live yet.")
	}
	// An app writes what it likes; people read it in a page.
	text := unprintable.Replace(ansi.Strip(m.AppLog(live.Name)))
	return appLogResult{Log: strings.ToValidUTF8(text, "�")}, nil
}

type projectArgs struct {
	ProjectID projects.ID `json:"projectId"`
}

func live(ctx *function.QueryCtx, a projectArgs) (*Deployment, error) {
	return Live(ctx, ctx.DB, a.ProjectID)
}
