//go:build linux

package base

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// system writes the few configuration files of the base.
func (b *builder) system(_ context.Context, root string) error {
	for _, dir := range []string{"workspace", "home/daytona", "var/lib/toolbox", "opt"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	files := map[string]string{
		"etc/hostname":    "sandbox\n",
		"etc/hosts":       "127.0.0.1 localhost sandbox\n::1 localhost ip6-localhost\n",
		"etc/resolv.conf": "# names are resolved by the proxy\n",
		"etc/gitconfig":   "[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n",
	}
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.RemoveAll(name); err != nil { // may be a link
			return err
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	lines := map[string]string{
		"etc/passwd": fmt.Sprintf("daytona:x:%d:%d::/home/daytona:/bin/bash\n", owner, owner),
		"etc/group":  fmt.Sprintf("daytona:x:%d:\n", owner),
	}
	for name, line := range lines {
		if err := appendTo(filepath.Join(root, name), line); err != nil {
			return err
		}
	}
	if err := skeleton(root); err != nil {
		return err
	}
	return trust(root)
}

// skeleton gives the user the shell files that Debian gives new users.
func skeleton(root string) error {
	for _, name := range []string{".bashrc", ".profile"} {
		text, err := os.ReadFile(filepath.Join(root, "etc/skel", name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(root, "home/daytona", name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// trust copies the host's bundle of certificate authorities: behind a proxy
// that the host trusts, sandboxes must trust it too or install nothing.
func trust(root string) error {
	for _, name := range []string{os.Getenv("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"} {
		if name == "" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the next place
		}
		to := filepath.Join(root, "etc/ssl/certs/ca-certificates.crt")
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o644)
	}
	return nil // the base keeps Debian's own bundle
}

// appendTo appends text to a file.
func appendTo(name, text string) (err error) {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.WriteString(text)
	return err
}
