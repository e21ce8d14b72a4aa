package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"surgent.dev/surgent/internal/builder/templates"
	"surgent.dev/surgent/internal/config"
	"surgent.dev/surgent/sandbox"
	"surgent.dev/surgent/sandbox/daytona"
	defaultenv "surgent.dev/surgent/snapshots/default-env"
)

// CreateSnapshot builds the snapshot of all sandboxes on a server of the
// Daytona API and waits until it is active.
func CreateSnapshot(ctx context.Context, c *config.Config, logger *slog.Logger, progress func(string)) error {
	client, err := daytona.New(daytona.Config{APIKey: c.Daytona.APIKey.Reveal(), ServerURL: c.Daytona.ServerURL, Logger: logger})
	if err != nil {
		return err
	}
	snap, err := client.GetSnapshot(ctx, templates.Base)
	if errors.Is(err, sandbox.ErrNotFound) {
		recipe, readErr := defaultenv.Files.ReadFile("Dockerfile")
		if readErr != nil {
			return fmt.Errorf("read recipe: %w", readErr)
		}
		progress("Sending the recipe to " + c.Daytona.ServerURL)
		snap, err = client.CreateSnapshot(ctx, templates.Base, string(recipe))
	}
	for last := ""; err == nil; snap, err = client.GetSnapshot(ctx, templates.Base) {
		step := string(snap.State)
		if snap.Step != "" {
			step = snap.Step
		}
		switch snap.State {
		case sandbox.SnapshotActive:
			return nil
		case sandbox.SnapshotError, "build_failed":
			return fmt.Errorf("the snapshot could not be built: %s", snap.ErrorReason)
		}
		if step != last {
			progress(step)
			last = step
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(2 * time.Second):
		}
	}
	return err
}
