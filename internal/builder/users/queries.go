package users

import (
	"surgent.dev/surgent/convex/function"
)

// Register adds this module's functions.
func Register(r *function.Registry) {
	function.Query(r, "auth:loggedInUser", loggedInUser)
}

// loggedInUser returns the caller's own document, null when anonymous.
func loggedInUser(ctx *function.QueryCtx, _ struct{}) (*User, error) {
	id := Current(ctx)
	if id == "" {
		return nil, nil
	}
	return Users.Get(ctx, ctx.DB, id)
}
