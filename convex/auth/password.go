package auth

import (
	"strings"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
)

// maxEmail is the longest e-mail address that there can be.
const maxEmail = 320

// normalEmail is how e-mail addresses are stored and looked for. To the letter
// of the law the part before the @ may tell capitals apart; nobody's does, and
// people write theirs either way.
func normalEmail(typed string) string { return strings.ToLower(strings.TrimSpace(typed)) }

// passwordParams are what the two flows need.
type passwordParams struct {
	flow     string // "signUp" or "signIn"
	email    string // as it was typed
	password string
}

func readPasswordParams(params value.Object) (passwordParams, error) {
	var p passwordParams
	p.flow, _ = params["flow"].(string)
	switch p.flow {
	case "signUp", "signIn":
	case "reset", "reset-verification":
		return p, function.Errorf("invalid", "Password reset is not enabled for password")
	case "email-verification":
		return p, function.Errorf("invalid", "Email verification is not enabled for password")
	default:
		return p, function.Errorf("invalid", "Missing `flow` param, it must be one of \"signUp\", \"signIn\", \"reset\", \"reset-verification\" or \"email-verification\"!")
	}
	email, _ := params["email"].(string)
	switch p.email = strings.TrimSpace(email); {
	case p.email == "":
		return p, function.Errorf("invalid", "Missing `email` param for `%s` flow", p.flow)
	case len(p.email) > maxEmail:
		return p, function.Errorf("invalid", "Invalid `email` param: it is longer than %d characters", maxEmail)
	}
	var ok bool
	if p.password, ok = params["password"].(string); !ok {
		return p, function.Errorf("invalid", "Missing `password` param for `%s` flow", p.flow)
	}
	if p.flow == "signUp" && passwordLength(p.password) < minPassword {
		return p, function.Errorf("invalid", "Invalid password")
	}
	return p, nil
}

// passwordFlow is sign-up and sign-in with an e-mail address and a password.
func (a *Auth) passwordFlow(ctx *function.ActionCtx, params value.Object) (value.Object, error) {
	p, err := readPasswordParams(params)
	if err != nil {
		return nil, err
	}
	var acc *account
	if err := ctx.RunQuery("auth:account", accountArgs{Provider: "password", Account: p.email}, &acc); err != nil {
		return nil, err
	}
	switch {
	case acc != nil:
		return a.signInPassword(ctx, p, acc)
	case p.flow == "signIn":
		return nil, function.Errorf("invalid", "InvalidAccountId")
	}
	// Charged first: a hash takes 32 MiB and a while.
	if err := ctx.RunMutation("auth:store", storeCall{storeArgs{Type: stepAdmit, Address: ctx.Address()}}, nil); err != nil {
		return nil, err
	}
	secret, err := a.hash(ctx, p.password)
	if err != nil {
		return nil, err
	}
	return a.issue(ctx, storeArgs{
		Type: stepSignUp, Provider: "password", Account: normalEmail(p.email), Secret: secret,
		OldSession: sessionID(ctx.Identity().SessionID()),
	})
}

// signInPassword checks a password. The attempt is charged before and given
// back when the password is right, so parallel guesses get no more than the
// budget.
func (a *Auth) signInPassword(ctx *function.ActionCtx, p passwordParams, acc *account) (value.Object, error) {
	var wait int
	if err := ctx.RunMutation("auth:store", storeCall{storeArgs{Type: stepAttempt, Account: string(acc.ID)}}, &wait); err != nil {
		return nil, err
	}
	if wait > 0 {
		return nil, function.Errorf("limited", "TooManyFailedAttempts: wait %s, then try again", inMinutes(wait))
	}
	ok := false
	if acc.Secret != nil {
		var err error
		if ok, err = a.matches(ctx, p.password, *acc.Secret); err != nil {
			return nil, err
		}
	}
	switch {
	case !ok && p.flow == "signUp":
		return nil, function.Errorf("invalid", "Account %s already exists", acc.ProviderAccountID)
	case !ok:
		return nil, function.Errorf("invalid", "InvalidSecret")
	}
	return a.issue(ctx, storeArgs{
		Type: stepSignIn, Account: string(acc.ID), OldSession: sessionID(ctx.Identity().SessionID()),
	})
}

type accountArgs struct {
	Provider string `json:"provider"`
	Account  string `json:"account"`
}

// findAccount looks for an account by its e-mail address, also for one that is
// stored as it was typed: an imported one, before Run has come to it.
func findAccount(ctx *function.QueryCtx, args accountArgs) (*account, error) {
	acc, err := accounts.Query(ctx.DB, "providerAndAccountId", args.Provider, normalEmail(args.Account)).First(ctx)
	if err != nil || acc != nil {
		return acc, err
	}
	return accounts.Query(ctx.DB, "providerAndAccountId", args.Provider, args.Account).First(ctx)
}
