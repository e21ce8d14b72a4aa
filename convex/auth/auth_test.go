package auth_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"surgent.dev/surgent/convex/auth"
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/convex/value"
)

const site = "https://app.example"

type userDoc struct {
	Name                  *string  `json:"name,omitempty"`
	Image                 *string  `json:"image,omitempty"`
	Email                 *string  `json:"email,omitempty"`
	EmailVerificationTime *float64 `json:"emailVerificationTime,omitempty"`
	IsAnonymous           *bool    `json:"isAnonymous,omitempty"`
}

// newRunner runs the functions of an Auth over a real store, and test:code,
// which does what an OAuth callback will do.
func newRunner(t *testing.T, a *auth.Auth) *function.Runner {
	t.Helper()
	r, closeStore := openRunner(t, a, filepath.Join(t.TempDir(), "a.db"), nil)
	t.Cleanup(closeStore)
	return r
}

// openRunner is newRunner on a database that may exist, with a clock.
func openRunner(t *testing.T, a *auth.Auth, path string, now func() time.Time) (r *function.Runner, closeStore func()) {
	t.Helper()
	sch, err := schema.New(append(auth.Tables(), schema.Define[userDoc](auth.UsersTable, schema.Index{Name: "email", Fields: []string{"email"}}))...)
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Schema: sch, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	reg := function.NewRegistry()
	a.Register(reg)
	function.InternalQuery(reg, "test:me", func(ctx *function.QueryCtx, _ struct{}) (any, error) {
		return ctx.DB.Get(ctx, auth.UsersTable, ctx.Identity().UserID())
	})
	function.InternalMutation(reg, "test:code", func(ctx *function.MutationCtx, args codeArgs) (struct{}, error) {
		user, err := ctx.DB.Insert(ctx, auth.UsersTable, value.Object{})
		if err != nil {
			return struct{}{}, err
		}
		acc, err := ctx.DB.Insert(ctx, "authAccounts", value.Object{"userId": user, "provider": "google", "providerAccountId": "1"})
		if err != nil {
			return struct{}{}, err
		}
		sum := sha256.Sum256([]byte(args.Code))
		_, err = ctx.DB.Insert(ctx, "authVerificationCodes", value.Object{
			"accountId": acc, "provider": "google", "code": hex.EncodeToString(sum[:]), "expirationTime": args.Expires, "verifier": args.Verifier,
		})
		return struct{}{}, err
	})
	function.InternalMutation(reg, "test:insert", func(ctx *function.MutationCtx, args insertArgs) (string, error) {
		return ctx.DB.Insert(ctx, args.Table, args.Fields)
	})
	function.InternalQuery(reg, "test:rows", func(ctx *function.QueryCtx, args insertArgs) (any, error) {
		return ctx.DB.Scan(ctx, store.Scan{Table: args.Table})
	})
	r, err = function.New(function.Config{Registry: reg, Store: st, SessionAlive: a.SessionAlive, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return r, func() {
		if err := st.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

type insertArgs struct {
	Table  string       `json:"table"`
	Fields value.Object `json:"fields,omitempty"`
}

type codeArgs struct {
	Code     string  `json:"code"`
	Verifier string  `json:"verifier"`
	Expires  float64 `json:"expires"`
}

type signedIn struct {
	Tokens *struct {
		Token        string `json:"token"`
		RefreshToken string `json:"refreshToken"`
	} `json:"tokens"`
}

func guest(t *testing.T, r *function.Runner) signedIn {
	t.Helper()
	var out signedIn
	if err := r.Invoke(t.Context(), function.KindAction, nil, "auth:signIn", map[string]any{"provider": "anonymous"}, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sub", "auth.pem")
	first, err := auth.Open(auth.Config{SiteURL: site, KeyFile: file})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("key file: %v, %v; want mode 600", info, err)
	}
	token := guest(t, newRunner(t, first)).Tokens.Token
	second, err := auth.Open(auth.Config{SiteURL: site + "/", KeyFile: file})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Verify(t.Context(), token); err != nil {
		t.Errorf("after opening again: %v", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// As environment variables often hold it.
	third, err := auth.Open(auth.Config{SiteURL: site, PrivateKey: strings.ReplaceAll(string(text), "\n", " ")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := third.Verify(t.Context(), token); err != nil {
		t.Errorf("from a key with spaces: %v", err)
	}
	for name, c := range map[string]auth.Config{
		"no site":     {KeyFile: file},
		"no key":      {SiteURL: site},
		"bad key":     {SiteURL: site, PrivateKey: "nonsense"},
		"broken file": {SiteURL: site, KeyFile: broken(t)},
	} {
		if _, err := auth.Open(c); err == nil {
			t.Errorf("%s passed", name)
		}
	}
}

func broken(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "broken.pem")
	if err := os.WriteFile(file, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Tokens that must not pass: other keys, algorithms, issuers, audiences, times.
func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, err := auth.Open(auth.Config{SiteURL: site, KeyFile: filepath.Join(dir, "a.pem")})
	if err != nil {
		t.Fatal(err)
	}
	good := guest(t, newRunner(t, a)).Tokens.Token
	if _, err := a.Verify(t.Context(), good); err != nil {
		t.Fatalf("the good token: %v", err)
	}
	other, err := auth.Open(auth.Config{SiteURL: site, KeyFile: filepath.Join(dir, "b.pem")})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := auth.Open(auth.Config{SiteURL: site, IssuerURL: "https://elsewhere.example", KeyFile: filepath.Join(dir, "a.pem")})
	if err != nil {
		t.Fatal(err)
	}
	later, err := auth.Open(auth.Config{SiteURL: site, KeyFile: filepath.Join(dir, "a.pem"), Now: func() time.Time { return time.Now().Add(time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	hmac, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("k", 32))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := jwt.Signed(hmac).Claims(jwt.Claims{Subject: "u|s", Issuer: site, Audience: jwt.Audience{"convex"}, IssuedAt: jwt.NewNumericDate(time.Now()), Expiry: jwt.NewNumericDate(time.Now().Add(time.Hour))}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	cases := map[string]struct {
		by    *auth.Auth
		token string
	}{
		"garbage":        {a, "garbage"},
		"empty":          {a, ""},
		"another key":    {other, good},
		"another issuer": {elsewhere, good},
		"expired":        {later, good},
		"HMAC":           {a, forged},
		"no signature":   {a, "eyJhbGciOiJub25lIn0." + parts[1] + "."},
		"changed claims": {a, parts[0] + ".eyJzdWIiOiJhfGIifQ." + parts[2]},
	}
	for name, c := range cases {
		if id, err := c.by.Verify(context.Background(), c.token); err == nil {
			t.Errorf("%s passed as %v", name, id)
		}
	}
}

// Parallel guesses get no more than the budget.
func TestParallelGuesses(t *testing.T) {
	t.Parallel()
	a, err := auth.Open(auth.Config{SiteURL: site, KeyFile: filepath.Join(t.TempDir(), "a.pem"), MaxFailedAttempts: 3})
	if err != nil {
		t.Fatal(err)
	}
	r := newRunner(t, a)
	try := func(flow, password string) error {
		args := map[string]any{"provider": "password", "params": map[string]any{"flow": flow, "email": "ann@example.com", "password": password}}
		return r.Invoke(context.Background(), function.KindAction, nil, "auth:signIn", args, nil)
	}
	if err := try("signUp", "long enough"); err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 12)
	for range cap(errs) {
		go func() { errs <- try("signIn", "a wrong guess") }()
	}
	texts := map[string]int{}
	for range cap(errs) {
		texts[(<-errs).Error()]++
	}
	if texts["InvalidSecret"] != 3 || texts["TooManyFailedAttempts: wait 20 minutes, then try again"] != 9 {
		t.Errorf("outcomes %v, want 3 guesses and 9 refusals", texts)
	}
}

// A login code works once, in time, and for the one who began.
func TestLoginCodes(t *testing.T) {
	t.Parallel()
	a, err := auth.Open(auth.Config{SiteURL: site, KeyFile: filepath.Join(t.TempDir(), "a.pem")})
	if err != nil {
		t.Fatal(err)
	}
	r := newRunner(t, a)
	put := func(code string, expires time.Time) {
		t.Helper()
		args := codeArgs{Code: code, Verifier: "v", Expires: float64(expires.UnixMilli())}
		if err := r.Invoke(t.Context(), function.KindMutation, nil, "test:code", args, nil); err != nil {
			t.Fatal(err)
		}
	}
	exchange := func(code string, verifier any) bool {
		t.Helper()
		args := map[string]any{"params": map[string]any{"code": code}}
		if verifier != nil {
			args["verifier"] = verifier
		}
		var out signedIn
		if err := r.Invoke(t.Context(), function.KindAction, nil, "auth:signIn", args, &out); err != nil {
			t.Fatal(err)
		}
		return out.Tokens != nil
	}
	put("12345678", time.Now().Add(time.Minute))
	put("87654321", time.Now().Add(-time.Second))
	cases := []struct {
		name, code string
		verifier   any
		want       bool
	}{
		{"another verifier", "12345678", "w", false},
		{"no verifier", "12345678", nil, false},
		{"an unknown code", "11111111", "v", false},
		{"an old code", "87654321", "v", false},
		{"the code", "12345678", "v", true},
		{"the code again", "12345678", "v", false},
	}
	for _, c := range cases {
		if got := exchange(c.code, c.verifier); got != c.want {
			t.Errorf("%s: signed in %v, want %v", c.name, got, c.want)
		}
	}
}
