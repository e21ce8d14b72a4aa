package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
)

// The steps of auth:store. Each is one transaction.
const (
	stepAnonymous = "anonymous"    // new guest, new session
	stepSignUp    = "signUp"       // new account and user, new session
	stepSignIn    = "signIn"       // known account, new session
	stepAttempt   = "attempt"      // charge one attempt at a password
	stepRefresh   = "refresh"      // exchange a refresh token
	stepCode      = "verifyCode"   // exchange a login code
	stepVerifier  = "makeVerifier" // begin an OAuth sign-in
	stepSign      = "signVerifier" // tie a browser's secret to it
	stepOAuth     = "userOAuth"    // accept what the provider says, give a login code
	stepSignOut   = "signOut"      // delete a session
)

type storeCall struct {
	Args storeArgs `json:"args"`
}

type storeArgs struct {
	Type         string    `json:"type"`
	Provider     string    `json:"provider,omitempty"`
	Account      string    `json:"account,omitempty"`
	Secret       string    `json:"secret,omitempty"`
	RefreshToken string    `json:"refreshToken,omitempty"`
	Code         string    `json:"code,omitempty"`
	Verifier     string    `json:"verifier,omitempty"`
	Profile      *profile  `json:"profile,omitempty"`
	OldSession   sessionID `json:"oldSession,omitempty"` // the caller's, which a new one replaces
}

// grant is a session with a fresh refresh token; nil means that the client is
// signed out.
type grant struct {
	UserID    userID    `json:"userId"`
	SessionID sessionID `json:"sessionId"`
	RefreshID refreshID `json:"refreshId"`
}

func (a *Auth) store(ctx *function.MutationCtx, call storeCall) (any, error) {
	args := call.Args
	switch args.Type {
	case stepAnonymous:
		user, err := ctx.DB.Insert(ctx, UsersTable, value.Object{"isAnonymous": true})
		if err != nil {
			return nil, err
		}
		_, err = accounts.Insert(ctx, ctx.DB, account{UserID: userID(user), Provider: "anonymous", ProviderAccountID: uuid.NewString()})
		if err != nil {
			return nil, err
		}
		return a.newSession(ctx, userID(user), args.OldSession)
	case stepSignUp:
		return a.signUp(ctx, args)
	case stepSignIn:
		return a.signInAccount(ctx, accountID(args.Account), args.OldSession)
	case stepAttempt:
		return a.attempt(ctx, args.Account)
	case stepRefresh:
		return a.refresh(ctx, args.RefreshToken)
	case stepCode:
		return a.verifyCode(ctx, args)
	case stepVerifier:
		v := verifier{}
		if args.OldSession != "" {
			v.SessionID = &args.OldSession
		}
		return verifiers.Insert(ctx, ctx.DB, v)
	case stepSign:
		return nil, a.signVerifier(ctx, verifyID(args.Verifier), args.Secret)
	case stepOAuth:
		return a.acceptProfile(ctx, args)
	case stepSignOut:
		return nil, a.endSession(ctx, args.OldSession)
	default:
		return nil, fmt.Errorf("no step %q", args.Type)
	}
}

func (a *Auth) signUp(ctx *function.MutationCtx, args storeArgs) (*grant, error) {
	taken, err := accounts.Query(ctx.DB, "providerAndAccountId", args.Provider, args.Account).First(ctx)
	if err != nil {
		return nil, err
	}
	if taken != nil {
		// Somebody was faster, and the password was not compared.
		return nil, function.Errorf("invalid", "Account %s already exists", args.Account)
	}
	user, err := ctx.DB.Insert(ctx, UsersTable, value.Object{"email": args.Account})
	if err != nil {
		return nil, err
	}
	_, err = accounts.Insert(ctx, ctx.DB, account{
		UserID: userID(user), Provider: args.Provider, ProviderAccountID: args.Account, Secret: &args.Secret,
	})
	if err != nil {
		return nil, err
	}
	return a.newSession(ctx, userID(user), args.OldSession)
}

func (a *Auth) signInAccount(ctx *function.MutationCtx, id accountID, old sessionID) (*grant, error) {
	acc, err := accounts.Get(ctx, ctx.DB, id)
	if err != nil || acc == nil {
		return nil, err
	}
	limit, err := rateLimits.Query(ctx.DB, "identifier", string(id)).First(ctx)
	if err != nil {
		return nil, err
	}
	if limit != nil {
		if err := rateLimits.Delete(ctx, ctx.DB, limit.ID); err != nil {
			return nil, err
		}
	}
	return a.newSession(ctx, acc.UserID, old)
}

// attempt charges one attempt at an account's password and reports whether it
// is allowed. The budget refills over an hour.
func (a *Auth) attempt(ctx *function.MutationCtx, identifier string) (bool, error) {
	now := a.millis(ctx.Now())
	budget := float64(a.config.MaxFailedAttempts)
	limit, err := rateLimits.Query(ctx.DB, "identifier", identifier).First(ctx)
	if err != nil {
		return false, err
	}
	if limit == nil {
		_, err := rateLimits.Insert(ctx, ctx.DB, rateLimit{Identifier: identifier, LastAttemptTime: now, AttemptsLeft: budget - 1})
		return true, err
	}
	elapsed := max(0, now-limit.LastAttemptTime)
	left := min(budget, limit.AttemptsLeft+elapsed*budget/float64(time.Hour.Milliseconds()))
	if left < 1 {
		return false, nil
	}
	return true, rateLimits.Patch(ctx, ctx.DB, limit.ID, value.Object{"attemptsLeft": left - 1, "lastAttemptTime": now})
}

// newSession replaces the caller's old session by one of user.
func (a *Auth) newSession(ctx *function.MutationCtx, user userID, old sessionID) (*grant, error) {
	if old != "" {
		if err := a.endSession(ctx, old); err != nil {
			return nil, err
		}
	}
	id, err := sessions.Insert(ctx, ctx.DB, session{
		UserID: user, ExpirationTime: a.millis(ctx.Now().Add(a.config.SessionDuration)),
	})
	if err != nil {
		return nil, err
	}
	return a.newRefreshToken(ctx, user, id, nil)
}

func (a *Auth) newRefreshToken(ctx *function.MutationCtx, user userID, s sessionID, parent *refreshID) (*grant, error) {
	id, err := refreshTokens.Insert(ctx, ctx.DB, refreshToken{
		SessionID: s, Parent: parent, ExpirationTime: a.millis(ctx.Now().Add(a.config.InactiveDuration)),
	})
	if err != nil {
		return nil, err
	}
	return &grant{UserID: user, SessionID: s, RefreshID: id}, nil
}

// endSession deletes a session and its refresh tokens. It is no error when
// there is none.
func (a *Auth) endSession(ctx *function.MutationCtx, id sessionID) error {
	s, err := sessions.Get(ctx, ctx.DB, id)
	if err != nil {
		return err
	}
	if s != nil {
		if err := sessions.Delete(ctx, ctx.DB, id); err != nil {
			return err
		}
	}
	all, err := refreshTokens.Query(ctx.DB, "sessionId", id).All(ctx)
	if err != nil {
		return err
	}
	for _, t := range all {
		if err := refreshTokens.Delete(ctx, ctx.DB, t.ID); err != nil {
			return err
		}
	}
	return nil
}

// refresh exchanges a refresh token. A token works once; within a few seconds,
// or when its successor was never used, it works again, since the answer may
// have been lost. Otherwise somebody else has it: all that came from it ends.
func (a *Auth) refresh(ctx *function.MutationCtx, text string) (*grant, error) {
	id, sid, ok := strings.Cut(text, "|")
	if !ok || id == "" || sid == "" {
		return nil, function.Errorf("invalid", "Can't parse refresh token: %s", redact(text))
	}
	now := a.millis(ctx.Now())
	token, err := refreshTokens.Get(ctx, ctx.DB, refreshID(id))
	if err != nil {
		return nil, err
	}
	s, err := sessions.Get(ctx, ctx.DB, sessionID(sid))
	if err != nil {
		return nil, err
	}
	if token == nil || s == nil || token.SessionID != s.ID || token.ExpirationTime < now || s.ExpirationTime < now {
		return nil, a.endSession(ctx, sessionID(sid))
	}
	if token.FirstUsedTime == nil {
		if err := refreshTokens.Patch(ctx, ctx.DB, token.ID, value.Object{"firstUsedTime": now}); err != nil {
			return nil, err
		}
		return a.newRefreshToken(ctx, s.UserID, s.ID, &token.ID)
	}
	active, err := a.activeToken(ctx, s.ID)
	if err != nil {
		return nil, err
	}
	switch {
	case active != nil && active.Parent != nil && *active.Parent == token.ID:
		return &grant{UserID: s.UserID, SessionID: s.ID, RefreshID: active.ID}, nil
	case *token.FirstUsedTime+float64(reuseWindow.Milliseconds()) > now:
		return a.newRefreshToken(ctx, s.UserID, s.ID, &token.ID)
	default:
		a.config.Logger.WarnContext(ctx, "refresh token used again", "session", s.ID)
		return nil, a.invalidate(ctx, token, now-float64(reuseWindow.Milliseconds()))
	}
}

// activeToken returns the newest unused token of a session, or nil.
func (a *Auth) activeToken(ctx *function.MutationCtx, s sessionID) (*refreshToken, error) {
	all, err := refreshTokens.Query(ctx.DB, "sessionId", s).Desc().All(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if t.FirstUsedTime == nil {
			return &t, nil
		}
	}
	return nil, nil
}

// invalidate marks a token and all that came from it as used long ago.
func (a *Auth) invalidate(ctx *function.MutationCtx, token *refreshToken, used float64) error {
	for open := []refreshID{token.ID}; len(open) > 0; {
		id := open[0]
		open = open[1:]
		if err := refreshTokens.Patch(ctx, ctx.DB, id, value.Object{"firstUsedTime": used}); err != nil {
			return err
		}
		children, err := refreshTokens.Query(ctx.DB, "sessionIdAndParentRefreshTokenId", token.SessionID, id).All(ctx)
		if err != nil {
			return err
		}
		for _, c := range children {
			open = append(open, c.ID)
		}
	}
	return nil
}

// verifyCode exchanges a login code, which works once, for the one who began
// the sign-in. Whatever does not match gives null, not an error.
func (a *Auth) verifyCode(ctx *function.MutationCtx, args storeArgs) (*grant, error) {
	sum := sha256.Sum256([]byte(args.Code))
	c, err := codes.Query(ctx.DB, "code", hex.EncodeToString(sum[:])).First(ctx)
	if err != nil || c == nil {
		return nil, err
	}
	want := ""
	if c.Verifier != nil {
		want = *c.Verifier
	}
	if subtle.ConstantTimeCompare([]byte(want), []byte(args.Verifier)) != 1 || c.ExpirationTime < a.millis(ctx.Now()) {
		return nil, nil
	}
	if err := codes.Delete(ctx, ctx.DB, c.ID); err != nil {
		return nil, err
	}
	return a.signInAccount(ctx, c.AccountID, args.OldSession)
}

// redact keeps enough of a secret to recognise it in a log.
func redact(s string) string {
	const keep = 8
	if len(s) <= keep {
		return strings.Repeat("*", len(s))
	}
	return s[:keep/2] + "…"
}
