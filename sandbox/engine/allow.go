//go:build linux

package engine

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// permission is how far a host may be reached.
type permission int

const (
	refused    permission = iota
	fromPublic            // at public addresses only
	fromHost              // where the host itself goes, private addresses too
)

// gitHosts are the public git hosts and the hosts that their archives come
// from.
var gitHosts = []string{
	"github.com", "codeload.github.com", "raw.githubusercontent.com", "objects.githubusercontent.com",
	"gitlab.com", "bitbucket.org",
}

// allowList says which hosts sandboxes may reach.
type allowList struct {
	mu      sync.RWMutex
	hosts   map[string]permission // "host:port", or "host" for ports 80 and 443
	npmBase string
}

func newAllowList(extra []string) *allowList {
	l := &allowList{hosts: map[string]permission{}}
	for _, h := range gitHosts {
		l.hosts[h] = fromPublic
	}
	for _, h := range extra {
		l.hosts[strings.ToLower(h)] = fromPublic
	}
	return l
}

// check tells how far host:port may be reached.
func (l *allowList) check(host, port string) permission {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	l.mu.RLock()
	defer l.mu.RUnlock()
	if p, ok := l.hosts[host+":"+port]; ok {
		return p
	}
	if port == "443" || port == "80" {
		return l.hosts[host]
	}
	return refused
}

// registry is the host's npm registry without credentials, "" when unknown.
func (l *allowList) registry() string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.npmBase
}

// add adds the package sources of the host's npm and apt configuration.
func (l *allowList) add(npm npmSettings, log *slog.Logger) {
	registry := npm.Registry
	sources := []string{registry}
	sources = append(sources, aptHosts()...)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range sources {
		if u, err := url.Parse(s); err == nil && u.Host != "" {
			l.hosts[hostPort(u)] = fromHost
		}
	}
	if u, err := url.Parse(registry); err == nil && u.Host != "" {
		u.User, u.RawQuery, u.Fragment = nil, "", ""
		l.npmBase = u.String()
	}
	var names []string
	for h := range l.hosts {
		names = append(names, h)
	}
	slices.Sort(names)
	log.Info("sandboxes may reach", "hosts", names)
}

// hostPort returns the host and port of a URL.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// npmSettings are what matters here of the host's npm configuration.
type npmSettings struct {
	Registry   string `json:"registry"`
	Proxy      string `json:"proxy"`
	HTTPSProxy string `json:"https-proxy"`
	NoProxy    any    `json:"noproxy"` // a string, or several
}

// readNPM asks the host's npm for its configuration.
func readNPM(ctx context.Context) (npmSettings, error) {
	var s npmSettings
	cmd := exec.CommandContext(ctx, "npm", "config", "list", "--json")
	cmd.Dir = "/" // no project's configuration
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return s, fmt.Errorf("ask npm for its configuration: %w", err)
	}
	if err := json.Unmarshal(out, &s); err != nil {
		return s, fmt.Errorf("read npm's configuration: %w", err)
	}
	return s, nil
}

// noProxy returns the hosts to reach directly, with commas between.
func (s npmSettings) noProxy() string {
	switch v := s.NoProxy.(type) {
	case string:
		return v
	case []any:
		var hosts []string
		for _, h := range v {
			if text, ok := h.(string); ok && text != "" {
				hosts = append(hosts, text)
			}
		}
		return strings.Join(hosts, ",")
	}
	return ""
}

// aptHosts returns the URIs in the host's package sources.
func aptHosts() []string {
	files, _ := filepath.Glob("/etc/apt/sources.list.d/*") // the pattern is good
	var out []string
	for _, name := range append(files, "/etc/apt/sources.list") {
		if ext := filepath.Ext(name); ext != ".list" && ext != ".sources" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			continue // not there, or not for us
		}
		for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
			line, _, _ := strings.Cut(s.Text(), "#")
			for _, word := range strings.Fields(line) {
				if strings.HasPrefix(word, "http://") || strings.HasPrefix(word, "https://") {
					out = append(out, word)
				}
			}
		}
	}
	return out
}
