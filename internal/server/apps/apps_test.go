package apps_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"surgent.dev/surgent/internal/server/apps"
)

type recorded struct{ name, cookie string }

func (s *recorded) ServeApp(name string, w http.ResponseWriter, r *http.Request) {
	s.name, s.cookie = name, r.Header.Get("Cookie")
	w.WriteHeader(http.StatusTeapot)
}

func TestAppGetsItsNameAndNoneOfOurCookies(t *testing.T) {
	t.Parallel()
	s := &recorded{}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Host = "Todo-List.localhost:3210"
	r.Header.Set("Cookie", "theme=dark; __convexAuthJWT=aaa; __Host-__convexAuthRefreshToken=b; surgent_preview=c; cart=1")
	w := httptest.NewRecorder()
	apps.New(s).ServeHTTP(w, r)
	if s.name != "todo-list" || s.cookie != "theme=dark; cart=1" || w.Code != http.StatusTeapot {
		t.Errorf("got name %q, cookie %q, status %d", s.name, s.cookie, w.Code)
	}
}
