package projects

import (
	"strings"
	"unicode/utf8"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/templates"
	"surgent.dev/surgent/internal/builder/users"
	"surgent.dev/surgent/internal/kit/errs"
)

// Quota is the code of the error that the workspace offers "Choose" for.
const Quota errs.Code = "quota"

const maxName = 80 // characters

// scheduled is what mutations answer whose work is a job.
type scheduled struct {
	Scheduled bool `json:"scheduled"`
}

type createArgs struct {
	Name       string        `json:"name"`
	Github     any           `json:"github,omitempty"`
	Settings   any           `json:"settings,omitempty"`
	Metadata   any           `json:"metadata,omitempty"`
	TemplateID *templates.ID `json:"templateId,omitempty"`
}

// createProject makes a project with its first session and sends for its
// sandbox. The count and the insert are one transaction, so that any number
// of parallel calls stays within the limit.
func (m *module) createProject(ctx *function.MutationCtx, a createArgs) (ID, error) {
	user, err := users.Require(ctx)
	if err != nil {
		return "", err
	}
	name, err := cleanName(a.Name)
	if err != nil {
		return "", err
	}
	mine, err := Projects.Query(ctx.DB, "by_user", user).Take(ctx, Limit)
	if err != nil {
		return "", err
	}
	if len(mine) >= Limit {
		return "", errs.New(Quota, "Project limit reached: maximum %d projects per user", Limit)
	}
	tpl, err := template(ctx, a.TemplateID)
	if err != nil {
		return "", err
	}
	id, err := Projects.Insert(ctx, ctx.DB, Project{
		UserID: user, Name: name, Github: a.Github, Settings: a.Settings, Metadata: withSlug(a.Metadata, tpl.Slug),
		TemplateID: tpl.ID, Attempt: 1, Sandbox: &Sandbox{Status: Pending},
	})
	if err != nil {
		return "", err
	}
	for _, created := range m.parts.Created {
		if err := created(ctx, id); err != nil {
			return "", err
		}
	}
	return id, sendFor(ctx, id, 1)
}

// template finds what a new project starts from. A project without a
// templateId gets the default one.
func template(ctx *function.MutationCtx, id *templates.ID) (*templates.Template, error) {
	if id != nil {
		tpl, err := templates.Templates.Get(ctx, ctx.DB, *id)
		if err == nil && tpl == nil {
			return nil, errs.New(errs.NotFound, "Template not found")
		}
		return tpl, err
	}
	tpl, err := templates.Default(ctx, ctx.DB)
	if err == nil && tpl == nil {
		return nil, errs.New(errs.Unavailable, "There is no template to start from")
	}
	return tpl, err
}

// withSlug notes the template in the project's metadata without touching what
// the caller put there.
func withSlug(metadata any, slug string) any {
	if metadata == nil {
		return value.Object{"templateSlug": slug}
	}
	given, ok := metadata.(value.Object)
	if !ok {
		return metadata
	}
	out := value.Object{"templateSlug": slug}
	for k, v := range given {
		out[k] = v
	}
	return out
}

func cleanName(name string) (string, error) {
	name = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, name)), " ")
	if name == "" {
		return "", errs.New(errs.Invalid, "A project needs a name")
	}
	if n := utf8.RuneCountInString(name); n > maxName {
		return "", errs.New(errs.Invalid, "A project's name has at most %d characters, this one has %d", maxName, n)
	}
	return name, nil
}

func renameProject(ctx *function.MutationCtx, a struct {
	ProjectID ID     `json:"projectId"`
	Name      string `json:"name"`
},
) (any, error) {
	p, err := Owned(ctx, ctx.DB, a.ProjectID)
	if err != nil {
		return nil, err
	}
	name, err := cleanName(a.Name)
	if err != nil {
		return nil, err
	}
	return nil, Projects.Patch(ctx, ctx.DB, p.ID, value.Object{"name": name})
}

func setPublic(ctx *function.MutationCtx, a struct {
	ProjectID ID   `json:"projectId"`
	Public    bool `json:"public"`
},
) (any, error) {
	p, err := Owned(ctx, ctx.DB, a.ProjectID)
	if err != nil {
		return nil, err
	}
	settings := value.Object{}
	if old, ok := p.Settings.(value.Object); ok {
		for k, v := range old {
			settings[k] = v
		}
	}
	settings["public"] = a.Public
	return nil, Projects.Patch(ctx, ctx.DB, p.ID, value.Object{"settings": settings})
}

// deleteProject removes the project at once, for everybody who looks; jobs
// remove its rows, its sandbox and its published app.
func (m *module) deleteProject(ctx *function.MutationCtx, a projectArgs) (any, error) {
	p, err := Owned(ctx, ctx.DB, a.ProjectID)
	if err != nil {
		return nil, err
	}
	for _, deleted := range m.parts.Deleted {
		if err := deleted(ctx, p); err != nil {
			return nil, err
		}
	}
	if err := Projects.Delete(ctx, ctx.DB, p.ID); err != nil {
		return nil, err
	}
	if err := schedule(ctx, "projects:purge", projectArgs{p.ID}); err != nil {
		return nil, err
	}
	args := removeArgs{ProjectID: string(p.ID)}
	if p.SandboxID != nil {
		args.SandboxID = *p.SandboxID
	}
	return nil, schedule(ctx, "projects:remove", args)
}

// purgeRows is how many rows one purge removes: short enough for others to
// write in between.
const purgeRows = 200

func (m *module) purge(ctx *function.MutationCtx, a projectArgs) (any, error) {
	for _, purge := range m.parts.Purge {
		left, err := purge(ctx, a.ProjectID, purgeRows)
		if err != nil {
			return nil, err
		}
		if left {
			return nil, schedule(ctx, "projects:purge", a)
		}
	}
	return nil, nil
}
