package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"surgent.dev/surgent/internal/config"
)

func setupCommand() *cobra.Command {
	var at string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Wait until a server answers",
		Long:  "Waits until the server at --url says that it can serve, and exits with 1 and the reason when it doesn't in time.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if at == "" {
				cfg, err := config.Load(config.Source{})
				if err != nil {
					return err
				}
				at = config.Scheme(cfg.Domain) + "://" + cfg.Domain
			}
			if u, err := url.Parse(at); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
				return fmt.Errorf("--url: %q is no address such as http://localhost:3210", at)
			}
			return awaitServer(cmd.Context(), strings.TrimSuffix(at, "/"), timeout)
		},
	}
	cmd.Flags().StringVar(&at, "url", "", "the server's address (default: this folder's configuration)")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait")
	return cmd
}

func awaitServer(ctx context.Context, at string, timeout time.Duration) error {
	deadline, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		last := ask(deadline, at)
		if last == nil {
			tell(os.Stdout, at+" is ready")
			return nil
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-deadline.Done():
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%s did not answer within %s: %w", at, timeout, last)
		}
	}
}

// ask wants to know from a server whether it can serve.
func ask(ctx context.Context, at string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at+"/healthz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // only read from
	if res.StatusCode == http.StatusOK {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, 200))
	if err != nil {
		return err
	}
	return fmt.Errorf("it says %s: %s", res.Status, strings.TrimSpace(string(text)))
}
