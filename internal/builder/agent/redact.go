package agent

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// minSecret is the length below which a value is no secret: replacing it
// would tear ordinary text.
const minSecret = 8

// redactor hides secrets in texts: as they are, and in the forms in which
// programs print them.
type redactor struct {
	forms   []string
	replace *strings.Replacer
}

func newRedactor(secrets []string) *redactor {
	r := &redactor{}
	for _, s := range secrets {
		if len(s) < minSecret {
			continue
		}
		quoted, err := json.Marshal(s)
		if err != nil {
			continue // a string always can be
		}
		for _, form := range []string{
			s, strings.Trim(string(quoted), `"`), url.QueryEscape(s), url.PathEscape(s),
			base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
		} {
			if !slices.Contains(r.forms, form) {
				r.forms = append(r.forms, form)
			}
		}
	}
	var pairs []string
	for _, form := range r.forms {
		pairs = append(pairs, form, "[redacted]")
	}
	r.replace = strings.NewReplacer(pairs...)
	return r
}

// text returns a text without secrets.
func (r *redactor) text(s string) string { return r.replace.Replace(s) }

// open splits an unfinished text, whose secrets are replaced, before an end
// that may be the beginning of a secret: it is to wait for what follows.
func (r *redactor) open(s string) (sure, doubtful string) {
	at := len(s)
	for _, form := range r.forms {
		for n := min(len(form)-1, len(s)); n > 0; n-- {
			if strings.HasSuffix(s, form[:n]) {
				at = min(at, len(s)-n)
				break
			}
		}
	}
	return s[:at], s[at:]
}

// json hides the secrets in every text of a JSON value.
func (r *redactor) json(v any) any {
	switch x := v.(type) {
	case string:
		return r.text(x)
	case []any:
		for i := range x {
			x[i] = r.json(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = r.json(x[k])
		}
	}
	return v
}
