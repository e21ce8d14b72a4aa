package sessions

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/kit/errs"
)

const (
	maxTitle  = 120       // characters
	maxPrompt = 512 << 10 // bytes: a row holds 1 MiB with all that is around it
	// maxSessions and maxMetadata (bytes) bound what one project may keep here:
	// a guest could fill the server's disk otherwise, and the list of sessions
	// is read whole.
	maxSessions = 500
	maxMetadata = 4 << 10
)

func createSession(ctx *function.MutationCtx, a struct {
	ProjectID projects.ID `json:"projectId"`
	Title     string      `json:"title,omitempty"`
	Metadata  any         `json:"metadata,omitempty"`
},
) (ID, error) {
	p, err := projects.Owned(ctx, ctx.DB, a.ProjectID)
	if err != nil {
		return "", err
	}
	title, err := cleanTitle(a.Title)
	if err != nil {
		return "", err
	}
	if value.Size(a.Metadata) > maxMetadata {
		return "", errs.New(errs.Invalid, "A session's metadata has at most %d bytes", maxMetadata)
	}
	there, err := Sessions.Query(ctx.DB, "by_project", p.ID).Take(ctx, maxSessions)
	if err != nil {
		return "", err
	}
	if len(there) == maxSessions {
		return "", errs.New(errs.Invalid, "This project has %d sessions already: delete some of them", maxSessions)
	}
	return Sessions.Insert(ctx, ctx.DB, Session{ProjectID: p.ID, Title: title, Metadata: a.Metadata})
}

func cleanTitle(title string) (string, error) {
	title = strings.Join(strings.Fields(title), " ")
	if title == "" {
		return DefaultTitle, nil
	}
	if utf8.RuneCountInString(title) > maxTitle {
		return "", errs.New(errs.Invalid, "A session's title has at most %d characters", maxTitle)
	}
	return title, nil
}

func renameSession(ctx *function.MutationCtx, a struct {
	SessionID ID     `json:"sessionId"`
	Title     string `json:"title"`
},
) (any, error) {
	s, _, err := Owned(ctx, ctx.DB, a.SessionID)
	if err != nil {
		return nil, err
	}
	title, err := cleanTitle(a.Title)
	if err != nil {
		return nil, err
	}
	return nil, Sessions.Patch(ctx, ctx.DB, s.ID, value.Object{"title": title})
}

// deleteSession removes the session at once and its rows by a job. What runs
// in it is stopped, and its checkpoints stay: they are the project's history.
func (m *module) deleteSession(ctx *function.MutationCtx, a sessionArgs) (any, error) {
	s, _, err := Owned(ctx, ctx.DB, a.SessionID)
	if err != nil {
		return nil, err
	}
	if m.starter != nil {
		if err := m.starter.Forget(ctx, s.ID); err != nil {
			return nil, err
		}
	}
	if err := Sessions.Delete(ctx, ctx.DB, s.ID); err != nil {
		return nil, err
	}
	_, err = ctx.Scheduler.RunAfter(ctx, 0, "sessions:purge", a)
	return nil, err
}

// Run is a prompt on its way to the agent.
type Run struct {
	ProjectID projects.ID
	SessionID ID
	PromptRow RowID
	Prompt    string
	Mode      string // "code" or "ask"
	Model     string // "" is the server's default
}

// Starter is the agent as sessions sees it.
type Starter interface {
	// Enqueue puts a prompt at the end of its project's queue, in the same
	// transaction, and returns the id of its run.
	Enqueue(ctx *function.MutationCtx, r Run) (runID string, err error)
	// Stop ends the session's current run; when none works it takes back the
	// queued ones. Nothing to stop is fine.
	Stop(ctx *function.MutationCtx, id ID) error
	// Forget ends all runs of a session that is being deleted, and removes what
	// the agent keeps of them.
	Forget(ctx *function.MutationCtx, id ID) error
}

// Mode is how the agent may work.
type Mode string

// ConvexLiterals lists the modes for validators.
func (Mode) ConvexLiterals() []string { return []string{"ask", "code"} }

type promptArgs struct {
	ProjectID projects.ID `json:"projectId"`
	SessionID ID          `json:"sessionId"`
	Prompt    string      `json:"prompt"`
	Model     *string     `json:"model,omitempty"`
	Mode      *Mode       `json:"mode,omitempty"`
}

type promptResult struct {
	SessionID ID `json:"sessionId"`
}

// modelName is what a model's name may look like. It only ever travels as a
// field of a request; this keeps nonsense out of the run's document.
var modelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$`)

// createMessageAndRunAgent writes the prompt into the timeline and hands it to
// the agent, in one transaction. It never fails for a sandbox that sleeps, is
// broken or missing: it is brought up, and the run waits for it.
func (m *module) createMessageAndRunAgent(ctx *function.MutationCtx, a promptArgs) (promptResult, error) {
	s, p, err := Owned(ctx, ctx.DB, a.SessionID)
	if err != nil {
		return promptResult{}, err
	}
	if s.ProjectID != a.ProjectID {
		return promptResult{}, errs.New(errs.Invalid, "The session belongs to another project")
	}
	switch {
	case strings.TrimSpace(a.Prompt) == "":
		return promptResult{}, errs.New(errs.Invalid, "A prompt needs some text")
	case len(a.Prompt) > maxPrompt:
		return promptResult{}, errs.New(errs.Invalid, "A prompt has at most %d kB of text, this one has %d", maxPrompt>>10, len(a.Prompt)>>10)
	case a.Model != nil && *a.Model != "" && !modelName.MatchString(*a.Model):
		return promptResult{}, errs.New(errs.Invalid, "This is no model's name")
	}
	run := Run{ProjectID: p.ID, SessionID: s.ID, Prompt: a.Prompt, Mode: "code"}
	if a.Mode != nil {
		run.Mode = string(*a.Mode)
	}
	if a.Model != nil {
		run.Model = *a.Model
	}
	if run.PromptRow, err = InsertRow(ctx, ctx.DB, Row{SessionID: s.ID, Role: "user", Raw: a.Prompt}); err != nil {
		return promptResult{}, err
	}
	runID, err := m.starter.Enqueue(ctx, run)
	if err != nil {
		return promptResult{}, err
	}
	if err := Rows.Patch(ctx, ctx.DB, run.PromptRow, value.Object{"runId": runID}); err != nil {
		return promptResult{}, err
	}
	return promptResult{s.ID}, projects.EnsureAwake(ctx, p)
}

func (m *module) stopAgent(ctx *function.MutationCtx, a sessionArgs) (any, error) {
	s, _, err := Owned(ctx, ctx.DB, a.SessionID)
	if err != nil {
		return nil, err
	}
	return nil, m.starter.Stop(ctx, s.ID)
}
