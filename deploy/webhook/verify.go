package webhook

import (
	"context"
	"fmt"
	"net/http"

	"surgent.dev/surgent/internal/kit/clock"
)

// ask requests the app's first page, a few times, and says what is wrong with
// what it answers, "" for nothing. New names take a moment to be known
// everywhere.
func (t *Target) ask(ctx context.Context, address string) (problem string) {
	ctx, cancel := context.WithTimeout(ctx, t.c.Verify)
	defer cancel()
	for pause := t.c.Pause; ; pause *= 2 {
		problem = t.askOnce(ctx, address)
		if problem == "" || clock.Sleep(ctx, pause) != nil {
			return problem
		}
	}
}

func (t *Target) askOnce(ctx context.Context, address string) (problem string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/", http.NoBody)
	if err != nil {
		return "The app's address is not known."
	}
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("User-Agent", "surgent-verify")
	res, err := t.client.Do(r)
	if err != nil {
		return "The app cannot be reached at its address yet."
	}
	if err := res.Body.Close(); err == nil && res.StatusCode >= http.StatusInternalServerError {
		return fmt.Sprintf("The app answers / with %d.", res.StatusCode)
	}
	return ""
}
