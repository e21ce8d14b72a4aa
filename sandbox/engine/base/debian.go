//go:build linux

package base

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// stanza is one source of packages in apt's deb822 form, reduced to what a
// bootstrap needs.
type stanza struct {
	uris, suites, components []string
	signedBy                 string
	trusted                  bool
}

// aptSources returns the host's own sources for suite (and its updates and
// security suites), as a deb822 file. It is empty on a host of another suite.
func aptSources(dir, suite string) (string, error) {
	var found []stanza
	files, err := filepath.Glob(filepath.Join(dir, "sources.list.d", "*"))
	if err != nil {
		return "", err
	}
	for _, name := range append([]string{filepath.Join(dir, "sources.list")}, files...) {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("read apt sources: %w", err)
		}
		switch filepath.Ext(name) {
		case ".list":
			found = append(found, parseOneLine(text)...)
		case ".sources":
			found = append(found, parseDeb822(text)...)
		}
	}
	var out strings.Builder
	for _, s := range found {
		s.suites = slices.DeleteFunc(s.suites, func(name string) bool {
			return name != suite && name != suite+"-updates" && name != suite+"-security" && name != suite+"/updates"
		})
		if len(s.suites) == 0 || len(s.uris) == 0 {
			continue
		}
		// The base takes nothing but free packages of the distribution.
		s.components = slices.DeleteFunc(s.components, func(c string) bool { return c != "main" })
		if len(s.components) == 0 {
			continue
		}
		fmt.Fprintf(&out, "Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n",
			strings.Join(s.uris, " "), strings.Join(s.suites, " "))
		if s.signedBy != "" {
			fmt.Fprintf(&out, "Signed-By: %s\n", s.signedBy)
		}
		if s.trusted {
			out.WriteString("Trusted: yes\n")
		}
		out.WriteString("\n")
	}
	return out.String(), nil
}

// parseDeb822 reads a .sources file; stanzas that are switched off are left
// out. An inline key (several lines of Signed-By) is kept as it stands.
func parseDeb822(text []byte) []stanza {
	var out []stanza
	for _, block := range strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n\n") {
		fields := map[string]string{}
		last := ""
		for _, line := range strings.Split(block, "\n") {
			switch {
			case strings.HasPrefix(line, "#"):
			case last != "" && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")):
				fields[last] += "\n" + line
			default:
				name, value, ok := strings.Cut(line, ":")
				if !ok {
					continue
				}
				last = strings.ToLower(strings.TrimSpace(name))
				fields[last] = strings.TrimSpace(value)
			}
		}
		if fields["enabled"] == "no" || !slices.Contains(strings.Fields(fields["types"]), "deb") {
			continue
		}
		out = append(out, stanza{
			uris: strings.Fields(fields["uris"]), suites: strings.Fields(fields["suites"]),
			components: strings.Fields(fields["components"]),
			signedBy:   fields["signed-by"], trusted: fields["trusted"] == "yes",
		})
	}
	return out
}

// parseOneLine reads a .list file: deb [options] uri suite component…
func parseOneLine(text []byte) []stanza {
	var out []stanza
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		line, _, _ := strings.Cut(s.Text(), "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb ")
		if !ok {
			continue
		}
		var st stanza
		rest = strings.TrimSpace(rest)
		if options, after, found := strings.Cut(rest, "]"); found && strings.HasPrefix(options, "[") {
			rest = after
			for _, option := range strings.Fields(options[1:]) {
				switch name, value, _ := strings.Cut(option, "="); name {
				case "signed-by":
					st.signedBy = value
				case "trusted":
					st.trusted = value == "yes"
				}
			}
		}
		fields := strings.Fields(rest)
		if len(fields) < 3 {
			continue
		}
		st.uris, st.suites, st.components = fields[:1], fields[1:2], fields[2:]
		out = append(out, st)
	}
	return out
}

// aptOptions returns the host's options on how to reach package sources
// (proxies, certificates, clock checks), as `Name "value"`.
func aptOptions(ctx context.Context) []string {
	dump, err := exec.CommandContext(ctx, "apt-config", "dump").Output()
	if err != nil {
		return nil // no apt here: mmdebstrap's own defaults hold
	}
	var out []string
	for s := bufio.NewScanner(bytes.NewReader(dump)); s.Scan(); {
		name, value, ok := strings.Cut(strings.TrimSuffix(s.Text(), ";"), " ")
		if !ok || value == `""` || strings.HasSuffix(name, "::") {
			continue
		}
		lower := strings.ToLower(name)
		for _, prefix := range []string{
			"acquire::http::", "acquire::https::", "acquire::check-valid-until",
			"acquire::check-date", "acquire::retries", "acquire::forceipv4", "acquire::forceipv6",
		} {
			if strings.HasPrefix(lower, prefix) {
				out = append(out, name+" "+value)
				break
			}
		}
	}
	for _, netrc := range []string{"/etc/apt/auth.conf"} {
		if _, err := os.Stat(netrc); err == nil {
			out = append(out, `Dir::Etc::netrc "`+netrc+`"`)
		}
	}
	return out
}

// debianSteps are what mmdebstrap says that it does, in our words.
var debianSteps = []struct{ says, step string }{
	{"I: downloading packages", "Download Debian packages"},
	{"I: extracting archives", "Unpack Debian packages"},
	{"I: installing remaining packages", "Install Debian packages"},
	{"I: cleaning package lists", "Clean up after Debian packages"},
}

// tellDebian turns a line of mmdebstrap's into a step.
func (b *builder) tellDebian(line string) {
	for _, s := range debianSteps {
		if strings.HasPrefix(line, s.says) {
			b.step(s.step)
		}
	}
}

// debian bootstraps the Debian part of the base into root.
func (b *builder) debian(ctx context.Context, root string) error {
	args := []string{
		"--mode=root", "--variant=minbase", "--format=directory",
		"--architectures=" + b.machine.debian,
		"--include=" + strings.Join(b.recipe.Packages, ","),
		// A crash in the middle costs the whole base anyway; build syncs once.
		"--dpkgopt=force-unsafe-io",
		"--dpkgopt=path-exclude=/usr/share/man/*",
		"--dpkgopt=path-exclude=/usr/share/info/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*",
		"--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-include=/usr/share/doc/*/copyright",
	}
	for _, option := range aptOptions(ctx) {
		args = append(args, "--aptopt="+option)
	}
	sources, err := aptSources("/etc/apt", b.recipe.Suite)
	if err != nil {
		return err
	}
	if sources == "" {
		// Another distribution: Debian's own mirror network and its key.
		const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
		if _, err := os.Stat(keyring); err != nil {
			return errors.New("the keys of Debian's packages are missing: apt-get install debian-archive-keyring")
		}
		args = append(args, "--keyring="+keyring, b.recipe.Suite, root)
	} else {
		list := filepath.Join(b.tmp, "base.sources")
		if err := os.WriteFile(list, []byte(sources), 0o600); err != nil {
			return err
		}
		args = append(args, b.recipe.Suite, root, list)
	}
	if err := b.run(ctx, "", b.tellDebian, "mmdebstrap", args...); err != nil {
		if strings.Contains(err.Error(), "Failed to fetch") {
			return fmt.Errorf("%w: check the network, the proxies and /etc/apt, or set SURGENT_BASE_IMAGE to an image to start from", err)
		}
		return err
	}
	t, err := openTree(root)
	if err != nil {
		return err
	}
	defer t.close()
	return t.cleanDebian()
}

// cleanDebian removes what names the host's package sources or is of no use
// where nobody is root, such as set-user-id bits.
func (t *tree) cleanDebian() error {
	for _, name := range []string{
		"etc/apt/sources.list", "etc/apt/sources.list.d", "etc/apt/apt.conf.d/99mmdebstrap",
		"etc/apt/auth.conf", "etc/apt/auth.conf.d", "var/cache/apt", "var/lib/apt/lists", "var/log/apt", "var/log/dpkg.log",
		"etc/machine-id", "var/lib/dbus/machine-id",
	} {
		if err := t.delete(name); err != nil {
			return err
		}
	}
	return fs.WalkDir(t.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) == 0 {
			return err
		}
		return t.root.Chmod(name, info.Mode().Perm())
	})
}
