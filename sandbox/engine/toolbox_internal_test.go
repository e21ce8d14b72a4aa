//go:build linux

package engine

import (
	"net/http"
	"testing"
)

func TestToolboxLeadsNowhere(t *testing.T) {
	t.Parallel()
	for status, kept := range map[int]bool{http.StatusCreated: true, http.StatusFound: false, http.StatusTemporaryRedirect: false} {
		resp := &http.Response{StatusCode: status, Header: http.Header{"Location": {"/api/sandbox"}}}
		if err := leadNowhere(resp); err != nil {
			t.Fatal(err)
		}
		if got := resp.Header.Get("Location") != ""; got != kept {
			t.Errorf("%d: location kept: %v", status, got)
		}
	}
}
