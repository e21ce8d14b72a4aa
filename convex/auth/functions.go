package auth

import (
	"net/url"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
)

// Register adds the functions auth:signIn, auth:signOut, auth:isAuthenticated
// and the internal ones that they use.
func (a *Auth) Register(r *function.Registry) {
	function.Action(r, "auth:signIn", a.signIn)
	function.Action(r, "auth:signOut", a.signOut)
	function.Query(r, "auth:isAuthenticated", func(ctx *function.QueryCtx, _ struct{}) (bool, error) {
		return ctx.Identity() != nil, nil
	})
	function.InternalQuery(r, "auth:account", findAccount)
	function.InternalQuery(r, "auth:misspelled", findMisspelled)
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
		return a.issue(ctx, storeArgs{
			Type: stepAnonymous, OldSession: sessionID(ctx.Identity().SessionID()), Address: ctx.Address(),
		})
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
	step := storeArgs{Type: stepVerifier, OldSession: sessionID(ctx.Identity().SessionID()), Address: ctx.Address()}
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
