package auth_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"surgent.dev/surgent/convex/auth"
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
)

// later is a clock that can be put forward.
type later struct{ by atomic.Int64 }

func (l *later) now() time.Time          { return time.Now().Add(time.Duration(l.by.Load())) }
func (l *later) forward(d time.Duration) { l.by.Add(int64(d)) }

// from signs in as a client at an address does, and returns the text of the
// error, "" for none.
func from(t *testing.T, r *function.Runner, address string, args value.Object) string {
	t.Helper()
	path, err := function.ParsePath("auth:signIn")
	if err != nil {
		t.Fatal(err)
	}
	res := r.Action(t.Context(), function.Call{Path: path, Address: address, Args: args})
	if res.Failure == nil {
		return ""
	}
	return res.Failure.Stable
}

func asGuest() value.Object { return value.Object{"provider": "anonymous"} }

func withPassword(flow, email, password string) value.Object {
	return value.Object{"provider": "password", "params": value.Object{"flow": flow, "email": email, "password": password}}
}

// Guests cost sandboxes: an address makes only so many accounts an hour, and a
// restart gives it no more.
func TestNewAccountsAreLimitedPerAddress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var clock later
	a, err := auth.Open(auth.Config{SiteURL: site, KeyFile: filepath.Join(dir, "a.pem"), MaxNewAccounts: 2, Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	open := func() (*function.Runner, func()) { return openRunner(t, a, filepath.Join(dir, "a.db"), clock.now) }
	r, closeStore := open()
	const here, there = "203.0.113.7", "203.0.113.8"
	for i, args := range []value.Object{asGuest(), withPassword("signUp", "ann@example.com", "long enough")} {
		if text := from(t, r, here, args); text != "" {
			t.Fatalf("account %d: %s", i, text)
		}
	}
	closeStore()
	r, closeStore = open()
	defer func() { closeStore() }()
	const refused = "Uncaught Error: Too many new accounts from this address. Wait 30 minutes."
	for name, args := range map[string]value.Object{"a guest": asGuest(), "a sign-up": withPassword("signUp", "bob@example.com", "long enough")} {
		if text := from(t, r, here, args); text != refused {
			t.Errorf("%s too many: %q", name, text)
		}
	}
	for name, c := range map[string]struct {
		address string
		args    value.Object
	}{
		"another address":     {there, asGuest()},
		"the program itself":  {"", asGuest()},
		"an existing account": {here, withPassword("signIn", "ann@example.com", "long enough")},
		"signing up again":    {here, withPassword("signUp", "ann@example.com", "long enough")},
	} {
		if text := from(t, r, c.address, c.args); text != "" {
			t.Errorf("%s: %s", name, text)
		}
	}
	clock.forward(29 * time.Minute)
	if text := from(t, r, here, asGuest()); !strings.HasSuffix(text, "Wait 1 minute.") {
		t.Errorf("after 29 minutes: %q", text)
	}
	clock.forward(time.Minute + time.Second)
	if text := from(t, r, here, asGuest()); text != "" {
		t.Errorf("after 30 minutes: %s", text)
	}
	if text := from(t, r, here, asGuest()); !strings.Contains(text, "Too many new accounts") {
		t.Errorf("one more: %q", text)
	}
}

// The begin of a sign-in with a provider leaves a row, so it is limited too.
func TestBegunSignInsAreLimitedPerAddress(t *testing.T) {
	t.Parallel()
	a, err := auth.Open(auth.Config{SiteURL: site, KeyFile: filepath.Join(t.TempDir(), "a.pem"), MaxNewAccounts: 1})
	if err != nil {
		t.Fatal(err)
	}
	r := newRunner(t, a)
	begin := value.Object{"provider": "google"}
	for range 10 {
		if text := from(t, r, "203.0.113.7", begin); text != "" {
			t.Fatal(text)
		}
	}
	if text := from(t, r, "203.0.113.7", begin); text != "Uncaught Error: Too many sign-ins from this address. Wait 6 minutes." {
		t.Errorf("the eleventh: %q", text)
	}
	if n := len(rows(t, r, "authVerifiers")); n != 10 {
		t.Errorf("%d verifiers", n)
	}
}

// Parallel requests get no more than the budget.
func TestParallelGuests(t *testing.T) {
	t.Parallel()
	a, err := auth.Open(auth.Config{SiteURL: site, KeyFile: filepath.Join(t.TempDir(), "a.pem"), MaxNewAccounts: 5})
	if err != nil {
		t.Fatal(err)
	}
	r := newRunner(t, a)
	texts := make(chan string, 40)
	for range cap(texts) {
		go func() { texts <- from(t, r, "203.0.113.7", asGuest()) }()
	}
	made := 0
	for range cap(texts) {
		if <-texts == "" {
			made++
		}
	}
	if made != 5 {
		t.Errorf("%d guests, want 5", made)
	}
}

// An e-mail address is the same however it is capitalised, at sign-up, at
// sign-in, and in accounts that were made before this held.
func TestEmailAddresses(t *testing.T) {
	t.Parallel()
	a, err := auth.Open(auth.Config{SiteURL: site, KeyFile: filepath.Join(t.TempDir(), "a.pem")})
	if err != nil {
		t.Fatal(err)
	}
	r := newRunner(t, a)
	if text := from(t, r, "", withPassword("signUp", "  Ann@Example.COM ", "long enough")); text != "" {
		t.Fatal(text)
	}
	signsIn := func(name, email, want string) {
		t.Helper()
		if text := from(t, r, "", withPassword("signIn", email, "long enough")); text != want {
			t.Errorf("%s: %q, want %q", name, text, want)
		}
	}
	signsIn("typed otherwise", "ann@EXAMPLE.com", "")
	if text := from(t, r, "", withPassword("signUp", "ANN@example.com", "another password")); text != "Uncaught Error: Account ann@example.com already exists" {
		t.Errorf("signing up again: %q", text)
	}
	users := rows(t, r, auth.UsersTable)
	if len(users) != 1 || users[0]["email"] != "ann@example.com" {
		t.Errorf("users %v", users)
	}
	for _, bad := range []string{"", "  ", strings.Repeat("x", 321)} {
		if text := from(t, r, "", withPassword("signUp", bad, "long enough")); !strings.Contains(text, "`email` param") {
			t.Errorf("%.10q: %q", bad, text)
		}
	}

	secret := rows(t, r, "authAccounts")[0]["secret"]
	old := func(email string) string {
		user := insert(t, r, auth.UsersTable, value.Object{"email": email})
		insert(t, r, "authAccounts", value.Object{"userId": user, "provider": "password", "providerAccountId": email, "secret": secret})
		return user
	}
	bob := old("Bob@Example.com")
	old("Ann@example.com") // beside another that differs by a capital
	signsIn("an old account", "Bob@Example.com", "")
	signsIn("an old account, typed otherwise", "bob@example.com", "Uncaught Error: InvalidAccountId")
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { a.Run(ctx, r); close(ran) }()
	awaitEmail(t, r, bob, "bob@example.com")
	cancel()
	<-ran
	signsIn("an old account, typed otherwise, after Run", "bob@example.com", "")
	signsIn("an old account, as it was, after Run", "Bob@Example.com", "")
	accounts := map[any]bool{}
	for _, acc := range rows(t, r, "authAccounts") {
		accounts[acc["providerAccountId"]] = true
	}
	if len(accounts) != 3 || !accounts["ann@example.com"] || !accounts["Ann@example.com"] || !accounts["bob@example.com"] {
		t.Errorf("accounts %v", accounts)
	}
}

func awaitEmail(t *testing.T, r *function.Runner, user, want string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		for _, u := range rows(t, r, auth.UsersTable) {
			if u["_id"] == user && u["email"] == want {
				return
			}
		}
	}
	t.Fatalf("the e-mail address did not become %s", want)
}

// What has expired goes away by itself, and nothing else does.
func TestTidy(t *testing.T) {
	t.Parallel()
	var clock later
	a, err := auth.Open(auth.Config{SiteURL: site, KeyFile: filepath.Join(t.TempDir(), "a.pem"), Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	r, closeStore := openRunner(t, a, filepath.Join(t.TempDir(), "a.db"), clock.now)
	t.Cleanup(closeStore)
	begin := func() {
		t.Helper()
		if text := from(t, r, "203.0.113.7", asGuest()); text != "" {
			t.Fatal(text)
		}
		if text := from(t, r, "", value.Object{"provider": "google"}); text != "" {
			t.Fatal(text)
		}
	}
	tables := []string{"authSessions", "authRefreshTokens", "authRateLimits", "authVerifiers"}
	count := func() (out [4]int) {
		for i, table := range tables {
			out[i] = len(rows(t, r, table))
		}
		return out
	}
	tidy := func() {
		t.Helper()
		for more := true; more; {
			args := value.Object{"args": value.Object{"type": "tidy"}}
			if err := r.Invoke(t.Context(), function.KindMutation, nil, "auth:store", args, &more); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 250 { // more than a batch
		insert(t, r, "authVerifiers", value.Object{})
	}
	begin()
	tidy()
	if got, want := count(), [4]int{1, 1, 1, 251}; got != want {
		t.Fatalf("%v has %d, want %d", tables, got, want)
	}
	clock.forward(61 * time.Minute)
	tidy()
	if got, want := count(), [4]int{1, 1, 0, 251}; got != want {
		t.Fatalf("after an hour %v has %d, want %d", tables, got, want)
	}
	clock.forward(30 * 24 * time.Hour)
	begin()
	tidy()
	if got, want := count(), [4]int{1, 1, 1, 1}; got != want {
		t.Fatalf("after a month %v has %d, want %d", tables, got, want)
	}
}

func insert(t *testing.T, r *function.Runner, table string, fields value.Object) (id string) {
	t.Helper()
	if err := r.Invoke(t.Context(), function.KindMutation, nil, "test:insert", insertArgs{table, fields}, &id); err != nil {
		t.Fatal(err)
	}
	return id
}

func rows(t *testing.T, r *function.Runner, table string) (out []map[string]any) {
	t.Helper()
	if err := r.Invoke(t.Context(), function.KindQuery, nil, "test:rows", insertArgs{Table: table}, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
