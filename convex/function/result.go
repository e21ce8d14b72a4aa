package function

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
)

// encode returns a result as it is sent.
func encode(c Call, v value.Value) ([]byte, error) {
	if size := value.Size(v); size > MaxArgsSize {
		return nil, systemErrorf("invalid", "Function %s return value is too large (actual: %d, limit: %d)", c.Path.source(), size, MaxArgsSize)
	}
	b, err := value.Encode(v)
	if err != nil {
		return nil, fmt.Errorf("encode result: %w", err)
	}
	return b, nil
}

// known gives err the form that clients may see, where there is one.
func (r *Runner) known(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	var de *store.DocumentError
	if errors.As(err, &de) {
		return &Error{Code: "invalid", Message: de.Text, system: true, cause: err}
	}
	if errors.Is(err, store.ErrBadCursor) {
		return &Error{Code: "invalid", Message: store.ErrBadCursor.Error(), system: true, cause: err}
	}
	if r.convert != nil {
		if e := r.convert(err); e != nil {
			if e.cause == nil {
				e.cause = err
			}
			return e
		}
	}
	return err
}

// result encodes the outcome of a run for a client and logs what it hides.
func (r *Runner) result(ctx context.Context, c Call, v value.Value, err error) Result {
	if err == nil {
		var encoded []byte
		if encoded, err = encode(c, v); err == nil {
			return Result{Value: encoded}
		}
	}
	known := r.known(err)
	f := failure(known, c.RequestID)
	if !errors.Is(ctx.Err(), context.Canceled) {
		r.logger.Log(ctx, severity(f.Code), "function failed", "function", c.Path.String(), "request", c.RequestID, "code", f.Code, "error", known)
	}
	return Result{Failure: f}
}

// severity is how much an operator cares: about what clients are not told, and
// about parts that are missing. The rest is the clients' own doing.
func severity(code string) slog.Level {
	switch code {
	case "internal":
		return slog.LevelError
	case "unavailable":
		return slog.LevelWarn
	default:
		return slog.LevelDebug
	}
}
