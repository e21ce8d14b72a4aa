package users

import (
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/kit/errs"
)

// Caller is the context of any function: it knows who calls.
type Caller interface {
	Identity() *function.Identity
}

// Current returns the caller's user id, "" for an anonymous call.
func Current(c Caller) ID {
	if id := c.Identity(); id != nil {
		return ID(id.UserID())
	}
	return ""
}

// Require returns the caller's user id, or the error "Unauthenticated".
func Require(c Caller) (ID, error) {
	if id := Current(c); id != "" {
		return id, nil
	}
	return "", errs.New(errs.Unauthenticated, "Unauthenticated")
}
