package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
)

// codeLife is how long a login code waits for its client.
const codeLife = 2 * time.Minute

// makeVerifier begins a sign-in, for the client that asks.
func (a *Auth) makeVerifier(ctx *function.MutationCtx, args storeArgs) (verifyID, error) {
	if err := a.admitVerifier(ctx, args.Address); err != nil {
		return "", err
	}
	v := verifier{}
	if args.OldSession != "" {
		v.SessionID = &args.OldSession
	}
	return verifiers.Insert(ctx, ctx.DB, v)
}

// signVerifier ties the browser's secret to the sign-in that a client began.
func (a *Auth) signVerifier(ctx *function.MutationCtx, id verifyID, secret string) error {
	v, err := verifiers.Get(ctx, ctx.DB, id)
	if err != nil {
		return err
	}
	if v == nil {
		return function.Errorf("invalid", "Invalid verifier")
	}
	return verifiers.Patch(ctx, ctx.DB, id, value.Object{"signature": secret})
}

// acceptProfile finds or makes the user whom a provider vouches for, and
// returns a code with which the client that began the sign-in gets its tokens.
func (a *Auth) acceptProfile(ctx *function.MutationCtx, args storeArgs) (string, error) {
	v, err := verifiers.Query(ctx.DB, "signature", args.Secret).First(ctx)
	if err != nil {
		return "", err
	}
	if v == nil || args.Profile == nil {
		return "", function.Errorf("invalid", "Invalid state")
	}
	if err := verifiers.Delete(ctx, ctx.DB, v.ID); err != nil {
		return "", err
	}
	acc, err := a.upsertAccount(ctx, args.Provider, *args.Profile)
	if err != nil {
		return "", err
	}
	return a.newCode(ctx, args.Provider, acc, string(v.ID))
}

// upsertAccount returns the account of a profile. A new account joins an
// existing user only when both sides have proved the e-mail address: a
// stranger who signed up with somebody's address must not be found there later.
func (a *Auth) upsertAccount(ctx *function.MutationCtx, provider string, p profile) (accountID, error) {
	fields := p.fields(a.millis(ctx.Now()))
	acc, err := accounts.Query(ctx.DB, "providerAndAccountId", provider, p.Subject).First(ctx)
	if err != nil {
		return "", err
	}
	if acc != nil {
		return acc.ID, ctx.DB.Patch(ctx, UsersTable, string(acc.UserID), fields)
	}
	user := ""
	if p.EmailVerified && p.Email != "" {
		if user, err = verifiedUser(ctx, p.Email); err != nil {
			return "", err
		}
	}
	if user == "" {
		user, err = ctx.DB.Insert(ctx, UsersTable, fields)
	} else {
		err = ctx.DB.Patch(ctx, UsersTable, user, fields)
	}
	if err != nil {
		return "", err
	}
	made := account{UserID: userID(user), Provider: provider, ProviderAccountID: p.Subject}
	if p.EmailVerified {
		made.EmailVerified = &p.Email
	}
	return accounts.Insert(ctx, ctx.DB, made)
}

// fields is what a profile says about a user.
func (p profile) fields(now float64) value.Object {
	o := value.Object{}
	for name, text := range map[string]string{"email": p.Email, "name": p.Name, "image": p.Picture} {
		if text != "" {
			o[name] = text
		}
	}
	if p.EmailVerified && p.Email != "" {
		o["emailVerificationTime"] = now
	}
	return o
}

// verifiedUser returns the one user who has proved this e-mail address, or "".
func verifiedUser(ctx *function.MutationCtx, email string) (string, error) {
	users, err := ctx.DB.Scan(ctx, store.Scan{Table: UsersTable, Index: "email", Equal: []value.Value{email}})
	if err != nil {
		return "", fmt.Errorf("look for %s: %w", UsersTable, err)
	}
	found := ""
	for _, u := range users {
		if _, verified := u["emailVerificationTime"]; !verified {
			continue
		}
		if found != "" {
			return "", nil // several: none of them is surely meant
		}
		found, _ = u[schema.FieldID].(string)
	}
	return found, nil
}

// newCode replaces the account's login code.
func (a *Auth) newCode(ctx *function.MutationCtx, provider string, acc accountID, verifier string) (string, error) {
	old, err := codes.Query(ctx.DB, "accountId", acc).All(ctx)
	if err != nil {
		return "", err
	}
	for _, c := range old {
		if err := codes.Delete(ctx, ctx.DB, c.ID); err != nil {
			return "", err
		}
	}
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		return "", fmt.Errorf("make login code: %w", err)
	}
	text := fmt.Sprintf("%08d", n)
	sum := sha256.Sum256([]byte(text))
	_, err = codes.Insert(ctx, ctx.DB, code{
		AccountID: acc, Provider: provider, Code: hex.EncodeToString(sum[:]), Verifier: &verifier,
		ExpirationTime: a.millis(ctx.Now().Add(codeLife)),
	})
	return text, err
}
