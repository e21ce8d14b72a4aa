// Package projects holds the projects of people and the life of the sandbox
// behind each: the table projects, its public functions, the job that brings
// a sandbox up, and the watch over its dev server. Every function checks that
// the caller owns what it names. Before it in the flow is templates, next is
// sessions; what those above add to a project's life comes in through Parts.
package projects

import (
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/internal/builder/templates"
	"surgent.dev/surgent/internal/builder/users"
)

// Limit is how many projects one person may have.
const Limit = 3

// ID is the id of a project.
type ID string

// ConvexTable names the table that the id belongs to.
func (ID) ConvexTable() string { return "projects" }

// Project is one app with its sandbox.
type Project struct {
	ID           ID           `json:"_id"`
	CreationTime float64      `json:"_creationTime"` // ms
	UserID       users.ID     `json:"userId"`
	Name         string       `json:"name"`
	Github       any          `json:"github,omitempty"`
	Settings     any          `json:"settings,omitempty"` // {public?: bool, …}
	Deployment   *Deployment  `json:"deployment,omitempty"`
	SandboxID    *string      `json:"sandboxId,omitempty"`
	Sandbox      *Sandbox     `json:"sandbox,omitempty"`
	Metadata     any          `json:"metadata,omitempty"` // {templateSlug, …}
	TemplateID   templates.ID `json:"templateId,omitempty"`
	// Attempt counts the tries to bring the sandbox up. A job of an older one
	// changes nothing.
	Attempt int `json:"attempt,omitempty"`
}

// SandboxStatus is what people see of a sandbox's state.
type SandboxStatus string

// The statuses.
//
//	pending ─▶ starting ─▶ started ⇄ stopped ─▶ starting
//	   └──────────┴─▶ error ─▶ starting
const (
	Pending  SandboxStatus = "pending"
	Starting SandboxStatus = "starting"
	Started  SandboxStatus = "started"
	Stopped  SandboxStatus = "stopped"
	Failed   SandboxStatus = "error"
)

// ConvexLiterals lists the statuses for validators.
func (SandboxStatus) ConvexLiterals() []string {
	return []string{string(Pending), string(Starting), string(Started), string(Stopped), string(Failed)}
}

// Sandbox is what a project's page shows of its sandbox.
type Sandbox struct {
	Status        SandboxStatus `json:"status"`
	IsInitialized bool          `json:"isInitialized"` // the project's files are in it
	Deployed      *bool         `json:"deployed,omitempty"`
	Error         string        `json:"error,omitempty"` // one line, for people
	DevServer     *DevServer    `json:"devServer,omitempty"`
	Steps         []Step        `json:"steps,omitempty"`       // of the first preparation
	WakingSince   float64       `json:"wakingSince,omitempty"` // ms
	WaitsFor      string        `json:"waitsFor,omitempty"`    // "room": the machine is full
}

// kept tells whether its owner said that it runs indefinitely.
func (s *Sandbox) kept() bool { return s.Deployed != nil && *s.Deployed }

// DevServer is what the log of the dev server says.
type DevServer struct {
	Status    string   `json:"status"` // starting, running, exited
	ExitCode  *int     `json:"exitCode,omitempty"`
	LastLines []string `json:"lastLines"`
	Error     string   `json:"error,omitempty"` // the build error that stands now
}

// Deployment is the newest deployment of a project, as its page shows it.
type Deployment struct {
	Status     string `json:"status"`
	Name       string `json:"name,omitempty"`
	PreviewURL string `json:"previewUrl,omitempty"` // where the last good release answers
	Stage      string `json:"stage,omitempty"`
	Error      string `json:"error,omitempty"`
}

// Projects is the table's typed access.
var Projects = store.TypedTable[Project, ID]("projects")

// Tables declares what this module stores.
func Tables() []schema.Table {
	return []schema.Table{schema.Define[Project]("projects",
		schema.Index{Name: "by_user", Fields: []string{"userId"}},
		schema.Index{Name: "by_sandbox", Fields: []string{"sandboxId"}},
	)}
}

// Public tells whether anybody may look at the project's previews.
func (p *Project) Public() bool {
	settings, _ := p.Settings.(map[string]any)
	public, _ := settings["public"].(bool)
	return public
}

// Slug returns the slug of the template that the project started from, "" for
// a project without.
func (p *Project) Slug() string {
	meta, _ := p.Metadata.(map[string]any)
	slug, _ := meta["templateSlug"].(string)
	return slug
}
