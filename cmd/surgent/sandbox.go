package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"surgent.dev/surgent/internal/app"
	"surgent.dev/surgent/internal/config"
)

func sandboxCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "sandbox", Short: "The sandbox engine by itself"}
	cmd.AddCommand(sandboxServeCommand(), sandboxPurgeCommand())
	return cmd
}

func sandboxServeCommand() *cobra.Command {
	var o app.SandboxOptions
	var keyFile string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the Daytona API for sandboxes on this machine",
		Long: "Runs the sandbox engine alone, its API under /api. It needs root, and listens once\n" +
			"the base of all sandboxes stands. Point a server at it with DAYTONA_SERVER_URL and\n" +
			"DAYTONA_API_KEY.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(config.Source{})
			if err != nil {
				return err
			}
			if o.Key, err = engineKey(o.Key, keyFile); err != nil {
				return err
			}
			if o.Data == "" {
				o.Data = filepath.Join(cfg.Data, "sandboxes")
			}
			if o.Cache == "" {
				o.Cache = cfg.Cache
			}
			o.BaseImage = cfg.BaseImage
			o.Reserve = cfg.Reserve
			if o.Binary, err = ownPath(); err != nil {
				return err
			}
			o.Logger = newLogger()
			o.Progress = func(string) {} // the log has it
			o.Ready = func(url string) { tell(os.Stdout, "Sandboxes are at "+url) }
			return app.ServeSandboxes(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Addr, "addr", "127.0.0.1:3211", "where to listen")
	f.StringVar(&o.Key, "api-key", "", "the key that clients must send")
	f.StringVar(&keyFile, "api-key-file", "", "a file with that key, which no process list shows")
	f.IntVar(&o.Server, "for-server", 0, "process id of the server that it belongs to: listens at once, and ends with it")
	f.StringVar(&o.Data, "data", "", "folder of the sandboxes (default: SURGENT_DATA/sandboxes)")
	f.StringVar(&o.Cache, "cache", "", "folder of base and warm images (default: SURGENT_CACHE)")
	return cmd
}

func engineKey(key, file string) (string, error) {
	if key != "" {
		return key, nil
	}
	if file == "" {
		return "", errors.New("--api-key or --api-key-file is needed: the key that clients must send")
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--api-key-file: %w", err)
	}
	if key = strings.TrimSpace(string(raw)); key == "" {
		return "", fmt.Errorf("--api-key-file: %s is empty", file)
	}
	return key, nil
}

func sandboxPurgeCommand() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "purge",
		Short: "End and remove all sandboxes of a data folder",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(config.Source{})
			if err != nil {
				return err
			}
			if data == "" {
				data = cfg.Data
			}
			binary, err := ownPath()
			if err != nil {
				return err
			}
			return app.PurgeSandboxes(cmd.Context(), app.SandboxOptions{
				Data: data, Cache: cfg.Cache, BaseImage: cfg.BaseImage, Binary: binary, Logger: newLogger(),
			})
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "the server's data folder, or an engine's own (default: SURGENT_DATA)")
	return cmd
}
