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
	switch {
	case errors.Is(err, sandbox.ErrNotFound):
		snap, err = sendRecipe(ctx, client, c, progress)
	case err == nil && failedSnapshot(snap):
		// A failed build stays what it is; the name is free once it is gone.
		progress("Removing the snapshot whose build failed: " + snap.ErrorReason)
		if err = client.DeleteSnapshot(ctx, templates.Base); err == nil {
			snap, err = sendRecipe(ctx, client, c, progress)
		}
	case err == nil && snap.State == sandbox.SnapshotInactive:
		progress("Activating the snapshot, which was not used for long")
		if err = client.ActivateSnapshot(ctx, snap.ID); err == nil {
			snap, err = client.GetSnapshot(ctx, templates.Base)
		}
	}
	for last := ""; err == nil; snap, err = client.GetSnapshot(ctx, templates.Base) {
		step := string(snap.State)
		if snap.Step != "" {
			step = snap.Step
		}
		switch {
		case snap.State == sandbox.SnapshotActive:
			return nil
		case failedSnapshot(snap):
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

func failedSnapshot(s *sandbox.Snapshot) bool {
	return s.State == sandbox.SnapshotError || s.State == sandbox.SnapshotBuildFailed
}

func sendRecipe(ctx context.Context, client *daytona.Client, c *config.Config, progress func(string)) (*sandbox.Snapshot, error) {
	recipe, err := defaultenv.Files.ReadFile("Dockerfile")
	if err != nil {
		return nil, fmt.Errorf("read recipe: %w", err)
	}
	progress("Sending the recipe to " + c.Daytona.ServerURL)
	return client.CreateSnapshot(ctx, templates.Base, string(recipe))
}
