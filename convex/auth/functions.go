package auth

import (
	"net/url"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
)

// Register adds the functions auth:signIn, auth:signOut, auth:isAuthenticated
// and the internal auth:store.
func (a *Auth) Register(r *function.Registry) {
	function.Action(r, "auth:signIn", a.signIn)
	function.Action(r, "auth:signOut", a.signOut)
	function.Query(r, "auth:isAuthenticated", func(ctx *function.QueryCtx, _ struct{}) (bool, error) {
		return ctx.Identity() != nil, nil
	})
	function.InternalQuery(r, "auth:account", findAccount)
	function.InternalMutation(r, "auth:store", a.store)
}

// signInArgs are what clients send; which of them count depends on the step.
type signInArgs struct {
	Provider     *string `json:"provider,omitempty"`
	Params       any     `json:"params,omitempty"`
	Verifier     *string `json:"verifier,omitempty"`
	RefreshToken *string `json:"refreshToken,omitempty"`
	CalledBy     *string `json:"calledBy,omitempty"`
}

// tokens is a signed-in client's pair.
type tokens struct {
	Token        string `json:"token"`
	RefreshToken string `json:"refreshToken"`
}

// signIn is every step of signing in and of staying so. Its result has only
// the keys that apply: clients ask which are there.
func (a *Auth) signIn(ctx *function.ActionCtx, args signInArgs) (value.Object, error) {
	params, _ := args.Params.(value.Object)
	if args.Provider == nil {
		if args.RefreshToken != nil {
			return a.issue(ctx, storeArgs{Type: stepRefresh, RefreshToken: *args.RefreshToken})
		}
		if code, ok := params["code"].(string); ok {
			return a.exchange(ctx, code, args.Verifier)
		}
		return nil, function.Errorf("invalid", "Cannot sign in: Missing `provider`, `params.code` or `refreshToken`")
	}
	switch *args.Provider {
	case "password":
		return a.passwordFlow(ctx, params)
	case "anonymous":
		return a.issue(ctx, storeArgs{Type: stepAnonymous, OldSession: sessionID(ctx.Identity().SessionID())})
	case "google":
		return a.google(ctx, params, args.Verifier)
	default:
		return nil, function.Errorf("invalid", "Provider `%s` is not configured, available providers are `password`, `anonymous`, `google`.", *args.Provider)
	}
}

// issue runs a step that gives a session and returns its tokens, or null ones.
func (a *Auth) issue(ctx *function.ActionCtx, step storeArgs) (value.Object, error) {
	var g *grant
	if err := ctx.RunMutation("auth:store", storeCall{step}, &g); err != nil {
		return nil, err
	}
	if g == nil {
		return value.Object{"tokens": nil}, nil
	}
	token, err := a.keys.sign(g.UserID, g.SessionID, a.config.Now(), a.config.TokenDuration)
	if err != nil {
		return nil, err
	}
	t, err := value.FromGo(tokens{Token: token, RefreshToken: string(g.RefreshID) + "|" + string(g.SessionID)})
	if err != nil {
		return nil, err
	}
	return value.Object{"tokens": t}, nil
}

func (a *Auth) exchange(ctx *function.ActionCtx, code string, verifier *string) (value.Object, error) {
	step := storeArgs{Type: stepCode, Code: code, OldSession: sessionID(ctx.Identity().SessionID())}
	if verifier != nil {
		step.Verifier = *verifier
	}
	return a.issue(ctx, step)
}

// google answers the first step: where to send the browser, and the verifier
// that the client must show when it comes back.
func (a *Auth) google(ctx *function.ActionCtx, params value.Object, verifier *string) (value.Object, error) {
	if code, ok := params["code"].(string); ok {
		return a.exchange(ctx, code, verifier)
	}
	query := url.Values{}
	if to, present := params["redirectTo"]; present {
		text, ok := to.(string)
		if !ok {
			return nil, function.Errorf("invalid", "Expected `redirectTo` to be a string")
		}
		if _, err := a.checkRedirect(text); err != nil {
			return nil, err
		}
		query.Set("redirectTo", text)
	}
	var id string
	step := storeArgs{Type: stepVerifier, OldSession: sessionID(ctx.Identity().SessionID())}
	if err := ctx.RunMutation("auth:store", storeCall{step}, &id); err != nil {
		return nil, err
	}
	query.Set("code", id)
	return value.Object{
		"redirect": a.config.IssuerURL + "/api/auth/signin/google?" + query.Encode(),
		"verifier": id,
	}, nil
}

func (a *Auth) signOut(ctx *function.ActionCtx, _ struct{}) (struct{}, error) {
	session := ctx.Identity().SessionID()
	if session == "" {
		return struct{}{}, nil
	}
	return struct{}{}, ctx.RunMutation("auth:store", storeCall{storeArgs{Type: stepSignOut, OldSession: sessionID(session)}}, nil)
}

// passwordFlow is sign-up and sign-in with an e-mail address and a password.
func (a *Auth) passwordFlow(ctx *function.ActionCtx, params value.Object) (value.Object, error) {
	flow, _ := params["flow"].(string)
	switch flow {
	case "signUp", "signIn":
	case "reset", "reset-verification":
		return nil, function.Errorf("invalid", "Password reset is not enabled for password")
	case "email-verification":
		return nil, function.Errorf("invalid", "Email verification is not enabled for password")
	default:
		return nil, function.Errorf("invalid", "Missing `flow` param, it must be one of \"signUp\", \"signIn\", \"reset\", \"reset-verification\" or \"email-verification\"!")
	}
	email, ok := params["email"].(string)
	if !ok || email == "" {
		return nil, function.Errorf("invalid", "Missing `email` param for `%s` flow", flow)
	}
	password, ok := params["password"].(string)
	if !ok {
		return nil, function.Errorf("invalid", "Missing `password` param for `%s` flow", flow)
	}
	if flow == "signUp" && passwordLength(password) < minPassword {
		return nil, function.Errorf("invalid", "Invalid password")
	}
	var acc *account
	if err := ctx.RunQuery("auth:account", accountArgs{Provider: "password", Account: email}, &acc); err != nil {
		return nil, err
	}
	switch {
	case acc != nil:
		return a.signInPassword(ctx, flow, acc, password)
	case flow == "signIn":
		return nil, function.Errorf("invalid", "InvalidAccountId")
	}
	secret, err := a.hash(ctx, password)
	if err != nil {
		return nil, err
	}
	return a.issue(ctx, storeArgs{
		Type: stepSignUp, Provider: "password", Account: email, Secret: secret,
		OldSession: sessionID(ctx.Identity().SessionID()),
	})
}

// signInPassword checks a password. The attempt is charged before and given
// back when the password is right, so parallel guesses get no more than the
// budget.
func (a *Auth) signInPassword(ctx *function.ActionCtx, flow string, acc *account, password string) (value.Object, error) {
	var allowed bool
	if err := ctx.RunMutation("auth:store", storeCall{storeArgs{Type: stepAttempt, Account: string(acc.ID)}}, &allowed); err != nil {
		return nil, err
	}
	if !allowed {
		return nil, function.Errorf("invalid", "TooManyFailedAttempts")
	}
	ok := false
	if acc.Secret != nil {
		var err error
		if ok, err = a.matches(ctx, password, *acc.Secret); err != nil {
			return nil, err
		}
	}
	switch {
	case !ok && flow == "signUp":
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

func findAccount(ctx *function.QueryCtx, args accountArgs) (*account, error) {
	return accounts.Query(ctx.DB, "providerAndAccountId", args.Provider, args.Account).First(ctx)
}
