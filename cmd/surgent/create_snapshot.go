package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"surgent.dev/surgent/internal/app"
	"surgent.dev/surgent/internal/config"
)

func createSnapshotCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "create-snapshot",
		Short: "Build what every sandbox starts from",
		Long: "With DAYTONA_API_KEY, builds the snapshot there. Without, builds the base for the\n" +
			"embedded engine on this machine, which needs root. A snapshot that exists is kept.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(config.Source{})
			if err != nil {
				return err
			}
			say := func(step string) { tell(os.Stderr, step) }
			if cfg.Daytona.APIKey != "" {
				err = app.CreateSnapshot(cmd.Context(), cfg, newLogger(), say)
			} else {
				var binary string
				if binary, err = ownPath(); err != nil {
					return err
				}
				if !hasRunsc {
					return errors.New("this build carries no isolation engine: build it on Linux without the tag no_runsc")
				}
				err = app.BuildBase(cmd.Context(), app.SandboxOptions{
					Data: filepath.Join(cfg.Data, "sandboxes"), Cache: cfg.Cache, BaseImage: cfg.BaseImage, Binary: binary,
					// What it would log is told by its steps and by its error.
					Key: "unused", Logger: slog.New(slog.DiscardHandler), Progress: say,
				})
			}
			if err == nil {
				tell(os.Stdout, "The snapshot is ready")
			}
			return err
		},
	}
}
