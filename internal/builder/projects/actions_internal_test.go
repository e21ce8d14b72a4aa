package projects

import (
	"strings"
	"testing"
)

// A link's path went to wherever it was told: an open redirect.
func TestPreviewPathsStayOnTheirHost(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/":                        "/",
		"/about":                   "/about",
		"/a/../b":                  "/a/../b",
		"/a//b?x=//c#/route":       "/a//b?x=//c#/route",
		"/ä?q=ö":                   "/%C3%A4?q=ö",
		"/back?to=https://a.test/": "/back?to=https://a.test/",
		"/@me:80/":                 "/@me:80/",
		"/a b":                     "/a%20b",

		"": "", "about": "", "//evil.test": "", "///evil.test": "", "/\\evil.test": "", "\\\\evil.test": "",
		"/\t/evil.test": "", "/\n/evil.test": "", "\t//evil.test": "", "/a\r\nSet-Cookie: x=1": "", "/\x00": "", "/\u0085x": "",
		"https://evil.test/": "", "javascript:alert(1)": "", "http:/evil.test": "", "?x": "", "#x": "", " /x": "",
		"/100%": "", "/\xff": "", "/" + strings.Repeat("x", 2048): "",
	} {
		got, err := previewPath(in)
		if (err != nil) != (want == "") || got != want {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
}
