package app

import (
	"errors"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/kit/errs"
)

// clientError is what a client gets of the product's own errors: data to
// branch on and the text. Plain bad input is a plain error, as it was in the
// original; what has no code stays inside.
func clientError(err error) *function.Error {
	var e *errs.Error
	if !errors.As(err, &e) || e.Code == errs.Internal {
		return nil
	}
	if e.Code == errs.Invalid {
		return function.Errorf(string(e.Code), "%s", e.Message)
	}
	return function.NewConvexError(map[string]any{"code": string(e.Code), "message": e.Message})
}
