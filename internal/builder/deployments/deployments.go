// Package deployments publishes projects: the table deployments, the names
// that apps answer under, and the job that builds in the sandbox, collects
// what came out as the hostile input that it is, and hands one release to the
// deploy target. One deployment of a project works at a time and of those that
// wait the newest wins; what was live stays live until a newer one is. Before
// it in the flow is sessions.
//
//	queued ─▶ starting ─▶ building ─▶ uploading ─▶ deployed
//	   │          └──────────┴─▶ build_failed │
//	   └──────────────────────────────────────┴─▶ deploy_failed
package deployments

import (
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/internal/builder/projects"
)

// ID is the id of a deployment.
type ID string

// ConvexTable names the table that the id belongs to.
func (ID) ConvexTable() string { return "deployments" }

// Status is where a deployment is. Clients know these by name.
type Status string

// The statuses.
const (
	Queued       Status = "queued"
	Starting     Status = "starting"
	Building     Status = "building"
	Uploading    Status = "uploading"
	Deployed     Status = "deployed"
	BuildFailed  Status = "build_failed"
	DeployFailed Status = "deploy_failed"
)

// ConvexLiterals lists the statuses for validators.
func (Status) ConvexLiterals() []string {
	return []string{
		string(Queued), string(Starting), string(Building), string(Uploading),
		string(Deployed), string(BuildFailed), string(DeployFailed),
	}
}

// working are the statuses of a deployment that a job works on.
var working = []Status{Starting, Building, Uploading}

// open are the statuses of a deployment that has not ended.
var open = append([]Status{Queued}, working...)

// The finer states, shown as stage.
const (
	stageCollecting = "collecting"
	stageVerifying  = "verifying"
	stageLive       = "live"
	stageSuperseded = "superseded"
)

// Deployment is one try to publish a project.
type Deployment struct {
	ID           ID              `json:"_id"`
	CreationTime float64         `json:"_creationTime"` // ms
	ProjectID    projects.ID     `json:"projectId"`
	Name         string          `json:"name"`
	Status       Status          `json:"status"`
	Stage        string          `json:"stage,omitempty"`
	Log          string          `json:"log,omitempty"` // the last lines
	StartedAt    float64         `json:"startedAt"`     // ms; when it was asked for
	EndedAt      float64         `json:"endedAt,omitempty"`
	Steps        []projects.Step `json:"steps"`
	URL          string          `json:"url,omitempty"`
	Error        string          `json:"error,omitempty"` // for people
	CommitSHA    string          `json:"commitSha,omitempty"`
	Checkpoint   *float64        `json:"checkpoint,omitempty"` // version of that commit

	// The lease: which process works on it, and until when it may be silent.
	Owner string  `json:"owner,omitempty"`
	Until float64 `json:"until,omitempty"` // ms
}

// The steps, as the dialog lists them.
const (
	stepQueued  = "queued"
	stepBuild   = "build"
	stepCollect = "collect"
	stepUpload  = "upload"
	stepVerify  = "verify"
)

func newSteps(now float64) []projects.Step {
	return []projects.Step{
		{ID: stepQueued, Label: "Queued", StartedAt: now},
		{ID: stepBuild, Label: "Build"},
		{ID: stepCollect, Label: "Collect files"},
		{ID: stepUpload, Label: "Upload"},
		{ID: stepVerify, Label: "Verify"},
	}
}

// NameID is the id of a claimed name.
type NameID string

// ConvexTable names the table that the id belongs to.
func (NameID) ConvexTable() string { return "appNames" }

// Name is a claim: one project holds it from the first deployment under it
// until its app has been taken down.
//
//	held ─▶ moved ─▶ leaving ─▶ free
//	  │ ◀─────┘          ▲
//	  └──────────────────┘
//
// An app that is deployed under another name leads from its old one to the new
// one for a while; its project may have the old one back.
type Name struct {
	ID           NameID      `json:"_id"`
	CreationTime float64     `json:"_creationTime"` // ms
	Name         string      `json:"name"`
	ProjectID    projects.ID `json:"projectId"`
	MovedTo      string      `json:"movedTo,omitempty"` // the name that it leads to
	Until        float64     `json:"until,omitempty"`   // ms; how long it does
	Leaving      bool        `json:"leaving,omitempty"` // its app is being taken down
}

// Typed access to the tables.
var (
	Deployments = store.TypedTable[Deployment, ID]("deployments")
	names       = store.TypedTable[Name, NameID]("appNames")
)

// Tables declares what this module stores.
func Tables() []schema.Table {
	return []schema.Table{
		schema.Define[Deployment]("deployments",
			schema.Index{Name: "by_project", Fields: []string{"projectId"}},
			schema.Index{Name: "by_status", Fields: []string{"status", "projectId"}},
		),
		schema.Define[Name]("appNames",
			schema.Index{Name: "by_name", Fields: []string{"name"}},
			schema.Index{Name: "by_project", Fields: []string{"projectId"}},
		),
	}
}
