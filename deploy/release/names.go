package release

import (
	"regexp"
	"strings"

	"surgent.dev/surgent/deploy"
)

const maxNameBytes = 40

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{1,38}[a-z0-9]$`)

// reserved are labels that the platform uses, or that would look as if it did.
var reserved = map[string]bool{
	"account": true, "admin": true, "api": true, "app": true, "apps": true, "assets": true,
	"auth": true, "blog": true, "console": true, "dashboard": true, "docs": true, "ftp": true,
	"help": true, "localhost": true, "login": true, "mail": true, "preview": true, "root": true,
	"sandbox": true, "security": true, "smtp": true, "static": true, "status": true, "support": true,
	"surgent": true, "system": true, "www": true,
}

// SanitizeName makes a label out of what a person typed: lower case, other
// characters as single dashes, none at the ends, at most 40 long. The result
// may still be empty, too short, start with a digit or be reserved: CheckName.
func SanitizeName(text string) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(text) {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteRune(r)
		} else {
			dash = true
		}
	}
	name := b.String()
	if len(name) > maxNameBytes {
		name = name[:maxNameBytes]
	}
	return strings.Trim(name, "-")
}

// ReservedName tells whether no app may have the name.
func ReservedName(name string) bool {
	return reserved[name] || strings.HasPrefix(name, "preview-") || strings.HasPrefix(name, "xn--")
}

// CheckName returns a deploy.Refusal for a name that cannot be an app's.
func CheckName(name string) error {
	switch {
	case !nameForm.MatchString(name):
		return deploy.Refuse("a name has 3 to 40 letters, digits and dashes and starts with a letter")
	case ReservedName(name):
		return deploy.Refuse("the name %q is reserved", name)
	}
	return nil
}
