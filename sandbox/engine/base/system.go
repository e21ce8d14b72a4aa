//go:build linux

package base

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// system writes the few configuration files of the base.
func (b *builder) system(_ context.Context, t *tree) error {
	for _, dir := range []string{"workspace", "home/daytona", "var/lib/toolbox"} {
		if err := t.delete(dir); err != nil { // an image's own, which may be a link
			return err
		}
	}
	for _, dir := range []string{"workspace", "home/daytona", "var/lib/toolbox", "opt", "tmp", "proc", "sys", "dev"} {
		if err := t.mkdir(dir); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"etc/hostname":    "sandbox\n",
		"etc/hosts":       "127.0.0.1 localhost sandbox\n::1 localhost ip6-localhost\n",
		"etc/resolv.conf": "# names are resolved by the proxy\n",
		"etc/gitconfig":   "[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n",
	} {
		if err := t.write(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	shell := "/bin/bash"
	if t.find("bash") == "" {
		shell = "/bin/sh"
	}
	for name, line := range map[string]string{
		"etc/passwd": fmt.Sprintf("daytona:x:%d:%d::/home/daytona:%s\n", owner, owner, shell),
		"etc/group":  fmt.Sprintf("daytona:x:%d:\n", owner),
	} {
		if err := t.enroll(name, line); err != nil {
			return err
		}
	}
	for _, name := range []string{".bashrc", ".profile"} {
		text, err := t.read("etc/skel/" + name)
		if err != nil {
			return err
		}
		if text == nil {
			continue
		}
		if err := t.write("home/daytona/"+name, text, 0o644); err != nil {
			return err
		}
	}
	return t.trust()
}

// enroll adds a line to a list of users or groups, in the place of those of
// the same name or number.
func (t *tree) enroll(name, line string) error {
	text, err := t.read(name)
	if err != nil {
		return err
	}
	var out strings.Builder
	for old := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(old), ":")
		if len(fields) < 3 || fields[0] == "daytona" || fields[2] == strconv.Itoa(owner) {
			continue
		}
		out.WriteString(strings.TrimSuffix(old, "\n") + "\n")
	}
	return t.write(name, []byte(out.String()+line), 0o644)
}

// trust copies the host's bundle of certificate authorities: behind a proxy
// that the host trusts, sandboxes must trust it too or install nothing.
func (t *tree) trust() error {
	for _, name := range append([]string{os.Getenv("SSL_CERT_FILE")}, bundles...) {
		if name == "" {
			continue
		}
		if !filepath.IsAbs(name) {
			name = "/" + name
		}
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the next place
		}
		for n, to := range bundles {
			if at, err := t.follow(to); n > 0 && (err != nil || !t.exists(at)) {
				continue // not where this system looks
			}
			if err := t.write(to, text, 0o644); err != nil {
				return err
			}
		}
		return nil
	}
	return nil // the base keeps its own bundle
}

// check refuses a root file system that lacks what every sandbox needs.
func (b *builder) check(_ context.Context, t *tree) error {
	lacks := t.lacks()
	switch {
	case len(lacks) == 0:
		return nil
	case b.image != nil:
		return fmt.Errorf("the image %s lacks %s: add it, or set SURGENT_BASE_IMAGE to another image, such as node:24-bookworm",
			b.image.ref, strings.Join(lacks, ", "))
	}
	return fmt.Errorf("the packages of the recipe bring no %s", strings.Join(lacks, ", "))
}
