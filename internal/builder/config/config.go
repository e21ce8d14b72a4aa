// Package config tells clients what this server is set up for: the query
// config:client. It decides nothing; app fills it in.
package config

import (
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/builder/projects"
)

// PreparingStream is the stream key under which the step of a preparation is
// published, a string; cleared once all is ready.
const PreparingStream = "config/preparing"

// Client is what clients may know. Secrets have no place here.
type Client struct {
	Demo      bool       `json:"demo"` // the demo model plays: there is no key
	Providers []string   `json:"providers"`
	Model     Model      `json:"model"`
	Google    bool       `json:"google"`
	Limits    Limits     `json:"limits"`
	Domain    string     `json:"domain"` // apps answer below it
	Preparing *Preparing `json:"preparing,omitempty"`
}

// Model is the model that runs use.
type Model struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Limits are what one person may have.
type Limits struct {
	Projects int `json:"projects"`
}

// Preparing says in words what the server still prepares.
type Preparing struct {
	Step string `json:"step"`
}

// Register adds the query. It answers anybody: the sign-in page asks it.
func Register(r *function.Registry, c Client) {
	c.Limits.Projects = projects.Limit
	function.Query(r, "config:client", func(ctx *function.QueryCtx, _ struct{}) (Client, error) {
		out := c
		if step, _ := ctx.Stream(PreparingStream).(string); step != "" {
			out.Preparing = &Preparing{Step: step}
		}
		return out, nil
	})
}
