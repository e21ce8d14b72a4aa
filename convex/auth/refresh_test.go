package auth_test

import (
	"path/filepath"
	"testing"
	"time"

	"surgent.dev/surgent/convex/auth"
	"surgent.dev/surgent/convex/function"
)

// session is a client's pair of tokens over time.
type session struct {
	t     *testing.T
	r     *function.Runner
	clock *later
}

func newSession(t *testing.T, c auth.Config) (s *session, token string) {
	t.Helper()
	s = &session{t: t, clock: &later{}}
	c.SiteURL, c.KeyFile, c.Now = site, filepath.Join(t.TempDir(), "a.pem"), s.clock.now
	a, err := auth.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	r, closeStore := openRunner(t, a, filepath.Join(t.TempDir(), "a.db"), s.clock.now)
	t.Cleanup(closeStore)
	s.r = r
	return s, guest(t, r).Tokens.RefreshToken
}

// refresh exchanges a refresh token; "" means that the client is signed out.
func (s *session) refresh(token string) string {
	s.t.Helper()
	var out signedIn
	err := s.r.Invoke(s.t.Context(), function.KindAction, nil, "auth:signIn", map[string]any{"refreshToken": token}, &out)
	if err != nil {
		s.t.Fatal(err)
	}
	if out.Tokens == nil {
		return ""
	}
	return out.Tokens.RefreshToken
}

func (s *session) sessions() int { return len(rows(s.t, s.r, "authSessions")) }

// The answer that carried the successor may have been lost, however long ago.
func TestALostAnswerIsGivenAgain(t *testing.T) {
	t.Parallel()
	s, one := newSession(t, auth.Config{})
	two := s.refresh(one)
	s.clock.forward(24 * time.Hour)
	if again := s.refresh(one); again != two {
		t.Errorf("a day later the first gives %q, want %q", again, two)
	}
}

// Tabs that refresh at once end up with one token.
func TestTwoTabsRefresh(t *testing.T) {
	t.Parallel()
	s, one := newSession(t, auth.Config{})
	got := make(chan string, 8)
	for range cap(got) {
		go func() { got <- s.refresh(one) }()
	}
	first := <-got
	for range cap(got) - 1 {
		if other := <-got; other != first || other == "" {
			t.Errorf("tabs got %q and %q", first, other)
		}
	}
}

// One that comes back when its successor was used is somebody else's: all that
// came from it ends, and what did not, stays.
func TestReuseEndsTheFamily(t *testing.T) {
	t.Parallel()
	s, one := newSession(t, auth.Config{})
	two := s.refresh(one)
	three := s.refresh(two)
	within := s.refresh(one) // within ten seconds: a branch of its own
	if within == "" || within == two || within == three {
		t.Fatalf("within the window: %q", within)
	}
	s.clock.forward(11 * time.Second)
	if got := s.refresh(two); got != "" {
		t.Fatalf("the second, superseded, gave %q", got)
	}
	if got := s.refresh(three); got != "" {
		t.Errorf("its descendant gave %q", got)
	}
	if got := s.refresh(within); got == "" {
		t.Error("the other branch ended too")
	}
}

// A session ends when nobody refreshes, and in the end whoever does.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	const inactive, total = time.Hour, 3 * time.Hour
	s, token := newSession(t, auth.Config{InactiveDuration: inactive, SessionDuration: total})
	for range 3 {
		s.clock.forward(inactive - time.Minute)
		if token = s.refresh(token); token == "" {
			t.Fatal("an active session ended early")
		}
	}
	s.clock.forward(4 * time.Minute)
	if got := s.refresh(token); got != "" || s.sessions() != 0 {
		t.Errorf("after its whole time: %q, %d sessions", got, s.sessions())
	}

	s, token = newSession(t, auth.Config{InactiveDuration: inactive, SessionDuration: total})
	s.clock.forward(inactive + time.Minute)
	if got := s.refresh(token); got != "" || s.sessions() != 0 {
		t.Errorf("after a pause: %q, %d sessions", got, s.sessions())
	}
}

// Tokens that are put together from others end the session that they name.
func TestMixedRefreshTokens(t *testing.T) {
	t.Parallel()
	s, one := newSession(t, auth.Config{})
	other := guest(t, s.r).Tokens.RefreshToken
	cut := func(token string) (id, session string) {
		for i := range token {
			if token[i] == '|' {
				return token[:i], token[i+1:]
			}
		}
		t.Fatalf("%q has no divider", token)
		return "", ""
	}
	id, _ := cut(one)
	_, theirs := cut(other)
	if got := s.refresh(id + "|" + theirs); got != "" {
		t.Errorf("a mixed token gave %q", got)
	}
	if got := s.refresh(one); got == "" {
		t.Error("the session whose token was used with another's name ended")
	}
}
