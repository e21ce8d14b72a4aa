package anthropic

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	sdk "github.com/anthropics/anthropic-sdk-go"

	"surgent.dev/surgent/model"
)

// checkTimeout bounds one question of Check.
const checkTimeout = 10 * time.Second

// Check asks whether the server can be reached, takes the key, and knows the
// default model; it costs nothing. Its errors are those of Stream: KeyRefused,
// BadRequest with status 404 for the model, Transient for a server that cannot
// be reached. A server that answers but has no list of models, as some that
// speak this API, leaves the question open, which is no error.
func (m *Model) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	_, err := m.models.List(ctx, sdk.ModelListParams{Limit: sdk.Int(1)})
	if err != nil {
		return m.checked(ctx, err, http.StatusUnauthorized, http.StatusForbidden)
	}
	if _, err = m.models.Get(ctx, m.info.ID, sdk.ModelGetParams{}); err != nil {
		return m.checked(ctx, err, http.StatusNotFound)
	}
	return nil
}

// checked returns the error where it tells something: the connection failed,
// or the status is one of telling.
func (m *Model) checked(ctx context.Context, err error, telling ...int) error {
	var api *sdk.Error
	if errors.As(err, &api) {
		for _, status := range telling {
			if api.StatusCode == status {
				return m.refused(api)
			}
		}
		return nil
	}
	var unreachable *url.Error
	if !errors.As(err, &unreachable) {
		return nil // an answer that is no list
	}
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return &model.Error{Kind: model.Transient, Type: "timeout", Message: "no answer within " + checkTimeout.String(), Cause: err}
	}
	return m.failure(ctx, err)
}
