package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"surgent.dev/surgent/internal/config"
)

func load(t *testing.T, env map[string]string, file string) (*config.Config, error) {
	t.Helper()
	dir := t.TempDir()
	if file != "" {
		if err := os.WriteFile(filepath.Join(dir, config.EnvFile), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Load(config.Source{Dir: dir, Lookup: func(name string) (string, bool) {
		v, ok := env[name]
		if !ok && name == "SURGENT_CACHE" {
			return dir, true
		}
		return v, ok
	}})
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c, err := load(t, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr != "127.0.0.1:3210" || c.Domain != "localhost:3210" || c.SiteURL != "http://localhost:3210" {
		t.Errorf("addr %q, domain %q, site %q", c.Addr, c.Domain, c.SiteURL)
	}
	if !filepath.IsAbs(c.Data) || filepath.Base(c.Data) != ".surgent" {
		t.Errorf("data folder %q", c.Data)
	}
	if c.Daytona.APIKey != "" || c.Anthropic.APIKey != "" || c.Cloudflare.DeployURL != "" {
		t.Errorf("something is configured without being set: %+v", c)
	}
}

func TestCallers(t *testing.T) {
	t.Parallel()
	c, err := load(t, map[string]string{"SURGENT_PROXIES": "127.0.0.1, 10.0.0.0/8,2001:db8::/32", "SURGENT_NEW_ACCOUNTS": "7", "SURGENT_ORIGINS": "https://Front.example/,http://10.0.0.5:8080"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.Proxies); got != "[127.0.0.1/32 10.0.0.0/8 2001:db8::/32]" || c.NewAccounts != 7 || fmt.Sprint(c.Origins) != "[https://front.example http://10.0.0.5:8080]" {
		t.Errorf("proxies %s, %d new accounts, origins %s", got, c.NewAccounts, c.Origins)
	}
	if c, err = load(t, nil, ""); err != nil || c.Proxies != nil || c.NewAccounts != 100 {
		t.Errorf("by default: proxies %v, %d new accounts, %v", c.Proxies, c.NewAccounts, err)
	}
}

func TestEnvironmentWinsOverFile(t *testing.T) {
	t.Parallel()
	c, err := load(t, map[string]string{"SURGENT_ADDR": "127.0.0.1:4000"},
		"SURGENT_ADDR=127.0.0.1:5000\nANTHROPIC_API_KEY='key-1'\n# a comment\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr != "127.0.0.1:4000" || c.Domain != "localhost:4000" {
		t.Errorf("addr %q, domain %q", c.Addr, c.Domain)
	}
	if c.Anthropic.APIKey.Reveal() != "key-1" {
		t.Error("the key of the file was not read")
	}
}

func TestSecretsPrintRedacted(t *testing.T) {
	t.Parallel()
	c, err := load(t, map[string]string{"DAYTONA_API_KEY": "dtn_1234"}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if out := fmt.Sprintf(verb, *c); strings.Contains(out, "dtn_1234") {
			t.Errorf("%s shows the key", verb)
		}
	}
}

func TestWrongValues(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, value string }{
		{"SURGENT_ADDR", "3210"},
		{"SURGENT_ADDR", "localhost:http"},
		{"SURGENT_ADDR", "localhost:70000"},
		{"SURGENT_BASE_IMAGE", "Not An Image"},
		{"SURGENT_DOMAIN", "http://x"},
		{"SURGENT_DOMAIN", "a..b"},
		{"SURGENT_MEMORY_RESERVE", "1 GB"},
		{"CONVEX_SITE_URL", "localhost:3210"},
		{"CONVEX_SITE_URL", "http://localhost:3210/path"},
		{"CONVEX_SITE_URL", "http://api.localhost:3210"},
		{"SURGENT_PROXIES", "proxy.example"},
		{"SURGENT_PROXIES", "10.0.0.0/8,10.0.0.0/99"},
		{"SURGENT_ORIGINS", "front.example"},
		{"SURGENT_ORIGINS", "https://front.example/app"},
		{"SURGENT_ORIGINS", "http://todo.localhost:3210"},
		{"SURGENT_NEW_ACCOUNTS", "many"},
		{"SURGENT_NEW_ACCOUNTS", "0"},
		{"DAYTONA_SERVER_URL", "app.daytona.io"},
		{"ANTHROPIC_BASE_URL", "ftp://x"},
		{"ANTHROPIC_API_KEY", "two keys"},
		{"GOOGLE_CLIENT_ID", "only-the-id"},
		{"CLOUDFLARE_DEPLOY_URL", "nonsense"},
		{"CLOUDFLARE_DEPLOY_SECRET", "alone"},
		{"DATABASE_URL", "postgres://u:secret@h/db"},
		{"NATS_URL", "nats://h"},
	} {
		t.Run(tc.name+"="+tc.value, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, map[string]string{tc.name: tc.value}, "")
			var ce *config.Error
			if !errors.As(err, &ce) {
				t.Fatalf("got %v, want a config error", err)
			}
			if want := strings.Replace(tc.name, "CLIENT_ID", "CLIENT_SECRET", 1); ce.Variable != want {
				t.Errorf("names %s, want %s", ce.Variable, want)
			}
			if msg := err.Error(); strings.Contains(msg, "\n") || strings.Contains(msg, "secret@") {
				t.Errorf("not one clean line: %q", msg)
			}
		})
	}
}

func TestBadEnvFileNamesTheFile(t *testing.T) {
	t.Parallel()
	_, err := load(t, nil, "A=\"not closed\nB=1\n")
	var ce *config.Error
	if !errors.As(err, &ce) || ce.Variable != config.EnvFile {
		t.Fatalf("got %v", err)
	}
}

func TestScheme(t *testing.T) {
	t.Parallel()
	for domain, want := range map[string]string{
		"localhost:3210": "http", "a.localhost": "http", "127.0.0.1:80": "http",
		"surgent.dev": "https", "example.com:8443": "https",
	} {
		if got := config.Scheme(domain); got != want {
			t.Errorf("%s: %s", domain, got)
		}
	}
}
