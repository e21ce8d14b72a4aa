package app

import (
	"context"
	"path/filepath"

	"surgent.dev/surgent/convex"
	"surgent.dev/surgent/convex/auth"
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/convex/wire"
	"surgent.dev/surgent/internal/config"
)

// newRuntime joins the registered functions to the store, and adds those of
// signing in.
func (a *App) newRuntime(ctx context.Context, r *function.Registry, streams *stream.Hub) (*convex.Runtime, error) {
	return convex.Open(ctx, convex.Config{
		Registry: r, Store: a.store, Streams: streams, ConvertError: clientError, Logger: a.logger.With("part", "runtime"),
		Auth: &auth.Config{
			SiteURL: a.origin(), IssuerURL: a.config.SiteURL, KeyFile: filepath.Join(a.config.Data, "keys", "auth.pem"),
			Google: googleClient(a.config.Google), MaxNewAccounts: a.config.NewAccounts,
		},
		Limits: wire.Limits{Proxies: a.config.Proxies},
	})
}

// googleClient is nil when sign-in with Google is not configured.
func googleClient(c config.Google) *auth.Google {
	if c.ClientID == "" {
		return nil
	}
	return &auth.Google{ClientID: c.ClientID, ClientSecret: c.ClientSecret.Reveal()}
}
