package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"

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
	stepAdmit     = "admit"        // charge one new account to an address
	stepRefresh   = "refresh"      // exchange a refresh token
	stepCode      = "verifyCode"   // exchange a login code
	stepVerifier  = "makeVerifier" // begin an OAuth sign-in
	stepSign      = "signVerifier" // tie a browser's secret to it
	stepOAuth     = "userOAuth"    // accept what the provider says, give a login code
	stepSignOut   = "signOut"      // delete a session
	stepSpell     = "spell"        // write an account's e-mail address as sign-in looks for it
	stepTidy      = "tidy"         // delete what has expired
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
	Address      string    `json:"address,omitempty"`    // the caller's; "" is not limited
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
		return a.signInGuest(ctx, args)
	case stepSignUp:
		return a.signUp(ctx, args)
	case stepSignIn:
		return a.signInAccount(ctx, accountID(args.Account), args.OldSession)
	case stepAttempt:
		return a.charge(ctx, args.Account, a.config.MaxFailedAttempts)
	case stepAdmit:
		return nil, a.admitAccount(ctx, args.Address)
	case stepRefresh:
		return a.refresh(ctx, args.RefreshToken)
	case stepCode:
		return a.verifyCode(ctx, args)
	case stepVerifier:
		return a.makeVerifier(ctx, args)
	case stepSign:
		return nil, a.signVerifier(ctx, verifyID(args.Verifier), args.Secret)
	case stepOAuth:
		return a.acceptProfile(ctx, args)
	case stepSignOut:
		return nil, a.endSession(ctx, args.OldSession)
	case stepSpell:
		return nil, a.spell(ctx, accountID(args.Account))
	case stepTidy:
		return a.tidy(ctx)
	default:
		return nil, fmt.Errorf("no step %q", args.Type)
	}
}

func (a *Auth) signInGuest(ctx *function.MutationCtx, args storeArgs) (*grant, error) {
	if err := a.admitAccount(ctx, args.Address); err != nil {
		return nil, err
	}
	user, err := ctx.DB.Insert(ctx, UsersTable, value.Object{"isAnonymous": true})
	if err != nil {
		return nil, err
	}
	_, err = accounts.Insert(ctx, ctx.DB, account{UserID: userID(user), Provider: "anonymous", ProviderAccountID: uuid.NewString()})
	if err != nil {
		return nil, err
	}
	return a.newSession(ctx, userID(user), args.OldSession)
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
