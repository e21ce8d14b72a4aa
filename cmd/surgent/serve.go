package main

import (
	"context"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"surgent.dev/surgent/internal/app"
	"surgent.dev/surgent/internal/config"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve the workspace",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), nil)
		},
	}
}

// serve runs the server until ctx ends. It prints one line, the address, once
// it can be opened.
func serve(ctx context.Context, webDevServer *url.URL) error {
	cfg, err := config.Load(config.Source{})
	if err != nil {
		return err
	}
	binary, err := ownPath()
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, app.Options{
		Config: cfg, Logger: newLogger(), Binary: binary, Engine: hasRunsc, WebDevServer: webDevServer,
		Ready: func(address string) { tell(os.Stdout, "Surgent is at "+address) },
	})
	if err != nil {
		return err
	}
	defer a.Close()
	return a.Run(ctx)
}
