//go:build linux

package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/sandbox/engine/base"
)

// Limits bound one sandbox.
type Limits struct {
	CPU    float64 // cores
	Memory int64   // bytes
	Disk   int64   // bytes that may be written over the base
	PIDs   int     // host threads and processes
}

// Config is what an Engine needs.
type Config struct {
	// DataDir keeps the sandboxes. One engine at a time uses it.
	DataDir string
	// CacheDir keeps the base and live snapshots; engines may share it.
	CacheDir string
	// APIKey is the bearer token of the API.
	APIKey string
	// Runsc is the command that runs gVisor's runsc, such as
	// {"/usr/bin/surgent", "runsc"}. Its first element must be absolute.
	Runsc []string
	// Toolbox is the program that runs first in every sandbox.
	Toolbox []byte
	// Recipe holds recipe.json and package.json of the default snapshot.
	Recipe fs.FS
	// BaseImage is the OCI image that the default snapshot starts from, such as
	// "node:24-bookworm". When empty it is made from Debian packages, or from
	// the recipe's image on a host without them.
	BaseImage string
	// Limits are those of every sandbox; zero fields get defaults.
	Limits Limits
	// PreviewDomain is the domain of preview hosts, "preview.localhost" when
	// empty.
	PreviewDomain string
	// EgressAllow names hosts ("example.com" or "example.com:8080") that
	// sandboxes may reach beside the package sources and git hosts.
	EgressAllow []string
	// Reserve is how much memory the machine must have left for another sandbox
	// to start, in bytes. When zero it is a sixteenth of the machine's, at least
	// 384 MiB: those that run may still grow.
	Reserve int64
	// SaveInterval is how often the files of a running sandbox are saved; five
	// minutes when zero.
	SaveInterval time.Duration
	// Logger may be nil, Now too.
	Logger *slog.Logger
	Now    func() time.Time
}

// withDefaults checks cfg and fills in what is zero.
func (cfg Config) withDefaults() (Config, *base.Recipe, error) {
	if cfg.DataDir == "" || cfg.CacheDir == "" || cfg.APIKey == "" {
		return cfg, nil, errors.New("configure sandbox engine: data folder, cache folder and API key are required")
	}
	if len(cfg.Runsc) == 0 || !filepath.IsAbs(cfg.Runsc[0]) {
		return cfg, nil, errors.New("configure sandbox engine: an absolute command for runsc is required")
	}
	if len(cfg.Toolbox) == 0 {
		return cfg, nil, errors.New("configure sandbox engine: this build carries no toolbox: build it with make")
	}
	if cfg.Recipe == nil {
		return cfg, nil, errors.New("configure sandbox engine: a recipe of the base is required")
	}
	recipe, err := base.LoadRecipe(cfg.Recipe)
	if err != nil {
		return cfg, nil, fmt.Errorf("configure sandbox engine: %w", err)
	}
	if cfg.BaseImage != "" {
		if err := base.ParseImage(cfg.BaseImage); err != nil {
			return cfg, nil, fmt.Errorf("configure sandbox engine: %w", err)
		}
	}
	for _, dir := range []*string{&cfg.DataDir, &cfg.CacheDir} {
		if *dir, err = filepath.Abs(*dir); err != nil {
			return cfg, nil, fmt.Errorf("configure sandbox engine: %w", err)
		}
	}
	// runsc's overlay flag knows no way to quote them.
	if strings.ContainsAny(cfg.DataDir, ",=") {
		return cfg, nil, fmt.Errorf("configure sandbox engine: the data folder's path %q holds a comma or an equals sign: choose another", cfg.DataDir)
	}
	if cfg.Limits.CPU == 0 {
		cfg.Limits.CPU = float64(max(1, min(runtime.NumCPU(), 4)))
	}
	if cfg.Limits.Memory == 0 {
		cfg.Limits.Memory = 2 << 30
	}
	if cfg.Limits.Disk == 0 {
		cfg.Limits.Disk = 4 << 30
	}
	if cfg.Limits.PIDs == 0 {
		// A process in gVisor is several here. Inside, the toolbox lets fork
		// fail long before.
		cfg.Limits.PIDs = 8192
	}
	if cfg.PreviewDomain == "" {
		cfg.PreviewDomain = "preview.localhost"
	}
	if cfg.SaveInterval == 0 {
		cfg.SaveInterval = 5 * time.Minute
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Now = clock.OrNow(cfg.Now)
	return cfg, recipe, nil
}
