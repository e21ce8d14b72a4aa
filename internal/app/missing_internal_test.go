package app

import (
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clientconfig "surgent.dev/surgent/internal/builder/config"
	"surgent.dev/surgent/internal/config"
)

func TestWhatIsMissingIsOneLineWithTheWayOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	open := func(change func(*config.Config)) error {
		cfg := *b.config
		cfg.Addr, cfg.Data = "127.0.0.1:0", t.TempDir()
		change(&cfg)
		a, err := Open(t.Context(), Options{Config: &cfg, Logger: slog.New(slog.DiscardHandler), Binary: "/nowhere"})
		if err == nil {
			a.Close()
		}
		return err
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	badKey := t.TempDir()
	if err := os.MkdirAll(filepath.Join(badKey, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(badKey, "keys", "preview.key"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	newer, junk, noKey := t.TempDir(), t.TempDir(), t.TempDir()
	db, err := sql.Open("sqlite", filepath.Join(newer, "surgent.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE _migrations (number INTEGER PRIMARY KEY) STRICT; INSERT INTO _migrations VALUES (999)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(junk, "surgent.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(noKey, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(noKey, "keys", "auth.pem"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*config.Config){
		"a newer version":        func(c *config.Config) { c.Data = newer },
		"can't be read (file is": func(c *config.Config) { c.Data = junk },
		"auth.pem holds no key":  func(c *config.Config) { c.Data = noKey },
		"SURGENT_CACHE":          func(c *config.Config) { c.Cache = filepath.Join(file, "below") },
		"of this machine":        func(c *config.Config) { c.Addr = "192.0.2.1:1" },
		"another server runs":    func(c *config.Config) { c.Data = b.config.Data },
		"is taken":               func(c *config.Config) { c.Addr = b.config.Addr },
		"SURGENT_DATA":           func(c *config.Config) { c.Data = filepath.Join(file, "below") },
		"preview.key holds no k": func(c *config.Config) { c.Data = badKey },
	} {
		err := open(change)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want one line with %q", err, want)
		}
	}
	if err := open(func(*config.Config) {}); err != nil {
		t.Errorf("nothing is missing, but: %v", err)
	}
}

// A server that can't run sandboxes serves the rest, and says why it can't.
func TestAServerWithoutSandboxesSaysSo(t *testing.T) {
	t.Parallel()
	cfg := *newBench(t).config
	cfg.Addr, cfg.Data, cfg.Daytona.APIKey = "127.0.0.1:0", t.TempDir(), ""
	a, err := Open(t.Context(), Options{Config: &cfg, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var c clientconfig.Client
	if err := a.runtime.RunQuery(t.Context(), "config:client", nil, &c); err != nil {
		t.Fatal(err)
	}
	if c.PreparingFailed == nil || c.PreparingFailed.Message == "" || !strings.Contains(c.PreparingFailed.Hint, "DAYTONA_API_KEY") {
		t.Fatalf("clients are told %+v", c.PreparingFailed)
	}
	if _, err := a.sandboxes.client.List(t.Context(), nil); err == nil || !strings.Contains(err.Error(), c.PreparingFailed.Hint) {
		t.Errorf("projects are told %v", err)
	}
}

// The diagnosis names each part, with the way out of what is missing, and
// shows no secret.
func TestDiagnosis(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"SURGENT_ADDR": newBench(t).config.Addr, "SURGENT_DATA": file, "SURGENT_CACHE": filepath.Join(file, "cache"),
		"DAYTONA_API_KEY": "a-secret", "DAYTONA_SERVER_URL": "http://127.0.0.1:1/api",
		"CLOUDFLARE_DEPLOY_URL": "https://deploy.example.test/deploy",
		"GOOGLE_CLIENT_ID":      "id", "GOOGLE_CLIENT_SECRET": "a-secret", "OPENAI_API_KEY": "a-secret",
	}
	cfg, err := config.Load(config.Source{Dir: t.TempDir(), Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
	if err != nil {
		t.Fatal(err)
	}
	byPart := map[string]Finding{}
	for _, f := range Diagnose(t.Context(), cfg, true) {
		if strings.Contains(f.Text, "a-secret") {
			t.Errorf("%s shows a secret: %s", f.Part, f.Text)
		}
		byPart[f.Part] = f
	}
	for part, want := range map[string]Finding{
		"address":        {Text: "SURGENT_ADDR", Note: true},
		"data":           {Text: "SURGENT_DATA", Missing: true},
		"cache":          {Text: "SURGENT_CACHE", Missing: true},
		"model":          {Text: "ANTHROPIC_API_KEY", Note: true},
		"sandboxes":      {Text: "DAYTONA_SERVER_URL", Missing: true},
		"deploy":         {Text: "CLOUDFLARE_DEPLOY_SECRET", Note: true},
		"Google":         {Text: "configured"},
		"OPENAI_API_KEY": {Text: "doesn't use it", Note: true},
	} {
		got := byPart[part]
		if !strings.Contains(got.Text, want.Text) || got.Missing != want.Missing || got.Note != want.Note {
			t.Errorf("%s: %+v, want %+v", part, got, want)
		}
	}
}
