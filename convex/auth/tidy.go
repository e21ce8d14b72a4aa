package auth

import (
	"context"
	"fmt"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
)

const (
	tidyEvery = time.Hour
	// tidyBatch is how many rows of a table one transaction deletes: others
	// wait for it.
	tidyBatch = 200
	// verifierLife is how long a sign-in with a provider may take.
	verifierLife = 24 * time.Hour
)

// Run keeps what sign-in stores whole and small until ctx ends: it begins by
// writing e-mail addresses as sign-in looks for them, which imported accounts
// may need, and deletes what has expired from time to time. run runs
// auth:store.
func (a *Auth) Run(ctx context.Context, run Invoker) {
	// What fails is tried again, by the next start or an hour later.
	warn := func(task string, err error) {
		if err != nil && ctx.Err() == nil {
			a.config.Logger.WarnContext(ctx, "tidy sign-in tables", "task", task, "error", err)
		}
	}
	warn("e-mail addresses", a.spellAll(ctx, run))
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		warn("expired rows", tidyAll(ctx, run))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func tidyAll(ctx context.Context, run Invoker) error {
	for more := true; more; {
		if err := run.Invoke(ctx, function.KindMutation, nil, "auth:store", storeCall{storeArgs{Type: stepTidy}}, &more); err != nil {
			return err
		}
	}
	return nil
}

// tidy deletes what no sign-in can use any more, and reports whether there is
// more of it.
func (a *Auth) tidy(ctx *function.MutationCtx) (more bool, err error) {
	now := a.millis(ctx.Now())
	old := func(life time.Duration) float64 { return now - float64(life.Milliseconds()) }
	ended, err := sessions.Query(ctx.DB, "expirationTime").Lt(now).Take(ctx, tidyBatch)
	if err != nil {
		return false, err
	}
	for _, s := range ended {
		if err := a.endSession(ctx, s.ID); err != nil {
			return false, err
		}
	}
	more = len(ended) == tidyBatch
	for _, sweep := range []func() (bool, error){
		func() (bool, error) {
			return sweep(ctx, refreshTokens, refreshTokens.Query(ctx.DB, "expirationTime").Lt(now), func(t refreshToken) refreshID { return t.ID })
		},
		func() (bool, error) {
			return sweep(ctx, codes, codes.Query(ctx.DB, "expirationTime").Lt(now), func(c code) codeID { return c.ID })
		},
		func() (bool, error) {
			return sweep(ctx, rateLimits, rateLimits.Query(ctx.DB, "lastAttemptTime").Lt(old(refillTime)), func(l rateLimit) limitID { return l.ID })
		},
		func() (bool, error) {
			return sweep(ctx, verifiers, verifiers.Query(ctx.DB, "").Lt(old(verifierLife)), func(v verifier) verifyID { return v.ID })
		},
	} {
		full, err := sweep()
		if err != nil {
			return false, err
		}
		more = more || full
	}
	return more, nil
}

// sweep deletes a batch of what a read gives.
func sweep[T any, I ~string](ctx *function.MutationCtx, t store.Typed[T, I], q *store.Q[T], id func(T) I) (full bool, err error) {
	rows, err := q.Take(ctx, tidyBatch)
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		if err := t.Delete(ctx, ctx.DB, id(r)); err != nil {
			return false, err
		}
	}
	return len(rows) == tidyBatch, nil
}

// misspelled is a page of accounts whose e-mail address is not stored as
// sign-in looks for it.
type misspelled struct {
	Accounts []accountID `json:"accounts"`
	Next     *string     `json:"next"` // cursor, nil at the end
}

type misspelledArgs struct {
	Cursor *string `json:"cursor,omitempty"`
}

func findMisspelled(ctx *function.QueryCtx, args misspelledArgs) (misspelled, error) {
	options := store.PageOptions{NumItems: 1000}
	if args.Cursor != nil {
		options.Cursor = *args.Cursor
	}
	page, err := accounts.Query(ctx.DB, "providerAndAccountId", "password").Paginate(ctx, options)
	out := misspelled{Accounts: []accountID{}}
	if err != nil {
		return out, err
	}
	for _, acc := range page.Page {
		if acc.ProviderAccountID != normalEmail(acc.ProviderAccountID) {
			out.Accounts = append(out.Accounts, acc.ID)
		}
	}
	if !page.IsDone {
		out.Next = &page.ContinueCursor
	}
	return out, nil
}

func (a *Auth) spellAll(ctx context.Context, run Invoker) error {
	for args := (misspelledArgs{}); ; {
		var page misspelled
		if err := run.Invoke(ctx, function.KindQuery, nil, "auth:misspelled", args, &page); err != nil {
			return err
		}
		for _, id := range page.Accounts {
			step := storeArgs{Type: stepSpell, Account: string(id)}
			if err := run.Invoke(ctx, function.KindMutation, nil, "auth:store", storeCall{step}, nil); err != nil {
				return fmt.Errorf("account %s: %w", id, err)
			}
		}
		if page.Next == nil {
			return nil
		}
		args.Cursor = page.Next
	}
}

// spell writes the e-mail address of an account as sign-in looks for it, unless
// another account has it: then both stay, and the one is found by its exact
// spelling.
func (a *Auth) spell(ctx *function.MutationCtx, id accountID) error {
	acc, err := accounts.Get(ctx, ctx.DB, id)
	if err != nil || acc == nil {
		return err
	}
	typed, email := acc.ProviderAccountID, normalEmail(acc.ProviderAccountID)
	taken, err := accounts.Query(ctx.DB, "providerAndAccountId", acc.Provider, email).First(ctx)
	if err != nil {
		return err
	}
	if taken != nil {
		if taken.ID != id {
			a.config.Logger.WarnContext(ctx, "two accounts differ by capitals only", "account", id, "other", taken.ID)
		}
		return nil
	}
	if err := accounts.Patch(ctx, ctx.DB, id, value.Object{"providerAccountId": email}); err != nil {
		return err
	}
	user, err := ctx.DB.Get(ctx, UsersTable, string(acc.UserID))
	if err != nil || user == nil || user["email"] != typed {
		return err
	}
	return ctx.DB.Patch(ctx, UsersTable, string(acc.UserID), value.Object{"email": email})
}
