package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"surgent.dev/surgent/internal/builder/templates"
	"surgent.dev/surgent/internal/config"
	"surgent.dev/surgent/sandbox/daytona"
	toolboxbin "surgent.dev/surgent/sandbox/toolbox/bin"
	"surgent.dev/surgent/web"
)

// Finding is one line of a diagnosis.
type Finding struct {
	Part, Text string
	Missing    bool // a server would not work, and Text says the way out
	Note       bool // it would work with less
}

// Diagnose looks at a configuration and this machine without starting
// anything.
func Diagnose(ctx context.Context, c *config.Config, hasRunsc bool) []Finding {
	out := []Finding{diagnoseAddr(c), diagnoseCallers(c), diagnoseData(c), diagnoseCache(c), diagnoseWeb(), diagnoseModel(ctx, c)}
	out = append(out, diagnoseSandboxes(ctx, c, hasRunsc)...)
	out = append(out, diagnoseDeploy(c), diagnoseGoogle(c), diagnoseTool("git", "keeps checkpoints outside of the sandboxes"))
	for _, name := range c.Unused {
		out = append(out, Finding{Part: name, Text: "is set, but this version doesn't use it", Note: true})
	}
	return out
}

func diagnoseAddr(c *config.Config) Finding {
	f := Finding{Part: "address", Text: fmt.Sprintf("%s, as %s://%s", c.Addr, config.Scheme(c.Domain), c.Domain)}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", c.Addr)
	if err != nil {
		f.Text, f.Note = c.Addr+" is taken: by a running server, or set SURGENT_ADDR to another port", true
		return f
	}
	_ = l.Close() // nothing was accepted
	return f
}

func diagnoseCallers(c *config.Config) Finding {
	pages := append([]string{"the workspace", "this machine"}, c.Origins...)
	text := fmt.Sprintf("pages of %s; %d new accounts an hour from one address", strings.Join(pages, ", "), c.NewAccounts)
	if len(c.Proxies) > 0 {
		text += fmt.Sprintf(", which proxies at %v may name", c.Proxies)
	}
	return Finding{Part: "callers", Text: text}
}

func diagnoseData(c *config.Config) Finding {
	f := Finding{Part: "data", Text: c.Data + ", SQLite"}
	free, err := writable(c.Data)
	switch {
	case err != nil:
		f.Text, f.Missing = fmt.Sprintf("%s can't be written (%v): set SURGENT_DATA to a folder of this user", c.Data, cause(err)), true
	case free < leastFree:
		f.Text, f.Missing = fmt.Sprintf("only %d MB are free in %s: make room, or set SURGENT_DATA to another folder", free>>20, c.Data), true
	default:
		f.Text += fmt.Sprintf(", %.1f GB free", float64(free)/1e9)
	}
	return f
}

func diagnoseCache(c *config.Config) Finding {
	f := Finding{Part: "cache", Text: c.Cache}
	free, err := writable(c.Cache)
	if err != nil {
		f.Text, f.Missing = fmt.Sprintf("%s can't be written (%v): set SURGENT_CACHE to a folder of this user", c.Cache, cause(err)), true
		return f
	}
	f.Text += fmt.Sprintf(", %.1f GB free", float64(free)/1e9)
	return f
}

// writable tells how many bytes are free in a folder, or where it would be
// made, and whether this user may write there.
func writable(dir string) (free uint64, err error) {
	for {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return 0, unix.ENOTDIR
		}
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrNotExist) {
			return 0, err
		}
		dir = filepath.Dir(dir)
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		return 0, err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, err
	}
	return fs.Bavail * uint64(fs.Bsize), nil
}

func diagnoseWeb() Finding {
	if _, ok := web.Dist(); ok {
		return Finding{Part: "workspace", Text: "built in"}
	}
	return Finding{Part: "workspace", Text: "is not built in: run `make web`, then build again", Note: true}
}

func diagnoseSandboxes(ctx context.Context, c *config.Config, hasRunsc bool) []Finding {
	const part = "sandboxes"
	if c.Daytona.APIKey != "" {
		return []Finding{diagnoseServer(ctx, c)}
	}
	switch {
	case os.Geteuid() != 0:
		return []Finding{{Part: part, Text: needsRoot, Missing: true}}
	case !hasRunsc:
		return []Finding{{Part: part, Text: "this build carries no isolation engine: build it on Linux without the tag no_runsc", Missing: true}}
	}
	out := []Finding{{Part: part, Text: "the embedded engine"}}
	if _, err := toolboxbin.Binary(); err != nil {
		out = append(out, Finding{Part: part, Text: err.Error(), Missing: true})
	}
	out = append(out, probeEngine(ctx)...)
	return append(out, diagnoseBase(c))
}

// diagnoseBase tells what the base of all sandboxes is made from.
func diagnoseBase(c *config.Config) Finding {
	const part = "base"
	if c.BaseImage != "" {
		return Finding{Part: part, Text: "the image " + c.BaseImage}
	}
	if _, err := exec.LookPath("mmdebstrap"); err == nil {
		return Finding{Part: part, Text: "Debian packages, with mmdebstrap"}
	}
	if _, err := exec.LookPath("apt-get"); err == nil {
		return Finding{Part: part, Text: "mmdebstrap is not installed (it builds the base of all sandboxes): apt-get install mmdebstrap, or set SURGENT_BASE_IMAGE", Missing: true}
	}
	return Finding{Part: part, Text: "an image, since there is neither mmdebstrap nor apt-get here: SURGENT_BASE_IMAGE names another", Note: true}
}

func diagnoseServer(ctx context.Context, c *config.Config) Finding {
	f := Finding{Part: "sandboxes", Text: "the server at " + c.Daytona.ServerURL}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	client, err := daytona.New(daytona.Config{APIKey: c.Daytona.APIKey.Reveal(), ServerURL: c.Daytona.ServerURL})
	if err == nil {
		_, err = client.GetSnapshot(ctx, templates.Base)
	}
	if err != nil {
		f.Text, f.Missing = fmt.Sprintf("%s: %v: check DAYTONA_API_KEY and DAYTONA_SERVER_URL, or run `surgent create-snapshot`", f.Text, err), true
	}
	return f
}

func diagnoseDeploy(c *config.Config) Finding {
	if c.Cloudflare.DeployURL != "" && c.Cloudflare.DeploySecret == "" {
		return Finding{Part: "deploy", Text: "the Worker at " + c.Cloudflare.DeployURL + ", without a secret, so that anybody may publish there: set CLOUDFLARE_DEPLOY_SECRET here and there", Note: true}
	}
	if c.Cloudflare.DeployURL != "" {
		return Finding{Part: "deploy", Text: "the Worker at " + c.Cloudflare.DeployURL}
	}
	return Finding{Part: "deploy", Text: "this machine, at " + config.Scheme(c.Domain) + "://<name>." + c.Domain}
}

func diagnoseGoogle(c *config.Config) Finding {
	if c.Google.ClientID == "" {
		return Finding{Part: "Google", Text: "sign-in with Google is off: GOOGLE_CLIENT_ID isn't set", Note: true}
	}
	return Finding{Part: "Google", Text: "configured"}
}

func diagnoseTool(name, why string) Finding {
	path, err := exec.LookPath(name)
	if err != nil {
		return Finding{Part: name, Text: fmt.Sprintf("is not installed (it %s): apt-get install %s", why, name), Missing: true}
	}
	return Finding{Part: name, Text: path}
}
