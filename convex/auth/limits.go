package auth

import (
	"fmt"
	"math"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
)

// Budgets are rows, not memory: a restart gives nobody new tries. Each refills
// evenly and is full again after refillTime, when its row may be deleted.
const refillTime = time.Hour

// charge takes one from the budget of an identifier and returns 0, or else how
// many minutes it takes until there is one to take.
func (a *Auth) charge(ctx *function.MutationCtx, identifier string, most int) (minutes int, err error) {
	now, budget := a.millis(ctx.Now()), float64(most)
	row, err := rateLimits.Query(ctx.DB, "identifier", identifier).First(ctx)
	if err != nil {
		return 0, err
	}
	if row == nil {
		_, err := rateLimits.Insert(ctx, ctx.DB, rateLimit{Identifier: identifier, LastAttemptTime: now, AttemptsLeft: budget - 1})
		return 0, err
	}
	perMilli := budget / float64(refillTime.Milliseconds())
	left := min(budget, row.AttemptsLeft+max(0, now-row.LastAttemptTime)*perMilli)
	if left < 1 {
		wait := (1 - left) / perMilli / float64(time.Minute.Milliseconds())
		return max(1, int(math.Ceil(wait))), nil
	}
	return 0, rateLimits.Patch(ctx, ctx.DB, row.ID, value.Object{"attemptsLeft": left - 1, "lastAttemptTime": now})
}

// admit charges something that the address may do only so often an hour: what
// is a plural. What the program itself does comes from no address.
func (a *Auth) admit(ctx *function.MutationCtx, address, what string, most int) error {
	if address == "" {
		return nil
	}
	minutes, err := a.charge(ctx, what+" from "+address, most)
	if err != nil {
		return err
	}
	if minutes > 0 {
		return function.Errorf("limited", "Too many %s from this address. Wait %s.", what, inMinutes(minutes))
	}
	return nil
}

// admitAccount charges a new account or guest.
func (a *Auth) admitAccount(ctx *function.MutationCtx, address string) error {
	return a.admit(ctx, address, "new accounts", a.config.MaxNewAccounts)
}

// admitVerifier charges the begin of a sign-in with a provider, which leaves a
// row for a day though nobody comes back.
func (a *Auth) admitVerifier(ctx *function.MutationCtx, address string) error {
	return a.admit(ctx, address, "sign-ins", 10*a.config.MaxNewAccounts)
}

func inMinutes(n int) string {
	if n == 1 {
		return "1 minute"
	}
	return fmt.Sprintf("%d minutes", n)
}
