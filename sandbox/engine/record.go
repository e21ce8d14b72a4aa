//go:build linux

package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// record is what is kept of a sandbox on disk, in sandbox.json of its folder.
// It is enough to adopt the sandbox when it runs and to start it when it does
// not.
type record struct {
	ID             string            `json:"id"`
	Name           string            `json:"name"`
	Snapshot       string            `json:"snapshot"`
	State          string            `json:"state"`
	ErrorReason    string            `json:"errorReason,omitempty"`
	Env            map[string]string `json:"env"`
	Labels         map[string]string `json:"labels"`
	Public         bool              `json:"public"`
	BlockAll       bool              `json:"blockAll,omitempty"` // no way out at all
	AutoStop       int               `json:"autoStop"`           // minutes, 0 off
	AutoArchive    int               `json:"autoArchive"`        // minutes
	AutoDelete     int               `json:"autoDelete"`         // minutes, -1 off, 0 at stop
	CPU            float64           `json:"cpu"`
	Memory         int64             `json:"memory"` // bytes
	Disk           int64             `json:"disk"`   // bytes
	CreatedAt      time.Time         `json:"createdAt"`
	UpdatedAt      time.Time         `json:"updatedAt"`
	StoppedAt      time.Time         `json:"stoppedAt,omitzero"`
	LastActivityAt time.Time         `json:"lastActivityAt"`
	SavedAt        time.Time         `json:"savedAt,omitzero"` // of the files image

	// Resume says that the engine stopped it at its own end and starts it again.
	Resume bool `json:"resume,omitempty"`

	// Token opens the toolbox, PreviewToken the previews. NextToken is set
	// while Token is being replaced: after a crash either may hold.
	Token        string `json:"token"`
	NextToken    string `json:"nextToken,omitempty"`
	PreviewToken string `json:"previewToken"`

	// Root is the root file system that it runs on.
	Root string `json:"root"`
	// Image names the live snapshot that a first start restores, "" for none.
	Image string `json:"image,omitempty"`
	// MemoryKey is the artifact key of the memory image beside the files, ""
	// when there is none that may be used.
	MemoryKey string `json:"memoryKey,omitempty"`

	// Run is the container that runs or ran last.
	Run run `json:"run"`
}

// run identifies one life of a sandbox's container.
type run struct {
	Generation int    `json:"generation"` // counts starts
	Container  string `json:"container"`
	PID        int    `json:"pid"`       // of the sandbox process, 0 when not running
	StartTime  uint64 `json:"startTime"` // of that process, tells a reused number
	Slot       int    `json:"slot"`      // network slot
	// Key is the artifact key of memory images of this container: an engine of
	// a newer version may have adopted it.
	Key string `json:"key"`
}

// clone returns a copy that shares nothing.
func (r *record) clone() *record {
	c := *r
	c.Env, c.Labels = map[string]string{}, map[string]string{}
	for k, v := range r.Env {
		c.Env[k] = v
	}
	for k, v := range r.Labels {
		c.Labels[k] = v
	}
	return &c
}

// readRecord reads the record in dir.
func readRecord(dir string) (*record, error) {
	text, err := os.ReadFile(filepath.Join(dir, "sandbox.json"))
	if err != nil {
		return nil, err
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, err)
	}
	return &r, nil
}

// writeRecord replaces the record in dir, whole or not at all. With sync it is
// on disk afterwards, which a crash of the machine asks for; a crash of the
// server does not.
func writeRecord(dir string, r *record, sync bool) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "sandbox.json"), text, sync)
}

// writeJSON replaces a file with v as JSON, whole or not at all, readable by
// the owner only: it may hold tokens.
func writeJSON(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	return writeFile(name, text, true)
}

// writeFile replaces a file, whole or not at all, and waits for the disk with
// sync.
func writeFile(name string, text []byte, sync bool) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = tmp.Write(text)
	if err == nil && sync {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // the first error says more
		return fmt.Errorf("write %s: %w", filepath.Base(name), err)
	}
	return nil
}
